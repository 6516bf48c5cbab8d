using Pampa.Jobs;
using Pampa.Storage.Examination;

namespace Pampa.Storage;

/// <summary>
/// The latest end first: of many records only an index gives this order, and without one the database would sort all that have ended, for
/// each page anew. That is not begun.
/// </summary>
internal sealed partial class TaskStore
{
    private Served? served;
    private Large? large;

    /// <summary>When it was seen that the order of the end is served.</summary>
    private sealed record Served(bool OfFailed, long At);

    /// <summary>When it was seen that the table has more records than are sorted.</summary>
    private sealed record Large(long At);

    /// <summary>So many records are sorted in a moment, whatever indexes there are.</summary>
    internal int SortedRows { get; init; } = Limits.MatchedRows;

    private async Task RequireLatestAsync(TaskQuery query, CancellationToken stopping)
    {
        if (query.Order != TaskOrder.LatestEnd || IsNarrow(query.Filter)) return;
        var ofFailed = new Search { States = query.Filter.States }.IsOfFailed;
        // Only what serves is kept: an index that somebody makes is used at once.
        if (served is { } kept && kept.OfFailed == ofFailed && database.Time.GetElapsedTime(kept.At) < LookForIndexEvery) return;
        if (await database.LookAsync(unit => LatestRemedyAsync(unit, ofFailed), stopping, LookFor.Page) is { } remedy) throw Sql.Fault(
            $"the table has more than {SortedRows:N0} records and no index from which it gives {(ofFailed ? "failed" : "ended")} ones in the order of their end. Ask for another order{(ofFailed ? "" : ", or for failed ones only")}, or {remedy}");
        served = new Served(ofFailed, database.Time.GetTimestamp());
    }

    // What is named is found by its key; of what a column is, somebody may have an index of his own. Where he has none, the deadline ends it.
    private static bool IsNarrow(TaskFilter filter) => filter.Keys is not null || filter.Where.Any(c => c.Operator == ColumnOperator.Equal);

    // What to do so that the order is served; null: it is.
    private async Task<string?> LatestRemedyAsync(Database.Unit unit, bool ofFailed)
    {
        var end = Table.State[(int)StateColumn.EndTime].Name;
        // One of failed records may say so in words of its own; all that is known of it is that it is one neither of the open nor of all ended ones.
        foreach (var condition in await database.Dialect.ReadOrdersAsync(unit, Table.Table, end, unit.Stopping))
        {
            var isServed = ofFailed
                ? condition is not null && !IndexText.Says(condition, end, "IS NULL") && !IndexText.Says(condition, end, "IS NOT NULL")
                : condition is null || IndexText.Says(condition, end, "IS NOT NULL");
            if (isServed) return null;
        }
        return await IsLargerAsync(unit) ? await MakingAsync(unit, ofFailed) : null;
    }

    // Indexes are looked up each time, but that is all: a large table does not become a small one while somebody tries again.
    private async Task<bool> IsLargerAsync(Database.Unit unit)
    {
        if (large is { } seen && database.Time.GetElapsedTime(seen.At) < LookForIndexEvery) return true;
        if (await OneNumberAsync(unit, Sql.Size, SortedRows + 1) <= SortedRows) return false;
        large = new Large(database.Time.GetTimestamp());
        return true;
    }

    // The statements stand at the end, so that they can be taken as they are.
    private async Task<string> MakingAsync(Database.Unit unit, bool ofFailed)
    {
        var (name, index) = ofFailed
            ? (Schema.FailedIndexName(Table), Schema.FailedIndex(Table))
            : (Schema.AdvisedIndexName(Table, Schema.OfEnded), Schema.LatestIndex(Table));
        // Of a partitioned table none is built beside writers as a whole, nor dropped.
        var beside = Table.Table.IsPartitioned ? null : database.Dialect.CreateIndexBesideWriters;
        if (beside is not null) index = index.Replace("CREATE INDEX", beside, StringComparison.Ordinal);
        var alone = beside is null ? "" : " outside of a transaction";
        // What a build that was cut short has left serves nobody, and stands in the way of one.
        var isLeft = await database.Dialect.HasInvalidIndexAsync(unit, Table.Table.Schema, name, unit.Stopping);
        var how = isLeft ? $"make the index by two statements, first the one and then the other, each by itself{alone}" : $"make the index{alone}";
        if (Table.Table.IsPartitioned)
            how = $"{(ofFailed ? "let the verb 'migrate' make the index, beside writers; or " : "")}{how}. On the whole of a partitioned table that keeps all writers waiting until it is built, but for partitions that have one like it already: make it on each of them by {database.Dialect.CreateIndexBesideWriters ?? "CREATE INDEX"} before, and no writer waits";
        var drop = isLeft ? $"DROP INDEX {(beside is null ? "" : "CONCURRENTLY ")}{Dialect.Quote(Table.Table.Schema)}.{Dialect.Quote(name)}; " : "";
        return $"{how}: {drop}{index}";
    }
}
