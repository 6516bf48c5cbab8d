using System.CommandLine;
using System.CommandLine.Help;

namespace Pampa.Commands;

/// <summary>The program's command line: <c>run</c> is what it does when no verb is given.</summary>
internal static class CommandLine
{
    private const string StackVariable = "PAMPA_STACK";

    /// <summary>Runs what the arguments say. Returns the exit code.</summary>
    public static async Task<int> RunAsync(string[] args, Action<PampaBuilder> configure, TextWriter output, TextWriter errors)
    {
        // What is said of an error quotes what it met: arguments, data, the database's own words.
        await using var harmless = new LineWriter(errors.WriteLine);
        return await RunHarmlessAsync(args, configure, output, harmless);
    }

    private static async Task<int> RunHarmlessAsync(string[] args, Action<PampaBuilder> configure, TextWriter output, TextWriter errors)
    {
        // No response files: a key may begin with @.
        var parsed = Create(configure, output, errors).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (Complaints.Of(parsed) is { Count: > 0 } complaints)
        {
            foreach (var complaint in complaints) await errors.WriteLineAsync(complaint);
            await errors.WriteLineAsync("Run with --help for what there is.");
            return Hosting.ExitCode.Configuration;
        }
        try
        {
            // The program stops by its own signals; it may need longer than the library's two seconds.
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                ProcessTerminationTimeout = null,
                EnableDefaultExceptionHandler = false,
                Output = output,
                Error = errors,
            });
        }
        catch (Exception e)
        {
            var isTold = Environment.GetEnvironmentVariable(StackVariable) is { Length: > 0 };
            await errors.WriteLineAsync(isTold
                ? $"Internal error: {e}"
                : $"Internal error: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ").TrimEnd('.')}. With {StackVariable}=1 it is told where.");
            return Hosting.ExitCode.InternalError;
        }
    }

    public static RootCommand Create(Action<PampaBuilder> configure, TextWriter output, TextWriter errors)
    {
        var root = new RootCommand("Works on the jobs of this program: any SQL table is a durable work queue.");
        var run = new VerbCommand("run", "Dispatches and works in this process (the default).")
        {
            Examples =
            [
                ("run --drain", "Work until nothing is due."),
                ("run --workers 16 --db env:SHOP_URL", "Work on the database whose address stands in the variable SHOP_URL."),
                ("run --plain", "Lines instead of the table."),
            ],
            ExitCodes =
            [
                (Hosting.ExitCode.Done, "done"), (Hosting.ExitCode.TasksFailed, "tasks failed in this run (with --drain)"),
                (Hosting.ExitCode.Configuration, "wrong arguments or configuration, or no connection"),
                (Hosting.ExitCode.Abandoned, "work was abandoned at the stop: a handler did not end"),
                (Hosting.ExitCode.InternalError, "internal error, or a loop could not go on"),
                (Hosting.ExitCode.SecondSignal, "second signal"),
            ],
        };
        var verb = new Verb(configure, output, errors);
        AddRun(root, verb);
        AddRun(run, verb);
        Command[] verbs = [run, StatusCommand.Create(verb), MigrateCommand.Create(verb), AgainCommand.Relaunch(verb), AgainCommand.Retry(verb)];
        foreach (var command in verbs) root.Subcommands.Add(command);
        root.Options.OfType<HelpOption>().Single().Action = new HelpPage(HelpPage.ProgramName, run);
        return root;
    }

    private static void AddRun(Command command, Verb verb)
    {
        var database = Verb.DatabaseOption();
        var drain = new Option<bool>("--drain") { Description = "End when nothing is due; exit code 1 if tasks failed in this run." };
        var horizon = new Option<double>("--drain-horizon")
        {
            HelpName = "SECONDS",
            Description = "With --drain: wait for tasks that become due within so many seconds (default 3,600).",
            DefaultValueFactory = _ => 3_600,
        };
        var workers = new Option<int?>("--workers") { HelpName = "NUMBER", Description = "Tasks that run at the same time (default: twice the cores, at least 4)." };
        var delay = new Option<double?>("--delay") { HelpName = "SECONDS", Description = "Seconds between two looks for new records while there are none (default 0.5)." };
        var plain = new Option<bool>("--plain") { Description = "Print lines also to a terminal, instead of a table that is drawn in place." };
        horizon.Validators.Add(result => Range(result, 0, 315_360_000));
        workers.Validators.Add(result => Range(result, 1, Jobs.Limits.WorkersPerNode));
        delay.Validators.Add(result => Range(result, 0.01, 3_600));
        foreach (var option in (Option[])[database, drain, horizon, workers, delay, plain]) command.Options.Add(option);
        command.SetAction(async (parsed, _) =>
        {
            var options = new RunOptions(
                parsed.GetValue(database), parsed.GetValue(drain), TimeSpan.FromSeconds(parsed.GetValue(horizon)), parsed.GetValue(workers),
                parsed.GetValue(delay) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                parsed.GetValue(plain));
            return await new RunCommand(verb, options).RunAsync();
        });
    }

    private static void Range(System.CommandLine.Parsing.OptionResult result, double min, double max)
    {
        if (result.Tokens.Count == 0) return;
        var text = result.Tokens[0].Value;
        if (double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var value) && (value < min || value > max))
            result.AddError(FormattableString.Invariant($"{result.Option.Name} must be between {min} and {max}, got {text}."));
    }
}
