using System.Data.Common;
using Pampa.Ssh.Connecting;

namespace Pampa.Ssh.Commands;

/// <summary>Lets a node begin nothing while it is worked on. A pause that somebody else has made stays when that is over.</summary>
/// <param name="cluster">The node's cluster.</param>
/// <param name="node">The node.</param>
/// <param name="longest">
/// As long as all that is done with it may take at most: then the pause ends by itself, should this program not live to end it.
/// </param>
internal sealed class Holding(PampaCluster cluster, SshNode node, TimeSpan longest)
{
    public const string Reason = "nodes: it is being stopped or upgraded";
    private readonly PampaTarget target = PampaTarget.Node(node.Name);
    private bool isOurs;

    /// <summary>Does something with the node, and lets it go on then, whatever has come in between; also where a former verb has left it paused.</summary>
    /// <exception cref="NodeException">That was not possible, after what else there was to say.</exception>
    public async Task AroundAsync(Func<Task> doAsync, CancellationToken stopping)
    {
        try
        {
            isOurs = await FindAsync(stopping) is { Reason: Reason };
            await doAsync();
        }
        catch (Exception e) when (NodesVerb.IsOfNode(e) || e is OperationCanceledException)
        {
            // What it says of how the node is left is not to be lost for the database's sake.
            if (await TryEndAsync() is not { } left) throw;
            throw new NodeException(e is OperationCanceledException ? left : $"{NodesVerb.Why(node, e).TrimEnd('.')}. {left}");
        }
        catch
        {
            await TryEndAsync();
            throw;
        }
        if (await TryEndAsync() is { } paused) throw new NodeException(paused);
    }

    /// <summary>Pauses the node and waits until nothing of it runs. Returns how many tasks still do when the time is over.</summary>
    public async Task<long> DrainAsync(TimeSpan patience, CancellationToken stopping)
    {
        // One that a former verb has left behind is ours, too.
        var held = await FindAsync(stopping) is { Reason: not Reason } other ? other : null;
        isOurs = held is null;
        var now = TimeProvider.System.GetUtcNow();
        if (held is not null) return await cluster.DrainAsync(target, patience, held.Reason, held.EndsIn is { } left ? now + left : null, stopping);
        try
        {
            return await cluster.DrainAsync(target, patience, Reason, now + longest, stopping);
        }
        catch (ArgumentException)
        {
            // This computer's clock is so far behind the database's that the end would be past.
            return await cluster.DrainAsync(target, patience, Reason, null, stopping);
        }
    }

    private async Task<HeldInfo?> FindAsync(CancellationToken stopping) =>
        (await cluster.InfoAsync(stopping)).Held.FirstOrDefault(held => held.Target == target);

    /// <summary>Lets it go on. Returns what is to be said where that is not possible.</summary>
    private async Task<string?> TryEndAsync()
    {
        if (!isOurs) return null;
        try
        {
            await cluster.ResumeAsync(target, CancellationToken.None);
            return null;
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            return $"Node '{node.Name}' may still be paused, for the database does not answer: {e.Message.TrimEnd('.')}. Then it takes tasks again after 'resume node {node.Name}', or the next 'nodes up'.";
        }
    }
}
