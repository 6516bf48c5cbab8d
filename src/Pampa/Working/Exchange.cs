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

    // Messages come without a pause where the next one is not this far from the last.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(5);

    // What is told is taken in by whoever hears it.
    private readonly Lock gate = new();
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (long Ended, double PerSecond)> rates = new(StringComparer.Ordinal);
    private IReadOnlyList<(string Worker, long Session)> life = [];
    private List<NodeLoad> said = [];
    private long saidAt;
    private long readAt;
    private long changedAt;
    private long ratedAt;
    private long toldAt;
    private long heardAt;

    /// <summary>Set when something may have come, or is to be told at once.</summary>
    public Signal Arrived => node.HandsChanged;

    /// <summary>How long to wait where nothing calls: what was told is answered in a quiet moment, not when the next message comes.</summary>
    public TimeSpan Pause
    {
        get
        {
            var since = Volatile.Read(ref toldAt);
            if (since == 0) return Every;
            var told = time.GetElapsedTime(since);
            var left = Every - told;
            // As IsToldEnough has it: when nothing has come for a moment, at the latest when twice the time is over.
            if (left <= TimeSpan.Zero) left = Shorter(Quiet - time.GetElapsedTime(Volatile.Read(ref heardAt)), 2 * Every - told);
            return left > Shortest ? left : Shortest;
        }
    }

    /// <summary>
    /// Something may have come: look at once. Or it is known what has come: then it is taken in here and now, on the thread
    /// that hears of it, and the look can wait.
    /// </summary>
    public void Wake(HandOver? message = null)
    {
        // What cannot be read, or says nothing, may have been written by anybody: the table tells.
        if (message is not null && HandOverText.Read(message.Rows) is { Count: > 0 } rows)
        {
            TakeTold(message, rows);
            return;
        }
        Volatile.Write(ref readAt, 0);
        Arrived.Set();
    }

    // A life that has not begun here yet reads whatever there is when it does.
    private void TakeTold(HandOver message, List<Reservation> rows)
    {
        lock (gate)
        {
            if (!node.IsJoined || !ReferenceEquals(life, node.Membership.Workers)) return;
            if (!taken.Add(message.Batch)) return;
            Volatile.Write(ref heardAt, time.GetTimestamp());
            if (toldAt == 0) Volatile.Write(ref toldAt, heardAt);
            // Under the lock, so that no word leaves that says it is taken in and does not count it.
            Deliver(message.Job, rows);
        }
    }

    /// <summary>One look, if it is time for one. Says whether anything came, so that the leader is told of it at once.</summary>
    public async Task<bool> CycleAsync(CancellationToken stopping)
    {
        if (!node.IsJoined || node.Membership.Life is not { } own) return false;
        if (!ReferenceEquals(life, node.Membership.Workers)) BeginLife();
        if (IsToldEnough()) return false;
        // These first: what is told to be taken in must be among the hands, or the leader would give it to them once more.
        var done = Taken();
        var loads = Measure();
        if (!HaveSameHands(loads)) changedAt = time.GetTimestamp();
        var tells = done.Count > 0 || IsWorthTelling(loads);
        if (!tells && Volatile.Read(ref readAt) is not 0 and var last && time.GetElapsedTime(last) < LookEvery) return false;
        Volatile.Write(ref readAt, time.GetTimestamp());
        var (messages, holds) = await store.ExchangeAsync(own, tells ? loads : null, done, stopping);
        node.Hold(holds);
        if (tells)
        {
            said = loads;
            saidAt = time.GetTimestamp();
        }
        var fresh = Fresh(messages, done);
        foreach (var message in fresh) Take(message);
        return fresh.Count > 0;
    }

    /// <summary>
    /// Whether what was told is all for a while: to say at once what became of it would only hold up its start.
    /// </summary>
    private bool IsToldEnough()
    {
        lock (gate)
        {
            // Something else has come that is not known.
            if (toldAt == 0 || Volatile.Read(ref readAt) == 0) return false;
            // Nor when the next one comes, unless they come without a pause.
            var isQuiet = time.GetElapsedTime(heardAt) >= Quiet;
            if (time.GetElapsedTime(toldAt) < (isQuiet ? Every : 2 * Every)) return true;
            toldAt = 0;
            return false;
        }
    }

    private List<string> Taken()
    {
        lock (gate) return [.. taken];
    }

    private List<HandOver> Fresh(List<HandOver> messages, List<string> done)
    {
        lock (gate)
        {
            taken.ExceptWith(done);
            return messages.FindAll(m => taken.Add(m.Batch));
        }
    }

    /// <summary>The first part of a stop: the leader is told that nothing more can be done here.</summary>
    public Task LeaveAsync(CancellationToken stopping) =>
        node.Membership.Life is { } own ? store.ForgetNodeAsync(own, stopping) : Task.CompletedTask;

    /// <summary>Gives back, unstarted, what was on its way when the leader was told.</summary>
    public async Task ReturnAsync(CancellationToken stopping)
    {
        if (node.Membership.Life is not { } own) return;
        var (messages, _) = await store.ExchangeAsync(own, null, [], stopping);
        var known = Taken().ToHashSet(StringComparer.Ordinal);
        foreach (var message in messages.Where(m => !known.Contains(m.Batch)))
        {
            if (node.Lanes.FirstOrDefault(l => l.Job.Name == message.Job) is { } lane)
                await lane.Store.ReleaseAsync(HandOverText.Read(message.Rows) ?? [], stopping);
        }
        if (messages.Count > 0) await store.ExchangeAsync(own, null, [.. messages.Select(m => m.Batch)], stopping);
    }

    // What a former life has taken in or said went with its registration.
    private void BeginLife()
    {
        lock (gate)
        {
            life = node.Membership.Workers;
            taken.Clear();
            toldAt = 0;
        }
        said = [];
    }

    private TimeSpan LookEvery =>
        changedAt != 0 && time.GetElapsedTime(changedAt) < Lively && !isLeading() ? Every
        : isHeard() ? Shorter(HeardFactor * pollInterval) : Shorter(pollInterval);

    private static TimeSpan Shorter(TimeSpan interval) => Shorter(interval, LongestLook);

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

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
        // Another version has written it in a way that this one does not know; the records themselves tell what was reserved.
        if (HandOverText.Read(message.Rows) is { } rows) Deliver(message.Job, rows);
        else node.Lanes.FirstOrDefault(l => l.Job.Name == message.Job)?.Load.Doubt();
    }

    private void Deliver(string job, List<Reservation> rows)
    {
        // A node is handed only what it has said that it can do.
        if (node.Lanes.FirstOrDefault(l => l.Job.Name == job) is { } lane) node.Deliver(lane, rows);
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
