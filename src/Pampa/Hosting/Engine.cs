using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Dispatching;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Working;

namespace Pampa.Hosting;

/// <summary>
/// One process of a cluster, put together: a dispatcher, a node, and the loops that turn them. Made by <see
/// cref="PrepareAsync"/>, run by <see cref="RunAsync"/>.
/// </summary>
internal sealed partial class Engine : IAsyncDisposable
{
    // With those of the heartbeats and of the listener at most five, and six where it leads: it keeps one to reserve with.
    private const int Connections = 4;
    private const int ConnectionsBesideListener = 3;
    public const string ClusterScope = "cluster";
    private static readonly TimeSpan IdleNode = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(1);

    // It is told to stop; who does not answer even then must not hold up the end of the process.
    private static readonly TimeSpan LastPass = TimeSpan.FromSeconds(10);
    private readonly PampaBuilder program;
    private readonly Database database;
    private readonly Database heartbeats;
    private readonly DbDataSource handlers;
    private readonly DbDataSource? messages;
    private readonly WakeUps wakeUps;
    private readonly ClusterTables tables;
    private readonly ILogger log;
    private readonly TimeProvider time;
    private readonly Random random;
    private readonly DatabaseHealth health;
    private readonly Leadership leadership;
    private readonly Exchange exchange;
    private readonly Listener? listener;
    private readonly PublishedLimits limits;
    private readonly MemoryLimit? memory;

    private Engine(
        PampaBuilder program, DatabaseAddress address, Database database, IReadOnlyList<JobTable> jobTables, ProcessRole role, Surroundings surroundings)
    {
        var dialect = database.Dialect;
        var (logs, time, random) = surroundings;
        this.program = program;
        Role = role;
        var name = NameAt(program, role);
        this.database = database;
        heartbeats = new Database(dialect.Open(address.ConnectionString, $"{name}/heartbeat", 1), dialect, time, random);
        // One more for each worker whose task has one for its transaction.
        var own = jobTables.Any(t => t.Job.Handler.IsTransactional) ? program.Workers : 0;
        // And for what is called beside the work.
        own += jobTables.Any(t => t.Job.Allowing?.AskAsync is not null) ? AskedCode.MostAtOnce : 0;
        own += jobTables.Any(t => Enum.GetValues<HookKind>().Any(t.Job.Hooks.HasCode)) ? HookCalls.MostAtOnce : 0;
        own += Math.Min(program.Schedules.Count, Scheduler.MostConnections);
        handlers = dialect.OpenPlain(address.ConnectionString, $"{name}/handlers", own + program.Workers + 4);
        messages = dialect.Notifications?.Open(address.ConnectionString, $"{name}/listen");
        wakeUps = new WakeUps(database, program.Cluster);
        this.time = time;
        this.random = random;
        log = logs.CreateLogger("Pampa");
        health = new DatabaseHealth(dialect, address.Description, log, time);
        database.Answered = heartbeats.Answered = () =>
        {
            Pulse.Beat();
            health.Worked();
        };
        database.Failed = heartbeats.Failed = e => dialect.Forget(handlers, e);
        tables = ClusterTables.Of(database, program.Cluster, program.Program);
        var notes = new Notebook(tables.History);
        var lanes = jobTables.Select(table => new Lane(
            new TaskStore(database, table, program.Cluster, random) { Notes = notes }.Calling(handlers, log, time),
            new JobLoad(table.Job, log, time), time, random)).ToList();
        var life = role.Node.IsWorker ? SupervisedLife.Own : SupervisedLife.Unsupervised;
        memory = life.MaxRam is { } megabytes ? new MemoryLimit(megabytes) : null;
        var membership = new Membership(Cluster, new ClusterStore(heartbeats, program.Cluster), program.WorkerLease, time);
        var runner = new TaskRunner(handlers, () => membership.IsTrusted, logs.CreateLogger("Pampa.Task"), time, random) { Memory = memory };
        var workers = !role.Works ? 0 : role.Node.IsWorker ? 1 : program.Workers;
        Node = new Node(role.Node, workers, membership, lanes, wantsMore => new Worker(runner, wantsMore, time), log, time, random)
        {
            Start = new WorkerStart(program.WorkerStarts),
            FormerDeath = life.FormerDeath,
        };
        leadership = new Leadership(Cluster, ClusterScope, $"{role.Node.Name}@{Guid.NewGuid():N}", program.LeaderLease, time);
        var jobs = lanes.ConvertAll(lane =>
            new JobDispatch(lane.Store, lane.Load, rows => Node.Deliver(lane, rows), program.PollInterval, time)
            {
                Handlers = handlers,
                DeliverStarted = tasks => Node.DeliverStarted(lane, tasks),
            });
        Dispatcher = new Dispatcher(
            tables, jobs, leadership, new Watch(time), () => membership.Node, program.PollInterval, log, time);
        Scheduler = new Scheduler(tables.Schedules, program.Schedules, Dispatcher.LeadAsync, handlers, log, time, random)
        {
            Ticked = () => Wake(null),
        };
        vitals = new Vitals(Node, tables.Nodes, notes, log, time) { Limits = life.Limits };
        sampler = new Sampler(tables, jobs, () => Dispatcher.IsLeading, Dispatcher.LeadAsync, notes, log, time) { AuditRetention = program.AuditRetention };
        limits = new PublishedLimits(Cluster, lanes.ConvertAll(lane => lane.Job), log);
        listener = MakeListener();
        exchange = new Exchange(Node, tables.Exchange, () => Dispatcher.IsLeading, () => listener?.IsHeard ?? false, program.PollInterval, time);
    }

