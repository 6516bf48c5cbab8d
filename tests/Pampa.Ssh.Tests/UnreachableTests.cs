using System.Diagnostics;
using Pampa.Servers;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>A host that swallows whatever is sent to it: nobody refuses, and nobody answers.</summary>
public sealed class UnreachableTests(SshWorld world)
{
    [Fact]
    public async Task A_host_that_answers_nothing_is_told_within_the_time_to_connect()
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists("/usr/sbin/ip") && !File.Exists("/sbin/ip")) Assert.Skip("Namespaces take root and ip.");
        var id = Guid.NewGuid().ToString("N")[..6];
        var (name, outside, inside) = ($"pampa{id}", $"ph{id}", $"pj{id}");
        try
        {
            // Whatever goes there goes into a network of its own to a computer that is none, so not even an address is asked for in vain.
            foreach (var order in (string[][])
            [
                ["netns", "add", name], ["link", "add", outside, "type", "veth", "peer", "name", inside], ["link", "set", inside, "netns", name], ["-n", name, "link", "set", inside, "up"],
                ["addr", "add", "10.201.8.1/24", "dev", outside], ["link", "set", outside, "up"], ["neigh", "replace", "10.201.8.11", "lladdr", "02:00:00:00:00:0b", "dev", outside, "nud", "permanent"],
            ])
            {
                if (await Tool.TryRunAsync("ip", order) != 0) Assert.Skip("This kernel gives no network namespaces.");
            }
            var node = new SshNode("web1", "10.201.8.11");
            world.Settings(n => n.Port = 22)(node);
            var clock = Stopwatch.StartNew();
            var said = await Logins.RefusedAsync(node);
            Assert.StartsWith($"Node 'web1': {SshFailure.Address(node)} cannot be reached: ", said, StringComparison.Ordinal);
            Assert.Contains("timed out", said, StringComparison.Ordinal);
            Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(20));
        }
        finally
        {
            await Tool.TryRunAsync("ip", "link", "del", outside);
            await Tool.TryRunAsync("ip", "netns", "del", name);
        }
    }
}
