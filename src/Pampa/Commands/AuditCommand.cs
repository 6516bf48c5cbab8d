using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Pampa.Jobs;

namespace Pampa.Commands;

/// <summary>The verb <c>audit</c>: what people have done.</summary>
internal static class AuditCommand
{
    private const int Usual = 50;

    // Those of schedules are two words, which a shell would take for two.
    private static readonly string[] OneWord = ["retry", "relaunch", "cancel", "skip", "run-now", "pause", "resume", "drain"];

    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("audit", "Lists what people and programs have done to the jobs, newest first: retries, cancellations, pauses, and who did them.")
        {
            Examples =
            [
                ("audit", "The latest 50 entries."),
                ("audit --job my_job --who anna --json", "What one person did to one job, as JSON."),
                ("audit --target \"node web1\"", "When that node was drained, detached and attached, and by whom; web10 and the like, too."),
            ],
        };
        var job = new Option<string?>("--job") { HelpName = "JOB", Description = "Only what was done to this job (default: to any)." };
        var who = new Option<string?>("--who") { HelpName = "NAME", Description = "Only what this one did (default: anybody)." };
        var action = new Option<string?>("--action") { HelpName = "ACTION", Description = "Only this action, as the list has it, for example retry or \"pause schedule\" (default: any). What is detached, and what the dashboard drains, is a pause; what is attached, a resume." };
        var target = new Option<string?>("--target") { HelpName = "TEXT", Description = "Only where this stands in the name of what it was done to, in upper or lower case; web1 stands in web10, too (default: anything)." };
        var limit = new Option<int>("--limit") { HelpName = "N", Description = $"At most so many entries (default: {Usual}).", DefaultValueFactory = _ => Usual };
        var before = new Option<string?>("--before") { HelpName = "ID", Description = "Go on before this entry." };
        var (database, json) = (Verb.DatabaseOption(), Verb.JsonOption());
        foreach (var option in (Option[])[job, who, action, target, limit, before, json, database]) command.Options.Add(option);
        action.CompletionSources.Add(OneWord);
        limit.Validators.Add(result => WorkCommands.Range(result, 1, Limits.AuditedRows));
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, _) =>
        {
            var query = new AuditQuery
            {
                Job = parsed.GetValue(job),
                Who = parsed.GetValue(who),
                Action = parsed.GetValue(action),
                TargetContains = parsed.GetValue(target),
                Limit = parsed.GetValue(limit),
                Before = parsed.GetValue(before),
            };
            var page = await cluster.AuditAsync(query, stopping);
            if (parsed.GetValue(json))
                await verb.Output.WriteLineAsync(JsonSerializer.Serialize(new AuditJson(page.Entries, page.Next), OperationJson.Default.AuditJson));
            else await WriteAsync(verb, page);
            return Hosting.ExitCode.Done;
        }, stopping));
        return command;
    }

    private static async Task WriteAsync(Verb verb, AuditPage page)
    {
        var width = Terminal.IsOn(verb.Output) ? Terminal.Size().Width : default(int?);
        var rows = page.Entries.Select(e => (string?[])
        [
            e.At.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture), e.Who, e.Action, e.Target,
            e.Count.ToString("N0", CultureInfo.InvariantCulture), e.Detail,
        ]);
        foreach (var line in CellTable.Lines(["at", "who", "action", "target", "records", "detail"], rows, width)) await verb.Output.WriteLineAsync(line);
        if (page.Next is { } next) await verb.Errors.WriteLineAsync($"There are more: --before {next}");
    }
}
