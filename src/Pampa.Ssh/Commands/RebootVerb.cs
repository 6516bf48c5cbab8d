using System.CommandLine;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary><c>nodes reboot</c>: drained, rebooted, connected to again, started, heard of.</summary>
internal sealed class RebootVerb(NodeAgent agent, (PampaCluster Cluster, VerbDatabase Database) ground, Patience patience, TimeSpan bootTime, NodeRow row)
{
    private readonly Heartbeats heartbeats = new(ground.Cluster, TimeProvider.System);

    public static VerbCommand Create(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("reboot", "Drains a node, reboots its computer, connects again and starts the node.")
        {
            Examples = [("nodes reboot web1", "One node.")],
            ExitCodes = NodesVerb.Ends,
        };
        var name = new Argument<string>("node") { Description = "The node." };
        var database = VerbContext.DatabaseOption();
        var drain = NodeOptions.Time("--timeout", "How long running tasks may take before the node is left as it was", TimeSpan.FromMinutes(10));
        var boot = NodeOptions.Time("--boot-timeout", "How long the computer may take to come back", TimeSpan.FromMinutes(10));
        var start = NodeOptions.Time("--start-timeout", "How long until the first heartbeat", TimeSpan.FromMinutes(1));
        var trust = NodeOptions.TrustOption();
        verb.Arguments.Add(name);
        foreach (var option in (Option[])[drain, boot, start, trust, database]) verb.Options.Add(option);
        verb.SetAction((parsed, _) => context.WithClusterAsync(parsed.GetValue(database), (cluster, given, stopping) => NodesVerb.RunAsync(context, async () =>
        {
            var node = NodeOptions.Find(nodes, parsed.GetValue(name)!);
            var fleet = new Fleet([node], pampa.Cluster, parsed.GetValue(trust), 1, context.Errors);
            await using var table = new ProgressTable([node], context);
            var patience = new Patience(parsed.GetValue(drain), pampa.ShutdownTimeout + TimeSpan.FromMinutes(1), parsed.GetValue(start));
            await fleet.WithAsync(node, agent =>
                new RebootVerb(agent, (cluster, given), patience, parsed.GetValue(boot), table.Row(node)).RunAsync(pampa.ShutdownTimeout, stopping), stopping);
            return NodesVerb.Done;
        }, stopping)));
        return verb;
    }

    public async Task RunAsync(TimeSpan shutdown, CancellationToken stopping)
    {
        var node = agent.Node;
        var before = await agent.ProbeAsync(stopping);
        var command = node.RebootCommand ?? await DefaultAsync(stopping);
        await CheckAsync(command, stopping);
        if (before.Process is not null && !NodeDatabase.IsThatOf(node, ground.Database, await agent.DatabaseAsync(stopping)))
            await heartbeats.CheckAsync(agent, before, patience.Look, $"Say the database that it has with --db, or stop it first with 'nodes down {node.Name} --no-drain'.", stopping);
        var holding = new Holding(ground.Cluster, node, patience.Whole(before) + bootTime);
        await holding.AroundAsync(async () =>
        {
            await holding.TakeAsync(stopping);
            if (before.Process is not null)
            {
                row.Say("draining");
                if (await holding.DrainAsync(patience.Drain, stopping) is var left and > 0)
                    throw new NodeException(FormattableString.Invariant($"Node '{node.Name}': {left:N0} of its tasks run still after {patience.Drain:c}, so it is left as it was."));
                row.Say("stopping");
                await agent.Connection.EnsureAsync(stopping);
                stopping.ThrowIfCancellationRequested();
                await agent.StopAsync(patience.Stop, kills: true, CancellationToken.None);
            }
            row.Say("rebooting");
            var after = await RebootAsync(command, before, shutdown, stopping);
            if (before.Process is not null) await StartAsync(after, shutdown, stopping);
        }, stopping);
        row.Done($"{(before.Process is null ? "rebooted; the node was not running" : "up")}{holding.Stays}");
    }

    // Before anything is drained: what is not permitted is no reason to stop a node.
    private async Task CheckAsync(IReadOnlyList<string> command, CancellationToken stopping)
    {
        try
        {
            await agent.CheckRebootAsync(command, stopping);
        }
        catch (NodeException e)
        {
            throw new NodeException($"{e.Message.TrimEnd('.')}. So nothing was done. Let the node's user reboot (sudoers: NOPASSWD), or say another command with ssh.RebootCommand.");
        }
    }

