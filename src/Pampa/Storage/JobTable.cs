using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>
/// A job's names resolved against the catalog: what JobSql composes from and what a task's values are found by.
/// </summary>
internal sealed class JobTable
{
    // As the standard for it (W3C Trace Context) calls it.
    private const string TraceParentColumn = "traceparent";
    private readonly Dictionary<string, int> recordIndexes = new(StringComparer.OrdinalIgnoreCase);
    private readonly bool[] isNamed;

    private JobTable(JobDefinition job, Dialect dialect, TableInfo table, ColumnInfo[] key, ColumnInfo[] state, ColumnInfo? generation, OrderColumns order,
        ColumnUse use)
    {
        Job = job;
        Dialect = dialect;
        Table = table;
        Key = key;
        State = state;
        Generation = generation;
        Order = order;
        var ownState = state.Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        if (generation is not null) ownState.Add(generation.Name);
        var columns = table.Columns.Where(c => !ownState.Contains(c.Name));
        // Hooks may ask for any column.
        if (job.Handler.Row is { } row && job.Hooks.IsEmpty)
        {
            var wanted = row.Properties.Select(p => Match(table, p)?.Name).ToHashSet(StringComparer.Ordinal);
            columns = columns.Where(c => wanted.Contains(c.Name) || IsTraceParent(c) || c.Name == order.Due?.Name);
        }
        RecordColumns = [.. columns];
        for (var i = 0; i < RecordColumns.Count; i++) recordIndexes.TryAdd(RecordColumns[i].Name, i);
        TraceParent = columns.Any(IsTraceParent) ? recordIndexes[TraceParentColumn] : null;
        Due = order.Due is { } due && recordIndexes.TryGetValue(due.Name, out var at) ? at : null;
        PropertyColumns = job.Handler.Row is null
            ? []
            : [.. job.Handler.Row.Properties.Select(p => recordIndexes[Match(table, p)!.Name])];
        isNamed = new bool[RecordColumns.Count];
        Use = use;
        foreach (var column in RecordColumns) Use.Had(column.Name);
        Sql = new JobSql(this);
    }

    public JobDefinition Job { get; }

    public Dialect Dialect { get; }

    public TableInfo Table { get; }

    public IReadOnlyList<ColumnInfo> Key { get; }

    /// <summary>The seven state columns in the order of <see cref="StateColumn"/>.</summary>
    public IReadOnlyList<ColumnInfo> State { get; }

    public ColumnInfo? Generation { get; }

    /// <summary>The columns that say when, and after which others, a record is done.</summary>
    public OrderColumns Order { get; }

    /// <summary>
    /// The columns that START brings: all but the job's own state; without hooks, those that the row type maps, and those with the trace and
    /// the time from which on a record is due.
    /// </summary>
    public IReadOnlyList<ColumnInfo> RecordColumns { get; }

    /// <summary>The index of the column with the trace in which a record was inserted; null: the table has none.</summary>
    public int? TraceParent { get; }

    /// <summary>The index of the column with the time from which on a record is due; null: it has none of its own.</summary>
    public int? Due { get; }

    private static bool IsTraceParent(ColumnInfo column) =>
        column.Kind == ColumnKind.Text && column.Name.Equals(TraceParentColumn, StringComparison.OrdinalIgnoreCase);

    /// <summary>For each property of the row type, its index in <see cref="RecordColumns"/>.</summary>
    public int[] PropertyColumns { get; }

    /// <summary>The statements.</summary>
    public JobSql Sql { get; }

    /// <summary>What is known of its columns, also of those that it had before.</summary>
    public ColumnUse Use { get; }

    /// <summary>Characters that an error text may have.</summary>
    public int ErrorLength => Math.Min(State[(int)StateColumn.ErrorDescription].Length ?? Limits.ErrorText, Limits.ErrorText);

    /// <summary>The index of a record column.</summary>
    /// <exception cref="NoSuchColumnException">There is none.</exception>
    public int RecordColumn(string name)
    {
        if (!recordIndexes.TryGetValue(name, out var index)) throw new NoSuchColumnException(NoSuchColumn(name), name);
        if (isNamed[index]) return index;
        isNamed[index] = true;
        Use.Named(RecordColumns[index].Name);
        return index;
    }

