using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>The columns that say when, and after which others, a record is done.</summary>
/// <param name="Priority">Its priority.</param>
/// <param name="Due">When it is due.</param>
/// <param name="Sequence">Whose equal values make a sequence.</param>
internal sealed record OrderColumns(ColumnInfo? Priority, ColumnInfo? Due, IReadOnlyList<ColumnInfo> Sequence)
{
    /// <summary>Resolves them; what does not fit is an error.</summary>
    public static OrderColumns Resolve(JobDefinition job, Dialect dialect, TableInfo table, IReadOnlyList<ColumnInfo> state, Action<string> error)
    {
        var priority = Found(job.PriorityColumn, nameof(JobBuilder.PriorityColumn));
        var due = Found(job.DueColumn, nameof(JobBuilder.DueColumn));
        List<ColumnInfo> sequence = [.. (job.Sequence?.Columns ?? []).Select(c => Found(c, nameof(JobBuilder.InSequenceBy))).OfType<ColumnInfo>()];
        var onSqlite = dialect is SqliteDialect;
        if (priority is not null && priority.Kind != ColumnKind.Integer && !(onSqlite && priority.Kind == ColumnKind.Other))
            error($"column '{priority.Name}' of table '{table.Name}' (PriorityColumn) must be a whole number, got {priority.Type}.");
        if (due is not null && due.Kind != ColumnKind.Time && !(onSqlite && due.Kind is ColumnKind.Text or ColumnKind.Other))
            error($"column '{due.Name}' of table '{table.Name}' (DueColumn) must be of type {dialect.TypeOf(StateColumn.ReservationTime)}, got {due.Type}.");
        return new OrderColumns(priority, due, sequence);

        ColumnInfo? Found(string? name, string setting)
        {
            if (name is null || JobTable.Found(table, name, setting, error) is not { } column) return null;
            if (state.Any(s => s.Name == column.Name))
            {
                error($"column '{column.Name}' of table '{table.Name}' ({setting}) is a state column of the job, which Pampa keeps. Name a column of the record's own.");
                return null;
            }
            return column;
        }
    }

    public bool Equals(OrderColumns? other) => other is not null && Priority == other.Priority && Due == other.Due && Sequence.SequenceEqual(other.Sequence);

    public override int GetHashCode() => HashCode.Combine(Priority, Due, Sequence.Count);
}
