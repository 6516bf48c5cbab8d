namespace Pampa.Jobs;

/// <summary>One life of a node, known by the session of its first worker, which every life of it registers.</summary>
/// <param name="Node">The node.</param>
/// <param name="Worker">Its first worker.</param>
/// <param name="Session">The session of that one.</param>
internal readonly record struct NodeLife(string Node, string Worker, long Session);

/// <summary>What a worker has in hand of a job, as its node says.</summary>
/// <param name="Worker">The worker's id.</param>
/// <param name="Count">Records that wait for their start.</param>
/// <param name="IsResting">Whether nothing more shall be given to it for the moment.</param>
/// <param name="IsLeaked">Whether a task of the job keeps it although its time is over and its token cancelled.</param>
/// <param name="IsBusy">Whether a task of the job has kept it for a second or longer.</param>
internal readonly record struct WorkerWord(string Worker, int Count, bool IsResting, bool IsLeaked = false, bool IsBusy = false)
{
    /// <summary>Whether there is nothing to say of it.</summary>
    public bool IsIdle => this is { Count: 0, IsResting: false, IsLeaked: false, IsBusy: false };
}

/// <summary>What a node does of one job, as it says in the database.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Running">Tasks that are started.</param>
/// <param name="PerSecond">Tasks that ended a second lately.</param>
/// <param name="Median">How long half of the last tasks took at most.</param>
/// <param name="P90">How long nine of ten took at most; zero before the first.</param>
/// <param name="Hands">Its workers that have something in hand, rest or are busy for long; of the others there is nothing to say.</param>
internal sealed record NodeLoad(string Job, int Running, double PerSecond, TimeSpan Median, TimeSpan P90, IReadOnlyList<WorkerWord> Hands)
{
    /// <summary>Records that all its workers have in hand.</summary>
    public int InHand => Hands.Sum(h => h.Count);

    /// <summary>Whether the hands are the same; the rest is for people, and need not be told at once.</summary>
    public bool HasSameHands(NodeLoad other) => Job == other.Job && Hands.SequenceEqual(other.Hands);

    /// <summary>Whether nothing is done or waits.</summary>
    public bool IsIdle => Running == 0 && PerSecond == 0 && Hands.Count == 0;
}
