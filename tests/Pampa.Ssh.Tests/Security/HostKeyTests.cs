using Pampa.Ssh.Connecting;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests.Security;

/// <summary>T10: nobody logs in to a host that is another one than is meant, and no secret gets there.</summary>
[Trait("suite", "security")]
public sealed class HostKeyTests(SshWorld world)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static Task<string> WhoAsync(SshNode node, bool trustsNew = false, Action<string>? tell = null) => Logins.WhoAsync(node, trustsNew, tell);

    private static Task<string> RefusedAsync(SshNode node) => Logins.RefusedAsync(node);

    [Fact]
    public async Task An_unknown_host_is_refused_before_anybody_logs_in_unless_it_is_trusted_explicitly()
    {
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized);
        var known = Path.Combine(world.NewFolder(), "known");
        var node = world.Node(more: n => n.KnownHostsFile = known, at: server);
        Assert.Contains("--trust-on-first-use", await RefusedAsync(node), StringComparison.Ordinal);
        Assert.DoesNotContain("userauth-request", server.ReadLog(), StringComparison.Ordinal);
        var told = new List<string>();
        Assert.Equal(world.Account.Name, await WhoAsync(node, trustsNew: true, told.Add));
        Assert.Contains("Permanently added", Assert.Single(told), StringComparison.Ordinal);
        // From now on it is known, and another key is refused even where new ones are trusted.
        Assert.Equal(world.Account.Name, await WhoAsync(node));
        await server.StopAsync();
        await server.NewHostKeyAsync();
        await server.StartAgainAsync();
        var changed = await Assert.ThrowsAsync<NodeException>(() => WhoAsync(node, trustsNew: true));
        Assert.Contains("another host key", changed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_host_key_is_refused_before_anybody_logs_in()
    {
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized);
        var node = world.Node(at: server);
        Assert.Equal(world.Account.Name, await WhoAsync(node));
        // The server's log tells when somebody tries to log in.
        Assert.Contains("userauth-request", server.ReadLog(), StringComparison.Ordinal);
        await server.StopAsync();
        await server.NewHostKeyAsync();
        await server.StartAgainAsync();
        var before = server.ReadLog().Length;
        var said = await RefusedAsync(node);
        Assert.Contains("another host key than the one that is known", said, StringComparison.Ordinal);
        Assert.Contains(server.Fingerprint, said, StringComparison.Ordinal);
        var log = server.ReadLog()[before..];
        Assert.Contains("Connection from", log, StringComparison.Ordinal);
        Assert.DoesNotContain("userauth-request", log, StringComparison.Ordinal);
        Assert.DoesNotContain("Accepted", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pinned_fingerprint_is_enough_and_no_other_key_is_taken()
    {
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized);
        var right = world.Node(more: n => (n.KnownHostsFile, n.HostKey) = (null, server.Fingerprint), at: server);
        Assert.Equal(world.Account.Name, await WhoAsync(right));
        var before = server.ReadLog().Length;
        var wrong = world.Node(more: n => (n.KnownHostsFile, n.HostKey) = (server.KnownHosts, $"SHA256:{new string('A', 43)}"), at: server);
        Assert.Contains("does not show the host key that HostKey names", await RefusedAsync(wrong), StringComparison.Ordinal);
        Assert.DoesNotContain("userauth-request", server.ReadLog()[before..], StringComparison.Ordinal);
    }
}
