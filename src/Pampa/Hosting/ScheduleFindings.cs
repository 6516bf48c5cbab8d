namespace Pampa.Hosting;

/// <summary>What is wrong with schedules; pure.</summary>
internal static class ScheduleFindings
{
    public static IEnumerable<Finding> Of(IReadOnlyList<ScheduleInfo> schedules, bool hasLeader)
    {
        foreach (var s in schedules)
        {
            if (s is { Failures: > 0, PausedAt: null })
                yield return Finding.Warning("schedule-failing", $"schedule {s.Name}", FormattableString.Invariant($"Its tick of {s.Next:u} has failed {s.Failures:N0} times: {s.Error}."), $"Mend its statement, or what that needs: it is tried again by itself. Or pause it: 'schedules pause {s.Name}'.");
            if (hasLeader && s is { State: ScheduleState.Idle, IsInProgram: true })
                yield return Finding.Warning("schedule-idle", $"schedule {s.Name}", "A dispatcher leads whose program has no such schedule: its ticks do not come.", "Deploy the same program everywhere; what is missed meanwhile is made up for as its Misfire says.");
        }
    }
}
