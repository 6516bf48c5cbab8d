using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// One job on this node: its table, its load, its results on their way to the table, and which records the node knows
/// to be its own.
/// </summary>
internal sealed class Lane
{
    private readonly Lock gate = new();
    private readonly HashSet<TaskKey> known = [];
    private HashSet<TaskKey>? settledMeanwhile;

    public Lane(TaskStore store, JobLoad load, TimeProvider time, Random random)
    {
        Store = store;
        Load = load;
        Finisher = new Finisher(this, time, random);
    }

    public TaskStore Store { get; }

    public JobLoad Load { get; }

    public JobDefinition Job => Store.Job;

    public Finisher Finisher { get; }

    public Counters Counters { get; } = new();

    /// <summary>Notes a record as this node's. False: it is already known, so it must not be taken in twice.</summary>
    public bool Know(TaskKey key)
    {
        lock (gate) return known.Add(key);
    }

    public void Forget(TaskKey key)
    {
        lock (gate)
        {
            known.Remove(key);
            settledMeanwhile?.Add(key);
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
            lock (gate) return records.FindAll(r => !known.Contains(r.Key) && !settledMeanwhile.Contains(r.Key));
        }
        finally
        {
            lock (gate) settledMeanwhile = null;
        }
    }
}
