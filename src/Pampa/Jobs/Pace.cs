namespace Pampa.Jobs;

/// <summary>
/// When a pass that reads much comes again: regularly, but never sooner than many times its own duration, so that on a
/// long table it costs a small share of the time.
/// </summary>
/// <param name="every">How often it comes at most.</param>
/// <param name="time">Time.</param>
/// <param name="rarity">How many times its own duration it stays away.</param>
internal sealed class Pace(TimeSpan every, TimeProvider time, int rarity = Pace.Rarity)
{
    private const int Rarity = 50;
    private const int MostGrowth = 4;
    private TimeSpan took = every / rarity;
    private TimeSpan last = TimeSpan.MaxValue;
    private TimeSpan lastButOne = TimeSpan.MaxValue;
    private long endedAt;
    private TimeSpan least;
    private bool isHastened;

    /// <summary>Whether it is time for one; also before the first and after <see cref="Reset"/>.</summary>
    public bool IsDue => endedAt == 0 || time.GetElapsedTime(endedAt) >= (isHastened ? least : took) * rarity;

    /// <summary>The next one comes as soon as its own duration allows, whatever is regular.</summary>
    public void Hasten() => isHastened = true;

    /// <summary>The next one comes at once.</summary>
    public void Reset() => endedAt = 0;

    /// <summary>The next one comes when its time is over, as if one had just ended; to hasten it then makes it no sooner.</summary>
    public void Restart()
    {
        endedAt = time.GetTimestamp();
        least = took;
        isHastened = false;
    }

    /// <summary>One has ended.</summary>
    /// <param name="began">The time stamp of its beginning.</param>
    /// <param name="ended">That of its end; null: it is now.</param>
    public void End(long began, long? ended = null)
    {
        endedAt = ended ?? time.GetTimestamp();
        var duration = time.GetElapsedTime(began, endedAt);
        // One that took long has met a lock, or a busy computer: a long table makes those after it as long.
        var usual = new[] { duration, last, lastButOne }.Min();
        (lastButOne, last) = (last, duration);
        // A sudden growth is a database that was out of reach rather than a table that grew: hours would pass until the next one.
        var most = took * MostGrowth;
        took = usual > most ? most : usual;
        least = took;
        isHastened = false;
        if (took < every / rarity) took = every / rarity;
    }
}
