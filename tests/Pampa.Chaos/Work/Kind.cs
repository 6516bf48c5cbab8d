namespace Pampa.Chaos.Work;

/// <summary>What a task does; the name stands in its record.</summary>
internal enum Kind
{
    Quick,
    Slow,
    FailsOnce,
    FailsAlways,

    /// <summary>Throws what no further attempt can mend.</summary>
    Permanent,

    /// <summary>Kills its process, in every attempt.</summary>
    Poison,

    /// <summary>Goes on when it is cancelled, longer than it may take.</summary>
    Stubborn,

    /// <summary>Sets a column to what its table refuses, in the first attempt.</summary>
    Refused,

    /// <summary>Writes to another table, outside of the completion.</summary>
    Effect,

    /// <summary>Puts itself off once.</summary>
    Snooze,

    /// <summary>Was inserted for a later time.</summary>
    Scheduled,

    /// <summary>Takes all threads of the pool.</summary>
    Hog,

    /// <summary>Is run again a second after it has completed, until it has done so <see cref="Limits.Rounds"/> times.</summary>
    Recurring,
}
