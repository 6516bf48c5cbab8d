namespace Pampa.Ssh.Commands;

/// <summary>Lets a node begin nothing while it is worked on. A pause that somebody else has made stays when that is over.</summary>
internal sealed class Holding(PampaCluster cluster, SshNode node)
{
    private const string Reason = "nodes: it is being stopped or upgraded";
    private readonly PampaTarget target = PampaTarget.Node(node.Name);
    private bool isOurs;

    /// <summary>Pauses the node and waits until nothing of it runs. Returns how many tasks still do when the time is over.</summary>
    public async Task<long> DrainAsync(TimeSpan patience, CancellationToken stopping)
    {
        // One that a former verb has left behind is ours, too.
        var held = (await cluster.InfoAsync(stopping)).Held.FirstOrDefault(h => h.Target == target && h.Reason != Reason);
        isOurs = held is null;
        var until = held?.EndsIn is { } left ? TimeProvider.System.GetUtcNow() + left : default(DateTimeOffset?);
        return await cluster.DrainAsync(target, patience, held?.Reason ?? Reason, until, stopping);
    }

    /// <summary>Lets it go on, whatever has come in between.</summary>
    public async Task EndAsync()
    {
        if (isOurs) await cluster.ResumeAsync(target, CancellationToken.None);
    }
}
