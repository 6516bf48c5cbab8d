using System.Diagnostics;
using System.Security.Cryptography;
using Pampa.Servers;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Delivering;
using Pampa.Ssh.Remote;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>The orders, each against a real server.</summary>
public sealed class AgentTests(SshWorld world)
{
    private static readonly TimeSpan Stop = TimeSpan.FromSeconds(5);

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private Task<NodeAgent> OpenAsync(string name = "web1") => world.AgentAsync(name);

    private static Task<Release> DeliverAsync(NodeAgent agent, string folder) => SshWorld.DeliverAsync(agent, folder);

    [Fact]
    public async Task A_command_gets_its_words_and_gives_its_output_its_errors_and_its_code()
    {
        var agent = await OpenAsync();
        await using var connection = agent.Connection;
        List<string> output = [], errors = [];
        var code = await agent.ExecAsync(["sh", "-c", "echo \"$1\"; echo wrong >&2; exit 7", "x", "a  b'c"], TimeSpan.FromSeconds(20), output.Add, errors.Add, Stopping);
        Assert.Equal(7, code);
        Assert.Equal(["a  b'c"], output);
        Assert.Equal(["wrong"], errors);
    }

    [Fact]
    public async Task A_cancelled_command_ends_on_the_node_with_all_that_it_has_started()
    {
        var agent = await OpenAsync();
        await using var connection = agent.Connection;
        var mark = $"31337.{RandomNumberGenerator.GetInt32(100_000, 999_999)}";
        using var cancel = new CancellationTokenSource();
        var running = agent.ExecAsync(["sh", "-c", $"sleep {mark} & sleep {mark}; true"], TimeSpan.FromMinutes(5), _ => { }, _ => { }, cancel.Token);
        await Processes.UntilAsync(() => Processes.With($"sleep {mark}").Count >= 2, "both run");
        var clock = Stopwatch.StartNew();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await Processes.UntilAsync(() => Processes.With(mark).Count == 0, "none of it runs", 3);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(8));
    }

    [Fact]
    public async Task A_command_that_does_not_want_to_end_is_killed_and_so_is_one_whose_caller_was_killed()
    {
        var agent = await OpenAsync();
        await using var connection = agent.Connection;
        var mark = $"4242.{RandomNumberGenerator.GetInt32(100_000, 999_999)}";
        string[] deaf = ["sh", "-c", $"trap '' TERM; while :; do sleep 0.1; done; : {mark}"];
        using var cancel = new CancellationTokenSource();
        var running = agent.ExecAsync(deaf, TimeSpan.FromMinutes(5), _ => { }, _ => { }, cancel.Token);
        await Processes.UntilAsync(() => Processes.With(mark).Count > 1, "it runs");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await Processes.UntilAsync(() => Processes.With(mark).Count == 0, "it is gone", 10);

        var other = $"4343.{RandomNumberGenerator.GetInt32(100_000, 999_999)}";
        var lost = agent.ExecAsync(["sleep", other], TimeSpan.FromMinutes(5), _ => { }, _ => { }, Stopping);
        // Its client is itself by then: for a moment at its start it is another program, and in the next one it has no command line at all.
        await Processes.UntilAsync(() => Processes.With($"sleep {other}").Count > 0, "it runs on the node");
        var client = Assert.Single(Processes.With("ssh -F none").Intersect(Processes.With(other)));
        await Tool.RunAsync("kill", "-KILL", FormattableString.Invariant($"{client}"));
        await lost;
        await Processes.UntilAsync(() => Processes.With(other).Count == 0, "it is gone with its caller", 10);
    }

    [Fact]
    public async Task A_release_is_delivered_whole_or_not_at_all()
    {
        var agent = await OpenAsync("whole");
        await using var connection = agent.Connection;
        using var release = await Release.ReadAsync(await FakeProgram.MakeAsync(world, "whole"), null, Stopping);
        var archive = await release.ArchiveAsync(Stopping);
        // What arrives is not what was sent.
        var bytes = await File.ReadAllBytesAsync(archive.Path, Stopping);
        bytes[^20] ^= 1;
        await File.WriteAllBytesAsync(archive.Path, bytes, Stopping);
        var damaged = await Assert.ThrowsAsync<NodeException>(() => agent.ReceiveAsync(release, _ => { }, Stopping));
        Assert.Contains($"its SHA-256 must be {archive.Sha256}", damaged.Message, StringComparison.Ordinal);
        Assert.Empty((await agent.ProbeAsync(Stopping)).Releases);
        await Assert.ThrowsAsync<NodeException>(() => agent.SwitchAsync(release.Name, Stopping));
        bytes[^20] ^= 1;
        await File.WriteAllBytesAsync(archive.Path, bytes, Stopping);
        await agent.ReceiveAsync(release, _ => { }, Stopping);
        Assert.Equal([release.Name], (await agent.ProbeAsync(Stopping)).Releases);
        Assert.Empty(Directory.GetDirectories(Path.Combine(world.Account.Home, "nodes", "agents", "whole"), "incoming.*"));
    }

    [Fact]
    public async Task A_release_is_named_by_its_content_and_three_are_kept()
    {
        var agent = await OpenAsync("kept");
        await using var connection = agent.Connection;
        using var first = await Release.ReadAsync(await FakeProgram.MakeAsync(world, "one"), null, Stopping);
        using var same = await Release.ReadAsync(await FakeProgram.MakeAsync(world, "one"), null, Stopping);
        Assert.Equal(first.Name, same.Name);
        var names = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            using var release = await DeliverAsync(agent, await FakeProgram.MakeAsync(world, $"number {i}"));
            names.Add(release.Name);
            await agent.PruneAsync(Stopping);
        }
        Assert.Equal(5, names.Distinct().Count());
        var facts = await agent.ProbeAsync(Stopping);
        Assert.Equal(names[^1], facts.Current);
        Assert.Equal(3, facts.Releases.Count);
        Assert.Contains(names[^1], facts.Releases);
    }

    [Fact]
    public async Task A_hundred_megabytes_arrive_in_a_short_time()
    {
        var agent = await OpenAsync("large");
        await using var connection = agent.Connection;
        var folder = await FakeProgram.MakeAsync(world, "large");
        await File.WriteAllBytesAsync(Path.Combine(folder, "large.bin"), RandomNumberGenerator.GetBytes(100_000_000), Stopping);
        var clock = Stopwatch.StartNew();
        using var release = await Release.ReadAsync(folder, null, Stopping);
        var share = 0.0;
        await agent.ReceiveAsync(release, now => share = now, Stopping);
        TestContext.Current.TestOutputHelper?.WriteLine($"100 MB in {clock.Elapsed.TotalSeconds:0.0} s");
        Assert.Equal(1, share);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60));
        Assert.Equal(100_000_000, new FileInfo(Path.Combine(world.Account.Home, "nodes", "agents", "large", "releases", release.Name, "large.bin")).Length);
    }

    [Fact]
    public async Task The_database_stands_in_a_file_for_the_user_alone()
    {
        var agent = await OpenAsync("secret");
        await using var connection = agent.Connection;
        Assert.True(await agent.PutDatabaseAsync("Host=db;Password=quiet", false, Stopping));
        await agent.PlaceAsync(Stopping);
        Assert.False(await agent.PutDatabaseAsync("Host=db;Password=quiet", false, Stopping));
        var file = Path.Combine(world.Account.Home, "nodes", "agents", "secret", "database");
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal("Host=db;Password=quiet", await File.ReadAllTextAsync(file, Stopping));
        Assert.True(await agent.PutDatabaseAsync("Host=db;Password=other", true, Stopping));
        Assert.Equal("Host=db;Password=other", await agent.DatabaseAsync(Stopping));
    }

    [Fact]
    public async Task What_is_put_stands_beside_what_there_is_until_it_is_placed_and_goes_back()
    {
        var agent = await OpenAsync("beside");
        await using var connection = agent.Connection;
        Launch former = new("fake", ["node", "a b"]), next = new("fake", ["node", "--workers", "2"]);
        Assert.Null(await agent.LaunchAsync(Stopping));
        await agent.PutDatabaseAsync("Host=one", false, Stopping);
        await agent.PutLaunchAsync(former, Stopping);
        await agent.PlaceAsync(Stopping);
        // Nothing has come of what was put, so it is another one the next time, too.
        for (var i = 0; i < 2; i++)
        {
            Assert.True(await agent.PutDatabaseAsync("Host=two", false, Stopping));
            Assert.True(await agent.PutLaunchAsync(next, Stopping));
            Assert.Equal(("Host=one", former.Text), (await agent.DatabaseAsync(Stopping), (await agent.LaunchAsync(Stopping))!.Text));
        }
        await agent.PlaceAsync(Stopping);
        Assert.Equal(("Host=two", next.Text), (await agent.DatabaseAsync(Stopping), (await agent.LaunchAsync(Stopping))!.Text));
        await agent.RestoreAsync(Stopping);
        Assert.Equal(("Host=one", former.Text), (await agent.DatabaseAsync(Stopping), (await agent.LaunchAsync(Stopping))!.Text));
        // An upgrade that does not come so far as to place anything goes back to what there is, and not to what one before it has kept.
        await agent.PutDatabaseAsync("Host=two", false, Stopping);
        await agent.PlaceAsync(Stopping);
        await agent.PutDatabaseAsync("Host=three", false, Stopping);
        await agent.RestoreAsync(Stopping);
        Assert.Equal("Host=two", await agent.DatabaseAsync(Stopping));
        // What was thought better of is not placed.
        Assert.True(await agent.PutLaunchAsync(next, Stopping));
        Assert.False(await agent.PutLaunchAsync(former, Stopping));
        await agent.PlaceAsync(Stopping);
        Assert.Equal(former.Text, (await agent.LaunchAsync(Stopping))!.Text);
    }

    [Fact]
    public async Task A_reboot_that_is_not_permitted_is_known_before_and_one_that_fails_says_why()
    {
        var agent = await OpenAsync("reboots");
        await using var connection = agent.Connection;
        async Task<string> RefusedAsync(params string[] command) =>
            (await Assert.ThrowsAsync<NodeException>(() => agent.CheckRebootAsync(command, Stopping))).Message;
        Assert.Contains("there is no command no-such-reboot", await RefusedAsync("no-such-reboot"), StringComparison.Ordinal);
        var folder = world.NewFolder();
        var sudo = Path.Combine(folder, "sudo");
        await File.WriteAllTextAsync(sudo, "#!/bin/sh\n[ \"$*\" = '-n -l reboot' ] || exit 9\necho 'a password is required' >&2\nexit 1\n", Stopping);
        await Tool.RunAsync("chmod", "755", folder, sudo);
        Assert.Contains("sudo does not permit it without a password: a password is required", await RefusedAsync(sudo, "-n", "reboot"), StringComparison.Ordinal);
        await agent.CheckRebootAsync(["sh"], Stopping);
        Assert.Null(await agent.RebootFailureAsync(Stopping));
        await agent.RebootAsync(["sh", "-c", "echo 'not * permitted' >&2; exit 4"], Stopping);
        string? why = null;
        await Processes.UntilAsync(() => (why = agent.RebootFailureAsync(Stopping).GetAwaiter().GetResult()) is not null, "it has failed");
        Assert.Equal("the command ended with 4: not * permitted", why);
    }

    [Fact]
    public async Task A_program_that_does_not_run_says_why_and_one_that_does_not_end_is_killed()
    {
        var agent = await OpenAsync("broken");
        await using var connection = agent.Connection;
        using var broken = await DeliverAsync(agent, await FakeProgram.MakeAsync(world, "broken", "echo 'no such table' >&2; exit 2"));
        await Assert.ThrowsAnyAsync<NodeException>(async () =>
        {
            await agent.StartAsync(new Launch(broken.Program, []), null, Stopping);
            await Processes.UntilAsync(() => agent.ProbeAsync(Stopping).GetAwaiter().GetResult().Process is null, "it has ended");
            throw new NodeException(await agent.ErrorsAsync(Stopping));
        });
        Assert.Contains("no such table", await agent.ErrorsAsync(Stopping), StringComparison.Ordinal);
        await agent.StopAsync(Stop, kills: false, Stopping);

        using var deaf = await DeliverAsync(agent, await FakeProgram.MakeAsync(world, "deaf", "trap '' TERM; echo deaf now >&2; while :; do sleep 0.1; done"));
        await agent.StartAsync(new Launch(deaf.Program, []), null, Stopping);
        await Processes.UntilAsync(() => agent.ErrorsAsync(Stopping).GetAwaiter().GetResult().Contains("deaf now", StringComparison.Ordinal), "it hears nothing any more");
        var late = await Assert.ThrowsAsync<NodeException>(() => agent.StopAsync(TimeSpan.FromSeconds(1), kills: false, Stopping));
        Assert.Contains("does not end within 1 s", late.Message, StringComparison.Ordinal);
        await agent.StopAsync(TimeSpan.FromSeconds(1), kills: true, Stopping);
        Assert.Null((await agent.ProbeAsync(Stopping)).Process);
    }

    [Fact]
    public async Task What_cannot_be_written_down_does_not_run()
    {
        var agent = await OpenAsync("full");
        await using var connection = agent.Connection;
        using var release = await DeliverAsync(agent, await FakeProgram.MakeAsync(world, "full"));
        var folder = (await agent.ProbeAsync(Stopping)).Folder;
        // A disk that has no room, before the start and after it.
        foreach (var file in (string[])["pid.new", "pid"])
        {
            var inTheWay = Directory.CreateDirectory(Path.Combine(folder, file));
            var refused = await Assert.ThrowsAsync<NodeException>(() => agent.StartAsync(new Launch(release.Program, ["--name", "full-node"]), null, Stopping));
            Assert.Contains($"the pid file {inTheWay.FullName} cannot be written", refused.Message, StringComparison.Ordinal);
            await Processes.UntilAsync(() => Processes.With("--name full-node").TrueForAll(id => !Processes.IsAlive(FormattableString.Invariant($"{id}"))), "it does not run", 5);
            inTheWay.Delete();
        }
        await agent.StartAsync(new Launch(release.Program, []), null, Stopping);
        Assert.NotNull((await agent.ProbeAsync(Stopping)).Process);
        await agent.StopAsync(Stop, kills: true, Stopping);
    }

    [Fact]
    public async Task The_client_of_a_step_in_flight_is_in_no_group_that_a_terminals_signal_goes_to()
    {
        var agent = await OpenAsync("apart");
        await using var connection = agent.Connection;
        using var slow = await DeliverAsync(agent, await FakeProgram.MakeAsync(world, "apart", "trap 'sleep 1; exit 0' TERM; echo it listens >&2; while :; do sleep 0.1; done"));
        await agent.StartAsync(new Launch(slow.Program, []), null, Stopping);
        await Processes.UntilAsync(() => agent.ErrorsAsync(Stopping).GetAwaiter().GetResult().Contains("it listens", StringComparison.Ordinal), "it listens");
        var step = agent.StopAsync(Stop, kills: false, Stopping);
        List<int> clients = [];
        await Processes.UntilAsync(() => (clients = Processes.Clients("stop", "agents/apart")).Count > 0 || step.IsCompleted, "its client runs");
        Assert.NotEqual(Processes.Group(Environment.ProcessId), Processes.Group(Assert.Single(clients)));
        await step;
    }

    [Fact]
    public async Task The_log_is_shown_and_followed_into_the_next_file()
    {
        var agent = await OpenAsync("talks");
        await using var connection = agent.Connection;
        // Its folder is made by the user himself: below one that somebody else has made he could make no other.
        await agent.PutDatabaseAsync("Host=db", true, Stopping);
        var logs = Path.Combine(world.Account.Home, "nodes", "agents", "talks", "log");
        Directory.CreateDirectory(logs);
        var file = Path.Combine(logs, "node.talks.log");
        await File.WriteAllLinesAsync(file, Enumerable.Range(1, 100).Select(i => $"line {i}"), Stopping);
        List<string> output = [];
        await agent.LogsAsync(3, follows: false, output.Add, _ => { }, Stopping);
        Assert.Equal(["line 98", "line 99", "line 100"], output);

        output.Clear();
        using var enough = new CancellationTokenSource();
        var following = agent.LogsAsync(1, follows: true, line => { lock (output) output.Add(line); }, _ => { }, enough.Token);
        await Processes.UntilAsync(() => Has("line 100"), "the last line");
        await File.AppendAllTextAsync(file, "line 101\n", Stopping);
        await Processes.UntilAsync(() => Has("line 101"), "a line that came");
        Assert.NotEqual(Processes.Group(Environment.ProcessId), Processes.Group(Assert.Single(Processes.Clients("logs", "agents/talks"))));
        File.SetLastWriteTimeUtc(file, DateTime.UnixEpoch);
        await File.WriteAllTextAsync(Path.Combine(logs, "node.talks_001.log"), "line 102\n", Stopping);
        await Processes.UntilAsync(() => Has("line 102"), "a line of the next file");
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
        await Processes.UntilAsync(() => Processes.With("node.talks").Count == 0, "nothing reads it any more", 5);

        bool Has(string line)
        {
            lock (output) return output.Contains(line);
        }
    }

    [Fact]
    public async Task The_logs_of_workers_that_are_processes_of_their_own_are_shown_with_that_of_their_node()
    {
        var agent = await OpenAsync("parted");
        await using var connection = agent.Connection;
        await agent.PutDatabaseAsync("Host=db", true, Stopping);
        var logs = Path.Combine(world.Account.Home, "nodes", "agents", "parted", "log");
        Directory.CreateDirectory(logs);
        Task WriteAsync(string file, params string[] lines) => File.AppendAllLinesAsync(Path.Combine(logs, file), lines, Stopping);
        await WriteAsync("node.parted.log", "2026-11-26 10:00:00 Node 'parted' runs 2 workers", "2026-11-26 10:00:09 info: the node");
        await WriteAsync("worker.parted.1.log", "2026-11-26 10:00:01 info: old");
        File.SetLastWriteTimeUtc(Path.Combine(logs, "worker.parted.1.log"), DateTime.UnixEpoch);
        await WriteAsync("worker.parted.1_001.log", "2026-11-26 10:00:05 info: a | b 'c'", "2026-11-26 10:00:08 warn: end");
        await WriteAsync("worker.parted.2.log", "2026-11-26 10:00:07 info: two");
        List<string> output = [];
        await agent.LogsAsync(4, follows: false, output.Add, _ => { }, Stopping);
        Assert.Equal(
        [
            "2026-11-26 10:00:05 parted.1 | info: a | b 'c'", "2026-11-26 10:00:07 parted.2 | info: two", "2026-11-26 10:00:08 parted.1 | warn: end", "2026-11-26 10:00:09 info: the node",
        ], output);

        // As many as may be asked for, with what is no line of its own among them.
        await WriteAsync("worker.parted.1_001.log", [.. Enumerable.Range(0, 100_000).Select(i => i % 2 == 0 ? "short" : "2026-11-26 10:00:08 warn: much of it")]);
        output.Clear();
        var clock = Stopwatch.StartNew();
        await agent.LogsAsync(100_000, follows: false, output.Add, _ => { }, Stopping);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"It took {clock.Elapsed}.");
        Assert.Equal(100_000, output.Count);
        Assert.Equal(["2026-11-26 10:00:08 parted.1 | warn: much of it", "parted.1 | short"], output.FindAll(line => line.Contains("much", StringComparison.Ordinal) || line.Contains("short", StringComparison.Ordinal)).Distinct().Order());

        output.Clear();
        using var enough = new CancellationTokenSource();
        var following = agent.LogsAsync(1, follows: true, line => { lock (output) output.Add(line); }, _ => { }, enough.Token);
        await Processes.UntilAsync(() => Has("2026-11-26 10:00:07 parted.2 | info: two"), "the last line of a worker");
        await WriteAsync("worker.parted.2.log", "2026-11-26 10:00:10 info: next");
        await WriteAsync("worker.parted.3.log", "2026-11-26 10:00:11 info: new");
        await Processes.UntilAsync(() => Has("2026-11-26 10:00:10 parted.2 | info: next") && Has("2026-11-26 10:00:11 parted.3 | info: new"), "lines that came");
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
        await Processes.UntilAsync(() => Processes.With("agents/parted").Count == 0, "nothing reads them any more", 5);

        bool Has(string line)
        {
            lock (output) return output.Contains(line);
        }
    }

    [Fact]
    public async Task Lines_that_are_objects_stay_such_and_say_whose_they_are_and_how_many_workers_there_are()
    {
        var agent = await OpenAsync("objects");
        await using var connection = agent.Connection;
        using var release = await DeliverAsync(agent, await FakeProgram.MakeAsync(world, "objects"));
        await agent.StartAsync(new Launch(release.Program, []), null, Stopping);
        var logs = Path.Combine(world.Account.Home, "nodes", "agents", "objects", "log");
        var process = (await agent.ProbeAsync(Stopping)).Process;
        Task WriteAsync(string file, string time, string more) =>
            File.WriteAllTextAsync(Path.Combine(logs, file), $$"""{"time":"2026-11-26T10:00:0{{time}}Z","level":"information",{{more}}}{{'\n'}}""", Stopping);
        await WriteAsync("node.objects.log", "2", $"\"message\":\"Node 'objects' runs 3 workers as processes of their own, supervised by process {process}\"");
        await WriteAsync("worker.objects.1.log", "1", "\"message\":\"a, b | 'c'\"");
        Assert.Equal(3, await agent.WorkersAsync(Stopping));
        List<string> output = [];
        await agent.LogsAsync(4, follows: false, output.Add, _ => { }, Stopping);
        await agent.StopAsync(Stop, kills: true, Stopping);
        Assert.Equal("""{"time":"2026-11-26T10:00:01Z","process":"objects.1","level":"information","message":"a, b | 'c'"}""", output[0]);
        Assert.StartsWith("""{"time":"2026-11-26T10:00:02Z","level":""", output[1], StringComparison.Ordinal);
        Assert.Equal(2, output.Count);
    }

    [Fact]
    public async Task What_a_computer_uses_is_what_the_kernel_says()
    {
        var agent = await OpenAsync("used");
        await using var connection = agent.Connection;
        using var release = await DeliverAsync(agent, await FakeProgram.MakeAsync(world, "used"));
        await agent.StartAsync(new Launch(release.Program, []), null, Stopping);
        var usage = await agent.UsageAsync(Stopping);
        await agent.StopAsync(Stop, kills: true, Stopping);
        Assert.Equal(Environment.ProcessorCount, usage.Cores);
        Assert.InRange(usage.BusyShare, 0, 1);
        Assert.InRange(usage.MemoryUsed, 1, usage.MemoryTotal);
        Assert.InRange(usage.DiskFree, 1, usage.DiskTotal);
        Assert.InRange(usage.ProcessMemory ?? 0, 1, usage.MemoryTotal);
    }
}
