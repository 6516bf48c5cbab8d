using Pampa.Storage;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Jobs that count their records themselves.</summary>
public sealed class OwnReportTests
{
    private static async Task<TaskStore> StoreAsync(
        TestCluster cluster, Func<ReportContext, CancellationToken, Task<Report>> countAsync, TimeSpan? deadline = null)
    {
        var process = await cluster.StartAsync(job =>
        {
            job.Process(_ => { });
            job.Report(countAsync);
        });
        return deadline is { } limit
            ? new TaskStore(cluster.Db.Database, process.Lane.Store.Table, TestCluster.Cluster, new Random(1)) { ReportDeadline = limit }
            : process.Lane.Store;
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Its_numbers_take_the_place_of_the_tables(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(7);
        var store = await StoreAsync(cluster, async (context, stopping) =>
        {
            Assert.Equal("numbers", context.Job);
            await using var command = context.Database.CreateCommand("SELECT count(*) FROM numbers WHERE value > 2");
            var pending = Convert.ToInt64(await command.ExecuteScalarAsync(stopping), System.Globalization.CultureInfo.InvariantCulture);
            var counted = await context.CountAsync(stopping);
            Assert.Equal(7, counted.Pending);
            return counted with { Job = "whatever", Pending = pending };
        });
        foreach (var isExact in (bool[])[true, false])
        {
            var report = await store.CountedAsync(isExact, TestCluster.Stopping);
            Assert.Equal(("numbers", 5L, 5L, true, null), (report.Job, report.Pending, report.Total, report.IsOwn, report.Fault));
        }
    }

    [Theory]
    [InlineData("throws", "it throws InvalidOperationException: no such view")]
    [InlineData("null", "it returned null instead of a report")]
    [InlineData("negative", "it returned -3 for Completed, and no count is below zero")]
    [InlineData("rate", "it returned NaN for PerSecond, and that is no rate")]
    [InlineData("hangs", "it did not answer within 00:00:00.2000000")]
    [InlineData("blocks", "it did not answer within 00:00:00.2000000")]
    public async Task What_is_wrong_with_it_is_told_beside_the_tables_counts(string how, string fault)
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        using var never = new SemaphoreSlim(0);
        var store = await StoreAsync(cluster, async (context, stopping) =>
        {
            if (how == "throws") throw new InvalidOperationException("no such\nview");
            if (how == "hangs") await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, TestCluster.Stopping);
            if (how == "blocks") never.Wait(TestCluster.Stopping);
            if (how == "rate") return (await context.CountAsync(stopping)) with { PerSecond = double.NaN };
            return how == "null" ? null! : (await context.CountAsync(stopping)) with { Completed = -3 };
        }, TimeSpan.FromMilliseconds(200));
        var report = await store.CountedAsync(isExact: true, TestCluster.Stopping);
        never.Release();
        Assert.Equal((3L, false, fault), (report.Pending, report.IsOwn, report.Fault));
    }
}
