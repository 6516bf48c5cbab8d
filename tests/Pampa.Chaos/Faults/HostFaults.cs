using Pampa.Chaos.Checks;
using Pampa.Chaos.Cluster;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;
using Pampa.Servers;

namespace Pampa.Chaos.Faults;

/// <summary>What befalls the computers that processes run on: a full disk, a network that is gone.</summary>
internal static class HostFaults
{
    public static IEnumerable<Fault> All =>
    [
        new("log-disk-full", Target.Process, "The disk of a node's log is full.", LogDiskFullAsync),
        new("link-down", Target.Process, "A node in a network of its own loses its link, past its lease; then it comes back.", LinkDownAsync) { Profiles = [Profile.Pg, Profile.Portable], Needs = Fault.OwnServer },
    ];

    private static async Task<string> LogDiskFullAsync(World world, Random random, CancellationToken stopping)
    {
        if (world.LogDisk is not { } disk) throw new NotPossibleException("no disk can be mounted for the log");
        var ballast = Path.Combine(disk, "ballast");
        try
        {
            await Tool.TryRunAsync("dd", "if=/dev/zero", $"of={ballast}", "bs=4k");
            await World.WaitAsync(5 + 3 * random.NextDouble(), stopping);
        }
        finally
        {
            File.Delete(ballast);
        }
        return disk;
    }

    // Without the link nothing is told to anybody: neither end of a connection hears of it.
    private static async Task<string> LinkDownAsync(World world, Random random, CancellationToken stopping)
    {
        var number = Environment.ProcessId % 10_000;
        var (space, here, there) = ($"chaos{number}", $"ch{number}a", $"ch{number}b");
        if (await Tool.TryRunAsync("ip", "netns", "add", space) != 0) throw new NotPossibleException("network namespaces are not permitted");
        Member? member = null;
        try
        {
            await Tool.RunAsync("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", space);
            await Tool.RunAsync("ip", "addr", "add", "10.213.7.1/30", "dev", here);
            await Tool.RunAsync("ip", "link", "set", here, "up");
            await Tool.RunAsync("ip", "-n", space, "addr", "add", "10.213.7.2/30", "dev", there);
            await Tool.RunAsync("ip", "-n", space, "link", "set", there, "up");
            member = world.Cluster.Members.FirstOrDefault(m => m.Name == "far");
            if (member is null)
            {
                member = new Member("far", ["node", "--name", "far", "--workers", "3"]) { Under = ["ip", "netns", "exec", space] };
                member.Environment["PAMPA_DATABASE_URL"] = world.Store.Url("far~1").Replace("127.0.0.1", "10.213.7.1", StringComparison.Ordinal);
                world.Cluster.Add(member);
            }
            else
            {
                member.Environment["PAMPA_DATABASE_URL"] = world.Store.Url($"far~{member.Lives.Count + 1}").Replace("127.0.0.1", "10.213.7.1", StringComparison.Ordinal);
                world.Cluster.Start(member);
            }
            // Not again by itself: the address in its environment names one life.
            member.IsHeld = true;
            await World.WaitAsync(5, stopping);
            var from = World.Now();
            await Tool.RunAsync("ip", "link", "set", here, "down");
            await World.WaitAsync(Limits.WorkerLease.TotalSeconds * (1.2 + random.NextDouble()), stopping);
            await Tool.RunAsync("ip", "link", "set", here, "up");
            world.Outages.Add(new Outage(a => a.StartsWith("far~", StringComparison.Ordinal), from, World.Now() + TimeSpan.FromSeconds(5)));
            await World.WaitAsync(4, stopping);
            return Store.Invariant($"for {(World.Now() - from).TotalSeconds:0.0} s");
        }
        finally
        {
            if (member?.Current is { } life && await ProcessCluster.StopAsync(life, TimeSpan.FromSeconds(30)) is null) ProcessCluster.Kill(life);
            await Tool.TryRunAsync("ip", "netns", "del", space);
            await Tool.TryRunAsync("ip", "link", "del", here);
        }
    }
}
