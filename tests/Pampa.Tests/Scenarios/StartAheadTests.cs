namespace Pampa.Tests.Scenarios;

/// <summary>Several tasks started with one statement: when, and what it costs when the process dies.</summary>
public sealed class StartAheadTests
{
    private static async Task<int> MostStartedAsync(TestCluster cluster, TestProcess process, int rounds)
    {
        var most = 0;
        for (var i = 0; i < rounds; i++)
        {
            await process.DispatchAsync();
            await process.StartAsync();
            most = Math.Max(most, process.Node.Running);
            await process.RunAsync();
            await process.FinishAsync();
            await cluster.AdvanceAsync(0.1);
        }
        return most;
    }

    [Fact]
    public async Task Tasks_start_ahead_only_after_two_hundred_quick_ones()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1_000);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1);

        Assert.Equal(1, await MostStartedAsync(cluster, process, rounds: 200));
        Assert.Equal(Pampa.Jobs.Limits.StartAheadRows, await MostStartedAsync(cluster, process, rounds: 5));
        await cluster.UntilEndedAsync();
        Assert.Equal(1_000, process.Counters.Completed);
    }

    [Theory, InlineData(1), InlineData(10)]
    public async Task Slow_tasks_and_tasks_with_one_attempt_never_start_ahead(int maxAttempts)
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(600);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = maxAttempts;
            job.Process(_ => maxAttempts == 1 ? Task.CompletedTask : cluster.AdvanceAsync(TimeSpan.FromMilliseconds(60)));
        }, workers: 1);

        Assert.Equal(1, await MostStartedAsync(cluster, process, rounds: 250));
    }

    [Fact]
    public async Task A_process_that_dies_with_rows_started_ahead_charges_them_once_and_fails_none()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(500);
        var first = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1, name: "a");
        for (var i = 0; i < 250; i++) first.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));
        await first.DispatchAsync();
        await first.StartAsync();
        var started = (await cluster.RowsAsync()).FindAll(r => r.IsRunning).ConvertAll(r => r.Key);
        Assert.Equal(50, started.Count);
        first.Kill();
        await first.MarkDeadAsync();

        var second = await cluster.StartAsync(job => job.Process(_ => { }), name: "b");
        await cluster.AdvanceAsync(16);
        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, started.Contains(row.Key) ? 2 : 1), (row.IsCompleted, row.N)));
        Assert.Equal((500, 0), (second.Counters.Completed, second.Dispatcher.Failed));
    }

    [Fact]
    public async Task Nothing_is_started_behind_a_record_that_was_tried_before()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(20);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 1 WHERE value = 1");
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));
        await process.DispatchAsync();

        // It may be the one that kills its process, and would charge those behind it.
        for (var i = 0; i < 3; i++)
        {
            await process.StartAsync();
            Assert.Equal([1], (await cluster.RowsAsync()).FindAll(r => r.IsRunning).ConvertAll(r => r.Key));
        }
        await process.RunAsync();
        await process.StartAsync();
        Assert.True(process.Node.Running > 1);
        await cluster.UntilEndedAsync();
    }

    [Fact]
    public async Task A_record_that_was_tried_before_waits_for_its_worker_to_be_idle()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 1 WHERE value = 2");
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));
        await process.DispatchAsync();

        for (var i = 0; i < 3; i++)
        {
            await process.StartAsync();
            Assert.Equal([true, false], (await cluster.RowsAsync()).Select(r => r.IsRunning));
        }
        await process.RunAsync();
        await process.FinishAsync();
        await process.StartAsync();

        Assert.True((await cluster.RowAsync(2)).IsRunning);
    }

    [Fact]
    public async Task What_was_started_ahead_and_not_run_is_forgiven_at_a_stop()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(10);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));
        await process.DispatchAsync();
        await process.StartAsync();
        Assert.Equal(10, process.Node.Running);

        await process.Node.ReleaseAllAsync(TestCluster.Stopping);
        await process.FinishAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0), (row.IsFree, row.N)));
        Assert.Equal((0, 10), (process.Node.Unfinished, process.Counters.Forgiven));
    }
}
