using Pampa.Working;

namespace Pampa.Hosting;

/// <summary>What a process is in the cluster.</summary>
/// <param name="Node">Its node's name; of a dispatcher alone, only how it is called in the lease.</param>
/// <param name="Dispatches">Whether it turns the dispatcher's loop, which is at work while this process leads.</param>
/// <param name="Works">Whether it runs tasks.</param>
internal sealed record ProcessRole(NodeName Node, bool Dispatches, bool Works)
{
    /// <summary>How many workers somebody has asked for at the start; null: as the program says.</summary>
    public int? Workers { get; init; }

    /// <summary>The same in a program that may have a name for a node that nobody has named.</summary>
    public ProcessRole In(PampaBuilder program) =>
        Works && !Node.IsFixed && program.NodeName is { } name ? this with { Node = new NodeName(name) { IsFixed = true } } : this;

    /// <summary>Dispatcher and node in one, which simply joins.</summary>
    public static ProcessRole All { get; } = new(new NodeName("local"), Dispatches: true, Works: true);

    public static ProcessRole Dispatcher { get; } = new(new NodeName("dispatcher"), Dispatches: true, Works: false);

    /// <summary>A node; without a name it simply joins.</summary>
    public static ProcessRole OfNode(string? name) =>
        new(name is null ? All.Node : new NodeName(name) { IsFixed = true }, Dispatches: false, Works: true);

    public static ProcessRole OfWorker(string id) => new(new NodeName(id) { IsFixed = true, IsWorker = true }, Dispatches: false, Works: true);
}
