namespace Pampa.Jobs;

/// <summary>When a job's work shall be done: at a moment, or each day at a time of day.</summary>
/// <param name="Moment">The moment; null: each day.</param>
/// <param name="Time">The time of day.</param>
/// <param name="Zone">Where it is that time.</param>
internal sealed record FinishGoal(DateTimeOffset? Moment, TimeOnly Time, TimeZoneInfo Zone)
{
    /// <summary>The next one; a moment is the next one even when it is past.</summary>
    public DateTimeOffset Next(DateTimeOffset now) => Moment ?? Around(now).First(at => at > now);

    /// <summary>The one before that; null: there is none.</summary>
    public DateTimeOffset? Last(DateTimeOffset now) => Moment is null ? Around(now).Last(at => at <= now) : null;

    private IEnumerable<DateTimeOffset> Around(DateTimeOffset now)
    {
        var today = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, Zone).DateTime);
        for (var day = -2; day <= 2; day++) yield return At(today.AddDays(day));
    }

    // A time that the clocks pass by is as much later; of one that comes twice it is the first.
    private DateTimeOffset At(DateOnly day)
    {
        var local = day.ToDateTime(Time);
        if (Zone.IsInvalidTime(local)) return new DateTimeOffset(local, Zone.GetUtcOffset(local.AddDays(-1))).ToUniversalTime();
        var offset = Zone.IsAmbiguousTime(local) ? Zone.GetAmbiguousTimeOffsets(local).Max() : Zone.GetUtcOffset(local);
        return new DateTimeOffset(local, offset).ToUniversalTime();
    }
}
