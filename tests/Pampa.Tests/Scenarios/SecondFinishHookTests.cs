using System.Globalization;
using Pampa.Jobs;
using Pampa.Storage;
using static Pampa.Tests.Scenarios.HookTests;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>A second statement that writes results beside the first, where each has a transaction of its own for what its hook does.</summary>
public sealed class SecondFinishHookTests
{
    private const int Results = Limits.StatementRows + 20;

    /// <summary>Records that run, and results of all of them that wait.</summary>
    private static async Task<(TestCluster Cluster, TestProcess Process)> WaitingAsync(Func<TaskEvent, Sql?> hook)
    {
        var cluster = await ClusterAsync(Engine.PostgreSql);
        await cluster.Db.ExecuteAsync("CREATE TABLE counters (id bigint PRIMARY KEY, n bigint NOT NULL); INSERT INTO counters VALUES (1, 0)");
        await cluster.Db.GrantOwnAsync("SELECT, UPDATE ON counters");
        var process = await cluster.StartAsync(job =>
        {
            job.OnFinished(hook);
            job.Process(_ => { });
        });
        await cluster.Db.ExecuteAsync($"""
            INSERT INTO numbers (value, odd_checking_reservation_id, odd_checking_reservation_time, odd_checking_reservation_times, odd_checking_start_time)
            SELECT v, 'a.1', '2030-01-01', 1, '2030-01-01' FROM generate_series(1, {Results}) AS v
            """);
        List<TaskKey> keys = [.. Enumerable.Range(1, Results).Select(value => new TaskKey(value.ToString(CultureInfo.InvariantCulture)))];
        var fences = await process.Lane.Store.ReadFencesAsync(keys, TestCluster.Stopping);
        foreach (var now in fences.OrderBy(now => keys.IndexOf(now.Fence.Key))) process.Lane.Finisher.Post(new TaskResult(now.Fence, Outcome.Completed));
        Assert.Equal(Results, process.Lane.Finisher.Count);
        return (cluster, process);
    }

    private static (int Left, long Completed) State(TestProcess process) => (process.Lane.Finisher.Count, process.Counters.Completed);

    private static Task<bool> AssistAsync(TestProcess process) => process.Lane.Finisher.AssistAsync(TestCluster.Stopping);

    [Fact]
    public async Task It_writes_each_with_its_hook()
    {
        var (cluster, process) = await WaitingAsync(about => Audit(about, $"{about.Outcome}"));
        await using var _ = cluster;
        Assert.True(await AssistAsync(process));
        Assert.Equal((Results - Limits.StatementRows, Limits.StatementRows), State(process));
        Assert.Equal(Limits.StatementRows, (await AuditAsync(cluster, "what = 'Completed'")).Distinct().Count());
        await process.FinishAsync();
        Assert.Equal((0, Results), State(process));
        Assert.Equal(Results, (await AuditAsync(cluster)).Distinct().Count());
        await cluster.CheckAsync();
    }

    [Fact]
    public async Task A_hook_that_is_refused_is_left_to_the_first()
    {
        var (cluster, process) = await WaitingAsync(about => Audit(about, about is { Key: "7", Outcome: TaskOutcome.Completed } ? null : $"{about.Outcome}"));
        await using var _ = cluster;
        Assert.False(await AssistAsync(process));
        Assert.Equal(Results, process.Lane.Finisher.Count + process.Counters.Completed);
        await process.FinishAsync();
        Assert.Equal((0, Results - 1), State(process));
        Assert.Equal((1, 0, 0), (process.Counters.Again, process.Counters.Fenced, process.Counters.Unknown));
        Assert.Equal(["7.1 Again"], await AuditAsync(cluster, "what <> 'Completed'"));
        Assert.Equal(Results, (await AuditAsync(cluster)).Distinct().Count());
    }

    [Fact]
    public async Task A_row_of_a_hook_that_somebody_holds_is_waited_for_by_its_result_alone()
    {
        var (cluster, process) = await WaitingAsync(about => about.Key == "7" ? (Sql)$"UPDATE counters SET n = n + 1 WHERE id = {1}" : Audit(about, $"{about.Outcome}"));
        await using var _ = cluster;
        await using (await LockedRowTests.Holder.RunAsync(cluster, "SELECT n FROM counters WHERE id = 1 FOR UPDATE"))
        {
            Assert.False(await AssistAsync(process));
            Assert.Equal(Results, process.Lane.Finisher.Count + process.Counters.Completed);
            await process.FinishAsync();
            Assert.Equal((1, Results - 1), State(process));
            Assert.True((await cluster.RowAsync(7)).IsRunning);
        }
        await cluster.LiveAsync(1);
        await process.FinishAsync();
        Assert.Equal((0, Results), State(process));
        Assert.Equal(1, await cluster.Db.ScalarAsync<long>("SELECT n FROM counters"));
        Assert.Equal((0, 0, 0), (process.Counters.Again, process.Counters.Fenced, process.Counters.Unknown));
    }
}
