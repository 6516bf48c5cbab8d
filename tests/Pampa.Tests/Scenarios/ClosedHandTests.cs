using Pampa.Jobs;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Reservations that come when there is no hand to put them in, and jobs for which there is none at all.</summary>
public sealed class ClosedHandTests
{
    [Fact]
    public async Task What_is_delivered_to_a_closed_hand_is_not_known_and_so_is_adopted_later()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        var load = process.Lane.Load;
        foreach (var hand in load.Hands) hand.Close();

        await process.DispatchAsync();
        Assert.Equal((4, 0), ((await cluster.RowsAsync()).Count(r => r.IsReserved), load.Hands.Sum(h => h.Count)));
        var unknown = await process.Lane.ReadUnknownAsync(process.Membership.Workers, TestCluster.Stopping);
        Assert.Equal(4, unknown.Count);
        load.Hands = [.. load.Hands.Select(h => new Hand(h.Worker))];
        await cluster.LiveAsync(31);
        await process.StartAsync();
        await cluster.UntilEndedAsync(maxRounds: 50);

        Assert.Contains(process.Lines, line => line.Contains("4 reservations adopted, 0 started ones given back, 0 lost", StringComparison.Ordinal));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal((4, 0), (cluster.Calls.Count, process.Counters.Fenced));
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_node_that_registers_anew_while_a_reservation_is_on_its_way_runs_each_task_once(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(6);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        process.Faults.Meanwhile(TestProcess.Reserve, () =>
        {
            cluster.Db.ExecuteAsync("UPDATE pampa_worker SET session = session + 1, expires_at = '2030-01-01T00:00:00.000Z'").GetAwaiter().GetResult();
            process.TryBeat();
            Assert.True(process.Membership.IsLost);
            process.Node.CycleAsync(TestCluster.Stopping).GetAwaiter().GetResult();
            Assert.False(process.Membership.IsLost);
        });

        await process.DispatchAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsFree));
        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal((6, 0), (cluster.Calls.Count, process.Counters.Fenced));
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_reservation_for_ids_that_are_another_processs_by_now_is_not_taken_in(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(6);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        process.Faults.Meanwhile(TestProcess.Reserve, () =>
        {
            // The one that has taken them over lives, so that this node needs another name.
            cluster.Db.ExecuteAsync("UPDATE pampa_worker SET session = session + 1").GetAwaiter().GetResult();
            process.TryBeat();
            process.Node.CycleAsync(TestCluster.Stopping).GetAwaiter().GetResult();
        });

        await process.DispatchAsync();
        Assert.Equal(("a-2", 0), (process.Membership.Node, process.Lane.Load.Hands.Sum(h => h.Count)));
        await process.StartAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, "a"), (row.IsReserved, row.Rid?[..^2])));
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_reservation_that_comes_while_there_are_no_hands_is_adopted_later(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(6);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        process.Faults.Meanwhile(TestProcess.Reserve, () =>
        {
            // The node begins to register anew, and does not get to the end of it.
            cluster.Db.ExecuteAsync("UPDATE pampa_worker SET session = session + 1, expires_at = '2030-01-01T00:00:00.000Z'").GetAwaiter().GetResult();
            process.TryBeat();
            process.Faults.FailBefore(TestProcess.Recover);
            process.StartAsync().GetAwaiter().GetResult();
        });

        await process.DispatchAsync();
        Assert.Equal((1, 0), (process.Outages, process.Lane.Load.Hands.Count));
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsReserved));
        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_reservation_that_was_read_back_before_its_answer_came_is_not_taken_in_again(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        process.Faults.Meanwhile(TestProcess.Reserve, () =>
        {
            process.Lane.Load.Doubt();
            process.StartAsync().GetAwaiter().GetResult();
        });

        await process.DispatchAsync();

        Assert.Equal((2, 2), (process.Node.Running, process.Lane.Load.Hands.Sum(h => h.Count)));
        await cluster.UntilEndedAsync();
        Assert.Equal((4, 4, 0), (cluster.Calls.Count, process.Counters.Completed, process.Counters.Fenced));
    }

    [Fact]
    public async Task A_newer_reservation_of_a_record_takes_the_older_one_out_of_the_hand_where_it_waits()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        var hands = process.Lane.Load.Hands;
        process.Node.Deliver(process.Lane, [new Reservation(new TaskKey("1"), "a.2", "2030-01-01T00:00:00.000Z", 0)]);
        Assert.Equal((0, 1), (hands[0].Count, hands[1].Count));

        await cluster.AdvanceAsync(1);
        await process.DispatchAsync();

        Assert.Equal((1, 0), (hands[0].Count, hands[1].Count));
        await cluster.UntilEndedAsync();
        Assert.Single(cluster.Calls);
    }

    [Fact]
    public async Task Of_two_reservations_of_a_record_that_are_taken_up_together_only_the_newer_one_is_started()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await cluster.AdvanceAsync(1);
        await process.DispatchAsync();
        // As if it had come to its hand just when the newer one had been looked for there.
        process.Lane.Load.Hands[1].Add(new Reservation(new TaskKey("1"), "a.2", "2030-01-01T00:00:00.000Z", 0));

        await process.StartAsync();

        Assert.Equal((1, 0), (process.Node.Workers[0].Count, process.Node.Workers[1].Count));
        await cluster.UntilEndedAsync();
        Assert.Equal((1, 0), (cluster.Calls.Count, process.Counters.Fenced));
    }

    [Fact]
    public async Task A_job_that_no_worker_serves_leaves_the_dispatcher_idle()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("others");
        await cluster.InsertAsync(4);
        await cluster.InsertAsync(4, table: "others");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job =>
            {
                job.WorkerFilter = "nobody";
                job.Process(_ => { });
            }, "unserved");
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "served", "others");
        });
        Assert.False(process.Dispatcher.IsIdle);

        await cluster.UntilEndedAsync("others");
        for (var i = 0; i < 10; i++)
        {
            await cluster.LiveAsync(5);
            Assert.False(await process.DispatchAsync());
            Assert.True(process.Dispatcher.IsIdle);
        }

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0), (row.IsFree, row.N)));
        Assert.Single(process.Lines, line => line.Contains("no worker of the cluster serves it, its WorkerFilter is 'nobody'", StringComparison.Ordinal));
        Assert.All(cluster.Calls, call => Assert.Equal("served", call.Job));
    }
}
