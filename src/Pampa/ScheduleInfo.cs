namespace Pampa;

/// <summary>How a schedule is.</summary>
public enum ScheduleState
{
    /// <summary>It waits for its next time, or is at it.</summary>
    Active,

    /// <summary>The tick that is due has failed and is tried again.</summary>
    Failing,

    /// <summary>Somebody has paused it.</summary>
    Paused,

    /// <summary>Nobody does its ticks: no dispatcher leads, or the program of the one that does has no such schedule.</summary>
    Idle,
}

/// <summary>A schedule as it stands in the database, which is how the leader goes by it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Expression">When it is due.</param>
/// <param name="TimeZone">Whose clocks the expression means.</param>
/// <param name="State">How it is.</param>
public sealed record ScheduleInfo(string Name, string Expression, string TimeZone, ScheduleState State)
{
    /// <summary>
    /// The next time, in UTC; one that is past is due. Null where no tick comes: it is paused, or this computer does not know the time zone.
    /// </summary>
    public DateTimeOffset? Next { get; init; }

    /// <summary>The same as the clocks of its time zone show it.</summary>
    public DateTimeOffset? NextLocal { get; init; }

    /// <summary>How long until then, by the database's clock.</summary>
    public TimeSpan? NextIn { get; init; }

    /// <summary>The last tick that was done, in UTC: the moment for which it was due. Null: none yet.</summary>
    public DateTimeOffset? LastTick { get; init; }

    /// <summary>When it was done, by the database's clock.</summary>
    public DateTimeOffset? LastDoneAt { get; init; }

    /// <summary>How many ticks were missed since the schedule is known: left out, or stood for by a later one.</summary>
    public long Missed { get; init; }

    /// <summary>How often the tick that is due has failed. 0: it has not.</summary>
    public int Failures { get; init; }

    /// <summary>The text of its last failure.</summary>
    public string? Error { get; init; }

    /// <summary>How long until it is tried again, by the database's clock.</summary>
    public TimeSpan? RetryIn { get; init; }

    /// <summary>Since when it is paused; null: it is not.</summary>
    public DateTimeOffset? PausedAt { get; init; }

    /// <summary>Why it is paused, as somebody has said; may be empty.</summary>
    public string PauseReason { get; init; } = "";

    /// <summary>How often its definition was changed, and once.</summary>
    public long Revision { get; init; }

    /// <summary>Which program it is from, and in which version.</summary>
    public string Program { get; init; } = "";

    /// <summary>The expression of this program, where it differs; null where it does not, or where this program has no such schedule.</summary>
    public string? OwnExpression { get; init; }

    /// <summary>Whether this program has it.</summary>
    public bool IsInProgram { get; init; }
}
