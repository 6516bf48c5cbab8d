using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>What the scheduler knows of one schedule: when it is due, and the tick that is under way.</summary>
internal sealed class Ticking(ScheduleDefinition schedule, TimeProvider time)
{
    // Code that obeys its token needs a moment to end.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);
    private Task<bool>? underWay;
    private long lookedAt;
    private long began;
    private DateTimeOffset tick;
    private bool isOverdueTold;
    private TimeSpan? due;

    public ScheduleDefinition Schedule => schedule;

    /// <summary>Its tick; null: none is under way.</summary>
    public Task? UnderWay => underWay;

    /// <summary>Whether its tick should have ended long ago: its code does not obey, and may never end.</summary>
    public bool IsOverdue => underWay is { IsCompleted: false } && time.GetElapsedTime(began) >= schedule.MaxDuration + Patience;

    /// <summary>How long until it is due; null: that is not known to come.</summary>
    public TimeSpan? Left => underWay is not null || due is not { } wait ? null
        : wait - time.GetElapsedTime(lookedAt) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;

    /// <summary>What there is to do of it now, or null; what is not begun then is looked at again soon.</summary>
    /// <param name="row">How it stands; null: somebody has deleted it.</param>
    /// <param name="now">The database's clock.</param>
    /// <param name="at">When the look began.</param>
    public TickPlan? Plan(ScheduleRow? row, DateTimeOffset now, long at)
    {
        lookedAt = at;
        due = null;
        if (row is null or { PausedAt: not null }) return null;
        if (row.RetryAt is { } retry && retry > now)
        {
            due = retry - now;
            return null;
        }
        var plan = TickPlan.Next(schedule, row.Last, now);
        due = plan is null ? schedule.Times.Next(row.Last) - now : Soon;
        return plan;
    }

    /// <summary>A tick begins, beside the loop: one that takes long holds up no other.</summary>
    public void Begin(DateTimeOffset at, Func<Task<bool>> tickAsync)
    {
        tick = at;
        began = time.GetTimestamp();
        isOverdueTold = false;
        underWay = Task.Run(tickAsync);
    }

    /// <summary>Whether one has ended well since it was last asked; what it threw is thrown here.</summary>
    public async Task<bool> TakeEndedAsync()
    {
        if (underWay is not { IsCompleted: true } ended) return false;
        underWay = null;
        // Where nothing came of it the same would come at once. Else the next one may be due already: who waited would fall behind a bit with each.
        (due, lookedAt) = (Soon, time.GetTimestamp());
        var isDone = await ended;
        if (isDone) due = TimeSpan.Zero;
        return isDone;
    }

    /// <summary>The tick that should have ended long ago, once.</summary>
    public DateTimeOffset? TakeOverdue()
    {
        if (isOverdueTold || !IsOverdue) return null;
        isOverdueTold = true;
        return tick;
    }
}
