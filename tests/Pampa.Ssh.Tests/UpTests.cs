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
            var (code, said) = await loads.RunAsync(program, "nodes", "up", "--program", await loads.PublishedAsync());
            Assert.True(code == 0, said);
            Assert.Contains("roll2: up", said, StringComparison.Ordinal);
            await loads.StartDispatcherAsync();
            using var enough = new CancellationTokenSource();
            var busy = Task.Run(() => loads.KeepBusyAsync(enough.Token), Stopping);
            await loads.UntilDoneAsync(100);
            var (_, before) = await loads.StatusAsync(program);
            var second = await loads.OtherAsync("2");
            (code, said) = await loads.RunAsync(program, "nodes", "up", "--program", second);
            Assert.True(code == 0, said);
            // Drained before it is stopped, and one after the other.
            Assert.True(said.IndexOf("roll1: up", StringComparison.Ordinal) < said.IndexOf("roll2: draining", StringComparison.Ordinal), said);
            await enough.CancelAsync();
            var all = await busy;
            await loads.UntilDoneAsync(all);
            Assert.Equal(all, await loads.AskAsync("SELECT count(*) FROM loads WHERE load_reservation_times = 1 AND load_error_description IS NULL"));
            Assert.True(await loads.DoneAsync("done_by LIKE 'roll1.%'") > 0);
            Assert.True(await loads.DoneAsync("done_by LIKE 'roll2.%'") > 0);
            var (_, after) = await loads.StatusAsync(program);
            Assert.All(after, node => Assert.Equal("running", node.Process));
            Assert.All(after, node => Assert.NotEqual(before[0].Release, node.Release));
            Assert.All(after, node => Assert.Equal((4, 4, false), (node.Workers, node.Ready, node.IsPaused)));
        }
        finally
        {
            var (code, said) = await loads.RunAsync(program, "nodes", "down");
            Assert.True(code == 0, said);
        }
        var (_, down) = await loads.StatusAsync(program);
        Assert.All(down, node => Assert.Equal(("stopped", false), (node.Process, node.IsPaused)));
    }
}
