using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Pampa.Dispatching;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Working;

namespace Pampa.Tests.Scenarios;

/// <summary>
/// One process of a cluster: what the engine puts together, without the loops, the threads and the sleep. Its connections have faults when
/// the test wants them.
/// </summary>
internal sealed class TestProcess : IAsyncDisposable
{
    /// <summary>Parts of statements by which faults find them.</summary>
    public const string Reserve = "SET \"odd_checking_reservation_id\" = v._pampa_rid";
    public const string LookBehind = "<= (@bound";
    public const string Start = "\"odd_checking_reservation_times\" = COALESCE(t.\"odd_checking_reservation_times\", 0) + 1";
    public const string Finish = "= v._pampa_st AND";
    public const string Commit = "COMMIT of a task";
    public const string Release = "SET \"odd_checking_reservation_id\" = NULL, \"odd_checking_reservation_time\" = NULL";
    public const string Relaunch = "END = v._pampa_state";
    public const string Recover = "c._pampa_verdict";
    public const string ReadOwn = "IN (SELECT o._pampa_worker";
    private readonly TestCluster cluster;
    private readonly string name;
    private readonly string published;
    private readonly Database database;
    private readonly ListLogger log;
    private readonly TimeSpan beatEvery;
    private readonly List<JobDispatch> jobs;
    private long beatAt;

    private TestProcess(TestCluster cluster, PampaBuilder program, string name, Faults faults, Database database, List<JobTable> resolved)
    {
        this.cluster = cluster;
        this.name = name;
        this.database = database;
        Faults = faults;
        log = new ListLogger(Lines);
        var random = new Random(1);
        var time = cluster.Time;
        published = program.ProgramVersion is null ? name : program.Program;
        Store = new ClusterStore(database, TestCluster.Cluster) { Program = program.Program };
        var notes = new Notebook(new HistoryStore(database, TestCluster.Cluster));
        Lanes = resolved.ConvertAll(table => new Lane(
            new TaskStore(database, table, TestCluster.Cluster, random) { Notes = notes }.Calling(database.Source, log, time),
            new JobLoad(table.Job, log, time), time, random));
        Membership = new Membership(Store, Store, program.WorkerLease, time);
        beatEvery = program.WorkerLease / 3;
        var runner = new TaskRunner(database.Source, () => Membership.IsTrusted, log, time, random);
        Node = new Node(new NodeName(name), program.Workers, Membership, Lanes, wantsMore => new Worker(runner, wantsMore, time), log, time, random)
        {
            Start = new WorkerStart(program.WorkerStarts),
        };
        Leadership = new Leadership(Store, "cluster", $"{name}@{Guid.NewGuid():N}", program.LeaderLease, time);
        jobs = Lanes.Select(lane => new JobDispatch(lane.Store, lane.Load, rows => Node.Deliver(lane, rows), program.PollInterval, time)).ToList();
        var tables = ClusterTables.Of(database, TestCluster.Cluster, program.Program);
        Dispatcher = new Dispatcher(
            tables, jobs, Leadership, new Watch(time), () => Membership.Node, program.PollInterval, log, time);
        Scheduler = new Scheduler(tables.Schedules, program.Schedules, Dispatcher.LeadAsync, database.Source, log, time, random)
        {
            Ticked = () =>
            {
                Ticks++;
                Dispatcher.Wake();
            },
        };
        var stores = Lanes.ConvertAll(l => l.Store);
        var access = new ClusterAccess();
        var parts = new ClusterParts(database, tables, stores, [], Dispatcher, (_, _) => Task.CompletedTask, _ => Task.CompletedTask) { Scheduler = Scheduler };
        access.Set(parts);
        Cluster = new PampaCluster(access);
        var alone = new ClusterAccess();
        alone.Set(parts with { WaitsForHooks = true });
        Tool = new PampaCluster(alone);
        Vitals = new Vitals(Node, tables.Nodes, notes, log, time);
        Sampler = new Sampler(tables, jobs, () => Dispatcher.IsLeading, Dispatcher.LeadAsync, notes, log, time) { AuditRetention = program.AuditRetention };
        Limits = new PublishedLimits(Store, Lanes.ConvertAll(lane => lane.Job), log);
        Exchange = new Exchange(Node, tables.Exchange, () => Dispatcher.IsLeading, () => IsHeard, program.PollInterval, time);
    }

