using Pampa.Servers;
using Pampa.Ssh.Commands;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>
/// Two nodes with addresses of their own, each in a network namespace, from where nothing leads to the database: it is reached through
/// the connection.
/// </summary>
public sealed class NamespaceTests(SshWorld world)
{
    private const int Port = 15_432;

    [Fact]
    public async Task Nodes_of_other_networks_reach_the_database_through_the_connection()
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists("/usr/sbin/ip") && !File.Exists("/sbin/ip")) Assert.Skip("Namespaces take root and ip.");
        await using var loads = await Loads.MakeAsync(world);
        await using var network = await TwoHosts.MakeAsync();
        if (network is null) Assert.Skip("This kernel gives no network namespaces or bridges.");
        await using var first = await SshServer.StartAsync(world.NewFolder(), world.Authorized, TwoHosts.Address(0), 22, ["ip", "netns", "exec", network.Name(0)]);
        await using var second = await SshServer.StartAsync(world.NewFolder(), world.Authorized, TwoHosts.Address(1), 22, ["ip", "netns", "exec", network.Name(1)]);
        SshServer[] servers = [first, second];
        Action<PampaBuilder> program = pampa =>
        {
            loads.With()(pampa);
            for (var i = 0; i < servers.Length; i++)
                pampa.AddSshNode(FormattableString.Invariant($"far{i}"), servers[i].Address, world.Settings(node => node.DatabaseForwardPort = Port, servers[i]));
        };
        var (code, said) = await loads.RunAsync(program, "nodes", "up", "--program", await loads.PublishedAsync());
        Assert.True(code == 0, said);
        Assert.Contains("only while 'nodes forward' runs", said, StringComparison.Ordinal);
        // As systemd or a user would: a process of its own.
        using var enough = new CancellationTokenSource();
        var nodes = servers.Select((server, i) => world.Node(FormattableString.Invariant($"far{i}"), node => node.DatabaseForwardPort = Port, server)).ToList();
        var database = ("127.0.0.1", new Npgsql.NpgsqlConnectionStringBuilder(loads.Address).Port);
        var forwarding = Task.Run(
            () => ForwardVerb.KeepAllAsync(nodes, "pampa", database, TextWriter.Null, TextWriter.Null, enough.Token), TestContext.Current.CancellationToken);
        await loads.StartDispatcherAsync();
        await loads.AddAsync(300);
        await loads.UntilDoneAsync(300);
        Assert.True(await loads.DoneAsync("done_by LIKE 'far0.%'") > 0);
        Assert.True(await loads.DoneAsync("done_by LIKE 'far1.%'") > 0);
        (code, said) = await loads.RunAsync(program, "nodes", "down", "--no-drain");
        Assert.True(code == 0, said);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => forwarding);
    }

    /// <summary>Two namespaces behind a bridge.</summary>
    private sealed class TwoHosts : IAsyncDisposable
    {
        private readonly string id = Guid.NewGuid().ToString("N")[..6];

        public string Name(int i) => FormattableString.Invariant($"pampa{id}{i}");

        public static string Address(int i) => FormattableString.Invariant($"10.201.7.{11 + i}");

        private string Bridge => $"pb{id}";

        public static async Task<TwoHosts?> MakeAsync()
        {
            var hosts = new TwoHosts();
            string[][] orders =
            [
                ["link", "add", hosts.Bridge, "type", "bridge"], ["addr", "add", "10.201.7.1/24", "dev", hosts.Bridge], ["link", "set", hosts.Bridge, "up"],
                .. Enumerable.Range(0, 2).SelectMany(hosts.Orders),
            ];
            foreach (var order in orders)
            {
                if (await Tool.TryRunAsync("ip", order) == 0) continue;
                await hosts.DisposeAsync();
                return null;
            }
            return hosts;
        }

        private IEnumerable<string[]> Orders(int i)
        {
            var (outside, inside) = (FormattableString.Invariant($"pa{id}{i}"), FormattableString.Invariant($"pi{id}{i}"));
            return
            [
                ["netns", "add", Name(i)], ["link", "add", outside, "type", "veth", "peer", "name", inside], ["link", "set", outside, "master", Bridge, "up"],
                ["link", "set", inside, "netns", Name(i)], ["-n", Name(i), "addr", "add", $"{Address(i)}/24", "dev", inside],
                ["-n", Name(i), "link", "set", inside, "up"], ["-n", Name(i), "link", "set", "lo", "up"],
            ];
        }

        public async ValueTask DisposeAsync()
        {
            for (var i = 0; i < 2; i++) await Tool.TryRunAsync("ip", "netns", "del", Name(i));
            await Tool.TryRunAsync("ip", "link", "del", Bridge);
        }
    }
}
