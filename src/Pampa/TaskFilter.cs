namespace Pampa;

/// <summary>Which records of a job: all that is said must hold. An empty one means all of them.</summary>
public sealed record TaskFilter
{
    /// <summary>
    /// Only records in one of these states. A record whose attempts are used up although it has not ended counts as failed, and is one of these as
    /// soon as the leader has given it its end. Default empty: in any.
    /// </summary>
    public IReadOnlyCollection<TaskState> States { get; init; } = [];

    /// <summary>Only the records of these keys, as <see cref="TaskInfo.Key"/> gives them; at most 10,000. Default null: any.</summary>
    public IReadOnlyCollection<string>? Keys { get; init; }

    /// <summary>Only records whose key begins with this text; of a key of several columns its first one. Default null: any.</summary>
    public string? KeyPrefix { get; init; }

    /// <summary>
    /// Only records whose error text contains this one, in upper or lower case (SQLite knows that of ASCII letters only). Default null: any.
    /// </summary>
    public string? ErrorContains { get; init; }

    /// <summary>
    /// Takes out of an error text what may not be found: <see cref="ErrorContains"/> is then looked for in what it returns, by this process and
    /// not by the database, in upper or lower case. Nothing that comes of the search, nor where a page of it ends, tells of what it takes out.
    /// That is slower where many records have an error text; the states, the keys and all else that the filter says are still asked of the
    /// database. Called for each of those records, with at most 4,000 characters. Default null: the text is searched as it stands in the table.
    /// </summary>
    public Func<string, string>? Redact { get; init; }

    /// <summary>Only records that this worker holds or has ended. Default null: any.</summary>
    public string? Worker { get; init; }

    /// <summary>Which time <see cref="From"/> and <see cref="Until"/> are about. Default: that of the end.</summary>
    public TaskMoment Moment { get; init; } = TaskMoment.Ended;

    /// <summary>Only records whose time is this one or later. Default null: any.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Only records whose time is before this one. Default null: any.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Conditions on the table's columns, state columns among them. At most 20. Default empty: none.</summary>
    public IReadOnlyList<ColumnCondition> Where { get; init; } = [];

    /// <summary>Only records whose own time has come, where the job has a column for that: nothing else keeps them back but what Pampa has written.</summary>
    internal bool IsOwnTimePast { get; init; }

    /// <summary>Whether it says nothing but which states.</summary>
    internal bool IsOfStatesOnly =>
        Keys is null && KeyPrefix is null && ErrorContains is null && Worker is null && From is null && Until is null && Where.Count == 0;
}

/// <summary>A time of a record.</summary>
public enum TaskMoment
{
    /// <summary>When it was reserved or, while nobody holds it, when it is due.</summary>
    Reserved,

    /// <summary>When its last attempt started.</summary>
    Started,

    /// <summary>When it ended.</summary>
    Ended,
}
