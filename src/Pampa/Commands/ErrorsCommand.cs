using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Pampa.Jobs;

namespace Pampa.Commands;

/// <summary>The verb <c>errors</c>: the failures of a job in groups.</summary>
internal static class ErrorsCommand
{
    private const int Usual = 10_000;

    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("errors", "Shows the failures of a job in groups: texts that differ only by numbers, ids and what stands in quotes are of one group.")
        {
            Examples = [("errors my_job", "Of the latest 10,000 failures."), ("errors my_job --window 100000 --json", "Of the latest 100,000, as JSON.")],
        };
        var job = verb.JobArgument();
        var window = new Option<int>("--window") { HelpName = "N", Description = "How many failed records are looked at, the latest first (default: 10,000).", DefaultValueFactory = _ => Usual };
        var (database, json) = (Verb.DatabaseOption(), Verb.JsonOption());
        command.Arguments.Add(job);
        foreach (var option in (Option[])[window, json, database]) command.Options.Add(option);
        window.Validators.Add(result => WorkCommands.Range(result, 1, Limits.MatchedRows));
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, _) =>
        {
            var which = parsed.GetValue(job)!;
            var report = await cluster.ErrorsAsync(which, parsed.GetValue(window), stopping);
            if (parsed.GetValue(json))
                await verb.Output.WriteLineAsync(JsonSerializer.Serialize(ErrorsJson.Of(which, report), OperationJson.Default.ErrorsJson));
            else await WriteAsync(verb, which, report);
            return Hosting.ExitCode.Done;
        }, stopping));
        return command;
    }

    private static async Task WriteAsync(Verb verb, string job, ErrorReport report)
    {
        var width = Terminal.IsOn(verb.Output) ? Terminal.Size().Width : default(int?);
        var rows = report.Groups.Select(g => (string?[])
            [g.Count.ToString("N0", CultureInfo.InvariantCulture), Moment(g.First), Moment(g.Last), g.SampleKey, g.Pattern.Length > 0 ? g.Pattern : "(no text)"]);
        foreach (var line in CellTable.Lines(["count", "first", "last", "for example", "error"], rows, width)) await verb.Output.WriteLineAsync(line);
        if (!report.IsComplete) await verb.Errors.WriteLineAsync(FormattableString.Invariant($"{job}: the latest {report.Examined:N0} failures; there are more."));
    }

    private static string? Moment(DateTimeOffset? moment) => moment?.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
