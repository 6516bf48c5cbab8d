using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Scenarios;

/// <summary>A leader and nodes of other processes, which meet only in the database.</summary>
public sealed class SeveralProcessesTests
{
    public static TheoryData<string> Engines => [nameof(Engine.Sqlite), nameof(Engine.PostgreSql), nameof(Engine.Portable)];

    private static Task<TestCluster> ClusterAsync(string engine) => TestCluster.CreateAsync(Enum.Parse<Engine>(engine));

    /// <summary>Turns everybody but the dispatchers of all but the first.</summary>
    private static async Task RoundAsync(TestProcess leader, params TestProcess[] nodes)
    {
        await leader.DispatchAsync();
        foreach (var node in nodes)
        {
            await node.ExchangeAsync();
            await node.StartAsync();
            await node.RunAsync();
            await node.FinishAsync();
        }
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_node_works_on_what_a_leader_elsewhere_hands_over(string engine)
    {
        await using var cluster = await ClusterAsync(engine);
        await cluster.InsertAsync(30);
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job => job.Process(_ => { })), name: "leader", joins: false);
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        var b = await cluster.StartAsync(job => job.Process(_ => { }), name: "b");

        for (var round = 0; round < 100 && (await cluster.RowsAsync(where: "odd_checking_end_time IS NULL")).Count > 0; round++)
        {
            await RoundAsync(leader, a, b);
            await cluster.AdvanceAsync(0.1);
        }

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(30, cluster.Calls.Count);
        Assert.True(cluster.Calls.Count(c => c.Process == "a") > 5 && cluster.Calls.Count(c => c.Process == "b") > 5);
        Assert.Equal(0, await cluster.Db.ScalarAsync<long>("SELECT count(*) FROM pampa_handover"));
        await cluster.CheckAsync();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task No_worker_elsewhere_gets_more_than_its_depth_before_it_has_said_what_it_has(string engine)
    {
        await using var cluster = await ClusterAsync(engine);
        await cluster.InsertAsync(100);
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job => job.Process(_ => { })), name: "leader", joins: false);
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await a.ExchangeAsync();
        for (var i = 0; i < 20; i++)
        {
            await leader.DispatchAsync();
            await cluster.AdvanceAsync(0.1);
        }

        Assert.Equal(2 * a.Lane.Job.QueueSize, (await cluster.RowsAsync()).Count(r => r.IsReserved));
        for (var i = 0; i < 20; i++)
        {
            await leader.DispatchAsync();
            await a.ExchangeAsync();
            await cluster.AdvanceAsync(0.1);
        }
        Assert.Equal(2 * a.Lane.Job.QueueSize, (await cluster.RowsAsync()).Count(r => r.IsReserved));
        Assert.Equal(2 * a.Lane.Job.QueueSize, a.Lane.Load.Hands.Sum(h => h.Count));
    }

    [Fact]
    public async Task A_node_gets_nothing_of_a_job_that_it_does_not_have()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("others");
        await cluster.InsertAsync(10);
        await cluster.InsertAsync(10, table: "others");
        var leader = await cluster.StartProgramAsync(p =>
        {
            TestCluster.AddNumbers(p, job => job.Process(_ => { }));
            TestCluster.AddNumbers(p, job => job.Process(_ => { }), "others", "others");
        }, name: "leader", joins: false);
        var old = await cluster.StartAsync(job => job.Process(_ => { }), name: "old");

        for (var i = 0; i < 20; i++)
        {
            await RoundAsync(leader, old);
            await cluster.AdvanceAsync(0.1);
        }

        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
        Assert.All(await cluster.RowsAsync("others"), row => Assert.True(row is { IsFree: true, N: 0 }));
    }

    [Fact]
    public async Task A_new_leader_sends_nothing_to_workers_whose_mail_it_does_not_know()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(100);
        void Program(PampaBuilder p) => TestCluster.AddNumbers(p, job => job.Process(_ => { }));
        var first = await cluster.StartProgramAsync(Program, name: "first", joins: false);
        var second = await cluster.StartProgramAsync(Program, name: "second", joins: false);
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await a.ExchangeAsync();
        await first.DispatchAsync();
        var reserved = (await cluster.RowsAsync()).Count(r => r.IsReserved);
        Assert.Equal(10, reserved);

        first.Kill();
        await first.Leadership.ResignAsync(TestCluster.Stopping);
        for (var i = 0; i < 10; i++)
        {
            await cluster.LiveAsync(1);
            await second.DispatchAsync();
        }
        Assert.Equal(reserved, (await cluster.RowsAsync()).Count(r => r.IsReserved));

        // Once it has said that it has them, all goes on.
        await a.ExchangeAsync();
        await a.StartAsync();
        await a.RunAsync();
        await a.FinishAsync();
        await RoundAsync(second, a);
        await cluster.LiveAsync(1);
        await RoundAsync(second, a);
        Assert.True((await cluster.RowsAsync()).Count(r => r.IsCompleted) > 1);
    }

    [Fact]
    public async Task A_lost_answer_of_the_exchange_hands_nothing_over_twice()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(10);
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job => job.Process(_ => { })), name: "leader", joins: false);
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await a.ExchangeAsync();
        await leader.DispatchAsync();
        await cluster.AdvanceAsync(1);
        await a.ExchangeAsync();
        a.Faults.LoseAnswer("DELETE FROM pampa_handover");
        await a.ExchangeAsync();
        Assert.Equal(1, a.Outages);
        await a.StartAsync();
        await a.RunAsync();
        await a.FinishAsync();
        await a.ExchangeAsync();
        for (var i = 0; i < 20; i++)
        {
            await RoundAsync(leader, a);
            await cluster.LiveAsync(1);
        }

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(10, cluster.Calls.Count);
    }

    [Fact]
    public async Task Mail_of_a_record_whose_start_got_no_answer_does_not_cost_its_attempt()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        void Once(JobBuilder job)
        {
            job.MaxAttempts = 1;
            job.Process(_ => { });
        }
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, Once), name: "leader", joins: false);
        var a = await cluster.StartAsync(Once, name: "a");
        await a.ExchangeAsync();
        await leader.DispatchAsync();
        // It finds its reservations by reading back before it reads its mail, and the answer of their START is lost.
        a.Lane.Load.Doubt();
        a.Faults.LoseAnswer(TestProcess.Start);
        await a.StartAsync();
        Assert.Equal((1, 2), (a.Outages, (await cluster.RowsAsync()).Count(r => r.IsRunning)));
        a.Faults.FailBefore(TestProcess.ReadOwn);
        await a.StartAsync();
        await cluster.AdvanceAsync(1);
        await a.ExchangeAsync();

        for (var i = 0; i < 60; i++)
        {
            await RoundAsync(leader, a);
            await cluster.LiveAsync(1);
        }
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task A_dispatcher_without_workers_goes_on_after_a_lost_answer()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(20);
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job => job.Process(_ => { })), name: "leader", joins: false);
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await a.ExchangeAsync();
        leader.Faults.LoseAnswer(TestProcess.Reserve);
        for (var i = 0; i < 20; i++)
        {
            await RoundAsync(leader, a);
            await cluster.LiveAsync(1);
        }

        Assert.Equal(1, leader.Outages);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Theory, InlineData(40), InlineData(1_200)]
    public async Task Idle_nodes_get_work_again_after_an_outage_that_was_longer_than_their_leases(double seconds)
    {
        await using var cluster = await TestCluster.CreateAsync();
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job => job.Process(_ => { })), name: "leader", joins: false);
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await RoundAsync(leader, a);
        await cluster.AdvanceAsync(seconds);
        for (var i = 0; i < 5; i++)
        {
            await leader.DispatchAsync();
            await cluster.AdvanceAsync(1);
        }

        await cluster.InsertAsync(5);
        for (var i = 0; i < 60; i++)
        {
            await cluster.LiveAsync(1);
            await RoundAsync(leader, a);
        }
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
    }

    [Fact]
    public async Task A_leader_without_workers_whose_job_is_suspended_tries_again_every_half_minute_only()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var asked = 0;
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job =>
        {
            job.WhereEachCycle(() =>
            {
                asked++;
                throw new InvalidOperationException("no such customer");
            });
            job.Process(_ => { });
        }), name: "leader", joins: false);
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await a.ExchangeAsync();
        for (var i = 0; i < 130; i++)
        {
            await leader.DispatchAsync();
            await a.ExchangeAsync();
            await cluster.LiveAsync(1);
        }

        Assert.Equal(5, asked);
    }

    [Fact]
    public async Task An_idle_node_whose_ids_were_taken_over_says_at_once_that_it_is_there_again()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job => job.Process(_ => { })), name: "leader", joins: false);
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await RoundAsync(leader, a);
        await cluster.Db.ExecuteAsync("UPDATE pampa_worker SET session = session + 1, state = 'resigned'");
        a.TryBeat();
        await a.StartAsync();
        Assert.Equal(("a", 3), (a.Membership.Node, a.Membership.Workers[0].Session));
        await cluster.InsertAsync(5);
        for (var i = 0; i < 30; i++)
        {
            await cluster.AdvanceAsync(0.1);
            await RoundAsync(leader, a);
        }

        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
    }

    [Fact]
    public async Task A_leader_whose_own_node_is_in_trouble_still_deals_to_the_others()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(30);
        var leader = await cluster.StartAsync(job => job.Process(_ => { }), name: "leader");
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await a.ExchangeAsync();
        leader.Lane.Load.Suspend(Jobs.JobStep.Start, new InvalidOperationException("its own program no longer fits"));
        for (var i = 0; i < 30; i++)
        {
            await RoundAsync(leader, a);
            await cluster.LiveAsync(1);
        }

        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
        Assert.All(cluster.Calls, call => Assert.Equal("a", call.Process));
    }

    [Fact]
    public async Task A_worker_that_is_called_like_a_node_at_work_is_refused()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "web.1");
        Assert.Null(await a.Store.RegisterAsync("web.1", ["web.1"], "another", TestCluster.WorkerLease, [], TestCluster.Stopping));
        Assert.NotNull(await a.Store.RegisterAsync("web.2", ["web.2"], "another", TestCluster.WorkerLease, [], TestCluster.Stopping));
    }

    [Fact]
    public async Task Words_of_another_version_stop_nobody()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(20);
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job => job.Process(_ => { })), name: "leader", joins: false);
        var strange = await cluster.StartAsync(job => job.Process(_ => { }), name: "strange");
        await strange.ExchangeAsync();
        await cluster.Db.ExecuteAsync("UPDATE pampa_load SET hands = '{\"version\": 9}'");
        var a = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        for (var i = 0; i < 20; i++)
        {
            await RoundAsync(leader, a);
            await cluster.LiveAsync(1);
        }

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.All(cluster.Calls, call => Assert.Equal("a", call.Process));
    }

    [Fact]
    public async Task A_message_that_nobody_takes_in_costs_a_minute_and_no_attempt()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job =>
        {
            job.MaxDuration = TimeSpan.FromSeconds(10);
            job.Process(_ => { });
        }), name: "leader", joins: false);
        // It lives and beats, and its loops stand still.
        var hangs = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await hangs.ExchangeAsync();
        await leader.DispatchAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.StartsWith("a.", row.Rid!, StringComparison.Ordinal));

        var b = await cluster.StartAsync(job => job.Process(_ => { }), name: "b");
        for (var i = 0; i < 90; i++)
        {
            await cluster.LiveAsync(1);
            await RoundAsync(leader, b);
        }

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.All(cluster.Calls, call => Assert.Equal("b", call.Process));
    }
}
