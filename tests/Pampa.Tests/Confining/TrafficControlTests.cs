using System.Globalization;
using Pampa.Commands.Confining;

namespace Pampa.Tests.Confining;

/// <summary>What the means of the network tells <c>tc</c>, and what it makes of the answers.</summary>
public sealed class TrafficControlTests : IDisposable
{
    private static readonly WorkerLimits Limits = new() { MaxNetIo = 40 };
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-tc-").FullName;
    private readonly List<string> said = [];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string Group => Path.Combine(folder, "pampa@shop@web1");

    private string MakeGroup() => Directory.CreateDirectory(Group).FullName;

    private TrafficControl Make(Func<IReadOnlyList<string>, (bool, string)> answer) => new(MakeGroup(), "eth0", words =>
    {
        said.Add(string.Join(' ', words));
        return answer(words);
    });

    private int NumberOf(ConfinedLife life)
    {
        var mark = long.Parse(File.ReadAllText(Path.Combine(Group, life.Name, "net_cls.classid")), CultureInfo.InvariantCulture);
        Assert.Equal(0x7061, mark >> 16);
        return (int)(mark & 0xFFFF);
    }

    [Fact]
    public void A_class_is_made_for_each_worker_and_what_was_made_is_taken_away()
    {
        var means = Make(_ => (true, ""));
        Assert.Equal("MaxNetIo 40 Mbps: enforced in part, by tc (htb, net_cls): what leaves by eth0 only", Assert.Single(means.Offer(Limits)).ToString());
        Assert.Equal(["qdisc show dev eth0", "qdisc add dev eth0 root handle 7061: htb", "filter add dev eth0 parent 7061: protocol all prio 1 handle 1: cgroup"], said);

        said.Clear();
        var life = new ConfinedLife("web1.1", 1);
        means.Confine(life, Limits);
        var number = NumberOf(life);
        Assert.Equal($"class replace dev eth0 parent 7061: classid 7061:{number:x} htb rate 40mbit ceil 40mbit", Assert.Single(said));

        said.Clear();
        means.CleanUp();
        Assert.Equal([$"class del dev eth0 classid 7061:{number:x}", "class show dev eth0", "qdisc del dev eth0 root handle 7061:"], said);
    }

    [Fact]
    public void What_is_refused_leaves_nothing_behind_and_what_another_node_has_made_is_shared()
    {
        Assert.Empty(Make(words => (words[0] != "filter", "")).Offer(Limits));
        Assert.Equal("qdisc del dev eth0 root handle 7061:", said[^1]);

        said.Clear();
        var shared = Make(words => (true, words[0] switch
        {
            "qdisc" => "qdisc htb 7061: root refcnt 2 r2q 10",
            "filter" => "filter protocol all pref 1 cgroup chain 0 handle 0x1",
            _ => "class htb 7061:a root prio 0 rate 8Mbit",
        }));
        Assert.Single(shared.Offer(Limits));
        shared.CleanUp();
        Assert.Equal(["qdisc show dev eth0", "filter show dev eth0 parent 7061:", "class show dev eth0"], said);
        Assert.Empty(new TrafficControl(null, "eth0", _ => (true, "")).Offer(Limits));
        Assert.Empty(new TrafficControl(Group, null, _ => (true, "")).Offer(Limits));
        Assert.Empty(new TrafficControl(Group, "eth0", null).Offer(Limits));
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Nothing_is_promised_of_queueing_that_lacks_what_tells_one_worker_from_another(bool canAdd)
    {
        var means = Make(words => (canAdd || words[1] != "add", words[0] == "qdisc" ? "qdisc htb 7061: root refcnt 2 r2q 10" : ""));
        Assert.Equal(canAdd ? 1 : 0, means.Offer(Limits).Count);
        Assert.Contains("filter add dev eth0 parent 7061: protocol all prio 1 handle 1: cgroup", said);
        // It may be another node's, so it is not taken away.
        Assert.DoesNotContain(said, words => words.StartsWith("qdisc del", StringComparison.Ordinal));
    }

    [Fact]
    public void The_way_out_is_that_of_the_default_route_with_the_lowest_metric()
    {
        static string Route(string device, string to, string metric, string mask) => $"{device}\t{to}\t0101A8C0\t0003\t0\t0\t{metric}\t{mask}\t0\t0\t0";
        const string Titles = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
        // Half of all addresses begin with a zero, too.
        var half = Route("tun0", "00000000", "0", "00000080");
        Assert.Equal("eth0", TrafficControl.DefaultDevice([Titles, half, Route("wlan0", "00000000", "600", "00000000"), Route("eth0", "00000000", "100", "00000000")]));
        Assert.Null(TrafficControl.DefaultDevice([Titles, half, Route("eth0", "0000A8C0", "0", "0000FFFF")]));
    }

    [Fact]
    public void What_a_supervisor_that_was_killed_has_left_is_taken_away_and_not_what_somebody_is_in()
    {
        const string Ours = "qdisc htb 7061: root refcnt 2 r2q 10";
        foreach (var (life, mark, processes) in (ValueTuple<string, int, string>[])[("web1.1@9.1", 0x7061_0011, ""), ("web1.2@9.2", 0x7061_0012, "4711\n"), ("web1.3@9.3", 0x0001_0013, "")])
        {
            var own = Directory.CreateDirectory(Path.Combine(MakeGroup(), life)).FullName;
            File.WriteAllText(Path.Combine(own, "net_cls.classid"), $"{mark}\n");
            File.WriteAllText(Path.Combine(own, "cgroup.procs"), processes);
        }
        Make(words => (true, words[0] == "qdisc" ? Ours : "")).CleanUp();
        Assert.Equal(["qdisc show dev eth0", "class del dev eth0 classid 7061:11", "class show dev eth0", "qdisc del dev eth0 root handle 7061:"], said);

        // Queueing of somebody else's is none of its business, and where no folder is there never was anything.
        said.Clear();
        Make(_ => (true, "qdisc fq_codel 0: root refcnt 2")).CleanUp();
        Assert.Equal(["qdisc show dev eth0"], said);
        new TrafficControl(Path.Combine(folder, "never"), "eth0", _ => throw new InvalidOperationException("It is not asked.")).CleanUp();
    }

    [Fact]
    public void What_another_node_has_taken_away_meanwhile_is_made_again()
    {
        var isThere = false;
        var means = Make(words =>
        {
            if (words is ["qdisc", "add", ..]) isThere = true;
            return (isThere || words[0] != "class", "");
        });
        Assert.Single(means.Offer(Limits));
        isThere = false;
        said.Clear();
        means.Confine(new ConfinedLife("web1.1", 1), Limits);
        Assert.Equal(["class", "qdisc", "qdisc", "filter", "class"], said.Select(words => words.Split(' ')[0]));
        var never = Make(words => (words[0] != "class", "no such device"));
        Assert.Single(never.Offer(Limits));
        Assert.Contains("no such device", Assert.Throws<IOException>(() => never.Confine(new ConfinedLife("web1.1", 2), Limits)).Message, StringComparison.Ordinal);
    }
}
