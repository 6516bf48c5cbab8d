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

    /// <summary>The living workers, by id.</summary>
    public IReadOnlyList<WorkerInfo> Workers { get; init; } = [];

    /// <summary>How many workers each job has, and why, as the leader last decided.</summary>
    public IReadOnlyList<JobWorkersInfo> Jobs { get; init; } = [];

    /// <summary>What is paused.</summary>
    public IReadOnlyList<HeldInfo> Held { get; init; } = [];
}

/// <summary>A living worker.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Node">Its node.</param>
/// <param name="Job">The job that it serves; null: none now.</param>
/// <param name="IsAttached">Whether it may be given tasks: neither it nor its node is paused.</param>
/// <param name="IsReady">Whether it takes tasks; else it takes back what a former life of its id has left.</param>
/// <param name="LastHeard">How long ago its last heartbeat came, by the database's clock.</param>
public sealed record WorkerInfo(string Id, string Node, string? Job, bool IsAttached, bool IsReady, TimeSpan LastHeard)
{
    /// <summary>Which program its process runs, and in which version.</summary>
    public string Program { get; init; } = "";

    /// <summary>
    /// Which process it lives in: the machine, its boot, the namespace of its processes, the process's number and when it began, with slashes
    /// between them; before the number stands NUMBER-BEGAN of the process that starts it again, where one does. Of another form where the
    /// host cannot be told.
    /// </summary>
    public string Process { get; init; } = "";

    /// <summary>
    /// How long a heartbeat of it lasts, as its process has set it (<see cref="PampaBuilder.WorkerLease"/>): one comes every third of that, and
    /// a worker that was not heard for so long counts as dead.
    /// </summary>
    public TimeSpan Lease { get; init; }

    /// <summary>
    /// The task that has kept it for a second or longer, as its process last said (every 5 s); null: it has not said so.
    /// </summary>
    public RunningTaskInfo? Running { get; init; }
}

/// <summary>A task that keeps a worker.</summary>
/// <param name="Job">Its job.</param>
/// <param name="Key">Its record's key; one of more than 200 characters is cut.</param>
/// <param name="For">For how long it has been running.</param>
public sealed record RunningTaskInfo(string Job, string Key, TimeSpan For);

/// <summary>The workers of a job.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Workers">How many serve it.</param>
/// <param name="Wanted">How many its due tasks justify (<see cref="JobBuilder.MaxPendingTasks"/>).</param>
/// <param name="Reason">Why it has as many as it has.</param>
public sealed record JobWorkersInfo(string Job, int Workers, int Wanted, string Reason);

/// <summary>Something that is paused.</summary>
/// <param name="Target">What.</param>
/// <param name="Reason">Why, as somebody has said; may be empty.</param>
/// <param name="HeldFor">For how long, by the database's clock.</param>
/// <param name="EndsIn">When it goes on by itself; null: when it is resumed.</param>
public sealed record HeldInfo(PampaTarget Target, string Reason, TimeSpan HeldFor, TimeSpan? EndsIn);

/// <summary>A dispatcher that leads.</summary>
/// <param name="Node">The node of its process, or <c>dispatcher</c> where it runs no tasks.</param>
/// <param name="Term">Which term it is; every new leader has a higher one.</param>
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
public sealed record NodeInfo(string Name, string Program, int Workers, int Ready, int Leaked, TimeSpan LastHeard, IReadOnlyList<NodeJobInfo> Jobs)
{
    /// <summary>The node of which it is one worker in a process of its own; null: it is none.</summary>
    internal string? WorkerOf { get; init; }

    /// <summary>The memory of its process (its working set), as it last said (every 5 s); null: it has not.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>
    /// How much processor time its process used a second lately, in seconds: 1 is a whole core. As it last said (every 5 s); null: it has not.
    /// </summary>
    public double? CpuCores { get; init; }

    /// <summary>The limits of its workers and what is made of them, as it last said (every 5 s); empty: it has none.</summary>
    public IReadOnlyList<WorkerLimitInfo> Limits { get; init; } = [];
}

/// <summary>What a node does of a job.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="InHand">Records that its workers have in hand and have not started.</param>
/// <param name="Running">Tasks that are started.</param>
/// <param name="PerSecond">Tasks that ended a second lately.</param>
public sealed record NodeJobInfo(string Job, long InHand, long Running, double PerSecond)
{
    /// <summary>How long half of its last tasks took at most; null: none has ended yet.</summary>
    public TimeSpan? MedianDuration { get; init; }

    /// <summary>How long nine of ten of its last tasks took at most; null: none has ended yet.</summary>
    public TimeSpan? P90Duration { get; init; }
}
