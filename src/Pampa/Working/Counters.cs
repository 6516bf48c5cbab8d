namespace Pampa.Working;

/// <summary>What the table has made of a result.</summary>
internal enum Verdict
{
    /// <summary>It was taken.</summary>
    Accepted,

    /// <summary>It was refused: the record is somebody else's by now.</summary>
    Fenced,

    /// <summary>It cannot be told: the answer was lost and the record has moved on.</summary>
    Unknown,
}

/// <summary>
/// What a job's attempts on this node came to. A fenced result is one that the database refused because the record was
/// somebody else's by then.
/// </summary>
internal sealed class Counters
{
    private long started, completed, again, failed, forgiven, snoozed, fenced, unknown;

    public long Started => Interlocked.Read(ref started);

    public long Completed => Interlocked.Read(ref completed);

    public long Again => Interlocked.Read(ref again);

    public long Failed => Interlocked.Read(ref failed);

    /// <summary>Tasks that ended, well or badly.</summary>
    public long Ended => Completed + Failed;

    /// <summary>Tasks that are started and not settled; about right while others are at it.</summary>
    public int Open => (int)Math.Clamp(Started - Ended - Again - Forgiven - Snoozed - Fenced - Unknown, 0, int.MaxValue);

    public long Forgiven => Interlocked.Read(ref forgiven);

    public long Snoozed => Interlocked.Read(ref snoozed);

    public long Fenced => Interlocked.Read(ref fenced);

    /// <summary>
    /// Results of which it cannot be told whether they were accepted: the answer was lost and the record has moved on.
    /// </summary>
    public long Unknown => Interlocked.Read(ref unknown);

    public void AddStarted(int count) => Interlocked.Add(ref started, count);

    public void Add(Storage.Outcome outcome, Verdict verdict)
    {
        switch (verdict)
        {
            case Verdict.Accepted: Add(outcome); break;
            case Verdict.Fenced: Interlocked.Increment(ref fenced); break;
            default: Interlocked.Increment(ref unknown); break;
        }
    }

    /// <summary>What came of an attempt in a word, as it is told outside.</summary>
    public static string Word(Storage.Outcome outcome, Verdict verdict) => verdict switch
    {
        Verdict.Fenced => "fenced",
        Verdict.Unknown => "unknown",
        _ => outcome switch
        {
            Storage.Outcome.Completed => "completed",
            Storage.Outcome.Again => "retry",
            Storage.Outcome.Failed => "failed",
            Storage.Outcome.Forgiven => "forgiven",
            _ => "snoozed",
        },
    };

    private void Add(Storage.Outcome outcome)
    {
        switch (outcome)
        {
            case Storage.Outcome.Completed: Interlocked.Increment(ref completed); break;
            case Storage.Outcome.Again: Interlocked.Increment(ref again); break;
            case Storage.Outcome.Failed: Interlocked.Increment(ref failed); break;
            case Storage.Outcome.Forgiven: Interlocked.Increment(ref forgiven); break;
            default: Interlocked.Increment(ref snoozed); break;
        }
    }
}
