using System.CommandLine;
using Pampa.Ssh.Delivering;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary>
/// <c>nodes up</c>: delivers to all nodes at the same time, then upgrades one after the other, so that the others go on working. What goes
/// wrong before the first one is switched changes nothing; what goes wrong later ends the row.
/// </summary>
internal sealed class UpVerb
{
    private readonly Option<string?> program = new("--program")
    {
        HelpName = "PATH",
        Description = "What is delivered: a source file, a project, or a folder that it was published into, self-contained, for the nodes' kind of computer (default: this program).",
    };

    private readonly Option<bool> force = new("--force") { Description = "Restart a node also where nothing has changed." };
    private readonly Option<TimeSpan> drainTime = NodeOptions.Time("--timeout", "How long running tasks may take before the node is left as it was", TimeSpan.FromMinutes(10));
    private readonly Option<TimeSpan> startTime = NodeOptions.Time("--start-timeout", "How long until the first heartbeat", TimeSpan.FromMinutes(1));
    private readonly VerbContext context;
    private readonly PampaBuilder pampa;
    private readonly NodeOptions options;

    private UpVerb(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes, VerbCommand verb)
    {
        this.context = context;
        this.pampa = pampa;
        options = new NodeOptions(verb, nodes);
        var database = VerbContext.DatabaseOption();
        foreach (var option in (Option[])[program, force, drainTime, startTime, database]) verb.Options.Add(option);
        verb.SetAction((parsed, _) => context.WithClusterAsync(parsed.GetValue(database), (cluster, db, stopping) =>
            NodesVerb.RunAsync(context, () => RunAsync(parsed, cluster, db, stopping), stopping), setsUp: true));
    }

    public static VerbCommand Create(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("up", "Delivers this program and starts it, or upgrades it where it runs: one node after the other, drained before and heard of after, and back to the former release where that fails.")
        {
            Examples = [("nodes up", "All nodes."), ("nodes up web1 web2 --timeout 01:00:00", "Two of them, whose tasks may take an hour.")],
            ExitCodes = NodesVerb.Ends,
        };
        _ = new UpVerb(context, pampa, nodes, verb);
        return verb;
    }

    private async Task<int> RunAsync(ParseResult parsed, PampaCluster cluster, VerbDatabase database, CancellationToken stopping)
    {
        var nodes = options.Chosen(parsed);
        await context.Output.WriteLineAsync($"Database: {database.Description} ({database.Why})");
        // Before anything is made or anybody is connected to.
        var databases = nodes.ToDictionary(node => node, node => NodeDatabase.Of(node, database));
        await using var releases = new Releases(ProgramSource.Find(parsed.GetValue(program)));
        var fleet = new Fleet(nodes, pampa.Cluster, parsed.GetValue(options.Trust), parsed.GetValue(options.Parallel), context.Errors);
        await using var table = new ProgressTable(nodes, context);
        var failures = await fleet.EachAsync(agent => DeliverAsync(agent, releases, table.Row(agent.Node), stopping), stopping);
        foreach (var (node, why) in failures) table.Row(node).Fail(why);
        if (failures.Count == 0) failures = await RollAsync(fleet, parsed, new Ground(cluster, releases, databases, table), stopping);
        else if (failures.Count < nodes.Count) failures = [.. failures, (nodes[0], "No node was switched. Leave out what cannot be reached by naming the others.")];
        await table.DisposeAsync();
        foreach (var node in nodes.Where(n => n.DatabaseForwardPort is not null))
            await context.Output.WriteLineAsync($"Node '{node.Name}' reaches the database only while 'nodes forward' runs on this computer.");
        return await NodesVerb.TellAsync(context, failures);
    }

    private static async Task DeliverAsync(NodeAgent agent, Releases releases, NodeRow row, CancellationToken stopping)
    {
        row.Say("connected");
        var facts = await agent.ProbeAsync(stopping);
        row.Say($"making the program for {facts.Runtime}");
        var release = await releases.ForAsync(facts.Runtime, stopping);
        if (facts.Releases.Contains(release.Name))
        {
            row.Say($"has release {release.Name}");
            return;
        }
        row.Say(FormattableString.Invariant($"delivering release {release.Name}, {release.Size / 1_000_000.0:N1} MB"));
        await agent.Connection.EnsureAsync(stopping);
        await agent.ReceiveAsync(release, row.Advance, stopping);
        row.Say($"has release {release.Name}");
    }

    private sealed record Ground(PampaCluster Cluster, Releases Releases, Dictionary<SshNode, NodeDatabase> Databases, ProgressTable Table);

    /// <summary>One after the other; the first that fails is the last.</summary>
    private async Task<IReadOnlyList<(SshNode, string)>> RollAsync(
        Fleet fleet, ParseResult parsed, Ground ground, CancellationToken stopping)
    {
        var patience = new Patience(parsed.GetValue(drainTime), pampa.ShutdownTimeout + TimeSpan.FromMinutes(1), parsed.GetValue(startTime));
        var failures = await fleet.InTurnAsync(async agent =>
        {
            var node = agent.Node;
            var facts = await agent.ProbeAsync(stopping);
            var release = await ground.Releases.ForAsync(facts.Runtime, stopping);
            var launch = Launch.Of(node, release.Program, facts.Folder);
            var wanted = new Wanted(release, launch, ground.Databases[node], (how, of) => UnitOf(node, how, of, pampa.ShutdownTimeout));
            await new Upgrade(agent, ground.Cluster, patience, ground.Table.Row(node)).RunAsync(wanted, parsed.GetValue(force), stopping);
        }, stopping);
        foreach (var (node, why) in failures) ground.Table.Row(node).Fail(why);
        return failures;
    }

    /// <summary>The service of a node; null where systemd does not manage it.</summary>
    public static string? UnitOf(SshNode node, Launch launch, NodeFacts facts, TimeSpan shutdown) => facts.Manager == ServiceManager.None ? null : new UnitFile
    {
        Node = node.Name,
        Folder = facts.Folder,
        Launch = launch,
        ShutdownTimeout = shutdown,
        IsOfUser = facts.Manager == ServiceManager.User,
        LacksIcu = facts.LacksIcu,
    }.Text();
}
