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
}
