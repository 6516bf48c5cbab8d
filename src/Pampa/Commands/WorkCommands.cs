using System.CommandLine;
using System.CommandLine.Parsing;
using Pampa.Commands.Confining;
using Pampa.Hosting;
using Pampa.Jobs;

namespace Pampa.Commands;

/// <summary>The verbs <c>run</c>, <c>dispatcher</c>, <c>node</c> and <c>worker</c>: processes of the cluster.</summary>
internal static class WorkCommands
{
    private static readonly (int Code, string Meaning)[] Ends =
    [
        (ExitCode.Done, "done"), (ExitCode.Configuration, "wrong arguments or configuration, or no connection"),
        (ExitCode.Abandoned, "work was abandoned at the stop: a handler did not end"),
        (ExitCode.InternalError, "internal error, or a loop could not go on"), (ExitCode.SecondSignal, "second signal"),
    ];

    private static readonly (int Code, string Meaning) Taken = (ExitCode.WorkerIdTaken, "the name is at work already, in another process");

    public static VerbCommand Run(Verb verb)
    {
        var command = new VerbCommand("run", "Dispatches and works in this process (the default).")
        {
            Examples =
            [
                ("run --drain", "Work until nothing is due."),
                ("run --workers 16 --db env:SHOP_URL", "Work on the database whose address stands in the variable SHOP_URL."),
                ("run --plain", "Lines instead of the table."),
            ],
            ExitCodes = [Ends[0], (ExitCode.TasksFailed, "tasks failed in this run (with --drain)"), .. Ends[1..3], Taken, .. Ends[3..]],
        };
        AddRun(command, verb);
        return command;
    }

    /// <summary>What <c>run</c> takes, which the program takes without a verb, too.</summary>
    public static void AddRun(Command command, Verb verb)
    {
        var drain = new Option<bool>("--drain") { Description = "End when nothing is due; exit code 1 if tasks failed in this run." };
        var horizon = new Option<double>("--drain-horizon")
        {
            HelpName = "SECONDS",
            Description = "With --drain: wait for tasks that become due within so many seconds (default 3,600).",
            DefaultValueFactory = _ => 3_600,
        };
        horizon.Validators.Add(result => Range(result, 0, 315_360_000));
        var workers = WorkersOption();
        Add(command, verb, "run.log", [drain, horizon, workers], (parsed, options) => options with
        {
            DrainHorizon = parsed.GetValue(drain) ? TimeSpan.FromSeconds(parsed.GetValue(horizon)) : null,
            Workers = parsed.GetValue(workers),
        });
    }

    public static VerbCommand Dispatcher(Verb verb)
    {
        var command = new VerbCommand("dispatcher", "Dispatches to the nodes of other processes and runs no task itself. Several may run; one leads, the others wait for it to fail.")
        {
            Examples = [("dispatcher --db env:SHOP_URL", "Dispatch on the database whose address stands in the variable SHOP_URL.")],
            ExitCodes = [.. Ends.Where(end => end.Code != ExitCode.Abandoned)],
        };
        Add(command, verb, "dispatcher.log", [], (_, options) => options with { Role = ProcessRole.Dispatcher });
        return command;
    }

