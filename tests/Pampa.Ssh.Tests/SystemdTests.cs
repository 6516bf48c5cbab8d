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

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_node_is_installed_started_and_stopped_as_a_service(bool isRoot)
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists(Control)) Assert.Skip("Another systemctl takes root and one to put it over.");
        var state = world.NewFolder();
        await File.WriteAllTextAsync(Path.Combine(state, "systemctl"), $"""
            #!/bin/sh
            echo "$*" >> '{state}/calls'
            case "$*" in
              *"show -p MainPID"*) cat '{state}/pid' 2>/dev/null || echo 0 ;;
              *"start "*) setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > '{state}/pid' ;;
              *"stop "*) kill "$(cat '{state}/pid')"; rm '{state}/pid' ;;
            esac
            """, Stopping);
        await Tool.RunAsync("chmod", "777", state, Path.Combine(state, "systemctl"));
        string[] elsewhere =
        [
            "/usr/bin/unshare", "-m", "/bin/sh", "-c",
            $"mount -t tmpfs none /run && mkdir -p /run/sshd /run/systemd/system && mkdir -p /var/lib/systemd /etc/systemd && mount -t tmpfs none /var/lib/systemd && mount -t tmpfs none /etc/systemd"
                + $" && mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/{world.Account.Name} && mount --bind '{state}/systemctl' {Control} && exec \"$0\" \"$@\"",
        ];
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized, before: elsewhere);
        var folder = world.NewFolder();
        await Tool.RunAsync("chmod", "777", folder);
        var node = world.Node("served", n => (n.User, n.Folder) = (isRoot ? "root" : n.User, folder), server);
        var agent = new NodeAgent(await SshConnection.OpenAsync(node, false, _ => { }, Stopping), "c");
        await using var connection = agent.Connection;
        var facts = await agent.ProbeAsync(Stopping);
        Assert.Equal(isRoot ? ServiceManager.System : ServiceManager.User, facts.Manager);
        Assert.Null(facts.Process);
        using var release = await Release.ReadAsync(await FakeProgram.MakeAsync(world), null, Stopping);
        await agent.ReceiveAsync(release, _ => { }, Stopping);
        await agent.SwitchAsync(release.Name, Stopping);
        var launch = Launch.Of(node, release.Program, facts.Folder);
        var unit = UpVerb.UnitOf(node, launch, facts, Stop)!;
        Assert.Contains($"WantedBy={(isRoot ? "multi-user" : "default")}.target", unit, StringComparison.Ordinal);
        File.Delete(Path.Combine(state, "calls"));
        await agent.StartAsync(launch, unit, Stopping);
        facts = await agent.ProbeAsync(Stopping);
        Assert.NotNull(facts.Process);
        await agent.StopAsync(Stop, kills: true, Stopping);
        Assert.Null((await agent.ProbeAsync(Stopping)).Process);
        var who = isRoot ? "" : "--user ";
        Assert.Equal(
            [$"{who}daemon-reload", $"{who}enable --quiet pampa-c-served.service", $"{who}start --no-block pampa-c-served.service", $"{who}stop pampa-c-served.service"],
            (await File.ReadAllLinesAsync(Path.Combine(state, "calls"), Stopping)).Where(call => !call.Contains("show", StringComparison.Ordinal)));
        if (!isRoot)
        {
            var file = Path.Combine(world.Account.Home, ".config", "systemd", "user", "pampa-c-served.service");
            Assert.Equal(unit, await File.ReadAllTextAsync(file, Stopping));
        }
    }
}
