using System.Globalization;

namespace Pampa.Bench.Comparing;

/// <summary>What a peer in C# does in a process of its own. The number is that of its workers, or of the tasks that it adds.</summary>
internal abstract class PeerWork
{
    /// <summary>Returns null where no peer has that name.</summary>
    public static PeerWork? For(string what, string address, Workload workload) => what switch
    {
        _ when what.StartsWith(PlainLoop.Name, StringComparison.Ordinal) =>
            new PlainLoop(address, workload, int.Parse(what[PlainLoop.Name.Length..], CultureInfo.InvariantCulture)),
        BareThreads.Name => new BareThreads(workload),
        HangfireServer.Name => new HangfireServer(address, workload),
        HangfireBacklog.Name => new HangfireBacklog(address, workload),
        HangfireOneByOne.Name => new HangfireOneByOne(address, workload),
        _ => null,
    };

    public abstract Task RunAsync(int number, Progress? progress, CancellationToken stopping);
}
