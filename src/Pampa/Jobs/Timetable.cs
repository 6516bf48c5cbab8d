namespace Pampa.Jobs;

/// <summary>When the next run of a stand-alone process begins: by a delay from start to start, or by a schedule.</summary>
internal sealed class Timetable
{
    private static readonly TimeSpan MostPutBack = TimeSpan.FromHours(3);
    private readonly TimeSpan delay;
    private readonly CronTimes? schedule;
    private readonly TimeProvider time;
    private long began;
    private long restingFrom;
    private TimeSpan rest;

    private Timetable(TimeSpan delay, CronTimes? schedule, TimeProvider time)
    {
        this.delay = delay;
        this.schedule = schedule;
        this.time = time;
    }

    /// <summary>The moment of the next run; null where it is a delay's, or never.</summary>
    public DateTimeOffset? Next { get; private set; }

    public static Timetable EverySo(TimeSpan delay, TimeProvider time) => new(delay, null, time);

    /// <summary>By a cron expression, or null where it is none; then what is wrong is added to the errors.</summary>
    public static Timetable? By(string expression, TimeZoneInfo zone, TimeProvider time, ICollection<string> errors, string name = "")
    {
        if (CronTimes.Parse(expression, zone, name, out var error) is { } schedule) return new Timetable(TimeSpan.Zero, schedule, time);
        errors.Add($"Schedule {error}.");
        return null;
    }

    /// <summary>Begins: by a delay the first run is due at once, by a schedule at its next time.</summary>
    public void Begin()
    {
        (began, rest) = (0, TimeSpan.Zero);
        Next = schedule?.Next(time.GetUtcNow());
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
        var from = time.GetUtcNow() + rest;
        // Where the clock was put back meanwhile, the time that has just run would come again. One that was put back far was wrong before: what
        // it said then is no time to wait for.
        if (Next is { } ran && ran > from && ran - from <= MostPutBack) from = ran;
        Next = schedule?.Next(from);
    }
}
