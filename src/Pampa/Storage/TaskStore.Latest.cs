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
        if (!await database.LookAsync(unit => IsLatestServedAsync(unit, ofFailed), stopping, LookFor.Page)) throw Sql.Fault(
            $"the table has more than {SortedRows:N0} records and no index from which it gives {(ofFailed ? "failed" : "ended")} ones in the order of their end. Ask for another order{(ofFailed ? "" : ", or for failed ones only")}, or make the index: {Remedy(ofFailed)}");
        served = new Served(ofFailed, TimeProvider.System.GetTimestamp());
    }

    // What is named is found by its key; of what a column is, somebody may have an index of his own. Where he has none, the deadline ends it.
    private static bool IsNarrow(TaskFilter filter) => filter.Keys is not null || filter.Where.Any(c => c.Operator == ColumnOperator.Equal);

    private async Task<bool> IsLatestServedAsync(Database.Unit unit, bool ofFailed)
    {
        var end = Table.State[(int)StateColumn.EndTime].Name;
        // One of failed records may say so in words of its own; all that is known of it is that it is one neither of the open nor of all ended ones.
        foreach (var condition in await database.Dialect.ReadOrdersAsync(unit, Table.Table, end, unit.Stopping))
        {
            var isServed = ofFailed
                ? condition is not null && !IndexText.Says(condition, end, "IS NULL") && !IndexText.Says(condition, end, "IS NOT NULL")
                : condition is null || IndexText.Says(condition, end, "IS NOT NULL");
            if (isServed) return true;
        }
        return await OneNumberAsync(unit, Sql.Size, SortedRows + 1) <= SortedRows;
    }

    private string Remedy(bool ofFailed)
    {
        var index = ofFailed ? Schema.FailedIndex(Table) : Schema.LatestIndex(Table);
        // Of a partitioned table none is built beside writers as a whole.
        var beside = Table.Table.IsPartitioned ? null : database.Dialect.CreateIndexBesideWriters;
        return beside is null ? index : index.Replace("CREATE INDEX", beside, StringComparison.Ordinal);
    }
}