    /// <summary>What this process is in the cluster.</summary>
    public ProcessRole Role { get; }

    public ClusterStore Cluster => tables.Cluster;

    public Node Node { get; }

    public Dispatcher Dispatcher { get; }

    public Scheduler Scheduler { get; }

    /// <summary>The service manager that has started this process; null: none that wants to hear of it.</summary>
    public ServiceNotices? Notices { private get; set; }

    /// <summary>What <see cref="PampaCluster"/> works with.</summary>
    public ClusterParts Parts => new(database, tables, [.. Node.Lanes.Select(l => l.Store)], program.NodeNames, Dispatcher, WakeAsync, SteerAsync)
    {
        Scheduler = Scheduler,
    };

    // How its sessions are called on the server.
    private static string NameAt(PampaBuilder program, ProcessRole role) => $"pampa/{program.Cluster}/{role.Node.Name}";

    private async Task WakeAsync(string? job, CancellationToken stopping)
    {
        Wake(job);
        exchange.Wake();
        if (wakeUps.AreSupported)
            await wakeUps.HintAsync(WakeUps.Due, [.. Node.Lanes.Select(l => l.Job.Name).Where(name => job is null || name == job)], stopping);
    }

    // A leader elsewhere looks by itself.
    private async Task SteerAsync(CancellationToken stopping)
    {
        exchange.Wake();
        Node.HandIsLow.Set();
        await wakeUps.HintAsync(WakeUps.HandOver, [HandOverMessage.ToAll], stopping);
    }

    private void Wake(string? job)
    {
        Dispatcher.Wake(job);
        Node.HandIsLow.Set();
    }

    // The one who listens can wait: he hears of what comes meanwhile afterwards.
    private void WakeHere(string job)
    {
        Dispatcher.Wake(job);
        Node.HandIsLow.SetHere();
    }

