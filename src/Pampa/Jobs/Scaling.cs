using System.Globalization;

namespace Pampa.Jobs;

/// <summary>What is known of a job, from which follows how many workers it needs.</summary>
internal sealed record ScaleAsk
{
    /// <summary>Tasks that are due, reserved or running.</summary>
    public required long Left { get; init; }

    /// <summary>Worker time that a task takes until it has ended, all of its attempts together; null: none has ended lately.</summary>
    public double? SecondsPerTask { get; init; }

    /// <summary>How long is left until the work shall be done; not more than zero: the time is over; null: at no time.</summary>
    public TimeSpan? UntilDeadline { get; init; }

    /// <summary>How long a task may wait; null: as long as it must.</summary>
    public TimeSpan? MaxWait { get; init; }

    public int? MaxWorkers { get; init; }

    public int MaxPendingTasks { get; init; } = 500;

    public bool IsPaused { get; init; }
}

/// <summary>How many workers a job needs, and why. Pure: the same is always answered by the same.</summary>
internal static class Scaling
{
    // Who is late, or nearly, shall be done as soon as is sensible: a worker for each task would be wild.
    private static readonly TimeSpan Soonest = TimeSpan.FromMinutes(1);

    // Whatever is divided by whatever.
    private const int Most = 1_000_000;

    public static (int Workers, string Reason) Wanted(ScaleAsk ask)
    {
        if (ask.IsPaused) return (0, "paused");
        if (ask.Left <= 0) return (0, "nothing is left");
        var (workers, reason) = Needed(ask);
        var most = ask.MaxWorkers ?? Most;
        return workers <= most ? (workers, reason) : (most, string.Create(CultureInfo.InvariantCulture, $"{reason}; it may have {most:N0} at most"));
    }

    private static (int Workers, string Reason) Needed(ScaleAsk ask)
    {
        if (ask.UntilDeadline is null && ask.MaxWait is null)
            return (Divided(ask.Left, ask.MaxPendingTasks), string.Create(CultureInfo.InvariantCulture, $"one for each {ask.MaxPendingTasks:N0} of {ask.Left:N0} tasks"));
        if (ask.SecondsPerTask is not > 0)
            return (Divided(ask.Left, ask.MaxPendingTasks), string.Create(CultureInfo.InvariantCulture, $"no task has been measured lately: one for each {ask.MaxPendingTasks:N0} of {ask.Left:N0} tasks"));
        var each = ask.SecondsPerTask.Value;
        var isByWait = ask.UntilDeadline is null || ask.MaxWait < ask.UntilDeadline;
        var goal = isByWait ? ask.MaxWait!.Value : ask.UntilDeadline!.Value;
        var time = goal < Soonest && !isByWait ? Soonest : goal;
        // Nobody does a part of a task, and one that takes longer than there is time has a worker of its own.
        var perWorker = Math.Max(1, Math.Floor(Math.Min(long.MaxValue / 2.0, time.TotalSeconds / each)));
        var work = string.Create(CultureInfo.InvariantCulture, $"{ask.Left:N0} tasks of {each:0.###} s");
        return (Divided(ask.Left, perWorker), isByWait ? $"{work} within {Text(goal)}" : goal > TimeSpan.Zero ? $"{work} in {Text(goal)}" : $"{work}, late");
    }

    private static int Divided(long left, double by) => (int)Math.Clamp(Math.Ceiling(left / by), 1, Most);

    private static string Text(TimeSpan time) => TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds)).ToString("c");
}
