using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>The verb <c>doctor</c>: what is wrong, and what to do about it.</summary>
internal static class DoctorCommand
{
    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("doctor", "Examines the database, the jobs' tables and the cluster, and says what is wrong, where, and what to do about it. It changes nothing.")
        {
            Examples =
            [
                ("doctor", "Whatever is found, the worst first."),
                ("doctor --strict --json", "The same as JSON; exit code 2 also for warnings."),
            ],
            ExitCodes =
            [
                (ExitCode.Done, "no error was found (with --strict: nor a warning)"),
                (ExitCode.Configuration, "an error was found (with --strict: or a warning), wrong arguments or configuration, or no connection"),
                (ExitCode.InternalError, "internal error"),
            ],
        };
        var database = Verb.DatabaseOption();
        var strict = new Option<bool>("--strict") { Description = "End with exit code 2 for warnings, too." };
        var json = Verb.JsonOption();
        foreach (var option in (Option[])[strict, json, database]) command.Options.Add(option);
        command.SetAction((parsed, stopping) => verb.RunAsync(parsed.GetValue(database), async (program, choice) =>
        {
            var findings = await Examination.OfProgramAsync(program, choice.Address, stopping);
            if (parsed.GetValue(json))
            {
                var said = new DoctorJson(choice.Address.Description, [.. findings.Select(FindingJson.Of)]);
                await verb.Output.WriteLineAsync(JsonSerializer.Serialize(said, CommandJson.Default.DoctorJson));
            }
            else
            {
                await verb.Output.WriteLineAsync($"Database: {choice.Address.Description} ({choice.Why})");
                foreach (var line in Lines(findings)) await verb.Output.WriteLineAsync(line);
            }
            var worst = parsed.GetValue(strict) ? FindingSeverity.Warning : FindingSeverity.Error;
            return findings.Any(f => f.Severity >= worst) ? ExitCode.Configuration : ExitCode.Done;
        }, stopping));
        return command;
    }

    /// <summary>The findings for people, and how many there are.</summary>
    public static IEnumerable<string> Lines(IReadOnlyList<Finding> findings)
    {
        foreach (var finding in findings)
        {
            var lines = finding.What.Split('\n');
            yield return Printable.Line($"{finding.Severity.ToString().ToLowerInvariant(),-7}  {finding.Where}: {lines[0].TrimEnd('\r')} [{finding.Id}]");
            foreach (var line in lines.Skip(1)) yield return Printable.Line($"         {line.TrimEnd('\r')}");
            if (finding.Remedy.Length > 0) yield return Printable.Line($"         Remedy: {finding.Remedy}");
        }
        yield return findings.Count == 0
            ? "Nothing was found."
            : $"{Count(findings, FindingSeverity.Error, "error")}, {Count(findings, FindingSeverity.Warning, "warning")}, {Count(findings, FindingSeverity.Info, "note")}";
    }

    private static string Count(IReadOnlyList<Finding> findings, FindingSeverity severity, string word)
    {
        var count = findings.Count(f => f.Severity == severity);
        return string.Create(CultureInfo.InvariantCulture, $"{count:N0} {word}{(count == 1 ? "" : "s")}");
    }
}
