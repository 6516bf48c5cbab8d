using System.CommandLine;
using System.Globalization;

namespace Pampa.Ssh.Commands;

/// <summary><c>nodes exec</c>: runs a command on nodes.</summary>
internal static class ExecVerb
{
    public static VerbCommand Create(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("exec", "Runs a command on a node, or on all of a tag or all there are, in the home of the user. No shell reads it; CTRL+C ends it there, too.")
        {
            Examples =
            [
                ("nodes exec web1 -- uptime", "On one node."), ("nodes exec --tag europe -- sh -c \"df -h | head\"", "On several; a shell is a command like another."),
            ],
            ExitCodes = [(NodesVerb.Done, "done"), .. NodesVerb.Ends.Skip(1), (255, "and others: what the command ended with, the highest of all nodes")],
        };
        var words = new Argument<string[]>("command") { Description = "The node's name if it is one, then -- and the command.", Arity = ArgumentArity.ZeroOrMore };
        var tag = new Option<string?>("--tag") { HelpName = "TAG", Description = "All nodes with this tag (without a name and a tag: all nodes)." };
        var time = NodeOptions.Time("--timeout", "How long the command may take", TimeSpan.FromMinutes(10));
        var trust = NodeOptions.TrustOption();
        verb.Arguments.Add(words);
        foreach (var option in (Option[])[tag, time, trust]) verb.Options.Add(option);
        verb.SetAction((parsed, _) => context.RunAsync(stopping => NodesVerb.RunAsync(context, async () =>
        {
            var (chosen, command) = Split(parsed, parsed.GetValue(words) ?? [], nodes, parsed.GetValue(tag));
            var fleet = new Fleet(chosen, pampa.Cluster, parsed.GetValue(trust), chosen.Count, context.Errors);
            var code = 0;
            var failures = await fleet.EachAsync(async agent =>
            {
                var before = chosen.Count > 1 ? $"{agent.Node.Name}: " : "";
                await agent.ProbeAsync(stopping);
                void Say(string line) => context.Output.WriteLine(before + VerbContext.Spell(line));
                var ended = await agent.ExecAsync(command, parsed.GetValue(time), Say, line => context.Errors.WriteLine(before + line), stopping);
                if (ended != 0 && chosen.Count > 1) context.Errors.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{before}ended with {ended}"));
                lock (fleet) code = Math.Max(code, ended);
            }, stopping);
            return Math.Max(code, await NodesVerb.TellAsync(context, failures));
        }, stopping)));
        return verb;
    }

    // What stands before the two hyphens names a node, all after them is the command's, whatever it looks like.
    private static (IReadOnlyList<SshNode>, IReadOnlyList<string>) Split(ParseResult parsed, string[] words, IReadOnlyList<SshNode> nodes, string? tag)
    {
        var after = parsed.Tokens.SkipWhile(token => token.Type != System.CommandLine.Parsing.TokenType.DoubleDash).Skip(1).Count();
        var names = words[..^after];
        var command = words[^after..];
        if (command.Length == 0) throw new Connecting.NodeException("exec: say what to run, behind two hyphens: nodes exec web1 -- uptime");
        return (NodeOptions.Choose(nodes, names, tag), command);
    }
}
