namespace Pampa.Working;

/// <summary>How a process's node is called, and with it its workers.</summary>
/// <param name="Name">The name; also the prefix of the workers' ids.</param>
internal sealed record NodeName(string Name)
{
    /// <summary>
    /// Whether somebody has chosen the name: then it is refused where it is at work already. Else the next free suffix is
    /// taken: <c>local</c>, <c>local-2</c>, ….
    /// </summary>
    public bool IsFixed { get; init; }

    /// <summary>Whether the name is that of the only worker, which is a node by itself.</summary>
    public bool IsWorker { get; init; }

    /// <summary>The ids of the workers of a node of this name.</summary>
    public IReadOnlyList<string> WorkersOf(string node, int count) =>
        IsWorker ? [node] : [.. Enumerable.Range(1, count).Select(n => $"{node}.{n}")];
}

/// <summary>A name that somebody has chosen is at work already, in another process that lives.</summary>
internal sealed class WorkerIdTakenException(string message) : Exception(message);
