namespace Pampa;

/// <summary>
/// How many records of a job are in each state. The states do not overlap, so the numbers add up to <see
/// cref="Total"/>.
/// </summary>
/// <param name="Job">The job's name.</param>
/// <param name="Pending">Due, waiting for a worker.</param>
/// <param name="Scheduled">Not due yet: scheduled, snoozed or waiting for the next attempt.</param>
/// <param name="Reserved">In a worker's hand, not started.</param>
/// <param name="Running">Started.</param>
/// <param name="Completed">Ended well.</param>
/// <param name="Failed">Ended badly, for good.</param>
public sealed record Report(
    string Job, long Pending, long Scheduled, long Reserved, long Running, long Completed, long Failed)
{
    /// <summary>The sum of the six.</summary>
    public long Total => Pending + Scheduled + Reserved + Running + Completed + Failed;
}
