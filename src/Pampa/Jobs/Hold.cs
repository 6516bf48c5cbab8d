namespace Pampa.Jobs;

/// <summary>What can be held.</summary>
internal enum HoldKind
{
    Job,
    Node,
    Worker,
}

/// <summary>Somebody wants that a job, a node or a worker begins nothing.</summary>
internal sealed record Hold(HoldKind Kind, string Name)
{
    /// <summary>For example <c>node web1</c>.</summary>
    public override string ToString() => $"{Kind.ToString().ToLowerInvariant()} {Name}";
}

/// <summary>All that is held now.</summary>
internal sealed class Holds
{
    public static readonly Holds None = new([]);

    private readonly HashSet<Hold> all;

    public Holds(IEnumerable<Hold> holds) => all = [.. holds];

    /// <summary>What is held now and was not before.</summary>
    public IEnumerable<Hold> Beyond(Holds before) => all.Except(before.all);

    public bool IsJobHeld(string job) => all.Contains(new Hold(HoldKind.Job, job));

    /// <summary>Whether a worker is, itself or with its node.</summary>
    public bool IsWorkerHeld(string worker, string node) => all.Count > 0
        && (all.Contains(new Hold(HoldKind.Worker, worker)) || all.Any(h => h.Kind == HoldKind.Node && IsOf(node, h.Name)));

    public bool IsSame(Holds other) => all.SetEquals(other.all);

    /// <summary>
    /// Whether a node is the one of a name: the workers of one that runs them as processes of their own are nodes themselves.
    /// </summary>
    public static bool IsOf(string node, string name) => node == name
        || (node.StartsWith($"{name}.", StringComparison.Ordinal) && node.AsSpan(name.Length + 1).IndexOfAnyExceptInRange('0', '9') < 0);
}
