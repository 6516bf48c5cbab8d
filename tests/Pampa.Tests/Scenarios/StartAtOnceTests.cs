using Pampa.Jobs;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Scenarios;

/// <summary>Tasks that the dispatcher starts as it reserves them: when, what it costs when the process dies, and what a lost answer leaves open.</summary>
public sealed class StartAtOnceTests
{
    public static TheoryData<string> Engines => [nameof(Engine.Sqlite), nameof(Engine.PostgreSql), nameof(Engine.Portable)];

    private static async Task<TestProcess> QuickAsync(TestCluster cluster, Action<JobBuilder>? configure = null, string name = "a", int workers = 1)
    {
        var process = await cluster.StartAsync(configure ?? (job => job.Process(_ => { })), workers, name);
        process.StartsAtOnce = true;
        BeQuick(process.Lane.Load);
        return process;
    }

    private static void BeQuick(JobLoad load)
    {
        for (var i = 0; i < 250; i++) load.Durations.Add(TimeSpan.FromMilliseconds(1));
    }

    private static async Task<List<long>> RunningAsync(TestCluster cluster) => (await cluster.RowsAsync()).FindAll(r => r.IsRunning).ConvertAll(r => r.Key);

    [Theory, MemberData(nameof(Engines))]
    public async Task Quick_tasks_are_started_as_they_are_reserved(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(500);
        var process = await QuickAsync(cluster, workers: 2);

        await process.DispatchAsync();

        // 50 ms of work for each worker; no START is needed.
        Assert.Equal(Enumerable.Range(1, 100).Select(i => (long)i), await RunningAsync(cluster));
        Assert.Equal(0, process.Lane.Load.Hands.Sum(h => h.Count));
        process.Faults.FailBefore(TestProcess.Start, int.MaxValue);
        for (var round = 0; round < 100 && process.Counters.Completed < 500; round++) await process.RoundAsync();
        Assert.Equal((500, 0), (process.Counters.Completed, process.Counters.Fenced));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(500, cluster.Calls.Count);
        await cluster.CheckAsync();
    }

