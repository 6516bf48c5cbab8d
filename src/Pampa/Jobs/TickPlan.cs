namespace Pampa.Jobs;

/// <summary>What is to be done of a schedule next; pure.</summary>
/// <param name="At">The tick; all before it is decided with it.</param>
/// <param name="IsLeftOut">Whether it is not done but passed by.</param>
/// <param name="Missed">How many were missed and are decided by it: those for which it stands, or those that are left out.</param>
internal readonly record struct TickPlan(DateTimeOffset At, bool IsLeftOut = false, int Missed = 0)
{
    /// <summary>A year of seconds need not be counted to be told that it is much.</summary>
    private const int Counted = 10_000;

    /// <summary>The next step, or null where nothing is due.</summary>
    /// <param name="schedule">The schedule.</param>
    /// <param name="last">The tick up to which all is decided.</param>
    /// <param name="now">The database's clock.</param>
    public static TickPlan? Next(ScheduleDefinition schedule, DateTimeOffset last, DateTimeOffset now)
    {
        var times = schedule.Times;
        if (times.Next(last) is not { } first || first > now) return null;
        // What is older than this was missed.
        var late = now - schedule.Grace;
        if (first >= late) return new TickPlan(first);
        switch (schedule.Misfire)
        {
            case Misfire.Skip:
                var lastLate = times.Previous(late) ?? first;
                return new TickPlan(lastLate, IsLeftOut: true, Count(times, last, lastLate) + 1);
            case Misfire.All:
                return BeyondLimit(schedule, last, now) is { } beyond
                    ? new TickPlan(beyond, IsLeftOut: true, Count(times, last, beyond) + 1)
                    : new TickPlan(first);
            default:
                var one = times.NextFrom(late) is { } inTime && inTime <= now ? inTime : times.Previous(late) ?? first;
                return new TickPlan(one, Missed: Count(times, last, one));
        }
    }

    // The youngest of those that are too many; null: there are not.
    private static DateTimeOffset? BeyondLimit(ScheduleDefinition schedule, DateTimeOffset last, DateTimeOffset now)
    {
        var at = now + TimeSpan.FromTicks(1);
        for (var i = 0; i <= schedule.MisfireLimit; i++)
        {
            if (schedule.Times.Previous(at) is not { } earlier || earlier <= last) return null;
            at = earlier;
        }
        return at;
    }

    // Those between two moments, without either.
    private static int Count(CronTimes times, DateTimeOffset after, DateTimeOffset before)
    {
        var count = 0;
        for (var at = times.Next(after); at < before && count < Counted; at = times.Next(at.Value)) count++;
        return count;
    }
}
