using Pampa.Jobs;

namespace Pampa.Tests.Simulation;

/// <summary>
/// A time in which nothing goes wrong and what was held last still is. Once everybody has had time to look nothing of it may begin, and before
/// long nobody may hold a reservation of it, for others could do it.
/// </summary>
internal sealed class HeldQuiet(Simulation simulation, Action turnAll)
{
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(500);

    // A look of the node and one of the leader, and a turn in which each of them is made.
    private static readonly TimeSpan Known = TimeSpan.FromSeconds(2 + 1) + (2 * Turn);

    // What is not known to begin with, after an outage or a lock: a lease, a look at what is suspended, a look at all, a hand time-out.
    private static readonly TimeSpan GivenBack = TimeSpan.FromSeconds(31 + 30 + 30 + 60);
    private static readonly TimeSpan AtLeast = TimeSpan.FromSeconds(10);
    private readonly World world = simulation.World;

    public void Run()
    {
        var held = new Holds(world.Holds.Where(h => h.Value is null).Select(h => h.Key));
        if (held.IsSame(Holds.None)) return;
        world.Trace.Add("what is held stays so for a while");
        for (var passed = TimeSpan.Zero; passed < AtLeast || Kept(held).Count > 0; passed += Turn)
        {
            if (passed >= Known) world.Ledger.Untouchable = held;
            if (passed >= GivenBack) throw new BrokenRuleException($"after {passed} somebody still has what is held: {string.Join(", ", Kept(held))}");
            turnAll();
            simulation.Pass(Turn);
        }
        world.Ledger.Untouchable = Holds.None;
    }

    private List<string> Kept(Holds held) => [.. world.Plan.Jobs.SelectMany(job => world.Ledger.Of(job)
        .Where(r => r.IsReserved && KnownHolds.Forbid(held, job.Name, r.Rid!)).Select(r => $"{job.Name} {r}"))];
}
