using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Pampa.Hosting;
using Pampa.Jobs;

namespace Pampa.Commands;

/// <summary>The verbs that do something to records: <c>retry</c>, <c>relaunch</c>, <c>cancel</c>, <c>skip</c>, <c>run-now</c>.</summary>
internal static class ActionCommand
{
    public static IEnumerable<Command> All(Verb verb) =>
    [
        Create(verb, TaskAction.Relaunch, "relaunch", "Makes ended records pending again, completed and failed ones, with all their attempts. Without a column Generation a completed one keeps its idempotency key.", "pending again"),
        Create(verb, TaskAction.Retry, "retry", "Makes failed records pending again, with all their attempts.", "pending again"),
        Create(verb, TaskAction.Cancel, "cancel", "Lets records that have not started fail for good, and with --running those that run, too.", "cancelled"),
        Create(verb, TaskAction.Skip, "skip", "Lets records that have not started count as completed, without running. Those that run are left alone.", "skipped"),
        Create(verb, TaskAction.RunNow, "run-now", "Makes records due now that wait for their time: put off, inserted for later, or before their next attempt. One whose own time (DueColumn) has not come is left alone.", "due now"),
    ];

    /// <summary>The options of a verb beside those of the filter.</summary>
    private sealed record Choices(Argument<string> Job, TaskAction Action, string Name, string Done)
    {
        public Option<bool> All { get; } = new("--all") { Description = "All of them, as they are now." };

        public Option<bool> DryRun { get; } = new("--dry-run") { Description = "Only count how many it would be, at most 100,000 and no more than --limit." };

        public Option<bool> Yes { get; } = new("--yes") { Description = "Do not ask whether so many are meant." };

        public Option<string?> Reason { get; } = new("--reason") { HelpName = "TEXT", Description = "Why, for the audit (default: none)." };

        public Option<bool> Running { get; } = new("--running")
        {
            Description = "Also what runs: it has failed at once, its handler is told to stop, and what it writes is refused (default: left alone).",
        };

        public Option<long?> Limit { get; } = new("--limit") { HelpName = "N", Description = "Change at most so many (default: all that match)." };

        /// <summary>
        /// Whether many may be meant whom nobody has named. To retry all that failed is what that verb is for; the others take what is well, too.
        /// </summary>
        public bool IsBulk(CommandResult result, FilterOptions filter) =>
            filter.HasConditions(result) || (result.GetValue(All) && Action is not TaskAction.Retry);
    }

