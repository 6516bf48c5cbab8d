using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>What is up already, and goes on with what it has where the next one is of no use.</summary>
public sealed class UnchangedTests(SshWorld world)
{
    [Fact]
    public async Task An_upgrade_to_what_is_there_changes_nothing_and_one_that_does_not_start_goes_back()
    {
        await using var loads = await Loads.MakeAsync(world);
        var program = loads.With(("same1", null), ("same2", null));
        var own = await loads.PublishedAsync();
        try
        {
            var (code, said) = await loads.RunAsync(program, "nodes", "up", "--program", own);
            Assert.True(code == 0, said);
            var (_, up) = await loads.StatusAsync(program);

            // Unchanged, so nothing is delivered and nobody is restarted; what a verb that was killed has left is put right.
            await loads.RunAsync(program, "pause", "node", "same1", "--reason", Commands.Holding.Reason);
            Assert.True((await loads.StatusAsync(program)).Nodes[0].IsPaused);
            (code, said) = await loads.RunAsync(program, "nodes", "up", "--program", own);
            Assert.True(code == 0, said);
            Assert.False((await loads.StatusAsync(program)).Nodes[0].IsPaused);
            Assert.Contains("same1: runs this release already", said, StringComparison.Ordinal);
            Assert.DoesNotContain("delivering", said, StringComparison.Ordinal);
            Assert.Equal(up.ConvertAll(n => n.Pid), (await loads.StatusAsync(program)).Nodes.ConvertAll(n => n.Pid));

            // One that does not start: the row ends there, with the former release.
            var broken = await FakeProgram.MakeAsync(world, "load", "echo 'this one is broken' >&2; exit 2");
            File.Move(Path.Combine(broken, FakeProgram.Name), Path.Combine(broken, "load"));
            File.Move(Path.Combine(broken, $"{FakeProgram.Name}.runtimeconfig.json"), Path.Combine(broken, "load.runtimeconfig.json"));
            (code, said) = await loads.RunAsync(program, "nodes", "up", "--program", broken);
            Assert.Equal(1, code);
            Assert.Contains("this one is broken", said, StringComparison.Ordinal);
            Assert.Contains($"It runs release {up[0].Release} again", said, StringComparison.Ordinal);
            Assert.DoesNotContain("same2: draining", said, StringComparison.Ordinal);
            Assert.Contains("Those after it were left as they are: same2.", said, StringComparison.Ordinal);
            var (_, left) = await loads.StatusAsync(program);
            Assert.All(left, node => Assert.Equal(("running", up[0].Release, false), (node.Process, node.Release, node.IsPaused)));
            Assert.Equal(up[1].Pid, left[1].Pid);

            (code, said) = await loads.RunAsync(program, "nodes", "restart", "same2");
            Assert.True(code == 0, said);
            Assert.NotEqual(left[1].Pid, (await loads.StatusAsync(program)).Nodes[1].Pid);
        }
        finally
        {
            var (code, said) = await loads.RunAsync(program, "nodes", "down", "--no-drain");
            Assert.True(code == 0, said);
        }
    }
}
