using System.Text.Json.Serialization;

namespace Pampa.Showing;

// What goes over the line. Times are ISO 8601 in UTC, durations seconds; the names are those of web/src/shapes.ts.

internal sealed record ProblemShape(string Error);

internal sealed record DoneShape(string Text)
{
    /// <summary>What is answered with its end; null: it is none of what goes on behind the pages, or still does.</summary>
    public string? Ended { get; init; }
}

internal sealed record SessionShape(
    string Title, bool IsIn, bool MayAct, bool IsReadOnly, string? Who, bool AsksSecret, string Token, string? Database, string Version);

internal sealed record SnapshotShape(
    DateTimeOffset At, double AgeSeconds, string? Trouble, LeaderShape? Leader, IReadOnlyList<JobShape> Jobs, IReadOnlyList<NodeShape> Nodes,
    IReadOnlyList<WorkerShape> Workers, IReadOnlyList<string> Absent, HealthShape? Health, IReadOnlyList<OperationShape> Operations)
{
    /// <summary>How many nodes there are, of which the first are told in particular.</summary>
    public int NodeCount { get; init; }

    /// <summary>How many declared nodes are not there, of which the first are named.</summary>
    public int AbsentCount { get; init; }

    /// <summary>Of all workers, of which some are told in particular.</summary>
    public WorkerCountShape WorkerCount { get; init; } = new(0, 0, 0);
}

/// <summary>How many workers there are.</summary>
/// <param name="All">Living ones.</param>
/// <param name="Serving">Those of a job.</param>
/// <param name="Busy">Those at a task for longer than a second.</param>
internal sealed record WorkerCountShape(int All, int Serving, int Busy);

internal sealed record LeaderShape(string Node, long Term, double LeadsFor);

internal sealed record HeldShape(string Reason, double HeldFor, double? EndsIn);

internal sealed record JobShape(
    string Name, long Pending, long Scheduled, long Reserved, long Running, long Completed, long Failed, bool IsExact, double? PerSecond,
    double? Eta, double? OldestPending, int Workers, int Wanted, string? Reason, HeldShape? Held, string? Trouble, IReadOnlyList<double> Rates)
{
    public ScaleShape? Scale { get; init; }

    /// <summary>How long the last tasks took; null: no node has ended one yet.</summary>
    public DurationsShape? Durations { get; init; }

    /// <summary>False: its records were never counted, and the numbers are none.</summary>
    public bool IsCounted { get; init; } = true;

    /// <summary>What is wrong beside that: with the job's own report, or with its samples; null: nothing.</summary>
    public string? Fault { get; init; }

    /// <summary>Whether the counts are those of the last look, and not of one before.</summary>
    [JsonIgnore]
    public bool IsMeasured => IsCounted && Trouble is null;

    /// <summary>The last sample; pages have no use for what never falls.</summary>
    [JsonIgnore]
    public JobSample? Last { get; init; }
}

/// <summary>How long the last tasks of a job took at most, on the node that took longest.</summary>
/// <param name="P50">Half of them.</param>
/// <param name="P90">Nine of ten.</param>
/// <param name="Nodes">How many nodes have ended some.</param>
internal sealed record DurationsShape(double P50, double P90, int Nodes);

internal sealed record ScaleShape(string Job, int Workers, string Reason, DateTimeOffset? FinishBy, double? MaxWait, double? Eta, double? Early);

internal sealed record NodeShape(
    string Name, string Program, int Workers, int Ready, int Leaked, double LastHeard, long? Memory, double? Cpu, HeldShape? Held,
    IReadOnlyList<NodeJobShape> Jobs)
{
    /// <summary>How long a heartbeat of its workers lasts: the longest of them.</summary>
    public double Lease { get; init; }

    /// <summary>What each of its workers may take.</summary>
    public IReadOnlyList<LimitShape> Limits { get; init; } = [];
}

/// <summary>A limit of a node's workers.</summary>
/// <param name="Text">All of it in a line.</param>
/// <param name="Name">Which.</param>
/// <param name="Amount">How much, with its unit.</param>
/// <param name="Enforcement">none, partly or full.</param>
internal sealed record LimitShape(string Text, string Name, string Amount, string Enforcement);

internal sealed record NodeJobShape(string Job, long InHand, long Running, double PerSecond);

internal sealed record WorkerShape(
    string Id, string Node, string? Job, bool IsAttached, bool IsReady, double LastHeard, RunningShape? Running, HeldShape? Held)
{
    /// <summary>How long a heartbeat of it lasts.</summary>
    public double Lease { get; init; }
}

/// <summary>Some nodes; <paramref name="Count"/>: how many match.</summary>
internal sealed record NodePageShape(IReadOnlyList<NodeShape> Nodes, string? Next, int Count);

internal sealed record WorkerPageShape(IReadOnlyList<WorkerShape> Workers, string? Next);

internal sealed record RunningShape(string Job, string Key, double For);

internal sealed record HealthShape(DateTimeOffset At, IReadOnlyList<FindingShape> Findings);

internal sealed record FindingShape(string Severity, string Id, string Where, string What, string Remedy);

internal sealed record SamplesShape(IReadOnlyList<SampleShape> Samples);

internal sealed record SampleShape(
    DateTimeOffset At, long Pending, bool IsPendingExact, long Running, double Completed, double Failed, double? Duration, int Workers);

internal sealed record ErrorsShape(IReadOnlyList<ErrorGroupShape> Groups, int Examined, bool IsComplete);

internal sealed record ErrorGroupShape(string Pattern, int Count, DateTimeOffset? First, DateTimeOffset? Last, string SampleKey, string Sample)
{
    /// <summary>A text that stands as it is in every error of the group and hides nothing; null: there is none.</summary>
    public string? Search { get; init; }
}

