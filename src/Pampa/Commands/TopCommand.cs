using System.CommandLine;
using System.Text.Json;

namespace Pampa.Commands;

/// <summary>The verb <c>top</c>: what keeps the workers busy just now, the longest first.</summary>
internal static class TopCommand
{
    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("top", "Shows the nodes with their memory and processor time, and the tasks that run, the longest first, anew every two seconds.")
        {
            Examples = [("top", "Until CTRL+C."), ("top --once", "One look."), ("top --json", "One look, as JSON.")],
        };
        var database = Verb.DatabaseOption();
        var once = new Option<bool>("--once") { Description = "One look, and end; so it is where the output is no terminal." };
        var json = Verb.JsonOption();
        foreach (var option in (Option[])[once, json, database]) command.Options.Add(option);
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, choice) =>
        {
            var page = new TopPage(cluster);
            if (parsed.GetValue(json))
            {
                await verb.Output.WriteLineAsync(await page.JsonAsync(stopping));
                return Hosting.ExitCode.Done;
            }
            var isTerminal = Terminal.IsOn(verb.Output);
            if (isTerminal && !parsed.GetValue(once)) await new LiveWatch(page.LinesAsync, verb.Output, isTerminal).RunAsync(stopping);
            else foreach (var line in await page.LinesAsync(isTerminal ? Terminal.Size().Width : null, stopping)) await verb.Output.WriteLineAsync(line);
            return Hosting.ExitCode.Done;
        }, stopping));
        return command;
    }
}

/// <summary>What <c>top</c> shows.</summary>
internal sealed class TopPage(PampaCluster cluster)
{
    private const double Megabyte = 1024 * 1024;

    public async Task<string> JsonAsync(CancellationToken stopping)
    {
        var info = await cluster.InfoAsync(stopping);
        return JsonSerializer.Serialize(
            new TopJson(LeaderJson.Of(info.Leader), [.. info.Nodes.Select(NodeJson.Of)], [.. Longest(info).Select(WorkerJson.Of)]),
            CommandJson.Default.TopJson);
    }

    /// <summary>Lines for people where there is a width, else cells with tabs between them.</summary>
    public async Task<IReadOnlyList<string>> LinesAsync(int? width, CancellationToken stopping)
    {
        var info = await cluster.InfoAsync(stopping);
        var running = Longest(info);
        return
        [
            .. CellTable.Lines(["NODE", "WORKERS", "RUNNING", "IN HAND", "PER S", "CORES", "MB", "HEARD"], info.Nodes.Select(Row), width),
            info.Leader is { } leader ? Printable.Line($"leader: {leader.Node}") : "leader: none; no dispatcher runs",
            "",
            .. CellTable.Lines(["WORKER", "FOR", "JOB", "KEY"], running.Select(Row), width),
            .. running.Count == 0 ? ["No task has been running for a second or longer."] : Array.Empty<string>(),
        ];
    }

    private static List<WorkerInfo> Longest(ClusterInfo info) =>
        [.. info.Workers.Where(w => w.Running is not null).OrderByDescending(w => w.Running!.For)];

    private static string[] Row(NodeInfo node) =>
    [
        node.Name, Whole(node.Workers), Whole(node.Jobs.Sum(j => j.Running)), Whole(node.Jobs.Sum(j => j.InHand)), Whole(node.Jobs.Sum(j => j.PerSecond)),
        node.CpuCores is { } cores ? FormattableString.Invariant($"{cores:N2}") : "-", node.MemoryBytes is { } bytes ? Whole(bytes / Megabyte) : "-",
        $"{StatusPage.Duration(node.LastHeard)} ago",
    ];

    private static string[] Row(WorkerInfo w) => [w.Id, StatusPage.Duration(w.Running!.For), w.Running.Job, w.Running.Key];

    private static string Whole(double number) => FormattableString.Invariant($"{number:N0}");
}

/// <summary>What <c>top --json</c> prints.</summary>
/// <param name="Leader">The dispatcher that leads, if there is one.</param>
/// <param name="Nodes">The nodes that have a living worker.</param>
/// <param name="Running">The workers that have been kept by a task for a second or longer, the longest first.</param>
internal sealed record TopJson(LeaderJson? Leader, IReadOnlyList<NodeJson> Nodes, IReadOnlyList<WorkerJson> Running);
