using System.CommandLine;
using System.Text.Json;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>The verb <c>schedules</c>: what comes by the clock, and steering it.</summary>
internal static class SchedulesCommand
{
    private static readonly string[] Actions = ["list", "pause", "resume", "run"];

    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("schedules", "Shows when each schedule is due next and what came of its last tick; or pauses, resumes or runs one.")
        {
            Examples =
            [
                ("schedules", "All of them."), ("schedules pause nightly --reason maintenance", "No tick until it is resumed; those that pass meanwhile are not made up for."),
                ("schedules resume nightly", "Its next tick is the next one from now on."), ("schedules run nightly", "A tick of its own, now; the regular ones come as ever."),
            ],
            ExitCodes =
            [
                (ExitCode.Done, "done"), (ExitCode.TasksFailed, "the tick has failed (with run)"),
                (ExitCode.Configuration, "wrong arguments or configuration, or no connection"), (ExitCode.InternalError, "internal error"),
            ],
        };
        var action = new Argument<string?>("action") { Description = "list, pause, resume or run (default: list).", Arity = ArgumentArity.ZeroOrOne };
        action.AcceptOnlyFromAmong(Actions);
        var name = new Argument<string?>("name") { Description = "The schedule that is paused, resumed or run.", Arity = ArgumentArity.ZeroOrOne };
        var reason = new Option<string?>("--reason") { HelpName = "TEXT", Description = "With pause: why, for whoever asks (default: none)." };
        var database = Verb.DatabaseOption();
        var json = Verb.JsonOption();
        command.Arguments.Add(action);
        command.Arguments.Add(name);
        foreach (var option in (Option[])[reason, json, database]) command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetResult(action) is { } given && given.Errors.Any()) return;
            var what = result.GetValue(action) ?? Actions[0];
            var isList = what == Actions[0];
            if (isList && result.GetValue(name) is not null) result.AddError("schedules: list takes no name.");
            if (!isList && result.GetValue(name) is null) result.AddError($"schedules: say which one to {what}.");
            if (what != "pause" && result.GetValue(reason) is not null) result.AddError("schedules: --reason is for pause.");
            if (!isList && result.GetValue(json)) result.AddError("schedules: --json is for list.");
        });
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), (cluster, choice) => parsed.GetValue(action) switch
        {
            "pause" => PauseAsync(verb, cluster, parsed.GetValue(name)!, parsed.GetValue(reason), stopping),
            "resume" => ResumeAsync(verb, cluster, parsed.GetValue(name)!, stopping),
            "run" => RunAsync(verb, cluster, parsed.GetValue(name)!, stopping),
            _ => ListAsync(verb, cluster, parsed.GetValue(json), choice, stopping),
        }, stopping));
        return command;
    }

    private static async Task<int> ListAsync(Verb verb, PampaCluster cluster, bool asJson, DatabaseChoice choice, CancellationToken stopping)
    {
        var schedules = await cluster.SchedulesAsync(stopping);
        if (asJson)
        {
            var all = new SchedulesJson(choice.Address.Description, [.. schedules.Select(ScheduleJson.Of)]);
            await verb.Output.WriteLineAsync(JsonSerializer.Serialize(all, ScheduleJsonContext.Default.SchedulesJson));
            return ExitCode.Done;
        }
        await verb.Output.WriteLineAsync($"Database: {choice.Address.Description} ({choice.Why})");
        if (schedules.Count == 0) await verb.Output.WriteLineAsync("There are no schedules.");
        foreach (var line in schedules.SelectMany(ScheduleLines.Of)) await verb.Output.WriteLineAsync(Printable.Line(line));
        return ExitCode.Done;
    }

    private static async Task<int> PauseAsync(Verb verb, PampaCluster cluster, string name, string? reason, CancellationToken stopping)
    {
        await cluster.PauseScheduleAsync(name, reason, stopping);
        await verb.Output.WriteLineAsync($"schedule {name} is paused");
        return ExitCode.Done;
    }

    private static async Task<int> ResumeAsync(Verb verb, PampaCluster cluster, string name, CancellationToken stopping)
    {
        var was = await cluster.ResumeScheduleAsync(name, stopping);
        await verb.Output.WriteLineAsync(was ? $"schedule {name} is resumed" : $"schedule {name} was not paused");
        return ExitCode.Done;
    }

    private static async Task<int> RunAsync(Verb verb, PampaCluster cluster, string name, CancellationToken stopping)
    {
        try
        {
            var tick = await cluster.RunScheduleAsync(name, stopping);
            await verb.Output.WriteLineAsync(FormattableString.Invariant($"schedule {name} has run ({tick.At:u})"));
            return ExitCode.Done;
        }
        catch (InvalidOperationException e)
        {
            await verb.Errors.WriteLineAsync(e.Message.ReplaceLineEndings(" "));
            return ExitCode.TasksFailed;
        }
    }
}