    private async Task<NodeFacts> RebootAsync(IReadOnlyList<string> command, NodeFacts before, TimeSpan shutdown, CancellationToken stopping)
    {
        try
        {
            if (stopping.IsCancellationRequested) throw new NodeException($"Node '{agent.Node.Name}': you have stopped this before its computer was told to reboot.");
            await agent.RebootAsync(command, CancellationToken.None);
            return await ComeBackAsync(before.Boot, stopping);
        }
        catch (OperationCanceledException)
        {
            throw new NodeException($"Node '{agent.Node.Name}': its computer was told to reboot, and is not waited for any more. Run 'nodes up {agent.Node.Name}' when it is there again.");
        }
        catch (NodeException e) when (before.Process is not null)
        {
            if (await TryProbeAsync() is not { } now || now.Boot != before.Boot) throw;
            throw new NodeException($"{e.Message.TrimEnd('.')}. It has not begun anew, so the node was started again{await StartAgainAsync(now, shutdown)}.");
        }
    }

    // What has gone wrong first is told, too.
    private async Task<string> StartAgainAsync(NodeFacts now, TimeSpan shutdown)
    {
        try
        {
            await StartAsync(now, shutdown, CancellationToken.None);
            return "";
        }
        catch (NodeException e)
        {
            return $", which has not come about: {e.Message.TrimEnd('.')}";
        }
    }

    private async Task<NodeFacts?> TryProbeAsync()
    {
        try
        {
            await agent.Connection.EnsureAsync(CancellationToken.None);
            return await agent.ProbeAsync(CancellationToken.None);
        }
        catch (NodeException)
        {
            // It cannot be reached: there is nothing to be started.
            return null;
        }
    }

    private async Task<IReadOnlyList<string>> DefaultAsync(CancellationToken stopping)
    {
        var isRoot = false;
        await agent.ExecAsync(["id", "-u"], TimeSpan.FromSeconds(30), line => isRoot = line.Trim() == "0", _ => { }, stopping);
        return isRoot ? ["reboot"] : ["sudo", "-n", "reboot"];
    }

    /// <summary>Tries to connect until the computer has begun anew.</summary>
    private async Task<NodeFacts> ComeBackAsync(string boot, CancellationToken stopping)
    {
        var began = TimeProvider.System.GetTimestamp();
        var last = "it has not gone down";
        string? refusal = null;
        while (refusal is null && TimeProvider.System.GetElapsedTime(began) < bootTime)
        {
            await Task.Delay(patience.TryEvery, TimeProvider.System, stopping);
            try
            {
                await agent.Connection.EnsureAsync(stopping);
                var facts = await agent.ProbeAsync(stopping);
                if (facts.Boot != boot) return facts;
                refusal = await agent.RebootFailureAsync(stopping);
            }
            catch (NodeException e)
            {
                // It goes down, is down or comes up.
                last = e.Message;
                row.Say("waiting for it to come back");
            }
        }
        throw new NodeException(refusal is null
            ? $"Node '{agent.Node.Name}': its computer has not come back within {bootTime:c}: {last}"
            : $"Node '{agent.Node.Name}': its computer does not reboot: {refusal}");
    }

    private async Task StartAsync(NodeFacts facts, TimeSpan shutdown, CancellationToken stopping)
    {
        var began = TimeProvider.System.GetTimestamp();
        var launch = await agent.LaunchAsync(stopping) ?? Launch.Of(agent.Node, facts.Program, facts.Folder);
        // systemd may have started it by itself.
        if (facts.Process is null)
        {
            row.Say("starting");
            await agent.StartAsync(launch, UpVerb.UnitOf(agent.Node, launch, facts, shutdown), stopping);
        }
        row.Say("waiting for its heartbeat");
        if (await heartbeats.WaitAsync(agent, launch, facts.Current, began, patience.Start, stopping) is { } why)
            throw new NodeException($"Node '{agent.Node.Name}': its computer is there, but not the node: {why}.");
    }
}
