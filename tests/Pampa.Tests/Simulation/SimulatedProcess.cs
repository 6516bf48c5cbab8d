using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Pampa.Dispatching;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Pampa.Tests.Scenarios;
using Pampa.Working;

namespace Pampa.Tests.Simulation;

/// <summary>
/// A process of the cluster, put together from the product's parts as the engine does; the simulation turns its loops. It has a monotonic
/// clock of its own, which stands still while it is frozen.
/// </summary>
internal sealed class SimulatedProcess : IDisposable
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);
    private readonly Dictionary<string, (Life Life, long Since)> seen = [];
    private readonly string name;
    private readonly string label;
    private TimeSpan owed;

    public SimulatedProcess(string name, int number, int workers, World world, Part part)
    {
        // No node has the name of one that only leads.
        if (!part.Works()) name = $"x{number}";
        this.name = name;
        Part = part;
        IsHearing = part.Works() && world.Plan.Later.Hears(number);
        Holds = new KnownHolds(this, world);
        label = $"{name}#{number}";
        Time.SetUtcNow(new DateTimeOffset(TestClock.Begin));
        var random = new Random(world.Random.Next());
        Wire = new SimulatedWire(this, world, mayPause: true);
        var database = Open(Wire, world, random);
        var cluster = new ClusterStore(database, TestCluster.Cluster);
        var beats = new ClusterStore(Open(new SimulatedWire(this, world, mayPause: false), world, random), TestCluster.Cluster);
        var log = NullLogger.Instance;
        Lanes = [.. world.Tables.Select(t => new Lane(new TaskStore(database, t, TestCluster.Cluster, random), new JobLoad(t.Job, log, Time), Time, random))];
        Membership = new Membership(cluster, beats, TestCluster.WorkerLease, Time);
        var runner = new TaskRunner(database.Source, () => Membership.IsTrusted, log, Time, random);
        Node = new Node(new NodeName(name), part.Works() ? workers : 0, Membership, Lanes, wantsMore => new Worker(runner, wantsMore, Time), log, Time, random);
        Holder = $"{name}@{number}";
        Leadership = new Leadership(cluster, "cluster", Holder, TestCluster.LeaderLease, Time);
        var jobs = Lanes.Select(lane => new JobDispatch(lane.Store, lane.Load, rows => Node.Deliver(lane, rows), PollInterval, Time)
        {
            DeliverStarted = world.Plan.Later.IsQuick ? tasks => Node.DeliverStarted(lane, tasks) : null,
            // In the one thread of the run.
            Beside = run => run(),
        }).ToList();
        if (world.Plan.Later.IsQuick) foreach (var lane in Lanes) BeQuick(lane.Load);
        var tables = ClusterTables.Of(database, TestCluster.Cluster);
        Dispatcher = new Dispatcher(tables, jobs, Leadership, new Watch(Time), () => Membership.Node,
            PollInterval, log, Time);
        Exchange = new Exchange(Node, tables.Exchange, () => Dispatcher.IsLeading, () => IsHearing, PollInterval, Time);
        Loops = ProcessLoops.Of(this);
    }

    private static void BeQuick(JobLoad load)
    {
        for (var i = 0; i < 300; i++) load.Durations.Add(TimeSpan.FromMilliseconds(10));
    }

    private static Database Open(SimulatedWire wire, World world, Random random) => new(
        new FaultyDataSource(world.Db.Source, new Faults(SimulatedWire.Gone) { Wire = wire }), world.Db.Dialect, wire.Process.Time, random);

    public string Name => name;

    public FakeTimeProvider Time { get; } = new();

    public SimulatedWire Wire { get; }

    public List<Lane> Lanes { get; }

    public Membership Membership { get; }

    public Node Node { get; }

    public Leadership Leadership { get; }

    public Dispatcher Dispatcher { get; }

    public Exchange Exchange { get; }

    public string Holder { get; }

    public IReadOnlyList<ProcessLoop> Loops { get; }

    public Trust Trust { get; } = new();

    public Part Part { get; }

    /// <summary>Whether it is told what is handed over to its node.</summary>
    public bool IsHearing { get; }

    public KnownHolds Holds { get; }

    /// <summary>Who may have work of a job, as this process was told last.</summary>
    public Dictionary<(string Job, string Worker), bool> Told { get; } = [];

    /// <summary>Killed, or ended in good order: nothing of it happens any more.</summary>
    public bool IsGone { get; set; }

    public bool IsFrozen { get; set; }

    public bool IsStopping => Ending is not null;

    /// <summary>The next step of its stop.</summary>
    public Func<Task>? Ending { get; set; }

    /// <summary>What somebody who operates the cluster has this process do, once.</summary>
    public Func<Task>? Operation { get; set; }

    /// <summary>Whether it has registered more than once.</summary>
    public bool HasRejoined => Registrations > 1;

    public int Registrations { get; set; }

    /// <summary>Workers whose handlers run.</summary>
    public HashSet<string> Busy { get; } = [];

    /// <summary>Handlers that have come to an end in it, and so many results it must account for.</summary>
    public Dictionary<string, int> Ended { get; } = [];

    public void See(Life life)
    {
        var isKnown = seen.TryGetValue(life.Worker, out var before) && before.Life.Session == life.Session && before.Life.Heartbeat == life.Heartbeat;
        seen[life.Worker] = (life, isKnown ? before.Since : Time.GetTimestamp());
    }

    /// <summary>Whether a worker of another process took tasks when it looked last.</summary>
    public bool HasSeenReady(string worker) => seen.TryGetValue(worker, out var known) && known.Life.State == "ready";

    /// <summary>For how long it has known the same heartbeat of a worker.</summary>
    public TimeSpan? SilenceOf(Life life) =>
        seen.TryGetValue(life.Worker, out var known) && known.Life.Session == life.Session && known.Life.Heartbeat == life.Heartbeat
            ? Time.GetElapsedTime(known.Since)
            : null;

    /// <summary>Lets time pass for it; one that is frozen, or must not be woken, catches up later.</summary>
    public void Advance(TimeSpan time, bool mustNotWake)
    {
        owed += time;
        if (IsFrozen || mustNotWake) return;
        var due = owed;
        owed = TimeSpan.Zero;
        Time.Advance(due);
    }

    public void Dispose() => Node.Dispose();

    public override string ToString() => label;
}

/// <summary>What the simulation holds of a process's trust in its leases, from the requests that were granted.</summary>
internal sealed class Trust
{
    /// <summary>When the request was sent that the workers' leases were last granted by.</summary>
    public long? Member { get; set; }

    public long? Leader { get; set; }

    /// <summary>Whether the leases could be trusted when the node's or the dispatcher's cycle began, or were granted in it.</summary>
    public bool NodeMay { get; set; }

    public bool DispatcherMay { get; set; }

    /// <summary>Jobs of which a RESERVE or START has got no answer since the last look at what is held.</summary>
    public HashSet<string> Doubts { get; } = [];

    /// <summary>Jobs that were in doubt when the dispatcher's or the node's cycle began.</summary>
    public HashSet<string> DoubtsOfDispatcher { get; set; } = [];

    public HashSet<string> DoubtsOfNode { get; set; } = [];
}
