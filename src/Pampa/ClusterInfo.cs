namespace Pampa;

/// <summary>Who dispatches and who works in a cluster, as its control tables tell.</summary>
/// <param name="Leader">The dispatcher that leads; null while none does.</param>
/// <param name="Nodes">The nodes that have a living worker, by name.</param>
public sealed record ClusterInfo(LeaderInfo? Leader, IReadOnlyList<NodeInfo> Nodes)
{
    /// <summary>
    /// The names of the nodes that the program declares (<see cref="PampaBuilder.AddNode"/>) and that have no living worker.
    /// </summary>
    public IReadOnlyList<string> AbsentNodes { get; init; } = [];
}

/// <summary>A dispatcher that leads.</summary>
/// <param name="Node">The node of its process, or <c>dispatcher</c> where it runs no tasks.</param>
/// <param name="Term">Which reign it is; every new leader has a higher one.</param>
/// <param name="LeadsFor">For how long it has led, by the database's clock.</param>
public sealed record LeaderInfo(string Node, long Term, TimeSpan LeadsFor);

/// <summary>A node with living workers.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Program">Which program it runs, and in which version.</param>
/// <param name="Workers">How many of its workers live.</param>
/// <param name="Ready">How many of them take tasks; the others take back what a former life of theirs has left.</param>
/// <param name="Leaked">
/// How many of them are kept by a task that does not end although its <see cref="JobBuilder.MaxDuration"/> is over and its
/// token cancelled.
/// </param>
/// <param name="LastHeard">How long ago the last heartbeat came, by the database's clock.</param>
/// <param name="Jobs">What it does of each job, as it last said.</param>
public sealed record NodeInfo(string Name, string Program, int Workers, int Ready, int Leaked, TimeSpan LastHeard, IReadOnlyList<NodeJobInfo> Jobs);

/// <summary>What a node does of a job.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="InHand">Records that its workers have in hand and have not started.</param>
/// <param name="Running">Tasks that are started.</param>
/// <param name="PerSecond">Tasks that ended a second lately.</param>
public sealed record NodeJobInfo(string Job, long InHand, long Running, double PerSecond);
