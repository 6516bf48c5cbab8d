using System.Globalization;

namespace Pampa.Ssh.Remote;

/// <summary>How the program is started on a node.</summary>
/// <param name="Program">The program's file in its release.</param>
/// <param name="Arguments">What it is given.</param>
internal sealed record Launch(string Program, IReadOnlyList<string> Arguments)
{
    private const string Isolated = "--isolated";
    private const string WorkersOption = "--workers";
    private const string LimitStart = "--max-";

    /// <summary>Whether each worker is a process of its own.</summary>
    public bool IsIsolated => Arguments.Contains(Isolated);

    /// <summary>How many workers it is told to have; null: the program says it.</summary>
    public int? Workers => Arguments.SkipWhile(argument => argument != WorkersOption).Skip(1).FirstOrDefault() is { } number
        && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var workers) ? workers : null;

    /// <summary>Whether the workers are limited, for which the node needs control groups of its own.</summary>
    public bool HasLimits => Arguments.Any(argument => argument.StartsWith(LimitStart, StringComparison.Ordinal));

    /// <summary>The text that remembers it on the node.</summary>
    public string Text => string.Join('\n', (string[])[Program, .. Arguments]);

    /// <summary>The same from that text; null: there is none.</summary>
    public static Launch? Read(string text) =>
        text.Length > 0 && text.Split('\n') is [var program, .. var arguments] ? new Launch(program, arguments) : null;

    /// <summary>Of a node, whose folder is there.</summary>
    public static Launch Of(SshNode node, string program, string folder) => new(program,
    [
        "node", "--name", node.Name, "--plain", "--log", $"{folder}/log/", "--db", $"file:{folder}/database",
        .. node.LogsAsJson ? ["--log-format", "json"] : Array.Empty<string>(), .. node.IsIsolated ? [Isolated] : Array.Empty<string>(),
        .. Number(WorkersOption, node.Workers), .. Number($"{LimitStart}ram", node.Limits?.MaxRam), .. Number($"{LimitStart}cpu", node.Limits?.MaxCpu),
        .. Number($"{LimitStart}disk-io", node.Limits?.MaxDiskIo), .. Number($"{LimitStart}net-io", node.Limits?.MaxNetIo),
    ]);

    // Also where another program is delivered than the one that declares the node.
    private static string[] Number(string option, int? value) => value is { } amount ? [option, amount.ToString(CultureInfo.InvariantCulture)] : [];
}
