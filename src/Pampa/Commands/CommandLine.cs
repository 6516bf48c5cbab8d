using System.CommandLine;
using System.CommandLine.Help;

namespace Pampa.Commands;

/// <summary>The program's command line: <c>run</c> is what it does when no verb is given.</summary>
internal static class CommandLine
{
    private const string StackVariable = "PAMPA_STACK";

    /// <summary>Runs what the arguments say. Returns the exit code.</summary>
    public static Task<int> RunAsync(string[] args, Action<PampaBuilder> configure, TextWriter output, TextWriter errors) =>
        RunAsync(args, (to, wrong) => Create(configure, to, wrong), output, errors);

    /// <summary>The same of any command line.</summary>
    public static async Task<int> RunAsync(string[] args, Func<TextWriter, TextWriter, RootCommand> create, TextWriter output, TextWriter errors)
    {
        // What is said of an error quotes what it met: arguments, data, the database's own words.
        await using var harmless = new LineWriter(errors.WriteLine);
        return await RunHarmlessAsync(args, create(output, harmless), output, harmless);
    }

    private static async Task<int> RunHarmlessAsync(string[] args, RootCommand root, TextWriter output, TextWriter errors)
    {
        // No response files: a key may begin with @.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
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
        var verb = new Verb(configure, output, errors);
        var run = WorkCommands.Run(verb);
        WorkCommands.AddRun(root, verb);
        Command[] verbs =
        [
            run, WorkCommands.Dispatcher(verb), WorkCommands.Node(verb), WorkCommands.Worker(verb),
            StatusCommand.Create(verb), TasksCommand.Create(verb), ErrorsCommand.Create(verb), .. ActionCommand.All(verb), .. SteerCommand.All(verb),
            AuditCommand.Create(verb), MigrateCommand.Create(verb),
            SchedulesCommand.Create(verb),
            DoctorCommand.Create(verb), ExplainCommand.Create(verb), PreviewCommand.Create(verb),
        ];
        foreach (var command in verbs) root.Subcommands.Add(command);
        foreach (var create in PackageVerbs.Find()) root.Subcommands.Add(create(new VerbContext(verb)));
        if (verb.TryProgram() is { } program) AddVerbs(root, program, verb);
        root.Options.OfType<HelpOption>().Single().Action = new HelpPage(HelpPage.ProgramName, run);
        return root;
    }

    // What is wrong with one stands among the other errors of the configuration, which every verb tells.
    private static void AddVerbs(RootCommand root, PampaBuilder program, Verb verb)
    {
        foreach (var create in program.Verbs)
        {
            try
            {
                var command = create(new VerbContext(verb));
                if (root.Subcommands.Any(c => c.Name == command.Name)) program.VerbErrors.Add($"There are two verbs '{command.Name}': AddVerb must give another name.");
                else root.Subcommands.Add(command);
            }
            catch (Exception e)
            {
                program.VerbErrors.Add($"A verb that is added throws {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
            }
        }
    }
}
