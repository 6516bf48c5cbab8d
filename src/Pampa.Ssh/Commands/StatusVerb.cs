using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary><c>nodes status</c>: the process of each node as its computer sees it, and its workers as the database does.</summary>
internal static class StatusVerb
{
    private sealed record Line(SshNode Node, NodeFacts? Facts, string? Failure, IReadOnlyList<NodeInfo>? Parts, bool IsPaused)
    {
        public string Process => Facts switch
        {
            null => "unreachable",
            { Process: not null } => "running",
            { IsRestarting: true } => "restarting",
            { HasCrashed: true } => "crashed",
            _ => "stopped",
        };
    }

    public static VerbCommand Create(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("status", "Shows of each node whether its process runs, since when, which release, and how many of its workers take tasks.")
        {
            Examples = [("nodes status", "All nodes."), ("nodes status --tag europe --json", "Some of them, as JSON.")],
            ExitCodes = NodesVerb.Ends,
        };
        var options = new NodeOptions(verb, nodes);
        var json = VerbContext.JsonOption();
        var database = VerbContext.DatabaseOption();
        verb.Options.Add(json);
        verb.Options.Add(database);
        verb.SetAction(async (parsed, _) =>
        {
            ClusterInfo? info = null;
            // Without the database there is still something to tell.
            var heard = await context.WithClusterAsync(parsed.GetValue(database), async (cluster, _, stopping) =>
            {
                info = await cluster.InfoAsync(stopping);
                return NodesVerb.Done;
            });
            var code = await context.RunAsync(stopping => NodesVerb.RunAsync(context, async () =>
            {
                var lines = await LookAsync(context, pampa.Cluster, options, parsed, info, stopping);
                await context.Output.WriteLineAsync(parsed.GetValue(json) ? Json(lines) : Text(context, lines));
                return await NodesVerb.TellAsync(context, [.. lines.Where(l => l.Failure is not null).Select(l => (l.Node, l.Failure!))]);
            }, stopping));
            return code != NodesVerb.Done ? code : heard;
        });
        return verb;
    }

    private static async Task<List<Line>> LookAsync(
        VerbContext context, string cluster, NodeOptions options, ParseResult parsed, ClusterInfo? info, CancellationToken stopping)
    {
        var nodes = options.Chosen(parsed);
        var facts = new System.Collections.Concurrent.ConcurrentDictionary<SshNode, NodeFacts>();
        var fleet = new Fleet(nodes, cluster, parsed.GetValue(options.Trust), parsed.GetValue(options.Parallel), context.Errors);
        var failures = await fleet.EachAsync(async agent => facts[agent.Node] = await agent.ProbeAsync(stopping), stopping);
        return
        [
            .. nodes.Select(node => new Line(node, facts.GetValueOrDefault(node), failures.FirstOrDefault(f => f.Node == node).Why,
                info is null ? null : Heartbeats.Of(info, node), info?.Held.Any(h => h.Target == PampaTarget.Node(node.Name)) ?? false)),
        ];
    }

    private static string Text(VerbContext context, List<Line> lines) => string.Join(
        Environment.NewLine, [.. Table(context, lines), .. lines.SelectMany(line => LimitsOf(line).Select(limit => $"{line.Node.Name}: {limit}"))]);

    // Its workers say the same, as a rule.
    private static IEnumerable<WorkerLimitInfo> LimitsOf(Line line) => (line.Parts ?? []).SelectMany(part => part.Limits).Distinct();

    private static IEnumerable<string> Table(VerbContext context, List<Line> lines) => context.Table(
        ["node", "address", "process", "since", "release", "workers", "heard", ""],
        lines.Select(line => (string[])
        [
            line.Node.Name, Connecting.SshFailure.Address(line.Node), line.Process,
            line.Facts?.RunsFor is { } time ? Span(time) : "-", line.Facts is { Current.Length: > 0 } facts ? facts.Current : "-",
            line.Parts is { } parts ? string.Create(CultureInfo.InvariantCulture, $"{parts.Sum(p => p.Ready)}/{parts.Sum(p => p.Workers)}") : "?",
            line.Parts is { Count: > 0 } heard ? string.Create(CultureInfo.InvariantCulture, $"{heard.Max(p => p.LastHeard).TotalSeconds:0} s ago") : "-",
            string.Join(", ", (string[])[.. line.IsPaused ? ["paused"] : Array.Empty<string>(), .. Restarts(line.Facts)]),
        ]));

    private static string[] Restarts(NodeFacts? facts) => facts is not { Restarts: > 0 and var number } ? []
        : [FormattableString.Invariant($"started again {number:N0} times{(facts.Ended.Length > 0 ? $" ({facts.Ended})" : "")}")];

    private static string Span(TimeSpan time) => time.TotalDays >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalDays} d {time.Hours:00}:{time.Minutes:00}")
        : time.ToString("c", CultureInfo.InvariantCulture);

    private static string Json(List<Line> lines)
    {
        using var memory = new MemoryStream();
        using (var json = new Utf8JsonWriter(memory, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartArray();
            foreach (var line in lines)
            {
                json.WriteStartObject();
                json.WriteString("node", line.Node.Name);
                json.WriteString("address", Connecting.SshFailure.Address(line.Node));
                json.WriteString("process", line.Process);
                if (line.Facts is { } facts) Write(json, facts);
                if (line.Failure is { } failure) json.WriteString("failure", failure);
                if (line.Parts is { } parts)
                {
                    json.WriteNumber("workers", parts.Sum(p => p.Workers));
                    json.WriteNumber("ready", parts.Sum(p => p.Ready));
                    if (parts.Count > 0) json.WriteNumber("heardSecondsAgo", parts.Max(p => p.LastHeard).TotalSeconds);
                    WriteLimits(json, line);
                }
                json.WriteBoolean("paused", line.IsPaused);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        return Encoding.UTF8.GetString(memory.ToArray());
    }

    private static void WriteLimits(Utf8JsonWriter json, Line line)
    {
        json.WriteStartArray("limits");
        foreach (var limit in LimitsOf(line))
        {
            json.WriteStartObject();
            json.WriteString("name", limit.Name);
            json.WriteNumber("value", limit.Value);
            json.WriteString("enforcement", limit.Enforcement.ToString());
            json.WriteString("by", limit.By);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, NodeFacts facts)
    {
        if (facts.Process is { } pid) json.WriteNumber("pid", pid);
        if (facts.RunsFor is { } time) json.WriteNumber("seconds", time.TotalSeconds);
        if (facts.Current.Length > 0) json.WriteString("release", facts.Current);
        if (facts.Restarts > 0) json.WriteNumber("restarts", facts.Restarts);
        if (facts.Ended.Length > 0) json.WriteString("ended", facts.Ended);
        json.WriteString("runtime", facts.Runtime);
        json.WriteString("managedBy", facts.Manager switch { ServiceManager.System => "systemd", ServiceManager.User => "systemd of the user", _ => "pid file" });
    }
}
