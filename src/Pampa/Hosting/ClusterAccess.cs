using Pampa.Dispatching;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>What <see cref="PampaCluster"/> works with.</summary>
/// <param name="Database">The database.</param>
/// <param name="Tables">The cluster's own tables.</param>
/// <param name="Stores">The jobs' tables, in the program's order.</param>
/// <param name="Nodes">The names of the nodes that the program declares.</param>
/// <param name="Dispatcher">The dispatcher of this process.</param>
/// <param name="WakeAsync">Makes the dispatchers of all processes look at once: for one job, or where null for any.</param>
/// <param name="SteerAsync">Makes the nodes of all processes look at once what is held.</param>
internal sealed record ClusterParts(
    Database Database, ClusterTables Tables, IReadOnlyList<TaskStore> Stores, IReadOnlyList<string> Nodes, Dispatcher Dispatcher,
    Func<string?, CancellationToken, Task> WakeAsync, Func<CancellationToken, Task> SteerAsync)
{
    /// <summary>The scheduler of this process, with the program's schedules.</summary>
    public required Scheduler Scheduler { get; init; }

    /// <summary>
    /// Whether an action ends when the hooks that it causes have been told. A process without loops may end with it; one that has them is told beside
    /// its work, which never ends, and waits at its stop.
    /// </summary>
    public bool WaitsForHooks { get; init; }
}

/// <summary>The parts, which come when the application starts: whoever asks before waits for that.</summary>
internal sealed class ClusterAccess
{
    private readonly TaskCompletionSource<ClusterParts> source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// Called when somebody asks: a service that starts before Pampa does and asks the cluster would otherwise wait for
    /// what comes after itself.
    /// </summary>
    public Action? Asked { get; set; }

    public Task<ClusterParts> GetAsync(CancellationToken stopping)
    {
        Asked?.Invoke();
        return source.Task.WaitAsync(stopping);
    }

    public void Set(ClusterParts parts) => source.TrySetResult(parts);

    public void Fail(Exception error)
    {
        source.TrySetException(error);
        // Nobody may ever ask: then the error is no unobserved one.
        _ = source.Task.Exception;
    }
}
