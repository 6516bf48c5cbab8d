using System.Globalization;
using Pampa.Jobs;

namespace Pampa.Tests.Simulation;

/// <summary>A record before and after a statement.</summary>
internal sealed record Step(SimulatedProcess Process, JobPlan Job, Sent Sent, Record Before, Record After, string Now)
{
    public Fence FenceBefore => FenceOf(Before);

    public Fence FenceAfter => FenceOf(After);

    private static Fence FenceOf(Record record) =>
        new(new TaskKey(record.Key.ToString(CultureInfo.InvariantCulture)), record.Rid ?? "", record.N, record.St ?? "");

    public void Require(bool holds, string rule)
    {
        if (!holds) throw Broken(rule);
    }

    public BrokenRuleException Broken(string rule) =>
        new($"{rule}: {Process} {Sent}{Environment.NewLine}  {Before}{Environment.NewLine}  {After}");
}
