namespace Pampa;

/// <summary>How many workers a job needs to be done in time, and how it stands.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="WorkersWanted">
/// How many workers it needs: 0 where nothing is left or the job is paused, never more than <see cref="JobBuilder.MaxAssignedWorkers"/>. With
/// <c>FinishBy</c> or <see cref="JobBuilder.MaxWait"/> it follows from how long tasks have taken lately; without, or where none was measured,
/// it is one for each <see cref="JobBuilder.MaxPendingTasks"/>. It is a wish to whoever starts nodes, not what the dispatcher shares out.
/// </param>
/// <param name="Reason">Why so many.</param>
public sealed record JobScale(string Job, int WorkersWanted, string Reason)
{
    /// <summary>Workers that serve it now.</summary>
    public int Workers { get; init; }

    /// <summary>
    /// When it shall be done: the next time of day or the moment that <c>FinishBy</c> names, or the last time of day while the work of before
    /// has not been done since; null: no such time was given.
    /// </summary>
    public DateTimeOffset? FinishBy { get; init; }

    /// <summary>How long a task may wait (<see cref="JobBuilder.MaxWait"/>); null: as long as it must.</summary>
    public TimeSpan? MaxWait { get; init; }

    /// <summary>When all will be done at the rate of just now; null: that cannot be told. As <see cref="Report.Eta"/>.</summary>
    public TimeSpan? Eta { get; init; }

    /// <summary>
    /// How much earlier than <see cref="FinishBy"/>, or than <see cref="MaxWait"/> from now where there is no such time, all will be done at
    /// that rate; less than zero: it will be late by that. Null: there is no goal, or the rate cannot be told.
    /// </summary>
    public TimeSpan? Early { get; init; }

    /// <summary>Worker time that a task takes until it has ended, measured lately, all of its attempts together; null: none has ended in a day.</summary>
    public TimeSpan? TimePerTask { get; init; }
}
