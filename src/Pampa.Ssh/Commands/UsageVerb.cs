using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary><c>nodes usage</c>: memory, processors and disk of the nodes' computers.</summary>
internal static class UsageVerb
{
    private const double Mega = 1024 * 1024;

    public static VerbCommand Create(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("usage", "Shows how much of its memory, processors and disk each node's computer uses, and how much memory the node itself.")
        {
            Examples = [("nodes usage", "All nodes."), ("nodes usage web1 --json", "One of them, as JSON.")],
            ExitCodes = NodesVerb.Ends,
        };
        var options = new NodeOptions(verb, nodes);
        var json = VerbContext.JsonOption();
        verb.Options.Add(json);
        verb.SetAction((parsed, _) => context.RunAsync(stopping => NodesVerb.RunAsync(context, async () =>
        {
            var chosen = options.Chosen(parsed);
            var found = new ConcurrentDictionary<SshNode, NodeUsage>();
            var fleet = new Fleet(chosen, pampa.Cluster, parsed.GetValue(options.Trust), parsed.GetValue(options.Parallel), context.Errors);
            var failures = await fleet.EachAsync(async agent =>
            {
                await agent.ProbeAsync(stopping);
                found[agent.Node] = await agent.UsageAsync(stopping);
            }, stopping);
            var rows = chosen.Where(found.ContainsKey).Select(node => (node, found[node])).ToList();
            await context.Output.WriteLineAsync(parsed.GetValue(json) ? Json(rows) : string.Join(Environment.NewLine, Table(context, rows)));
            return await NodesVerb.TellAsync(context, failures);
        }, stopping)));
        return verb;
    }

    private static IEnumerable<string> Table(VerbContext context, List<(SshNode Node, NodeUsage Usage)> rows) => context.Table(
        ["node", "cpu", "load", "memory MB", "disk free MB", "node's memory MB", "processes"],
        rows.Select(row => (string[])
        [
            row.Node.Name, Text($"{row.Usage.BusyShare:P0} of {row.Usage.Cores}"), Text($"{row.Usage.Load:N2}"),
            Text($"{row.Usage.MemoryUsed / Mega:N0}/{row.Usage.MemoryTotal / Mega:N0}"), Text($"{row.Usage.DiskFree / Mega:N0}/{row.Usage.DiskTotal / Mega:N0}"),
            row.Usage.ProcessMemory is { } own ? Text($"{own / Mega:N0}") : "-", Text($"{row.Usage.Processes}"),
        ]));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Json(List<(SshNode Node, NodeUsage Usage)> rows)
    {
        using var memory = new MemoryStream();
        using (var json = new Utf8JsonWriter(memory, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartArray();
            foreach (var (node, usage) in rows)
            {
                json.WriteStartObject();
                json.WriteString("node", node.Name);
                json.WriteNumber("cores", usage.Cores);
                json.WriteNumber("busyShare", Math.Round(usage.BusyShare, 3));
                json.WriteNumber("load", usage.Load);
                json.WriteNumber("memoryBytes", usage.MemoryTotal);
                json.WriteNumber("memoryUsedBytes", usage.MemoryUsed);
                json.WriteNumber("diskBytes", usage.DiskTotal);
                json.WriteNumber("diskFreeBytes", usage.DiskFree);
                if (usage.ProcessMemory is { } own) json.WriteNumber("nodeMemoryBytes", own);
                json.WriteNumber("nodeProcesses", usage.Processes);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        return Encoding.UTF8.GetString(memory.ToArray());
    }
}
