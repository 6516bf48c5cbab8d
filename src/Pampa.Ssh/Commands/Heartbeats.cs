using System.Data.Common;
using System.Globalization;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary>What the database knows of a node that is reached by SSH.</summary>
internal sealed class Heartbeats(PampaCluster cluster, TimeProvider time)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ProbeEvery = TimeSpan.FromSeconds(2);

    private string? trouble;

    /// <summary>
    /// Waits until all workers of the process that was started take tasks. Returns why they do not; null: they do. Another process with
    /// the same ids may be at work anywhere: its heartbeats are not those of this one.
    /// </summary>
    /// <param name="agent">The node.</param>
    /// <param name="launch">How it was started.</param>
    /// <param name="release">The release that was started.</param>
    /// <param name="since">When it was started: what was heard before does not count.</param>
    /// <param name="patience">How long.</param>
    /// <param name="stopping">Gives up.</param>
    public async Task<string?> WaitAsync(NodeAgent agent, Launch launch, string release, long since, TimeSpan patience, CancellationToken stopping)
    {
        NodeFacts? facts = null;
        var probed = since;
        var missing = "";
        while (time.GetElapsedTime(since) < patience)
        {
            var age = time.GetElapsedTime(since);
            try
            {
                // A service has no process for a moment, and has another one when systemd has started it again.
                if (facts?.Process is null || time.GetElapsedTime(probed) >= ProbeEvery)
                {
                    probed = time.GetTimestamp();
                    // A line that breaks meanwhile is nothing that the node could help.
                    await agent.Connection.EnsureAsync(stopping);
                    facts = await agent.ProbeAsync(stopping);
                    if (facts.Current != release) return $"somebody else has switched it to release {facts.Current} meanwhile";
                    if (facts is { Process: null, Manager: ServiceManager.None }) return await EndedAsync(agent, stopping);
                }
                if (facts.Process is null)
                {
                    missing = "its service has no process that lives";
                }
                else if (await TryLookAsync(stopping) is { } info)
                {
                    var (ready, all) = await CountAsync(agent, launch, Living(info, agent.Node, launch, facts, age), stopping);
                    if (all > 0 && ready >= all) return null;
                    missing = FormattableString.Invariant($"{ready:N0} of its workers take tasks");
                }
            }
            catch (NodeException e)
            {
                missing = e.Message;
            }
            await Task.Delay(LookEvery, time, stopping);
        }
        return $"it is not at work within {patience:c}: {(trouble ?? missing).TrimEnd('.')}{await SaidAsync(agent, stopping)}";
    }

    /// <summary>
    /// Refuses to go on with a process that lives and that this database does not know: a drain of what works on another one would wait for
    /// nothing, for no task of it is known here.
    /// </summary>
    /// <param name="agent">The node.</param>
    /// <param name="facts">What it has said of its process.</param>
    /// <param name="patience">How long it is looked for: one that has just begun, or gets through again, takes a moment to say so.</param>
    /// <param name="remedy">What to do.</param>
    /// <param name="stopping">Gives up.</param>
    /// <exception cref="NodeException">It is not known here, with the remedy.</exception>
    public async Task CheckAsync(NodeAgent agent, NodeFacts facts, TimeSpan patience, string remedy, CancellationToken stopping)
    {
        var began = time.GetTimestamp();
        while (!await KnowsAsync(agent.Node.Name, facts, stopping))
        {
            if (time.GetElapsedTime(began) >= patience)
                throw new NodeException(FormattableString.Invariant($"Node '{agent.Node.Name}': its address is that of another database, and this one does not know its process {facts.Process}, so what that runs cannot be drained from here; it is left as it was. {remedy}"));
            await Task.Delay(LookEvery, time, stopping);
        }
    }

    private async Task<bool> KnowsAsync(string node, NodeFacts facts, CancellationToken stopping) => (await cluster.InfoAsync(stopping)).Workers
        .Any(worker => (worker.Node == node || IsWorker(worker.Node, node)) && IsIn(worker, facts));

    /// <summary>How many of them take tasks, and how many there must be: as many as it was told, or tells, to have; else all that are there.</summary>
    private static async Task<(int Ready, int All)> CountAsync(NodeAgent agent, Launch launch, List<WorkerInfo> living, CancellationToken stopping)
    {
        var ready = living.Count(worker => worker.IsReady);
        if (launch.Workers is { } told) return (ready, told);
        // Each of them joins by itself, so that those which are there may not be all.
        var own = launch.IsIsolated && living.Count > 0 ? await agent.WorkersAsync(stopping) : null;
        return (ready, Math.Max(living.Count, own ?? 0));
    }

    private static List<WorkerInfo> Living(ClusterInfo info, SshNode node, Launch launch, NodeFacts facts, TimeSpan age)
    {
        var parts = Of(info, node.Name, launch.IsIsolated).Select(part => part.Name).ToHashSet(StringComparer.Ordinal);
        return [.. info.Workers.Where(worker => parts.Contains(worker.Node) && worker.LastHeard < age && IsIn(worker, facts))];
    }

    /// <summary>Whether a worker lives in the process of the node, or in one that this starts again. Where that cannot be told it may.</summary>
    public static bool IsIn(WorkerInfo worker, NodeFacts facts)
    {
        if (worker.Process.Split('/') is not [_, var boot, _, .. var rest] || rest.Length is not (2 or 3)) return true;
        if (boot != facts.Boot) return false;
        return Is(rest[^2], rest[^1]) || (rest.Length == 3 && rest[0].Split('-') is [var supervisor, var its] && Is(supervisor, its));

        bool Is(string id, string began) => id == Text(facts.Process) && began == Text(facts.ProcessBegan);
    }

    private static string? Text(long? number) => number?.ToString(CultureInfo.InvariantCulture);

    private async Task<ClusterInfo?> TryLookAsync(CancellationToken stopping)
    {
        try
        {
            var info = await cluster.InfoAsync(stopping);
            trouble = null;
            return info;
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            // It may come back while there is time.
            trouble = $"the database does not answer: {e.Message}";
            return null;
        }
    }

    /// <summary>The parts of a node: itself, or each worker where those are processes of their own. <c>n.1</c> is no part of <c>n.10</c>.</summary>
    public static IReadOnlyList<NodeInfo> Of(ClusterInfo info, SshNode node) => Of(info, node.Name, node.IsIsolated);

    private static IReadOnlyList<NodeInfo> Of(ClusterInfo info, string node, bool isIsolated) =>
        [.. info.Nodes.Where(n => n.Name == node || (isIsolated && IsWorker(n.Name, node)))];

    private static bool IsWorker(string id, string node) => id.Length > node.Length + 1 && id.StartsWith($"{node}.", StringComparison.Ordinal)
        && int.TryParse(id.AsSpan(node.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static async Task<string> EndedAsync(NodeAgent agent, CancellationToken stopping)
    {
        var said = await agent.ErrorsAsync(stopping);
        return said.Length > 0 ? $"it has ended: {said.ReplaceLineEndings(" ")}" : "it has ended and said nothing; nodes logs has its log";
    }

    /// <summary>What the program has said of it, of all its lives since it was started.</summary>
    private static async Task<string> SaidAsync(NodeAgent agent, CancellationToken stopping)
    {
        try
        {
            var said = await agent.ErrorsAsync(stopping);
            return said.Length > 0 ? $"; it says: {said.ReplaceLineEndings(" ")}" : "";
        }
        catch (NodeException e)
        {
            return $"; what it says cannot be read: {e.Message}";
        }
    }
}