    /// <summary>Whether there is such a record column.</summary>
    public bool HasRecordColumn(string name) => recordIndexes.ContainsKey(name);

    /// <summary>
    /// Whether the table, looked at anew, is the same one by name, another one by its columns, and has all that handlers have named so
    /// far. Where it lacks one it may only be away for a moment: a job that waits for it loses nothing. A row type says itself what it needs.
    /// </summary>
    public bool MayBeFollowedBy(JobTable now) => now.Table.Schema == Table.Schema && now.Table.Name == Table.Name
        && (Job.Handler.Row is not null || Use.AllNamed.All(now.HasRecordColumn))
        && !(now.Key.SequenceEqual(Key) && now.State.SequenceEqual(State) && now.Generation == Generation && now.Order == Order
            && now.RecordColumns.SequenceEqual(RecordColumns));

    /// <summary>The index of a record column that a handler may set.</summary>
    public int WritableColumn(string name)
    {
        var index = RecordColumn(name);
        var column = RecordColumns[index];
        if (Key.Any(k => k.Name == column.Name))
            throw new ArgumentException($"Job '{Job.Name}': column '{column.Name}' is part of the key and cannot be set.", nameof(name));
        if (column.IsGenerated)
            throw new ArgumentException($"Job '{Job.Name}': column '{column.Name}' is computed by the database and cannot be set.", nameof(name));
        return index;
    }

    /// <summary>Whether a handler may set a record column.</summary>
    public bool MayBeSet(ColumnInfo column) => !column.IsGenerated && Key.All(k => k.Name != column.Name);

    private string NoSuchColumn(string name)
    {
        if (State.Any(c => string.Equals(c.Name, name, StringComparison.OrdinalIgnoreCase)))
            return $"Job '{Job.Name}': column '{name}' is a state column of this job; Pampa keeps it.";
        return $"Job '{Job.Name}': table '{Table.Name}' has no column '{name}'{Suggestion.For(name, RecordColumns.Select(c => c.Name))}.";
    }

    /// <summary>Resolves a job; everything that does not fit becomes an error, all at once.</summary>
    /// <param name="job">The job.</param>
    /// <param name="dialect">The database's.</param>
    /// <param name="table">The table as the catalog has it.</param>
    /// <param name="errors">What does not fit.</param>
    /// <param name="use">What is known of its columns from former looks; null: it is the first.</param>
    public static JobTable? Resolve(JobDefinition job, Dialect dialect, TableInfo table, ICollection<string> errors, ColumnUse? use = null)
    {
        var before = errors.Count;
        void Error(string text) => errors.Add($"Job '{job.Name}': {text}");
        var key = job.Key.Select(name => Found(table, name, "key", Error)).ToArray();
        var names = Names(job.Columns);
        var state = new ColumnInfo?[names.Length];
        for (var i = 0; i < names.Length; i++) state[i] = Found(table, names[i], $"Columns.{(StateColumn)i}", Error);
        var generation = job.Columns.Generation is { } g ? Found(table, g, "Columns.Generation", Error) : null;
        if (errors.Count > before) return null;
        CheckKey(job, table, key!, Error);
        for (var i = 0; i < names.Length; i++) CheckType(dialect, table, (StateColumn)i, state[i]!, Error);
        if (generation is not null) CheckType(dialect, table, StateColumn.Generation, generation, Error);
        if (job.Handler.Row is { } row) CheckRow(table, row, [.. state!, .. generation is null ? [] : new[] { generation }], Error);
        var order = OrderColumns.Resolve(job, dialect, table, state!, Error);
        return errors.Count > before ? null : new JobTable(job, dialect, table, key!, state!, generation, order, use ?? new ColumnUse());
    }

    /// <summary>The seven names in the order of <see cref="StateColumn"/>.</summary>
    public static string[] Names(TaskColumns columns) =>
    [
        columns.ReservationId, columns.ReservationTime, columns.ReservationTimes, columns.StartTime, columns.EndTime,
        columns.Success, columns.ErrorDescription,
    ];

    /// <summary>Finds a column, or says what there is instead.</summary>
    public static ColumnInfo? Found(TableInfo table, string name, string setting, Action<string> error)
    {
        var column = table.Find(name);
        if (column is null)
            error($"table '{table.Name}' has no column '{name}' ({setting}){Suggestion.For(name, table.Columns.Select(c => c.Name))}. Its columns are {string.Join(", ", table.Columns.Select(c => c.Name))}.");
        return column;
    }

