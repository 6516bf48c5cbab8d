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
internal readonly record struct FenceNow(Fence Fence, string? EndedAt, bool Succeeded, string? Error)
{
    public bool Ended => EndedAt is not null;
}
