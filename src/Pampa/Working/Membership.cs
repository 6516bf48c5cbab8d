using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// The leases of a node's workers: registers them under one session each, renews them all with one statement, and knows
/// until when they can be trusted. Trust is measured on the monotonic clock from before the request, so that neither a
/// slow answer nor a clock that jumps can lengthen it.
/// </summary>
internal sealed class Membership(ClusterStore store, ClusterStore heartbeatStore, TimeSpan ttl, TimeProvider time)
{
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(1);
    private const int MaxNames = 1_000;
    private long trustedFrom;
    private volatile bool isLost;

    public string Node { get; private set; } = "";

    public IReadOnlyList<(string Worker, long Session)> Workers { get; private set; } = [];

    /// <summary>Whether the workers' sessions surely stand: not lost, and renewed recently enough.</summary>
    public bool IsTrusted => !isLost && trustedFrom != 0 && time.GetElapsedTime(Volatile.Read(ref trustedFrom)) < ttl - Margin;

    /// <summary>Whether somebody else has taken the ids over.</summary>
    public bool IsLost => isLost;

    /// <summary>
    /// Registers under the name, or under the name with the next free suffix: <c>local</c>, <c>local-2</c>, ….
    /// </summary>
    public async Task RegisterAsync(string name, int workers, CancellationToken stopping)
    {
        var dead = (await store.ReadProcessesAsync(stopping)).FindAll(ProcessIdentity.IsDead);
        for (var suffix = 1; suffix <= MaxNames; suffix++)
        {
            var node = suffix == 1 ? name : $"{name}-{suffix}";
            var ids = Enumerable.Range(1, workers).Select(n => $"{node}.{n}").ToList();
            var before = time.GetTimestamp();
            var sessions = await store.RegisterAsync(node, ids, ProcessIdentity.Current, ttl, dead, stopping);
            if (sessions is null) continue;
            Node = node;
            Workers = sessions;
            isLost = false;
            Volatile.Write(ref trustedFrom, before);
            return;
        }
        throw new PampaConfigurationException([$"There are {MaxNames:N0} nodes called '{name}' on this database; no name is free. Give this one a name of its own."]);
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
