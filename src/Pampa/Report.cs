namespace Pampa;

/// <summary>
/// How many records of a job are in each state, and how the work goes. The states do not overlap, so the numbers add up
/// to <see cref="Total"/>.
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

    /// <summary>
    /// Whether the numbers are those of the whole table. False: the table is larger than what was counted for a quick
    /// look, and each number means "at least".
    /// </summary>
    public bool IsExact { get; init; } = true;

    /// <summary>
    /// Whether the numbers are the job's own (<see cref="JobBuilder.Report(Func{ReportContext, CancellationToken, Task{Report}})"/>) and
    /// not counted by Pampa.
    /// </summary>
    public bool IsOwn { get; init; }

    /// <summary>Why they are not, although the job has code for that: what is wrong with it. Null: nothing.</summary>
    public string? Fault { get; init; }

    /// <summary>
    /// How long the pending record that has been due for the longest time waits; null where there is none or where the
    /// pending records carry no time (a record that was inserted without a reservation time has none until it is first
    /// reserved).
    /// </summary>
    public TimeSpan? OldestPending { get; init; }

    /// <summary>
    /// Tasks that all processes of the cluster together end a second, as they last published it (every 5 s); null while
    /// no process works on the job.
    /// </summary>
    public double? PerSecond { get; init; }

    /// <summary>
    /// When what is due, reserved or running will have ended at this rate; null where there is no rate, zero where
    /// nothing is left. Where <see cref="IsExact"/> is false it is at least that.
    /// </summary>
    public TimeSpan? Eta
    {
        get
        {
            var left = Pending + Reserved + Running;
            if (left == 0) return TimeSpan.Zero;
            return PerSecond is > 0 and var rate ? TimeSpan.FromSeconds(Math.Min(left / rate, TimeSpan.MaxValue.TotalSeconds / 2)) : null;
        }
    }
}
