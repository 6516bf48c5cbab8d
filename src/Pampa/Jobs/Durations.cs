namespace Pampa.Jobs;

/// <summary>
/// How long the last handlers of a job took. Writing is cheap and from any thread; reading sorts a copy.
/// </summary>
internal sealed class Durations
{
    private const int Window = 1_024;
    private readonly long[] ticks = new long[Window];
    private long count;
    private long total;

    /// <summary>How many were measured in all.</summary>
    public long Count => Interlocked.Read(ref count);

    /// <summary>How long they took in all.</summary>
    public TimeSpan Total => TimeSpan.FromTicks(Interlocked.Read(ref total));

    public void Add(TimeSpan duration)
    {
        ticks[(Interlocked.Increment(ref count) - 1) & (Window - 1)] = duration.Ticks;
        Interlocked.Add(ref total, duration.Ticks);
    }

    /// <summary>The value below which a share of the last ones lies; null before the first.</summary>
    public TimeSpan? Percentile(double share)
    {
        var known = (int)Math.Min(Count, Window);
        if (known == 0) return null;
        var sorted = ticks[..known];
        Array.Sort(sorted);
        return TimeSpan.FromTicks(sorted[Math.Min(known - 1, (int)(known * share))]);
    }
}
