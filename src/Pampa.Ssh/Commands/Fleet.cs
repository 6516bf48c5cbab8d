using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary>The nodes that a verb is about, and how they are connected to.</summary>
internal sealed class Fleet(IReadOnlyList<SshNode> nodes, string cluster, bool trustsNew, int parallel, TextWriter errors)
{
    public IReadOnlyList<SshNode> Nodes => nodes;

    /// <summary>Opens a connection.</summary>
    /// <exception cref="NodeException">Why that is not possible.</exception>
    public async Task<NodeAgent> OpenAsync(SshNode node, CancellationToken stopping) =>
        new(await SshConnection.OpenAsync(node, trustsNew, line => errors.WriteLine(line), stopping), cluster);

    /// <summary>Does something with each node, with many at the same time. Returns what went wrong, by node.</summary>
    public async Task<IReadOnlyList<(SshNode Node, string Why)>> EachAsync(Func<NodeAgent, Task> doAsync, CancellationToken stopping)
    {
        var failures = new (SshNode Node, string Why)?[nodes.Count];
        var options = new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = stopping };
        await Parallel.ForEachAsync(Enumerable.Range(0, nodes.Count), options, async (i, token) =>
        {
            try
            {
                await WithAsync(nodes[i], doAsync, token);
            }
            catch (NodeException e)
            {
                failures[i] = (nodes[i], e.Message);
            }
        });
        return [.. failures.Where(f => f is not null).Select(f => f!.Value)];
    }

    /// <summary>Does something with one node.</summary>
    /// <exception cref="NodeException">It cannot be connected to, or it does not do well.</exception>
    public async Task WithAsync(SshNode node, Func<NodeAgent, Task> doAsync, CancellationToken stopping)
    {
        var agent = await OpenAsync(node, stopping);
        await using var connection = agent.Connection;
        await doAsync(agent);
    }
}
