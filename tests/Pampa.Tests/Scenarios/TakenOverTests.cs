using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Scenarios;

/// <summary>What two lives of the same worker ids must not do to each other, and what one that leads no more must still do.</summary>
public sealed class TakenOverTests
{
    [Fact]
    public async Task A_frozen_process_that_goes_on_does_not_end_what_its_successor_runs()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        var former = await cluster.StartAsync(job => job.Process(_ => { }));
        await former.DispatchAsync();
        await former.StartAsync();
        // Frozen past its leases: a second process takes the same ids over and starts the records anew.
        await cluster.AdvanceAsync(40);
        var successor = await cluster.StartAsync(job => job.Process(_ => { }));
        Assert.Equal("a", successor.Membership.Node);
        await cluster.AdvanceAsync(1);
        await successor.DispatchAsync();
        await successor.StartAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 2), (row.IsRunning, row.N)));
        var running = await cluster.RowsAsync();

        // It goes on before its heartbeat has told it, and half a minute is over: time to look at what it holds.
        await former.StartAsync();
        await former.FinishAsync();

        Assert.Equal(running, await cluster.RowsAsync());
        await successor.RunAsync();
        await successor.FinishAsync();
        Assert.Equal((2, 0), (successor.Counters.Completed, successor.Counters.Fenced));
    }

    [Fact]
    public async Task A_newer_reservation_of_a_record_that_is_still_run_here_is_found_when_its_own_news_was_lost()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.DispatchAsync();
        await process.StartAsync();
        Assert.Equal("a.1", (await cluster.RowAsync(1)).Rid);
        // Its time was over, it was taken back and reserved anew for the neighbour, and no answer of that came.
        await cluster.Db.ExecuteAsync("""
            UPDATE numbers SET odd_checking_reservation_id = 'a.2', odd_checking_reservation_time = '2030-01-01T00:00:09.000Z', odd_checking_start_time = NULL
            """);
        await cluster.AdvanceAsync(10);
        process.Lane.Load.Doubt();
        await process.StartAsync();
        await process.StartAsync();

        var row = await cluster.RowAsync(1);
        Assert.Equal(("a.2", true, 2), (row.Rid, row.IsRunning, row.N));
        await process.RunAsync();
        await process.FinishAsync();
        Assert.Equal((1, 1), (process.Counters.Completed, process.Counters.Fenced));
    }

    /// <summary>Somebody has taken the ids over and is gone again; the next cycle registers anew.</summary>
    private static async Task TakeOverAsync(TestCluster cluster, TestProcess process)
    {
        await cluster.Db.ExecuteAsync("UPDATE pampa_worker SET session = session + 1, expires_at = '2030-01-01T00:00:00.000Z'");
        await cluster.AdvanceAsync(1);
        process.TryBeat();
        Assert.True(process.Membership.IsLost);
    }

    [Fact]
    public async Task What_was_started_under_ids_that_were_taken_over_is_not_run()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(5);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));
        await process.DispatchAsync();
        await process.StartAsync();
        Assert.Equal(5, process.Node.Running);
        await TakeOverAsync(cluster, process);

        await process.StartAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsFree, row.N)));
        await process.RunAsync();
        Assert.Empty(cluster.Calls);

        await cluster.UntilEndedAsync();
        Assert.All(cluster.Calls, call => Assert.Equal(2, call.Attempt));
        Assert.Equal(0, process.Counters.Fenced);
    }

    [Fact]
    public async Task What_was_in_hand_under_ids_that_were_taken_over_and_was_not_given_back_is_found_later()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.DispatchAsync();
        var former = process.Lane.Load.Hands[0];
        await cluster.Db.ExecuteAsync("""
            CREATE TRIGGER refuse BEFORE UPDATE ON numbers WHEN NEW.odd_checking_reservation_id IS NULL
            BEGIN SELECT RAISE(ABORT, 'it is not given back'); END
            """);
        await TakeOverAsync(cluster, process);

        await process.StartAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsReserved));
        // A delivery that was under way comes too late for its hand.
        Assert.False(former.Add(new Reservation(new TaskKey("1"), former.Worker, "", 0)));
        await cluster.Db.ExecuteAsync("DROP TRIGGER refuse");
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync(maxRounds: 50);

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(4, cluster.Calls.Count);
    }

    [Fact]
    public async Task A_late_result_does_not_make_the_node_forget_the_attempt_that_runs_now()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        TaskCompletionSource[] releases = [new(), new()];
        var process = await cluster.StartAsync(job => job.Process(task => releases[task.Attempt - 1].Task));
        await process.DispatchAsync();
        await process.StartAsync();
        var first = process.Node.Workers[0].RunNextAsync();
        await TakeOverAsync(cluster, process);
        for (var i = 0; i < 10 && process.Node.Workers[1].Count == 0; i++)
        {
            await process.StartAsync();
            await process.DispatchAsync();
            await cluster.AdvanceAsync(0.1);
        }
        var second = process.Node.Workers[1].RunNextAsync();
        Assert.Equal(["a.1", "a.2"], cluster.Calls.Select(c => c.Worker));

        releases[0].SetResult();
        await first;
        await process.FinishAsync();
        Assert.Equal(1, process.Counters.Fenced);
        await cluster.LiveAsync(31);
        await process.StartAsync();
        await process.FinishAsync();
        Assert.Equal((true, 2), ((await cluster.RowAsync(1)).IsRunning, (await cluster.RowAsync(1)).N));

        releases[1].SetResult();
        await second;
        await process.FinishAsync();
        Assert.Equal((1, 1), (process.Counters.Completed, process.Counters.Fenced));
    }

    [Fact]
    public async Task A_task_that_fails_after_its_worker_has_lost_another_by_its_lease_is_charged()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var release = new TaskCompletionSource();
        var reasons = new List<string?>();
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 2;
            job.Process(async task =>
            {
                if (task.Attempt == 1) await release.Task;
                reasons.Add(task.CancellationReason);
                throw new InvalidOperationException("not today");
            });
        }, workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        var first = process.Node.Workers[0].RunNextAsync();
        await TakeOverAsync(cluster, process);
        await process.StartAsync();
        release.SetResult();
        await first;

        await cluster.UntilEndedAsync();

        Assert.Equal(["the worker has lost its lease", null], reasons);
        Assert.Equal((1, 0, 1), (process.Counters.Failed, process.Counters.Forgiven, process.Counters.Fenced));
    }

    [Fact]
    public async Task A_stale_result_of_a_record_is_fenced_beside_its_newer_one()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.DispatchAsync();
        await process.StartAsync();
        var row = await cluster.RowAsync(1);
        var fence = new Fence(new TaskKey("1"), row.Rid!, row.N, (string)(await cluster.Db.ReadAsync("SELECT odd_checking_start_time FROM numbers"))[0][0]!);

        process.Lane.Finisher.Post(new TaskResult(fence with { Attempt = 0 }, Outcome.Completed));
        process.Lane.Finisher.Post(new TaskResult(fence, Outcome.Completed));
        await process.FinishAsync();

        Assert.Equal((1, 1), (process.Counters.Completed, process.Counters.Fenced));
    }

    [Fact]
    public async Task Results_are_written_although_the_dispatcher_that_suspended_the_job_leads_no_more()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();

        process.Lane.Load.Suspend(JobStep.Dispatch, new SnippetException("refused", new InvalidOperationException()));
        await process.FinishAsync();

        Assert.Equal((1, 0), (process.Counters.Completed, process.Node.Unfinished));
        Assert.True(process.Lane.Load.IsSuspendedFor(JobStep.Dispatch));
    }
}
