using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Working;

namespace Pampa.Tests.Units;

/// <summary>What is found of nodes: their limits and their programs' versions.</summary>
public sealed class NodeFindingTests
{
    private static readonly WorkerLimitInfo Ram = new("MaxRam", 512, LimitEnforcement.Full, "cgroup v2 (memory.max)");
    private static readonly WorkerLimitInfo Cpu = new("MaxCpu", 50, LimitEnforcement.Partly, "affinity");

    private static NodeInfo Node(string name, string? of, params WorkerLimitInfo[] limits) =>
        new(name, "shop 1.0", 1, 1, 0, TimeSpan.Zero, []) { WorkerOf = of, Limits = limits };

    private static WorkerInfo Worker(string id, string program) => new(id, id.Split('.')[0], null, true, true, TimeSpan.Zero) { Program = program };

    private static List<string> Limits(Func<string, WorkerLimits?> declared, params NodeInfo[] nodes) =>
        [.. ClusterFindings.OfLimits(new ClusterInfo(null, nodes), declared).Select(f => $"{f.Severity} {f.Id} {f.Where}: {f.What}")];

    [Fact]
    public void Each_limit_of_a_node_is_told_once_and_that_it_is_missing_where_it_is_declared()
    {
        Assert.Equal(
        [
            "Info worker-limits node web1: MaxRam 512 MB: enforced by cgroup v2 (memory.max).", "Warning worker-limits node web1: MaxCpu 50 %: enforced in part, by affinity.",
            "Info worker-limits node web10: MaxRam 512 MB: enforced by cgroup v2 (memory.max).",
        ], Limits(_ => null, Node("web1.1", "web1", Ram, Cpu), Node("web1.2", "web1", Ram, Cpu), Node("web10.1", "web10", Ram), Node("plain", null)));
        Assert.Equal(["Warning worker-limits node web1: The program declares limits for its workers, and these have none: web1."],
            Limits(name => name == "web1" ? new WorkerLimits { MaxRam = 512 } : null, Node("web1", null), Node("web2", null)));
    }

    [Fact]
    public void A_program_that_is_too_old_for_a_job_is_told()
    {
        var errors = new List<string>();
        var pampa = new PampaBuilder { ProgramVersion = "2.0" };
        pampa.AddJob("mails", "mails", "id", job =>
        {
            job.MinProgramVersion = "2.0";
            job.Process(_ => { });
        });
        pampa.AddJob("any", "any", "id", job => job.Process(_ => { }));
        var jobs = pampa.Build(errors);
        Assert.Empty(errors);
        List<string> Of(params WorkerInfo[] workers) =>
            [.. ClusterFindings.OfVersions(new ClusterInfo(null, []) { Workers = workers }, jobs).Select(f => $"{f.Severity} {f.Id} {f.Where}: {f.What}")];

        Assert.Equal(["Info program-too-old job mails: It demands version 2.0 of the program, so these nodes take none of its tasks: a (shop 1.9)."],
            Of(Worker("a.1", "shop 1.9"), Worker("a.2", "shop 1.9"), Worker("b.1", "shop 2.0")));
        Assert.Equal(["Warning program-too-old job mails: It demands version 2.0 of the program, so these nodes take none of its tasks: a (shop 1.9), b (shop). No other worker lives."],
            Of(Worker("a.1", "shop 1.9"), Worker("b.1", "shop")));
        Assert.Empty(Of(Worker("b.1", "shop 2.0.1")));
    }

    [Fact]
    public async Task Only_an_error_of_memory_tells_of_the_limit()
    {
        var limit = new MemoryLimit(512);
        Assert.Null(limit.Explain(new InvalidOperationException("no", new TimeoutException())));
        Assert.False(limit.Exceeded.IsCompleted);
        Assert.Equal("worker over its MaxRam of 512 MB", limit.Explain(new InvalidOperationException("no", new AggregateException(new TimeoutException(), new InsufficientMemoryException()))));
        await limit.Exceeded;
    }

    [Fact]
    public void What_a_node_says_of_its_limits_reaches_those_who_ask()
    {
        var said = VitalsText.TryRead(VitalsText.Write(new NodeVitals(1, null, [], []) { Limits = [Ram, Cpu] }));
        Assert.Equal([Ram, Cpu], said!.Limits);
        Assert.Empty(VitalsText.TryRead("""{"memory":1,"done":[],"tasks":[]}""")!.Limits);
    }
}
