using System.Globalization;
using Pampa.Tests.Scenarios;

namespace Pampa.Tests.Simulation;

/// <summary>
/// A cluster in one thread: the seed draws who does the next step, whether time passes, and what goes wrong. The rules are checked after
/// each statement and after each step.
/// </summary>
internal sealed class Simulation : IDisposable
{
    private static readonly TimeSpan BeatEvery = TestCluster.WorkerLease / 3;
    private readonly World world;
    private readonly List<SimulatedProcess> processes = [];
    private readonly Dictionary<SimulatedProcess, long> beats = [];
    private readonly Misfortunes misfortunes;
    private readonly Steering steering;
    private readonly Post post;
    private int records;

    public Simulation(int seed)
    {
        world = new World(seed);
        misfortunes = new Misfortunes(world, this);
        steering = new Steering(world);
        post = new Post(world, this);
        world.Reserved = post.Send;
    }

    public World World => world;

    public IReadOnlyList<SimulatedProcess> Processes => processes;

    public IEnumerable<SimulatedProcess> Active => processes.Where(p => p is { IsGone: false, IsFrozen: false });

    /// <summary>Runs a seed to its end; returns the hash of all that has happened.</summary>
    public string Run()
    {
        // Without a context what follows from a step runs within it, on this thread and in one order.
        var former = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            Insert(world.Plan.Records);
            foreach (var (i, workers) in world.Plan.Workers.Index()) Start(i, workers);
            for (var step = 0; step < world.Plan.Steps; step++) Next();
            new Settling(this, misfortunes, steering).Run();
            return world.Trace.Hash;
        }
        catch (Exception e)
        {
            throw new BrokenRuleException($"""
                Seed {world.Seed}: {e.Message}
                To repeat it: PAMPA_SIMULATION_FIRST={world.Seed} PAMPA_SIMULATION_SEEDS=1 artifacts/bin/Pampa.Tests/debug/Pampa.Tests -class "*SimulationTests"
                {world.Trace}
                """, e);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(former);
        }
    }

    public void Start(int name, int workers) => Start(name, workers, world.Plan.Later.PartOf(processes.Count));

    public void Start(int name, int workers, Part part)
    {
        var process = new SimulatedProcess(((char)('a' + name)).ToString(), processes.Count, workers, world, part);
        processes.Add(process);
        world.Trace.Add(part == Part.All ? $"{process} begins with {workers} workers" : $"{process} begins as {part} with {process.Node.Workers.Count} workers");
    }

    public void Insert(int count)
    {
        var later = SimulatedDatabase.Stamp(world.Db.Clock.Now.AddSeconds(world.Random.Next(1, 20)));
        foreach (var table in world.Plan.Jobs.GroupBy(j => j.Table))
        {
            for (var i = 1; i <= count; i++)
            {
                var isActive = world.Random.Next(5) > 0 ? "TRUE" : "FALSE";
                var due = world.Random.Next(6) == 0 ? $"'{later}'" : "NULL";
                world.Db.Execute(string.Create(CultureInfo.InvariantCulture,
                    $"INSERT INTO {table.Key} (value, active, score, {table.First().Name}_reservation_time) VALUES ({records + i}, {isActive}, {world.Random.Next(10)}, {due})"));
            }
        }
        records += count;
        world.Ledger.Accept();
    }

    private void Next()
    {
        var what = world.Random.Next(100);
        if (what < 70) Turn();
        else if (what < 85) Pass(DrawTime());
        else if (what < 93 && world.Held is { Count: > 0 } held) Let(held[world.Random.Next(held.Count)]);
        else misfortunes.Next();
        steering.Next();
        post.Next();
        Look();
    }

    private TimeSpan DrawTime() => TimeSpan.FromMilliseconds(world.Random.Next(100) switch
    {
        < 65 => world.Random.Next(1, 300),
        < 88 => world.Random.Next(300, 3_000),
        < 98 => world.Random.Next(3_000, 15_000),
        _ => world.Random.Next(15_000, 45_000),
    });

    private void Turn()
    {
        var ready = Active.SelectMany(p => p.Loops.Where(l => IsReady(p, l)).Select(l => (Process: p, Loop: l))).ToList();
        if (ready.Count > 0 && ready[world.Random.Next(ready.Count)] is var (process, loop)) Turn(process, loop);
    }

    private bool IsReady(SimulatedProcess process, ProcessLoop loop) =>
        !loop.IsUnderWay && !(loop.UsesDatabase && world.IsWriting(process)) && !(loop.IsTaking && process.IsStopping);

    public void Turn(SimulatedProcess process, ProcessLoop loop)
    {
        if (!IsReady(process, loop)) return;
        Do(process, loop.Begin);
    }

    /// <summary>Does something of a process and what follows from it.</summary>
    public void Do(SimulatedProcess process, Action action)
    {
        world.Current = process;
        world.Turns++;
        action();
        world.Bury();
        Look();
    }

    public void Let(HeldUp held) => Do(held.Process, () => world.Release(held));

    /// <summary>Lets time pass; whoever lives beats in time.</summary>
    public void Pass(TimeSpan time)
    {
        for (var left = time; left > TimeSpan.Zero; left -= TimeSpan.FromSeconds(5))
        {
            var part = left < TimeSpan.FromSeconds(5) ? left : TimeSpan.FromSeconds(5);
            world.Db.Clock.AdvanceAsync(part);
            foreach (var process in processes.Where(p => !p.IsGone))
            {
                Advance(process, part);
                if (process is { IsFrozen: false, IsGone: false }) Beat(process);
            }
        }
    }

    public void Advance(SimulatedProcess process, TimeSpan time)
    {
        world.IsPassing = true;
        Do(process, () => process.Advance(time, world.MayWakeToWrite(process)));
        world.IsPassing = false;
    }

    private void Beat(SimulatedProcess process)
    {
        if (beats.TryGetValue(process, out var last) && process.Time.GetElapsedTime(last) < BeatEvery) return;
        try
        {
            Do(process, process.Membership.Beat);
            beats[process] = process.Time.GetTimestamp();
        }
        catch (Exception e) when (IsOrdinary(e))
        {
            // The next turn tries again.
        }
    }

    private bool IsOrdinary(Exception error) => world.Broken is null
        && world.Db.Dialect.Classify(error) is Storage.ErrorKind.Infrastructure or Storage.ErrorKind.Locked or Storage.ErrorKind.Data;

    /// <summary>What must hold after each step.</summary>
    private void Look()
    {
        if (world.Broken is { } broken) throw broken;
        foreach (var process in processes.Where(p => !p.IsGone))
        {
            foreach (var loop in process.Loops)
            {
                if (loop.TakeError() is { } error && !IsOrdinary(error)) throw new BrokenRuleException($"{loop}: {error}", error);
            }
            foreach (var (lane, job) in process.Lanes.Zip(world.Plan.Jobs))
            {
                foreach (var hand in lane.Load.Hands)
                {
                    // What was in doubt and is taken up again, or came from a former leader, may meet what was reserved meanwhile.
                    if (hand.Count > 2 * job.MaxQueueSize && !HasTwin(process)) throw new BrokenRuleException($"{process}: {hand.Worker} has {hand.Count} records of {job.Name} in hand");
                }
                if (lane.Load.IsSuspended) throw new BrokenRuleException($"{process}: job {job.Name} is suspended");
            }
        }
    }

    // What another life of the same ids has reserved comes on top.
    private bool HasTwin(SimulatedProcess process) => processes.Exists(p => p != process && p.Name == process.Name);

    public void Dispose()
    {
        foreach (var process in processes) process.Dispose();
        world.Dispose();
    }
}
