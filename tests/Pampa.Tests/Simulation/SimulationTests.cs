using System.Globalization;

namespace Pampa.Tests.Simulation;

/// <summary>
/// Whole clusters in one thread, each from a seed: dispatchers, nodes and workers in an order that is drawn, with deaths, lost answers, locks,
/// refusals and clocks that step. A failure tells its seed, the command that repeats it, and what happened last. For thousands of seeds:
/// <c>PAMPA_SIMULATION_SEEDS=5000 artifacts/bin/Pampa.Tests/debug/Pampa.Tests -class "*SimulationTests"</c>, from
/// <c>PAMPA_SIMULATION_FIRST</c> on (1).
/// </summary>
public sealed class SimulationTests
{
    private const int Ranges = 10;
    private const int SeedsByDefault = 200;
    private const int MostBroken = 20;

    public static TheoryData<int, int> SeedRanges()
    {
        var first = Number("PAMPA_SIMULATION_FIRST", 1);
        var count = Number("PAMPA_SIMULATION_SEEDS", SeedsByDefault);
        var data = new TheoryData<int, int>();
        var size = Math.Max(1, (count + Ranges - 1) / Ranges);
        for (var from = first; from < first + count; from += size) data.Add(from, Math.Min(from + size, first + count) - 1);
        return data;
    }

    [Theory, MemberData(nameof(SeedRanges))]
    public void Whatever_happens_every_rule_of_the_protocol_holds(int first, int last)
    {
        var broken = new List<BrokenRuleException>();
        for (var seed = first; seed <= last && broken.Count < MostBroken; seed++)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            using var simulation = new Simulation(seed);
            try
            {
                simulation.Run();
            }
            catch (BrokenRuleException e)
            {
                broken.Add(e);
            }
        }
        Assert.True(broken.Count == 0, string.Join($"{Environment.NewLine}{Environment.NewLine}", broken.Select(e => e.Message)));
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(23), InlineData(133)]
    public void The_same_seed_gives_the_same_run(int seed)
    {
        using var first = new Simulation(seed);
        using var second = new Simulation(seed);

        Assert.Equal(first.Run(), second.Run());
        Assert.Equal(first.World.Trace.Count, second.World.Trace.Count);
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
