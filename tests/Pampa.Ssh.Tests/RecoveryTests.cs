using System.Globalization;
using Pampa.Servers;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>A node that dies.</summary>
public sealed class RecoveryTests(SshWorld world)
{
    [Fact]
    public async Task A_node_that_was_killed_is_seen_and_comes_back()
    {
        await using var loads = await Loads.MakeAsync(world);
        var program = loads.With(("killed", node => node.IsIsolated = true));
        try
        {
            var (code, said) = await loads.RunAsync(program, "nodes", "up", "--program", await loads.PublishedAsync());
            Assert.True(code == 0, said);
            // All of them, though each joins by itself.
            var (_, all) = await loads.StatusAsync(program);
            Assert.Equal((4, 4), (all[0].Workers, all[0].Ready));
            await loads.StartDispatcherAsync();
            await loads.AddAsync(600);
            await loads.UntilDoneAsync(50);
            var (_, before) = await loads.StatusAsync(program);
            await Tool.RunAsync("kill", "-KILL", before[0].Pid.ToString(CultureInfo.InvariantCulture));
            var (_, killed) = await loads.StatusAsync(program);
            Assert.Equal("crashed", killed[0].Process);
            // Killed with the verb that was about to stop it.
            await loads.RunAsync(program, "pause", "node", "killed", "--reason", Commands.Holding.Reason);
            (code, said) = await loads.RunAsync(program, "nodes", "up", "--program", await loads.PublishedAsync());
            Assert.True(code == 0, said);
            await loads.UntilDoneAsync(600);
            Assert.True(await loads.AskAsync("SELECT max(load_reservation_times) FROM loads") <= 2);
        }
        finally
        {
            var (code, said) = await loads.RunAsync(program, "nodes", "down", "--no-drain");
            Assert.True(code == 0, said);
        }
    }
}
