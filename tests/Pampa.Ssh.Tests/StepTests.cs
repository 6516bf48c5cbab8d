using Npgsql;
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

    [Fact]
    public async Task A_restart_that_does_not_come_back_is_the_last_and_the_database_hides_nothing_of_it()
    {
        await using var loads = await Loads.MakeAsync(world);
        var program = loads.With(("stays1", null), ("stays2", null));
        await SshWorld.RunAsync(program, "migrate", "--db", $"env:{loads.Variable}");
        var first = await FakeNode.MakeAsync(world, "stays1");
        await using var one = first.Connection;
        var second = await FakeNode.MakeAsync(world, "stays2");
        await using var two = second.Connection;
        string[] restart = ["nodes", "restart", "--start-timeout"];
        var (code, said) = await loads.RunAsync(program, [.. restart, "00:00:01"]);
        Assert.Equal(1, code);
        Assert.Contains("Node 'stays1': it does not come back: it is not at work within 00:00:01", said, StringComparison.Ordinal);
        Assert.Contains("Those after it were left as they are: stays2.", said, StringComparison.Ordinal);
        Assert.DoesNotContain("stays2: starting", said, StringComparison.Ordinal);
        Assert.Null((await second.ProbeAsync(Stopping)).Process);

        // The database goes while it starts.
        await loads.RunAsync(program, "pause", "node", "stays2", "--reason", Holding.Reason);
        var restarting = Task.Run(() => loads.RunAsync(program, [.. restart, "00:00:10", "stays2"]), Stopping);
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
        Assert.Contains("Node 'stays2': it does not come back: it is not at work within 00:00:10: the database does not answer", said, StringComparison.Ordinal);
        Assert.Contains("Node 'stays2' may still be paused", said, StringComparison.Ordinal);
        Assert.Contains("resume node stays2", said, StringComparison.Ordinal);
        (code, said) = await loads.RunAsync(program, "nodes", "down", "--no-drain");
        Assert.True(code == 0, said);
    }

    [Fact]
    public async Task What_works_on_another_database_is_not_taken_for_drained_here()
    {
        await using var loads = await Loads.MakeAsync(world);
        var agent = await FakeNode.MakeAsync(world, "moves", runs: true);
        await using var connection = agent.Connection;
        agent.Node.RebootCommand = ["false"];
        var facts = await agent.ProbeAsync(Stopping);
        using var release = await Release.ReadAsync(await FakeProgram.MakeAsync(world, "moved"), null, Stopping);
        await agent.ReceiveAsync(release, _ => { }, Stopping);
        var (patience, time) = (Short with { Look = TimeSpan.FromMilliseconds(1) }, TimeSpan.FromSeconds(5));
        await loads.WithClusterAsync(loads.With(("moves", null)), async cluster =>
        {
            var stop = new StopVerbs((cluster, loads.Database), patience);
            var wanted = new Wanted(release, Launch.Of(agent.Node, release.Program, facts.Folder), NodeDatabase.Of(agent.Node, loads.Database), (_, _) => null);
            Action? drains = null;
            var row = new NodeRow("moves", "", changed =>
            {
                if (changed.Step == "draining") drains?.Invoke();
            });
            (Func<CancellationToken, Task> DoAsync, string Remedy)[] verbs =
            [
                (token => new Upgrade(agent, cluster, patience, row).RunAsync(wanted, false, token), "First run 'nodes down moves' with the database that it has"),
                (token => stop.DownAsync(agent, row, token), "with --db, or --no-drain"),
                (token => stop.RestartAsync(agent, time, row, token), "stop it first with 'nodes down moves --no-drain'"),
                (token => new RebootVerb(agent, (cluster, loads.Database), patience, time, row).RunAsync(time, token), "stop it first with 'nodes down moves --no-drain'"),
            ];
            foreach (var (doAsync, remedy) in verbs)
            {
                var said = (await Assert.ThrowsAsync<NodeException>(() => doAsync(Stopping))).Message;
                Assert.Contains($"this one does not know its process {facts.Process}", said, StringComparison.Ordinal);
                Assert.Contains(remedy, said, StringComparison.Ordinal);
            }
            Assert.Equal("Host=elsewhere", await agent.DatabaseAsync(Stopping));

            // One that has been cut off for long, by its password or otherwise, is not heard of either, and is here all the same.
            await agent.PutDatabaseAsync($"{loads.Address};Password=former;Require Auth=ScramSHA256", true, Stopping);
            foreach (var (doAsync, _) in verbs)
            {
                row.Say("");
                using var enough = new CancellationTokenSource();
                drains = enough.Cancel;
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => doAsync(enough.Token));
                Assert.Equal("draining", row.Step);
            }
        });
        Assert.Equal(facts.Process, (await agent.ProbeAsync(Stopping)).Process);
        await agent.StopAsync(Short.Stop, kills: true, Stopping);
    }

    [Fact]
    public async Task A_reboot_that_is_stopped_leaves_no_node_stopped_without_a_word()
    {
        await using var loads = await Loads.MakeAsync(world);
        var agent = await FakeNode.MakeAsync(world, "reboots", runs: true, loads.Address);
        await using var connection = agent.Connection;
        var process = (await agent.ProbeAsync(Stopping)).Process;
        var told = Path.Combine(world.Account.Home, "told-to-reboot");
        agent.Node.RebootCommand = ["touch", told];
        await loads.WithClusterAsync(loads.With(("reboots", null)), async cluster =>
        {
            async Task<string> StopAsync(CancellationTokenSource stop, Action<NodeRow> changed)
            {
                var verb = new RebootVerb(agent, (cluster, loads.Database), Short, TimeSpan.FromMinutes(1), new NodeRow("reboots", "", changed));
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
}
