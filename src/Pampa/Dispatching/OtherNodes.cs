using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>A worker as the dispatcher sees it for one job.</summary>
/// <param name="Worker">Its id.</param>
/// <param name="Node">Its node.</param>
/// <param name="Count">What it has in hand, with what is on its way to it.</param>
/// <param name="IsResting">Whether it shall get nothing more for the moment.</param>
/// <param name="Depth">How many it should have.</param>
internal readonly record struct WorkerHand(string Worker, string Node, int Count, bool IsResting, int Depth)
{
    /// <summary>Whether a task of the job has kept it for a second or longer.</summary>
    public bool IsBusy { get; init; }

    /// <summary>Whether a task of the job keeps it for good, as it seems.</summary>
    public bool IsLeaked { get; init; }

    /// <summary>Its session, where what is reserved for it is started with the same statement; null: it is not.</summary>
    public long? Session { get; init; }

    /// <summary>The node's name for people: one that is a worker by itself has the name of those that it belongs to.</summary>
    public string NodeName => Node == Worker && Worker.LastIndexOf('.') is > 0 and var dot ? Worker[..dot] : Node;

    /// <summary>As its node says.</summary>
    /// <param name="word">The word.</param>
    /// <param name="node">The node.</param>
    /// <param name="depth">How many records it should have.</param>
    public static WorkerHand Of(WorkerWord word, string node, int depth) =>
        new(word.Worker, node, word.Count, word.IsResting, depth) { IsBusy = word.IsBusy, IsLeaked = word.IsLeaked };
}

/// <summary>
/// What the leader knows of the nodes of other processes: which workers live there, what they said that they have in
/// hand, and what has been handed over to them since. Counted from messages, never by looking through a table of tasks.
/// </summary>
internal sealed class OtherNodes(ExchangeStore store)
{
    /// <summary>
    /// How much work a worker elsewhere should have in hand: its node says every tenth of a second what is left, and
    /// more takes as long to come.
    /// </summary>
    private static readonly TimeSpan Work = TimeSpan.FromMilliseconds(400);

    private readonly Dictionary<(string Node, string Batch), Dictionary<string, int>> underWay = [];
    private readonly Dictionary<(string Node, string Job), Known> known = [];
    private List<WorkerLife> workers = [];

    /// <summary>One node and one job.</summary>
    private sealed class Known
    {
        /// <summary>The node's word; null while it has not said that it can do the job at all.</summary>
        public NodeWord? Word { get; set; }

        /// <summary>What is under way to its workers.</summary>
        public Dictionary<string, int> Coming { get; } = new(StringComparer.Ordinal);

        /// <summary>Whether something is under way that this leader has not sent, or does not know to have sent.</summary>
        public bool IsUnclear { get; set; }
    }

    /// <summary>Whether there are any.</summary>
    public bool Any => workers.Count > 0;

    /// <summary>The longest that nine of ten tasks of a job take on one of them; null where none has ended yet.</summary>
    public TimeSpan? P90(string job) => known.Where(k => k.Key.Job == job).Max(k => k.Value.Word?.P90);

    /// <summary>These workers of other nodes take tasks.</summary>
    public void See(IEnumerable<WorkerLife> ready) => workers = [.. ready];

    /// <summary>Reads what the nodes say now.</summary>
    public async Task ReadAsync(string ownNode, CancellationToken stopping)
    {
        if (!Any && known.Count == 0) return;
        var words = await store.ReadNodesAsync(ownNode, stopping);
        known.Clear();
        foreach (var word in words)
        {
            if (!known.TryGetValue((word.Node, word.Job), out var one)) known[(word.Node, word.Job)] = one = new Known();
            if (word.Batch is null && word.Hands is null) one.IsUnclear = true;
            else if (word.Batch is null) one.Word = word;
            else if (!underWay.TryGetValue((word.Node, word.Batch), out var counts)) one.IsUnclear = true;
            else foreach (var (worker, count) in counts) one.Coming[worker] = one.Coming.GetValueOrDefault(worker) + count;
        }
        // What is not there any more has been taken in: the node's word tells of it.
        var there = words.Where(w => w.Batch is not null).Select(w => (w.Node, w.Batch!)).ToHashSet();
        foreach (var batch in underWay.Keys.Where(b => !there.Contains(b)).ToList()) underWay.Remove(batch);
    }

    /// <summary>Notes what a RESERVE has handed over.</summary>
    public void HandOver(string batch, string job, IEnumerable<(string Worker, string Node)> slots)
    {
        foreach (var node in slots.GroupBy(s => s.Node))
        {
            var counts = node.GroupBy(s => s.Worker).ToDictionary(w => w.Key, w => w.Count(), StringComparer.Ordinal);
            underWay[(node.Key, batch)] = counts;
            if (!known.TryGetValue((node.Key, job), out var one)) continue;
            foreach (var (worker, count) in counts) one.Coming[worker] = one.Coming.GetValueOrDefault(worker) + count;
        }
    }

    /// <summary>How many workers know the job and may not do it, because their program is older than the job demands.</summary>
    public int TooOld(JobDefinition job) => job.Minimum is null ? 0
        : workers.Count(w => !job.Admits(w.Version) && known.TryGetValue((w.Node, job.Name), out var one) && one.Word is not null);

    /// <summary>The hands of their workers for a job; of nodes only that can do it and are new enough for it.</summary>
    public IEnumerable<WorkerHand> Hands(JobDefinition job)
    {
        foreach (var worker in workers)
        {
            if (!job.Admits(worker.Version) || !known.TryGetValue((worker.Node, job.Name), out var one) || one.Word is not { } word) continue;
            var hand = word.Hands!.TryGetValue(worker.Id, out var said) ? said : new WorkerWord(worker.Id, 0, false);
            var depth = word.P90 is { } p90 ? JobLoad.DepthFor(job, p90, Work) : JobLoad.Least(job, null);
            yield return WorkerHand.Of(hand with
            {
                Count = hand.Count + one.Coming.GetValueOrDefault(worker.Id),
                IsResting = hand.IsResting || one.IsUnclear,
            }, worker.Node, depth);
        }
    }
}
