namespace Pampa.Storage;

/// <summary>In which order records come, when they are due, and which of them have to wait for others.</summary>
internal sealed partial class JobSql
{
    private static string QuotedOf(string alias, ColumnInfo column) => $"{alias}.{Dialect.Quote(column.Name)}";

    /// <summary>The order of the job's records: priority, then what the program says or when they are due, then the key.</summary>
    private string Order(string alias, string? orderBy) => string.Join(", ",
        ((string?[])[PriorityOf(alias), orderBy ?? DueOrder(alias), .. Keys.Select(k => $"{alias}.{k}")]).OfType<string>());

    /// <summary>The columns of an index in the order of the job, as far as its columns tell it.</summary>
    internal string IndexOrder
    {
        get
        {
            string? Column(ColumnInfo? column, Func<string, string> nullable) =>
                column is null ? null : column.IsNullable ? nullable(Dialect.Quote(column.Name)) : Dialect.Quote(column.Name);
            var priority = Column(job.Order.Priority, name => $"(COALESCE({name}, 0))");
            var due = job.Job is { OrderBy: null, LacksOrder: false } ? Column(job.Order.Due, name => $"{name}{dialect.NullsFirst}") : null;
            return string.Join(", ", ((string?[])[priority, due, .. Keys]).OfType<string>());
        }
    }

    private string? PriorityOf(string alias) => job.Order.Priority is not { } column ? null
        : column.IsNullable ? $"COALESCE({QuotedOf(alias, column)}, 0)" : QuotedOf(alias, column);

    private string? DueOrder(string alias) => job.Order.Due is not { } column ? null
        : $"{QuotedOf(alias, column)}{(column.IsNullable ? dialect.NullsFirst : "")}";

    /// <summary>Whether the record's own time has come, and its reservation time.</summary>
    private string Past => job.Order.Due is { } due ? $"({ReservationPast} AND {dialect.IsPast(QuotedOf("t", due), due)})" : ReservationPast;

    private string ReservationPast => dialect.IsPast($"t.{Rt}", Column(StateColumn.ReservationTime));

    /// <summary>For START: a record that was put off after it was reserved does not start.</summary>
    private string StillDue => job.Order.Due is { } due ? $" AND {dialect.IsPast(QuotedOf("t", due), due)}" : "";

    /// <summary>Whether it is due within @horizon seconds.</summary>
    private string IsDueSoon
    {
        get
        {
            var rt = Soon($"t.{Rt}", Column(StateColumn.ReservationTime));
            return job.Order.Due is { } due ? $"{rt} AND {Soon(QuotedOf("t", due), due)}" : rt;

            string Soon(string expression, ColumnInfo column) => $"({expression} IS NULL OR {dialect.IsPastBy(expression, column, "-@horizon")})";
        }
    }

    private string ReservedFor => dialect.SecondsSince($"t.{Rt}", Column(StateColumn.ReservationTime));

    /// <summary>For how long it has been due, below 0 where it is not: by the later of its two times.</summary>
    private string Waits
    {
        get
        {
            if (job.Order.Due is not { } due) return ReservedFor;
            var own = dialect.SecondsSince(QuotedOf("t", due), due);
            return $"CASE WHEN {ReservedFor} IS NULL THEN {own} WHEN {own} < {ReservedFor} THEN {own} ELSE {ReservedFor} END";
        }
    }

    private bool HasSequence => job.Order.Sequence.Count > 0;

    private string SameSequence(string alias) => string.Join(" AND ", job.Order.Sequence.Select(c => $"{QuotedOf(alias, c)} = {QuotedOf("t", c)}"));

    private string IsAlone => string.Join(" OR ", job.Order.Sequence.Select(c => $"{QuotedOf("t", c)} IS NULL"));

    /// <summary>Whether it is the first of its sequence that has not ended.</summary>
    private string IsFirst(string? where, string? orderBy) => $"""
        ({KeysOf("t")}) = (SELECT {KeysOf("s")} FROM {Table} AS s WHERE {SameSequence("s")} AND s.{Et} IS NULL{HasKeyOf("s")}{And(where)} ORDER BY {Order("s", orderBy)} LIMIT 1)
        """;

    /// <summary>Whether somebody holds one of its sequence: it came later, or was put before this one.</summary>
    private string OtherIsHeld =>
        $"EXISTS (SELECT 1 FROM {Table} AS h WHERE {SameSequence("h")} AND h.{Et} IS NULL AND h.{Rid} IS NOT NULL)";

    private string OtherHasFailed =>
        $"EXISTS (SELECT 1 FROM {Table} AS f WHERE {SameSequence("f")} AND f.{Et} IS NOT NULL AND f.{Ok} IS NOT TRUE)";

    /// <summary>
    /// T1 for sequences: it is this record's turn. What the others of its sequence are is asked of the moment in which the statement
    /// began, so no two of them may run at once; see <see cref="Turn"/>.
    /// </summary>
    private string IsNext(string? where, string? orderBy) => !HasSequence ? "" : $"""
         AND (CASE WHEN {IsAlone} THEN TRUE
            WHEN {IsFirst(where, orderBy)} THEN (NOT {OtherIsHeld}{(job.Job.Sequence!.GoesOnAfterFailure ? "" : $" AND NOT {OtherHasFailed}")})
            ELSE FALSE END)
        """;

    /// <summary>It does not wait for somebody to look at one of its sequence that has failed.</summary>
    private string Hopeful => !HasSequence || job.Job.Sequence!.GoesOnAfterFailure ? "" : $" AND NOT {OtherHasFailed}";

    /// <summary>For people: whether it is this record's turn, and if not why; NULL where there are no sequences.</summary>
    private string TurnOut(string? where, string? orderBy) => !HasSequence ? "NULL" : $"""
        CASE WHEN {IsAlone} THEN 'alone' WHEN t.{Et} IS NOT NULL THEN 'ended' WHEN t.{Rid} IS NULL AND {OtherIsHeld} THEN 'held'
            {(job.Job.Sequence!.GoesOnAfterFailure ? "" : $"WHEN {OtherHasFailed} THEN 'failed'")}
            WHEN {IsFirst(where, orderBy)} THEN 'next' ELSE 'behind' END
        """;

    /// <summary>
    /// What RESERVEs of the same sequences have in common: those that have it come one after the other, whoever leads. Null: they may
    /// run at once.
    /// </summary>
    internal string? Turn => HasSequence ? $"{Table}.{Rid}" : null;
}