    [Fact]
    public async Task A_worker_gets_more_when_half_of_what_was_started_for_it_is_done()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(500);
        var process = await QuickAsync(cluster);
        await process.DispatchAsync();
        Assert.Equal(50, process.Node.Running);
        var worker = process.Node.Workers[0];
        for (var i = 0; i < 24; i++) await worker.RunNextAsync();
        Assert.False(await process.DispatchAsync());
        Assert.Equal(26, process.Node.Running);
        await worker.RunNextAsync();
        Assert.True(await process.DispatchAsync());
        Assert.Equal(50, process.Node.Running);
    }

    [Fact]
    public async Task Workers_that_ran_dry_while_results_waited_get_more_as_soon_as_those_are_written()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2_000);
        var process = await QuickAsync(cluster);
        var worker = process.Node.Workers[0];
        // More than may wait: the table is slower than the worker.
        while (process.Lane.Finisher.Count <= 1_000)
        {
            Assert.True(await process.DispatchAsync());
            while (await worker.RunNextAsync()) { }
        }
        Assert.False(await process.DispatchAsync());
        Assert.True(await process.Node.HandIsLow.WaitAsync(TimeSpan.Zero, TimeProvider.System, TestCluster.Stopping));
        Assert.True(await process.Node.WantsMore.WaitAsync(TimeSpan.Zero, TimeProvider.System, TestCluster.Stopping));

        await process.FinishAsync();

        // Nothing runs that could end and ask for more.
        Assert.True(await process.Node.HandIsLow.WaitAsync(TimeSpan.Zero, TimeProvider.System, TestCluster.Stopping));
        Assert.True(await process.Node.WantsMore.WaitAsync(TimeSpan.Zero, TimeProvider.System, TestCluster.Stopping));
        Assert.True(await process.DispatchAsync());
        await cluster.UntilEndedAsync();
        await cluster.CheckAsync();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_was_tried_before_starts_alone(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(20);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 1 WHERE value = 3");
        var process = await QuickAsync(cluster);

        await process.DispatchAsync();
        await process.StartAsync();
        // It may be the one that kills its process: it waits until its worker is idle, and nothing more comes in its way.
        Assert.DoesNotContain(3, await RunningAsync(cluster));
        Assert.Equal(19, process.Node.Running);
        await cluster.InsertAsync(20, first: 21);
        process.Dispatcher.Wake();
        await process.DispatchAsync();
        Assert.Equal(19, process.Node.Running);
        await process.RunAsync();
        await process.DispatchAsync();
        await process.FinishAsync();
        await process.StartAsync();
        Assert.Equal([3], await RunningAsync(cluster));
        await process.DispatchAsync();
        Assert.Equal([3], await RunningAsync(cluster));
        await cluster.UntilEndedAsync();
        await cluster.CheckAsync();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_process_that_dies_charges_what_it_started_once_and_nobody_starts_at_once_for_an_hour(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(300);
        var first = await QuickAsync(cluster, name: "a");
        var second = await QuickAsync(cluster, name: "b");
        await first.DispatchAsync();
        var started = await RunningAsync(cluster);
        Assert.Equal(50, started.Count);
        first.Kill();
        await first.MarkDeadAsync();

        await cluster.AdvanceAsync(16);
        second.TryBeat();
        await second.DispatchAsync();
        Assert.False(second.Lane.Load.MayStartAtOnce);
        await second.DispatchAsync();
        Assert.Empty(await RunningAsync(cluster));
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, started.Contains(row.Key) ? 2 : 1), (row.IsCompleted, row.N)));
        Assert.Equal((300, 0), (second.Counters.Completed, second.Dispatcher.Failed));
        await cluster.LiveAsync(3_600);
        BeQuick(second.Lane.Load);
        Assert.True(second.Lane.Load.MayStartAtOnce);
        await cluster.CheckAsync();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_process_that_comes_back_under_its_name_is_as_careful(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(100);
        var first = await QuickAsync(cluster);
        await first.DispatchAsync();
        first.Kill();
        await first.MarkDeadAsync();

        var again = await QuickAsync(cluster);

        Assert.False(again.Lane.Load.MayStartAtOnce);
        await cluster.AdvanceAsync(16);
        again.TryBeat();
        await again.DispatchAsync();
        Assert.Empty(await RunningAsync(cluster));
        await cluster.UntilEndedAsync();
        await cluster.CheckAsync();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_a_lost_answer_has_started_costs_nothing(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(30);
        var process = await QuickAsync(cluster);
        process.Faults.LoseAnswer(TestProcess.Reserve);

        await process.DispatchAsync();
        Assert.Equal(1, process.Faults.Hits);
        Assert.Equal(0, process.Node.Running);
        Assert.Equal(30, (await RunningAsync(cluster)).Count);
        // Nothing more is started for those workers before it is known what they hold.
        await cluster.InsertAsync(30, first: 31);
        await process.DispatchAsync();
        Assert.Equal(30, (await RunningAsync(cluster)).Count);

        await process.StartAsync();
        await process.FinishAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0), (row.IsFree, row.N)));
        Assert.Equal(30, process.Counters.Forgiven);
        Assert.True(process.Lane.Load.MayStartAtOnce);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(60, cluster.Calls.Count);
        await cluster.CheckAsync();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_a_lost_answer_has_started_costs_nothing_where_that_shows_late(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(30);
        var process = await QuickAsync(cluster);
        process.Faults.LoseAnswer(TestProcess.Reserve);
        await process.DispatchAsync();
        Assert.Equal(30, (await RunningAsync(cluster)).Count);

        // As if the server had not come to it yet when the node reads back.
        const string state = "odd_checking_reservation_id, odd_checking_reservation_time, odd_checking_reservation_times, odd_checking_start_time";
        await cluster.Db.ExecuteAsync($"CREATE TABLE aside AS SELECT value, {state} FROM numbers");
        await cluster.Db.ExecuteAsync($"UPDATE numbers SET {string.Join(", ", state.Split(", ").Select(c => $"{c} = NULL"))}");
        await process.StartAsync();
        Assert.Equal((false, 0, 0), (process.Lane.Load.IsInDoubt, process.Node.Running, process.Counters.Forgiven));
        await cluster.Db.ExecuteAsync(
            $"UPDATE numbers SET {string.Join(", ", state.Split(", ").Select(c => $"{c} = a.{c}"))} FROM aside AS a WHERE a.value = numbers.value");

        // The regular look finds it.
        await cluster.LiveAsync(31);
        await process.StartAsync();
        await process.FinishAsync();
        Assert.Equal((30, 0), (process.Counters.Forgiven, process.Counters.Fenced));
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(30, cluster.Calls.Count);
    }

    [Fact]
    public async Task Reading_back_leaves_alone_what_is_on_its_way_to_its_worker()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await QuickAsync(cluster);
        await cluster.InsertAsync(30);
        await cluster.LiveAsync(31);
        Task? looked = null;
        // The half-minute's look, just when the statement has taken effect.
        process.Faults.Meanwhile(TestProcess.Reserve, () => looked = Task.Run(process.StartAsync));
        await process.DispatchAsync();
        await looked!;

        Assert.Equal(30, process.Node.Running);
        Assert.Equal(0, process.Lane.Finisher.Count);
        await cluster.UntilEndedAsync();
        Assert.Equal((30, 0, 30), (process.Counters.Completed, process.Counters.Forgiven + process.Counters.Fenced, cluster.Calls.Count));
        await cluster.CheckAsync();
    }

    [Fact]
    public async Task What_was_started_and_not_run_is_forgiven_at_a_stop()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(10);
        var process = await QuickAsync(cluster);
        await process.DispatchAsync();
        Assert.Equal(10, process.Node.Running);

        await process.Node.ReleaseAllAsync(TestCluster.Stopping);
        await process.FinishAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0), (row.IsFree, row.N)));
        Assert.Equal((0, 10), (process.Node.Unfinished, process.Counters.Forgiven));
    }

    public static TheoryData<string> Careful => ["one attempt", "slow", "transaction", "batch", "sequence", "selection"];

    [Theory, MemberData(nameof(Careful))]
    public async Task Other_jobs_are_started_by_their_node(string why)
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(30);
        var process = await QuickAsync(cluster, configure: job =>
        {
            switch (why)
            {
                case "transaction":
                    job.ProcessInTransaction((_, _, _) => { });
                    return;
                case "batch":
                    job.ProcessBatch(10, (_, _) => { });
                    return;
                case "one attempt":
                    job.MaxAttempts = 1;
                    break;
                case "sequence":
                    job.InSequenceBy("note");
                    break;
                case "selection":
                    job.Select(_ => ["1", "2"]);
                    break;
            }
            job.Process(_ => { });
        });
        if (why == "slow") for (var i = 0; i < 500; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(60));
        await process.DispatchAsync();
        Assert.Empty(await RunningAsync(cluster));
        Assert.False(process.Lane.Load.StartsAtOnce);
    }

    [Fact]
    public async Task Nothing_is_started_for_a_worker_that_another_job_waits_for()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(30);
        await cluster.CreateTableAsync("others");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "others", "others");
        }, workers: 1);
        process.StartsAtOnce = true;
        BeQuick(process.Lanes[0].Load);
        process.Lanes[1].Load.Hands[0].Add(new Reservation(new TaskKey("99"), "a.1", "", 0));
        await process.DispatchAsync();
        Assert.Empty(await RunningAsync(cluster));
        process.Lanes[1].Load.Hands[0].Empty();
        // Its turn with the other job may have to end.
        for (var i = 0; i < 10 && process.Node.Running == 0; i++)
        {
            await cluster.LiveAsync(5);
            await process.DispatchAsync();
            await process.StartAsync();
        }
        Assert.NotEmpty(await RunningAsync(cluster));
    }

    [Fact]
    public async Task Records_of_a_job_that_cannot_start_keep_no_other_from_its_worker()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(30);
        await cluster.CreateTableAsync("others");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "others", "others");
        }, workers: 1);
        process.StartsAtOnce = true;
        BeQuick(process.Lanes[0].Load);
        process.Lanes[1].Load.Hands[0].Add(new Reservation(new TaskKey("99"), "a.1", "", 0));
        process.Lanes[1].Load.Suspend(JobStep.Start, new InvalidOperationException("its column is away"));

        await process.DispatchAsync();

        Assert.Equal(30, (await RunningAsync(cluster)).Count);
    }

    [Fact]
    public async Task A_quick_job_gets_its_turn_while_another_one_has_the_worker()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("busy");
        await cluster.InsertAsync(2_000, table: "busy");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
            TestCluster.AddNumbers(pampa, job => job.Process(_ => cluster.AdvanceAsync(0.1)), "busy", "busy");
        }, workers: 1);
        process.StartsAtOnce = true;
        BeQuick(process.Lanes[0].Load);
        for (var round = 0; round < 20; round++) await process.RoundAsync();
        Assert.InRange(process.Lanes[1].Counters.Completed, 1, 1_900);

        await cluster.InsertAsync(5);
        for (var round = 0; round < 300 && process.Lanes[0].Counters.Completed < 5; round++)
        {
            await process.RoundAsync();
            await cluster.AdvanceAsync(0.1);
        }

        Assert.Equal(5, process.Lanes[0].Counters.Completed);
        Assert.InRange(process.Lanes[1].Counters.Completed, 1, 1_999);
        await cluster.CheckAsync();
    }
}
