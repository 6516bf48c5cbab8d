using Npgsql;
using Pampa.Servers;
using Pampa.Ssh.Commands;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Delivering;
using Pampa.Ssh.Remote;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>Steps of the verbs that do not come to their end: how the node is left, and what is said of it.</summary>
public sealed class StepTests(SshWorld world)
{
    private static readonly Patience Short = new(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(1));

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    /// <summary>A node of the program's cluster that has a program of which no heartbeat comes, and perhaps runs it.</summary>
    private async Task<NodeAgent> FakeAsync(string name, bool runs = false, string address = "Host=elsewhere", SshServer? server = null)
    {
        var agent = await ConnectAsync(name, server);
        var facts = await agent.ProbeAsync(Stopping);
        using var release = await SshWorld.DeliverAsync(agent, await FakeProgram.MakeAsync(world, name));
        var launch = Launch.Of(agent.Node, release.Program, facts.Folder);
        await agent.PutDatabaseAsync(address, false, Stopping);
        await agent.PutLaunchAsync(launch, Stopping);
        await agent.PlaceAsync(Stopping);
        if (runs) await agent.StartAsync(launch, null, Stopping);
        await agent.ProbeAsync(Stopping);
        return agent;
    }

    private async Task<NodeAgent> ConnectAsync(string name, SshServer? server = null, Action<SshNode>? more = null) =>
        new(await SshConnection.OpenAsync(world.Node(name, more, server), false, _ => { }, Stopping), "pampa");

    [Fact]
    public async Task A_restart_that_does_not_come_back_is_the_last_and_the_database_hides_nothing_of_it()
    {
        await using var loads = await Loads.MakeAsync(world);
        var program = loads.With(("stays1", null), ("stays2", null));
        await SshWorld.RunAsync(program, "migrate", "--db", $"env:{loads.Variable}");
        var first = await FakeAsync("stays1");
        await using var one = first.Connection;
        var second = await FakeAsync("stays2");
        await using var two = second.Connection;
        string[] restart = ["nodes", "restart", "--start-timeout", "00:00:01"];
        var (code, said) = await loads.RunAsync(program, restart);
        Assert.Equal(1, code);
        Assert.Contains("Node 'stays1': it does not come back: it is not at work within 00:00:01", said, StringComparison.Ordinal);
        Assert.Contains("Those after it were left as they are: stays2.", said, StringComparison.Ordinal);
        Assert.DoesNotContain("stays2: starting", said, StringComparison.Ordinal);
        Assert.Null((await second.ProbeAsync(Stopping)).Process);

        // The database goes while it starts.
        await loads.RunAsync(program, "pause", "node", "stays2", "--reason", Holding.Reason);
        var restarting = Task.Run(() => loads.RunAsync(program, [.. restart, "stays2"]), Stopping);
        await Processes.UntilAsync(() => Processes.With("--name stays2 ").Count > 0 || restarting.IsCompleted, "it is started");
        var settings = new NpgsqlConnectionStringBuilder(loads.Address);
        var gone = settings.Database;
        settings.Database = "postgres";
        await using (var connection = new NpgsqlConnection(settings.ConnectionString))
        {
            await connection.OpenAsync(Stopping);
            await using var drop = new NpgsqlCommand($"DROP DATABASE {gone} WITH (FORCE)", connection);
            await drop.ExecuteNonQueryAsync(Stopping);
        }
        (code, said) = await restarting;
        Assert.Equal(1, code);
        Assert.Contains("Node 'stays2': it does not come back: it is not at work within 00:00:01: the database does not answer", said, StringComparison.Ordinal);
        Assert.Contains("Node 'stays2' may still be paused", said, StringComparison.Ordinal);
        Assert.Contains("resume node stays2", said, StringComparison.Ordinal);
        (code, said) = await loads.RunAsync(program, "nodes", "down", "--no-drain");
        Assert.True(code == 0, said);
    }

    [Fact]
    public async Task A_pause_of_ours_ends_with_the_step_or_by_itself_and_one_of_somebody_else_does_not()
    {
        await using var loads = await Loads.MakeAsync(world);
        await loads.WithClusterAsync(loads.With(("held", null)), async cluster =>
        {
            var target = PampaTarget.Node("held");
            async Task<HeldInfo?> HeldAsync() => (await cluster.InfoAsync(Stopping)).Held.FirstOrDefault(held => held.Target == target);
            Holding Hold() => new(cluster, new SshNode("held", "host"), TimeSpan.FromHours(1));
            var holding = Hold();
            await Assert.ThrowsAsync<NodeException>(() => holding.AroundAsync(async () =>
            {
                Assert.Equal(0, await holding.DrainAsync(Short.Drain, Stopping));
                var own = await HeldAsync();
                Assert.Equal(Holding.Reason, own?.Reason);
                Assert.InRange(own?.EndsIn ?? TimeSpan.Zero, TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(61));
                throw new NodeException("it fails");
            }, Stopping));
            Assert.Null(await HeldAsync());
            await cluster.PauseAsync(target, "maintenance", cancellationToken: Stopping);
            holding = Hold();
            await holding.AroundAsync(() => holding.DrainAsync(Short.Drain, Stopping), Stopping);
            Assert.Equal(("maintenance", null), ((await HeldAsync())?.Reason, (await HeldAsync())?.EndsIn));
            await cluster.PauseAsync(target, Holding.Reason, cancellationToken: Stopping);
            await Hold().AroundAsync(() => Task.CompletedTask, Stopping);
            Assert.Null(await HeldAsync());
        });
    }

