using Pampa.Serving;

namespace Pampa.Showing;

/// <summary>Filters as pages send them. A column that may not be shown may not be asked for either: that would show it bit by bit.</summary>
internal static class Filters
{
    public static async Task<TaskFilter> ReadAsync(
        PampaCluster cluster, PampaDashboardOptions options, string job, FilterOrder order, CancellationToken stopping)
    {
        var where = (order.Where ?? []).Select(ColumnCondition.Parse).ToList();
        if (where.Count > 0)
        {
            var open = (await cluster.ColumnsAsync(job, stopping)).Where(c => c.IsKey || c.IsState || IsShown(options, job, c)).Select(c => c.Name)
                .ToHashSet(StringComparer.OrdinalIgnoreCase);
            foreach (var condition in where.Where(c => !open.Contains(c.Column)))
                throw new ArgumentException($"Column '{condition.Column}' is not shown here, so it cannot be searched either. The program's option ShowsColumn, or --show of the verb, allows it.");
        }
        return new TaskFilter
        {
            States = [.. (order.States ?? []).Select(s => Query.ParseWord<TaskState>("states", s))],
            KeyPrefix = order.KeyPrefix,
            ErrorContains = order.Error,
            Worker = order.Worker,
            Moment = order.Moment is null ? TaskMoment.Ended : Query.ParseWord<TaskMoment>("moment", order.Moment),
            From = order.From,
            Until = order.Until,
            Where = where,
        };
    }

    public static bool IsShown(PampaDashboardOptions options, string job, TaskColumn column) =>
        !column.IsState && options.ShowsColumn?.Invoke(job, column.Name) == true;
}
