using System.Text;
using System.Text.Json;

namespace Pampa.Jobs;

/// <summary>What a process says of itself.</summary>
/// <param name="MemoryBytes">Its working set.</param>
/// <param name="CpuCores">Processor time it used a second lately; null before it can be told.</param>
/// <param name="Done">What it has done of each job since it began.</param>
/// <param name="Tasks">The tasks that have kept its workers for a second or longer.</param>
internal sealed record NodeVitals(long MemoryBytes, double? CpuCores, IReadOnlyList<JobDone> Done, IReadOnlyList<BusyTask> Tasks)
{
    /// <summary>Its limits, and what is made of them.</summary>
    public IReadOnlyList<WorkerLimitInfo> Limits { get; init; } = [];
}

/// <summary>A task that has kept a worker for a while.</summary>
/// <param name="Worker">The worker.</param>
/// <param name="Job">The task's job.</param>
/// <param name="Key">Its key, for people; a long one is cut.</param>
/// <param name="For">For how long.</param>
internal sealed record BusyTask(string Worker, string Job, string Key, TimeSpan For);

/// <summary>What a process has done of a job.</summary>
/// <param name="Job">The job.</param>
/// <param name="Completed">Tasks that ended well.</param>
/// <param name="Failed">Tasks that failed for good.</param>
/// <param name="Attempts">Attempts that were measured.</param>
/// <param name="Busy">How long those took in all.</param>
internal sealed record JobDone(string Job, long Completed, long Failed, long Attempts, TimeSpan Busy);

/// <summary>The same as text. Other versions may say more, or less.</summary>
internal static class VitalsText
{
    public static string Write(NodeVitals vitals)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteNumber("memory", vitals.MemoryBytes);
            if (vitals.CpuCores is { } cores) json.WriteNumber("cores", Math.Round(cores, 3));
            json.WriteStartArray("done");
            foreach (var done in vitals.Done)
            {
                json.WriteStartObject();
                json.WriteString("job", done.Job);
                json.WriteNumber("completed", done.Completed);
                json.WriteNumber("failed", done.Failed);
                json.WriteNumber("attempts", done.Attempts);
                json.WriteNumber("busy", Math.Round(done.Busy.TotalSeconds, 6));
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartArray("tasks");
            foreach (var task in vitals.Tasks)
            {
                json.WriteStartObject();
                json.WriteString("worker", task.Worker);
                json.WriteString("job", task.Job);
                json.WriteString("key", task.Key);
                json.WriteNumber("seconds", Math.Round(task.For.TotalSeconds, 1));
                json.WriteEndObject();
            }
            json.WriteEndArray();
            if (vitals.Limits.Count > 0)
            {
                json.WritePropertyName("limits");
                LimitsText.Write(json, vitals.Limits);
            }
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Null: it is written in a way that this version does not know.</summary>
    public static NodeVitals? TryRead(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var root = json.RootElement;
            return new NodeVitals(
                root.GetProperty("memory").GetInt64(), root.TryGetProperty("cores", out var cores) ? cores.GetDouble() : null,
                [.. root.GetProperty("done").EnumerateArray().Select(done => new JobDone(
                    done.GetProperty("job").GetString() ?? "", done.GetProperty("completed").GetInt64(), done.GetProperty("failed").GetInt64(),
                    done.GetProperty("attempts").GetInt64(), TimeSpan.FromSeconds(done.GetProperty("busy").GetDouble())))],
                [.. root.GetProperty("tasks").EnumerateArray().Select(task => new BusyTask(
                    task.GetProperty("worker").GetString() ?? "", task.GetProperty("job").GetString() ?? "", task.GetProperty("key").GetString() ?? "",
                    TimeSpan.FromSeconds(task.GetProperty("seconds").GetDouble())))])
            {
                Limits = root.TryGetProperty("limits", out var limits) ? LimitsText.Read(limits) : [],
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or OverflowException
            or ArgumentException)
        {
            return null;
        }
    }
}
