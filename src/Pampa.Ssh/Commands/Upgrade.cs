using Pampa.Ssh.Connecting;
using Pampa.Ssh.Delivering;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary>How long the steps of an upgrade may take.</summary>
/// <param name="Drain">For running tasks to end before the node is stopped.</param>
/// <param name="Stop">For the process to end.</param>
/// <param name="Start">For the first heartbeat.</param>
internal sealed record Patience(TimeSpan Drain, TimeSpan Stop, TimeSpan Start)
{
    // For the orders between them.
    private static readonly TimeSpan Reserve = TimeSpan.FromMinutes(15);

    /// <summary>For a process that lives to be heard of in the database that it is looked for in.</summary>
    public TimeSpan Look { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Between two attempts to connect to a computer that begins anew.</summary>
    public TimeSpan TryEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>As long as all of it may take on this node, with the way back: a service may have more time to end than this program gives.</summary>
    public TimeSpan Whole(NodeFacts facts) => Drain + 3 * (facts.StopTime is { } own && own > Stop ? own : Stop) + 2 * Start + Reserve;
}

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
    // One that systemd is about to kill is gone by then.
    private static readonly TimeSpan Lingering = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private readonly Heartbeats heartbeats = new(cluster, TimeProvider.System);

    // The address that it had when this began.
    private string formerAddress = "";

    /// <exception cref="NodeException">What went wrong, and how the node is left.</exception>
    public async Task RunAsync(Wanted wanted, bool isForced, CancellationToken stopping)
    {
        var facts = await agent.ProbeAsync(stopping);
        formerAddress = await agent.DatabaseAsync(stopping);
        var holding = new Holding(cluster, agent.Node, patience.Whole(facts));
        var isDone = false;
        var done = "runs this release already";
        await holding.AroundAsync(async () =>
        {
            var isOther = await IsOtherAsync(wanted, stopping);
            isDone = !isOther && !isForced && facts.Current == wanted.Release.Name && facts is { Process: not null, IsDetached: false };
            await ForwardAsync(wanted.Database, isNeeded: true, stopping);
            if (isDone)
            {
                // Nothing differs, then, but a password perhaps. What is written is kept from another verb's hands, as below.
                if (!TakesUp(wanted)) return;
                await holding.TakeAsync(stopping);
                await PutAsync(wanted, stopping);
                return;
            }
            if (facts.Process is not null && formerAddress != wanted.Database.Address && !wanted.Database.IsThatOf(formerAddress))
                await heartbeats.CheckAsync(agent, facts, patience.Look, $"First run 'nodes down {agent.Node.Name}' with the database that it has (--db), or with --no-drain if that one is gone.", stopping);
            // Before anything is written: what another verb has put beside is not to be placed by this one, nor the other way round.
            await holding.TakeAsync(stopping);
            await PutAsync(wanted, stopping);
            if (facts.Process is not null) await DrainAsync(holding, stopping);
            // From here on it is brought to an end, whoever wants to stop: each step has its deadline.
            await agent.Connection.EnsureAsync(CancellationToken.None);
            await ForwardAsync(wanted.Database, isNeeded: true, CancellationToken.None);
            await ChangeAsync(wanted, facts, isOther);
            // What is taken away then may be what the next verb has put there.
            done = await PruneAsync();
        }, stopping);
        row.Done($"{done}{holding.Stays}");
    }

    /// <summary>Takes away what is not needed any more. Returns what has become of the node, which is up whatever comes of that.</summary>
    private async Task<string> PruneAsync()
    {
        try
        {
            await agent.PruneAsync(CancellationToken.None);
            return "up";
        }
        catch (NodeException e)
        {
            return $"up; former releases are still there: {e.Message}";
        }
    }

    // Read anew for each connection: the process that runs needs a password that has changed, perhaps to end what it has begun. That it is
    // the right one this program knows of its own address alone, for it has just connected with it.
    private bool TakesUp(Wanted wanted) => agent.Node.Database is null && NodeDatabase.DiffersInPassword(formerAddress, wanted.Database.Address);

    /// <summary>Whether settings or address are others than those that there are, which takes a new start.</summary>
    private async Task<bool> IsOtherAsync(Wanted wanted, CancellationToken stopping) =>
        (await agent.LaunchAsync(stopping))?.Text != wanted.Launch.Text || (formerAddress != wanted.Database.Address && !TakesUp(wanted));

    /// <summary>Writes settings and address beside those that there are; a password that has changed takes its place at once.</summary>
    private async Task PutAsync(Wanted wanted, CancellationToken stopping)
    {
        await agent.PutDatabaseAsync(wanted.Database.Address, TakesUp(wanted), stopping);
        await agent.PutLaunchAsync(wanted.Launch, stopping);
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
        await StopAsync(wanted, before, former);
        if (await StartAsync(wanted.Release.Name, wanted.Launch, wanted.Unit(wanted.Launch, before), wanted.Database, places: true) is not { } why) return;
        var text = $"Node '{agent.Node.Name}': release {wanted.Release.Name} does not start: {why.TrimEnd('.')}.";
        string left;
        try
        {
            left = await GoBackAsync(wanted, before, former, isOther);
        }
        catch (NodeException e)
        {
            left = $"Going back has failed, too: {e.Message}";
        }
        throw new NodeException($"{text} {left}");
    }

