using Pampa.Servers;
using Pampa.Ssh.Commands;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Delivering;
using Pampa.Ssh.Remote;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>
/// A node where systemd runs. It does not run here: a server sees what it looks for, and a <c>systemctl</c> that writes down what it is
/// told and starts something that can be stopped.
/// </summary>
public sealed class SystemdTests(SshWorld world)
{
    private const string Control = "/usr/bin/systemctl";
    private static readonly TimeSpan Stop = TimeSpan.FromSeconds(5);

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    /// <summary>
    /// A server on a computer with systemd. Its calls stand in a file of the folder; others there tell how a service is, that a start
    /// fails, and that the next stop takes longer than anybody waits.
    /// </summary>
    private async Task<SshServer> StartAsync(string state)
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists(Control)) Assert.Skip("Another systemctl takes root and one to put it over.");
        await File.WriteAllTextAsync(Path.Combine(state, "systemctl"), $"""
            #!/bin/sh
            echo "$*" >> '{state}/calls'
            case "$*" in
              *"show -p MainPID"*) cat '{state}/pid' 2>/dev/null || echo 0 ;;
              *"show -p ActiveState -p SubState"*) cat '{state}/shown' 2>/dev/null ;;
              *"start "*)
                if [ -e '{state}/fails' ]; then
                  for unit; do :; done
                  echo 'there is no such table' >> "$(sed -n 's/^StandardError=append://p' "$HOME/.config/systemd/user/$unit")"
                  exit 0
                fi
                setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > '{state}/pid'
                ;;
              *"stop "*)
                if [ -e '{state}/hangs' ]; then
                  rm '{state}/hangs'
                  setsid sh -c 'sleep 4; kill $(cat "$0/pid"); rm "$0/pid"' '{state}' </dev/null >/dev/null 2>&1 &
                  exit 1
                fi
                kill "$(cat '{state}/pid')"; rm '{state}/pid'
                ;;
            esac
            """, Stopping);
        await Tool.RunAsync("chmod", "777", state, Path.Combine(state, "systemctl"));
        string[] elsewhere =
        [
            "/usr/bin/unshare", "-m", "/bin/sh", "-c",
            $"mount -t tmpfs none /run && mkdir -p /run/sshd /run/systemd/system && mkdir -p /var/lib/systemd /etc/systemd && mount -t tmpfs none /var/lib/systemd && mount -t tmpfs none /etc/systemd"
                + $" && mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/{world.Account.Name} && mount --bind '{state}/systemctl' {Control} && exec \"$0\" \"$@\"",
        ];
        return await SshServer.StartAsync(world.NewFolder(), world.Authorized, before: elsewhere);
    }

    private static async Task<IEnumerable<string>> CallsAsync(string state) =>
        (await File.ReadAllLinesAsync(Path.Combine(state, "calls"), Stopping)).Where(call => !call.Contains("show", StringComparison.Ordinal));

    private static async Task<Launch> DeliverAsync(NodeAgent agent, NodeFacts facts, string program)
    {
        using var release = await Release.ReadAsync(program, null, Stopping);
        await agent.ReceiveAsync(release, _ => { }, Stopping);
        await agent.SwitchAsync(release.Name, Stopping);
        return Launch.Of(agent.Node, release.Program, facts.Folder);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_node_is_installed_started_and_stopped_as_a_service(bool isRoot)
    {
        var state = world.NewFolder();
        await using var server = await StartAsync(state);
        var folder = world.NewFolder();
        await Tool.RunAsync("chmod", "777", folder);
        var node = world.Node("served", n => (n.User, n.Folder) = (isRoot ? "root" : n.User, folder), server);
        var agent = new NodeAgent(await SshConnection.OpenAsync(node, false, _ => { }, Stopping), "c");
        await using var connection = agent.Connection;
        var facts = await agent.ProbeAsync(Stopping);
        Assert.Equal(isRoot ? ServiceManager.System : ServiceManager.User, facts.Manager);
        Assert.Null(facts.Process);
        var launch = await DeliverAsync(agent, facts, await FakeProgram.MakeAsync(world));
        var unit = UpVerb.UnitOf(node, launch, facts, Stop)!;
        Assert.Contains($"WantedBy={(isRoot ? "multi-user" : "default")}.target", unit, StringComparison.Ordinal);
        // There is nothing yet that could be disabled.
        await agent.DisableAsync(Stopping);
        File.Delete(Path.Combine(state, "calls"));
        await agent.StartAsync(launch, unit, Stopping);
        facts = await agent.ProbeAsync(Stopping);
        Assert.NotNull(facts.Process);
        Assert.False(facts.IsDetached);
        // As a computer does that has begun anew, between the look at it and this start.
        await agent.StartAsync(launch, null, Stopping);
        Assert.Equal(facts.Process, (await agent.ProbeAsync(Stopping)).Process);
        await agent.StopAsync(Stop, kills: true, Stopping);
        await agent.DisableAsync(Stopping);
        Assert.Null((await agent.ProbeAsync(Stopping)).Process);
        var who = isRoot ? "" : "--user ";
        Assert.Equal(
            [
                $"{who}daemon-reload", $"{who}enable --quiet pampa-c-served.service", $"{who}start --no-block pampa-c-served.service",
                $"{who}stop pampa-c-served.service", $"{who}disable --quiet pampa-c-served.service",
            ],
            await CallsAsync(state));
        if (!isRoot)
        {
            var file = Path.Combine(world.Account.Home, ".config", "systemd", "user", "pampa-c-served.service");
            Assert.Equal(unit, await File.ReadAllTextAsync(file, Stopping));
        }
    }

    [Fact]
    public async Task A_node_that_was_started_detached_is_seen_and_stopped_where_systemd_has_come_to_manage_it()
    {
        var state = world.NewFolder();
        await using var server = await StartAsync(state);
        var folder = world.NewFolder();
        await Tool.RunAsync("chmod", "777", folder);
        var before = new NodeAgent(await SshConnection.OpenAsync(world.Node("lingers", n => n.Folder = folder), false, _ => { }, Stopping), "c");
        await using var first = before.Connection;
        var facts = await before.ProbeAsync(Stopping);
        Assert.SkipWhen(facts.Manager != ServiceManager.None, "Here systemd manages nodes from the beginning.");
        var launch = await DeliverAsync(before, facts, await FakeProgram.MakeAsync(world));
        await before.StartAsync(launch, null, Stopping);
        var process = (await before.ProbeAsync(Stopping)).Process;
        Assert.NotNull(process);

        // Since then its user was given 'loginctl enable-linger'.
        var node = world.Node("lingers", n => n.Folder = folder, server);
        var agent = new NodeAgent(await SshConnection.OpenAsync(node, false, _ => { }, Stopping), "c");
        await using var second = agent.Connection;
        facts = await agent.ProbeAsync(Stopping);
        Assert.Equal((ServiceManager.User, process, true), (facts.Manager, facts.Process, facts.IsDetached));
        var unit = UpVerb.UnitOf(node, launch, facts, Stop);
        var twice = await Assert.ThrowsAsync<NodeException>(() => agent.StartAsync(launch, unit, Stopping));
        Assert.Contains($"process {process} is at work already", twice.Message, StringComparison.Ordinal);
        await agent.StopAsync(Stop, kills: false, Stopping);
        Assert.False(Processes.IsAlive(FormattableString.Invariant($"{process}")));
        await agent.StartAsync(launch, unit, Stopping);
        facts = await agent.ProbeAsync(Stopping);
        Assert.NotNull(facts.Process);
        Assert.False(facts.IsDetached);
        await agent.StopAsync(Stop, kills: true, Stopping);
    }

    [Fact]
    public async Task A_service_that_does_not_start_says_why_and_one_that_ends_late_is_started_again_as_it_was()
    {
        var state = world.NewFolder();
        await using var server = await StartAsync(state);
        await using var loads = await Loads.MakeAsync(world);
        var folder = world.NewFolder();
        await Tool.RunAsync("chmod", "777", folder);
        void Settings(SshNode node) => (node.Port, node.KnownHostsFile, node.Folder) = (server.Port, server.KnownHosts, folder);
        var program = loads.With(("late", Settings));
        await File.WriteAllTextAsync(Path.Combine(state, "fails"), "", Stopping);
        string[] up = ["nodes", "up", "--start-timeout", "00:00:01", "--program"];
        var (code, said) = await loads.RunAsync(program, [.. up, await FakeProgram.MakeAsync(world, "first")]);
        Assert.Equal(1, code);
        Assert.Contains("its service has no process that lives; it says: there is no such table. There is no other release to go back to", said, StringComparison.Ordinal);

        await File.WriteAllTextAsync(Path.Combine(state, "shown"), "ActiveState=activating\nSubState=auto-restart\nNRestarts=12\nResult=exit-code\n", Stopping);
        Assert.Equal("restarting", (await loads.StatusAsync(program)).Nodes[0].Process);
        (_, said) = await loads.RunAsync(program, "nodes", "status");
        Assert.Contains("started again 12 times (exit-code)", said, StringComparison.Ordinal);

        // It runs, though nobody hears of it.
        foreach (var file in (string[])["fails", "shown"]) File.Delete(Path.Combine(state, file));
        (_, said) = await loads.RunAsync(program, "nodes", "restart", "--start-timeout", "00:00:01");
        Assert.Contains("it does not come back: it is not at work within", said, StringComparison.Ordinal);
        var (_, before) = await loads.StatusAsync(program);
        Assert.Equal("running", before[0].Process);
        await File.WriteAllTextAsync(Path.Combine(state, "hangs"), "", Stopping);
        (code, said) = await loads.RunAsync(program, [.. up, await FakeProgram.MakeAsync(world, "second")]);
        Assert.Equal(1, code);
        Assert.Contains("does not stop. Nothing was switched; it has ended meanwhile, and", said, StringComparison.Ordinal);
        var (_, after) = await loads.StatusAsync(program);
        Assert.Equal(("running", before[0].Release, false), (after[0].Process, after[0].Release, after[0].IsPaused));
        Assert.NotEqual(before[0].Pid, after[0].Pid);
        (code, said) = await loads.RunAsync(program, "nodes", "down", "--no-drain");
        Assert.True(code == 0, said);
    }
}