    /// <summary>
    /// Opens the database, prepares it and resolves the jobs; for a look from outside it is only opened and changed in
    /// nothing.
    /// </summary>
    /// <exception cref="PampaConfigurationException">Everything that is wrong.</exception>
    public static async Task<Engine> PrepareAsync(
        PampaBuilder program, DatabaseAddress address, ProcessRole role, Surroundings surroundings, CancellationToken stopping,
        SchemaChanges changes = SchemaChanges.Own, bool isToRun = true)
    {
        var (_, time, random) = surroundings;
        role = role.In(program);
        CheckLimits(program, role, isToRun);
        program.Workers = role.Workers ?? program.WorkersOf(role.Node.Name) ?? program.Workers;
        var dialect = address.Dialect;
        var connections = dialect.Notifications is null ? Connections : ConnectionsBesideListener;
        var keeps = isToRun && role.Dispatches && program.RunsDispatcher;
        var database = new Database(dialect.Open(address.ConnectionString, NameAt(program, role), connections, keeps), dialect, time, random);
        try
        {
            var log = surroundings.Logs.CreateLogger("Pampa");
            var preparation = new Preparation(database, address, changes, time)
            {
                Does = isToRun ? [.. DoneBy(role, program)] : null,
                // Who only looks, or has nobody to tell, hears at once what is wrong.
                Waits = isToRun && changes == SchemaChanges.Own && log.IsEnabled(LogLevel.Warning) ? line => Log.Waits(log, line) : null,
                WaitsForTurn = line => Log.Waits(log, line),
                Misfits = surroundings.Misfits,
            };
            var engine = new Engine(program, address, database, await preparation.RunAsync(program, stopping), role, surroundings);
            foreach (var job in preparation.Unwoken) Log.NoTrigger(log, job);
            return engine;
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    private static IEnumerable<RightsFor> DoneBy(ProcessRole role, PampaBuilder program)
    {
        if (role.Dispatches && program.RunsDispatcher) yield return RightsFor.Dispatching;
        if (role.Works) yield return RightsFor.Working;
    }

    /// <summary>
    /// Runs until told to stop, or, with a drain horizon, until nothing is due within it. Returns the exit code. When
    /// told to hurry, a stop does not wait for the shutdown time-out to be over before it cancels handlers.
    /// </summary>
    public async Task<int> RunAsync(TimeSpan? drainHorizon, CancellationToken stopping, CancellationToken hurry = default)
    {
        GrowPool();
        // What comes back for ever would keep it from its end.
        Dispatcher.Relauncher.IsOn = Scheduler.IsOn = drainHorizon is null;
        foreach (var lane in Node.Lanes) await WaitOutAsync(() => PublishAsync(lane.Job, stopping), stopping);
        foreach (var schedule in Dispatches ? Scheduler.Schedules : []) await WaitOutAsync(() => Scheduler.Store.AddAsync(schedule, stopping), stopping);
        if (await StartDispatcherAsync(stopping) is { } error)
        {
            Log.StartFailed(log, error);
            return ExitCode.Configuration;
        }
        using var heartbeat = new Heartbeat(Node.Membership, program.WorkerLease / 3, health, Node.WantsMore);
        using var watchdog = new Watchdog(() => Environment.Exit(ExitCode.InternalError)) { Lives = TellService };
        if (Role.Works) heartbeat.Start(watchdog);
        watchdog.Start();
        watching = watchdog;
        using var intake = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        using var work = new CancellationTokenSource();
        var loop = new Loop(database.Dialect, health, watchdog, log, time, random);
        Task[] taking =
        [
            loop.RunAsync("limits", limits.CycleAsync, new Signal(), () => PublishedLimits.Every, intake.Token),
            .. Dispatches
                ? [loop.RunAsync("dispatcher", Dispatcher.CycleAsync, Node.HandIsLow, () => Shorter(Dispatcher.Pause, leadership.ElectionInterval), intake.Token)]
                : Array.Empty<Task>(),
            .. Dispatches && Scheduler.HasAny ? [ScheduleAsync(loop, intake.Token)] : Array.Empty<Task>(),
            .. TellAsync(loop, intake.Token),
            .. Role.Works
                ? [
                    loop.RunAsync("node", Node.CycleAsync, Node.WantsMore, () => Shorter(IdleNode, Node.UntilFull), intake.Token),
                    loop.RunAsync("exchange", exchange.CycleAsync, exchange.Arrived, () => exchange.Pause, intake.Token),
                ]
                : Array.Empty<Task>(),
        ];
        Task[] running = [.. Node.Workers.Select(w => Task.Run(() => w.RunAsync(work.Token), CancellationToken.None))];
        Task[] finishing = [.. Node.Lanes.SelectMany(lane => FinishAsync(loop, lane.Finisher, work.Token))];
        var listening = listener?.RunAsync(intake.Token) ?? Task.CompletedTask;
        var drained = drainHorizon is { } horizon ? DrainedAsync(horizon, intake.Token) : Task.Delay(Timeout.InfiniteTimeSpan, time, intake.Token);

        // Whatever ends first: told to stop, drained, or a loop that could not go on.
        var first = await Task.WhenAny([drained, watchdog.Stalled, Exceeded, .. taking, .. finishing, .. running]);
        var fault = first.IsFaulted ? first.Exception!.InnerException : null;
        if (fault is StalledException) Log.Fault(log, fault);
        Notices?.Stopping();
        await intake.CancelAsync();
        var shutdown = new Shutdown(Node, exchange, leadership, program.ShutdownTimeout, log, time);
        var abandoned = await shutdown.RunAsync([.. taking, listening], work, hurry);
        if (shutdown.LeftLoop && fault is null && !health.IsDown)
        {
            // It was told to stop and stands still: whatever holds it up must not hold up the end of the process.
            fault = new StalledException();
            Log.Fault(log, fault);
            watchdog.StayBehind();
        }
        Task[] last = [.. finishing, Dispatcher.EndPassesAsync().WaitAsync(LastPass), .. Quiet(running, abandoned)];
        await Task.WhenAll(last).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return CodeOf(fault, abandoned, isDraining: drainHorizon is not null);
    }

    private int CodeOf(Exception? fault, int abandoned, bool isDraining)
    {
        if (fault is WorkerIdTakenException)
        {
            Log.WorkerIdTaken(log, fault.Message);
            return ExitCode.WorkerIdTaken;
        }
        if (fault is StartCodeException)
        {
            Log.StartFailed(log, fault.Message);
            return ExitCode.Configuration;
        }
        if (fault is not null)
        {
            if (fault is not StalledException) Log.Fault(log, fault);
            return ExitCode.InternalError;
        }
        if (Exceeded.IsCompleted) return ExitCode.OverMemory;
        if (abandoned > 0) return ExitCode.Abandoned;
        return isDraining && FailedTasks > 0 ? ExitCode.TasksFailed : ExitCode.Done;
    }

    private async Task WaitOutAsync(Func<Task> stepAsync, CancellationToken stopping)
    {
        var contended = new Telling(time);
        while (true)
        {
            try
            {
                await stepAsync();
                return;
            }
            catch (Exception e) when (database.Dialect.Classify(e) is ErrorKind.Locked or ErrorKind.Retry)
            {
                // Many that begin together meet at the same rows.
                if (contended.IsDue(out var unsaid)) Log.Contended(log, "start", unsaid, e.Message);
                await Task.Delay(RetryEvery, time, stopping);
            }
            catch (Exception e) when (database.Dialect.Classify(e) == ErrorKind.Infrastructure)
            {
                // The loops, which are not there yet, would wait it out as well.
                health.Failed(e);
                await Task.Delay(RetryEvery, time, stopping);
            }
        }
    }

    // Handlers may block their threads: without this, the loops would have to wait for the pool to grow by one thread a second.
    private void GrowPool()
    {
        ThreadPool.GetMinThreads(out var threads, out var ports);
        ThreadPool.SetMinThreads(Math.Max(threads, program.Workers + 8), ports);
    }

    private Listener? MakeListener()
    {
        if (messages is null || database.Dialect.Notifications is not { } notifications) return null;
        var topics = new Dictionary<string, Action<string>>(StringComparer.Ordinal);
        if (Role.Dispatches) topics[WakeUps.Due] = WakeHere;
        if (Role.Works) topics[WakeUps.HandOver] = Hear;
        return new Listener(wakeUps, messages.OpenConnectionAsync, notifications, topics, () => health.IsDown, log, time);
    }

    private void Hear(string message)
    {
        var (node, handOver) = HandOverMessage.Read(message);
        if (node == Node.Membership.Node || node == HandOverMessage.All) exchange.Wake(handOver);
    }

    private bool Dispatches => Role.Dispatches && program.RunsDispatcher;

    /// <summary>
    /// Runs what the program does at the start of a dispatcher, before this process has a lease that it could lose by it.
    /// Returns what went wrong.
    /// </summary>
    private async Task<string?> StartDispatcherAsync(CancellationToken stopping)
    {
        var starts = Dispatches ? program.DispatcherStarts : [];
        try
        {
            for (var i = 0; i < starts.Count; i++)
            {
                var code = starts[i];
                await StartCode.RunAsync("OnDispatcherStart", i, starts.Count, () => code(stopping), stopping);
            }
            return null;
        }
        catch (StartCodeException e)
        {
            return e.Message;
        }
    }

    private static Task[] Quiet(Task[] running, int abandoned) => abandoned > 0 ? [] : running;

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

    public async ValueTask DisposeAsync()
    {
        sampler.Forget();
        Node.Dispose();
        Dispatcher.Dispose();
        Scheduler.Dispose();
        await database.DisposeAsync();
        await heartbeats.DisposeAsync();
        await handlers.DisposeAsync();
        if (messages is not null) await messages.DisposeAsync();
    }
}
