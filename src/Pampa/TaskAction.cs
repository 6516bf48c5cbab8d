namespace Pampa;

/// <summary>What somebody may do to records: <see cref="PampaCluster.ApplyAsync"/>.</summary>
public enum TaskAction
{
    /// <summary>Failed records are pending again, with all their attempts and the same <see cref="PampaTask.IdempotencyKey"/>.</summary>
    Retry,

    /// <summary>
    /// Completed and failed records are pending again, with all their attempts. A completed one has another <see
    /// cref="PampaTask.IdempotencyKey"/> from then on if the job has a column for that: <see cref="TaskColumns.Generation"/>.
    /// </summary>
    Relaunch,

    /// <summary>
    /// Records that are pending, scheduled or reserved, and with <see cref="TaskActionOptions.Running"/> those that run, have failed for good, with
    /// the reason as their error text.
    /// </summary>
    Cancel,

    /// <summary>Records that are pending, scheduled or reserved are completed without having run.</summary>
    Skip,

    /// <summary>
    /// Scheduled records are due now: put off, inserted for later, or waiting for their next attempt. Their attempts stay as they are. One whose own
    /// time (<see cref="JobBuilder.DueColumn"/>) has not come is left alone, for that is the program's.
    /// </summary>
    RunNow,
}

/// <summary>How an action on records goes about it.</summary>
public sealed record TaskActionOptions
{
    /// <summary>
    /// Whether the records are only counted, at most 100,000 of them and no more than <see cref="Limit"/>; nothing is changed or audited then.
    /// Default: no.
    /// </summary>
    public bool DryRun { get; init; }

    /// <summary>
    /// Whether a dry run ends when it has counted for about a second, with what it has by then (<see cref="TaskActionResult.IsExact"/> is false).
    /// Default: no, it counts on.
    /// </summary>
    public bool Hurried { get; init; }

    /// <summary>Whether a filter without any condition is meant: all records that the action may take. Default: no, it is refused.</summary>
    public bool All { get; init; }

    /// <summary>
    /// Whether <see cref="TaskAction.Cancel"/> also takes what runs. Such a record has failed at once, and whatever its worker writes later is
    /// refused; its handler's token is cancelled within some ten seconds (of a batch it is not: the others in it go on). Default: no, what runs is left alone.
    /// </summary>
    public bool Running { get; init; }

    /// <summary>Why, for the audit, and as the error text of what is cancelled. At most 500 characters. Default: none.</summary>
    public string? Reason { get; init; }

    /// <summary>How many records one statement changes at most. 1 to 500; default 200.</summary>
    public int ChunkSize { get; init; } = 200;

    /// <summary>How long to wait after each chunk, so that the work goes on beside it. Zero to a minute; default 50 ms.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How many records to change at most, and of a dry run to count. At least 1; default null: all that match.</summary>
    public long? Limit { get; init; }
}

/// <summary>What an action on records has done, or would do.</summary>
/// <param name="Matched">How many records match and are in a state that the action takes, as far as they were looked at.</param>
/// <param name="Changed">How many were changed; those that changed meanwhile were left alone. Of a dry run 0.</param>
/// <param name="Running">How many match and were left alone because a worker runs them: wait for them, or drain the job first.</param>
/// <param name="IsExact">False: of a dry run there are more or may be, and no <see cref="TaskActionOptions.Limit"/> leaves them out.</param>
/// <param name="AuditId">The id of its entry in the audit; null: nothing was changed.</param>
public sealed record TaskActionResult(long Matched, long Changed, long Running, bool IsExact, string? AuditId)
{
    /// <summary>Where nothing matches although something looks as if it should: why, for people. Null: there is nothing to say of that.</summary>
    public string? Why { get; init; }
}
