using Microsoft.Extensions.Logging.Abstractions;
using Pampa.Jobs;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>How batches are put together and started.</summary>
public sealed class BatchStartTests
{
    private static string Keys(TestCluster cluster) => string.Join(' ', cluster.Batches.Select(b => string.Join('+', b)));

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_batch_that_takes_several_statements_to_start_is_run_with_one_call(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(650);
        var process = await cluster.StartAsync(job => job.ProcessBatch(650, (_, _) => { }), workers: 1);
        for (var i = 0; i < 10 && process.Lane.Load.Hands[0].Count < 650; i++) await process.DispatchAsync();

        await cluster.UntilEndedAsync();

        Assert.Equal(Enumerable.Range(1, 650).Select(i => (long)i), Assert.Single(cluster.Batches));
        Assert.Equal((650, 0), (process.Counters.Completed, process.Counters.Open));
    }

    [Fact]
    public async Task A_worker_takes_what_is_there_and_each_worker_runs_one_batch_at_a_time()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(25);
        var process = await cluster.StartAsync(job => job.ProcessBatch(10, (_, _) => { }), workers: 2);
        await process.DispatchAsync();
        Assert.Equal([13, 12], process.Lane.Load.Hands.Select(h => h.Count));

        await process.StartAsync();
        Assert.Equal(20, process.Node.Running);
        Assert.Equal(5, process.Lane.Load.Hands.Sum(h => h.Count));
        // Nothing is started behind a batch.
        for (var i = 0; i < 3; i++) await process.StartAsync();
        Assert.Equal(20, process.Node.Running);

