using Pampa.Serving;

namespace Pampa.Showing;

/// <summary>
/// Filters as pages send them. A column that may not be shown may not be asked for either: that would show it bit by bit. So would the error
/// texts, of which secrets are hidden: only what is shown of them is searched, in pages, counts and actions (<see cref="TaskFilter.Redact"/>).
/// </summary>
internal static class Filters
{
    public static async Task<TaskFilter> ReadAsync(
        PampaCluster cluster, PampaDashboardOptions options, string job, FilterOrder order, CancellationToken stopping)
    {
        var where = (order.Where ?? []).Select(ColumnCondition.Parse).ToList();
        if (where.Count > 0)
        {
            var columns = await cluster.ColumnsAsync(job, stopping);
            where = [.. where.Select(c => c with { Column = Allowed(options, job, columns, c.Column) })];
        }
        return new TaskFilter
        {
            States = [.. (order.States ?? []).Select(s => Query.ParseWord<TaskState>("states", s))],
            KeyPrefix = order.KeyPrefix,
            ErrorContains = order.Error,
            Redact = options.Redact,
            Worker = order.Worker,
            Moment = order.Moment is null ? TaskMoment.Ended : Query.ParseWord<TaskMoment>("moment", order.Moment),
            From = order.From,
            Until = order.Until,
            Where = where,
        };
    }

    /// <summary>Whether conditions may name the column.</summary>
    public static bool IsSearchable(PampaDashboardOptions options, string job, TaskColumn column) =>
        !column.IsError && (column.IsKey || column.IsState || IsShown(options, job, column));

    // By its very name: where two differ by upper and lower case alone, one may be hidden.
    private static string Allowed(PampaDashboardOptions options, string job, IReadOnlyList<TaskColumn> columns, string name)
    {
        var column = columns.FirstOrDefault(c => c.Name == name) ?? columns.FirstOrDefault(c => c.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (column is not null && IsSearchable(options, job, column)) return column.Name;
        throw new ArgumentException(column is { IsError: true }
            ? $"Column '{column.Name}' holds the error texts, of which a part may be hidden here, so it is no column to search: use 'Error contains'."
            : $"Column '{name}' is not shown here, so it cannot be searched either. The program's option ShowsColumn, or --show of the verb, allows it.");
    }

    public static bool IsShown(PampaDashboardOptions options, string job, TaskColumn column) =>
        !column.IsState && options.ShowsColumn?.Invoke(job, column.Name) == true;
}
