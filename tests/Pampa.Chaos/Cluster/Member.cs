namespace Pampa.Chaos.Cluster;

/// <summary>A process of the cluster that is started again when it ends, as a supervisor would.</summary>
/// <param name="Name">The node's name, which begins the ids of its workers; of a dispatcher any.</param>
/// <param name="Arguments">The command line.</param>
internal sealed record Member(string Name, IReadOnlyList<string> Arguments)
{
    /// <summary>What its next life is given besides, or instead.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>A program that runs it, with its arguments: it becomes the process.</summary>
    public IReadOnlyList<string> Under { get; set; } = [];

    /// <summary>Not to be started again.</summary>
    public bool IsHeld { get; set; }

    /// <summary>Whether its workers are processes of their own.</summary>
    public bool IsIsolated => Arguments.Contains("--isolated");

    public bool Works => Arguments[0] is "node" or "worker" or "run";

    public bool Dispatches => Arguments[0] is "dispatcher" or "run";

    public List<Life> Lives { get; } = [];

    public Life? Current => Lives.Count > 0 && !Lives[^1].HasEnded ? Lives[^1] : null;

    public override string ToString() => Name;
}
