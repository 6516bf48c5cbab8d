using System.CommandLine;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary><c>nodes unit</c>: prints the service of a node, for whoever installs it himself.</summary>
internal static class UnitVerb
{
    public static VerbCommand Create(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("unit", "Prints a node's service for systemd, and connects to nothing. 'nodes up' makes the same where systemd runs.")
        {
            Examples = [("nodes unit web1 --folder /srv/shop --user shop", "For the program in /srv/shop/current, which works as shop.")],
            ExitCodes = NodesVerb.Ends,
        };
        var name = new Argument<string>("node") { Description = "The node." };
        var folder = new Option<string>("--folder")
        {
            HelpName = "PATH",
            Description = "The node's folder on its computer, absolute, with current/ (the program), work/, log/ and the file database, which holds the address (default /srv/pampa/CLUSTER/NODE).",
        };
        var user = new Option<string?>("--user") { HelpName = "USER", Description = "Who runs it (default: root)." };
        var program = new Option<string?>("--program-name") { HelpName = "FILE", Description = "The program's file in current/ (default: this program's name)." };
        verb.Arguments.Add(name);
        foreach (var option in (Option[])[folder, user, program]) verb.Options.Add(option);
        verb.SetAction((parsed, _) => context.RunAsync(stopping => NodesVerb.RunAsync(context, async () =>
        {
            var node = NodeOptions.Find(nodes, parsed.GetValue(name)!);
            var path = (parsed.GetValue(folder) ?? $"/srv/pampa/{pampa.Cluster}/{node.Name}").TrimEnd('/');
            if (!path.StartsWith('/')) throw new NodeException($"--folder must be an absolute path, got {path}.");
            var file = parsed.GetValue(program) ?? System.Reflection.Assembly.GetEntryAssembly()?.GetName().Name ?? "program";
            var unit = new UnitFile
            {
                Node = node.Name,
                Folder = path,
                Launch = Launch.Of(node, file, path),
                ShutdownTimeout = pampa.ShutdownTimeout,
                User = parsed.GetValue(user),
            };
            await context.Output.WriteLineAsync($"# /etc/systemd/system/{UnitFile.NameOf(pampa.Cluster, node.Name)}");
            await context.Output.WriteAsync(unit.Text());
            return NodesVerb.Done;
        }, stopping)));
        return verb;
    }
}
