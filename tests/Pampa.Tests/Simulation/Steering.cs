using Pampa.Jobs;

namespace Pampa.Tests.Simulation;

/// <summary>
/// What people hold and let go, drawn apart from everything else: a seed that has none of it runs as if there were no such thing.
/// </summary>
internal sealed class Steering(World world, Simulation simulation)
{
    private readonly Random random = new(world.Seed * 7_919 + 13);

    /// <summary>Something may be held or let go now.</summary>
    public void Next()
    {
        if (world.Plan.Steering == 0 || random.NextDouble() >= world.Plan.Steering) return;
        if (random.Next(2) == 0) LetGo();
        else Hold();
    }

    private void Hold()
    {
        var (kind, name) = random.Next(3) switch
        {
            0 => (HoldKind.Job, world.Plan.Jobs[random.Next(world.Plan.Jobs.Count)].Name),
            1 => (HoldKind.Node, DrawProcess().Name),
            _ => (HoldKind.Worker, $"{DrawProcess().Name}.{random.Next(1, 4)}"),
        };
        DateTime? until = random.Next(2) == 0 ? world.Db.Clock.Now.AddSeconds(random.Next(1, 20)) : null;
        var text = until is { } end ? $"'{SimulatedDatabase.Stamp(end)}'" : "NULL";
        world.Trace.Add($"somebody holds {kind} {name} until {text}");
        world.Holds[new Jobs.Hold(kind, name)] = until;
        world.Db.Execute($"""
            INSERT INTO pampa_hold (cluster, kind, name, reason, held_at, held_until) VALUES ('{Scenarios.TestCluster.Cluster}', '{kind}', '{name}', '', '{world.Db.Now}', {text})
            ON CONFLICT (cluster, kind, name) DO UPDATE SET held_until = excluded.held_until
            """);
    }

    private SimulatedProcess DrawProcess() => simulation.Processes[random.Next(simulation.Processes.Count)];

    private void LetGo()
    {
        if (world.Holds.Count == 0) return;
        var hold = world.Holds.Keys.ElementAt(random.Next(world.Holds.Count));
        world.Trace.Add($"somebody lets {hold} go");
        world.Holds.Remove(hold);
        world.Db.Execute($"DELETE FROM pampa_hold WHERE kind = '{hold.Kind}' AND name = '{hold.Name}'");
    }

    /// <summary>Nothing is held any more.</summary>
    public void LetAllGo()
    {
        world.Holds.Clear();
        world.Db.Execute("DELETE FROM pampa_hold");
    }
}

/// <summary>What a process knows to be held, from the answers that it has got.</summary>
internal sealed class KnownHolds
{
    private Holds asked = Holds.None;
    private Holds told = Holds.None;

    /// <summary>What its node knew when its cycle began.</summary>
    public Holds OfNode { get; private set; } = Holds.None;

    /// <summary>What its dispatcher was last told.</summary>
    public Holds OfDispatcher { get; private set; } = Holds.None;

    /// <summary>It asks, as a node with its mail or as a dispatcher: this is what it will be told.</summary>
    public void Ask(World world) => asked = new Holds(world.Holds.Where(h => h.Value is not { } until || until > world.Db.Clock.Now).Select(h => h.Key));

    /// <summary>The dispatcher has its answer.</summary>
    public void TellDispatcher() => OfDispatcher = asked;

    /// <summary>The node's answer is on its way.</summary>
    public void TellNode() => told = asked;

    /// <summary>
    /// A cycle of the node begins. While its answer is on its way nobody can say which it goes by: then nothing is certain.
    /// </summary>
    public void BeginNode(bool isAsking) => OfNode = isAsking ? Holds.None : told;

    /// <summary>Whether a task of a job must not begin on a worker.</summary>
    public static bool Forbid(Holds holds, string job, string worker) =>
        holds.IsJobHeld(job) || holds.IsWorkerHeld(worker, worker[..worker.LastIndexOf('.')]);
}
