using Pampa.Jobs;

namespace Pampa;

/// <summary>What can be paused: a job, a node or a worker.</summary>
public sealed record PampaTarget
{
    private PampaTarget(HoldKind kind, string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Hold = new Hold(kind, name);
    }

    internal Hold Hold { get; }

    /// <summary>The name of the job or of the node, or the id of the worker.</summary>
    public string Name => Hold.Name;

    /// <summary>A job, by its name: none of its tasks is started, on any node.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static PampaTarget Job(string name) => new(HoldKind.Job, name);

    /// <summary>
    /// A node, by its name: none of its workers starts a task. Where it runs its workers as processes of their own, all of those.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static PampaTarget Node(string name) => new(HoldKind.Node, name);

    /// <summary>A worker, by its id, such as <c>web1.3</c>.</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="ArgumentException">The id is empty.</exception>
    public static PampaTarget Worker(string id) => new(HoldKind.Worker, id);

    /// <summary>For example <c>node web1</c>.</summary>
    public override string ToString() => Hold.ToString();
}
