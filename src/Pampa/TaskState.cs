namespace Pampa;

/// <summary>
/// What a record is to a job. The states follow from the seven columns and do not overlap; every count, list and
/// condition uses the same rule.
/// </summary>
public enum TaskState
{
    /// <summary>Due, waiting for a worker.</summary>
    Pending,

    /// <summary>Not due yet: scheduled, snoozed or waiting for the next attempt.</summary>
    Scheduled,

    /// <summary>In a worker's hand, not started.</summary>
    Reserved,

    /// <summary>Started.</summary>
    Running,

    /// <summary>Ended well.</summary>
    Completed,

    /// <summary>Ended badly, for good.</summary>
    Failed,
}
