using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Pampa.Commands;

/// <summary>One line of the log as an object: <c>{"time":"…","level":"information","message":"…"}</c></summary>
internal static class JsonLine
{
    // Where a line is too long for whoever passes it on, its texts are cut to so much.
    private const int ShortText = 1_000;
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>What the program says.</summary>
    public static string Said(DateTimeOffset at, LogLevel level, string text) => Fitting(cut => Write(at, level, json => json.WriteString("message", Cut(text, cut))));

    /// <summary>How far a job has come.</summary>
    public static string Progress(DateTimeOffset at, ProgressRow row, string text) => Write(at, LogLevel.Information, json =>
    {
        json.WriteString("message", text);
        json.WriteString("job", row.Job);
        json.WriteNumber("done", row.Done);
        if (row.Total is { } total) json.WriteNumber("total", total);
        json.WriteNumber("perSecond", Math.Round(row.PerSecond, 1));
        json.WriteNumber("workers", row.Workers);
    });

    /// <summary>A line of another process's, with the name of that.</summary>
    public static string Of(string process, string line, DateTimeOffset at) => line is ['{', _, .., '}']
        ? $"{{\"process\":{Text(process)},{line.AsSpan(1)}"
        : Said(at, LogLevel.Information, $"{process} | {line}");

    /// <summary>An entry of the log.</summary>
    public static string Of(LogEntry entry) => Fitting(cut => Write(entry.At, entry.Level, json =>
    {
        json.WriteString("category", entry.Category);
        if (entry.Id.Id != 0) json.WriteNumber("event", entry.Id.Id);
        json.WriteString("message", Cut(entry.Message, cut));
        if (entry.Task is { } task) Pairs(json, task, cut, Camel);
        if (entry.Steps.Count > 0)
        {
            json.WriteStartArray("steps");
            foreach (var step in entry.Steps) json.WriteStringValue(Cut(step, cut));
            json.WriteEndArray();
        }
        if (entry.Step is { } own) Pairs(json, own.Where(pair => pair.Key is not ("Depth" or LogEntry.Form)), cut, Camel);
        if (entry.Fields.Count > 0 && cut == int.MaxValue)
        {
            json.WriteStartObject("fields");
            Pairs(json, entry.Fields, cut, name => name);
            json.WriteEndObject();
        }
        if (entry.Error is { } error) json.WriteString("exception", Cut(error.ToString(), cut));
    }));

    private static string Fitting(Func<int, string> line) => line(int.MaxValue) is { Length: < LineWriter.LongestLine } whole ? whole : line(ShortText);

    private static string Write(DateTimeOffset at, LogLevel level, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("time", at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
            json.WriteString("level", level.ToString().ToLowerInvariant());
            write(json);
            json.WriteEndObject();
        }
        // What a terminal would obey is spelled as JSON spells it.
        return Printable.Line(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    private static void Pairs(Utf8JsonWriter json, IEnumerable<KeyValuePair<string, object?>> pairs, int cut, Func<string, string> name)
    {
        foreach (var (key, value) in pairs)
        {
            json.WritePropertyName(name(key));
            Value(json, value, cut);
        }
    }

    private static void Value(Utf8JsonWriter json, object? value, int cut)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case int or long or short or byte or sbyte or ushort or uint: json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture)); break;
            case ulong number: json.WriteNumberValue(number); break;
            case decimal number: json.WriteNumberValue(number); break;
            case float number when float.IsFinite(number): json.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): json.WriteNumberValue(number); break;
            case DateTimeOffset moment: json.WriteStringValue(moment); break;
            case DateTime moment: json.WriteStringValue(moment); break;
            case string text: json.WriteStringValue(Cut(text, cut)); break;
            case IFormattable other: json.WriteStringValue(Cut(other.ToString(null, CultureInfo.InvariantCulture), cut)); break;
            case IEnumerable several:
                json.WriteStartArray();
                foreach (var one in several) json.WriteStringValue(Cut(Convert.ToString(one, CultureInfo.InvariantCulture) ?? "", cut));
                json.WriteEndArray();
                break;
            default: json.WriteStringValue(Cut(value.ToString() ?? "", cut)); break;
        }
    }

    private static string Text(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static string Cut(string text, int most) => text.Length <= most ? text : $"{text.AsSpan(0, most - 1)}…";

    private static string Camel(string name) => $"{char.ToLowerInvariant(name[0])}{name.AsSpan(1)}";
}
