namespace Pampa.Jobs;

/// <summary>Keeps what may be said of each record, or in each turn, to one line a minute.</summary>
internal sealed class Telling(TimeProvider time)
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);
    private readonly Lock gate = new();
    private long toldAt;
    private int left;

    /// <summary>Whether to say it now.</summary>
    /// <param name="unsaid">How many times it was not said since the last time.</param>
    public bool IsDue(out int unsaid)
    {
        lock (gate)
        {
            unsaid = left;
            if (toldAt != 0 && time.GetElapsedTime(toldAt) < Every)
            {
                left++;
                return false;
            }
            toldAt = time.GetTimestamp();
            left = 0;
            return true;
        }
    }
}
