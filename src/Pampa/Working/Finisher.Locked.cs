namespace Pampa.Working;

/// <summary>Results whose records somebody else holds.</summary>
internal sealed partial class Finisher
{
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestSearch = TimeSpan.FromSeconds(2);
    private long lastLockedTry;
    private TimeSpan lockPause = LockPause;
    private long searchingSince;

    // Rows that somebody else holds have a queue of their own: in the other they would make everybody wait for their
    // lock. Looking for them takes no more than half of the time.
    private async Task TryLockedAsync(CancellationToken stopping)
    {
        var began = time.GetTimestamp();
        searchingSince = 0;
        List<Pending> rows;
        lock (gate) (rows, locked) = (locked, []);
        try
        {
            await WriteAllAsync(rows, skipLocked: dialect.CanSkipLocked, stopping);
        }
        finally
        {
            lastLockedTry = time.GetTimestamp();
            var took = time.GetElapsedTime(began, lastLockedTry);
            lockPause = took > LockPause ? took : LockPause;
        }
    }

    private void Park(List<Pending> rows, bool first = false)
    {
        lock (gate)
        {
            if (locked.Count == 0) lastLockedTry = time.GetTimestamp();
            locked.InsertRange(first ? 0 : locked.Count, rows);
        }
    }

    // Each row that waits for a lock which cannot be passed by costs a wait, and new results wait meanwhile.
    private bool HasSearchedLong()
    {
        if (searchingSince == 0) searchingSince = time.GetTimestamp();
        return time.GetElapsedTime(searchingSince) >= LongestSearch;
    }
}
