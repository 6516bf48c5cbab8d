using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Tests.Servers;

/// <summary>Nodes of the program's cluster that have a program of which no heartbeat comes.</summary>
internal static class FakeNode
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    /// <summary>One that has such a program, and perhaps runs it.</summary>
    public static async Task<NodeAgent> MakeAsync(SshWorld world, string name, bool runs = false, string address = "Host=elsewhere")
    {
        var agent = await ConnectAsync(world, name);
        var facts = await agent.ProbeAsync(Stopping);
        using var release = await SshWorld.DeliverAsync(agent, await FakeProgram.MakeAsync(world, name));
        var launch = Launch.Of(agent.Node, release.Program, facts.Folder);
        await agent.PutDatabaseAsync(address, false, Stopping);
        await agent.PutLaunchAsync(launch, Stopping);
        await agent.PlaceAsync(Stopping);
        if (runs) await agent.StartAsync(launch, null, Stopping);
        await agent.ProbeAsync(Stopping);
        return agent;
    }

    public static async Task<NodeAgent> ConnectAsync(
        SshWorld world, string name, SshServer? server = null, Action<SshNode>? more = null, Action<string>? tell = null) =>
        new(await SshConnection.OpenAsync(world.Node(name, more, server), false, tell ?? (_ => { }), Stopping), "pampa");
}
