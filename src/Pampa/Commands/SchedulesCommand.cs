using System.CommandLine;
using System.Text.Json;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>The verb <c>schedules</c>: what comes by the clock, and steering it.</summary>
internal static class SchedulesCommand
{
    private static readonly string[] Actions = ["list", "pause", "resume", "run"];
    private static readonly (string, string)[] RunExamples = [("schedules run nightly", "A tick of its own, now; the regular ones come as ever.")];
    private static readonly (int, string)[] RunCodes = [(ExitCode.TasksFailed, "the tick has failed (with run)")];

    public static Command Create(Verb verb)
    {
        // What a tick does is code, or a statement of it, and both are the program's alone.
        var (runs, ran) = verb.IsPublished ? ("or pauses or resumes one", "paused or resumed") : ("or pauses, resumes or runs one", "paused, resumed or run");
        var command = new VerbCommand("schedules", $"Shows when each schedule is due next and what came of its last tick; {runs}.")
        {
            Examples =
            [
                ("schedules", "All of them."), ("schedules pause nightly --reason maintenance", "No tick until it is resumed; those that pass meanwhile are not made up for."),
                ("schedules resume nightly", "Its next tick is the next one from now on."),
                .. verb.IsPublished ? [] : RunExamples,
            ],
            ExitCodes =
            [
                (ExitCode.Done, "done"), .. verb.IsPublished ? [] : RunCodes,
                (ExitCode.Configuration, "wrong arguments or configuration, or no connection"), (ExitCode.InternalError, "internal error"),
            ],
        };
        var action = new Argument<string?>("action")
        {
            Description = $"{(verb.IsPublished ? "list, pause or resume" : "list, pause, resume or run")} (default: list).",
            Arity = ArgumentArity.ZeroOrOne,
        };
        action.AcceptOnlyFromAmong(Actions);
        if (verb.IsPublished)
        {
            action.CompletionSources.Clear();
            action.CompletionSources.Add(Actions[..^1]);
        }
        var name = new Argument<string?>("name") { Description = $"The schedule that is {ran}.", Arity = ArgumentArity.ZeroOrOne };
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
            if (what == Actions[^1] && verb.IsPublished)
            {
                result.AddError("schedules: its program does that: what a tick does is known there alone. Say 'schedules run NAME' to the program.");
                return;
            }
            var isList = what == Actions[0];
            if (isList && result.GetValue(name) is not null) result.AddError("schedules: list takes no name.");
            if (!isList && result.GetValue(name) is null) result.AddError($"schedules: say which one to {what}.");
            if (what != "pause" && result.GetValue(reason) is not null) result.AddError("schedules: --reason is for pause.");
        });
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), (cluster, choice) =>
        {
            if (parsed.GetValue(action) is null or "list") return ListAsync(verb, cluster, parsed.GetValue(json), choice, stopping);
            var act = new Act(verb, cluster, parsed.GetValue(name)!, parsed.GetValue(json));
            return parsed.GetValue(action) switch
            {
                "pause" => act.PauseAsync(parsed.GetValue(reason), stopping),
                "resume" => act.ResumeAsync(stopping),
                _ => act.RunAsync(stopping),
            };
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

    /// <summary>Something that is done to one schedule.</summary>
    private sealed record Act(Verb Verb, PampaCluster Cluster, string Schedule, bool AsJson)
    {
        public async Task<int> PauseAsync(string? reason, CancellationToken stopping)
        {
            await Cluster.PauseScheduleAsync(Schedule, reason, stopping);
            return await SayAsync($"schedule {Schedule} is paused", new ScheduleActionJson("pause", Schedule) { IsPaused = true, Reason = reason });
        }

        public async Task<int> ResumeAsync(CancellationToken stopping)
        {
            var was = await Cluster.ResumeScheduleAsync(Schedule, stopping);
            return await SayAsync(
                was ? $"schedule {Schedule} is resumed" : $"schedule {Schedule} was not paused",
                new ScheduleActionJson("resume", Schedule) { IsPaused = false, WasPaused = was });
        }

        public async Task<int> RunAsync(CancellationToken stopping)
        {
            try
            {
                var tick = await Cluster.RunScheduleAsync(Schedule, stopping);
                return await SayAsync(
                    FormattableString.Invariant($"schedule {Schedule} has run ({tick.At:u})"), new ScheduleActionJson("run", Schedule) { Tick = tick.At });
            }
            catch (InvalidOperationException e)
            {
                await Verb.Errors.WriteLineAsync(e.Message.ReplaceLineEndings(" "));
                return ExitCode.TasksFailed;
            }
        }

        // A schedule that the database tells of may be called anything.
        private async Task<int> SayAsync(string line, ScheduleActionJson json)
        {
            await Verb.Output.WriteLineAsync(AsJson ? JsonSerializer.Serialize(json, ScheduleJsonContext.Default.ScheduleActionJson) : Printable.Line(line));
            return ExitCode.Done;
        }
    }
}
