using System.CommandLine;
using System.CommandLine.Help;
using Microsoft.Extensions.Logging;
using Pampa.Hosting;
using Pampa.Jobs;
using Spectre.Console;

namespace Pampa.Commands;

/// <summary>The command line of a stand-alone process, which has no verbs.</summary>
internal static class StandAloneCommand
{
    private static readonly (int Code, string Meaning)[] Ends =
    [
        (ExitCode.Done, "done, or stopped"), (ExitCode.TasksFailed, "a run failed (with --once, or where the program stops on errors)"),
        (ExitCode.Configuration, "wrong arguments or configuration, or no connection"),
        (ExitCode.Abandoned, "a run was abandoned at the stop: it did not end; with --once: it was not done"),
        (ExitCode.WorkerIdTaken, "with --once: it runs already, in another process, and only one may"),
        (ExitCode.InternalError, "internal error"), (ExitCode.SecondSignal, "second signal"),
    ];

    /// <summary>Runs what the arguments say. Returns the exit code.</summary>
    public static Task<int> RunAsync(string[] args, StandAlone process, TextWriter output, TextWriter errors) => CommandLine.RunAsync(
        args, (to, wrong) => Create(process, format => Display(to, wrong, errors, format, Environment.GetEnvironmentVariable)), output, errors);

    public static RootCommand Create(StandAlone process, Func<LogFormat, Display> display)
    {
        var options = process.Options;
        var root = new RootCommand($"Runs '{options.Name}' {When(options)}, until it is told to stop.");
        var once = new Option<bool>("--once") { Description = "Run once, at once, and end; exit code 1 if the run failed." };
        var delay = new Option<double?>("--delay")
        {
            HelpName = "SECONDS",
            Description = options.Schedule is null
                ? FormattableString.Invariant($"Seconds from the start of a run to the start of the next (default {options.Delay.TotalSeconds:0.###}).")
                : "Seconds from the start of a run to the start of the next, instead of the program's schedule.",
        };
        delay.Validators.Add(result => WorkCommands.Range(result, 0, 31_536_000));
        var database = new Option<string?>("--db")
        {
            HelpName = "ADDRESS",
            Description = "The database: a URL without a password, a SQLite file, env:NAME or file:PATH (default: PAMPA_DATABASE_URL, else what the program says, else none).",
        };
        var log = WorkCommands.LogOption(FileName(options));
        var format = LogFormat.Option();
        var run = new VerbCommand("run", root.Description!)
        {
            Examples = [("--once", "Run once, now."), ("--delay 5 --log yes", $"Run every five seconds, with a log in {FileName(options)}.")],
            ExitCodes = Ends,
        };
        foreach (var option in (Option[])[once, delay, database, log, format])
        {
            root.Options.Add(option);
            run.Options.Add(option);
        }
        root.SetAction((parsed, _) => RunAsync(process with
        {
            IsOnce = options.Once || parsed.GetValue(once),
            Delay = parsed.GetValue(delay) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        }, parsed.GetValue(database), parsed.GetValue(log) ?? options.Log, LogFormat.Of(parsed.GetValue(format)!), display));
        root.Options.OfType<HelpOption>().Single().Action = new HelpPage(HelpPage.ProgramName, run);
        return root;
    }

    private static string When(StandAloneOptions options) => options.Schedule is { } schedule
        ? $"at the times of '{schedule}' ({options.TimeZone.Id})"
        : FormattableString.Invariant($"every {options.Delay.TotalSeconds:0.###} seconds");

    private static string FileName(StandAloneOptions options) => JobValidation.Identifier.IsMatch(options.Name) ? $"{options.Name}.log" : "process.log";

    // The log's lines are harmless already, and their colours are meant to be obeyed.
    private static PlainDisplay Display(TextWriter output, TextWriter harmless, TextWriter errors, LogFormat format, Func<string, string?> environment)
    {
        if (format.IsJson) return new PlainDisplay(output, harmless, format: format);
        var isRedirected = !ReferenceEquals(errors, Console.Error) || Console.IsErrorRedirected;
        var hasColors = Terminal.IsForPeople(isPlain: false, isRedirected, environment)
            && Terminal.Find(errors, environment) is { Colors: not ColorSystem.NoColors };
        return new PlainDisplay(output, hasColors ? errors : harmless, hasColors);
    }

    private static async Task<int> RunAsync(StandAlone process, string? database, string? log, LogFormat format, Func<LogFormat, Display> shown)
    {
        await using var display = shown(format);
        await using var journal = new Journal(display, TimeProvider.System, format);
        using var signals = new Signals(journal.Tell);
        try
        {
            return await Verb.RunAsync(journal.Errors, async () =>
            {
                try
                {
                    if (!string.IsNullOrWhiteSpace(log) && LogFile.PathOf(log, FileName(process.Options)) is { } path) journal.Open(path);
                    var choice = DatabaseChoice.ChooseNamed(database, process.Options.Database, Environment.GetEnvironmentVariable);
                    if (choice is not null) choice = await choice.RecogniseAsync(signals.Stopping, journal.Errors.WriteLine);
                    if (choice is not null) await journal.Output.WriteLineAsync($"Database: {choice.Address.Description} ({choice.Why})");
                    using var provider = journal.Provider();
                    using var logs = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Information).AddProvider(provider));
                    return await process.RunAsync(choice?.Address, new Surroundings(logs, TimeProvider.System, Chance.Shared), signals.Stopping);
                }
                catch (OperationCanceledException) when (process.IsOnce && signals.Stopping.IsCancellationRequested)
                {
                    // It waited for the database still: who has asked for one run must not take it for done.
                    return ExitCode.Abandoned;
                }
            }, signals.Stopping);
        }
        catch (Exception e)
        {
            // The console is told of it further out, when the file is closed.
            journal.Note(LogLevel.Critical, $"Internal error: {e}");
            throw;
        }
    }
}
