namespace Pampa.Jobs;

/// <summary>
/// A record bound to a worker, as RESERVE left it. Times are the database's text. <see cref="Attempts"/> are the
/// attempts so far; START compares it, so a reservation that was taken away and given anew is not started by its former
/// holder.
/// </summary>
internal sealed record Reservation(TaskKey Key, string Worker, string ReservedAt, int Attempts)
{
    public Claim Claim => new(ReservedAt, Attempts);
}

/// <summary>
/// Which reservation of a record is meant: the same record may be reserved anew while a former attempt has not come to
/// its end on this node.
/// </summary>
internal readonly record struct Claim(string ReservedAt, int Attempts);

/// <summary>
/// What a finish must still match: the worker, the number of the attempt and its start as the database wrote it.
/// </summary>
internal readonly record struct Fence(TaskKey Key, string Worker, int Attempt, string StartedAt);

/// <summary>What the fence of a record is at a moment, and whether and how the record has ended.</summary>
internal readonly record struct FenceNow(Fence Fence, bool Ended, bool Succeeded, string? Error);

/// <summary>A record that START gave to its worker: the fence, the record's values, and its generation.</summary>
internal sealed record StartedTask(Fence Fence, object?[] Values, long Generation)
{
    /// <summary>The reservation that was started.</summary>
    public Claim Claim { get; init; }
}

/// <summary>How an attempt ended (PROTOCOL T3, T4, T5, T10, T11).</summary>
internal enum Outcome
{
    /// <summary>T3: done.</summary>
    Completed,

    /// <summary>T4: failed, pending again after a delay.</summary>
    Again,

    /// <summary>T5: failed for good.</summary>
    Failed,

    /// <summary>T10: interrupted without fault of the task; the attempt does not count.</summary>
    Forgiven,

    /// <summary>T11: the handler put it off; the attempt does not count.</summary>
    Snoozed,
}

/// <summary>
/// The result of an attempt. <paramref name="Changes"/> are the columns that the handler set, as indexes into the job's
/// record columns; they are written only with <see cref="Outcome.Completed"/> and <see cref="Outcome.Snoozed"/>.
/// </summary>
internal sealed record TaskResult(
    Fence Fence,
    Outcome Outcome,
    double DelaySeconds = 0,
    DateTimeOffset? Until = null,
    string? Error = null,
    ColumnChanges? Changes = null)
{
    /// <summary>The reservation that the attempt came from.</summary>
    public Claim Claim { get; init; }
}

/// <summary>Changed columns of one record: sorted column indexes and their values, encoded by the dialect.</summary>
internal sealed record ColumnChanges(int[] Columns, string?[] Values);
