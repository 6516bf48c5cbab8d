using System.CommandLine;
using Microsoft.Extensions.Logging;

namespace Pampa.Commands;

/// <summary>How the lines look that a process logs and says.</summary>
internal sealed class LogFormat
{
    /// <summary>For people.</summary>
    public static readonly LogFormat Plain = new(isJson: false);

    /// <summary>For programs: each line is an object.</summary>
    public static readonly LogFormat Json = new(isJson: true);

    private static readonly string[] Names = ["plain", "json"];

    private LogFormat(bool isJson) => IsJson = isJson;

    public bool IsJson { get; }

    /// <summary>What the option takes.</summary>
    public override string ToString() => Names[IsJson ? 1 : 0];

    /// <summary>A line that the program says, for whoever looks on.</summary>
    public string Shown(string line, DateTimeOffset at, LogLevel level = LogLevel.Information) => IsJson ? JsonLine.Said(at, level, line) : line;

    /// <summary>The same for a file; without a level, where it has none.</summary>
    public string Kept(string line, DateTimeOffset at, LogLevel? level = null) => IsJson ? JsonLine.Said(at, level ?? LogLevel.Information, line)
        : level is { } known ? LogLine.Dated(at, known, line)
        : LogLine.Dated(at, line);

    public static Option<string> Option()
    {
        var format = new Option<string>("--log-format")
        {
            HelpName = "plain|json",
            Description = "How lines look, on the console and in the file: plain for people, or json for programs, an object a line (default plain).",
            DefaultValueFactory = _ => Plain.ToString(),
        };
        format.CompletionSources.Add(Names);
        format.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && Find(token.Value) is null) result.AddError($"--log-format must be plain or json, got '{token.Value}'.");
        });
        return format;
    }

    public static LogFormat Of(string name) => Find(name) ?? Plain;

    private static LogFormat? Find(string name) =>
        new[] { Plain, Json }.FirstOrDefault(format => format.ToString().Equals(name, StringComparison.OrdinalIgnoreCase));
}
