using System.Data.Common;
using System.Globalization;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary>What the database knows of a node that is reached by SSH.</summary>
internal sealed class Heartbeats(PampaCluster cluster, TimeProvider time)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ProbeEvery = TimeSpan.FromSeconds(2);

    private string? trouble;

    /// <summary>Waits until all workers of the node take tasks. Returns why they do not; null: they do.</summary>
    /// <param name="agent">The node.</param>
    /// <param name="since">When it was started: what was heard before does not count.</param>
    /// <param name="patience">How long.</param>
    /// <param name="stopping">Gives up.</param>
    public async Task<string?> WaitAsync(NodeAgent agent, long since, TimeSpan patience, CancellationToken stopping)
    {
        var probed = since;
        while (time.GetElapsedTime(since) < patience)
        {
            var age = time.GetElapsedTime(since);
            if (await TryLookAsync(stopping) is { } info && IsUp(Of(info, agent.Node), age)) return null;
            if (time.GetElapsedTime(probed) >= ProbeEvery)
            {
                var facts = await agent.ProbeAsync(stopping);
                if (facts is { Process: null, Manager: ServiceManager.None }) return await EndedAsync(agent, stopping);
                probed = time.GetTimestamp();
            }
            await Task.Delay(LookEvery, time, stopping);
        }
        return $"no heartbeat of it has come within {patience:c}{(trouble is null ? "" : $" ({trouble})")}";
    }

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
    public static IReadOnlyList<NodeInfo> Of(ClusterInfo info, SshNode node) =>
        [.. info.Nodes.Where(n => n.Name == node.Name || (node.IsIsolated && IsWorker(n.Name, node.Name)))];

    private static bool IsWorker(string id, string node) => id.Length > node.Length + 1 && id.StartsWith($"{node}.", StringComparison.Ordinal)
        && int.TryParse(id.AsSpan(node.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static bool IsUp(IReadOnlyList<NodeInfo> parts, TimeSpan age) =>
        parts.Count > 0 && parts.All(part => part.Workers > 0 && part.Ready == part.Workers && part.LastHeard < age);

    private static async Task<string> EndedAsync(NodeAgent agent, CancellationToken stopping)
    {
        var said = await agent.ErrorsAsync(stopping);
        return said.Length > 0 ? $"it has ended: {said.ReplaceLineEndings(" ")}" : "it has ended and said nothing; nodes logs has its log";
    }
}
