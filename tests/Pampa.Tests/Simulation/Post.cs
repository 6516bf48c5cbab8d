using Pampa.Storage;

namespace Pampa.Tests.Simulation;

/// <summary>
/// What those nodes are told that hear, as a database with messages tells it: that something was handed over, and mostly also what. It comes
/// late, in order, and not always.
/// </summary>
internal sealed class Post(World world, Simulation simulation)
{
    private readonly Random random = world.Plan.Later.Draw(4);
    private readonly HashSet<(string Node, string Batch)> known = [];
    private readonly List<(SimulatedProcess To, string Node, HandOver? What)> underWay = [];

    /// <summary>Somebody has reserved something: whoever hears is sent what is new.</summary>
    public void Send()
    {
        if (world.Plan.Later.Telling == 0) return;
        foreach (var (node, batch, job, rows) in world.Db.HandOvers())
        {
            // A node that has much in hand is not told.
            if (!known.Add((node, batch)) || random.Next(4) == 0) continue;
            var what = random.Next(4) == 0 ? null : new HandOver(batch, job, rows);
            foreach (var process in simulation.Processes.Where(p => p is { IsHearing: true, IsGone: false })) underWay.Add((process, node, what));
        }
    }

    /// <summary>The next thing may come now.</summary>
    public void Next()
    {
        if (world.Plan.Later.Telling == 0 || random.NextDouble() >= world.Plan.Later.Telling) return;
        var comes = underWay.FindIndex(m => m.To is { IsGone: false, IsFrozen: false });
        if (comes < 0) return;
        var (to, node, what) = underWay[comes];
        underWay.RemoveAt(comes);
        // What it is called by now decides whether it is meant.
        if (to.Membership.Node != node || random.Next(10) == 0) return;
        world.Trace.Add($"{to} hears of something{(what is null ? "" : $" of {what.Job}")}");
        simulation.Do(to, () =>
        {
            if (what is not null) to.Holds.Hear();
            to.Exchange.Wake(what);
        });
    }
}
