using System.Globalization;

namespace Pampa.Ssh.Remote;

/// <summary>The lines <c>name=value</c> of an answer.</summary>
internal sealed class Answer(string text)
{
    private readonly Dictionary<string, string> values = text.Split('\n')
        .Select(line => line.Split('=', 2)).Where(parts => parts.Length == 2)
        .GroupBy(parts => parts[0], StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Last()[1].Trim(), StringComparer.Ordinal);

    public string Text(string name) => values.GetValueOrDefault(name, "");

    public long? Number(string name) => long.TryParse(Text(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    public bool Is(string name) => Text(name) == "1";
}

/// <summary>Who starts a node's process, and starts it again when it dies.</summary>
internal enum ServiceManager
{
    /// <summary>Nobody: it is started detached, and a file tells which process it is.</summary>
    None,

    /// <summary>The systemd of the computer.</summary>
    System,

    /// <summary>The systemd of the user, who may have processes while he is not logged in.</summary>
    User,
}

/// <summary>What a node says of itself.</summary>
internal sealed record NodeFacts
{
    /// <summary>The node's folder there, absolute.</summary>
    public required string Folder { get; init; }

    /// <summary>For which kind of computer the program has to be made; empty: .NET does not run there.</summary>
    public required string Runtime { get; init; }

    /// <summary>Which kind that is, for people.</summary>
    public required string Computer { get; init; }

    public ServiceManager Manager { get; init; }

    /// <summary>Whether it has no ICU library, without which a program of .NET must be told to do without.</summary>
    public bool LacksIcu { get; init; }

    /// <summary>Differs after the computer has begun anew.</summary>
    public required string Boot { get; init; }

    public IReadOnlyList<string> Releases { get; init; } = [];

    /// <summary>The release that is started; empty: none was.</summary>
    public required string Current { get; init; }

    /// <summary>The program's file in it; empty: none was started.</summary>
    public required string Program { get; init; }

    /// <summary>The process that is at work; null: none is.</summary>
    public long? Process { get; init; }

    /// <summary>When it began, in the kernel's own count: with the number and the boot it is that process and no other.</summary>
    public long? ProcessBegan { get; init; }

    /// <summary>Whether it was started detached although systemd manages the node, which was not so then.</summary>
    public bool IsDetached { get; init; }

    /// <summary>For how long.</summary>
    public TimeSpan? RunsFor { get; init; }

    /// <summary>Whether one was started, not stopped, and is gone; and nobody starts it again.</summary>
    public bool HasCrashed { get; init; }

    /// <summary>Whether it is gone, and systemd is about to start it again.</summary>
    public bool IsRestarting { get; init; }

    /// <summary>How often systemd has started it again since it was started.</summary>
    public long Restarts { get; init; }

    /// <summary>How its last life has ended, in the words of systemd, such as <c>exit-code</c>; empty: well, or nothing is known.</summary>
    public string Ended { get; init; } = "";

    /// <summary>How long systemd waits for its end before it kills it; null: no service is there.</summary>
    public TimeSpan? StopTime { get; init; }

    public static NodeFacts Read(string text)
    {
        var answer = new Answer(text);
        return new NodeFacts
        {
            Folder = answer.Text("folder"),
            Runtime = RuntimeOf(answer.Text("machine"), answer.Text("bits"), answer.Text("libc")),
            Computer = answer.Text("bits") == "32" ? $"{answer.Text("machine")} with programs of 32 bits" : answer.Text("machine"),
            Manager = answer.Text("manager") switch { "system" => ServiceManager.System, "user" => ServiceManager.User, _ => ServiceManager.None },
            LacksIcu = answer.Is("noicu"),
            Boot = answer.Text("boot"),
            Releases = answer.Text("releases").Split(' ', StringSplitOptions.RemoveEmptyEntries),
            Current = answer.Text("current"),
            Program = answer.Text("program"),
            Process = answer.Number("pid"),
            ProcessBegan = answer.Number("began"),
            IsDetached = answer.Is("detached"),
            RunsFor = answer.Number("seconds") is { } seconds ? TimeSpan.FromSeconds(Math.Max(0, seconds)) : null,
            HasCrashed = answer.Is("crashed") || answer.Text("ActiveState") == "failed",
            IsRestarting = answer.Text("SubState").StartsWith("auto-restart", StringComparison.Ordinal),
            Restarts = answer.Number("NRestarts") ?? 0,
            Ended = answer.Text("Result") is var result and not "success" ? result : "",
            StopTime = SpanOf(answer.Text("TimeoutStopUSec")),
        };
    }

    /// <summary>A time as systemd writes it, such as <c>11min 30s</c>; what is longer than a day, or without end, is a day.</summary>
    private static TimeSpan? SpanOf(string text)
    {
        if (text.Length == 0) return null;
        var time = TimeSpan.Zero;
        foreach (var part in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var unit = part.TrimStart('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '.');
            var one = unit switch
            {
                "us" => TimeSpan.FromMicroseconds(1),
                "ms" => TimeSpan.FromMilliseconds(1),
                "s" => TimeSpan.FromSeconds(1),
                "min" => TimeSpan.FromMinutes(1),
                "h" => TimeSpan.FromHours(1),
                _ => Longest,
            };
            var isNumber = double.TryParse(part[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number);
            time += isNumber && one < Longest ? number * one : Longest;
            if (time >= Longest) return Longest;
        }
        return time;
    }

    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    // A Raspberry Pi may have programs of 32 bits below a kernel of 64. What .NET is made for by others than Microsoft is left to them.
    private static string RuntimeOf(string machine, string bits, string libc)
    {
        var processor = (machine, bits) switch
        {
            ("x86_64", not "32") => "x64",
            ("aarch64" or "arm64", not "32") => "arm64",
            ("aarch64" or "arm64" or "armv8l" or "armv7l", _) => "arm",
            ("s390x" or "ppc64le" or "riscv64" or "loongarch64", _) => machine,
            _ => "",
        };
        return processor.Length == 0 ? "" : libc == "musl" ? $"linux-musl-{processor}" : $"linux-{processor}";
    }
}
