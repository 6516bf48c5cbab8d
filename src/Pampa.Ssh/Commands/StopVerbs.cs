using System.CommandLine;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary><c>nodes down</c> and <c>nodes restart</c>: drained first, so that no task is lost and none pays with an attempt.</summary>
/// <param name="ground">The cluster, and the database that it is in; null: nothing is drained.</param>
/// <param name="patience">How long the steps may take.</param>
internal sealed class StopVerbs((PampaCluster Cluster, VerbDatabase Database)? ground, Patience patience)
{
    public static VerbCommand Down(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("down", "Drains nodes and stops them; what was delivered stays.")
        {
            Examples = [("nodes down web1", "One node, when its tasks have ended."), ("nodes down --no-drain", "All of them; what runs has the program's ShutdownTimeout.")],
            ExitCodes = NodesVerb.Ends,
        };
        return Make(verb, context, pampa, nodes, inTurn: false, (stop, agent, row, stopping) => stop.DownAsync(agent, row, stopping));
    }

    public static VerbCommand Restart(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("restart", "Restarts nodes with the release that they have, one after the other: drained before, heard of after.")
        {
            Examples = [("nodes restart web1", "One node.")],
            ExitCodes = NodesVerb.Ends,
        };
        return Make(verb, context, pampa, nodes, inTurn: true, (stop, agent, row, stopping) => stop.RestartAsync(agent, pampa.ShutdownTimeout, row, stopping));
    }

    private static VerbCommand Make(
        VerbCommand verb, VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes, bool inTurn,
        Func<StopVerbs, NodeAgent, NodeRow, CancellationToken, Task> doAsync)
    {
        var options = new NodeOptions(verb, nodes, hasParallel: !inTurn);
        var database = VerbContext.DatabaseOption();
        var drainTime = NodeOptions.Time("--timeout", "How long running tasks may take before the node is left as it was", TimeSpan.FromMinutes(10));
        var startTime = NodeOptions.Time("--start-timeout", "How long until the first heartbeat", TimeSpan.FromMinutes(1));
        var noDrain = new Option<bool>("--no-drain") { Description = "Stop without draining, and without the database: running tasks have the program's ShutdownTimeout and are given back then." };
        foreach (var option in (Option[])[.. inTurn ? [drainTime, startTime] : (Option[])[drainTime, noDrain], database]) verb.Options.Add(option);
        verb.SetAction((parsed, _) =>
        {
            var start = inTurn ? parsed.GetValue(startTime) : TimeSpan.Zero;
            var patience = new Patience(parsed.GetValue(drainTime), pampa.ShutdownTimeout + TimeSpan.FromMinutes(1), start);
            return !inTurn && parsed.GetValue(noDrain)
                ? context.RunAsync(stopping => NodesVerb.RunAsync(context, () => RunAsync(null, stopping), stopping))
                : context.WithClusterAsync(
                    parsed.GetValue(database), (cluster, given, stopping) => NodesVerb.RunAsync(context, () => RunAsync((cluster, given), stopping), stopping));

            async Task<int> RunAsync((PampaCluster, VerbDatabase)? ground, CancellationToken stopping)
            {
                var chosen = options.Chosen(parsed);
                var parallel = inTurn ? 1 : parsed.GetValue(options.Parallel);
                var fleet = new Fleet(chosen, pampa.Cluster, parsed.GetValue(options.Trust), parallel, context.Errors);
                await using var table = new ProgressTable(chosen, context);
                var stop = new StopVerbs(ground, patience);
                Task DoAsync(NodeAgent agent) => doAsync(stop, agent, table.Row(agent.Node), stopping);
                var failures = inTurn ? await fleet.InTurnAsync(DoAsync, stopping) : await fleet.EachAsync(DoAsync, stopping);
                foreach (var (node, why) in failures) table.Row(node).Fail(why);
                await table.DisposeAsync();
                return await NodesVerb.TellAsync(context, failures);
            }
        });
        return verb;
    }

