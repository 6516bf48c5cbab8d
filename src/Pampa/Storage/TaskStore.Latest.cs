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

    /// <summary>When it was seen that the order of the end is served.</summary>
    private sealed record Served(bool OfFailed, long At);

    /// <summary>So many records are sorted in a moment, whatever indexes there are.</summary>
    internal int SortedRows { get; init; } = Limits.MatchedRows;

    private async Task RequireLatestAsync(TaskQuery query, CancellationToken stopping)
    {
        if (query.Order != TaskOrder.LatestEnd || IsNarrow(query.Filter)) return;
        var ofFailed = new Search { States = query.Filter.States }.IsOfFailed;
        // Only what serves is kept: an index that somebody makes is used at once.
        if (served is { } kept && kept.OfFailed == ofFailed && TimeProvider.System.GetElapsedTime(kept.At) < LookForIndexEvery) return;
        if (await database.LookAsync(unit => LatestRemedyAsync(unit, ofFailed), stopping, LookFor.Page) is { } remedy) throw Sql.Fault(
            $"the table has more than {SortedRows:N0} records and no index from which it gives {(ofFailed ? "failed" : "ended")} ones in the order of their end. Ask for another order{(ofFailed ? "" : ", or for failed ones only")}, or make the index: {remedy}");
        served = new Served(ofFailed, TimeProvider.System.GetTimestamp());
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
        return await OneNumberAsync(unit, Sql.Size, SortedRows + 1) <= SortedRows ? null : await MakingAsync(unit, ofFailed);
    }

    private async Task<string> MakingAsync(Database.Unit unit, bool ofFailed)
    {
        var (name, index) = ofFailed
            ? (Schema.FailedIndexName(Table), Schema.FailedIndex(Table))
            : (Schema.AdvisedIndexName(Table, Schema.OfEnded), Schema.LatestIndex(Table));
        // Of a partitioned table none is built beside writers as a whole, nor dropped.
        var beside = Table.Table.IsPartitioned ? null : database.Dialect.CreateIndexBesideWriters;
        if (beside is not null) index = index.Replace("CREATE INDEX", beside, StringComparison.Ordinal);
        // What a build that was cut short has left serves nobody, and stands in the way of one.
        return await database.Dialect.HasInvalidIndexAsync(unit, Table.Table.Schema, name, unit.Stopping)
            ? $"DROP INDEX {(beside is null ? "" : "CONCURRENTLY ")}{Dialect.Quote(Table.Table.Schema)}.{Dialect.Quote(name)}; {index}"
            : index;
    }
}
