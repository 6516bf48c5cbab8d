using System.Text.Json.Serialization;

namespace Pampa.Commands;

/// <summary>What <c>status --json</c> prints.</summary>
/// <param name="Database">Which database it is about; never with a password.</param>
/// <param name="Jobs">The jobs.</param>
/// <param name="Leader">The dispatcher that leads, if there is one.</param>
/// <param name="Nodes">The nodes that have a living worker.</param>
/// <param name="AbsentNodes">The nodes that the program declares and that have none.</param>
/// <param name="Workers">The living workers.</param>
/// <param name="Stretch">How many workers each job has, and why.</param>
/// <param name="Paused">What is paused.</param>
/// <param name="Schedules">What comes by the clock.</param>
internal sealed record StatusJson(
    string Database, IReadOnlyList<JobJson> Jobs, LeaderJson? Leader, IReadOnlyList<NodeJson> Nodes, IReadOnlyList<string> AbsentNodes,
    IReadOnlyList<WorkerJson> Workers, IReadOnlyList<JobWorkersInfo> Stretch, IReadOnlyList<HeldJson> Paused, IReadOnlyList<ScheduleJson> Schedules)
{
    /// <summary>Jobs that are not among the others because they cannot be counted; left out where there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<UncountedJson>? Uncounted { get; init; }
}

/// <summary>A job that cannot be counted.</summary>
internal sealed record UncountedJson(string Job, string Why);

/// <summary>A worker; times are in seconds.</summary>
internal sealed record WorkerJson(string Id, string Node, string? Job, bool IsAttached, bool IsReady, double LastHeardSeconds)
{
    public string Program { get; init; } = "";

    public RunningJson? Running { get; init; }

    public static WorkerJson Of(WorkerInfo w) => new(w.Id, w.Node, w.Job, w.IsAttached, w.IsReady, w.LastHeard.TotalSeconds)
    {
        Program = w.Program,
        Running = w.Running is { } task ? new RunningJson(task.Job, task.Key, task.For.TotalSeconds) : null,
    };
}

/// <summary>The task that keeps a worker.</summary>
internal sealed record RunningJson(string Job, string Key, double ForSeconds);

/// <summary>Something that is paused; times are in seconds.</summary>
internal sealed record HeldJson(string Target, string Reason, double HeldForSeconds, double? EndsInSeconds)
{
    public static HeldJson Of(HeldInfo h) => new(h.Target.ToString(), h.Reason, h.HeldFor.TotalSeconds, h.EndsIn?.TotalSeconds);
}

/// <summary>The leader; times are in seconds.</summary>
internal sealed record LeaderJson(string Node, long Term, double LeadsForSeconds)
{
    public static LeaderJson? Of(LeaderInfo? leader) => leader is null ? null : new LeaderJson(leader.Node, leader.Term, leader.LeadsFor.TotalSeconds);
}

/// <summary>A node; times are in seconds.</summary>
internal sealed record NodeJson(string Name, string Program, int Workers, int Ready, int Leaked, double LastHeardSeconds, IReadOnlyList<NodeJobInfo> Jobs)
{
    public long? MemoryBytes { get; init; }

    public double? CpuCores { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<LimitJson>? Limits { get; init; }

    public static NodeJson Of(NodeInfo node) => new(node.Name, node.Program, node.Workers, node.Ready, node.Leaked, node.LastHeard.TotalSeconds, node.Jobs)
    {
        MemoryBytes = node.MemoryBytes,
        CpuCores = node.CpuCores,
        Limits = node.Limits.Count == 0 ? null : [.. node.Limits.Select(l => new LimitJson(l.Name, l.Value, l.Enforcement.ToString(), l.By))],
    };
}

/// <summary>A limit of its workers.</summary>
internal sealed record LimitJson(string Name, int Value, string Enforcement, string By);

/// <summary>One job of it; times are in seconds.</summary>
internal sealed record JobJson(
    string Job, long Total, long Pending, long Scheduled, long Reserved, long Running, long Completed, long Failed, bool IsExact,
    double? PerSecond, double? EtaSeconds, double? OldestPendingSeconds, bool IsOwn, string? Fault)
{
    /// <summary>Left out where nobody has said until when it shall be done.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ScaleJson? Scale { get; init; }

    public static JobJson Of(Report r) => new(
        r.Job, r.Total, r.Pending, r.Scheduled, r.Reserved, r.Running, r.Completed, r.Failed, r.IsExact,
        r.PerSecond, r.Eta?.TotalSeconds, r.OldestPending?.TotalSeconds, r.IsOwn, r.Fault);
}

/// <summary>Whether a job will be done in time; times are in seconds, and less than none of them early is late.</summary>
internal sealed record ScaleJson(
    int WorkersWanted, string Reason, DateTimeOffset? FinishBy, double? MaxWaitSeconds, double? EarlySeconds, double? SecondsPerTask)
{
    public static ScaleJson? Of(JobScale? s) => s is null ? null
        : new(s.WorkersWanted, s.Reason, s.FinishBy, s.MaxWait?.TotalSeconds, s.Early?.TotalSeconds, s.TimePerTask?.TotalSeconds);
}

/// <summary>What <c>migrate --json</c> prints: the statements that ran or, for a dry run, would.</summary>
internal sealed record MigrateJson(bool IsDryRun, IReadOnlyList<string> Statements)
{
    /// <summary>The rights that the program needs afterwards; left out where the database has no roles, or nobody has asked.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<GrantsJson>? Grants { get; init; }
}

/// <summary>Statements that give rights, and what for: anything, dispatching, working or steering.</summary>
internal sealed record GrantsJson(string For, IReadOnlyList<string> Statements);

/// <summary>All that the command line prints as JSON, by source generation: reflection is off in file-based programs.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StatusJson))]
[JsonSerializable(typeof(TopJson))]
[JsonSerializable(typeof(MigrateJson))]
[JsonSerializable(typeof(DoctorJson))]
[JsonSerializable(typeof(ExplainJson))]
[JsonSerializable(typeof(PreviewJson))]
internal sealed partial class CommandJson : JsonSerializerContext;
