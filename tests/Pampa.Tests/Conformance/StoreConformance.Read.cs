using Pampa.Jobs;

namespace Pampa.Tests.Conformance;

/// <summary>Counts with a limit, lists, keys that people write, and what nodes publish.</summary>
public abstract partial class StoreConformance
{
    [Theory]
    [InlineData(100)]
    [InlineData(9)]
    public async Task A_quick_report_is_the_exact_one_on_a_table_within_its_limit(int limit)
    {
        await InsertEachStateAsync();
        var exact = await Store.ReportAsync(Stopping);
        Assert.Equal(exact, await Store.ReportAsync(limit, Stopping));
        Assert.Equal((2L, 1L, 1L, 1L, 1L, 2L, true),
            (exact.Pending, exact.Scheduled, exact.Reserved, exact.Running, exact.Completed, exact.Failed, exact.IsExact));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task A_quick_report_of_a_larger_table_counts_at_least(int limit)
    {
        await InsertEachStateAsync();
        var exact = await Store.ReportAsync(Stopping);
        var quick = await Store.ReportAsync(limit, Stopping);
        Assert.False(quick.IsExact);
        Assert.InRange(quick.Pending + quick.Scheduled + quick.Reserved + quick.Running, 1, limit);
        Assert.True(quick.Pending <= exact.Pending && quick.Scheduled <= exact.Scheduled && quick.Reserved <= exact.Reserved
            && quick.Running <= exact.Running && quick.Completed <= exact.Completed && quick.Failed <= exact.Failed, $"{quick}");
    }

    [Fact]
    public async Task A_quick_report_of_what_has_ended_passes_the_open_ones_by()
    {
        await InsertAsync([(1, Row.Fresh), .. Enumerable.Range(2, 20).Select(i => (i, new Row { Et = Clock.Now, Ok = i % 2 == 0 }))]);
        var quick = await Store.ReportAsync(10, Stopping);
        Assert.Equal((1L, 10L, false), (quick.Pending, quick.Completed + quick.Failed, quick.IsExact));
    }

    [Fact]
    public async Task A_quick_report_leaves_out_what_never_was_a_task_of_the_job()
    {
        await InsertAsync([(1, new Row { Score = 1 }), (2, new Row { Score = 2 }), (3, new Row { Score = 2, Et = Clock.Now, Ok = true })]);
        var store = await JobAsync(job => job.Where = $"{Column(Profile.Score)} = {1} OR {Column(Profile.Score)} = {7}");
        Assert.Equal(await store.ReportAsync(Stopping), await store.ReportAsync(100, Stopping));
    }

    [Fact]
    public async Task The_report_says_how_long_the_oldest_pending_record_is_due()
    {
        await InsertAsync([(1, Row.Fresh)]);
        Assert.Null((await Store.ReportAsync(Stopping)).OldestPending);
        Assert.Equal((1L, null), await Store.CountDueAsync(9, Stopping));
        await InsertAsync([(2, new Row { Rt = Clock.Now.AddMinutes(-5) }), (3, new Row { Rt = Clock.Now.AddMinutes(-90) }),
            (4, new Row { Rt = Clock.Now.AddHours(1) }), (5, new Row { Rt = Clock.Now.AddDays(-1), Rid = "a.1" })]);
        foreach (var report in new[] { await Store.ReportAsync(Stopping), await Store.ReportAsync(100, Stopping) })
            Assert.Equal(90, report.OldestPending!.Value.TotalMinutes, 0.1);
        var (count, oldest) = await Store.CountDueAsync(9, Stopping);
        Assert.Equal((3L, 90), (count, Math.Round(oldest!.Value.TotalMinutes)));
    }

    [Fact]
    public async Task A_key_that_was_shown_is_found_again()
    {
        await InsertAsync([.. Enumerable.Range(1, 4).Select(i => (i, new Row { Et = Clock.Now, Ok = i % 2 == 0 }))]);
        var keys = (await PageAsync()).Tasks.Select(t => Parsed(t.Key)).ToList();
        var ended = await Store.ReadEndedAsync(keys, Stopping);
        Assert.Equal(KeysOf(1, 2, 3, 4).Order(StringComparer.Ordinal), Shown(ended.Select(e => e.Key)).Order(StringComparer.Ordinal));
        Assert.Equal(2, ended.Count(e => e.State == TaskState.Completed));
    }

    [Fact]
    public async Task Only_records_that_ended_early_enough_are_read_where_that_is_asked()
    {
        await InsertAsync([(1, new Row { Et = Clock.Now.AddSeconds(-10), Ok = true }), (2, new Row { Et = Clock.Now, Ok = true })]);
        var ended = await Store.ReadEndedAsync(TaskState.Completed, 10, Stopping, TimeSpan.FromSeconds(5));
        Assert.Equal(KeysOf(1), Shown(ended.Select(e => e.Key)));
    }

    private TaskKey Parsed(string text)
    {
        Assert.True(Store.TryParseKey(text, out var key));
        return key;
    }

    private Task InsertEachStateAsync() => InsertAsync([
        (1, Row.Fresh), (2, new Row { Rt = Clock.Now.AddHours(1) }), (3, new Row { Rid = "a.1" }), (4, new Row { Rid = "a.1", St = Clock.Now }),
        (5, new Row { Et = Clock.Now, Ok = true }), (6, new Row { Et = Clock.Now, Ok = false }), (7, new Row { N = 3 }), (8, new Row { N = 1 })]);
}
