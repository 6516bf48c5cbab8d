using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Decides which workers are dead: those that resigned, those whose process is gone from this very host, and those
/// whose lease is over by the database's clock or has not moved for a lease time by the watcher's own. The last two
/// never before the watcher has seen the same heartbeat for half a lease time: after an outage everybody's lease is
/// over, and everybody deserves the chance to beat again. The lease time is the worker's own, as its row tells it:
/// processes may have different ones, and each beats as its own asks.
/// </summary>
internal sealed class Watch(TimeProvider time)
{
    private readonly Dictionary<string, (long Session, string Heartbeat, long Since)> seen = new(StringComparer.Ordinal);
    // A process is up again by then, as a rule; and then it takes back itself what its former life held, and knows what that one died of.
    private static readonly TimeSpan RestartTime = TimeSpan.FromSeconds(10);
    private readonly HashSet<DeadWorker> settled = [];
    private readonly Dictionary<string, long> goneSince = new(StringComparer.Ordinal);

    /// <summary>Whether among the dead workers of the last look are some whose records have not been taken back yet.</summary>
    public bool HasNews { get; private set; }

    /// <summary>
    /// The workers whose processes are gone, also those that are about to be started again: they can be given nothing.
    /// </summary>
    public IReadOnlySet<string> Gone { get; private set; } = new HashSet<string>();

    /// <summary>All dead workers: records of theirs that were locked when it was their time are found later.</summary>
    public List<DeadWorker> Look(IReadOnlyList<WorkerLife> workers)
    {
        var dead = new List<DeadWorker>();
        var absent = workers.Select(w => w.Process).Distinct(StringComparer.Ordinal).Where(ProcessIdentity.IsDead).ToHashSet(StringComparer.Ordinal);
        var gone = absent.Where(IsGoneForGood).ToHashSet(StringComparer.Ordinal);
        foreach (var worker in workers)
        {
            if (!seen.TryGetValue(worker.Id, out var before) || before.Session != worker.Session || before.Heartbeat != worker.Heartbeat)
                seen[worker.Id] = before = (worker.Session, worker.Heartbeat, time.GetTimestamp());
            if (!IsDead(worker, gone, time.GetElapsedTime(before.Since))) continue;
            dead.Add(new DeadWorker(worker.Id, worker.Session, worker.Heartbeat));
        }
        // Of those that are not there any more nothing need be known.
        if (seen.Count > workers.Count) Prune(workers.Select(w => w.Id).ToHashSet(StringComparer.Ordinal));
        if (goneSince.Count > 0)
        {
            foreach (var process in goneSince.Keys.Except(workers.Select(w => w.Process)).ToList()) goneSince.Remove(process);
        }
        Gone = workers.Where(w => absent.Contains(w.Process)).Select(w => w.Id).Concat(dead.Select(d => d.Id)).ToHashSet(StringComparer.Ordinal);
        HasNews = !dead.TrueForAll(settled.Contains);
        settled.RemoveWhere(life => !seen.TryGetValue(life.Id, out var now) || now.Session != life.Session || now.Heartbeat != life.Heartbeat);
        return dead;
    }

    private bool IsGoneForGood(string process)
    {
        if (!ProcessIdentity.IsSupervised(process)) return true;
        goneSince.TryAdd(process, time.GetTimestamp());
        return time.GetElapsedTime(goneSince[process]) >= RestartTime;
    }

    private void Prune(HashSet<string> there)
    {
        foreach (var id in seen.Keys.Where(id => !there.Contains(id)).ToList()) seen.Remove(id);
    }

    private static bool IsDead(WorkerLife worker, HashSet<string> gone, TimeSpan unchanged)
    {
        if (worker.State == WorkerStates.Resigned || gone.Contains(worker.Process)) return true;
        // A row that somebody has written by hand may say anything.
        var lease = worker.Lease < Limits.ShortestLease ? Limits.ShortestLease : worker.Lease > Limits.LongestLease ? Limits.LongestLease : worker.Lease;
        return unchanged >= lease / 2 && (worker.IsExpired || unchanged >= lease);
    }

    /// <summary>Everything that these lives held has been taken back.</summary>
    public void Settle(IEnumerable<DeadWorker> dead) => settled.UnionWith(dead);

    /// <summary>A new term looks at everything anew.</summary>
    public void Reset()
    {
        seen.Clear();
        goneSince.Clear();
        settled.Clear();
    }
}
