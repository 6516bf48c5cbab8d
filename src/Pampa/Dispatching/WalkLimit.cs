namespace Pampa.Dispatching;

/// <summary>
/// How long picking may take where it has no place to go on from, and when it comes again after that was too short. Over an index full of what
/// has ended, which a snapshot that somebody holds open keeps from being cleared away, it takes longer than the other jobs can wait; and yet it may
/// be the only way to a record. So each time it has more, and stays away the longer.
/// </summary>
internal sealed class WalkLimit(TimeProvider time)
{
    private const int Growth = 2;
    private const int GrowthOfRest = 4;
    private const int MostRest = 20;
    private const int MostGrowths = 10;
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(30);
    private int timeouts;
    private long endedAt;
    private TimeSpan rest;

    /// <summary>Whether it is too early for the next one, whoever asks for it.</summary>
    public bool Rests => rest > TimeSpan.Zero && time.GetElapsedTime(endedAt) < rest;

    /// <summary>How long the next one may take.</summary>
    /// <param name="usual">How long one may where none has taken longer.</param>
    public TimeSpan Longest(TimeSpan usual) => usual * Math.Pow(Growth, timeouts) is var longest && longest < Most ? longest : Most;

    /// <summary>One has come to its end.</summary>
    /// <param name="began">The time stamp of its beginning.</param>
    /// <param name="usual">How long one may take where none has taken longer.</param>
    /// <param name="othersWait">Whether there are others who wait for it: then they have as much time after it.</param>
    public void End(long began, TimeSpan usual, bool othersWait)
    {
        endedAt = time.GetTimestamp();
        var took = time.GetElapsedTime(began, endedAt);
        if (took <= usual) timeouts = 0;
        rest = took > usual && othersWait ? took : TimeSpan.Zero;
    }

    /// <summary>One was ended before that. A first one may have found a computer that was just busy.</summary>
    /// <param name="began">The time stamp of its beginning.</param>
    public void TimeOut(long began)
    {
        endedAt = time.GetTimestamp();
        rest = time.GetElapsedTime(began, endedAt) * Math.Min(Math.Pow(GrowthOfRest, timeouts), MostRest);
        if (timeouts < MostGrowths) timeouts++;
    }
}
