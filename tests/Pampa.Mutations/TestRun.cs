namespace Pampa.Mutations;

/// <summary>What tests came to.</summary>
/// <param name="FoundBy">The first test that failed, or what else ended them; null where all passed.</param>
/// <param name="Because">The first line of its message.</param>
/// <param name="HasRun">Whether there was any.</param>
/// <param name="Took">How long they took.</param>
internal sealed record TestRun(string? FoundBy, string? Because, bool HasRun, TimeSpan Took)
{
    private const string Failed = " [FAIL]";
    private const string Prefix = "Pampa.Tests.";

    public static TestRun Of(ProgramRun run, TimeSpan took)
    {
        if (run.ExitCode is null) return new TestRun("the time limit", null, HasRun: true, took);
        var lines = run.Said.Split('\n').Select(l => l.Trim()).ToList();
        var at = lines.FindIndex(l => l.EndsWith(Failed, StringComparison.Ordinal));
        if (at < 0)
        {
            var hasRun = lines.Exists(l => l.Contains("Total: ", StringComparison.Ordinal) && !l.Contains("Total: 0,", StringComparison.Ordinal));
            return new TestRun(run.ExitCode == 0 ? null : $"the end of the test process with code {run.ExitCode}", null, hasRun, took);
        }
        var name = lines[at][..^Failed.Length];
        if (name.StartsWith(Prefix, StringComparison.Ordinal)) name = name[Prefix.Length..];
        return new TestRun(name, lines.ElementAtOrDefault(at + 1), HasRun: true, took);
    }
}
