using Pampa.Jobs;
using Pampa.Tests.Scenarios;
using static Pampa.Tests.Stretching.RosterSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Stretching;

/// <summary>What people hold begins nothing, and goes on when they let go.</summary>
public sealed class HoldTests
{
    [Theory, MemberData(nameof(Engines), MemberType = typeof(RosterSetup))]
    public async Task A_paused_job_gives_back_what_waits_and_begins_nothing_until_it_is_resumed(string engine)
    {
        await using var cluster = await ClusterAsync(engine);
        await cluster.InsertAsync(40);
        void Program(PampaBuilder p) => AddJobs(p, null, "numbers");
        var leader = await cluster.StartProgramAsync(Program, name: "leader", joins: false);
        var node = await cluster.StartProgramAsync(Program, name: "node");
        await node.ExchangeAsync();
        await leader.DispatchAsync();
        await node.ExchangeAsync();
        Assert.Equal(10, (await cluster.RowsAsync()).Count(r => r.IsReserved));

        await HoldAsync(cluster, HoldKind.Job, "numbers");
        await TurnAsync(cluster, 2, leader, node);
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row is { IsFree: true } or { IsCompleted: true }));
        var done = await DoneAsync(cluster, "numbers");
        Assert.True(done < 40);
        await TurnAsync(cluster, 5, leader, node);
        Assert.Equal(done, await DoneAsync(cluster, "numbers"));
        Assert.Equal("it is paused", Assert.Single(await Control(cluster).ReadSharesAsync(TestCluster.Stopping)).Reason);

        Assert.True(await Control(cluster).ReleaseAsync(new Hold(HoldKind.Job, "numbers"), TestCluster.Stopping));
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal(1, row.N));
    }

    [Theory]
    [InlineData(nameof(HoldKind.Worker), "a.1")]
    [InlineData(nameof(HoldKind.Node), "a")]
    public async Task A_detached_worker_gets_nothing_and_others_do_its_work(string kind, string name)
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        await cluster.InsertAsync(300);
        void Program(PampaBuilder p) => AddJobs(p, null, "numbers");
        var a = await cluster.StartProgramAsync(Program, 2);
        var b = await cluster.StartProgramAsync(Program, 2, "b");
        await TurnAsync(cluster, 0.3, a, b);
        await HoldAsync(cluster, Enum.Parse<HoldKind>(kind), name);
        await TurnAsync(cluster, 1.2, a, b);
        await cluster.InsertAsync(100, 1_001);
        await cluster.UntilEndedAsync();
        var after = cluster.Calls.Where(c => c.Key > 1_000).Select(c => c.Worker).Distinct().ToList();
        Assert.DoesNotContain(after, w => w == name || w.StartsWith($"{name}.", StringComparison.Ordinal));
        Assert.NotEmpty(after);
        Assert.DoesNotContain((await ServingAsync(cluster)).Keys, w => w == name || w.StartsWith($"{name}.", StringComparison.Ordinal));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal(1, row.N));
    }

    [Fact]
    public async Task The_worker_in_a_long_task_of_a_paused_job_is_nobodys_until_that_is_over()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "others");
        var release = new TaskCompletionSource();
        await cluster.InsertAsync(1);
        var a = await cluster.StartProgramAsync(p =>
        {
            TestCluster.AddNumbers(p, job => job.Process(_ => release.Task));
            AddJobs(p, null, "others");
        }, 1);
        await a.DispatchAsync();
        await a.StartAsync();
        var slow = a.Node.Workers[0].RunNextAsync();
        await cluster.AdvanceAsync(1.1);
        await HoldAsync(cluster, HoldKind.Job, "numbers");
        await cluster.InsertAsync(20, table: "others");
        for (var i = 0; i < 50; i++)
        {
            a.Dispatcher.Wake();
            await a.DispatchAsync();
            await a.StartAsync();
            Assert.Equal(0L, await cluster.Db.ScalarAsync<long>("SELECT count(*) FROM others WHERE odd_checking_reservation_id IS NOT NULL"));
            await cluster.LiveAsync(0.1);
        }
        Assert.Equal("20 due at 500 a worker want 1, but all that may serve it are in long tasks or paused", (await SharesAsync(cluster, "others")).Reason);

        release.SetResult();
        await slow;
        await cluster.UntilAsync(async () => await DoneAsync(cluster, "others") == 20, "the others are done");
    }

    [Fact]
    public async Task A_pause_ends_by_itself_at_its_time()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        await cluster.InsertAsync(5);
        var a = await cluster.StartAsync(job => job.Process(_ => { }));
        var until = new DateTimeOffset(cluster.Db.Clock.Now, TimeSpan.Zero).AddSeconds(20);
        await HoldAsync(cluster, HoldKind.Job, "numbers", until);
        await TurnAsync(cluster, 15, a);
        Assert.Empty(cluster.Calls);
        await TurnAsync(cluster, 10, a);
        Assert.Equal(5, cluster.Calls.Count);
    }

    [Fact]
    public void A_node_of_isolated_workers_is_held_with_all_of_them()
    {
        var holds = new Holds([new Hold(HoldKind.Node, "web")]);
        Assert.True(holds.IsWorkerHeld("web.1.1", "web.1"));
        Assert.False(holds.IsWorkerHeld("web.x.1", "web.x"));
        Assert.False(holds.IsWorkerHeld("web1.1", "web1"));
    }
}
