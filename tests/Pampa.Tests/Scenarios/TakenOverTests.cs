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