        await cluster.UntilEndedAsync();
        Assert.Equal(25, cluster.Calls.Count);
        Assert.Equal([10, 10], cluster.Batches.Take(2).Select(b => b.Length));
        Assert.All(cluster.Calls.GroupBy(c => c.Worker), worker => Assert.Contains(worker.Key, new[] { "a.1", "a.2" }));
    }

    [Fact]
    public async Task Nothing_is_started_behind_a_small_batch_either()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        var process = await cluster.StartAsync(job => job.ProcessBatch(100, (_, _) => { }), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        await cluster.InsertAsync(10, first: 3);
        process.Dispatcher.Wake();
        await process.DispatchAsync();

        await process.StartAsync();

        Assert.Equal((2, 10), (process.Node.Running, process.Lane.Load.Hands[0].Count));
        await cluster.UntilEndedAsync();
        Assert.Equal("1+2 3+4+5+6+7+8+9+10+11+12", Keys(cluster));
    }

    [Fact]
    public async Task Records_that_were_tried_before_come_alone()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(9);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 1 WHERE value IN (1, 5, 6)");
        await cluster.StartAsync(job => job.ProcessBatch(9, (_, _) => { }), workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal("1 2+3+4 5 6 7+8+9", Keys(cluster));
    }

    [Fact]
    public async Task One_that_cannot_be_started_does_not_keep_the_others_of_its_batch_apart()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(6);
        await cluster.Db.ExecuteAsync("""
            CREATE TRIGGER refuse BEFORE UPDATE ON numbers WHEN NEW.value = 3 AND NEW.odd_checking_start_time IS NOT NULL
            BEGIN SELECT RAISE(ABORT, 'number three does not start'); END
            """);
        var process = await cluster.StartAsync(job => job.ProcessBatch(6, (_, _) => { }), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        Assert.Equal(5, process.Node.Running);
        await process.RunAsync();
        await process.FinishAsync();

        Assert.Equal("1+2+4+5+6", Keys(cluster));
        Assert.Equal((5, 0), (process.Counters.Completed, process.Node.Unfinished));
    }

    [Fact]
    public async Task A_condition_that_does_not_hold_any_more_takes_one_out_of_its_batch()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(job =>
        {
            job.Where = $"note IS NULL";
            job.ProcessBatch(4, (_, _) => { });
        }, workers: 1);
        await process.DispatchAsync();
        await cluster.Db.ExecuteAsync("UPDATE numbers SET note = 'changed' WHERE value = 2");

        await process.RoundAsync();

        Assert.Equal("1+3+4", Keys(cluster));
        Assert.Equal((true, 0), ((await cluster.RowAsync(2)).IsFree, (await cluster.RowAsync(2)).N));
    }

    [Fact]
    public async Task A_batch_waits_to_fill_no_longer_than_it_may()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxBatchWait = TimeSpan.FromSeconds(2);
            job.ProcessBatch(10, (_, _) => { });
        }, workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        Assert.Equal((0, TimeSpan.FromSeconds(2)), (process.Node.Running, process.Node.UntilFull));

        await cluster.AdvanceAsync(1.5);
        await cluster.InsertAsync(2, first: 4);
        process.Dispatcher.Wake();
        await process.RoundAsync();
        Assert.Equal((0, 5), (process.Node.Running, process.Lane.Load.Hands[0].Count));
        Assert.InRange(process.Node.UntilFull.TotalSeconds, 0.4, 0.5);
        await cluster.AdvanceAsync(0.5);
        await process.RoundAsync();
        Assert.Equal("1+2+3+4+5", Keys(cluster));

        // The next one waits from its own first record on; one that is full does not wait.
        await cluster.InsertAsync(4, first: 11);
        process.Dispatcher.Wake();
        await process.RoundAsync();
        Assert.Single(cluster.Batches);
        await cluster.InsertAsync(6, first: 15);
        process.Dispatcher.Wake();
        await process.RoundAsync();
        Assert.Equal([5, 10], cluster.Batches.Select(b => b.Length));
        Assert.Equal(TimeSpan.MaxValue, process.Node.UntilFull);
    }

    [Fact]
    public async Task While_a_batch_fills_its_worker_serves_another_job_and_what_was_tried_before_does_not_wait()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("others");
        await cluster.InsertAsync(2);
        await cluster.InsertAsync(3, table: "others");
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 1 WHERE value = 1");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job =>
            {
                job.MaxBatchWait = TimeSpan.FromSeconds(30);
                job.ProcessBatch(10, (_, _) => { });
            });
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "others", "others");
        }, workers: 1);

        // Two jobs take turns on one worker.
        await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count(c => c.Job == "others") == 3), "the others have run");

        Assert.Equal("1", Keys(cluster));
        Assert.Null((await cluster.RowAsync(2)).Et);
        await cluster.UntilEndedAsync(maxRounds: 1_000);
        Assert.Equal("1 2", Keys(cluster));
    }

    [Fact]
    public async Task A_job_that_is_paused_gives_back_what_waits_to_fill_a_batch()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxBatchWait = TimeSpan.FromSeconds(30);
            job.ProcessBatch(10, (_, _) => { });
        }, workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();

        process.Node.Hold(new Holds([new Hold(HoldKind.Job, "numbers")]));
        await process.StartAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0), (row.IsFree, row.N)));
        Assert.Empty(cluster.Batches);
    }

    private static JobDefinition Job(Action<JobBuilder> configure)
    {
        var errors = new List<string>();
        var builder = new PampaBuilder();
        builder.AddJob("job", "numbers", "value", configure);
        var built = builder.Build(errors);
        Assert.Empty(errors);
        return built[0];
    }

    [Theory]
    [InlineData(500, null, 1_000)]
    [InlineData(500, 0.01, 1_000)]
    [InlineData(500, 1.0, 1_000)]
    [InlineData(500, 2.0, 500)]
    [InlineData(500, 60_000.0, 500)]
    [InlineData(10, 0.1, 1_000)]
    [InlineData(1, 60_000.0, 5)]
    public void A_hand_holds_two_batches_or_one_where_it_takes_long(int size, double? milliseconds, int depth)
    {
        var load = new JobLoad(Job(job => job.ProcessBatch(size, (_, _) => { })), NullLogger.Instance, TimeProvider.System);
        for (var i = 0; i < 300 && milliseconds is not null; i++) load.Durations.Add(TimeSpan.FromMilliseconds(milliseconds.Value));
        load.Measure();
        Assert.Equal((depth, size), (load.Depth, load.Ahead));
    }

    [Fact]
    public void A_batch_may_wait_for_its_start_as_long_as_the_ones_before_it_may_run()
    {
        var job = Job(job => job.ProcessBatch(500, (_, _) => { }));
        Assert.Equal(TimeSpan.FromMinutes(15), JobLoad.HandTimeout(job, null));
        Assert.Equal(TimeSpan.FromSeconds(500), JobLoad.HandTimeout(job, TimeSpan.FromSeconds(1)));
        Assert.Equal(TimeSpan.FromMinutes(1), JobLoad.HandTimeout(job, TimeSpan.FromMilliseconds(1)));
        Assert.Equal(TimeSpan.FromMinutes(30), JobLoad.HandTimeout(Job(job =>
        {
            job.MaxBatchWait = TimeSpan.FromSeconds(1);
            job.ProcessBatch(500, (_, _) => { });
        }), null));
    }
}
