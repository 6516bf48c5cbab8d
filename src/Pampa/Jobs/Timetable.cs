using Cronos;

namespace Pampa.Jobs;

/// <summary>When the next run of a stand-alone process begins: by a delay from start to start, or by a schedule.</summary>
internal sealed class Timetable
{
    // A year has all dates but one, and that one comes within eight.
    private static readonly DateTimeOffset AnyTime = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly TimeSpan delay;
    private readonly CronExpression? schedule;
    private readonly TimeZoneInfo zone;
    private readonly TimeProvider time;
    private long began;
    private long restingFrom;
    private TimeSpan rest;

    private Timetable(TimeSpan delay, CronExpression? schedule, TimeZoneInfo zone, TimeProvider time)
    {
        this.delay = delay;
        this.schedule = schedule;
        this.zone = zone;
        this.time = time;
    }

    /// <summary>The moment of the next run; null where it is a delay's, or never.</summary>
    public DateTimeOffset? Next { get; private set; }

    public static Timetable EverySo(TimeSpan delay, TimeProvider time) => new(delay, null, TimeZoneInfo.Utc, time);

    /// <summary>By a cron expression, or null where it is none; then what is wrong is added to the errors.</summary>
    public static Timetable? By(string expression, TimeZoneInfo zone, TimeProvider time, ICollection<string> errors)
    {
        var fields = expression.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var format = fields.Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard;
        if (!CronExpression.TryParse(string.Join(' ', fields), format, out var schedule))
        {
            errors.Add($"Schedule must be a cron expression of five fields (minute, hour, day, month, day of the week), for example '0 3 * * *' for three o'clock, or of six with seconds first; got '{expression}'.");
            return null;
        }
        if (schedule.GetNextOccurrence(AnyTime, zone) is null)
        {
            errors.Add($"Schedule must name a time that comes, got '{expression}', which never does.");
            return null;
        }
        return new Timetable(TimeSpan.Zero, schedule, zone, time);
    }

    /// <summary>Begins: by a delay the first run is due at once, by a schedule at its next time.</summary>
    public void Begin()
    {
        (began, rest) = (0, TimeSpan.Zero);
        Next = schedule?.GetNextOccurrence(time.GetUtcNow(), zone);
    }

    /// <summary>Whether a run is due.</summary>
    public bool IsDue => Left <= TimeSpan.Zero;

    /// <summary>How long until it is.</summary>
    public TimeSpan Left
    {
        get
        {
            var resting = rest == TimeSpan.Zero ? TimeSpan.Zero : rest - time.GetElapsedTime(restingFrom);
            var left = schedule is not null
                ? Next is { } next ? next - time.GetUtcNow() : TimeSpan.MaxValue
                : began == 0 ? TimeSpan.Zero : delay - time.GetElapsedTime(began);
            return left > resting ? left : resting;
        }
    }

    /// <summary>A run begins. Returns the moment for which it was due, by a schedule.</summary>
    public DateTimeOffset? Start()
    {
        // Zero is for: none yet.
        began = Math.Max(1, time.GetTimestamp());
        return Next;
    }

    /// <summary>
    /// A run has ended. The times that have passed meanwhile are left out: one run that takes long must not be followed by a
    /// crowd.
    /// </summary>
    /// <param name="rest">How long nothing begins; times of a schedule that fall into it are left out, too.</param>
    public void End(TimeSpan rest)
    {
        this.rest = rest;
        restingFrom = time.GetTimestamp();
        Next = schedule?.GetNextOccurrence(time.GetUtcNow() + rest, zone);
    }
}
