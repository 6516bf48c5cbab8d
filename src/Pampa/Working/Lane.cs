using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// One job on this node: its table, its load, its results on their way to the table, and which records the node knows
/// to be its own.
/// </summary>
internal sealed class Lane
{
    // Two looks at the table at least.
    private static readonly TimeSpan LeastPatience = TimeSpan.FromMinutes(1);
    private readonly Lock gate = new();
    private readonly Dictionary<TaskKey, Claim> known = [];
    private readonly Dictionary<TaskKey, Claim> doubtful = [];
    private HashSet<(TaskKey, Claim)>? settledMeanwhile;

    // How few results must wait before somebody is told; negative: nobody waits for that.
    private int roomWanted = -1;

    public Lane(TaskStore store, JobLoad load, TimeProvider time, Random random)
    {
        Store = store;
        Load = load;
        Finisher = new Finisher(this, time, random);
        ReadBack = new Pace(TimeSpan.FromSeconds(1), time);
        NotStarted = new Telling(time);
    }

    public TaskStore Store { get; }

    public JobLoad Load { get; }

    public JobDefinition Job => Store.Job;

    /// <summary>Whether its handler takes many tasks at once.</summary>
    public bool IsBatched => Job.Handler.Batch is not null;

    /// <summary>Since when completions in transactions of their tasks have not fitted the table; 0: they do.</summary>
    public long MisfitAt { get; set; }

    /// <summary>How long a job waits for a column that its table lacks: as long as a task of it may run, and a minute at least.</summary>
    public static TimeSpan PatienceFor(JobDefinition job) => job.MaxDuration > LeastPatience ? job.MaxDuration : LeastPatience;

    public Finisher Finisher { get; }

    /// <summary>When to read back again what could not be read in time; else it is due at any time.</summary>
    public Pace ReadBack { get; }

    /// <summary>How often it is said that a record cannot be started.</summary>
    public Telling NotStarted { get; }

    public Counters Counters { get; } = new();

    /// <summary>
    /// Notes a reservation as this node's. False: this very reservation is already known, so it must not be taken in
    /// twice. A newer one of the same record takes the place of the older, whose attempt is fenced by now.
    /// </summary>
    public bool Know(TaskKey key, Claim claim)
    {
        Claim? replaced = null;
        lock (gate)
        {
            if (known.TryGetValue(key, out var old))
            {
                if (old == claim) return false;
                replaced = old;
            }
            known[key] = claim;
        }
        if (replaced is { } stale)
        {
            foreach (var hand in Load.Hands) hand.Remove(key, stale);
        }
        return true;
    }

    /// <summary>Whether this very reservation is this node's, and no newer one of the same record.</summary>
    public bool Knows(TaskKey key, Claim claim)
    {
        lock (gate) return known.TryGetValue(key, out var now) && now == claim;
    }

    /// <summary>
    /// A result is done with, whichever way it went to the table, with others or in its task's own transaction: it is counted,
    /// and its record is this node's no more.
    /// </summary>
    public void Settle(TaskResult result, Verdict verdict)
    {
        Counters.Add(result.Outcome, verdict);
        if (verdict == Verdict.Accepted) Store.Calls?.Tell(HookKind.Finished, Store.EventOf(result));
        if (verdict == Verdict.Accepted && result.Outcome is (Outcome.Again or Outcome.Failed)) Store.NoteFailure(result);
        Forget(result.Fence.Key, result.Claim);
        Settled?.Invoke();
        Load.Meter.Attempted(Counters.Word(result.Outcome, verdict));
    }

    /// <summary>Told when a result is done with, where others wait for that.</summary>
    public Action? Settled { private get; set; }

    /// <summary>Told when results were written, where new tasks wait for that.</summary>
    public Action? Written { private get; set; }

    /// <summary>
    /// Whether so few results wait for the table that new tasks may be started. Where not, <see cref="Written"/> is told once they may: nobody
    /// else would wake who starts them, for workers that have run dry end nothing more.
    /// </summary>
    /// <param name="limit">How many results may wait.</param>
    public bool HasRoomFor(int limit)
    {
        if (Finisher.Count <= limit) return true;
        // First said, then looked at again: what is written in between would be told to nobody.
        Interlocked.Exchange(ref roomWanted, limit);
        return Finisher.Count <= limit;
    }

    /// <summary>Results were written.</summary>
    public void TellWritten()
    {
        var limit = Volatile.Read(ref roomWanted);
        if (limit < 0 || Finisher.Count > limit || Interlocked.CompareExchange(ref roomWanted, -1, limit) != limit) return;
        Written?.Invoke();
    }

    public void Forget(TaskKey key, Claim claim)
    {
        lock (gate)
        {
            if (known.TryGetValue(key, out var now) && now == claim) known.Remove(key);
            settledMeanwhile?.Add((key, claim));
        }
    }

    /// <summary>Notes a START of this process whose answer was lost: if it took effect, nobody has run the task.</summary>
    public void Doubt(Reservation reservation)
    {
        lock (gate) doubtful[reservation.Key] = reservation.Claim;
    }

    /// <summary>Whether a reservation is one of those; only then does its started attempt not count.</summary>
    public bool IsDoubtful(TaskKey key, Claim reservation)
    {
        lock (gate) return doubtful.TryGetValue(key, out var claim) && claim == reservation;
    }

    /// <summary>
    /// What was in doubt has been read back. It stays for what is still to be started: the START that nobody answered may be on its way yet, and
    /// take effect before the one that is sent next.
    /// </summary>
    public void EndDoubt()
    {
        lock (gate)
        {
            foreach (var (key, claim) in doubtful)
            {
                if (!known.TryGetValue(key, out var now) || now != claim) doubtful.Remove(key);
            }
        }
    }

    /// <summary>A START of this reservation was answered: it is the one that took effect.</summary>
    public void EndDoubt(Reservation reservation)
    {
        lock (gate)
        {
            if (doubtful.TryGetValue(reservation.Key, out var claim) && claim == reservation.Claim) doubtful.Remove(reservation.Key);
        }
    }

    /// <summary>
    /// Reads back what the table says this node holds and returns what the node does not know of. Records that were
    /// settled while the reading was under way are not among them: the table has moved on since.
    /// </summary>
    public async Task<List<OwnRecord>> ReadUnknownAsync(IReadOnlyList<(string Worker, long Session)> own, CancellationToken stopping)
    {
        lock (gate) settledMeanwhile = [];
        try
        {
            var records = await Store.ReadOwnAsync(own, stopping);
            lock (gate) return records.FindAll(r => !IsKnown(r) && !settledMeanwhile.Contains((r.Key, r.Claim)));
        }
        finally
        {
            lock (gate) settledMeanwhile = null;
        }
    }

    private bool IsKnown(OwnRecord record) => known.TryGetValue(record.Key, out var claim) && claim == record.Claim;
}
