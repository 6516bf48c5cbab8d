using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Pampa.Jobs;

/// <summary>The process's instruments and its source of spans. They are the runtime's own: whoever wants to know listens.</summary>
internal static class Instruments
{
    public const string JobTag = "pampa.job";
    public const string NodeTag = "pampa.node";
    public const string OutcomeTag = "pampa.outcome";
    public const string StepTag = "pampa.step";

    private static readonly string? Version = typeof(Instruments).Assembly.GetName().Version?.ToString(3);
    private static readonly Meter Meter = new(PampaTelemetry.MeterName, Version);

    // The usual ones are for web requests: tasks take from a millisecond to an hour.
    private static readonly InstrumentAdvice<double> Seconds =
        new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600] };

    private static readonly InstrumentAdvice<int> Rows = new() { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 8_000] };

    // How the jobs stand whose leader is in this process.
    private static readonly ConcurrentDictionary<JobMeter, JobStanding> Standings = new();

    static Instruments()
    {
        Meter.CreateObservableGauge("pampa.job.pending", () => Observe(s => s.Pending), "{task}", "Due tasks, as the leader counted them last; at most 100,001 are counted. Only the leader's process tells.");
        Meter.CreateObservableGauge("pampa.job.oldest_pending", ObserveOldest, "s", "How long the task has been due that waits for the longest time, where that is known. Only the leader's process tells.");
        Meter.CreateObservableGauge("pampa.job.running", () => Observe(s => s.Running), "{task}", "Tasks that are started on all nodes. Only the leader's process tells.");
        Meter.CreateObservableGauge("pampa.job.workers", () => Observe(s => s.Workers), "{worker}", "Workers that serve the job on all nodes. Only the leader's process tells.");
    }

    public static ActivitySource Source { get; } = new(PampaTelemetry.ActivitySourceName, Version);

    public static Counter<long> Attempts { get; } = Meter.CreateCounter<long>(
        "pampa.task.attempts", "{attempt}", "Attempts that are over, by what the table has made of them: completed, retry, failed, snoozed, forgiven, fenced, unknown.");

    public static Counter<long> Reclaimed { get; } = Meter.CreateCounter<long>(
        "pampa.task.reclaimed", "{task}", "Tasks that were taken back from workers that are gone or late: released (not started), retry, failed.");

    public static Histogram<double> Duration { get; } = Meter.CreateHistogram(
        "pampa.task.duration", "s", "How long a task's handler took, by what came of it; of a batch each task's share.", null, Seconds);

    public static Histogram<double> Wait { get; } = Meter.CreateHistogram(
        "pampa.task.wait", "s", "From a task's reservation to its start, by the database's clock: how long it lay in a worker's hand.", null, Seconds);

    public static Histogram<double> Queue { get; } = Meter.CreateHistogram(
        "pampa.task.queue", "s", "From the time at which a task was due by its DueColumn to the start of its first attempt: how long it lay in the table and in a worker's hand.", null, Seconds);

    public static Histogram<int> Batch { get; } = Meter.CreateHistogram(
        "pampa.batch.size", "{record}", "Records that one statement has reserved, started or finished.", null, Rows);

    public static Counter<long> LeaderChanges { get; } = Meter.CreateCounter<long>("pampa.leader.changes", "{change}", "How often this process has become the leader.");

    /// <summary>How a job stands; null: this process does not lead, so that it cannot tell.</summary>
    public static void Stand(JobMeter job, JobStanding? standing)
    {
        if (standing is not null) Standings[job] = standing;
        else Standings.TryRemove(job, out _);
    }

    private static IEnumerable<Measurement<long>> Observe(Func<JobStanding, long> value) =>
        Standings.Select(s => new Measurement<long>(value(s.Value), s.Key.Job, s.Key.Node));

    // Of what waits for nobody knows how long nothing is told: nought would say that it has just come.
    private static IEnumerable<Measurement<double>> ObserveOldest() => Standings.Where(s => s.Value.OldestPending is not null || s.Value.Pending == 0)
        .Select(s => new Measurement<double>(s.Value.OldestPending?.TotalSeconds ?? 0, s.Key.Job, s.Key.Node));
}

/// <summary>How a job stood when the leader looked last.</summary>
/// <param name="Pending">Due tasks, as far as they were counted.</param>
/// <param name="OldestPending">How long one of them has been due at most; null: none tells.</param>
/// <param name="Running">Tasks that are started.</param>
/// <param name="Workers">Workers that serve it.</param>
internal sealed record JobStanding(long Pending, TimeSpan? OldestPending, long Running, int Workers);
