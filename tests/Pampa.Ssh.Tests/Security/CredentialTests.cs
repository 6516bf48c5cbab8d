using System.Diagnostics;
using Pampa.Servers;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests.Security;

/// <summary>T12: keys and passwords come from where they belong, and get nowhere else.</summary>
[Trait("suite", "security")]
public sealed class CredentialTests(SshWorld world)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static Task<string> WhoAsync(SshNode node, bool trustsNew = false, Action<string>? tell = null) => Logins.WhoAsync(node, trustsNew, tell);

    private static Task<string> RefusedAsync(SshNode node) => Logins.RefusedAsync(node);

    [Fact]
    public async Task A_password_lets_in_from_the_environment_and_from_a_file()
    {
        if (world.Account.Password is not { } password)
        {
            Assert.Skip("No user with a password can be made: that takes root.");
            return;
        }
        Environment.SetEnvironmentVariable("PAMPA_TEST_PASSWORD", password);
        Assert.Equal(world.Account.Name, await WhoAsync(world.Node(more: node => (node.PrivateKeyFile, node.PasswordFrom) = (null, "env:PAMPA_TEST_PASSWORD"))));
        var file = Path.Combine(world.NewFolder(), "password");
        await File.WriteAllTextAsync(file, $"{password}\n", Stopping);
        await Tool.RunAsync("chmod", "600", file);
        Assert.Equal(world.Account.Name, await WhoAsync(world.Node(more: node => (node.PrivateKeyFile, node.PasswordFrom) = (null, $"file:{file}"))));
        await Tool.RunAsync("chmod", "640", file);
        Assert.Contains("got the mode 0640", await RefusedAsync(world.Node(more: node => (node.PrivateKeyFile, node.PasswordFrom) = (null, $"file:{file}"))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_stands_on_no_command_line_and_in_no_environment()
    {
        var secret = $"secret{Guid.NewGuid():N}";
        Environment.SetEnvironmentVariable("PAMPA_TEST_PASSWORD", null);
        var file = Path.Combine(world.NewFolder(), "password");
        await File.WriteAllTextAsync(file, secret, Stopping);
        await Tool.RunAsync("chmod", "600", file);
        // A host that listens and says nothing: so there is time to look.
        using var silent = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        using var enough = new CancellationTokenSource();
        var node = world.Node(more: n =>
        {
            (n.PrivateKeyFile, n.PasswordFrom) = (null, $"file:{file}");
            n.Port = ((System.Net.IPEndPoint)silent.LocalEndpoint).Port;
        });
        var connecting = SshConnection.OpenAsync(node, false, _ => { }, enough.Token);
        using var accepted = await silent.AcceptTcpClientAsync(Stopping);
        var processes = Directory.GetDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _));
        var shown = string.Concat(processes.SelectMany(d => new[] { "cmdline", "environ" }.Select(f => Read(Path.Combine(d, f)))));
        Assert.DoesNotContain(secret, shown, StringComparison.Ordinal);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting);

        static string Read(string path)
        {
            try
            {
                return File.ReadAllText(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return "";
            }
        }
    }

    [Fact]
    public async Task A_wrong_password_is_told_with_where_it_came_from()
    {
        Environment.SetEnvironmentVariable("PAMPA_TEST_PASSWORD", "wrong");
        var said = await RefusedAsync(world.Node(more: node => (node.PrivateKeyFile, node.PasswordFrom) = (null, "env:PAMPA_TEST_PASSWORD")));
        Assert.Contains("does not let us in with the password from env:PAMPA_TEST_PASSWORD", said, StringComparison.Ordinal);
        Assert.StartsWith("Node 'web1': ", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_others_can_read_is_refused_before_anybody_is_connected_to()
    {
        var key = Path.Combine(world.NewFolder(), "key");
        File.Copy(world.Key, key);
        await Tool.RunAsync("chmod", "644", key);
        // To the common one other tests may connect just now.
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized);
        var before = server.ReadLog().Length;
        var said = await RefusedAsync(world.Node(more: node => node.PrivateKeyFile = key, at: server));
        Assert.Contains($"chmod 600 {key}", said, StringComparison.Ordinal);
        Assert.Equal(before, server.ReadLog().Length);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_jump_host_is_checked_as_the_node_is_and_is_given_no_password(bool isKnown)
    {
        Environment.SetEnvironmentVariable("PAMPA_TEST_JUMP", world.Account.Password ?? "any");
        await using var jump = await SshServer.StartAsync(world.NewFolder(), Path.Combine(world.NewFolder(), "no-keys"));
        var known = Path.Combine(world.NewFolder(), "known");
        var keys = await File.ReadAllTextAsync(world.Server.KnownHosts, Stopping) + (isKnown ? await File.ReadAllTextAsync(jump.KnownHosts, Stopping) : "");
        await File.WriteAllTextAsync(known, keys, Stopping);
        var through = FormattableString.Invariant($"{world.Account.Name}@{jump.Address}:{jump.Port}");
        var said = await RefusedAsync(world.Node(more: node =>
        {
            (node.PrivateKeyFile, node.PasswordFrom, node.KnownHostsFile) = (null, "env:PAMPA_TEST_JUMP", known);
            node.JumpHost = through;
        }));
        Assert.StartsWith($"Node 'web1': the jump host {through} ", said, StringComparison.Ordinal);
        Assert.Contains(isKnown ? "it is given no password" : "is not known: known_hosts has no key of it", said, StringComparison.Ordinal);
        var log = jump.ReadLog();
        Assert.Contains("Connection from", log, StringComparison.Ordinal);
        Assert.Equal(isKnown, log.Contains("userauth-request", StringComparison.Ordinal));
        Assert.DoesNotContain("method password", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_jump_host_of_the_configuration_does_not_get_the_password_of_the_node()
    {
        if (world.Account.Password is not { } password)
        {
            Assert.Skip("No user with a password can be made: that takes root.");
            return;
        }
        Environment.SetEnvironmentVariable("PAMPA_TEST_JUMP", password);
        await using var jump = await SshServer.StartAsync(world.NewFolder(), Path.Combine(world.NewFolder(), "no-keys"));
        var config = await ConfigureAsync(jump, FormattableString.Invariant($"Host behind\nHostName {world.Server.Address}\nProxyJump jump1\n"));
        var node = new SshNode("web1", "behind");
        world.Settings(n => (n.PrivateKeyFile, n.PasswordFrom, n.KnownHostsFile, n.ConfigFile) = (null, "env:PAMPA_TEST_JUMP", null, config))(node);
        await RefusedAsync(node);
        // It has asked for the user's password, which is the same there, and was not let in.
        Assert.Contains("method password", jump.ReadLog(), StringComparison.Ordinal);
        Assert.DoesNotContain("Accepted", jump.ReadLog(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_with_a_password_is_behind_two_jump_hosts_with_keys()
    {
        if (world.Account.Password is not { } password)
        {
            Assert.Skip("No user with a password can be made: that takes root.");
            return;
        }
        Environment.SetEnvironmentVariable("PAMPA_TEST_JUMP", password);
        await using var jump = await SshServer.StartAsync(world.NewFolder(), world.Authorized);
        var config = await ConfigureAsync(jump);
        Assert.Equal(world.Account.Name, await WhoAsync(world.Node(more: node =>
        {
            (node.PrivateKeyFile, node.PasswordFrom, node.KnownHostsFile, node.ConfigFile) = (null, "env:PAMPA_TEST_JUMP", null, config);
            node.JumpHost = "jump1,jump2";
        })));
        Assert.Equal(2, jump.ReadLog().Split("Accepted publickey").Length - 1);
        // One that does not lead on is told as what it is.
        var nowhere = await RefusedAsync(world.Node(more: node =>
        {
            (node.KnownHostsFile, node.ConfigFile, node.JumpHost, node.Port) = (null, config, "jump1", PrivatePostgres.FreePort());
        }));
        Assert.Contains("the jump host jump1 lets us in, and does not lead on", nowhere, StringComparison.Ordinal);
    }

    /// <summary>A configuration with two names for one jump host.</summary>
    private async Task<string> ConfigureAsync(SshServer jump, string more = "")
    {
        var folder = world.NewFolder();
        var (config, known) = (Path.Combine(folder, "config"), Path.Combine(folder, "known"));
        var both = await File.ReadAllTextAsync(jump.KnownHosts, Stopping) + await File.ReadAllTextAsync(world.Server.KnownHosts, Stopping);
        await File.WriteAllTextAsync(known, both, Stopping);
        await File.WriteAllTextAsync(config, FormattableString.Invariant($"""
            UserKnownHostsFile {known}
            NumberOfPasswordPrompts 1
            Host jump1 jump2
            HostName {jump.Address}
            Port {jump.Port}
            User {world.Account.Name}
            IdentityFile {world.Key}
            IdentitiesOnly yes
            {more}
            """), Stopping);
        return config;
    }

    [Fact]
    public async Task An_agent_lets_in_and_a_jump_host_leads_on()
    {
        await using var jump = await SshServer.StartAsync(world.NewFolder(), world.Authorized);
        var folder = world.NewFolder();
        var config = Path.Combine(folder, "config");
        var known = Path.Combine(folder, "known");
        var both = await File.ReadAllTextAsync(jump.KnownHosts, Stopping) + await File.ReadAllTextAsync(world.Server.KnownHosts, Stopping);
        await File.WriteAllTextAsync(known, both, Stopping);
        await File.WriteAllTextAsync(config, $"UserKnownHostsFile {known}\nStrictHostKeyChecking yes\n", Stopping);
        var socket = Path.Combine(folder, "agent");
        using var agent = Process.Start(new ProcessStartInfo("/usr/bin/ssh-agent", ["-D", "-a", socket]) { RedirectStandardOutput = true })!;
        try
        {
            await agent.StandardOutput.ReadLineAsync(Stopping);
            Environment.SetEnvironmentVariable("SSH_AUTH_SOCK", socket);
            await Tool.RunAsync("/usr/bin/ssh-add", "-q", world.AgentKey);
            var node = world.Node(more: n =>
            {
                (n.PrivateKeyFile, n.KnownHostsFile, n.ConfigFile) = (null, null, config);
                n.JumpHost = FormattableString.Invariant($"{world.Account.Name}@{jump.Address}:{jump.Port}");
            });
            Assert.Equal(world.Account.Name, await WhoAsync(node));
            Assert.Contains("Accepted publickey", jump.ReadLog(), StringComparison.Ordinal);
            // One that would have somebody asked for each use, where nobody can be: it refuses, and is told as what refuses.
            await Tool.RunAsync("/usr/bin/ssh-add", "-q", "-c", world.AgentKey);
            var said = await RefusedAsync(world.Node(more: n => n.PrivateKeyFile = world.AgentKey));
            Assert.Contains("Permission denied", said, StringComparison.Ordinal);
            Assert.Contains(" Before that: sign_and_send_pubkey: signing failed", said, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("SSH_AUTH_SOCK", null);
            agent.Kill();
        }
    }

    [Theory]
    [InlineData("Host=db;Username=me;Password=a", "ScramSHA256")]
    [InlineData("postgres://me:a@db/shop", "ScramSHA256")]
    [InlineData("postgres://me:a@db/shop?require_auth=md5,scram-sha-256", "MD5,ScramSHA256")]
    [InlineData("postgres://me:a@db/shop?sslmode=verify-ca", null)]
    [InlineData("postgres://me@db/shop?passfile=/srv/pass", "ScramSHA256")]
    // The node may have a password of this user in ~/.pgpass.
    [InlineData("postgres://me@db/shop", "!Password,!MD5")]
    [InlineData("postgres://me:a@db/shop?require_auth=none", "None")]
    public void Through_a_port_of_the_node_the_password_goes_to_who_knows_it_already(string address, string? methods)
    {
        var database = new VerbDatabase(new Hosting.DatabaseChoice(Storage.DatabaseAddress.Parse(address), "test"));
        var found = NodeDatabase.Of(new SshNode("web1", "host") { DatabaseForwardPort = 15_432 }, database);
        Assert.Equal(("db", 5432), found.Forward);
        var settings = new Npgsql.NpgsqlConnectionStringBuilder(found.Address);
        Assert.Equal(("127.0.0.1", 15_432, methods), (settings.Host, settings.Port, settings.RequireAuth));
    }

    [Fact]
    public async Task A_port_of_the_node_on_which_somebody_else_listens_is_no_way_to_the_database()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("Without root there is no other user who listens.");
        await using var loads = await Loads.MakeAsync(world);
        // The server that the tests have is another user's, as it is on a node with one of its own.
        var port = new Npgsql.NpgsqlConnectionStringBuilder(loads.Address).Port;
        var (code, said) = await loads.RunAsync(
            loads.With(("ports", node => node.DatabaseForwardPort = port)), "nodes", "up", "--program", await FakeProgram.MakeAsync(world, "ports"));
        Assert.Equal(1, code);
        Assert.Contains(FormattableString.Invariant($"Node 'ports': on port {port} of its loopback listens somebody else, user "), said, StringComparison.Ordinal);
        Assert.DoesNotContain("starting", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_opens_the_port_to_all_the_world_is_not_asked_to_lead()
    {
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized, settings: "GatewayPorts yes");
        var port = PrivatePostgres.FreePort();
        var agent = await FakeNode.ConnectAsync(world, "open", server);
        await using var connection = agent.Connection;
        var refused = await Assert.ThrowsAsync<NodeException>(() => agent.LeadAsync(port, "127.0.0.1", PrivatePostgres.FreePort(), Stopping));
        Assert.Contains($"its SSH server opens port {port} to all who reach that computer", refused.Message, StringComparison.Ordinal);
        Assert.Contains("GatewayPorts", refused.Message, StringComparison.Ordinal);
        await Processes.UntilAsync(() => !agent.HearsAsync(port, Stopping).GetAwaiter().GetResult().IsHeard, "it is given back");
    }
}
