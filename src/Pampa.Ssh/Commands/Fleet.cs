using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary>The nodes that a verb is about, and how they are connected to.</summary>
internal sealed class Fleet(IReadOnlyList<SshNode> nodes, string cluster, bool trustsNew, int parallel, TextWriter errors)
{
    public IReadOnlyList<SshNode> Nodes => nodes;

    /// <summary>Opens a connection.</summary>
    /// <exception cref="NodeException">Why that is not possible.</exception>
    public async Task<NodeAgent> OpenAsync(SshNode node, CancellationToken stopping)
    {
        // It is a part of paths and of the service's name.
        if (!SshNode.IsIdentifier(cluster)) throw new NodeException($"Cluster must be {SshNode.IdentifierForm}, got '{cluster}'.");
        return new NodeAgent(await SshConnection.OpenAsync(node, trustsNew, errors.WriteLine, stopping), cluster);
    }

    /// <summary>Does something with each node, with many at the same time. Returns what went wrong, by node.</summary>
    /// <exception cref="OperationCanceledException">It was stopped; what had gone wrong by then is told.</exception>
    public async Task<IReadOnlyList<(SshNode Node, string Why)>> EachAsync(Func<NodeAgent, Task> doAsync, CancellationToken stopping)
    {
        var failures = new (SshNode Node, string Why)?[nodes.Count];
        var options = new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = stopping };
        try
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, nodes.Count), options, async (i, token) =>
            {
                try
                {
                    await WithAsync(nodes[i], doAsync, token);
                }
                catch (Exception e) when (NodesVerb.IsOfNode(e))
                {
                    failures[i] = (nodes[i], NodesVerb.Why(nodes[i], e));
                }
            });
        }
        catch (OperationCanceledException)
        {
            // How a node was left is nothing that a signal makes less true.
            foreach (var failure in failures.OfType<(SshNode Node, string Why)>()) await errors.WriteLineAsync(failure.Why);
            throw;
        }
        return [.. failures.OfType<(SshNode, string)>()];
    }

    /// <summary>Does something with one node after the other, so that the others work on; the first with which that goes wrong is the last.</summary>
    public async Task<IReadOnlyList<(SshNode Node, string Why)>> InTurnAsync(Func<NodeAgent, Task> doAsync, CancellationToken stopping)
    {
        for (var i = 0; i < nodes.Count; i++)
        {
            stopping.ThrowIfCancellationRequested();
            try
            {
                await WithAsync(nodes[i], doAsync, stopping);
            }
            catch (Exception e) when (NodesVerb.IsOfNode(e))
            {
                var why = NodesVerb.Why(nodes[i], e);
                var rest = string.Join(", ", nodes.Skip(i + 1).Select(node => node.Name));
                return [(nodes[i], rest.Length == 0 ? why : $"{why.TrimEnd('.')}. Those after it were left as they are: {rest}.")];
            }
        }
        return [];
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