    public static VerbCommand Node(Verb verb)
    {
        var command = new VerbCommand("node", "Runs tasks that a dispatcher in another process hands over. Nodes join and leave at any time; nothing is told to the others.")
        {
            Examples =
            [
                ("node", "Join under the next free name: local, local-2, ...."),
                ("node --name web1 --workers 16", "Join as web1, with the workers web1.1 to web1.16."),
                ("node --name web1 --isolated", "The same, each worker in a process of its own."),
                ("node --name web1 --isolated --max-ram 512 --max-cpu 50", "Each worker with at most 512 MB and half a core."),
            ],
            ExitCodes = [.. Ends[..3], Taken, .. Ends[3..]],
        };
        var name = new Option<string?>("--name") { HelpName = "NAME", Description = "The node's name, the prefix of its workers' ids; refused where it is at work already (default: the program's NodeName, else local, or the next free local-2, local-3, ...)." };
        name.Validators.Add(Name);
        var workers = WorkersOption();
        var isolated = new Option<bool>("--isolated") { Description = "Run each worker in a process of its own, and start it again when it ends by itself; needs a name." };
        var (ram, cpu) = (LimitOption("--max-ram", "MB", "memory"), LimitOption("--max-cpu", "PERCENT", "processor time, 100 being one core"));
        var (disk, net) = (LimitOption("--max-disk-io", "MBPS", "megabits a second read from disks, and as many written"), LimitOption("--max-net-io", "MBPS", "megabits a second sent over the network"));
        Add(command, verb, "node.NAME.log", [name, workers, isolated, ram, cpu, disk, net], (parsed, options) => options with
        {
            Role = ProcessRole.OfNode(parsed.GetValue(name)),
            Workers = parsed.GetValue(workers),
            IsIsolated = parsed.GetValue(isolated),
            Limits = new WorkerLimits
            {
                MaxRam = parsed.GetValue(ram),
                MaxCpu = parsed.GetValue(cpu),
                MaxDiskIo = parsed.GetValue(disk),
                MaxNetIo = parsed.GetValue(net),
            },
        });
        return command;
    }

    public static VerbCommand Worker(Verb verb)
    {
        var command = new VerbCommand("worker", "Runs tasks one at a time, as one worker in a process of its own.")
        {
            Examples = [("worker --id local.1", "Be the worker local.1.")],
            ExitCodes = [.. Ends[..3], Taken, .. Ends[3..^1], (ExitCode.OverMemory, "its memory limit was met; a node with --isolated starts it again"), Ends[^1]],
        };
        var id = new Option<string>("--id") { HelpName = "ID", Description = "The worker's id; refused where it is at work already.", Required = true };
        id.Validators.Add(Name);
        Add(command, verb, "worker.ID.log", [id], (parsed, options) => options with { Role = ProcessRole.OfWorker(parsed.GetValue(id)!) });
        return command;
    }

    private static void Add(
        Command command, Verb verb, string logName, IReadOnlyList<Option> own, Func<ParseResult, RunOptions, RunOptions> read)
    {
        var database = Verb.DatabaseOption();
        var delay = new Option<double?>("--delay") { HelpName = "SECONDS", Description = "Seconds between two looks for new records while there are none (default 0.5)." };
        delay.Validators.Add(result => Range(result, 0.01, 3_600));
        var plain = new Option<bool>("--plain") { Description = "Print lines also to a terminal, instead of a table that is drawn in place." };
        var log = LogOption(logName);
        var format = LogFormat.Option();
        foreach (var option in (Option[])[database, .. own, delay, plain, log, format]) command.Options.Add(option);
        command.SetAction(async (parsed, _) =>
        {
            var options = new RunOptions(ProcessRole.All, parsed.GetValue(database), parsed.GetValue(plain))
            {
                Delay = parsed.GetValue(delay) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                Log = parsed.GetValue(log),
                Format = LogFormat.Of(parsed.GetValue(format)!),
            };
            options = read(parsed, options);
            if (!options.IsIsolated && !options.Limits.IsEmpty)
            {
                await verb.Errors.WriteLineAsync("--max-ram, --max-cpu, --max-disk-io and --max-net-io need --isolated: workers in one process cannot be limited singly.");
                return ExitCode.Configuration;
            }
            return options.IsIsolated ? await IsolatedAsync(verb, options) : await new RunCommand(verb, options).RunAsync();
        });
    }

