using Pampa.Servers;
using Pampa.Ssh.Commands;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>Several nodes at the same time.</summary>
public sealed class FleetTests(SshWorld world)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_has_gone_wrong_before_a_signal_is_told_all_the_same()
    {
        using var said = new StringWriter();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        var fleet = new Fleet([world.Node("gone", node => node.Port = PrivatePostgres.FreePort()), world.Node("there")], "agents", false, 1, said);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fleet.EachAsync(async agent =>
        {
            Assert.Equal("there", agent.Node.Name);
            await stop.CancelAsync();
            stop.Token.ThrowIfCancellationRequested();
        }, stop.Token));
        Assert.StartsWith("Node 'gone': ", Assert.Single(said.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_more_are_connected_to_at_the_same_time_than_is_said_and_only_those_with_the_tag()
    {
        var all = Enumerable.Range(1, 5).Select(i => world.Node(FormattableString.Invariant($"f{i}"), node => node.Tags.Add(i < 5 ? "many" : "one"))).ToList();
        var chosen = NodeOptions.Choose(all, [], "many");
        Assert.Equal(["f1", "f2", "f3", "f4"], chosen.Select(node => node.Name));
        var (now, most, done) = (0, 0, 0);
        var both = new TaskCompletionSource();
        var fleet = new Fleet(chosen, "agents", false, 2, TextWriter.Null);
        var gate = new Lock();
        Assert.Empty(await fleet.EachAsync(async agent =>
        {
            lock (gate)
            {
                most = Math.Max(most, ++now);
                if (now == 2) both.TrySetResult();
            }
            await both.Task.WaitAsync(TimeSpan.FromSeconds(20), Stopping);
            Assert.Equal(0, await agent.ExecAsync(["true"], TimeSpan.FromSeconds(20), _ => { }, _ => { }, Stopping));
            lock (gate) (now, done) = (now - 1, done + 1);
        }, Stopping));
        Assert.Equal((2, 4), (most, done));
    }

    [Fact]
    public async Task A_command_on_several_nodes_says_whose_each_line_is_and_ends_with_the_highest_code()
    {
        void Program(PampaBuilder pampa)
        {
            foreach (var name in (string[])["a", "b"]) pampa.AddSshNode(name, world.Server.Address, world.Settings());
            pampa.AddSshNode("gone", world.Server.Address, world.Settings(node => node.Port = PrivatePostgres.FreePort()));
        }
        // Whoever comes first ends with 3, the other with 7.
        var (code, said) = await SshWorld.RunAsync(Program, "nodes", "exec", "a", "b", "--", "sh", "-c", "echo hi; mkdir exec-code 2>/dev/null && exit 3; exit 7");
        var lines = said.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("a: hi", lines);
        Assert.Contains("b: hi", lines);
        Assert.Single(lines, line => line is "a: ended with 3" or "b: ended with 3");
        Assert.Single(lines, line => line is "a: ended with 7" or "b: ended with 7");
        Assert.Equal(7, code);
        (code, said) = await SshWorld.RunAsync(Program, "nodes", "exec", "--", "echo", "there");
        Assert.Equal(1, code);
        Assert.Contains("a: there", said, StringComparison.Ordinal);
        Assert.Contains("b: there", said, StringComparison.Ordinal);
        Assert.Contains("Node 'gone': ", said, StringComparison.Ordinal);
    }
}