    private static VerbCommand Create(Verb verb, TaskAction action, string name, string description, string done)
    {
        var command = new VerbCommand(name, description)
        {
            Examples =
            [
                ($"{name} my_job 17 23", "Two records, by their keys."), ($"{name} my_job --all", "All of them."),
                ($"{name} my_job --where \"amount >= 10\" --dry-run", "How many it would be of those that a condition describes."),
            ],
        };
        // Only these have hooks to tell.
        if (action is TaskAction.Relaunch or TaskAction.Retry)
            command.ExitCodes = [command.ExitCodes[0], (ExitCode.TasksFailed, "not all is done: the code of the job's hooks does not end"), .. command.ExitCodes.Skip(1)];
        var choices = new Choices(verb.JobArgument(), action, name, done);
        var (database, json) = (Verb.DatabaseOption(), Verb.JsonOption());
        command.Arguments.Add(choices.Job);
        // What has not ended has no end that could be asked for.
        var filter = FilterOptions.AddTo(command, action is TaskAction.Retry or TaskAction.Relaunch ? TaskMoment.Ended : TaskMoment.Reserved);
        if (action == TaskAction.Cancel) command.Options.Add(choices.Running);
        foreach (var option in (Option[])[choices.All, choices.DryRun, choices.Yes, choices.Reason, choices.Limit, json, database]) command.Options.Add(option);
        command.Validators.Add(result => Check(result, choices, filter));
        choices.Limit.Validators.Add(AtLeastOne);
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, _) =>
        {
            var act = new Act(verb, cluster, choices, parsed.GetValue(choices.Job)!, filter.Read(parsed), parsed.GetValue(json));
            var options = new TaskActionOptions
            {
                All = parsed.GetValue(choices.All),
                DryRun = parsed.GetValue(choices.DryRun),
                Running = action == TaskAction.Cancel && parsed.GetValue(choices.Running),
                Reason = parsed.GetValue(choices.Reason),
                Limit = parsed.GetValue(choices.Limit),
            };
            var asks = choices.IsBulk(parsed.CommandResult, filter) && !options.DryRun && !parsed.GetValue(choices.Yes);
            if (asks && !await act.IsMeantAsync(options, stopping)) return ExitCode.Configuration;
            return await act.RunAsync(options, stopping);
        }, stopping));
        return command;
    }

    private static void Check(CommandResult result, Choices choices, FilterOptions filter)
    {
        if (result.GetResult(choices.Job)?.Tokens.Count is not > 0) return;
        var (hasKeys, hasConditions, isAll) = (filter.HasKeys(result), filter.HasConditions(result), result.GetValue(choices.All));
        if (hasKeys && isAll) result.AddError($"{choices.Name}: give keys or --all, not both.");
        else if (!hasKeys && !hasConditions && !isAll)
            result.AddError($"{choices.Name}: say which records: give their keys, a condition such as --where, or --all.");
    }

    private static void AtLeastOne(OptionResult result)
    {
        if (result.Tokens is [var token] && long.TryParse(token.Value, CultureInfo.InvariantCulture, out var value) && value < 1)
            result.AddError("--limit must be at least 1.");
    }

    /// <summary>Acts, and says what has come of it, however far that was.</summary>
    internal static async Task<int> RunAsync(
        Func<IProgress<TaskActionResult>, Task<TaskActionResult>> applyAsync, Func<TaskActionResult, Task> writeAsync, TextWriter errors)
    {
        var done = new Done();
        try
        {
            await writeAsync(await applyAsync(done));
            return ExitCode.Done;
        }
        catch (StuckHooksException e)
        {
            await writeAsync(done.Last);
            await errors.WriteLineAsync(e.Message);
            return ExitCode.TasksFailed;
        }
    }

    /// <summary>What is done so far.</summary>
    private sealed class Done : IProgress<TaskActionResult>
    {
        public TaskActionResult Last { get; private set; } = new(0, 0, 0, IsExact: true, null);

        public void Report(TaskActionResult value) => Last = value;
    }

    /// <summary>One call of a verb.</summary>
    private sealed record Act(Verb Verb, PampaCluster Cluster, Choices Choices, string Job, TaskFilter Filter, bool AsJson)
    {
        /// <summary>
        /// Counts, and asks whoever sits at the terminal. Where nobody does, that many records are meant is said beforehand or not at all.
        /// </summary>
        public async Task<bool> IsMeantAsync(TaskActionOptions options, CancellationToken stopping)
        {
            if (AsJson || !Terminal.IsOn(Verb.Output) || Console.IsInputRedirected)
            {
                await Verb.Errors.WriteLineAsync($"{Choices.Name}: nobody can be asked here whether all these records are meant. Count them with --dry-run, then say --yes.");
                return false;
            }
            var counted = await Cluster.ApplyAsync(Job, Choices.Action, Filter, options with { DryRun = true }, null, stopping);
            await Verb.Output.WriteAsync(Printable.Line($"{Job}: {Would(counted)}. Go on? [y/N] "));
            return await Console.In.ReadLineAsync(stopping) is { } answer && answer.Trim().ToUpperInvariant() is "Y" or "YES";
        }

        public Task<int> RunAsync(TaskActionOptions options, CancellationToken stopping) => ActionCommand.RunAsync(
            progress => Cluster.ApplyAsync(Job, Choices.Action, Filter, options, progress, stopping), result => WriteAsync(result, options), Verb.Errors);

        private async Task WriteAsync(TaskActionResult result, TaskActionOptions options)
        {
            await Verb.Output.WriteLineAsync(AsJson
                ? JsonSerializer.Serialize(
                    new ActionJson(Job, Choices.Name, options.DryRun, result.Changed, result.Matched, result.IsExact, result.Running, result.AuditId)
                    {
                        Why = result.Why,
                    },
                    OperationJson.Default.ActionJson)
                : Printable.Line($"{Job}: {(options.DryRun ? Would(result) : Did(result))}"));
        }

        private string Would(TaskActionResult result) => FormattableString.Invariant(
            $"{result.Matched:N0}{(result.IsExact ? "" : "+")} {(result.Matched == 1 ? "record" : "records")} would be {Choices.Done}{Running(result)}{Because(result)}");

        private string Did(TaskActionResult result) => FormattableString.Invariant(
            $"{result.Changed:N0} {(result.Changed == 1 ? "record is" : "records are")} {Choices.Done}{Running(result)}{Because(result)}");

        private static string Because(TaskActionResult result) => result.Why is { } why ? $": {why}" : "";

        private static string Running(TaskActionResult result) => result.Running == 0 ? ""
            : FormattableString.Invariant($"; {result.Running:N0} {(result.Running == 1 ? "is" : "are")} running and left alone");
    }
}
