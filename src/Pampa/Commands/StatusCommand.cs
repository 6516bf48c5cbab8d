using System.CommandLine;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>The verb <c>status</c>: what there is to do and how fast it goes, of all jobs or of one.</summary>
internal static class StatusCommand
{
    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("status", "Shows for each job how many tasks are in each state, how many end a second, and when all will be done; then who leads and who works.")
        {
            Examples =
            [
                ("status", "The counts of all jobs."), ("status --watch --explain", "The same every two seconds, with the reason for each job's number of workers."),
                ("status my_job --exact --json", "Every record of one job counted, as JSON."),
            ],
            ExitCodes =
            [
                (ExitCode.Done, "done"),
                (ExitCode.Configuration, "a job could not be counted (the others are shown), wrong arguments or configuration, or no connection"),
                (ExitCode.InternalError, "internal error"),
            ],
        };
        var job = new Argument<string?>("job") { Description = "Only this job (default: all).", Arity = ArgumentArity.ZeroOrOne };
        var database = Verb.DatabaseOption();
        var exact = new Option<bool>("--exact") { Description = "Count every record, which reads the whole table (default: at most 250,000 open and 250,000 ended ones)." };
        var explain = new Option<bool>("--explain") { Description = "Say for each job how many workers it has, and why." };
        var workers = new Option<bool>("--workers") { Description = "A line for each worker." };
        var watch = new Option<bool>("--watch") { Description = "Show it anew every two seconds, until CTRL+C." };
        var json = Verb.JsonOption();
        command.Arguments.Add(job);
        foreach (var option in (Option[])[exact, explain, workers, watch, json, database]) command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetValue(watch) && result.GetValue(json)) result.AddError("status: --watch is for people, --json for programs: give one of them.");
        });
        command.SetAction((parsed, stopping) =>
        {
            // Whatever one job meets, the others are shown.
            var misfits = new List<(string Job, string Why)>();
            return verb.WithClusterAsync(parsed.GetValue(database), async (cluster, choice) =>
            {
                var page = new StatusPage(cluster, parsed.GetValue(job), parsed.GetValue(exact), parsed.GetValue(explain), parsed.GetValue(workers))
                {
                    Misfits = misfits,
                };
                if (parsed.GetValue(json)) await verb.Output.WriteLineAsync(await page.JsonAsync(choice.Address.Description, stopping));
                else await ShowAsync(verb, page, $"Database: {choice.Address.Description} ({choice.Why})", parsed.GetValue(watch), stopping);
                return page.IsComplete ? ExitCode.Done : ExitCode.Configuration;
            }, stopping, misfits: misfits);
        });
        return command;
    }

    private static async Task ShowAsync(Verb verb, StatusPage page, string database, bool watches, CancellationToken stopping)
    {
        await verb.Output.WriteLineAsync(database);
        var isTerminal = Terminal.IsOn(verb.Output);
        if (watches) await new LiveWatch(page.LinesAsync, verb.Output, isTerminal).RunAsync(stopping);
        else foreach (var line in await page.LinesAsync(isTerminal ? Terminal.Size().Width : null, stopping)) await verb.Output.WriteLineAsync(line);
    }
}
