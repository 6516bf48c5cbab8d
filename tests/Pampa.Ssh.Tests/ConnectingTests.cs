using System.Diagnostics;
using Pampa.Servers;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>Who is let in, and what is said of a connection that does not come about or breaks.</summary>
public sealed class ConnectingTests(SshWorld world)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static Task<string> WhoAsync(SshNode node, bool trustsNew = false, Action<string>? tell = null) => Logins.WhoAsync(node, trustsNew, tell);

    private static Task<string> RefusedAsync(SshNode node) => Logins.RefusedAsync(node);

    [Fact]
    public async Task A_key_lets_in() => Assert.Equal(world.Account.Name, await WhoAsync(world.Node()));

    [Fact]
    public async Task A_host_that_cannot_be_reached_is_told_plainly()
    {
        Assert.Contains("nobody listens there", await RefusedAsync(world.Node(more: n => n.Port = PrivatePostgres.FreePort())), StringComparison.Ordinal);
        var nowhere = new SshNode("web1", "no-such-host.invalid") { KnownHostsFile = world.Server.KnownHosts };
        Assert.Contains("there is no host of this name", await RefusedAsync(nowhere), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_broke_is_told_and_made_again()
    {
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized);
        await using var connection = await SshConnection.OpenAsync(world.Node(at: server), false, _ => { }, Stopping);
        await server.StopAsync();
        var broken = await Assert.ThrowsAsync<NodeException>(() => connection.RunAsync("true", ["true"], Logins.Short, Stopping));
        Assert.Contains("broke during 'true'", broken.Message, StringComparison.Ordinal);
        await server.StartAgainAsync();
        await connection.EnsureAsync(Stopping);
        Assert.Equal(0, (await connection.RunAsync("true", ["true"], Logins.Short, Stopping)).Code);
    }

    [Fact]
    public async Task A_step_that_hangs_ends_at_its_deadline()
    {
        await using var connection = await SshConnection.OpenAsync(world.Node(), false, _ => { }, Stopping);
        var clock = Stopwatch.StartNew();
        var late = await Assert.ThrowsAsync<NodeException>(() => connection.RunAsync("sleep", ["sleep", "60"], new SshOrder(TimeSpan.FromSeconds(1)), Stopping));
        Assert.Contains("has not ended within 00:00:01", late.Message, StringComparison.Ordinal);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15));
    }
}
