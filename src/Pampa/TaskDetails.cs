namespace Pampa;

/// <summary>A record in full.</summary>
/// <param name="Task">The record, with its whole error text.</param>
/// <param name="History">
/// What is known of its past, newest first, at most 100 events: attempts that failed or were taken back, and what people did to it by its key.
/// </param>
public sealed record TaskDetails(TaskInfo Task, IReadOnlyList<TaskEvent> History)
{
    /// <summary>How many attempts it has.</summary>
    public int MaxAttempts { get; init; }

    /// <summary>How often it was relaunched after it had completed; null where the job has no such column.</summary>
    public long? Generation { get; init; }
}

/// <summary>Something that happened to a record.</summary>
/// <param name="At">When, by the database's clock.</param>
/// <param name="What">
/// <c>again</c> (an attempt failed, another one follows), <c>failed</c> (for good), <c>reclaimed</c> (its worker was lost or took too long), or
/// what somebody did: <c>retry</c>, <c>relaunch</c>, <c>cancel</c>, <c>skip</c>.
/// </param>
/// <param name="Attempt">Which attempt; null where it was none.</param>
/// <param name="Worker">Whose; null where it was nobody's.</param>
/// <param name="Who">Who did it; null where it was no person.</param>
/// <param name="Text">The error, or what was said; null: nothing.</param>
public sealed record TaskEvent(DateTimeOffset At, string What, int? Attempt, string? Worker, string? Who, string? Text);
