using static Pampa.Tests.Scenarios.TransactionFaultTests;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Transactions of handlers whose time is over.</summary>
public sealed class TransactionTimeTests
{
    [Theory]
    [InlineData(Engine.Sqlite, 3)]
    [InlineData(Engine.PostgreSql, 3)]
    [InlineData(Engine.Sqlite, 6)]
    [InlineData(Engine.PostgreSql, 6)]
    internal async Task The_time_that_others_have_cost_is_not_charged(Engine engine, int seconds)
    {
        await using var cluster = await TransactionTests.ClusterAsync(engine);
        cluster.AttemptsAreGivenBack = true;
        var process = await cluster.StartAsync(job =>
        {
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.ProcessInTransaction(async (task, connection, transaction) =>
            {
                await TransactionTests.WriteAsync(task, connection, transaction);
                // The second run begins after three of the five seconds; one of six does not listen, and its commit comes too late to try again.
                cluster.Time.Advance(TimeSpan.FromSeconds(seconds > 5 || cluster.Calls.Count == 1 ? seconds : 2.2));
                if (seconds < 5) task.CancellationToken.ThrowIfCancellationRequested();
                task["note"] = "set";
            });
        });
        process.Faults.FailBefore(TestProcess.Commit, error: Conflict(cluster));

        await RunOnceAsync(process);
        Assert.Equal((seconds < 5 ? 2 : 1, 0), (cluster.Calls.Count, process.Counters.Completed));
        Assert.Contains(process.Lines, line => line.Contains("others were in its transaction's way until its time of 00:00:05 was over", StringComparison.Ordinal));
        await cluster.UntilEndedAsync();

        Assert.Equal((1, 1, 0), (process.Counters.Forgiven, process.Counters.Completed, process.Counters.Again));
        await CheckCompletedAsync(cluster);
    }

    [Theory]
    [InlineData(Engine.Sqlite, 0)]
    [InlineData(Engine.PostgreSql, 0)]
    [InlineData(Engine.Sqlite, 1)]
    [InlineData(Engine.PostgreSql, 1)]
    internal async Task A_run_that_takes_too_long_by_itself_is_charged_whatever_came_before_it(Engine engine, int conflicts)
    {
        await using var cluster = await TransactionTests.ClusterAsync(engine);
        cluster.AttemptsAreGivenBack = conflicts > 0;
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.ProcessInTransaction(async (task, connection, transaction) =>
            {
                await TransactionTests.WriteAsync(task, connection, transaction);
                cluster.Time.Advance(TimeSpan.FromSeconds(cluster.Calls.Count <= conflicts ? 1 : 6));
                task.CancellationToken.ThrowIfCancellationRequested();
            });
        });
        if (conflicts > 0) process.Faults.FailBefore(TestProcess.Commit, conflicts, error: Conflict(cluster));

        await cluster.UntilEndedAsync();

        Assert.Equal((conflicts + 1, 1), (cluster.Calls.Count, (int)process.Counters.Failed));
        Assert.StartsWith("MaxDuration of 00:00:05 exceeded during attempt 1 of 1", (await cluster.RowAsync(1)).Err, StringComparison.Ordinal);
    }
}
