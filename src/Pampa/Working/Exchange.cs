using System.Collections.Concurrent;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// The node's side of the meeting with a leader in another process: takes in what was handed over, and says what its
/// workers have in hand. Silent while nothing changes: an idle node only looks whether something has come.
/// </summary>
/// <param name="node">The node.</param>
/// <param name="store">Where they meet.</param>
/// <param name="isLeading">Whether the leader is in this very process and sees the hands themselves.</param>
/// <param name="isHeard">Whether a leader that hands something to an idle node is heard.</param>
/// <param name="pollInterval">How often an idle node looks that does not hear.</param>
/// <param name="time">Time.</param>
internal sealed class Exchange(
    Node node, ExchangeStore store, Func<bool> isLeading, Func<bool> isHeard, TimeSpan pollInterval, TimeProvider time)
{
    /// <summary>How many times more seldom it looks while it hears: a message may be lost all the same.</summary>
    private const int HeardFactor = 4;

    /// <summary>How often a busy node looks and says something.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    // What people hold must not wait for a long interval.
    private static readonly TimeSpan LongestLook = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ForPeople = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WhenIdle = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Lively = TimeSpan.FromSeconds(1);
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<HandOver> told = new();
    private readonly Dictionary<string, (long Ended, double PerSecond)> rates = new(StringComparer.Ordinal);
    private IReadOnlyList<(string Worker, long Session)> life = [];
    private List<NodeLoad> said = [];
    private long saidAt;
    private long readAt;
    private long changedAt;
    private long ratedAt;
    private long toldAt;

    /// <summary>Set when something may have come, or is to be told at once.</summary>
    public Signal Arrived => node.HandsChanged;

    /// <summary>How long to wait where nothing calls: what was told is answered in a quiet moment, not when the next message comes.</summary>
    public TimeSpan Pause
    {
        get
        {
            if (toldAt == 0) return Every;
            var left = Every - time.GetElapsedTime(toldAt);
            return left > Shortest ? left : Shortest;
        }
    }

    /// <summary>Something may have come: look at once. Or it is known what has come: then the look can wait.</summary>
    public void Wake(HandOver? message = null)
    {
        if (message is null) Volatile.Write(ref readAt, 0);
        else told.Enqueue(message);
        Arrived.Set();
    }

    /// <summary>One look, if it is time for one. Says whether anything came, so that the leader is told of it at once.</summary>
    public async Task<bool> CycleAsync(CancellationToken stopping)
    {
        if (!node.IsJoined || node.Membership.Life is not { } own) return false;
        if (!ReferenceEquals(life, node.Membership.Workers)) BeginLife();
        if (IsToldEnough()) return false;
        var loads = Measure();
        if (!HaveSameHands(loads)) changedAt = time.GetTimestamp();
        var tells = taken.Count > 0 || IsWorthTelling(loads);
        if (!tells && Volatile.Read(ref readAt) is not 0 and var last && time.GetElapsedTime(last) < LookEvery) return false;
        Volatile.Write(ref readAt, time.GetTimestamp());
        var done = taken.ToList();
        var (messages, holds) = await store.ExchangeAsync(own, tells ? loads : null, done, stopping);
        node.Hold(holds);
        if (tells)
        {
            said = loads;
            saidAt = time.GetTimestamp();
        }
        taken.ExceptWith(done);
        var fresh = messages.FindAll(m => taken.Add(m.Batch));
        foreach (var message in fresh) Take(message);
        return fresh.Count > 0;
    }

    /// <summary>
    /// Takes in what was told. For a while that is all: to say at once what became of it would only hold up its start.
    /// </summary>
    private bool IsToldEnough()
    {
        var took = false;
        while (told.TryDequeue(out var message))
        {
            if (!taken.Add(message.Batch)) continue;
            Take(message);
            took = true;
            if (toldAt == 0) toldAt = time.GetTimestamp();
        }
        // Something else has come that is not known.
        if (toldAt == 0 || Volatile.Read(ref readAt) == 0) return false;
        // Nor when the next one comes, unless they come without a pause.
        if (time.GetElapsedTime(toldAt) < (took ? 2 * Every : Every)) return true;
        toldAt = 0;
        return false;
    }

    /// <summary>The first part of a stop: the leader is told that nothing more can be done here.</summary>
    public Task LeaveAsync(CancellationToken stopping) =>
        node.Membership.Life is { } own ? store.ForgetNodeAsync(own, stopping) : Task.CompletedTask;

    /// <summary>Gives back, unstarted, what was on its way when the leader was told.</summary>
    public async Task ReturnAsync(CancellationToken stopping)
    {
        if (node.Membership.Life is not { } own) return;
        var (messages, _) = await store.ExchangeAsync(own, null, [], stopping);
        foreach (var message in messages.Where(m => !taken.Contains(m.Batch)))
        {
            if (node.Lanes.FirstOrDefault(l => l.Job.Name == message.Job) is { } lane)
                await lane.Store.ReleaseAsync(HandOverText.Read(message.Rows), stopping);
        }
        if (messages.Count > 0) await store.ExchangeAsync(own, null, [.. messages.Select(m => m.Batch)], stopping);
    }

    // What a former life has taken in or said went with its registration.
    private void BeginLife()
    {
        life = node.Membership.Workers;
        taken.Clear();
        told.Clear();
        said = [];
    }

    private TimeSpan LookEvery =>
        changedAt != 0 && time.GetElapsedTime(changedAt) < Lively && !isLeading() ? Every
        : isHeard() ? Shorter(HeardFactor * pollInterval) : Shorter(pollInterval);

    private static TimeSpan Shorter(TimeSpan interval) => interval < LongestLook ? interval : LongestLook;

    private bool HaveSameHands(List<NodeLoad> loads) => said.Count == loads.Count && said.Zip(loads).All(l => l.First.HasSameHands(l.Second));

    private bool IsWorthTelling(List<NodeLoad> loads)
    {
        if (said.Count == 0) return true;
        var since = time.GetElapsedTime(saidAt);
        if (since < Every) return false;
        if (since < ForPeople) return !isLeading() && !HaveSameHands(loads);
        // An idle one says so now and then: whoever has thrown its word away in an outage has it again.
        return since >= WhenIdle || !HaveSameHands(loads) || !loads.TrueForAll(l => l.IsIdle) || !said.TrueForAll(l => l.IsIdle);
    }

    private void Take(HandOver message)
    {
        // A node is handed only what it has said that it can do.
        if (node.Lanes.FirstOrDefault(l => l.Job.Name == message.Job) is { } lane) node.Deliver(lane, HandOverText.Read(message.Rows));
    }

    private List<NodeLoad> Measure()
    {
        var since = ratedAt == 0 ? TimeSpan.Zero : time.GetElapsedTime(ratedAt);
        if (ratedAt == 0 || since >= ForPeople)
        {
            ratedAt = time.GetTimestamp();
            foreach (var lane in node.Lanes)
            {
                var before = rates.GetValueOrDefault(lane.Job.Name);
                var ended = lane.Counters.Ended;
                rates[lane.Job.Name] = (ended, since > TimeSpan.Zero ? (ended - before.Ended) / since.TotalSeconds : 0);
            }
        }
        return [.. node.Lanes.Select(lane => new NodeLoad(
            lane.Job.Name, lane.Counters.Open, rates[lane.Job.Name].PerSecond, lane.Load.Durations.Percentile(0.5) ?? TimeSpan.Zero,
            lane.Load.Durations.Percentile(0.9) ?? TimeSpan.Zero,
            [.. lane.Load.Hands.Select(h => h.Word).Where(w => !w.IsIdle)]))];
    }
}
