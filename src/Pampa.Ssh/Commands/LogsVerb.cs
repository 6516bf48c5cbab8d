using System.CommandLine;

namespace Pampa.Ssh.Commands;

/// <summary><c>nodes logs</c>: the end of a node's log.</summary>
internal static class LogsVerb
{
    private const int MostLines = 100_000;

    public static VerbCommand Create(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("logs", "Shows the end of a node's log, and with -f what comes after it.")
        {
            Examples = [("nodes logs web1 -f", "What web1 does, until CTRL+C."), ("nodes logs web1 --lines 1000", "The last thousand lines.")],
            ExitCodes = NodesVerb.Ends,
        };
        var name = new Argument<string>("node") { Description = "The node." };
        var lines = new Option<int>("--lines", "-n") { HelpName = "NUMBER", Description = "So many lines of the end (default 50).", DefaultValueFactory = _ => 50 };
        lines.Validators.Add(result => NodeOptions.Range(result, 0, MostLines));
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with what comes, until CTRL+C." };
        var trust = NodeOptions.TrustOption();
        verb.Arguments.Add(name);
        foreach (var option in (Option[])[lines, follow, trust]) verb.Options.Add(option);
        verb.SetAction((parsed, _) => context.RunAsync(stopping => NodesVerb.RunAsync(context, async () =>
        {
            var node = NodeOptions.Find(nodes, parsed.GetValue(name)!);
            var fleet = new Fleet([node], pampa.Cluster, parsed.GetValue(trust), 1, context.Errors);
            await fleet.WithAsync(node, async agent =>
            {
                await agent.ProbeAsync(stopping);
                void Say(string line) => context.Output.WriteLine(VerbContext.Spell(line));
                await agent.LogsAsync(parsed.GetValue(lines), parsed.GetValue(follow), Say, context.Errors.WriteLine, stopping);
            }, stopping);
            return NodesVerb.Done;
        }, stopping)));
        return verb;
    }
}