    public async Task DownAsync(NodeAgent agent, NodeRow row, CancellationToken stopping)
    {
        var facts = await agent.ProbeAsync(stopping);
        var isRunning = facts.Process is not null;
        var stays = await AroundAsync(agent, row, facts, "Say the database that it has with --db, or --no-drain if that one is gone.", async () =>
        {
            // Where none is there, a file that tells of a process that is gone goes, too.
            await agent.StopAsync(patience.Stop, kills: isRunning, CancellationToken.None);
            await agent.DisableAsync(CancellationToken.None);
        }, stopping);
        row.Done($"{(isRunning ? "down" : "was not running")}{stays}");
    }

    public async Task RestartAsync(NodeAgent agent, TimeSpan shutdown, NodeRow row, CancellationToken stopping)
    {
        var facts = await agent.ProbeAsync(stopping);
        if (facts.Current.Length == 0 || facts.Program.Length == 0)
            throw new NodeException($"Node '{agent.Node.Name}': nothing was delivered to it yet: run 'nodes up'.");
        var launch = await agent.LaunchAsync(stopping) ?? Launch.Of(agent.Node, facts.Program, facts.Folder);
        var remedy = $"Say the database that it has with --db, or stop it first with 'nodes down {agent.Node.Name} --no-drain'.";
        var stays = await AroundAsync(agent, row, facts, remedy, async () =>
        {
            await agent.StopAsync(patience.Stop, kills: true, CancellationToken.None);
            // That may have taken long enough for the line to break.
            await agent.Connection.EnsureAsync(CancellationToken.None);
            row.Say("starting");
            var began = TimeProvider.System.GetTimestamp();
            await agent.StartAsync(launch, UpVerb.UnitOf(agent.Node, launch, facts, shutdown), CancellationToken.None);
            row.Say("waiting for its heartbeat");
            var heartbeats = new Heartbeats(ground!.Value.Cluster, TimeProvider.System);
            var why = await heartbeats.WaitAsync(agent, launch, facts.Current, began, patience.Start, CancellationToken.None);
            if (why is not null) throw new NodeException($"Node '{agent.Node.Name}': it does not come back: {why}.");
        }, stopping);
        row.Done($"up{stays}");
    }

    /// <summary>Does something with a node of which nothing runs meanwhile. Returns what is to be said of a pause that stays.</summary>
    private async Task<string> AroundAsync(NodeAgent agent, NodeRow row, NodeFacts facts, string remedy, Func<Task> doAsync, CancellationToken stopping)
    {
        var isRunning = facts.Process is not null;
        Holding? holding = null;
        if (ground is var (cluster, database))
        {
            if (isRunning && !NodeDatabase.IsThatOf(agent.Node, database, await agent.DatabaseAsync(stopping)))
                await new Heartbeats(cluster, TimeProvider.System).CheckAsync(agent, facts, patience.Look, remedy, stopping);
            holding = new Holding(cluster, agent.Node, patience.Whole(facts));
        }
        if (holding is null) await DrainedAsync();
        else await holding.AroundAsync(DrainedAsync, stopping);
        return holding?.Stays ?? "";

        async Task DrainedAsync()
        {
            if (holding is not null && isRunning)
            {
                row.Say("draining");
                if (await holding.DrainAsync(patience.Drain, stopping) is var left and > 0)
                    throw new NodeException(FormattableString.Invariant($"Node '{agent.Node.Name}': {left:N0} of its tasks run still after {patience.Drain:c}, so it is left as it was."));
            }
            // Nothing runs that could be drained, and another verb shall see this one all the same.
            if (holding is not null) await holding.TakeAsync(stopping);
            if (isRunning) row.Say("stopping");
            await agent.Connection.EnsureAsync(CancellationToken.None);
            await doAsync();
        }
    }
}