    private static void CheckKey(JobDefinition job, TableInfo table, ColumnInfo[] key, Action<string> error)
    {
        var names = key.Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        if (!table.UniqueKeys.Any(unique => unique.All(names.Contains)))
        {
            error($"key '{string.Join(", ", job.Key)}' does not identify a record: table '{table.Name}' has no primary key and no unique index on it. "
                + (table.UniqueKeys.Count > 0
                    ? $"Use {string.Join(" or ", table.UniqueKeys.Select(u => $"'{string.Join(", ", u)}'"))}, or add a unique index."
                    : "Add a primary key or a unique index."));
        }
        foreach (var column in key.Where(c => c.IsNullable))
            error($"key column '{column.Name}' of table '{table.Name}' may be NULL, and a record without a key cannot be a task. Declare it NOT NULL.");
    }

    /// <summary>What a state column must hold.</summary>
    public static ColumnKind KindOf(StateColumn part) => part switch
    {
        StateColumn.ReservationTimes or StateColumn.Generation => ColumnKind.Integer,
        StateColumn.Success => ColumnKind.Boolean,
        StateColumn.ReservationTime or StateColumn.StartTime or StateColumn.EndTime => ColumnKind.Time,
        _ => ColumnKind.Text,
    };

    private static void CheckType(Dialect dialect, TableInfo table, StateColumn part, ColumnInfo column, Action<string> error)
    {
        var expected = KindOf(part);
        if (column.IsGenerated) error($"column '{column.Name}' of table '{table.Name}' (Columns.{part}) is computed by the database; Pampa must be able to write it.");
        var fits = column.Kind == expected
            // SQLite keeps text in a text column and 0 or 1 in any number column as well; a whole-number time would be
            // no time at all.
            || (dialect is SqliteDialect && expected switch
            {
                ColumnKind.Time => column.Kind is ColumnKind.Text or ColumnKind.Other,
                ColumnKind.Boolean => column.Kind is ColumnKind.Integer or ColumnKind.Other,
                ColumnKind.Text => column.Kind is ColumnKind.Other,
                _ => false,
            });
        if (!fits)
            error($"column '{column.Name}' of table '{table.Name}' (Columns.{part}) must be of type {dialect.TypeOf(part)}, got {column.Type}.");
        if (!column.IsNullable && part is not (StateColumn.ReservationTimes or StateColumn.Generation))
            error($"column '{column.Name}' of table '{table.Name}' (Columns.{part}) must take NULL, which means that nothing has happened yet; it is NOT NULL. Drop that constraint.");
        if (part == StateColumn.ReservationId && column.Length is < 16)
            error($"column '{column.Name}' of table '{table.Name}' (Columns.{part}) must hold worker ids of at least 16 characters, got {column.Length}. Make it longer, or text.");
    }

    private static void CheckRow(TableInfo table, RowType row, IReadOnlyList<ColumnInfo> state, Action<string> error)
    {
        foreach (var property in row.Properties)
        {
            var column = Match(table, property);
            if (column is null)
                error($"property '{property.Name}' of row type '{row.Type.Name}' has no column in table '{table.Name}'{Suggestion.For(property.Name, table.Columns.Select(c => c.Name))}. Name the column with [Column(\"…\")], or leave the property out with [NotMapped].");
            else if (state.Any(s => s.Name == column.Name))
                error($"property '{property.Name}' of row type '{row.Type.Name}' is the state column '{column.Name}', which Pampa keeps. Leave it out with [NotMapped].");
        }
    }

    private static ColumnInfo? Match(TableInfo table, RowProperty property)
    {
        if (property.Column is { } name) return table.Find(name);
        var plain = Plain(property.Name);
        var matches = table.Columns.Where(c => Plain(c.Name) == plain).ToList();
        return matches.Count == 1 ? matches[0] : table.Find(property.Name);
    }

    private static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();
}

/// <summary>A handler names a column that the table does not have, as far as it is known.</summary>
internal sealed class NoSuchColumnException(string message, string column) : ArgumentException(message)
{
    /// <summary>The column.</summary>
    public string Column => column;
}
