using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Commands;

/// <summary><c>nodes forward</c>: keeps up the ways through which nodes reach the database that cannot reach it themselves.</summary>
internal static class ForwardVerb
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    public static VerbCommand Create(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("forward", "Lets nodes with a DatabaseForwardPort reach the database through this computer, until CTRL+C; connects again when a connection breaks.")
        {
            Examples = [("nodes forward", "All nodes that have a DatabaseForwardPort.")],
            ExitCodes = NodesVerb.Ends,
        };
        var options = new NodeOptions(verb, nodes, hasParallel: false);
        var database = VerbContext.DatabaseOption();
        verb.Options.Add(database);
        verb.SetAction((parsed, _) => context.WithClusterAsync(parsed.GetValue(database), (_, db, stopping) =>
            RunAsync(context, pampa.Cluster, () => options.Chosen(parsed), db, parsed.GetValue(options.Trust), stopping)));
        return verb;
    }

    /// <summary>Keeps up the ways of the nodes that have one until it is told to stop.</summary>
    internal static Task<int> RunAsync(
        VerbContext context, string cluster, Func<IReadOnlyList<SshNode>> choose, VerbDatabase database, bool trustsNew, CancellationToken stopping) =>
        NodesVerb.RunAsync(context, async () =>
        {
            var chosen = choose().Where(node => node.DatabaseForwardPort is not null).ToList();
            if (chosen.Count == 0) throw new NodeException("No node has a DatabaseForwardPort, so there is nothing to forward.");
            var to = NodeDatabase.Of(chosen[0], database).Forward!.Value;
            await KeepAllAsync(chosen, cluster, to, context.Output, context.Errors, stopping, trustsNew);
            return NodesVerb.Done;
        }, stopping);

    /// <summary>Keeps up the ways of all these nodes until it is told to stop.</summary>
    public static Task KeepAllAsync(
        IReadOnlyList<SshNode> nodes, string cluster, (string Host, int Port) to, TextWriter output, TextWriter errors, CancellationToken stopping,
        bool trustsNew = false)
    {
        var fleet = new Fleet(nodes, cluster, trustsNew, nodes.Count, errors);
        return Task.WhenAll(nodes.Select(node => KeepAsync(fleet, node, to, output, errors, stopping)));
    }

    private static async Task KeepAsync(Fleet fleet, SshNode node, (string Host, int Port) to, TextWriter output, TextWriter errors, CancellationToken stopping)
    {
        var pause = LookEvery;
        while (true)
        {
            try
            {
                await fleet.WithAsync(node, async agent =>
                {
                    await agent.LeadAsync(node.DatabaseForwardPort!.Value, to.Host, to.Port, stopping);
                    await output.WriteLineAsync(FormattableString.Invariant($"{node.Name}: 127.0.0.1:{node.DatabaseForwardPort} there leads to {to.Host}:{to.Port}"));
                    pause = LookEvery;
                    while (await agent.Connection.StandsAsync(stopping)) await Task.Delay(LookEvery, TimeProvider.System, stopping);
                }, stopping);
                await errors.WriteLineAsync($"{node.Name}: the connection is broken");
            }
            catch (Exception e) when (NodesVerb.IsTold(e))
            {
                // Also of this computer, whose disk is full, say: the other ways go on, and this one is tried again.
                await errors.WriteLineAsync(e.Message);
            }
            await Task.Delay(pause, TimeProvider.System, stopping);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }
}
