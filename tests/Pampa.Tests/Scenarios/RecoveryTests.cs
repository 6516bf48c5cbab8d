using Pampa.Storage;

namespace Pampa.Tests.Scenarios;

/// <summary>Who takes back what a process that is gone has held, and when.</summary>
public sealed class RecoveryTests
{
    private static void Quick(JobBuilder job) => job.Process(_ => { });

    /// <summary>A process with four reserved records, two of them started.</summary>
    private static async Task<TestProcess> HoldingAsync(TestCluster cluster, string name = "a")
    {
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(Quick, name: name);
        await process.DispatchAsync();
        await process.StartAsync();
        Assert.Equal((2, 2), await HeldAsync(cluster));
        return process;
    }

    /// <summary>A process that may lead and whose own workers serve nothing.</summary>
    private static Task<TestProcess> LookingOnAsync(TestCluster cluster) => cluster.StartAsync(job =>
    {
        job.WorkerFilter = "nobody";
        Quick(job);
    }, name: "b");

    private static async Task<(int Reserved, int Running)> HeldAsync(TestCluster cluster)
    {
        var rows = await cluster.RowsAsync();
        return (rows.Count(r => r.IsReserved), rows.Count(r => r.IsRunning));
    }

    [Fact]
    public async Task A_new_life_of_the_same_ids_takes_back_before_it_is_ready()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var first = await HoldingAsync(cluster);
        first.Kill();
        await first.MarkDeadAsync();