    [Fact]
    public async Task What_works_on_another_database_is_not_taken_for_drained_here()
    {
        await using var loads = await Loads.MakeAsync(world);
        var agent = await FakeAsync("moves", runs: true);
        await using var connection = agent.Connection;
        var process = (await agent.ProbeAsync(Stopping)).Process;
        var (code, said) = await loads.RunAsync(loads.With(("moves", null)), "nodes", "up", "--program", await FakeProgram.MakeAsync(world, "moved"));
        Assert.Equal(1, code);
        Assert.Contains($"this one does not know its process {process}", said, StringComparison.Ordinal);
        Assert.Contains("nodes down moves", said, StringComparison.Ordinal);
        Assert.Equal(process, (await agent.ProbeAsync(Stopping)).Process);
        Assert.Equal("Host=elsewhere", await agent.DatabaseAsync(Stopping));
        await agent.StopAsync(Short.Stop, kills: true, Stopping);
    }

    [Fact]
    public async Task A_way_to_the_database_goes_on_whatever_comes()
    {
        await using var loads = await Loads.MakeAsync(world);
        var port = PrivatePostgres.FreePort();
        var database = ("127.0.0.1", new NpgsqlConnectionStringBuilder(loads.Address).Port);
        using var enough = new CancellationTokenSource();
        using var output = new FailingWriter();
        SshNode[] nodes = [world.Node("leads", node => node.DatabaseForwardPort = port)];
        var keeping = Task.Run(() => ForwardVerb.KeepAllAsync(nodes, "pampa", database, output, TextWriter.Null, enough.Token), Stopping);
        await Processes.UntilAsync(() => output.Lines > 1 || keeping.IsCompleted, "it is tried again");
        Assert.False(keeping.IsCompleted);
        var agent = await ConnectAsync("leads");
        await using var connection = agent.Connection;
        Assert.Equal((true, null), await agent.HearsAsync(port, Stopping));
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => keeping);
        Assert.Equal((false, null), await agent.HearsAsync(PrivatePostgres.FreePort(), Stopping));
    }

    /// <summary>The first line meets a disk that is full.</summary>
    private sealed class FailingWriter : StringWriter
    {
        public int Lines { get; private set; }

        public override Task WriteLineAsync(string? value) => ++Lines == 1 ? throw new IOException("No space left on device") : base.WriteLineAsync(value);
    }

    [Fact]
    public async Task A_reboot_that_is_stopped_leaves_no_node_stopped_without_a_word()
    {
        await using var loads = await Loads.MakeAsync(world);
        var agent = await FakeAsync("reboots", runs: true);
        await using var connection = agent.Connection;
        var process = (await agent.ProbeAsync(Stopping)).Process;
        var told = Path.Combine(world.Account.Home, "told-to-reboot");
        agent.Node.RebootCommand = ["touch", told];
        await loads.WithClusterAsync(loads.With(("reboots", null)), async cluster =>
        {
            async Task<string> StopAsync(CancellationTokenSource stop, Action<NodeRow> changed)
            {
                var verb = new RebootVerb(agent, cluster, Short, TimeSpan.FromMinutes(1), new NodeRow("reboots", "", changed));
                return (await Assert.ThrowsAsync<NodeException>(() => verb.RunAsync(TimeSpan.FromSeconds(5), stop.Token))).Message;
            }
            using var before = new CancellationTokenSource();
            var said = await StopAsync(before, row =>
            {
                if (row.Step == "rebooting") before.Cancel();
            });
            Assert.Contains("before its computer was told to reboot. It has not begun anew, so the node was started again", said, StringComparison.Ordinal);
            Assert.False(File.Exists(told));
            var now = (await agent.ProbeAsync(Stopping)).Process;
            Assert.NotNull(now);
            Assert.NotEqual(process, now);
            using var after = new CancellationTokenSource();
            var stopping = StopAsync(after, _ => { });
            await Processes.UntilAsync(() => File.Exists(told), "it is told");
            await after.CancelAsync();
            Assert.Contains("is not waited for any more. Run 'nodes up reboots'", await stopping, StringComparison.Ordinal);
            Assert.Empty((await cluster.InfoAsync(Stopping)).Held);
        });
    }

    [Fact]
    public async Task A_line_that_breaks_after_the_switch_is_no_failure_of_the_release_and_neither_is_what_cannot_be_taken_away()
    {
        await using var loads = await Loads.MakeAsync(world);
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized);
        var port = PrivatePostgres.FreePort();
        var agent = await ConnectAsync("breaks", server, node => node.DatabaseForwardPort = port);
        await using var connection = agent.Connection;
        await agent.ProbeAsync(Stopping);
        using var release = await Release.ReadAsync(loads.Published, null, Stopping);
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
        var breaks = true;
        var row = new NodeRow("breaks", "", changed =>
        {
            if (!breaks || changed.Step != "waiting for its heartbeat") return;
            breaks = false;
            server.StopAsync().GetAwaiter().GetResult();
            server.StartAgainAsync().GetAwaiter().GetResult();
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
        Assert.False(breaks);
        Assert.StartsWith(Environment.IsPrivilegedProcess ? "up; former releases are still there: " : "up", row.Step, StringComparison.Ordinal);
        Assert.True((await agent.HearsAsync(port, Stopping)).IsHeard);
        await agent.StopAsync(Short.Stop, kills: true, Stopping);
        if (Directory.Exists(Path.Combine(old, "a"))) Directory.Delete(old, recursive: true);
    }
}
