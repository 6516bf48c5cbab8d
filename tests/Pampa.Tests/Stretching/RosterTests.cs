using Microsoft.Extensions.Time.Testing;
using Pampa.Dispatching;
using Pampa.Tests.Scenarios;
using static Pampa.Tests.Stretching.RosterSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Stretching;

/// <summary>Who serves what, with the real parts of processes on a database: the load comes and goes, tasks take long, leaders change.</summary>
public sealed class RosterTests
{
    [Theory, MemberData(nameof(Engines), MemberType = typeof(RosterSetup))]
    public async Task Two_jobs_on_two_workers_have_one_each_and_when_one_is_done_the_other_has_both(string engine)
    {
        await using var cluster = await ClusterAsync(engine, "others");
        await cluster.InsertAsync(30);
        await cluster.InsertAsync(2_000, table: "others");
        var a = await cluster.StartProgramAsync(p => AddJobs(p, job => job.QueueSize = 1, "numbers", "others"), 2);
        await a.DispatchAsync();
        Assert.Equal(1, await CountAsync(cluster, "numbers"));
        Assert.Equal(1, await CountAsync(cluster, "others"));

        await cluster.UntilAsync(async () => await DoneAsync(cluster, "numbers") == 30, "the numbers are done");
        await TurnAsync(cluster, 4, a);
        Assert.Equal(2, await CountAsync(cluster, "others"));
        await cluster.CheckAsync();
        await cluster.CheckAsync("others");
    }

