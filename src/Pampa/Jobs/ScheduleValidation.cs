namespace Pampa.Jobs;

/// <summary>The rules for a schedule that need no database, in the words of the API; each goes on after its name.</summary>
internal static class ScheduleValidation
{
    private const int MostMisfires = 1_000;
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestTick = TimeSpan.FromHours(1);

    public static void Check(ScheduleBuilder schedule, int steps, bool needsCode, ICollection<string> errors)
    {
        if (!JobValidation.Identifier.IsMatch(schedule.Name)) errors.Add($"the name must be {JobValidation.IdentifierForm}");
        if (steps == 0 && needsCode) errors.Add("there is nothing to do: call Do with a statement or with code");
        if (!Enum.IsDefined(schedule.Misfire)) errors.Add($"Misfire must be Once, Skip or All, got {schedule.Misfire}");
        if (schedule.Grace is { } grace && (grace < Second || grace > Limits.LongestDelay))
            errors.Add($"Grace must be between 1 second and 3,650 days, got {grace}");
        if (schedule.MisfireLimit is < 1 or > MostMisfires)
            errors.Add(FormattableString.Invariant($"MisfireLimit must be between 1 and {MostMisfires:N0}, got {schedule.MisfireLimit:N0}"));
        if (schedule.MaxDuration < Second || schedule.MaxDuration > LongestTick)
            errors.Add($"MaxDuration must be between 1 second and 1 hour, got {schedule.MaxDuration}");
        if (schedule.Backoff is null) errors.Add("Backoff must not be null: use Backoff.None for no delay");
    }

    /// <summary>A time zone by its name, or null where this computer has none of it.</summary>
    public static TimeZoneInfo? FindZone(string? name, ICollection<string> errors)
    {
        if (name is not null && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone)) return zone;
        var all = TimeZoneInfo.GetSystemTimeZones();
        var remedy = all.Count > 1
            ? Suggestion.For(name ?? "", all.Select(z => z.Id))
            : " (this computer has no time zones at all: install its package of them, which is called tzdata)";
        errors.Add($"TimeZone must be the name of a time zone, for example Europe/Madrid or UTC, got '{name}'{remedy}");
        return null;
    }

    /// <summary>The grace where nobody says anything: a change of the leader must not cost a tick.</summary>
    public static TimeSpan UsualGrace(TimeSpan leaderLease) => 2 * leaderLease > Minute ? 2 * leaderLease : Minute;
}
