using System.Globalization;
using System.Text.Json;

namespace Pampa.Jobs;

/// <content>Back again: what of a definition is structure.</content>
internal static partial class PublishedJob
{
    private static readonly string[] StateColumns =
        ["reservationId", "reservationTime", "reservationTimes", "startTime", "endTime", "success", "errorDescription"];

    /// <summary>
    /// The structure in a definition; null where it is none that this version understands. Conditions are text for people and are not read:
    /// nothing that stands in the database becomes a statement.
    /// </summary>
    public static PublishedStructure? ReadStructure(string definition)
    {
        try
        {
            using var json = JsonDocument.Parse(definition);
            var root = json.RootElement;
            if (TextIn(root, "table") is not { } table || TextsIn(root, "key") is not { Count: > 0 } key) return null;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("columns", out var columns) || ReadColumns(columns) is not { } names) return null;
            // What says when, and after which others, a record is done: without it counts and states would be wrong, and not only less.
            if (IsUnreadable(root, "dueColumn", TextIn) || IsUnreadable(root, "priorityColumn", TextIn) || IsUnreadable(root, "sequence", TextsIn)) return null;
            return new PublishedStructure(table, key, names, ReadLimits(definition))
            {
                MaxAssignedWorkers = NumberIn(root, "maxAssignedWorkers") is { } workers and >= 1 and <= int.MaxValue ? (int)workers : null,
                MaxPendingTasks = NumberIn(root, "maxPendingTasks") is { } pending and >= 1 and <= int.MaxValue ? (int)pending : null,
                MaxWait = NumberIn(root, "maxWaitSeconds") is { } wait && wait >= Limits.ShortestDuration.TotalSeconds && wait <= Limits.LongestDuration.TotalSeconds
                    ? TimeSpan.FromSeconds(wait)
                    : null,
                FinishBy = ReadGoal(root),
                WorkerFilter = TextIn(root, "workerFilter"),
                PriorityColumn = TextIn(root, "priorityColumn"),
                DueColumn = TextIn(root, "dueColumn"),
                Sequence = ReadSequence(root),
                HasCondition = TextIn(root, "where") is not null,
                HasOrder = TextIn(root, "orderBy") is not null,
                HasSelection = root.TryGetProperty("selectsByCode", out _),
                HasFinished = TextsIn(root, "hooks")?.Contains(Hooks.NameOf(HookKind.Finished)) == true,
            };
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A published job for people to see, conditions and all; null where it is none that this version understands.</summary>
    public static JobInfo? ReadInfo(string job, string definition, string program)
    {
        if (ReadStructure(definition) is not { } structure) return null;
        using var json = JsonDocument.Parse(definition);
        var root = json.RootElement;
        var isDaily = structure.FinishBy is { Moment: null };
        return new JobInfo(job, structure.Table, structure.Key)
        {
            Program = program,
            MaxAttempts = structure.Limits?.MaxAttempts,
            MaxDuration = structure.Limits?.MaxDuration,
            MaxAssignedWorkers = structure.MaxAssignedWorkers,
            WorkerFilter = structure.WorkerFilter,
            MaxWait = structure.MaxWait,
            FinishBy = structure.FinishBy?.Moment,
            FinishAt = isDaily ? structure.FinishBy!.Time : null,
            FinishAtZone = isDaily ? structure.FinishBy!.Zone.Id : null,
            Where = TextIn(root, "where"),
            OrderBy = TextIn(root, "orderBy"),
        };
    }

    private static bool IsUnreadable<T>(JsonElement root, string name, Func<JsonElement, string, T?> read) where T : class =>
        root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null && read(root, name) is null;

    private static Sequencing? ReadSequence(JsonElement root) => TextsIn(root, "sequence") is { Count: > 0 } columns
        ? new Sequencing(columns, root.TryGetProperty("goesOnAfterFailure", out var goesOn) && goesOn.ValueKind == JsonValueKind.True)
        : null;

    // A zone that this computer does not know: then there is no goal, rather than a wrong one.
    private static FinishGoal? ReadGoal(JsonElement root)
    {
        if (TextIn(root, "finishBy") is { } moment)
        {
            var isOne = DateTimeOffset.TryParse(moment, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at);
            return isOne ? new FinishGoal(at, default, TimeZoneInfo.Utc) : null;
        }
        return TextIn(root, "finishAt") is { } text && TimeOnly.TryParse(text, CultureInfo.InvariantCulture, out var time)
            && TextIn(root, "finishAtZone") is { } name && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) ? new FinishGoal(null, time, zone) : null;
    }

    /// <summary>The least version that a definition demands; null: none, or none that this version of Pampa understands.</summary>
    public static ProgramVersion? ReadMinimum(string definition)
    {
        try
        {
            using var json = JsonDocument.Parse(definition);
            return ProgramVersion.TryParse(TextIn(json.RootElement, MinimumName));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static TaskColumns? ReadColumns(JsonElement columns)
    {
        string?[] names = [.. StateColumns.Select(name => TextIn(columns, name))];
        if (Array.Exists(names, name => name is null)) return null;
        return new TaskColumns
        {
            ReservationId = names[0]!,
            ReservationTime = names[1]!,
            ReservationTimes = names[2]!,
            StartTime = names[3]!,
            EndTime = names[4]!,
            Success = names[5]!,
            ErrorDescription = names[6]!,
            Generation = TextIn(columns, "generation"),
        };
    }

    private static string? TextIn(JsonElement from, string name) => from.ValueKind == JsonValueKind.Object
        && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private static List<string>? TextsIn(JsonElement from, string name)
    {
        if (from.ValueKind != JsonValueKind.Object || !from.TryGetProperty(name, out var list) || list.ValueKind != JsonValueKind.Array) return null;
        var texts = new List<string>();
        foreach (var one in list.EnumerateArray())
        {
            if (one.ValueKind != JsonValueKind.String || one.GetString() is not { Length: > 0 } text) return null;
            texts.Add(text);
        }
        return texts;
    }
}

/// <summary>What of a published job a program without its code can use.</summary>
/// <param name="Table">The table, as the program names it.</param>
/// <param name="Key">Its key columns.</param>
/// <param name="Columns">Its state columns.</param>
/// <param name="Limits">Its limits; null: none that a job may have.</param>
internal sealed record PublishedStructure(string Table, IReadOnlyList<string> Key, TaskColumns Columns, JobLimits? Limits)
{
    public int? MaxAssignedWorkers { get; init; }

    public int? MaxPendingTasks { get; init; }

    public TimeSpan? MaxWait { get; init; }

    public FinishGoal? FinishBy { get; init; }

    /// <summary>Which workers may serve it; null: any.</summary>
    public string? WorkerFilter { get; init; }

    /// <summary>The column of the priority; null: there is none.</summary>
    public string? PriorityColumn { get; init; }

    /// <summary>The column of the time before which a record is not due; null: only the reservation time counts.</summary>
    public string? DueColumn { get; init; }

    /// <summary>Which records are done one after the other; null: none need be.</summary>
    public Sequencing? Sequence { get; init; }

    /// <summary>Whether only some records are tasks; which, only the program knows.</summary>
    public bool HasCondition { get; init; }

    /// <summary>Whether records come in an order that only the program knows.</summary>
    public bool HasOrder { get; init; }

    /// <summary>Whether records are named by a statement or by code that only the program has.</summary>
    public bool HasSelection { get; init; }

    /// <summary>Whether it is told of the end of each attempt, by code that only the program has.</summary>
    public bool HasFinished { get; init; }
}
