using Pampa.Ssh.Connecting;
using Pampa.Ssh.Delivering;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary>How long the steps of an upgrade may take.</summary>
/// <param name="Drain">For running tasks to end before the node is stopped.</param>
/// <param name="Stop">For the process to end.</param>
/// <param name="Start">For the first heartbeat.</param>
internal sealed record Patience(TimeSpan Drain, TimeSpan Stop, TimeSpan Start);

/// <summary>What a node is to run.</summary>
/// <param name="Release">The program.</param>
/// <param name="Launch">How it is started.</param>
/// <param name="Database">The database as the node calls it.</param>
/// <param name="Unit">The text of its service for a way of starting it.</param>
internal sealed record Wanted(Release Release, Launch Launch, NodeDatabase Database, Func<Launch, NodeFacts, string?> Unit);

/// <summary>
/// Brings a node to another release: drained, so that no task is lost and none pays with an attempt; stopped, switched, started; and if
/// no heartbeat comes, back to the release that it had.
/// </summary>
internal sealed class Upgrade(NodeAgent agent, PampaCluster cluster, Patience patience, NodeRow row)
{
    private readonly Heartbeats heartbeats = new(cluster, TimeProvider.System);

    /// <exception cref="NodeException">What went wrong, and how the node is left.</exception>
    public async Task RunAsync(Wanted wanted, bool isForced, CancellationToken stopping)
    {
        var facts = await agent.ProbeAsync(stopping);
        // Both are written, whatever the first one says.
        var isOther = await agent.PutDatabaseAsync(wanted.Database.Address, stopping) | await agent.PutLaunchAsync(wanted.Launch, stopping);
        await ForwardAsync(wanted.Database, stopping);
        if (!isOther && !isForced && facts.Current == wanted.Release.Name && facts.Process is not null)
        {
            row.Done("runs this release already");
            return;
        }
        var holding = new Holding(cluster, agent.Node);
        try
        {
            if (facts.Process is not null) await DrainAsync(holding, stopping);
            // From here on it is brought to an end, whoever wants to stop: each step has its deadline.
            await agent.Connection.EnsureAsync(CancellationToken.None);
            await ForwardAsync(wanted.Database, CancellationToken.None);
            await ChangeAsync(wanted, facts);
        }
        finally
        {
            await holding.EndAsync();
        }
        await agent.PruneAsync(CancellationToken.None);
        row.Done("up");
    }

    private async Task DrainAsync(Holding holding, CancellationToken stopping)
    {
        row.Say("draining");
        if (await holding.DrainAsync(patience.Drain, stopping) is var left and > 0)
            throw new NodeException(FormattableString.Invariant($"Node '{agent.Node.Name}': {left:N0} of its tasks run still after {patience.Drain:c}, so it is left as it was. Give --timeout more, or see why they take so long."));
    }

    private async Task ChangeAsync(Wanted wanted, NodeFacts before)
    {
        row.Say("stopping");
        await agent.StopAsync(patience.Stop, kills: true, CancellationToken.None);
        if (await StartAsync(wanted.Release.Name, wanted.Launch, wanted.Unit(wanted.Launch, before)) is not { } why) return;
        var text = $"Node '{agent.Node.Name}': release {wanted.Release.Name} does not start: {why.TrimEnd('.')}.";
        await TryStopAsync();
        if (before.Current.Length == 0 || before.Program.Length == 0 || before.Current == wanted.Release.Name)
            throw new NodeException($"{text} There is no other release to go back to; it is stopped.");
        row.Say("going back");
        var former = wanted.Launch with { Program = before.Program };
        await agent.PutLaunchAsync(former, CancellationToken.None);
        throw await StartAsync(before.Current, former, wanted.Unit(former, before)) is { } worse
            ? new NodeException($"{text} Nor does the one that it had, {before.Current}: {worse.TrimEnd('.')}. It is stopped.")
            : new NodeException($"{text} It runs release {before.Current} again.");
    }

    /// <summary>Starts a release. Returns why it does not run; null: it does.</summary>
    private async Task<string?> StartAsync(string release, Launch launch, string? unit)
    {
        try
        {
            row.Say("starting");
            await agent.SwitchAsync(release, CancellationToken.None);
            var began = TimeProvider.System.GetTimestamp();
            await agent.StartAsync(launch, unit, CancellationToken.None);
            row.Say("waiting for its heartbeat");
            return await heartbeats.WaitAsync(agent, began, patience.Start, CancellationToken.None);
        }
        catch (NodeException e)
        {
            return e.Message;
        }
    }

    private async Task TryStopAsync()
    {
        try
        {
            await agent.StopAsync(patience.Stop, kills: true, CancellationToken.None);
        }
        catch (NodeException e)
        {
            throw new NodeException($"{e.Message} (after its start had failed)");
        }
    }

    /// <summary>While this verb runs the node reaches the database through it; later through <c>nodes forward</c>.</summary>
    private async Task ForwardAsync(NodeDatabase database, CancellationToken stopping)
    {
        if (database.Forward is not { } to || await agent.HearsAsync(agent.Node.DatabaseForwardPort!.Value, stopping)) return;
        await agent.Connection.ForwardAsync(agent.Node.DatabaseForwardPort!.Value, to.Host, to.Port, stopping);
    }
}