    public static async Task<TestProcess> MakeAsync(TestCluster cluster, PampaBuilder program, string name)
    {
        var faults = new Faults(cluster.Gone);
        var database = new Database(new FaultyDataSource(cluster.Db.Source, faults), cluster.Db.Database.Dialect, cluster.DatabaseTime, new Random(1));
        var errors = new List<string>();
        var tables = new List<JobTable>();
        foreach (var job in program.Build(errors))
        {
            var recorded = job with
            {
                Handler = job.Handler with
                {
                    RunAsync = task =>
                    {
                        Record(task);
                        return job.Handler.RunAsync(task);
                    },
                    Batch = job.Handler.Batch is not { } batch ? null : batch with
                    {
                        RunAsync = (tasks, stopping) =>
                        {
                            Array.ForEach(tasks, Record);
                            cluster.Batches.Enqueue([.. tasks.Select(t => long.Parse(t.Key, CultureInfo.InvariantCulture))]);
                            return batch.RunAsync(tasks, stopping);
                        },
                    },
                },
            };
            if (await new Schema(database).ResolveAsync(recorded, errors, TestCluster.Stopping) is not { } table) continue;
            await cluster.Db.GrantAsync(table);
            tables.Add(table);
        }
        Assert.Empty(errors);
        return new TestProcess(cluster, program, name, faults, database, tables);

        void Record(PampaTask task) => cluster.Calls.Enqueue(
            new Call(name, task.Job, long.TryParse(task.Key, CultureInfo.InvariantCulture, out var key) ? key : -1, task.Attempt, task.Worker));
    }

    public Faults Faults { get; }

    public ClusterStore Store { get; }

    public Membership Membership { get; }

    public Node Node { get; }

    public List<Lane> Lanes { get; }

    public Lane Lane => Lanes[0];

    public Counters Counters => Lane.Counters;

    public Leadership Leadership { get; }

    public Dispatcher Dispatcher { get; }

    public Exchange Exchange { get; }

    public Scheduler Scheduler { get; }

    public Vitals Vitals { get; }

    public Sampler Sampler { get; }

    /// <summary>The cluster as a program of this process sees it.</summary>
    public PampaCluster Cluster { get; }

    /// <summary>The same, as a process has it that does nothing else.</summary>
    public PampaCluster Tool { get; }

    public PublishedLimits Limits { get; }

    /// <summary>Whether the process takes it that it hears what it is told.</summary>
    public bool IsHeard { get; set; }

    /// <summary>Whether its dispatcher may start what it reserves for the process's own workers, as the engine's does.</summary>
    public bool StartsAtOnce
    {
        get => jobs[0].DeliverStarted is not null;
        set
        {
            foreach (var (lane, job) in Lanes.Zip(jobs)) job.DeliverStarted = value ? tasks => Node.DeliverStarted(lane, tasks) : null;
        }
    }

    /// <summary>What the process has logged.</summary>
    public ConcurrentQueue<string> Lines { get; } = new();

    /// <summary>False: it is killed; its cycles are turned no more.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>Cycles that ended because the database was out of reach.</summary>
    public int Outages { get; private set; }

    public async Task JoinAsync(CancellationToken? stopping = null)
    {
        await Node.JoinAsync(stopping ?? TestCluster.Stopping);
        beatAt = cluster.Time.GetTimestamp();
    }

    /// <summary>Publishes what the program says of its jobs, as each process does at its start. Returns whether all of it was taken.</summary>
    public async Task<bool> PublishAsync()
    {
        var isTaken = true;
        foreach (var lane in Lanes) isTaken &= await Store.PublishAsync(lane.Job, published, TestCluster.Stopping) is not null;
        return isTaken;
    }

    public Task<bool> DispatchAsync() => LoopedAsync(() => Dispatcher.CycleAsync(TestCluster.Stopping));

    public Task<bool> TickAsync() => LoopedAsync(() => Scheduler.CycleAsync(TestCluster.Stopping));

