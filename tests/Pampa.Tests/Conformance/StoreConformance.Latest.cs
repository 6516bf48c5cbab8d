using System.Collections.Concurrent;
using Pampa.Storage;
using Pampa.Tests.Scenarios;

namespace Pampa.Tests.Conformance;

/// <summary>The latest end first: of many records it is listed by an index, or not at all.</summary>
public abstract partial class StoreConformance
{
    private static readonly TaskQuery Latest = new() { Order = TaskOrder.LatestEnd, Limit = 2 };
    private protected static readonly TaskFilter OfFailed = new() { States = [TaskState.Failed] };

    /// <summary>As a CREATE INDEX names the table.</summary>
    private protected string IndexedTable => Db.IsSqlite
        ? Dialect.Quote(Store.Table.Table.Name)
        : $"{Dialect.Quote(Store.Table.Table.Schema)}.{Dialect.Quote(Store.Table.Table.Name)}";

    private protected string EndColumn => Dialect.Quote(Profile.Columns.EndTime);

    /// <summary>The default job, which sorts so many records; its statements are told.</summary>
    private TaskStore Sorting(int rows, Func<string, string>? rewrite = null, TimeProvider? time = null) => new(
        rewrite is null ? Db.Database : new Database(Db.Source, Db.Database.Dialect, time ?? TimeProvider.System, new Random(1)) { Rewrite = rewrite },
        Store.Table, Cluster, new Random(1))
    { SortedRows = rows };

    /// <summary>Six records that have ended, the even ones completed and the odd ones failed, in three pairs.</summary>
    private protected Task InsertEndedAsync() =>
        InsertAsync([.. Enumerable.Range(1, 6).Select(i => (i, new Row { Et = Clock.Now.AddSeconds(i), Ok = i % 2 == 0, Score = (i + 1) / 2 }))]);

    /// <summary>What is to be made where five records are many.</summary>
    private protected async Task<string> RemedyAsync(TaskFilter filter)
    {
        var refusal = await RefusalAsync(filter);
        Assert.Contains("more than 5 records", refusal, StringComparison.Ordinal);
        var (drop, create) = (refusal.IndexOf("DROP INDEX", StringComparison.Ordinal), refusal.IndexOf("CREATE INDEX", StringComparison.Ordinal));
        return refusal[(drop < 0 ? create : drop)..].TrimEnd('.');
    }

    private protected async Task<string> RefusalAsync(TaskFilter filter) =>
        (await Assert.ThrowsAsync<ArgumentException>(() => PageAsync(Latest with { Filter = filter }, Sorting(5)))).Message;

    private protected async Task<IEnumerable<string>> LatestAsync(TaskFilter filter) =>
        (await AllPagesAsync(Latest with { Filter = filter }, Sorting(5))).Select(t => t.Key);

    [Fact]
    public async Task What_ended_last_is_not_looked_for_in_a_large_table_without_an_index()
    {
        await InsertEndedAsync();
        Assert.Equal(KeysOf(6, 5, 4, 3, 2, 1), (await AllPagesAsync(Latest, Sorting(6))).Select(t => t.Key));
        // What is named is found by its key, and what has no end is none of them.
        Assert.Equal(KeysOf(4, 1), await LatestAsync(new TaskFilter { Keys = [.. KeysOf(1, 4)] }));
        Assert.Empty(await LatestAsync(new TaskFilter { States = [TaskState.Pending] }));
        // Of what a column is, somebody may have an index of his own: what it is not, or may be, is no such thing.
        Assert.Equal(KeysOf(4, 3), await LatestAsync(new TaskFilter { Where = [new(Profile.Score, ColumnOperator.Equal, "2")] }));
        await RemedyAsync(new TaskFilter { Where = [new(Profile.Score, ColumnOperator.NotEqual, "2"), new(Profile.Score, ColumnOperator.LessOrEqual, "3")] });
        await RemedyAsync(new TaskFilter { ErrorContains = "x", Redact = error => error });
        // An index of the open ones, or one that begins with something else, is no help.
        await Db.ExecuteAsync($"CREATE INDEX open_ones ON {IndexedTable} ({EndColumn}) WHERE {EndColumn} IS NULL");
        await Db.ExecuteAsync($"CREATE INDEX other_first ON {IndexedTable} ({Dialect.Quote(Profile.Columns.Success)}, {EndColumn})");
        foreach (var filter in (TaskFilter[])[OfFailed, new TaskFilter(), OfFailed with { States = [TaskState.Failed, TaskState.Completed] }])
        {
            await RemedyAsync(filter);
        }
        await Db.ExecuteAsync(await RemedyAsync(OfFailed));
        Assert.Equal(KeysOf(5, 3, 1), await LatestAsync(OfFailed));
        // Of the failed ones alone it does not serve the others.
        await Db.ExecuteAsync(await RemedyAsync(new TaskFilter()));
        Assert.Equal(KeysOf(6, 5, 4, 3, 2, 1), await LatestAsync(new TaskFilter()));
    }

