namespace Pampa.Bench.Comparing;

/// <summary>What several processes tell, together.</summary>
internal sealed record PeerLogs(IReadOnlyList<PeerLog> All)
{
    public long Count => All.Sum(l => l.Count);

    public double CountAt(long at) => All.Sum(l => l.CountAt(at));

    public double BusySecondsAt(long at) => All.Sum(l => l.BusySecondsAt(at));

    /// <summary>Tasks in each whole second from one moment to another.</summary>
    public IReadOnlyList<double> PerSecond(long from, long to) =>
        [.. All.Select(l => l.PerSecond(from, to)).Aggregate((a, b) => [.. a.Zip(b, (x, y) => x + y)])];
}
