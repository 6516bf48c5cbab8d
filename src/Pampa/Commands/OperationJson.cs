using System.Text.Json.Serialization;

namespace Pampa.Commands;

/// <summary>What <c>tasks --json</c> prints; moments are in UTC.</summary>
internal sealed record TasksJson(string Job, IReadOnlyList<TaskJson> Tasks, string? Next, bool IsPartial)
{
    public static TasksJson Of(string job, TaskPage page) => new(job, [.. page.Tasks.Select(TaskJson.Of)], page.Next, page.IsPartial);
}

/// <summary>A record; the values are those of the columns that were asked for.</summary>
internal sealed record TaskJson(
    string Key, string State, int Attempts, string? Worker, DateTimeOffset? ReservedAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? Error)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string?>? Values { get; init; }

    public static TaskJson Of(TaskInfo t) => new(
        t.Key, t.State.ToString().ToLowerInvariant(), t.Attempts, t.Worker, t.ReservedAt, t.StartedAt, t.EndedAt, t.Error)
    {
        Values = t.Values.Count == 0 ? null : t.Values.ToDictionary(v => v.Column, v => v.Text, StringComparer.Ordinal),
    };
}

/// <summary>What <c>errors --json</c> prints; moments are in UTC.</summary>
internal sealed record ErrorsJson(string Job, int Examined, bool IsComplete, IReadOnlyList<ErrorGroup> Groups)
{
    public static ErrorsJson Of(string job, ErrorReport report) => new(job, report.Examined, report.IsComplete, report.Groups);
}

/// <summary>What <c>audit --json</c> prints; moments are in UTC.</summary>
internal sealed record AuditJson(IReadOnlyList<AuditEntry> Entries, string? Next);

/// <summary>What <c>retry</c>, <c>relaunch</c>, <c>cancel</c>, <c>skip</c> and <c>run-now</c> print with <c>--json</c>.</summary>
/// <param name="Job">The job.</param>
/// <param name="Action">What was done.</param>
/// <param name="IsDryRun">Whether it was only counted.</param>
/// <param name="Count">How many records were changed.</param>
/// <param name="Matched">How many match; of a dry run at most 100,000 are counted.</param>
/// <param name="IsExact">Whether all were counted.</param>
/// <param name="Running">How many match and were left alone because a worker runs them.</param>
/// <param name="AuditId">The entry in the audit; null: nothing was changed.</param>
internal sealed record ActionJson(string Job, string Action, bool IsDryRun, long Count, long Matched, bool IsExact, long Running, string? AuditId)
{
    /// <summary>Where nothing matches although something looks as if it should: why.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Why { get; init; }
}

/// <summary>What <c>pause</c>, <c>detach</c>, <c>drain</c>, <c>resume</c> and <c>attach</c> print with <c>--json</c>; moments are in UTC.</summary>
/// <param name="Action">What was done.</param>
/// <param name="Target">To what: its kind and its name.</param>
/// <param name="IsPaused">Whether it is paused now.</param>
internal sealed record SteerJson(string Action, string Target, bool IsPaused)
{
    /// <summary>Of resume and attach: whether it was.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? WasPaused { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }

    /// <summary>When it goes on by itself; left out where somebody has to say so.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? Until { get; init; }

    /// <summary>Of drain: how many tasks are reserved or run still.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Left { get; init; }
}

/// <summary>Looking at records and acting on them as JSON, by source generation.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TasksJson))]
[JsonSerializable(typeof(ErrorsJson))]
[JsonSerializable(typeof(AuditJson))]
[JsonSerializable(typeof(ActionJson))]
[JsonSerializable(typeof(SteerJson))]
internal sealed partial class OperationJson : JsonSerializerContext;
