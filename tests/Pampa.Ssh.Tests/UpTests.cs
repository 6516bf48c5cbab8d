using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;
using Pampa.Servers;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>Nodes as a user has them: real servers, real programs that need nothing of .NET there, a real database.</summary>
public sealed class UpTests(SshWorld world)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_rolling_upgrade_under_load_loses_no_task_and_charges_no_attempt()
    {
        await using var loads = await Loads.MakeAsync(world);
        var program = loads.With(("roll1", null), ("roll2", null));
        try
        {
            var (code, said) = await Loads.RunAsync(program, "nodes", "up", "--program", loads.Published);
            Assert.True(code == 0, said);
            Assert.Contains("roll2: up", said, StringComparison.Ordinal);
            loads.StartDispatcher();
            using var enough = new CancellationTokenSource();
            var busy = Task.Run(() => loads.KeepBusyAsync(enough.Token), Stopping);
            await loads.UntilDoneAsync(100);
            var (_, before) = await StatusAsync(program);
            var second = await loads.OtherAsync("2");
            (code, said) = await Loads.RunAsync(program, "nodes", "up", "--program", second);
            Assert.True(code == 0, said);
            // Drained before it is stopped, and one after the other.
            Assert.True(said.IndexOf("roll1: up", StringComparison.Ordinal) < said.IndexOf("roll2: draining", StringComparison.Ordinal), said);
            await enough.CancelAsync();
            var all = await busy;
            await loads.UntilDoneAsync(all);
            Assert.Equal(all, await loads.AskAsync("SELECT count(*) FROM loads WHERE load_reservation_times = 1 AND load_error_description IS NULL"));
            Assert.True(await loads.DoneAsync("done_by LIKE 'roll1.%'") > 0);
            Assert.True(await loads.DoneAsync("done_by LIKE 'roll2.%'") > 0);
            var (_, after) = await StatusAsync(program);
            Assert.All(after, node => Assert.Equal("running", node.Process));
            Assert.All(after, node => Assert.NotEqual(before[0].Release, node.Release));
            Assert.All(after, node => Assert.Equal((4, 4, false), (node.Workers, node.Ready, node.IsPaused)));

            // Unchanged, so nothing is delivered and nobody is restarted.
            (code, said) = await Loads.RunAsync(program, "nodes", "up", "--program", second);
            Assert.True(code == 0, said);
            Assert.Contains("roll1: runs this release already", said, StringComparison.Ordinal);
            Assert.DoesNotContain("delivering", said, StringComparison.Ordinal);
            Assert.Equal(after.ConvertAll(n => n.Pid), (await StatusAsync(program)).Nodes.ConvertAll(n => n.Pid));

            // One that does not start: the row ends there, with the former release.
            var broken = await FakeProgram.MakeAsync(world, "load", "echo 'this one is broken' >&2; exit 2");
            File.Move(Path.Combine(broken, FakeProgram.Name), Path.Combine(broken, "load"));
            File.Move(Path.Combine(broken, $"{FakeProgram.Name}.runtimeconfig.json"), Path.Combine(broken, "load.runtimeconfig.json"));
            (code, said) = await Loads.RunAsync(program, "nodes", "up", "--program", broken);
            Assert.Equal(1, code);
            Assert.Contains("this one is broken", said, StringComparison.Ordinal);
            Assert.Contains($"It runs release {after[0].Release} again", said, StringComparison.Ordinal);
            Assert.DoesNotContain("roll2: draining", said, StringComparison.Ordinal);
            var (_, left) = await StatusAsync(program);
            Assert.All(left, node => Assert.Equal(("running", after[0].Release, false), (node.Process, node.Release, node.IsPaused)));
            Assert.Equal(after[1].Pid, left[1].Pid);

            (code, said) = await Loads.RunAsync(program, "nodes", "restart", "roll2");
            Assert.True(code == 0, said);
            Assert.NotEqual(left[1].Pid, (await StatusAsync(program)).Nodes[1].Pid);
        }
        finally
        {
            var (code, said) = await Loads.RunAsync(program, "nodes", "down");
            Assert.True(code == 0, said);
        }
        var (_, down) = await StatusAsync(program);
        Assert.All(down, node => Assert.Equal(("stopped", false), (node.Process, node.IsPaused)));
    }

    [Fact]
    public async Task A_node_that_was_killed_is_seen_and_comes_back()
    {
        await using var loads = await Loads.MakeAsync(world);
        var program = loads.With(("killed", node => node.IsIsolated = true));
        try
        {
            var (code, said) = await Loads.RunAsync(program, "nodes", "up", "--program", loads.Published);
            Assert.True(code == 0, said);
            loads.StartDispatcher();
            await loads.AddAsync(600);
            await loads.UntilDoneAsync(50);
            var (_, before) = await StatusAsync(program);
            await Tool.RunAsync("kill", "-KILL", before[0].Pid.ToString(CultureInfo.InvariantCulture));
            var (_, killed) = await StatusAsync(program);
            Assert.Equal("crashed", killed[0].Process);
            (code, said) = await Loads.RunAsync(program, "nodes", "up", "--program", loads.Published);
            Assert.True(code == 0, said);
            await loads.UntilDoneAsync(600);
            Assert.True(await loads.AskAsync("SELECT max(load_reservation_times) FROM loads") <= 2);
        }
        finally
        {
            var (code, said) = await Loads.RunAsync(program, "nodes", "down", "--timeout", "00:01:00");
            Assert.True(code == 0, said);
        }
    }

    [Fact]
    public async Task The_sample_is_delivered_from_its_source_and_does_its_work_there()
    {
        var address = await world.NewDatabaseAsync();
        Environment.SetEnvironmentVariable("PAMPA_TEST_NUMBERS", address);
        Action<PampaBuilder> program = pampa =>
        {
            pampa.AddJob("search_odd_numbers", table: "numbers", key: "value", job =>
            {
                job.Columns = TaskColumns.WithPrefix("odd_checking");
                job.MaxAssignedWorkers = 5;
                job.Process(_ => { });
            });
            pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean)");
            pampa.AddSshNode("counts", world.Server.Address, world.Settings());
        };
        string[] database = ["--db", "env:PAMPA_TEST_NUMBERS"];
        var (code, said) = await SshWorld.RunAsync(program, ["nodes", "up", "--program", Path.Combine(SshWorld.Root, "samples/numbers.cs"), .. database]);
        Assert.True(code == 0, said);
        var node = Path.Combine(world.Account.Home, "nodes", "pampa", "counts");
        using var dispatcher = Process.Start(Tool.Order("/", Path.Combine(world.NewFolder(), "log"), Path.Combine(node, "current", "numbers"), ["dispatcher", "--plain", .. database]))!;
        try
        {
            await using var connection = new NpgsqlConnection(address);
            await connection.OpenAsync(Stopping);
            await using var command = new NpgsqlCommand("SELECT count(*) FROM numbers WHERE odd_checking_success AND is_odd = (value % 2 <> 0)", connection);
            var clock = Stopwatch.StartNew();
            while ((long)(await command.ExecuteScalarAsync(Stopping))! < 100_000)
            {
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "The numbers are not done.");
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Stopping);
            }
        }
        finally
        {
            dispatcher.Kill();
            (code, said) = await SshWorld.RunAsync(program, ["nodes", "down", .. database]);
            Assert.True(code == 0, said);
        }
        (code, said) = await SshWorld.RunAsync(program, "nodes", "logs", "counts", "--lines", "5");
        Assert.True(code == 0, said);
        Assert.Contains("search_odd_numbers: this process", said, StringComparison.Ordinal);
        (code, said) = await SshWorld.RunAsync(program, "nodes", "exec", "counts", "--", "sh", "-c", "echo $((40 + 2)); exit 3");
        Assert.Equal((3, "42"), (code, said.Trim()));
        (code, said) = await SshWorld.RunAsync(program, "nodes", "usage");
        Assert.True(code == 0, said);
        Assert.Contains("counts", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_cannot_be_reached_leaves_the_others_as_they_are()
    {
        await using var loads = await Loads.MakeAsync(world);
        var program = loads.With(("there", null), ("gone", node => node.Port = PrivatePostgres.FreePort()));
        var (code, said) = await Loads.RunAsync(program, "nodes", "up", "--program", loads.Published);
        Assert.Equal(1, code);
        Assert.Contains("Node 'gone': ", said, StringComparison.Ordinal);
        Assert.Contains("nobody listens there", said, StringComparison.Ordinal);
        Assert.Contains("No node was switched", said, StringComparison.Ordinal);
        var (statusCode, nodes) = await StatusAsync(program);
        Assert.Equal(1, statusCode);
        Assert.Equal(["stopped", "unreachable"], nodes.ConvertAll(n => n.Process));
    }

    [Fact]
    public async Task A_computer_that_reboots_comes_back_with_its_node()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("A boot cannot be played without root.");
        await using var loads = await Loads.MakeAsync(world);
        var folder = world.NewFolder();
        var boot = Path.Combine(folder, "boot");
        await File.WriteAllTextAsync(boot, $"{Guid.NewGuid()}\n", Stopping);
        var reboot = Path.Combine(folder, "reboot.sh");
        await File.WriteAllTextAsync(reboot, $"#!/bin/sh\ntouch '{folder}/down'\n", Stopping);
        await Tool.RunAsync("chmod", "777", folder, reboot);
        // This server and all below it see another boot than the others.
        string[] elsewhere = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", $"mount --bind '{boot}' /proc/sys/kernel/random/boot_id && exec \"$0\" \"$@\""];
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized, before: elsewhere);
        var program = loads.With(("boots", node =>
        {
            (node.Port, node.KnownHostsFile) = (server.Port, server.KnownHosts);
            node.RebootCommand = [reboot];
        }));
        var (code, said) = await Loads.RunAsync(program, "nodes", "up", "--program", loads.Published);
        Assert.True(code == 0, said);
        var (_, before) = await StatusAsync(program);
        var rebooting = Task.Run(() => Loads.RunAsync(program, "nodes", "reboot", "boots"), Stopping);
        await Processes.UntilAsync(() => File.Exists(Path.Combine(folder, "down")) || rebooting.IsCompleted, "it goes down", 40);
        Assert.False(rebooting.IsCompleted, rebooting.IsCompleted ? (await rebooting).Said : "");
        await server.StopAsync();
        await File.WriteAllTextAsync(boot, $"{Guid.NewGuid()}\n", Stopping);
        await server.StartAgainAsync();
        (code, said) = await rebooting;
        Assert.True(code == 0, said);
        var (_, after) = await StatusAsync(program);
        Assert.Equal("running", after[0].Process);
        Assert.NotEqual(before[0].Pid, after[0].Pid);
        (code, said) = await Loads.RunAsync(program, "nodes", "down");
        Assert.True(code == 0, said);
    }

    private sealed record Seen(string Process, string Release, long Pid, int Workers, int Ready, bool IsPaused);

    private static async Task<(int Code, List<Seen> Nodes)> StatusAsync(Action<PampaBuilder> program)
    {
        var (code, said) = await Loads.RunAsync(program, "nodes", "status", "--json");
        // What is wrong stands behind it.
        var end = said.LastIndexOf(']') + 1;
        using var json = JsonDocument.Parse(said[said.IndexOf('[', StringComparison.Ordinal)..end]);
        return (code, [.. json.RootElement.EnumerateArray().Select(n => new Seen(
            n.GetProperty("process").GetString()!, n.TryGetProperty("release", out var release) ? release.GetString()! : "",
            n.TryGetProperty("pid", out var pid) ? pid.GetInt64() : 0,
            n.GetProperty("workers").GetInt32(), n.GetProperty("ready").GetInt32(), n.GetProperty("paused").GetBoolean()))]);
    }
}
