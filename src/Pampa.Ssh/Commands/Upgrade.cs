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
/// Brings a node to another release, other settings or another database: drained, so that no task is lost and none pays with an attempt;
/// stopped, switched, started; and if no heartbeat comes, back to all that it had. Until it is stopped it keeps what it has.
/// </summary>
internal sealed class Upgrade(NodeAgent agent, PampaCluster cluster, Patience patience, NodeRow row)
{
    private readonly Heartbeats heartbeats = new(cluster, TimeProvider.System);

    /// <exception cref="NodeException">What went wrong, and how the node is left.</exception>
    public async Task RunAsync(Wanted wanted, bool isForced, CancellationToken stopping)
    {
        var facts = await agent.ProbeAsync(stopping);
        var isOther = await PutAsync(wanted, stopping);
        await ForwardAsync(wanted.Database, stopping);
        if (!isOther && !isForced && facts.Current == wanted.Release.Name && facts is { Process: not null, IsDetached: false })
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
            await ChangeAsync(wanted, facts, isOther);
        }
        finally
        {
            await holding.EndAsync();
        }
        await agent.PruneAsync(CancellationToken.None);
        row.Done("up");
    }

    /// <summary>Writes settings and address beside those that there are. Returns whether they are others.</summary>
    private async Task<bool> PutAsync(Wanted wanted, CancellationToken stopping)
    {
        // Read anew for each connection: the process that runs needs a password that has changed, perhaps to end what it has begun. That it is
        // the right one this program knows of its own address alone, for it has just connected with it.
        var takesUp = agent.Node.Database is null && NodeDatabase.DiffersInPassword(await agent.DatabaseAsync(stopping), wanted.Database.Address);
        var isOtherDatabase = await agent.PutDatabaseAsync(wanted.Database.Address, takesUp, stopping) && !takesUp;
        return await agent.PutLaunchAsync(wanted.Launch, stopping) || isOtherDatabase;
    }

    private async Task DrainAsync(Holding holding, CancellationToken stopping)
    {
        row.Say("draining");
        if (await holding.DrainAsync(patience.Drain, stopping) is var left and > 0)
            throw new NodeException(FormattableString.Invariant($"Node '{agent.Node.Name}': {left:N0} of its tasks run still after {patience.Drain:c}, so it is left as it was. Give --timeout more, or see why they take so long."));
    }

    private async Task ChangeAsync(Wanted wanted, NodeFacts before, bool isOther)
    {
        var former = await agent.LaunchAsync(CancellationToken.None);
        row.Say("stopping");
        await agent.StopAsync(patience.Stop, kills: true, CancellationToken.None);
        await agent.PlaceAsync(CancellationToken.None);
        if (await StartAsync(wanted.Release.Name, wanted.Launch, wanted.Unit(wanted.Launch, before)) is not { } why) return;
        var text = $"Node '{agent.Node.Name}': release {wanted.Release.Name} does not start: {why.TrimEnd('.')}.";
        await TryStopAsync();
        var isSame = before.Current == wanted.Release.Name;
        if (before.Current.Length == 0 || former is null || (isSame && !isOther))
            throw new NodeException($"{text} There is no other release to go back to; it is stopped.");
        row.Say("going back");
        await agent.RestoreAsync(CancellationToken.None);
        var had = isSame ? "settings and the database that it had" : $"release that it had, {before.Current}";
        if (await StartAsync(before.Current, former, wanted.Unit(former, before)) is not { } worse)
            throw new NodeException(isSame ? $"{text} It runs with the {had} again." : $"{text} It runs release {before.Current} again.");
        await TryStopAsync();
        throw new NodeException($"{text} Nor does it with the {had}: {worse.TrimEnd('.')}. It is stopped.");
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
            return await heartbeats.WaitAsync(agent, launch, began, patience.Start, CancellationToken.None);
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