    public Task<bool> ExchangeAsync() => LoopedAsync(() => Exchange.CycleAsync(TestCluster.Stopping));

    public Task<bool> StartAsync() => LoopedAsync(() => Node.CycleAsync(TestCluster.Stopping));

    /// <summary>Runs everything that is started.</summary>
    public async Task RunAsync()
    {
        var ran = true;
        while (ran)
        {
            ran = false;
            foreach (var worker in Node.Workers) ran |= await worker.RunNextAsync();
        }
    }

    /// <summary>Writes what has gathered; the clock first moves past the time that results are kept for company.</summary>
    public async Task FinishAsync()
    {
        await cluster.AdvanceAsync(TimeSpan.FromMilliseconds(6));
        foreach (var lane in Lanes)
        {
            for (var i = 0; i < 100 && await LoopedAsync(() => lane.Finisher.CycleAsync(TestCluster.Stopping)); i++)
            {
                await cluster.AdvanceAsync(TimeSpan.FromMilliseconds(6));
            }
            if (WaitsForHooks && lane.Store.Calls is { } calls) await calls.IdleAsync();
        }
    }

    /// <summary>How often the dispatcher was told of ticks that were done.</summary>
    public int Ticks { get; private set; }

    /// <summary>Whether a round ends only when the code of hooks has.</summary>
    public bool WaitsForHooks { get; set; } = true;

    /// <summary>One turn of everything that a process does, in the order of a record's way.</summary>
    public async Task RoundAsync()
    {
        if (cluster.Time.GetElapsedTime(beatAt) >= beatEvery) TryBeat();
        await TickAsync();
        await DispatchAsync();
        await ExchangeAsync();
        await StartAsync();
        await RunAsync();
        await FinishAsync();
    }

    /// <summary>
    /// Rounds for some seconds, ten in each, beside code of the program's that does not answer: the leader gives it a moment, which passes only
    /// here.
    /// </summary>
    public async Task PatientRoundsAsync(double seconds)
    {
        for (var i = 0; i < seconds * 10; i++)
        {
            var round = RoundAsync();
            for (var wait = 0; wait < 10_000 && !round.IsCompleted; wait++)
            {
                await Task.WhenAny(round, Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System));
                if (!round.IsCompleted) await cluster.AdvanceAsync(0.02);
            }
            await round;
            await cluster.AdvanceAsync(0.1);
        }
    }

    public void TryBeat()
    {
        beatAt = cluster.Time.GetTimestamp();
        try
        {
            Membership.Beat();
        }
        catch (Exception e) when (database.Dialect.Classify(e) == ErrorKind.Infrastructure)
        {
            Outages++;
        }
    }

    /// <summary>The process is gone, as after <c>kill -9</c>; what is in its memory is lost.</summary>
    public void Kill() => IsAlive = false;

    /// <summary>Writes into the control tables that this process was another one of this host, which is gone.</summary>
    public Task MarkDeadAsync()
    {
        var current = ProcessIdentity.Current;
        var dead = TableLiteral($"{current[..current.LastIndexOf('/')]}/0");
        return cluster.Db.ExecuteAsync($"UPDATE pampa_worker SET process = {dead} WHERE node = {TableLiteral(Membership.Node)}");
    }

    private static string TableLiteral(string text) => Fixtures.TableProfile.Literal(text);

    // What a loop makes of an error: it says so and comes back.
    private async Task<bool> LoopedAsync(Func<Task<bool>> cycleAsync)
    {
        try
        {
            return await cycleAsync();
        }
        catch (Exception e) when (database.Dialect.Classify(e) is ErrorKind.Infrastructure or ErrorKind.Retry or ErrorKind.Locked)
        {
            Outages++;
            return false;
        }
    }

    public override string ToString() => name;

    public ValueTask DisposeAsync()
    {
        Node.Dispose();
        Scheduler.Dispose();
        return ValueTask.CompletedTask;
    }

    internal sealed class ListLogger(ConcurrentQueue<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue($"{logLevel}: {formatter(state, exception)}{(exception is null ? "" : $" ({exception.Message})")}");
    }
}