    private static Task<int> IsolatedAsync(Verb verb, RunOptions options) => verb.RunAsync(options.Database, async (program, choice) =>
    {
        if (options.Log is { } path && !LogFile.IsWord(path) && !Directory.Exists(path))
            throw new PampaConfigurationException([$"--log: with --isolated each worker has a log of its own, so it must be yes, no or a folder that is there, got '{path}'."]);
        var role = options.Role.In(program);
        if (!role.Node.IsFixed)
            throw new PampaConfigurationException(["--isolated needs a name, for the ids of its workers follow from it before any of them has seen the database. Give --name NAME, or set NodeName in the program."]);
        var name = role.Node.Name;
        string[] arguments =
        [
            "--plain",
            .. options.Database is { } database ? ["--db", database] : Array.Empty<string>(),
            .. options.Delay is { } delay ? ["--delay", delay.TotalSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture)] : Array.Empty<string>(),
            .. options.Log is { } log ? ["--log", log] : Array.Empty<string>(),
            .. options.Format.IsJson ? ["--log-format", options.Format.ToString()] : Array.Empty<string>(),
        ];
        var workers = options.Workers ?? program.WorkersOf(name) ?? program.Workers;
        var longest = FormattableString.Invariant($"{name}.{workers}");
        if (!JobValidation.Identifier.IsMatch(longest))
            throw new PampaConfigurationException([$"The node's name must be {JobValidation.IdentifierForm}, together with the number of a worker, for with --isolated each worker has a name of its own, got '{Printable.Line(longest)}'. Give another one with --name, or set NodeName in the program."]);
        var limits = (program.LimitsOf(name) ?? new WorkerLimits()).With(options.Limits);
        var wrong = limits.Errors().Select(e => $"Node '{name}': {e}.").ToList();
        if (wrong.Count > 0) throw new PampaConfigurationException(wrong);
        var logPath = LogFile.PathOf(options.Log, RunCommand.NodeLogName(name));
        using var console = ConsoleTurn.Take(verb, isPlain: true, options.Format, Environment.GetEnvironmentVariable);
        await using var display = console.Display;
        Confinement Confine() => Confinement.Find(limits, program.Cluster, name);
        var node = new IsolatedNode(display, name, workers, arguments, logPath, Confine, TimeProvider.System) { Format = options.Format };
        return await node.RunAsync($"Database: {choice.Address.Description} ({choice.Why})");
    }, CancellationToken.None);

    private static Option<int?> LimitOption(string name, string unit, string what) => new(name)
    {
        HelpName = unit,
        Description = $"With --isolated: what each worker may take of {what} (default: what the program says of this node, else no limit).",
    };

    public static Option<string?> LogOption(string name)
    {
        var log = new Option<string?>("--log")
        {
            HelpName = "yes|no|PATH",
            Description = $"Write what is logged to a file, too: yes for {name} in the current folder, or the path of a file or folder (default no).",
        };
        log.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && string.IsNullOrWhiteSpace(token.Value))
                result.AddError("--log must be yes, no or the path of a file or folder, got an empty text.");
        });
        return log;
    }

    private static Option<int?> WorkersOption()
    {
        var workers = new Option<int?>("--workers") { HelpName = "NUMBER", Description = "Tasks that run at the same time (default: what the program says of this node or in general, else twice the cores, at least 4)." };
        workers.Validators.Add(result => Range(result, 1, Limits.WorkersPerNode));
        return workers;
    }

    private static void Name(OptionResult result)
    {
        if (result.Tokens is [var token] && !JobValidation.Identifier.IsMatch(token.Value))
            result.AddError($"{result.Option.Name} must be {JobValidation.IdentifierForm}, got '{Printable.Line(token.Value)}'.");
    }

    public static void Range(OptionResult result, double min, double max)
    {
        if (result.Tokens.Count == 0) return;
        var text = result.Tokens[0].Value;
        if (double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var value) && !(value >= min && value <= max))
            result.AddError(FormattableString.Invariant($"{result.Option.Name} must be between {min} and {max}, got {text}."));
    }
}
