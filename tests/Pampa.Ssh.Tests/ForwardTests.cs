using Npgsql;
using Pampa.Servers;
using Pampa.Ssh.Commands;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>The way to the database through the connection.</summary>
public sealed class ForwardTests(SshWorld world)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_way_to_the_database_goes_on_whatever_comes()
    {
        await using var loads = await Loads.MakeAsync(world);
        var port = PrivatePostgres.FreePort();
        var database = ("127.0.0.1", new NpgsqlConnectionStringBuilder(loads.Address).Port);
        using var enough = new CancellationTokenSource();
        using var output = new FailingWriter();
        SshNode[] nodes = [world.Node("leads", node => node.DatabaseForwardPort = port)];
        var keeping = Task.Run(() => ForwardVerb.KeepAllAsync(nodes, "pampa", database, output, TextWriter.Null, enough.Token), Stopping);
        await Processes.UntilAsync(() => output.Lines > 1 || keeping.IsCompleted, "it is tried again");
        Assert.False(keeping.IsCompleted);
        var agent = await FakeNode.ConnectAsync(world, "leads");
        await using var connection = agent.Connection;
        Assert.Equal((true, null, false), await agent.HearsAsync(port, Stopping));
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => keeping);
        var free = PrivatePostgres.FreePort();
        Assert.Equal((false, null, false), await agent.HearsAsync(free, Stopping));
        if (!Environment.IsPrivilegedProcess) return;
        using var stranger = Listeners.OnAll(free);
        stranger.Start();
        Listeners.GiveAway(stranger);
        Assert.Equal<(bool, long?, bool)>((false, Listeners.Stranger, false), await agent.HearsAsync(free, Stopping));
    }

    /// <summary>The first line meets a disk that is full.</summary>
    private sealed class FailingWriter : StringWriter
    {
        public int Lines { get; private set; }

        public override Task WriteLineAsync(string? value) => ++Lines == 1 ? throw new IOException("No space left on device") : base.WriteLineAsync(value);
    }

    [Fact]
    public async Task The_verb_keeps_the_ways_until_a_signal_comes_and_refuses_where_there_are_none()
    {
        await using var loads = await Loads.MakeAsync(world);
        await loads.RunAsync(loads.With(), "migrate");
        var (code, said) = await loads.RunAsync(loads.With(("straight", null)), "nodes", "forward");
        Assert.Equal((1, "No node has a DatabaseForwardPort, so there is nothing to forward."), (code, said.Trim()));

        var port = PrivatePostgres.FreePort();
        SshNode[] nodes = [world.Node("straight"), world.Node("led", node => node.DatabaseForwardPort = port)];
        using var signal = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        var ended = -1;
        var running = Task.Run(() => SshWorld.RunAsync(pampa => pampa.AddVerb(context =>
        {
            var verb = new VerbCommand("lead", "Leads.");
            verb.SetAction(async (_, _) => ended = await ForwardVerb.RunAsync(context, "pampa", () => nodes, loads.Database, trustsNew: false, signal.Token));
            return verb;
        }), "lead"), Stopping);
        var agent = await FakeNode.ConnectAsync(world, "led");
        await using var connection = agent.Connection;
        await Processes.UntilAsync(() => agent.HearsAsync(port, Stopping).GetAwaiter().GetResult().IsHeard || running.IsCompleted, "somebody leads there");
        await signal.CancelAsync();
        (_, said) = await running;
        Assert.Equal(130, ended);
        Assert.DoesNotContain("Node 'led'", said, StringComparison.Ordinal);
        await Processes.UntilAsync(() => !agent.HearsAsync(port, Stopping).GetAwaiter().GetResult().IsHeard, "nobody leads there any more");
    }
}