    [Fact]
    public async Task Three_jobs_on_two_workers_all_go_on_and_all_workers_are_released_in_the_end()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "second", "third");
        string[] tables = ["numbers", "second", "third"];
        foreach (var table in tables) await cluster.InsertAsync(400, table: table);
        var a = await cluster.StartProgramAsync(p => AddJobs(p, job =>
        {
            job.QueueSize = 1;
            job.MaxQueueSize = 1;
        }, tables), 2);
        // Three turns: everybody has had one.
        await TurnAsync(cluster, 25, a);
        foreach (var table in tables) Assert.True(await DoneAsync(cluster, table) > 20, $"{table} stands still");
        await cluster.UntilAsync(async () =>
        {
            foreach (var table in tables)
            {
                if (await DoneAsync(cluster, table) < 400) return false;
            }
            return true;
        }, "all are done", 2_000);
        await TurnAsync(cluster, 5, a);
        Assert.Empty(await ServingAsync(cluster));
        Assert.All(await Control(cluster).ReadSharesAsync(TestCluster.Stopping), s => Assert.Equal((0, 0, "nothing is due"), (s.Workers, s.Wanted, s.Reason)));
    }

    [Fact]
    public async Task A_constant_backlog_moves_nobody()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "others");
        var a = await cluster.StartProgramAsync(p => AddJobs(p, job =>
        {
            job.QueueSize = 1;
            job.MaxQueueSize = 1;
        }, "numbers", "others"), 8);
        var next = 1;
        string? settled = null;
        for (var second = 0; second < 40; second++)
        {
            // As many come as are done.
            var open = await cluster.Db.ScalarAsync<long>("SELECT count(*) FROM numbers WHERE odd_checking_end_time IS NULL");
            if (open < 1_200) await cluster.InsertAsync(1_200 - (int)open, next, "numbers");
            if (open < 1_200) await cluster.InsertAsync(1_200 - (int)open, next, "others");
            next += 1_200 - (int)open;
            await TurnAsync(cluster, 1, a);
            var now = string.Join(' ', await ServingAsync(cluster));
            if (second == 2) settled = now;
            if (second > 2) Assert.Equal(settled, now);
        }
        Assert.Equal(4, await CountAsync(cluster, "numbers"));
    }

    [Fact]
    public async Task A_filter_and_a_limit_hold_over_all_nodes()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "others");
        await cluster.InsertAsync(900);
        await cluster.InsertAsync(900, table: "others");
        void Program(PampaBuilder p)
        {
            AddJobs(p, job => job.WorkerFilter = @"\.1$", "numbers");
            AddJobs(p, job => job.MaxAssignedWorkers = 2, "others");
        }
        var a = await cluster.StartProgramAsync(Program, 3);
        var b = await cluster.StartProgramAsync(Program, 3, "b");
        await TurnAsync(cluster, 3, a, b);
        var serving = await ServingAsync(cluster);
        Assert.Equal(["a.1", "b.1"], serving.Where(s => s.Value == "numbers").Select(s => s.Key));
        Assert.Equal(2, serving.Count(s => s.Value == "others"));
        Assert.All(cluster.Calls.Where(c => c.Job == "numbers"), c => Assert.EndsWith(".1", c.Worker, StringComparison.Ordinal));
        Assert.True(cluster.Calls.Where(c => c.Job == "others").Select(c => c.Worker).Distinct().Count() <= 2);
    }

    [Theory, MemberData(nameof(Engines), MemberType = typeof(RosterSetup))]
    public async Task A_new_leader_goes_on_where_the_one_before_has_stopped(string engine)
    {
        await using var cluster = await ClusterAsync(engine, "others");
        await cluster.InsertAsync(1_500);
        await cluster.InsertAsync(1_500, table: "others");
        void Program(PampaBuilder p) => AddJobs(p, job => job.QueueSize = 1, "numbers", "others");
        var first = await cluster.StartProgramAsync(Program, name: "first", joins: false);
        var second = await cluster.StartProgramAsync(Program, name: "second", joins: false);
        var node = await cluster.StartProgramAsync(Program, 4, "node");
        await node.ExchangeAsync();
        await first.DispatchAsync();
        var before = await ServingAsync(cluster);
        Assert.Equal(4, before.Count);
        first.Kill();
        await cluster.LiveAsync(60);
        await node.ExchangeAsync();
        await second.DispatchAsync();
        Assert.Equal(before, await ServingAsync(cluster));
    }

    [Fact]
    public async Task Seats_survive_a_new_leader_where_there_are_more_jobs_than_workers()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "second", "third");
        string[] tables = ["numbers", "second", "third"];
        foreach (var table in tables) await cluster.InsertAsync(2_000, table: table);
        void Program(PampaBuilder p) => AddJobs(p, job =>
        {
            job.QueueSize = 1;
            job.MaxQueueSize = 1;
        }, tables);
        var first = await cluster.StartProgramAsync(Program, name: "first", joins: false);
        var second = await cluster.StartProgramAsync(Program, name: "second", joins: false);
        var node = await cluster.StartProgramAsync(Program, name: "node");
        // The first turns are over: it is not the program's first jobs any more that have the workers.
        await LeadAsync(first, 12);
        var before = await ServingAsync(cluster);
        Assert.Equal(2, before.Count);
        Assert.Contains("third", before.Values);
        await first.Leadership.ResignAsync(TestCluster.Stopping);
        await cluster.AdvanceAsync(6);
        await LeadAsync(second, 2);
        Assert.True(second.Dispatcher.IsLeading);
        Assert.Equal(before, await ServingAsync(cluster));

        async Task LeadAsync(TestProcess leader, int seconds)
        {
            for (var i = 0; i < seconds * 10; i++)
            {
                if (i % 50 == 0) node.TryBeat();
                await leader.DispatchAsync();
                await node.ExchangeAsync();
                await node.StartAsync();
                await node.RunAsync();
                await node.FinishAsync();
                await cluster.AdvanceAsync(0.1);
            }
        }
    }

    [Fact]
    public async Task A_worker_finishes_what_it_holds_before_it_changes_jobs()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "others");
        await cluster.InsertAsync(400);
        var a = await cluster.StartProgramAsync(p => AddJobs(p, job => job.QueueSize = 20, "numbers", "others"), 2);
        await a.DispatchAsync();
        await cluster.InsertAsync(400, table: "others");
        a.Dispatcher.Wake();
        await cluster.AdvanceAsync(1.1);
        // Told of records it first looks who is there for them; there is nobody, so the next turn stretches.
        Assert.True(await a.DispatchAsync());
        await a.DispatchAsync();
        var moved = Assert.Single(await ServingAsync(cluster), s => s.Value == "others").Key;
        var held = (await cluster.RowsAsync()).Where(r => r.Rid == moved).Select(r => r.Key).ToHashSet();
        Assert.NotEmpty(held);

        await TurnAsync(cluster, 10, a);
        var run = cluster.Calls.Where(c => c.Job == "numbers" && held.Contains(c.Key)).ToList();
        Assert.Equal(held, run.Select(c => c.Key).ToHashSet());
        Assert.All(run, c => Assert.Equal((moved, 1), (c.Worker, c.Attempt)));
        Assert.Contains(cluster.Calls, c => c.Job == "others" && c.Worker == moved);
    }

    [Fact]
    public async Task Counting_that_takes_too_long_means_much_and_holds_up_nothing()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        await cluster.InsertAsync(3_000);
        var a = await cluster.StartAsync(job => job.Process(_ => { }), 3);
        a.Faults.FailBefore("SELECT count(*) FROM (SELECT", times: 1_000, error: new TimeoutException());
        await TurnAsync(cluster, 2, a);
        Assert.Equal(3, await CountAsync(cluster, "numbers"));
        Assert.Equal(0, a.Outages);
        Assert.NotEmpty(cluster.Calls);
        Assert.Single(a.Lines, l => l.Contains("counting its due records takes more than", StringComparison.Ordinal));
        await cluster.UntilEndedAsync();
    }

    [Fact]
    public void What_is_decided_in_between_does_not_make_a_job_forget_what_it_wanted()
    {
        var time = new FakeTimeProvider();
        var errors = new List<string>();
        var program = new PampaBuilder();
        program.AddJob("job", "t", "id", job => job.Process(_ => { }));
        var definition = program.Build(errors).Single();
        var state = new JobStretch(time);
        state.See(700, isHeld: false);
        for (var i = 0; i < 5; i++) state.See(0, isHeld: false);
        Assert.Equal(700, state.Need(definition, null).Due);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(700, state.Need(definition, null).Due);
            time.Advance(TimeSpan.FromSeconds(1));
            state.See(0, isHeld: false);
        }
        Assert.Equal(0, state.Need(definition, null).Due);
        state.See(700, isHeld: false);
        state.See(0, isHeld: true);
        Assert.Equal(0, state.Need(definition, null).Due);
    }

    [Fact]
    public async Task A_worker_that_serves_nobody_is_there_at_once_for_what_comes()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        var a = await cluster.StartAsync(job => job.Process(_ => { }), 2);
        await TurnAsync(cluster, 5, a);
        Assert.Empty(await ServingAsync(cluster));
        await cluster.InsertAsync(1);
        a.Dispatcher.Wake();
        await a.DispatchAsync();
        await a.StartAsync();
        await a.RunAsync();
        Assert.Single(cluster.Calls);
    }
}
