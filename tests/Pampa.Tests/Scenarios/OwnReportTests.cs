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

    [Fact]
    public async Task One_that_does_not_hear_that_its_time_is_over_is_not_called_again_before_it_has_ended()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        using var go = new SemaphoreSlim(0);
        var calls = 0;
        var store = await StoreAsync(cluster, async (context, _) =>
        {
            Interlocked.Increment(ref calls);
            await go.WaitAsync(TestCluster.Stopping);
            return await context.CountAsync(TestCluster.Stopping) with { Pending = 9 };
        });
        var within = TimeSpan.FromMilliseconds(100);
        foreach (var fault in (string[])["it did not answer within 00:00:00.1000000", "the call before has not ended, although its time is over"])
        {
            var report = await store.CountedAsync(isExact: false, TestCluster.Stopping, within);
            Assert.Equal((3L, false, fault, 1), (report.Pending, report.IsOwn, report.Fault, calls));
        }
        go.Release(100);
        Report own;
        do own = await store.CountedAsync(isExact: false, TestCluster.Stopping);
        while (own.Fault?.StartsWith("the call before", StringComparison.Ordinal) == true);
        Assert.Equal((9L, true, 2), (own.Pending, own.IsOwn, calls));
    }

    [Fact]
    public async Task Those_who_ask_meanwhile_are_answered_by_one_call_and_whoever_goes_takes_it_from_nobody()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        using var go = new SemaphoreSlim(0);
        var calls = 0;
        var store = await StoreAsync(cluster, async (context, stopping) =>
        {
            Interlocked.Increment(ref calls);
            await go.WaitAsync(stopping);
            return await context.CountAsync(stopping) with { Pending = 9 };
        });
        var patient = store.CountedAsync(isExact: true, TestCluster.Stopping);
        var hurried = await store.CountedAsync(isExact: true, TestCluster.Stopping, TimeSpan.FromMilliseconds(50));
        Assert.Equal((3L, "it did not answer within 00:00:00.0500000"), (hurried.Pending, hurried.Fault));
        go.Release();
        Assert.Equal((9L, 1), ((await patient).Pending, calls));
    }
}
