using System.Text;
using System.Text.Json;

namespace Pampa.Jobs;

/// <summary>The limits of a worker's process as text, from who has started it to itself, and from there to the cluster.</summary>
internal static class LimitsText
{
    public static string UnitOf(string name) => name switch
    {
        nameof(WorkerLimits.MaxRam) => "MB",
        nameof(WorkerLimits.MaxCpu) => "%",
        _ => "Mbps",
    };

    public static string Write(IEnumerable<WorkerLimitInfo> limits)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream)) Write(json, limits);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    public static void Write(Utf8JsonWriter json, IEnumerable<WorkerLimitInfo> limits)
    {
        json.WriteStartArray();
        foreach (var limit in limits)
        {
            json.WriteStartObject();
            json.WriteString("name", limit.Name);
            json.WriteNumber("value", limit.Value);
            json.WriteString("enforcement", limit.Enforcement.ToString());
            json.WriteString("by", limit.By);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>None where the text is not of this version.</summary>
    public static IReadOnlyList<WorkerLimitInfo> Read(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return Read(json.RootElement);
        }
        catch (JsonException)
        {
            return [];
        }
    }

    /// <summary>Those that this version knows.</summary>
    public static IReadOnlyList<WorkerLimitInfo> Read(JsonElement limits)
    {
        if (limits.ValueKind != JsonValueKind.Array) return [];
        var known = new List<WorkerLimitInfo>();
        foreach (var limit in limits.EnumerateArray())
        {
            if (limit.ValueKind == JsonValueKind.Object
                && limit.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String
                && limit.TryGetProperty("value", out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var amount)
                && limit.TryGetProperty("enforcement", out var how) && how.ValueKind == JsonValueKind.String
                && Enum.TryParse<LimitEnforcement>(how.GetString(), out var enforcement)
                && limit.TryGetProperty("by", out var by) && by.ValueKind == JsonValueKind.String)
                known.Add(new WorkerLimitInfo(name.GetString()!, amount, enforcement, by.GetString()!));
        }
        return known;
    }
}