/// <summary>What a job is, as its program has published it; all null: no program has.</summary>
internal sealed record JobFactsShape(string? Table, IReadOnlyList<string> Key, string? Program)
{
    public int? MaxAttempts { get; init; }

    public double? MaxDuration { get; init; }

    public int? MaxWorkers { get; init; }

    public string? WorkerFilter { get; init; }

    public double? MaxWait { get; init; }

    public DateTimeOffset? FinishBy { get; init; }

    /// <summary>A time of day, and where it is that time.</summary>
    public string? FinishAt { get; init; }

    public string? FinishAtZone { get; init; }

    public string? Where { get; init; }

    public string? OrderBy { get; init; }
}

internal sealed record ColumnsShape(IReadOnlyList<ColumnShape> Columns);

internal sealed record ColumnShape(string Name, string Type, bool IsKey, bool IsState, bool IsShown, bool IsSearchable);

/// <summary>Which orders a table can be shown in: why it cannot be shown in that of the end; null: it can.</summary>
internal sealed record OrdersShape(string? LatestEnd);

internal sealed record TaskPageShape(IReadOnlyList<TaskShape> Tasks, string? Next, bool IsPartial, long LookedAt);

internal sealed record TaskShape(
    string Key, string State, string? Worker, int Attempts, DateTimeOffset? ReservedAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt,
    string? Error, IReadOnlyList<ValueShape> Values);

internal sealed record ValueShape(string Column, string? Text, bool IsCut);

internal sealed record TaskDetailShape(
    TaskShape Task, int MaxAttempts, long? Generation, IReadOnlyList<EventShape> History, string Verdict, bool WillRun, double? NextIn,
    IReadOnlyList<ConditionShape> Conditions, int HiddenColumns);

internal sealed record EventShape(DateTimeOffset At, string What, int? Attempt, string? Worker, string? By, string? Text);

internal sealed record ConditionShape(string Name, bool? Holds, string Detail);

internal sealed record SchedulesShape(IReadOnlyList<ScheduleShape> Schedules);

internal sealed record ScheduleShape(
    string Name, string Expression, string TimeZone, string State, DateTimeOffset? Next, double? NextIn, DateTimeOffset? LastTick,
    DateTimeOffset? LastDoneAt, long Missed, int Failures, string? Error, double? RetryIn, DateTimeOffset? PausedAt, string PauseReason,
    string Program, bool IsInProgram);

internal sealed record AuditShape(IReadOnlyList<AuditEntryShape> Entries, string? Next);

internal sealed record AuditEntryShape(string Id, DateTimeOffset At, string Who, string Action, string Target, string Detail, long Count);

internal sealed record PreviewShape(long Matched, long Running, bool IsExact, bool IsRunningExact, string? Why);

/// <summary>Something that goes on behind the pages; of a tick, Job is its schedule.</summary>
internal sealed record OperationShape(
    string Id, string Job, string Action, string Who, DateTimeOffset Began, long Changed, long Running, bool IsDone, string? Error)
{
    /// <summary>The error of what somebody has stopped, or the end of the application.</summary>
    public const string Stopped = "stopped";

    public OperationKind Kind { get; init; }
}

/// <summary>What goes on.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<OperationKind>))]
internal enum OperationKind
{
    /// <summary>An action on records of a job.</summary>
    [JsonStringEnumMemberName("records")]
    Records,

    /// <summary>A tick of a schedule by hand.</summary>
    [JsonStringEnumMemberName("tick")]
    Tick,
}

// What comes over the line.

internal sealed record SignInOrder(string Secret);

internal sealed record RecordsOrder(string Action, string Job, FilterOrder? Filter = null, IReadOnlyList<string>? Keys = null, string? Reason = null)
{
    /// <summary>Whether what runs is meant, too.</summary>
    public bool Running { get; init; }
}

internal sealed record FilterOrder(
    IReadOnlyList<string>? States = null, string? KeyPrefix = null, string? Error = null, string? Worker = null, string? Moment = null,
    DateTimeOffset? From = null, DateTimeOffset? Until = null, IReadOnlyList<string>? Where = null);

internal sealed record SteerOrder(string Action, string Kind, string Name, string? Reason = null, double? Seconds = null);

internal sealed record ScheduleOrder(string Action, string Name, string? Reason = null);

internal sealed record StopOrder(string Id);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ScaleShape))]
[JsonSerializable(typeof(ProblemShape))]
[JsonSerializable(typeof(DoneShape))]
[JsonSerializable(typeof(SessionShape))]
[JsonSerializable(typeof(SnapshotShape))]
[JsonSerializable(typeof(NodePageShape))]
[JsonSerializable(typeof(WorkerPageShape))]
[JsonSerializable(typeof(SamplesShape))]
[JsonSerializable(typeof(ErrorsShape))]
[JsonSerializable(typeof(JobFactsShape))]
[JsonSerializable(typeof(ColumnsShape))]
[JsonSerializable(typeof(OrdersShape))]
[JsonSerializable(typeof(TaskPageShape))]
[JsonSerializable(typeof(TaskDetailShape))]
[JsonSerializable(typeof(SchedulesShape))]
[JsonSerializable(typeof(AuditShape))]
[JsonSerializable(typeof(PreviewShape))]
[JsonSerializable(typeof(OperationShape))]
[JsonSerializable(typeof(SignInOrder))]
[JsonSerializable(typeof(RecordsOrder))]
[JsonSerializable(typeof(SteerOrder))]
[JsonSerializable(typeof(ScheduleOrder))]
[JsonSerializable(typeof(StopOrder))]
internal sealed partial class ShapeJson : JsonSerializerContext;
