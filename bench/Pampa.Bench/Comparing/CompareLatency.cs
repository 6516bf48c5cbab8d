using System.Diagnostics;

namespace Pampa.Bench.Comparing;

/// <summary>From the commit that adds a task to the begin of its handler, one at a time, for each peer.</summary>
internal sealed record CompareLatency(IReadOnlyList<Peer> Peers, int Samples, int Pairs) : IMeasurement
{
    // Thrown away: code is compiled, connections are opened, durations of tasks become known. As many for everybody.
    private const int WarmUp = 300;
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);

    public ResultTable Table { get; } = new("## Compared: latency", """
        From the answer to the commit that adds a task to the begin of its handler, one at a time every 20 to 50 ms by another
        process, appended by `compare --record`.
        """,
        ["peer", "pairs", "samples", .. Delays.Columns, "machine"]);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        var timed = Peers.Where(p => p.CanBeTimed).ToList();
        var seen = timed.ToDictionary(p => p.Name, _ => new List<Delays>());
        await output.WriteLineAsync(RateReport.Versions(timed, [Workload.Stamps]));
        for (var pair = 1; pair <= Pairs; pair++)
        {
            for (var turn = 0; turn < timed.Count; turn++)
            {
                // As with the rates, each round begins with another one.
                var peer = timed[(turn + pair - 1) % timed.Count];
                var delays = await RunAsync(database, peer, stopping);
                if (delays.Missing > 0) throw new RunFailedException($"{peer.Name}: {delays.Missing} of {Samples} tasks have not begun");
                seen[peer.Name].Add(delays);
            }
        }
        string[] asked = [FormattableString.Invariant($"{Pairs}"), FormattableString.Invariant($"{Samples:N0}")];
        List<string[]> lines = [.. timed.Select(p => (string[])[p.Name, .. asked, .. Delays.Cells(seen[p.Name])])];
        await output.WriteLineAsync();
        await TextTable.WriteAsync([["peer", "pairs", "samples", .. Delays.Columns], .. lines], output);
        if (seen.TryGetValue(PampaPeer.ProductName, out var ours) && seen.TryGetValue(DocumentedGraphilePeer.DocumentedName, out var theirs))
        {
            await JudgeAsync("p50", 0.5, 0.8, ours, theirs, output);
            await JudgeAsync("p99", 0.99, 1, ours, theirs, output);
        }
        return lines;
    }

    private static Task JudgeAsync(string what, double share, double aim, List<Delays> ours, List<Delays> theirs, TextWriter output) =>
        output.WriteLineAsync(new Goal($"latency {what} in parts of graphile-worker's", 1, aim, IsLess: true)
            .Judge(Series.Of(ours.Zip(theirs, (own, other) => own.Percentile(share) / other.Percentile(share)))));

    private async Task<Delays> RunAsync(PostgresDatabase database, Peer peer, CancellationToken stopping)
    {
        var place = new PeerPlace(database, await database.CreateAsync());
        try
        {
            await peer.PrepareAsync(place, Workload.Stamps, 0, stopping);
            using var log = new LogFile();
            await using var process = new BenchProcess(peer.Work(place, Workload.Stamps, peer.Workers(Workload.Stamps), 0, log.Path));
            // It tells its progress from its start on; whatever it does until it takes tasks belongs to what is thrown away.
            await Task.Delay(StartTime, TimeProvider.System, stopping);
            var count = WarmUp + Samples;
            var committed = await peer.AddOneByOneAsync(place, Workload.Stamps, count, process.CheckAsync, stopping);
            var last = Stopwatch.GetTimestamp();
            while (log.Read().Begun.Count < count && Stopwatch.GetElapsedTime(last) < Patience)
            {
                await process.CheckAsync();
                await Task.Delay(LookEvery, TimeProvider.System, stopping);
            }
            await process.StopAsync(stopping);
            var begun = log.Read().Begun;
            return Delays.Of([.. Enumerable.Range(WarmUp + 1, Samples).Select(id => Milliseconds(committed, begun, id))]);
        }
        finally
        {
            await database.DropAsync();
        }
    }

    private static double? Milliseconds(IReadOnlyDictionary<long, long> committed, IReadOnlyDictionary<long, long> begun, long id) =>
        committed.TryGetValue(id, out var from) && begun.TryGetValue(id, out var to) ? (to - from) * 1e3 / PeerLog.TicksPerSecond : null;
}
