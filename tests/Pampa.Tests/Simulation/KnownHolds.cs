using Pampa.Jobs;

namespace Pampa.Tests.Simulation;

/// <summary>
/// What a process knows to be held, from the answers that it has got; and rules of how it comes to know it and what it does then. Together
/// they say that nothing begins of what has been held for as long as a look of its node and one of the leader may take.
/// </summary>
internal sealed class KnownHolds(SimulatedProcess process, World world)
{
    // As in the exchange, the longest that a node goes without a look, and for how long it may be content with what it was told.
    private static readonly TimeSpan LongestLook = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Content = Working.Exchange.Every;
    private static readonly TimeSpan WatchEvery = TimeSpan.FromSeconds(1);
    private Holds asked = Holds.None;
    private Holds ofDispatcher = Holds.None;
    private Holds ofNode = Holds.None;
    private Holds? coming;
    private readonly List<Holds> ofCycle = [];
    private long? lookedAt;
    private long? watchedAt;
    private long? toldAt;
    private bool hasAsked;
    private bool isPutOff;
    private bool isTold;

    /// <summary>Whether a task of a job must not begin on a worker.</summary>
    public static bool Forbid(Holds holds, string job, string worker) =>
        holds.IsJobHeld(job) || holds.IsWorkerHeld(worker, worker[..worker.LastIndexOf('.')]);

    /// <summary>The node asks, or the leader does: what is held now is what it will be told.</summary>
    public void Ask(bool isNode)
    {
        asked = new Holds(world.HoldsNow);
        hasAsked |= isNode;
        if (isNode) lookedAt = process.Time.GetTimestamp();
        else Watch();
    }

    /// <summary>The leader looks at the workers, and next at what is held.</summary>
    public void Watch()
    {
        watchedAt = process.Time.GetTimestamp();
        isPutOff = false;
    }

    public void TellDispatcher() => ofDispatcher = asked;

    /// <summary>The node's answer is on its way: until its look is over it may go by this one or by the last.</summary>
    public void TellNode()
    {
        ofNode = coming ?? ofNode;
        coming = asked;
        ofCycle.Add(asked);
    }

    /// <summary>Something was sent to the node: for a moment that is all it wants to know.</summary>
    public void Hear() => isTold = true;

    public bool DispatcherKnows(Sent sent) => sent.Rows.Any(r => Forbid(ofDispatcher, sent.Job!.Name, r.Worker));

    /// <summary>Whether the node has known during all of its cycle that something of it is held.</summary>
    public bool NodeKnows(Sent sent) => sent.Rows.Any(r => IsKnown(sent.Job!.Name, r.Worker));

    private bool IsKnown(string job, string worker) => ofCycle.TrueForAll(h => Forbid(h, job, worker));

    private TimeSpan Since(long? moment) => moment is { } then ? process.Time.GetElapsedTime(then) : TimeSpan.MaxValue;

    /// <summary>A cycle of the node: it must give back what is held, unless something has come meanwhile.</summary>
    public async Task StartAsync(Func<Task> cycleAsync)
    {
        if (!process.Loops.Any(l => l is { IsExchange: true, IsUnderWay: true })) (ofNode, coming) = (coming ?? ofNode, null);
        ofCycle.Clear();
        ofCycle.Add(ofNode);
        if (coming is { } other) ofCycle.Add(other);
        var began = world.Turns;
        await cycleAsync();
        if (began == world.Turns) world.Guard(MustHaveGivenBack);
    }

    private void MustHaveGivenBack()
    {
        foreach (var lane in process.Lanes)
        {
            foreach (var hand in lane.Load.Hands.Where(h => h.Count > 0 && IsKnown(lane.Job.Name, h.Worker)))
                throw new BrokenRuleException($"{process}: {hand.Worker} keeps {hand.Count} records of {lane.Job.Name} in hand that it knows to be held");
        }
    }

    /// <summary>A turn of the exchange: it must look if it has not for long.</summary>
    public async Task ExchangeAsync(Func<Task> cycleAsync)
    {
        if (isTold) toldAt = process.Time.GetTimestamp();
        isTold = false;
        var isDue = process.Node.IsJoined && Since(lookedAt) > LongestLook && Since(toldAt) > Content;
        hasAsked = false;
        try
        {
            await cycleAsync();
        }
        catch
        {
            // It may have come to its end before it could ask.
            lookedAt = process.Time.GetTimestamp();
            throw;
        }
        if (isDue && !hasAsked) world.Guard(() => throw new BrokenRuleException($"{process}: the node does not look what is held"));
    }

    /// <summary>A cycle of the dispatcher: it must look if it has not for long, but for one cycle that is in a hurry.</summary>
    public async Task DispatchAsync(Func<Task> cycleAsync)
    {
        var isDue = Since(watchedAt) > WatchEvery;
        var before = watchedAt;
        try
        {
            await cycleAsync();
        }
        catch
        {
            Watch();
            throw;
        }
        if (!isDue || !process.Dispatcher.IsLeading || before != watchedAt) return;
        if (isPutOff) world.Guard(() => throw new BrokenRuleException($"{process}: the leader does not look what is held"));
        isPutOff = true;
    }
}
