using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// The leases of a node's workers: registers them under one session each, renews them all with one statement, and knows
/// until when they can be trusted. Trust is measured on the monotonic clock from before the request, so that neither a
/// slow answer nor a clock that jumps can lengthen it.
/// </summary>
internal sealed class Membership(ClusterStore store, ClusterStore heartbeatStore, TimeSpan ttl, TimeProvider time)
{
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(1);
    private const int MaxNames = 1_000;

    // Each is a try that was sent and not answered. One that has arrived is forgotten only when its lease is over and nobody can meet it any more,
    // however many came after it; the number only keeps a statement from growing without end.
    private const int MaxDoubts = 256;

    // So much later a try may still arrive.
    private static readonly TimeSpan Lateness = TimeSpan.FromMinutes(1);
    private readonly List<(string Mark, long At)> inDoubt = [];
    private long trustedFrom;
    private volatile bool isLost;

    public string Node { get; private set; } = "";

    public IReadOnlyList<(string Worker, long Session)> Workers { get; private set; } = [];

    /// <summary>This life of the node; null before the first registration.</summary>
    public NodeLife? Life => Workers is [var first, ..] ? new NodeLife(Node, first.Worker, first.Session) : null;

    /// <summary>Opens the connection of the heartbeats.</summary>
    public void Connect() => heartbeatStore.Connect();

    /// <summary>Whether the workers' sessions surely stand: not lost, and renewed recently enough.</summary>
    public bool IsTrusted => !isLost && trustedFrom != 0 && time.GetElapsedTime(Volatile.Read(ref trustedFrom)) < store.TrustOf(ttl);

    /// <summary>Whether somebody else has taken the ids over.</summary>
    public bool IsLost => isLost;

    /// <summary>
    /// Registers under the name, or under the name with the next free suffix. A name that somebody has chosen and that
    /// nobody is seen to use is waited for until its lease is over.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <param name="workers">How many workers the node has.</param>
    /// <param name="waits">Called once, with the id, where a lease has to be waited for.</param>
    /// <param name="stopping">Gives up.</param>
    /// <exception cref="WorkerIdTakenException">A chosen name is at work already.</exception>
    public async Task RegisterAsync(NodeName name, int workers, Action<string> waits, CancellationToken stopping)
    {
        if (name.IsFixed)
        {
            await RegisterFixedAsync(name, workers, waits, stopping);
            return;
        }
        var dead = await ReadDeadAsync(stopping);
        for (var suffix = 1; suffix <= MaxNames; suffix++)
        {
            var node = suffix == 1 ? name.Name : $"{name.Name}-{suffix}";
            if (await TryRegisterAsync(node, name.WorkersOf(node, workers), dead, stopping)) return;
        }
        throw new PampaConfigurationException([$"There are {MaxNames:N0} nodes called '{name.Name}' on this database; no name is free. Give this one a name of its own."]);
    }

    private async Task RegisterFixedAsync(NodeName name, int workers, Action<string> waits, CancellationToken stopping)
    {
        var ids = name.WorkersOf(name.Name, workers);
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        while (!await TryRegisterAsync(name.Name, ids, await ReadDeadAsync(stopping), stopping))
        {
            var holders = (await store.ReadWorkersAsync(stopping)).FindAll(w => (ids.Contains(w.Id) || w.Node == name.Name)
                && !w.IsExpired && w.State != WorkerStates.Resigned && !ProcessIdentity.IsDead(w.Process));
            if (holders.Find(w => ProcessIdentity.IsOtherHere(w.Process) || (seen.TryGetValue(w.Id, out var beat) && beat != w.Heartbeat)) is { } taken)
                throw new WorkerIdTakenException($"Worker '{taken.Id}' is at work already, in {ProcessIdentity.Describe(taken.Process)}. Stop that process, or give this one another name.");
            if (seen.Count == 0 && holders.Count > 0) waits(holders[0].Id);
            foreach (var holder in holders) seen[holder.Id] = holder.Heartbeat;
            await Task.Delay(RetryEvery, time, stopping);
        }
    }

    private async Task<List<string>> ReadDeadAsync(CancellationToken stopping) =>
        (await store.ReadProcessesAsync(stopping)).FindAll(ProcessIdentity.IsDead);

    private async Task<bool> TryRegisterAsync(string node, IReadOnlyList<string> ids, List<string> dead, CancellationToken stopping)
    {
        var before = time.GetTimestamp();
        inDoubt.RemoveAll(doubt => time.GetElapsedTime(doubt.At) >= ttl + Lateness);
        var mark = new RegistrationMark($"{Guid.NewGuid():N}", [.. inDoubt.Select(doubt => doubt.Mark)]);
        List<(string Worker, long Session)>? sessions;
        try
        {
            sessions = await store.RegisterAsync(node, ids, ProcessIdentity.Current, ttl, dead, stopping, mark);
        }
        catch
        {
            // It may have taken effect, and the next try would find a life that nobody lives. A mark that never came to the table harms nobody.
            if (inDoubt.Count == MaxDoubts) inDoubt.RemoveAt(0);
            inDoubt.Add((mark.Mark, time.GetTimestamp()));
            throw;
        }
        if (sessions is null) return false;
        Node = node;
        Workers = sessions;
        isLost = false;
        Volatile.Write(ref trustedFrom, before);
        return true;
    }

    /// <summary>Says that the workers take tasks now.</summary>
    public Task MarkReadyAsync(CancellationToken stopping) => store.MarkReadyAsync(Workers, stopping);

    /// <summary>Leaves: the ids are free at once.</summary>
    public Task ResignAsync(CancellationToken stopping) => store.ResignAsync(Workers, stopping);

    /// <summary>
    /// Renews all leases. It runs on a thread of its own and blocks it, so that no crowd on the thread pool can delay
    /// it.
    /// </summary>
    public void Beat()
    {
        var workers = Workers;
        if (isLost || workers.Count == 0) return;
        var before = time.GetTimestamp();
        var alive = heartbeatStore.Heartbeat(workers, ttl);
        // Registered anew meanwhile: the answer is about a life that is over.
        if (!ReferenceEquals(workers, Workers)) return;
        if (alive.Count < workers.Count) isLost = true;
        else Volatile.Write(ref trustedFrom, before);
    }
}
