using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Pampa.Jobs;

/// <summary>
/// A job's definition as the cluster sees it: its structure and limits; the user's snippets only as text for people.
/// </summary>
internal static partial class PublishedJob
{
    private const string MinimumName = "minProgramVersion";

    /// <summary>As this program defines it.</summary>
    public static string Write(JobDefinition job) => Write(job, job.DeclaredMinimum);

    /// <summary>The same with another least version.</summary>
    public static string Write(JobDefinition job, ProgramVersion? minimum)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("table", job.Table);
            json.WriteStartArray("key");
            foreach (var column in job.Key) json.WriteStringValue(column);
            json.WriteEndArray();
            WriteColumns(json, job.Columns);
            if (job.MaxAssignedWorkers is { } workers) json.WriteNumber("maxAssignedWorkers", workers);
            json.WriteNumber("maxPendingTasks", job.MaxPendingTasks);
            json.WriteNumber("weight", job.Weight);
            if (job.WorkerFilter is not null) json.WriteString("workerFilter", job.WorkerFilter);
            json.WriteNumber("queueSize", job.QueueSize);
            json.WriteNumber("maxQueueSize", job.MaxQueueSize);
            json.WriteNumber("maxDurationSeconds", job.Declared.MaxDuration.TotalSeconds);
            json.WriteNumber("maxAttempts", job.Declared.MaxAttempts);
            if (minimum is not null) json.WriteString(MinimumName, minimum.ToString());
            if (job.Handler.IsTransactional) json.WriteBoolean("transactional", true);
            if (job.Handler.Batch is { } batch) json.WriteNumber("batchSize", batch.Size);
            if (job.Where is not null) json.WriteString("where", WhereText(job.Where));
            if (job.OrderBy is not null) json.WriteString("orderBy", job.OrderBy.ToString());
            if (job.PriorityColumn is not null) json.WriteString("priorityColumn", job.PriorityColumn);
            if (job.DueColumn is not null) json.WriteString("dueColumn", job.DueColumn);
            if (job.Sequence is { } sequence) WriteSequence(json, sequence);
            if (job.Selecting is { } selecting) WriteSelecting(json, selecting);
            if (job.Relaunching is { } relaunching) WriteRelaunching(json, relaunching);
            if (!job.Hooks.IsEmpty) WriteHooks(json, job.Hooks);
            if (job.Allowing?.Where is { } allowed) json.WriteString("allowWhere", WhereText(allowed));
            if (job.Allowing?.AskAsync is not null) json.WriteBoolean("allowsByCode", true);
            if (job.WorkerOrder is not null) json.WriteBoolean("ordersWorkers", true);
            if (job.MaxWait is { } wait) json.WriteNumber("maxWaitSeconds", wait.TotalSeconds);
            if (job.FinishBy is { } goal) WriteGoal(json, goal);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void WriteSequence(Utf8JsonWriter json, Sequencing sequence)
    {
        json.WriteStartArray("sequence");
        foreach (var column in sequence.Columns) json.WriteStringValue(column);
        json.WriteEndArray();
        json.WriteBoolean("goesOnAfterFailure", sequence.GoesOnAfterFailure);
    }

    private static void WriteSelecting(Utf8JsonWriter json, Selecting selecting)
    {
        if (selecting.Statement is not null) json.WriteString("select", WhereText(selecting.Statement));
        json.WriteBoolean("selectsByCode", selecting.KeysAsync is not null);
    }

    private static void WriteGoal(Utf8JsonWriter json, FinishGoal goal)
    {
        if (goal.Moment is { } moment) json.WriteString("finishBy", moment);
        else
        {
            json.WriteString("finishAt", goal.Time.ToString("O", CultureInfo.InvariantCulture));
            json.WriteString("finishAtZone", goal.Zone.Id);
        }
    }

    private static void WriteHooks(Utf8JsonWriter json, Hooks hooks)
    {
        json.WriteStartArray("hooks");
        foreach (var kind in Enum.GetValues<HookKind>().Where(hooks.Has)) json.WriteStringValue(Hooks.NameOf(kind));
        json.WriteEndArray();
    }

    /// <summary>
    /// The limits in a definition; null where there are none that a job may have: another version of Pampa, or somebody by hand,
    /// has written it.
    /// </summary>
    public static JobLimits? ReadLimits(string definition)
    {
        try
        {
            using var json = JsonDocument.Parse(definition);
            if (NumberIn(json.RootElement, "maxAttempts") is not { } attempts || attempts % 1 != 0 || attempts is < 1 or > Limits.Attempts) return null;
            // As a number: a TimeSpan cannot hold every one.
            if (NumberIn(json.RootElement, "maxDurationSeconds") is not { } seconds) return null;
            if (seconds < Limits.ShortestDuration.TotalSeconds || seconds > Limits.LongestDuration.TotalSeconds) return null;
            return new JobLimits((int)attempts, TimeSpan.FromTicks((long)Math.Round(seconds * TimeSpan.TicksPerSecond)));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static double? NumberIn(JsonElement definition, string name) => definition.ValueKind == JsonValueKind.Object
        && definition.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) ? number : null;

    private static void WriteRelaunching(Utf8JsonWriter json, Relaunching relaunching)
    {
        if (relaunching.After is { } after)
        {
            json.WriteNumber("relaunchAfterSeconds", after.TotalSeconds);
            json.WriteNumber("relaunchJitter", relaunching.Jitter);
        }
        if (relaunching.Where is not null) json.WriteString("relaunchWhere", WhereText(relaunching.Where));
        if (relaunching.HasRule) json.WriteBoolean("relaunchFailed", relaunching.FailedToo);
        json.WriteBoolean("relaunchesByCode", relaunching.KeysAsync is not null);
    }

    /// <summary>A condition for people, with the names of its parameters: one that throws is told when it is used.</summary>
    public static string WhereText(Func<Sql> where)
    {
        try
        {
            return where().ToString();
        }
        catch (Exception e)
        {
            return $"(throws {e.GetType().Name})";
        }
    }

    private static void WriteColumns(Utf8JsonWriter json, TaskColumns columns)
    {
        json.WriteStartObject("columns");
        json.WriteString("reservationId", columns.ReservationId);
        json.WriteString("reservationTime", columns.ReservationTime);
        json.WriteString("reservationTimes", columns.ReservationTimes);
        json.WriteString("startTime", columns.StartTime);
        json.WriteString("endTime", columns.EndTime);
        json.WriteString("success", columns.Success);
        json.WriteString("errorDescription", columns.ErrorDescription);
        if (columns.Generation is not null) json.WriteString("generation", columns.Generation);
        json.WriteEndObject();
    }
}
