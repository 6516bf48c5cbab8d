namespace Pampa;

/// <summary>How a job stood at a moment, and how it went since the sample before.</summary>
/// <param name="At">The moment, by the database's clock.</param>
/// <param name="Pending">Due records; at most 100,000 are counted.</param>
/// <param name="IsPendingExact">False: there are more.</param>
/// <param name="Running">Tasks that were started.</param>
/// <param name="CompletedPerSecond">Tasks that ended well a second.</param>
/// <param name="FailedPerSecond">Tasks that failed for good a second.</param>
/// <param name="MeanDuration">How long an attempt took on average; null where none ended.</param>
/// <param name="Workers">Workers that served the job.</param>
public sealed record JobSample(
    DateTimeOffset At, long Pending, bool IsPendingExact, long Running, double CompletedPerSecond, double FailedPerSecond, TimeSpan? MeanDuration,
    int Workers)
{
    /// <summary>Tasks that ended well since the cluster's samples began. It never falls.</summary>
    public long Completed { get; init; }

    /// <summary>Tasks that failed for good since then. It never falls.</summary>
    public long Failed { get; init; }

    /// <summary>Attempts that were measured since then. It never falls.</summary>
    public long Attempts { get; init; }

    /// <summary>How long those took in all.</summary>
    public TimeSpan Busy { get; init; }
}
