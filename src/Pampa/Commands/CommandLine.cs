using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Help;

namespace Pampa.Commands;

/// <summary>The program's command line: <c>run</c> is what it does when no verb is given.</summary>
internal static class CommandLine
{
    private const string StackVariable = "PAMPA_STACK";

    /// <summary>Runs what the arguments say. Returns the exit code.</summary>
    public static Task<int> RunAsync(string[] args, Action<PampaBuilder> configure, TextWriter output, TextWriter errors) =>
        RunAsync(args, (to, wrong) => Create(configure, to, wrong), output, errors);

    /// <summary>The same without a program, on the jobs that processes have published in the database.</summary>
    /// <param name="args">The arguments.</param>
    /// <param name="program">What to type for the tool.</param>
    /// <param name="output">The console's output.</param>
    /// <param name="errors">For what is wrong.</param>
    public static async Task<int> RunPublishedAsync(string[] args, string program, TextWriter output, TextWriter errors)
    {
        await using var harmless = new LineWriter(errors.WriteLine);
        var verb = Verb.OfPublished(output, harmless);
        var cluster = new Option<string>("--cluster")
        {
            HelpName = "NAME",
            Description = "The cluster's name (default pampa).",
            DefaultValueFactory = _ => verb.TryProgram()!.Cluster,
            Recursive = true,
        };
        return await RunHarmlessAsync(
            args, CreatePublished(verb, program, cluster), output, harmless, parsed => verb.TryProgram()!.Cluster = parsed.GetValue(cluster)!);
    }

    /// <summary>The same of any command line.</summary>
    public static async Task<int> RunAsync(string[] args, Func<TextWriter, TextWriter, RootCommand> create, TextWriter output, TextWriter errors)
    {
        // What is said of an error quotes what it met: arguments, data, the database's own words.
        await using var harmless = new LineWriter(errors.WriteLine);
        return await RunHarmlessAsync(args, create(output, harmless), output, harmless);
    }

    private static async Task<int> RunHarmlessAsync(
        string[] args, RootCommand root, TextWriter output, TextWriter errors, Action<ParseResult>? parse = null)
    {
        // No response files: a key may begin with @.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        // What a shell wants to have completed need not be understood yet.
        var isAsked = root.Directives.OfType<SuggestDirective>().Any(d => parsed.GetResult(d) is not null);
        if (!isAsked && Complaints.Of(parsed) is { Count: > 0 } complaints)
        {
            foreach (var complaint in complaints) await errors.WriteLineAsync(complaint);
            await errors.WriteLineAsync("Run with --help for what there is.");
            return Hosting.ExitCode.Configuration;
        }
        parse?.Invoke(parsed);
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
            run, WorkCommands.Dispatcher(verb), WorkCommands.Node(verb), WorkCommands.Worker(verb), .. Operating(verb), MigrateCommand.Create(verb),
            SchedulesCommand.Create(verb),
            DoctorCommand.Create(verb), ExplainCommand.Create(verb), PreviewCommand.Create(verb),
            CompletionCommand.Create(verb, AppDomain.CurrentDomain.FriendlyName),
        ];
        AddAll(root, verb, verbs);
        if (verb.TryProgram() is { } program) AddVerbs(root, program, verb);
        root.Options.OfType<HelpOption>().Single().Action = new HelpPage(HelpPage.ProgramName, run);
        return root;
    }

    // Whatever needs a condition, a hook or the code of a job is its program's alone.
    private static RootCommand CreatePublished(Verb verb, string program, Option<string> cluster)
    {
        var root = new RootCommand("Looks at a Pampa cluster and operates it, from nothing but the address of its database: the jobs are those that its processes have published there.");
        AddAll(root, verb, [.. Operating(verb), SchedulesCommand.Create(verb), ExplainCommand.Create(verb), CompletionCommand.Create(verb, program)]);
        root.Options.Add(cluster);
        root.Options.OfType<HelpOption>().Single().Action = new HelpPage(program);
        return root;
    }

    private static Command[] Operating(Verb verb) =>
    [
        StatusCommand.Create(verb), TopCommand.Create(verb), TasksCommand.Create(verb), ErrorsCommand.Create(verb), .. ActionCommand.All(verb),
        .. SteerCommand.All(verb), AuditCommand.Create(verb),
    ];

    private static void AddAll(RootCommand root, Verb verb, Command[] verbs)
    {
        foreach (var command in verbs) root.Subcommands.Add(command);
        foreach (var create in PackageVerbs.Find()) root.Subcommands.Add(create(new VerbContext(verb)));
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
