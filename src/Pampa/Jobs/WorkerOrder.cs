namespace Pampa.Jobs;

/// <summary>Which of several workers is given a record first, by a key of the program's own. Pure, as the program's code is.</summary>
internal abstract class WorkerOrder
{
    /// <summary>The positions of the workers, in order.</summary>
    public abstract IReadOnlyList<int> Sort(IReadOnlyList<CandidateWorker> workers);

    /// <summary>Deals records one by one, each to the first of those that have room; whoever is given one is ranked anew.</summary>
    /// <param name="workers">The workers.</param>
    /// <param name="max">How many records there are at most.</param>
    /// <returns>The positions of the workers, one for each record.</returns>
    public abstract IReadOnlyList<int> Deal(IReadOnlyList<CandidateWorker> workers, int max);
}

/// <summary>By a key of some type; among equals the emptiest hand, then the order in which they came.</summary>
internal sealed class WorkerOrder<TKey>(Func<CandidateWorker, TKey> key) : WorkerOrder where TKey : IComparable<TKey>
{
    private readonly record struct Rank(TKey Key, int InHand, int Position) : IComparable<Rank>
    {
        public int CompareTo(Rank other)
        {
            var byKey = Comparer<TKey>.Default.Compare(Key, other.Key);
            if (byKey != 0) return byKey;
            return InHand != other.InHand ? InHand.CompareTo(other.InHand) : Position.CompareTo(other.Position);
        }
    }

    public override IReadOnlyList<int> Sort(IReadOnlyList<CandidateWorker> workers) =>
        [.. workers.Select(RankOf).Order().Select(rank => rank.Position)];

    public override IReadOnlyList<int> Deal(IReadOnlyList<CandidateWorker> workers, int max)
    {
        var next = new PriorityQueue<CandidateWorker, Rank>();
        for (var i = 0; i < workers.Count; i++)
        {
            if (workers[i].InHand < workers[i].Depth) next.Enqueue(workers[i], RankOf(workers[i], i));
        }
        var dealt = new List<int>();
        while (dealt.Count < max && next.TryDequeue(out var worker, out var rank))
        {
            dealt.Add(rank.Position);
            var now = worker with { InHand = worker.InHand + 1 };
            if (now.InHand < now.Depth) next.Enqueue(now, RankOf(now, rank.Position));
        }
        return dealt;
    }

    private Rank RankOf(CandidateWorker worker, int position) => new(key(worker), worker.InHand, position);
}
