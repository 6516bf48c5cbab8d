using System.Net;
using System.Net.Sockets;
using Npgsql;
using Pampa.Servers;
using Pampa.Ssh.Commands;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Delivering;
using Pampa.Ssh.Remote;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>A connection that breaks in the middle of a step, and who has the port of the way to the database then.</summary>
public sealed class LineTests(SshWorld world)
{
    private static readonly Patience Short = new(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(1));

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_line_that_breaks_after_the_switch_is_no_failure_of_the_release_and_neither_is_what_cannot_be_taken_away()
    {
        await using var loads = await Loads.MakeAsync(world);
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized);
        var port = PrivatePostgres.FreePort();
        var told = new List<string>();
        var agent = await FakeNode.ConnectAsync(world, "breaks", server, node => node.DatabaseForwardPort = port, told.Add);
        await using var connection = agent.Connection;
        await agent.ProbeAsync(Stopping);
        using var release = await Release.ReadAsync(await loads.PublishedAsync(), null, Stopping);
        await agent.ReceiveAsync(release, _ => { }, Stopping);
        var old = Path.Combine(world.Account.Home, "nodes", "pampa", "breaks", "releases");
        if (Environment.IsPrivilegedProcess)
        {
            // Of root: the node's user may not take them away.
            foreach (var name in (string[])["a", "b", "c"])
            {
                Directory.CreateDirectory(Path.Combine(old, name, "within"));
                Directory.SetLastWriteTimeUtc(Path.Combine(old, name), DateTime.UnixEpoch);
            }
        }
        // Meanwhile somebody else of this computer has the port of the way, as 'nodes forward' of another computer would.
        using var other = new TcpListener(IPAddress.Loopback, port);
        var steps = new List<string>();
        var row = new NodeRow("breaks", "", changed =>
        {
            steps.Add(changed.Step);
            if (changed.Step == "starting") Break(server, () => Processes.UntilAsync(() => Listeners.TryStart(other), "the port is free").GetAwaiter().GetResult());
            if (changed.Step == "waiting for its heartbeat") Break(server, other.Stop);
        });
        var to = new NpgsqlConnectionStringBuilder(loads.Address);
        // The program does not depend on the way through the connection, for what does may end with it.
        var database = new NodeDatabase(loads.Address, ("127.0.0.1", to.Port));
        await loads.WithClusterAsync(loads.With(("breaks", null)), async cluster =>
        {
            var facts = await agent.ProbeAsync(Stopping);
            var wanted = new Wanted(release, Launch.Of(agent.Node, release.Program, facts.Folder), database, (_, _) => null);
            await new Upgrade(agent, cluster, Short with { Start = TimeSpan.FromMinutes(1) }, row).RunAsync(wanted, false, Stopping);
        });
        Assert.Contains("waiting for its heartbeat", steps);
        Assert.Contains($"port {port} of its 127.0.0.1 cannot lead to the database", Assert.Single(told), StringComparison.Ordinal);
        Assert.StartsWith(Environment.IsPrivilegedProcess ? "up; former releases are still there: " : "up", row.Step, StringComparison.Ordinal);
        Assert.True((await agent.HearsAsync(port, Stopping)).IsHeard);
        await agent.StopAsync(Short.Stop, kills: true, Stopping);
        if (Directory.Exists(Path.Combine(old, "a"))) Directory.Delete(old, recursive: true);
    }

    private static void Break(SshServer server, Action meanwhile)
    {
        server.StopAsync().GetAwaiter().GetResult();
        meanwhile();
        server.StartAgainAsync().GetAwaiter().GetResult();
    }

    [Fact]
    public async Task A_stranger_who_takes_the_port_while_the_line_is_broken_is_shown_no_log_in()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("Without root there is no other user who listens.");
        await using var loads = await Loads.MakeAsync(world);
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized);
        var port = PrivatePostgres.FreePort();
        var agent = await FakeNode.ConnectAsync(world, "waylaid", server, node => node.DatabaseForwardPort = port);
        await using var connection = agent.Connection;
        var facts = await agent.ProbeAsync(Stopping);
        using var release = await SshWorld.DeliverAsync(agent, await FakeProgram.MakeAsync(world, "waylaid"));
        using var stranger = new TcpListener(IPAddress.Loopback, port);
        var row = new NodeRow("waylaid", "", changed =>
        {
            if (changed.Step != "starting") return;
            Break(server, () => Processes.UntilAsync(() => Listeners.TryStart(stranger), "the port is free").GetAwaiter().GetResult());
            Listeners.GiveAway(stranger);
        });
        await loads.WithClusterAsync(loads.With(("waylaid", null)), async cluster =>
        {
            var wanted = new Wanted(release, Launch.Of(agent.Node, release.Program, facts.Folder), NodeDatabase.Of(agent.Node, loads.Database), (_, _) => null);
            var said = (await Assert.ThrowsAsync<NodeException>(() => new Upgrade(agent, cluster, Short, row).RunAsync(wanted, false, Stopping))).Message;
            Assert.Contains($"on port {port} of its loopback listens somebody else, user {Listeners.Stranger}", said, StringComparison.Ordinal);
        });
        Assert.Null((await agent.ProbeAsync(Stopping)).Process);
        Assert.False(File.Exists(Path.Combine(world.Account.Home, "nodes", "pampa", "waylaid", "pid")));
    }
}
