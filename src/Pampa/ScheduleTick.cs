using System.Globalization;

namespace Pampa;

/// <summary>A moment at which a schedule is due, for the statements and the code that are its work.</summary>
public sealed class ScheduleTick
{
    private readonly TimeZoneInfo zone;

    internal ScheduleTick(string schedule, DateTimeOffset at, TimeZoneInfo zone, CancellationToken stopping)
    {
        Schedule = schedule;
        At = at.ToUniversalTime();
        this.zone = zone;
        CancellationToken = stopping;
        IdempotencyKey = string.Create(CultureInfo.InvariantCulture, $"{schedule}/{At:yyyy-MM-ddTHH:mm:ssZ}");
    }

    /// <summary>The schedule's name.</summary>
    public string Schedule { get; }

    /// <summary>
    /// The moment for which it was due, in UTC, however late it is done; of a tick by hand the database's clock. In a statement it is a
    /// parameter: <c>timestamptz</c> on PostgreSQL and CockroachDB, on SQLite a text as in the state columns.
    /// </summary>
    public DateTimeOffset At { get; }

    /// <summary>The same as the clocks of the schedule's time zone show it.</summary>
    public DateTimeOffset LocalTime => TimeZoneInfo.ConvertTime(At, zone);

    /// <summary>The date in the schedule's time zone.</summary>
    public DateOnly Date => DateOnly.FromDateTime(LocalTime.DateTime);

    /// <summary>How many earlier ticks were missed for which this one stands (<see cref="Misfire.Once"/>); 10,000 for more.</summary>
    public int Missed { get; internal init; }

    /// <summary>Whether somebody has asked for it (<c>schedules run</c>), and no time of the expression.</summary>
    public bool IsByHand { get; internal init; }

    /// <summary>
    /// A text that is the same whenever this tick is tried, and different for every other one: <c>nightly/2026-03-29T01:00:00Z</c>. A key
    /// for the records that it makes, and for calls to other systems.
    /// </summary>
    public string IdempotencyKey { get; internal init; }

    /// <summary>Cancelled when the program stops, and when <see cref="ScheduleBuilder.MaxDuration"/> is over.</summary>
    public CancellationToken CancellationToken { get; }
}
