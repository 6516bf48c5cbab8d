namespace Pampa.Tests.Scenarios;

/// <summary>Handlers that take longer than they may.</summary>
public sealed class DurationTests
{
    [Fact]
    public async Task A_handler_that_exceeds_MaxDuration_is_cancelled_with_a_readable_reason()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        string? reason = null;
        await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 2;
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.Process(async task =>
            {
                Assert.Null(task.CancellationReason);
                await cluster.AdvanceAsync(4.9);
                Assert.False(task.CancellationToken.IsCancellationRequested);
                await cluster.AdvanceAsync(0.2);
                reason = task.CancellationReason;
                task.CancellationToken.ThrowIfCancellationRequested();
            });
        });

        await cluster.UntilEndedAsync();

        Assert.Equal("MaxDuration of 00:00:05 exceeded", reason);
        var row = await cluster.RowAsync(1);
        Assert.True(row.IsFailed);
        Assert.Equal(2, row.N);
        Assert.StartsWith("MaxDuration of 00:00:05 exceeded during attempt 2 of 2: OperationCanceledException", row.Err, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_next_task_of_the_same_worker_has_a_fresh_token_and_its_whole_time()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.Process(async task =>
            {
                await cluster.AdvanceAsync(task.Get<long>("value") == 2 ? 6 : 4);
                task.CancellationToken.ThrowIfCancellationRequested();
            });
        }, workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal([true, false, true], (await cluster.RowsAsync()).Select(r => r.IsCompleted));
    }

    [Fact]
    public async Task A_handler_that_ignores_cancellation_is_given_up_at_the_deadline_and_its_late_result_fenced()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var release = new TaskCompletionSource();
        var process = await cluster.StartAsync(job =>
        {
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.Process(async task =>
            {
                if (task.Attempt > 1) return;
                await release.Task;
                task["note"] = "late";
            });
        }, workers: 2);
        await process.DispatchAsync();
        await process.StartAsync();
        var running = process.Node.Workers.Select(w => w.RunNextAsync()).ToList();

        // MaxDuration and ten seconds, looked at every ten.
        await cluster.LiveAsync(14);
        await process.DispatchAsync();
        Assert.True((await cluster.RowAsync(1)).IsRunning);
        await cluster.LiveAsync(11);
        await process.DispatchAsync();
        Assert.False((await cluster.RowAsync(1)).IsRunning);
        Assert.Equal("deadline of 00:00:05 exceeded during attempt 1 of 3", (await cluster.RowAsync(1)).Err);

        release.SetResult();
        await Task.WhenAll(running);
        await process.FinishAsync();
        Assert.Equal((1, 0), (process.Counters.Fenced, process.Counters.Completed));
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync();
        var row = await cluster.RowAsync(1);
        Assert.Equal((true, 2, null), (row.IsCompleted, row.N, row.Note));
    }
}