    /// <summary>Brings back what the node had, if it had something else. Returns how it is left.</summary>
    /// <exception cref="NodeException">That is not possible.</exception>
    private async Task<string> GoBackAsync(Wanted wanted, NodeFacts before, Launch? former, bool isOther)
    {
        // It may be the connection alone that has failed.
        await agent.Connection.EnsureAsync(CancellationToken.None);
        await agent.StopAsync(patience.Stop, kills: true, CancellationToken.None);
        var isSame = before.Current == wanted.Release.Name;
        if (before.Current.Length == 0 || former is null || (isSame && !isOther)) return "There is no other release to go back to; it is stopped.";
        row.Say("going back");
        await agent.RestoreAsync(CancellationToken.None);
        var had = isSame ? "settings and the database that it had" : $"release that it had, {before.Current}";
        if (await StartAsync(before.Current, former, wanted.Unit(former, before), WayOf(wanted)) is not { } worse)
            return isSame ? $"It runs with the {had} again." : $"It runs release {before.Current} again.";
        await agent.Connection.EnsureAsync(CancellationToken.None);
        await agent.StopAsync(patience.Stop, kills: true, CancellationToken.None);
        return $"Nor does it with the {had}: {worse.TrimEnd('.')}. It is stopped.";
    }

    /// <exception cref="NodeException">It does not stop, and how it is left.</exception>
    private async Task StopAsync(Wanted wanted, NodeFacts before, Launch? former)
    {
        row.Say("stopping");
        try
        {
            await agent.StopAsync(patience.Stop, kills: true, CancellationToken.None);
        }
        catch (NodeException e) when (before.Process is not null)
        {
            string left;
            try
            {
                left = await StartAgainAsync(wanted, before, former);
            }
            catch (NodeException worse)
            {
                left = $"Nothing was switched, and how it is left is not known: {worse.Message}";
            }
            throw new NodeException($"{e.Message.TrimEnd('.')}. {left}");
        }
    }

    /// <summary>What has not ended in time may do so a moment later: then it is started again as it was. Returns how it is left.</summary>
    private async Task<string> StartAgainAsync(Wanted wanted, NodeFacts before, Launch? former)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            await agent.Connection.EnsureAsync(CancellationToken.None);
            var now = await agent.ProbeAsync(CancellationToken.None);
            if (now.Process is null) break;
            if (TimeProvider.System.GetElapsedTime(began) >= Lingering)
                return FormattableString.Invariant($"Nothing was switched; its process {now.Process} lives still.");
            await Task.Delay(LookEvery, TimeProvider.System, CancellationToken.None);
        }
        if (former is null || before.Current.Length == 0) return "Nothing was switched; it has ended meanwhile and is stopped.";
        return await StartAsync(before.Current, former, wanted.Unit(former, before), WayOf(wanted)) is { } why
            ? $"Nothing was switched; it has ended meanwhile, and does not start again: {why}" : "Nothing was switched; it has ended meanwhile, and runs again as it was.";
    }

    /// <summary>The database with its way through the connection, if the address that the node had goes that way; null: it does not.</summary>
    private NodeDatabase? WayOf(Wanted wanted) => NodeDatabase.GoesThrough(formerAddress, agent.Node.DatabaseForwardPort) ? wanted.Database : null;

    /// <summary>Starts a release, perhaps with the settings that were put beside. Returns why it does not run; null: it does.</summary>
    private async Task<string?> StartAsync(string release, Launch launch, string? unit, NodeDatabase? way, bool places = false)
    {
        try
        {
            row.Say("starting");
            await agent.Connection.EnsureAsync(CancellationToken.None);
            // Where the connection broke meanwhile, the port may be somebody else's by now.
            if (way is not null) await ForwardAsync(way, isNeeded: false, CancellationToken.None);
            if (places) await agent.PlaceAsync(CancellationToken.None);
            await agent.SwitchAsync(release, CancellationToken.None);
            var began = TimeProvider.System.GetTimestamp();
            await agent.StartAsync(launch, unit, CancellationToken.None);
            row.Say("waiting for its heartbeat");
            return await heartbeats.WaitAsync(agent, launch, release, began, patience.Start, CancellationToken.None);
        }
        catch (NodeException e)
        {
            return e.Message;
        }
    }

    /// <summary>
    /// While this verb runs the node reaches the database through it; later through <c>nodes forward</c>. A way that is not needed for the step
    /// and that the node does not give is told: whether there is another one the heartbeat will show.
    /// </summary>
    /// <exception cref="NodeException">Somebody else listens there, or the way is needed and the node does not give it.</exception>
    private async Task ForwardAsync(NodeDatabase database, bool isNeeded, CancellationToken stopping)
    {
        if (database.Forward is not { } to) return;
        var port = agent.Node.DatabaseForwardPort!.Value;
        var (isHeard, stranger, isOpen) = await agent.HearsAsync(port, stopping);
        // The server's own ways are opened by whoever has logged in, or by root: whoever else listens would be told the log-in.
        if (stranger is { } other)
            throw new NodeException(FormattableString.Invariant($"Node '{agent.Node.Name}': on port {port} of its loopback listens somebody else, user {other}, to whom the node would show the database's log-in: say another DatabaseForwardPort."));
        // A way that somebody has opened before.
        if (isHeard && isOpen) throw agent.IsOpenToAll(port);
        if (isHeard) return;
        try
        {
            await agent.LeadAsync(port, to.Host, to.Port, stopping);
        }
        catch (NodeException e) when (!isNeeded)
        {
            row.Say(e.Message);
        }
    }
}
