namespace Pampa;

/// <summary>
/// How long a failed task waits before its next attempt. To each delay up to a quarter is added at random, so that
/// tasks which failed together do not come back together; it is never shorter than asked.
/// </summary>
public sealed class Backoff
{
    private const double MaxJitter = 0.25;
    private readonly Func<int, TimeSpan> delay;

    private Backoff(Func<int, TimeSpan> delay) => this.delay = delay;

    /// <summary>
    /// The default: 5 s after the first attempt, four times as long after each further one, at most one hour.
    /// </summary>
    public static Backoff Default { get; } = Exponential(TimeSpan.FromSeconds(5), 4, TimeSpan.FromHours(1));

    /// <summary>No delay: the next attempt may start at once.</summary>
    public static Backoff None { get; } = new(_ => TimeSpan.Zero);

    /// <summary>The same delay after every attempt.</summary>
    /// <param name="delay">Zero or more.</param>
    public static Backoff Fixed(TimeSpan delay)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        return new(_ => delay);
    }

    /// <summary>A delay that grows by a factor with every attempt.</summary>
    /// <param name="first">After the first attempt. Zero or more.</param>
    /// <param name="factor">1 or more.</param>
    /// <param name="max">Never longer than this.</param>
    public static Backoff Exponential(TimeSpan first, double factor, TimeSpan max)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(first, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(max, first);
        return new(attempt =>
        {
            var seconds = first.TotalSeconds * Math.Pow(factor, attempt - 1);
            return seconds < max.TotalSeconds ? TimeSpan.FromSeconds(seconds) : max;
        });
    }

    /// <summary>A delay of your own.</summary>
    /// <param name="delay">From the number of the attempt that failed (1 for the first) to the wait; below zero counts
    /// as zero. It must not throw.</param>
    public static Backoff Custom(Func<int, TimeSpan> delay)
    {
        ArgumentNullException.ThrowIfNull(delay);
        return new(delay);
    }

    /// <summary>The delay after an attempt, without the random part.</summary>
    /// <param name="attempt">1 for the first.</param>
    public TimeSpan DelayAfter(int attempt)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(attempt, 1);
        var wait = delay(attempt);
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait < Jobs.Limits.LongestDelay ? wait : Jobs.Limits.LongestDelay;
    }

    /// <summary>The delay in seconds with its random part; the default's where a delay of the program's own throws.</summary>
    internal double SecondsAfter(int attempt, Random random)
    {
        TimeSpan wait;
        try
        {
            wait = DelayAfter(attempt);
        }
        catch (Exception) when (!ReferenceEquals(this, Default))
        {
            // A failed task must be written as failed whatever its program does; at the start such a delay is refused.
            wait = Default.DelayAfter(attempt);
        }
        return wait.TotalSeconds * (1 + random.NextDouble() * MaxJitter);
    }
}