        var second = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, Quick), joins: false);
        string? stateAtRecovery = null;
        second.Faults.Meanwhile(TestProcess.Recover, () =>
            stateAtRecovery = WorkerStates.Of((string)cluster.Db.ReadAsync("SELECT max(state) FROM pampa_worker").GetAwaiter().GetResult()[0][0]!));
        await second.JoinAsync();

        Assert.Equal(WorkerStates.Recovering, stateAtRecovery);
        Assert.Equal("a", second.Membership.Node);
        Assert.Equal(2, second.Membership.Workers[0].Session);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, row.Key <= 2 ? 1 : 0), (row.IsFree, row.N)));
        Assert.Equal("worker a.1 lost during attempt 1 of 3", (await cluster.RowAsync(1)).Err);
        await cluster.AdvanceAsync(16);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, row.Key <= 2 ? 2 : 1), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task A_live_name_is_not_taken_and_the_next_suffix_is()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var first = await cluster.StartAsync(Quick, name: "local");
        var second = await cluster.StartAsync(Quick, name: "local");
        var third = await cluster.StartAsync(Quick, name: "local");

        Assert.Equal(["local", "local-2", "local-3"], new[] { first, second, third }.Select(p => p.Membership.Node));
        Assert.Equal(["local-2.1", "local-2.2"], second.Membership.Workers.Select(w => w.Worker));
    }

    [Fact]
    public async Task A_second_process_stands_by_and_leads_when_the_lease_is_over()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var first = await cluster.StartAsync(Quick, name: "a");
        var second = await cluster.StartAsync(Quick, name: "b");
        await first.RoundAsync();
        await second.RoundAsync();
        Assert.Equal((true, false), (first.Dispatcher.IsLeading, second.Dispatcher.IsLeading));
        first.Kill();

        await cluster.AdvanceAsync(14.9);
        await second.RoundAsync();
        Assert.False(second.Dispatcher.IsLeading);
        await cluster.AdvanceAsync(5.1);
        await second.RoundAsync();

        Assert.True(second.Dispatcher.IsLeading);
        Assert.Equal(2, second.Leadership.Term!.Term);
    }

    [Fact]
    public async Task A_leader_that_was_frozen_reserves_nothing_in_its_old_term()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var first = await cluster.StartAsync(Quick, name: "a");
        var second = await cluster.StartAsync(Quick, name: "b");
        await first.Dispatcher.CycleAsync(TestCluster.Stopping);
        await first.Node.ReleaseAllAsync(TestCluster.Stopping);
        var stale = first.Leadership.Term!;
        await cluster.AdvanceAsync(16);
        second.TryBeat();
        await second.Leadership.EnsureAsync(TestCluster.Stopping);

        var reserved = await first.Lane.Store.ReserveAsync([new Slot("a.1", "a")], stale, "a", null, TestCluster.Stopping);

        Assert.Empty(reserved);
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsFree));
        await first.DispatchAsync();
        Assert.False(first.Dispatcher.IsLeading);
    }

    [Fact]
    public async Task A_silent_workers_records_are_taken_back_after_its_lease_and_never_earlier()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var first = await HoldingAsync(cluster);
        var second = await LookingOnAsync(cluster);
        first.Kill();

        for (var second5 = 0; second5 < 5; second5++)
        {
            await cluster.LiveAsync(5);
            await second.RoundAsync();
            Assert.Equal((2, 2), await HeldAsync(cluster));
        }
        await cluster.LiveAsync(4.5);
        await second.RoundAsync();
        Assert.True(second.Dispatcher.IsLeading);
        Assert.Equal((2, 2), await HeldAsync(cluster));
        await cluster.LiveAsync(6.5);
        await second.RoundAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, row.Key <= 2 ? 1 : 0), (row.IsFree, row.N)));
        Assert.Equal(0, second.Dispatcher.Failed);
    }

    [Fact]
    public async Task What_a_process_that_is_gone_from_this_host_has_held_is_taken_back_without_waiting_for_its_lease()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var first = await HoldingAsync(cluster);
        var second = await LookingOnAsync(cluster);
        first.Kill();
        await first.MarkDeadAsync();
        // The first one led: its leader's lease has to end, which is shorter than that of its workers.
        await cluster.LiveAsync(16);
        await second.RoundAsync();

        Assert.True(second.Dispatcher.IsLeading);
        Assert.Equal((0, 0), await HeldAsync(cluster));
    }

    [Fact]
    public async Task After_an_outage_workers_get_half_a_lease_to_beat_again()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var leader = await cluster.StartAsync(job =>
        {
            job.WorkerFilter = "^b";
            Quick(job);
        }, name: "a");
        await leader.RoundAsync();
        var other = await cluster.StartAsync(Quick, name: "b");
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_id = 'b.1', odd_checking_reservation_time = '2030-01-01T00:00:00.000Z'");
        // Nobody reaches the database for two leases; both come back.
        await cluster.AdvanceAsync(60);
        leader.TryBeat();
        for (var i = 0; i < 14; i++)
        {
            await leader.DispatchAsync();
            await cluster.AdvanceAsync(1);
        }
        Assert.Equal((4, 0), await HeldAsync(cluster));
        other.TryBeat();
        for (var i = 0; i < 20; i++)
        {
            await cluster.LiveAsync(1);
            await leader.DispatchAsync();
        }

        Assert.True(leader.Dispatcher.IsLeading);
        Assert.False(other.Membership.IsLost);
        Assert.Equal((4, 0), await HeldAsync(cluster));
    }

    [Fact]
    public async Task What_a_resigned_worker_held_is_taken_back_at_once()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var first = await HoldingAsync(cluster);
        await first.Membership.ResignAsync(TestCluster.Stopping);
        await first.Leadership.ResignAsync(TestCluster.Stopping);
        first.Kill();
        var second = await cluster.StartAsync(Quick, name: "b");

        await second.RoundAsync();
        await cluster.UntilEndedAsync(maxRounds: 10);

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, row.Key <= 2 ? 2 : 1), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task What_the_leader_ends_for_good_counts_as_its_failed_tasks()
    {
        await using var cluster = await TestCluster.CreateAsync();
        static void Once(JobBuilder job)
        {
            job.MaxAttempts = 1;
            Quick(job);
        }
        await cluster.InsertAsync(3);
        var first = await cluster.StartAsync(Once);
        await first.DispatchAsync();
        await first.StartAsync();
        await first.Membership.ResignAsync(TestCluster.Stopping);
        await first.Leadership.ResignAsync(TestCluster.Stopping);
        first.Kill();
        // Two were lost in their only attempt. Another has no attempt left and nobody who holds it: some other program has written that.
        await cluster.Db.ExecuteAsync("INSERT INTO numbers (value, odd_checking_reservation_times, odd_checking_error_description) VALUES (4, 1, 'elsewhere')");
        var second = await cluster.StartAsync(Once, name: "b");

        await cluster.UntilEndedAsync(maxRounds: 10);

        Assert.Equal([true, true, false, true], (await cluster.RowsAsync()).Select(r => r.IsFailed));
        Assert.Equal((1, "elsewhere"), ((await cluster.RowAsync(4)).N, (await cluster.RowAsync(4)).Err));
        Assert.Equal(3, second.Dispatcher.Failed);
    }

    [Fact]
    public async Task When_its_ids_are_taken_over_handlers_are_cancelled_and_late_results_fenced()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var reasons = new List<string?>();
        var release = new TaskCompletionSource();
        var process = await cluster.StartAsync(job => job.Process(async task =>
        {
            if (task.Attempt > 1 || task.Get<long>("value") == 3) return;
            await release.Task;
            reasons.Add(task.CancellationReason);
            task["note"] = "late";
        }));
        await process.DispatchAsync();
        await process.StartAsync();
        var running = process.Node.Workers.Select(w => w.RunNextAsync()).ToList();
        await cluster.Db.ExecuteAsync("UPDATE pampa_worker SET session = session + 1, expires_at = '2030-01-01T00:00:00.000Z'");
        await cluster.AdvanceAsync(1);

        process.TryBeat();
        Assert.True(process.Membership.IsLost);
        await process.StartAsync();
        Assert.False(process.Membership.IsLost);
        Assert.Equal(3, process.Membership.Workers[0].Session);
        release.SetResult();
        await Task.WhenAll(running);
        await process.FinishAsync();

        Assert.All(reasons, reason => Assert.Equal("the worker has lost its lease", reason));
        Assert.Equal((2, 2, 0), (reasons.Count, process.Counters.Fenced, process.Counters.Completed));
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, null), (row.IsCompleted, row.Note)));
        Assert.Equal([2, 2, 1], (await cluster.RowsAsync()).Select(r => r.N));
    }

    [Fact]
    public async Task Orphans_are_found_every_half_minute_and_settled_records_are_left_alone()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await cluster.StartAsync(Quick);
        await process.DispatchAsync();
        await process.StartAsync();
        // Record 3 is reserved for a worker of the process, which knows nothing of it.
        foreach (var hand in process.Lane.Load.Hands)
        {
            foreach (var reservation in hand.Empty()) process.Lane.Forget(reservation.Key, reservation.Claim);
        }
        await process.RunAsync();
        await cluster.LiveAsync(29);
        await process.StartAsync();
        Assert.Equal(2, cluster.Calls.Count);
        await cluster.LiveAsync(1.5);
        // Two results are written while the node reads: they were open in what it read, and are settled when it looks at them.
        process.Faults.Meanwhile(TestProcess.ReadOwn, () => process.Lane.Finisher.CycleAsync(TestCluster.Stopping).GetAwaiter().GetResult());

        await process.StartAsync();
        await process.RoundAsync();
        await cluster.UntilEndedAsync(maxRounds: 10);

        Assert.Equal((3, 3, 0, 0), (cluster.Calls.Count, process.Counters.Completed, process.Counters.Forgiven, process.Counters.Fenced));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal(1, row.N));
    }
}
