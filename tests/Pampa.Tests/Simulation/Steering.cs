using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Simulation;

/// <summary>What people hold and let go.</summary>
internal sealed class Steering(World world)
{
    private readonly Random random = world.Plan.Later.Draw(3);
    private readonly ControlStore control = new(
        new Database(world.Db.Source, world.Db.Dialect, TimeProvider.System, new Random(1)), Scenarios.TestCluster.Cluster);

    /// <summary>Something may be held or let go now.</summary>
    public void Next()
    {
        if (world.Plan.Later.Steering == 0 || random.NextDouble() >= world.Plan.Later.Steering) return;
        if (world.HoldsNow is { Count: > 0 } held && random.Next(5) < 2) LetGo(held[random.Next(held.Count)]);
        else Hold(Draw());
    }

    private Jobs.Hold Draw()
    {
        var lives = world.Db.Lives();
        if (lives.Count == 0 || random.Next(2) == 0) return new Jobs.Hold(HoldKind.Job, world.Plan.Jobs[random.Next(world.Plan.Jobs.Count)].Name);
        var life = lives[random.Next(lives.Count)];
        return random.Next(2) == 0 ? new Jobs.Hold(HoldKind.Node, life.Node) : new Jobs.Hold(HoldKind.Worker, life.Worker);
    }

    private void Hold(Jobs.Hold hold)
    {
        DateTime? until = random.Next(3) == 0 ? world.Db.Clock.Now.AddSeconds(random.Next(1, 20)) : null;
        world.Trace.Add($"somebody holds {hold}{(until is { } end ? $" until {SimulatedDatabase.Stamp(end)}" : "")}");
        world.Holds[hold] = until;
        control.HoldAsync(hold, "drawn", until is { } moment ? new DateTimeOffset(moment, TimeSpan.Zero) : null, CancellationToken.None).GetAwaiter().GetResult();
    }

    private void LetGo(Jobs.Hold hold)
    {
        world.Trace.Add($"somebody lets {hold} go");
        world.Holds.Remove(hold);
        control.ReleaseAsync(hold, CancellationToken.None).GetAwaiter().GetResult();
    }

    /// <summary>Nothing is held any more.</summary>
    public void LetAllGo()
    {
        foreach (var hold in world.HoldsNow) LetGo(hold);
    }
}