    [Fact]
    public async Task An_index_that_begins_with_the_end_serves_from_either_side()
    {
        await InsertEndedAsync();
        await Db.ExecuteAsync($"CREATE INDEX last_first ON {IndexedTable} ({EndColumn} DESC)");
        Assert.Equal(KeysOf(6, 5, 4, 3, 2, 1), await LatestAsync(new TaskFilter()));
    }

    // Among all that have ended the few that have failed would have to be looked for.
    [Fact]
    public async Task An_index_of_all_that_have_ended_does_not_serve_the_failed_ones()
    {
        await InsertEndedAsync();
        await Db.ExecuteAsync(await RemedyAsync(new TaskFilter()));
        Assert.Equal(KeysOf(6, 5, 4, 3, 2, 1), await LatestAsync(new TaskFilter()));
        await Db.ExecuteAsync(await RemedyAsync(OfFailed));
        Assert.Equal(KeysOf(5, 3, 1), await LatestAsync(OfFailed));
    }

    [Fact]
    public async Task Whoever_asks_for_no_time_at_all_learns_whether_he_may_ask_and_no_record_is_looked_at()
    {
        await InsertEndedAsync();
        var texts = new ConcurrentQueue<string>();
        var nothing = new TaskFilter { From = Clock.Now, Until = Clock.Now };
        await RemedyAsync(nothing);
        var store = Sorting(6, text =>
        {
            texts.Enqueue(text);
            return text;
        });
        foreach (var order in Enum.GetValues<TaskOrder>())
        {
            var page = await PageAsync(new TaskQuery { Filter = nothing, Order = order }, store);
            Assert.Equal((0, (string?)null, false, 0L), (page.Tasks.Count, page.Next, page.IsPartial, page.LookedAt));
        }
        Assert.DoesNotContain(texts, text => text.Contains("ORDER BY", StringComparison.Ordinal));
        Assert.Equal(6, (await PageAsync(new TaskQuery { Filter = nothing with { Until = Clock.Now.AddDays(1) } }, store)).Tasks.Count);
        Assert.Contains(texts, text => text.Contains("ORDER BY", StringComparison.Ordinal));
        // What is wrong with the question is told all the same.
        var wrong = nothing with { Where = [new ColumnCondition("nix", ColumnOperator.IsNull)] };
        await Assert.ThrowsAsync<ArgumentException>(() => PageAsync(new TaskQuery { Filter = wrong }, store));
    }

