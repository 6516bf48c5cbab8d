using Pampa.Working;

namespace Pampa.Tests.Simulation;

/// <summary>A stop in order, in the steps of the engine: nothing more is taken, what waits is given back, what runs is ended, the ids are given up.</summary>
internal sealed class Stop(Simulation simulation, SimulatedProcess process)
{
    public void Begin()
    {
        if (process.IsStopping || simulation.World.IsWriting(process) || process.Loops.Any(l => l.IsTaking && l.IsUnderWay)) return;
        simulation.World.Trace.Add($"{process} stops");
        process.Ending = ReleaseAsync;
    }

    private async Task ReleaseAsync()
    {
        await TryAsync(process.Node.ReleaseAllAsync);
        await TryAsync(process.Leadership.ResignAsync);
        if (simulation.World.Random.Next(2) == 0) process.Node.Interrupt(Interruption.Shutdown);
        process.Ending = ResignAsync;
    }

    // Not before what was begun is written, or the process would not be gone in order.
    private async Task ResignAsync()
    {
        if (process.Node.Unfinished > 0) return;
        if (process.Part.Works()) await TryAsync(process.Membership.ResignAsync);
        process.IsGone = true;
        simulation.World.Trace.Add($"{process} has stopped");
    }

    private async Task TryAsync(Func<CancellationToken, Task> step)
    {
        try
        {
            await step(CancellationToken.None);
        }
        catch (Exception e) when (simulation.World.Db.Dialect.Classify(e) is not Storage.ErrorKind.Other)
        {
            simulation.World.Trace.Add($"{process} could not: {e.Message}");
        }
    }
}
