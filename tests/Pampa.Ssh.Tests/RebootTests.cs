using Pampa.Servers;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>A computer that begins anew.</summary>
public sealed class RebootTests(SshWorld world)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_computer_that_reboots_comes_back_with_its_node()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("A boot cannot be played without root.");
        await using var loads = await Loads.MakeAsync(world);
        var folder = world.NewFolder();
        var boot = Path.Combine(folder, "boot");
        await File.WriteAllTextAsync(boot, $"{Guid.NewGuid()}\n", Stopping);
        var reboot = Path.Combine(folder, "reboot.sh");
        await File.WriteAllTextAsync(reboot, $"#!/bin/sh\n[ -e '{folder}/may' ] || {{ echo 'not permitted' >&2; exit 1; }}\ntouch '{folder}/down'\n", Stopping);
        await Tool.RunAsync("chmod", "777", folder, reboot);
        // This server and all below it see another boot than the others.
        string[] elsewhere = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", $"mount --bind '{boot}' /proc/sys/kernel/random/boot_id && exec \"$0\" \"$@\""];
        await using var server = await SshServer.StartAsync(world.NewFolder(), world.Authorized, before: elsewhere);
        var program = loads.With(("boots", node =>
        {
            (node.Port, node.KnownHostsFile) = (server.Port, server.KnownHosts);
            node.RebootCommand = [reboot];
        }
        ));
        var (code, said) = await loads.RunAsync(program, "nodes", "up", "--program", await loads.PublishedAsync());
        Assert.True(code == 0, said);
        (code, said) = await loads.RunAsync(program, "nodes", "reboot", "boots");
        Assert.Equal(1, code);
        Assert.Contains("does not reboot: the command ended with 1: not permitted. It has not begun anew, so the node was started again.", said, StringComparison.Ordinal);
        var (_, before) = await loads.StatusAsync(program);
        Assert.Equal(("running", 4), (before[0].Process, before[0].Ready));
        await File.WriteAllTextAsync(Path.Combine(folder, "may"), "", Stopping);
        var rebooting = Task.Run(() => loads.RunAsync(program, "nodes", "reboot", "boots"), Stopping);
        await Processes.UntilAsync(() => File.Exists(Path.Combine(folder, "down")) || rebooting.IsCompleted, "it goes down", 40);
        Assert.False(rebooting.IsCompleted, rebooting.IsCompleted ? (await rebooting).Said : "");
        await server.StopAsync();
        await File.WriteAllTextAsync(boot, $"{Guid.NewGuid()}\n", Stopping);
        await server.StartAgainAsync();
        (code, said) = await rebooting;
        Assert.True(code == 0, said);
        var (_, after) = await loads.StatusAsync(program);
        Assert.Equal("running", after[0].Process);
        Assert.NotEqual(before[0].Pid, after[0].Pid);
        (code, said) = await loads.RunAsync(program, "nodes", "down", "--no-drain");
        Assert.True(code == 0, said);
    }
}