    [Fact]
    public async Task That_a_table_is_large_is_known_for_a_minute_and_an_index_is_seen_at_once()
    {
        await InsertEndedAsync();
        var (counts, time) = (0, new LaterTime());
        var store = Sorting(5, text =>
        {
            if (text.Contains(Store.Table.Sql.Size, StringComparison.Ordinal)) counts++;
            return text;
        }, time);
        // What the server has run again is counted more than once.
        async Task RefusedAsync(TaskFilter filter, bool isCounted)
        {
            var before = counts;
            await Assert.ThrowsAsync<ArgumentException>(() => PageAsync(Latest with { Filter = filter }, store));
            Assert.Equal(isCounted, counts > before);
        }

        await RefusedAsync(OfFailed, isCounted: true);
        await RefusedAsync(new TaskFilter(), isCounted: false);
        time.By = TimeSpan.FromSeconds(45);
        await RefusedAsync(OfFailed, isCounted: false);
        time.By = TimeSpan.FromSeconds(61);
        await RefusedAsync(OfFailed, isCounted: true);
        await Db.ExecuteAsync(await RemedyAsync(OfFailed));
        var known = counts;
        Assert.Equal(KeysOf(5, 3), (await PageAsync(Latest with { Filter = OfFailed }, store)).Tasks.Select(t => t.Key));
        Assert.Equal(known, counts);
        // It may have become small in that time.
        await Db.ExecuteAsync($"DELETE FROM {IndexedTable} WHERE {Profile.KeyIs(1)}");
        await RefusedAsync(new TaskFilter(), isCounted: false);
        time.By = TimeSpan.FromSeconds(122);
        Assert.Equal(KeysOf(6, 5), (await PageAsync(Latest, store)).Tasks.Select(t => t.Key));
    }

    /// <summary>The computer's clock, moved on by hand: what a database waits for, because it tries again, passes all the same.</summary>
    private sealed class LaterTime : TimeProvider
    {
        public TimeSpan By { get; set; }

        public override long GetTimestamp() => base.GetTimestamp() + (long)(By.TotalSeconds * TimestampFrequency);
    }

    [Fact]
    public async Task What_takes_too_long_is_told_with_what_helps_for_just_that()
    {
        await InsertEndedAsync();
        var faults = new Faults(_ => new TimeoutException());
        await using var source = new FaultyDataSource(Db.Source, faults);
        await using var database = new Database(source, Db.Database.Dialect, TimeProvider.System, new Random(1));
        var store = new TaskStore(database, Store.Table, Cluster, new Random(1));
        faults.FailBefore("ORDER BY", times: 1_000, error: new TimeoutException());
        async Task<string> SaysAsync(Func<Task> ask)
        {
            var late = await Assert.ThrowsAsync<TimeoutException>(ask);
            return late.Message[(late.Message.IndexOf("for this. ", StringComparison.Ordinal) + "for this. ".Length)..];
        }

        Task<string> PageSaysAsync(TaskOrder order, TaskFilter? filter = null) =>
            SaysAsync(() => PageAsync(new TaskQuery { Order = order, Filter = filter ?? new TaskFilter() }, store));
        var index = Schema.FailedIndexName(Store.Table);
        Assert.Contains(index, await PageSaysAsync(TaskOrder.LatestEnd, OfFailed), StringComparison.Ordinal);
        Assert.Contains(index, await SaysAsync(() => store.ReadFailuresAsync(5, 5, Stopping)), StringComparison.Ordinal);
        ColumnCondition[] where = [new(Profile.Score.ToUpperInvariant(), ColumnOperator.Equal, "2"), new(Profile.Note, ColumnOperator.IsNull)];
        var ofColumn = await PageSaysAsync(TaskOrder.LatestEnd, OfFailed with { Where = where });
        Assert.Contains($"an index on {Profile.Score}, {Profile.Columns.EndTime},", ofColumn, StringComparison.Ordinal);
        Assert.Contains("'top'", await PageSaysAsync(TaskOrder.LongestRunning), StringComparison.Ordinal);
        Assert.DoesNotContain(index, ofColumn, StringComparison.Ordinal);
        foreach (var (order, filter) in new[] { (TaskOrder.LongestRunning, null), (TaskOrder.LatestEnd, null), (TaskOrder.Key, OfFailed) })
            Assert.DoesNotContain(index, await PageSaysAsync(order, filter), StringComparison.Ordinal);
        Assert.DoesNotContain("'top'", await PageSaysAsync(TaskOrder.LatestEnd), StringComparison.Ordinal);
    }
}
