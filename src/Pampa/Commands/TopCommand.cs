using System.CommandLine;
using System.Text.Json;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>The verb <c>top</c>: what keeps the workers busy just now, the longest first.</summary>
internal static class TopCommand
{
    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("top", "Shows the nodes with their memory and processor time, and the tasks that run, the longest first, anew every two seconds.")
        {
            Examples =
            [
                ("top", "Until CTRL+C."), ("top --json", "One look, as JSON."),
                ("top --once --node web1", "Whether this node is at work, for the probe of a container."),
            ],
            ExitCodes =
            [
                (ExitCode.Done, "done"),
                (ExitCode.Configuration, "no worker of the node takes tasks (with --node), wrong arguments or configuration, or no connection"),
                (ExitCode.InternalError, "internal error"),
            ],
        };
        var node = new Option<string?>("--node")
        {
            HelpName = "NAME",
            Description = "Only this node, and exit code 2 where none of its workers takes tasks (default: all, and 0).",
        };
        var database = Verb.DatabaseOption();
        var once = new Option<bool>("--once") { Description = "One look, and end; so it is where the output is no terminal." };
        var json = Verb.JsonOption();
        foreach (var option in (Option[])[node, once, json, database]) command.Options.Add(option);
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, choice) =>
        {
            var page = new TopPage(cluster, parsed.GetValue(node));
            var isTerminal = Terminal.IsOn(verb.Output);
            if (parsed.GetValue(json)) await verb.Output.WriteLineAsync(await page.JsonAsync(stopping));
            else if (isTerminal && !parsed.GetValue(once)) await new LiveWatch(page.LinesAsync, verb.Output, isTerminal).RunAsync(stopping);
            else foreach (var line in await page.LinesAsync(isTerminal ? Terminal.Size().Width : null, stopping)) await verb.Output.WriteLineAsync(line);
            if (page.IsAtWork) return ExitCode.Done;
            await verb.Errors.WriteLineAsync($"No worker of the node '{parsed.GetValue(node)}' takes tasks.");
            return ExitCode.Configuration;
        }, stopping));
        return command;
    }
}

/// <summary>What <c>top</c> shows.</summary>
/// <param name="cluster">Of which cluster.</param>
/// <param name="node">Of which node alone; null: of all.</param>
internal sealed class TopPage(PampaCluster cluster, string? node)
{
    private const double Megabyte = 1024 * 1024;

    /// <summary>
    /// Whether a worker of the node took tasks at the last look; before the first one nothing is known against it. Of all nodes nothing is demanded.
    /// </summary>
    public bool IsAtWork { get; private set; } = true;

    // The workers of an isolated node are nodes of their own.
    private async Task<ClusterInfo> LookAsync(CancellationToken stopping)
    {
        var info = await cluster.InfoAsync(stopping);
        if (node is null) return info;
        var nodes = info.Nodes.Where(n => n.Name == node || n.WorkerOf == node).ToList();
        IsAtWork = nodes.Exists(n => n.Ready > 0);
        return info with { Nodes = nodes, Workers = [.. info.Workers.Where(w => nodes.Exists(n => n.Name == w.Node))] };
    }

    public async Task<string> JsonAsync(CancellationToken stopping)
    {
        var info = await LookAsync(stopping);
        return JsonSerializer.Serialize(
            new TopJson(LeaderJson.Of(info.Leader), [.. info.Nodes.Select(NodeJson.Of)], [.. Longest(info).Select(WorkerJson.Of)]),
            CommandJson.Default.TopJson);
    }

    /// <summary>Lines for people where there is a width, else cells with tabs between them.</summary>
    public async Task<IReadOnlyList<string>> LinesAsync(int? width, CancellationToken stopping)
    {
        var info = await LookAsync(stopping);
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

    private static string[] Row(NodeInfo n) =>
    [
        n.Name, Whole(n.Workers), Whole(n.Jobs.Sum(j => j.Running)), Whole(n.Jobs.Sum(j => j.InHand)), Whole(n.Jobs.Sum(j => j.PerSecond)),
        n.CpuCores is { } cores ? FormattableString.Invariant($"{cores:N2}") : "-", n.MemoryBytes is { } bytes ? Whole(bytes / Megabyte) : "-",
        $"{StatusPage.Duration(n.LastHeard)} ago",
    ];

    private static string[] Row(WorkerInfo w) => [w.Id, StatusPage.Duration(w.Running!.For), w.Running.Job, w.Running.Key];

    private static string Whole(double number) => FormattableString.Invariant($"{number:N0}");
}

/// <summary>What <c>top --json</c> prints.</summary>
/// <param name="Leader">The dispatcher that leads, if there is one.</param>
/// <param name="Nodes">The nodes that have a living worker.</param>
/// <param name="Running">The workers that have been kept by a task for a second or longer, the longest first.</param>
internal sealed record TopJson(LeaderJson? Leader, IReadOnlyList<NodeJson> Nodes, IReadOnlyList<WorkerJson> Running);
