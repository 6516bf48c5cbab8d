using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Policies of a table (row-level security), under which the product may see and change some of the records.</summary>
public sealed class RowSecurityTests
{
    private static async Task<TestCluster> WithPoliciesAsync(Engine engine, int records, params string[] policies)
    {
        var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(records);
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ENABLE ROW LEVEL SECURITY");
        foreach (var policy in policies) await cluster.Db.ExecuteAsync($"CREATE POLICY {policy}");
        return cluster;
    }

    private static Task CompletedAsync(TestCluster cluster, int count) => cluster.UntilAsync(
        async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == count, $"{count} records are completed", 100);

    /// <summary>Nothing is left to do, and nobody tries it all the time.</summary>
    private static async Task IsAtRestAsync(TestCluster cluster, TestProcess process)
    {
        for (var i = 0; i < 20 && await process.DispatchAsync(); i++) await process.StartAsync();
        Assert.False(await process.DispatchAsync());
        await cluster.CheckAsync();
        Assert.Equal(0, process.Outages);
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Records_that_a_policy_hides_are_no_tasks(Engine engine)
    {
        await using var cluster = await WithPoliciesAsync(engine, 20, "mine ON numbers USING (value % 2 = 0)");
        var process = await cluster.StartAsync(job => job.Process(task => task["note"] = "seen"));

        await CompletedAsync(cluster, 10);

        await IsAtRestAsync(cluster, process);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((row.Key % 2 == 0, row.Key % 2 == 0 ? "seen" : null), (row.IsCompleted, row.Note)));
        var report = await process.Lane.Store.ReportAsync(TestCluster.Stopping);
        Assert.Equal((10, 10, 0), (report.Total, report.Completed, report.Pending));
        Assert.DoesNotContain(process.Lines, line => line.StartsWith("Warning", StringComparison.Ordinal) || line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Records_that_may_be_seen_and_not_changed_stay_pending_and_keep_nobody_at_work(Engine engine)
    {
        await using var cluster = await WithPoliciesAsync(engine, 20, "look ON numbers FOR SELECT USING (true)", "change ON numbers FOR UPDATE USING (value <> 2)");
        var process = await cluster.StartAsync(job => job.Process(_ => { }));

        await CompletedAsync(cluster, 19);

        await IsAtRestAsync(cluster, process);
        Assert.True((await cluster.RowAsync(2)).IsFree);
        Assert.False(process.Lane.Load.IsSuspended);
    }

    [Fact]
    public async Task Many_that_may_be_seen_and_not_changed_do_not_hide_those_behind_them()
    {
        await using var cluster = await WithPoliciesAsync(
            Engine.PostgreSql, 60, "look ON numbers FOR SELECT USING (true)", "change ON numbers FOR UPDATE USING (value > 40)");
        await cluster.StartAsync(job => job.Process(_ => { }));
        await CompletedAsync(cluster, 20);
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_record_whose_reservation_a_policy_refuses_is_gone_round_with_one_line(Engine engine)
    {
        await using var cluster = await WithPoliciesAsync(engine, 20,
            "few ON numbers USING (true) WITH CHECK (value <> 5 OR odd_checking_reservation_id IS NULL)");
        var process = await cluster.StartAsync(job => job.Process(_ => { }));

        await CompletedAsync(cluster, 19);

        await IsAtRestAsync(cluster, process);
        Assert.Equal((true, 0), ((await cluster.RowAsync(5)).IsFree, (await cluster.RowAsync(5)).N));
        var line = Assert.Single(process.Lines, line => line.Contains("record 5 is gone round for 10 s", StringComparison.Ordinal));
        Assert.Contains("its WITH CHECK must let the state columns, and what handlers set, change", line, StringComparison.Ordinal);
        await cluster.Db.ExecuteAsync("DROP POLICY few ON numbers; CREATE POLICY all_of_them ON numbers USING (true)");
        await cluster.LiveAsync(11);
        await cluster.UntilEndedAsync(maxRounds: 100);
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_result_that_a_policy_refuses_fails_only_its_task(Engine engine)
    {
        await using var cluster = await WithPoliciesAsync(engine, 10, "clean ON numbers USING (true) WITH CHECK (note IS DISTINCT FROM 'forbidden')");
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.Process(task => task["note"] = task.Get<long>("value") == 4 ? "forbidden" : "allowed");
        }, workers: 10);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();

        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((row.Key != 4, row.Key == 4 ? null : "allowed"), (row.IsCompleted, row.Note)));
        Assert.Contains("row-level security", (await cluster.RowAsync(4)).Err, StringComparison.Ordinal);
        Assert.DoesNotContain(process.Lines, line => line.Contains("suspended", StringComparison.Ordinal));
    }
}
