using System.Globalization;

namespace Pampa.Mutations;

/// <summary>A run of the chaos program.</summary>
/// <param name="Profile">The database.</param>
/// <param name="Faults">Those that can show it.</param>
/// <param name="Minutes">How long they are injected.</param>
/// <param name="IsSmall">Whether there is one worker only.</param>
internal sealed record ChaosOrder(string Profile, string Faults, double Minutes, bool IsSmall)
{
    public const string Program = "artifacts/bin/Pampa.Chaos/debug/Pampa.Chaos";

    /// <summary>The profile's bound for the end of all tasks, and what lies around it.</summary>
    public TimeSpan Limit => TimeSpan.FromMinutes(Minutes) + TimeSpan.FromMinutes(6);

    public string[] Arguments =>
    [
        "--seed", "1", "--profile", Profile, "--faults", Faults, "--minutes", Minutes.ToString(CultureInfo.InvariantCulture), .. IsSmall ? ["--small", "--rate", "8"] : Array.Empty<string>(),
    ];

    /// <summary>The checks that are broken, and where the first of them is; null where all hold.</summary>
    public static TestRun Of(ProgramRun run, TimeSpan took)
    {
        const string Broken = "BROKEN ";
        if (run.ExitCode is null) return new TestRun("the time limit", null, HasRun: true, took);
        var lines = run.Said.Split('\n').Select(l => l.Trim()).ToList();
        var broken = lines.FindAll(l => l.StartsWith(Broken, StringComparison.Ordinal));
        if (broken.Count > 0)
        {
            var names = broken.Select(l => l[Broken.Length..l.IndexOf(':', StringComparison.Ordinal)]);
            return new TestRun(string.Join(", ", names), lines.ElementAtOrDefault(lines.IndexOf(broken[0]) + 1), HasRun: true, took);
        }
        var hasRun = lines.Exists(l => l.StartsWith("held ", StringComparison.Ordinal));
        return new TestRun(run.ExitCode == 0 ? null : $"the end of the program with code {run.ExitCode}", lines.LastOrDefault(l => l.Length > 0), hasRun, took);
    }
}
