using System.Text.Json.Serialization;

namespace Pampa.Commands;

/// <summary>Schedules in words.</summary>
internal static class ScheduleLines
{
    /// <summary>A line with its times, and one with what is the matter with it, if anything is.</summary>
    public static IEnumerable<string> Of(ScheduleInfo s)
    {
        yield return $"{s.Name}: '{s.Expression}' ({s.TimeZone}), {Next(s)}; {Last(s)}";
        if (Trouble(s) is { } trouble) yield return $"  {trouble}";
        if (s.OwnExpression is { } own) yield return $"  this program has '{own}': the leader's has its way, which is {s.Program}";
    }

    /// <summary>What is the matter with it; null: nothing.</summary>
    public static string? Trouble(ScheduleInfo s) => s.State switch
    {
        ScheduleState.Paused => $"paused since {Moment(s.PausedAt)}{(s.PauseReason.Length > 0 ? $" ({s.PauseReason})" : "")}, until it is resumed",
        ScheduleState.Failing => FormattableString.Invariant(
            $"failing: {s.Failures:N0} {(s.Failures == 1 ? "time" : "times")} in a row, the next try is in {StatusPage.Duration(s.RetryIn ?? TimeSpan.Zero)}: {s.Error}"),
        ScheduleState.Idle when s.IsInProgram => "idle: no dispatcher leads that has it in its program",
        ScheduleState.Idle => $"idle: neither this program nor that of the leader has it; it was last in {s.Program}",
        _ => null,
    };

    private static string Next(ScheduleInfo s) => s.Next is not { } next ? "no next tick"
        : s.NextIn <= TimeSpan.Zero ? $"due since {Moment(next)}"
        : FormattableString.Invariant($"next {Moment(next)} (local {s.NextLocal:yyyy-MM-dd HH:mm:ss zzz}), in {StatusPage.Duration(s.NextIn!.Value)}");

    private static string Last(ScheduleInfo s)
    {
        var missed = s.Missed > 0 ? FormattableString.Invariant($", {s.Missed:N0} missed") : "";
        return s.LastTick is { } tick ? $"last tick {Moment(tick)}, done {Moment(s.LastDoneAt)}{missed}" : $"no tick yet{missed}";
    }

    private static string Moment(DateTimeOffset? moment) => FormattableString.Invariant($"{moment:u}");
}

/// <summary>What <c>schedules --json</c> prints.</summary>
/// <param name="Database">Which database it is about; never with a password.</param>
/// <param name="Schedules">The schedules, by name.</param>
internal sealed record SchedulesJson(string Database, IReadOnlyList<ScheduleJson> Schedules);

/// <summary>A schedule; moments are in UTC but for <c>nextLocal</c>, times are in seconds.</summary>
internal sealed record ScheduleJson(string Name, string Expression, string TimeZone, string State)
{
    public DateTimeOffset? Next { get; init; }

    public DateTimeOffset? NextLocal { get; init; }

    public double? NextInSeconds { get; init; }

    public DateTimeOffset? LastTick { get; init; }

    public DateTimeOffset? LastDoneAt { get; init; }

    public long Missed { get; init; }

    public int Failures { get; init; }

    public string? Error { get; init; }

    public double? RetryInSeconds { get; init; }

    public DateTimeOffset? PausedAt { get; init; }

    public string? PauseReason { get; init; }

    public long Revision { get; init; }

    public required string Program { get; init; }

    public string? OwnExpression { get; init; }

    public bool IsInProgram { get; init; }

    public static ScheduleJson Of(ScheduleInfo s) => new(s.Name, s.Expression, s.TimeZone, s.State.ToString())
    {
        Next = s.Next,
        NextLocal = s.NextLocal,
        NextInSeconds = s.NextIn?.TotalSeconds,
        LastTick = s.LastTick,
        LastDoneAt = s.LastDoneAt,
        Missed = s.Missed,
        Failures = s.Failures,
        Error = s.Error,
        RetryInSeconds = s.RetryIn?.TotalSeconds,
        PausedAt = s.PausedAt,
        PauseReason = s.PausedAt is null ? null : s.PauseReason,
        Revision = s.Revision,
        Program = s.Program,
        OwnExpression = s.OwnExpression,
        IsInProgram = s.IsInProgram,
    };
}

/// <summary>What <c>schedules pause</c>, <c>resume</c> and <c>run</c> print with <c>--json</c>; moments are in UTC.</summary>
/// <param name="Action">What was done.</param>
/// <param name="Schedule">To which one.</param>
internal sealed record ScheduleActionJson(string Action, string Schedule)
{
    /// <summary>Whether it is paused now; left out of run, which does not care.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? IsPaused { get; init; }

    /// <summary>Of resume: whether it was.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? WasPaused { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }

    /// <summary>Of run: the tick that was done.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? Tick { get; init; }
}

/// <summary>Schedules as JSON, by source generation.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SchedulesJson))]
[JsonSerializable(typeof(ScheduleActionJson))]
internal sealed partial class ScheduleJsonContext : JsonSerializerContext;
