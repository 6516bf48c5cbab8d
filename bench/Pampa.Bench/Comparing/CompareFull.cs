using System.Diagnostics;

namespace Pampa.Bench.Comparing;

/// <summary>
/// A hundredth of a large table is open, and the rest has ended before it: how quick that is worked off, in parts of the same in a table that has
/// nothing else. The process stays, and is given the records in rounds.
/// </summary>
internal sealed record CompareFull(IReadOnlyList<Peer> Peers, int Records) : IMeasurement
{
    private const int Rounds = 5;

    // In the first one code is compiled, and durations become known.
    private const int WarmUp = 2;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly string[] Columns = ["peer", "records", "open", "rounds", "tasks/s", "alone, tasks/s", "ratio"];

    private int Open => Records / 100;

    public ResultTable Table { get; } = new("## Compared: a full table", """
        A hundredth of the records is open and stands behind all that has ended, a tenth of it by an UPDATE; the rate between 10 and 90 % of
        each round, in parts of that in a table that has only what was worked off in the rounds before (*alone*), no-op job, appended by `compare --record`.
        """,
        [.. Columns, "machine"]);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        var lines = new List<string[]>();
        foreach (var peer in Peers)
        {
            var alone = await RunAsync(database, peer, ended: 0, stopping);
            var full = await RunAsync(database, peer, Records - Open, stopping);
            var ratio = Series.Of(full.Zip(alone, (f, a) => (double?)(f / a)));
            lines.Add([
                peer.Name, FormattableString.Invariant($"{Records:N0}"), FormattableString.Invariant($"{Open:N0}"), FormattableString.Invariant($"{Rounds}"),
                Text(full, "N0"), Text(alone, "N0"), ratio?.Text("N2") ?? "-",
            ]);
            await output.WriteLineAsync(new Goal(FormattableString.Invariant($"{peer.Name}: {Records:N0} records, 99 % done, against {Open:N0}"), 0.8, 0.95).Judge(ratio));
        }
        await TextTable.WriteAsync([Columns, .. lines], output);
        return lines;
    }

    private static string Text(List<double> rates, string format) => Series.Of(rates.Select(r => (double?)r))?.Text(format) ?? "-";

    private async Task<List<double>> RunAsync(PostgresDatabase database, Peer peer, int ended, CancellationToken stopping)
    {
        var job = Workload.Noop;
        var place = new PeerPlace(database, await database.CreateAsync());
        try
        {
            await peer.PrepareAsync(place, job, 0, stopping);
            await database.LoadEndedAsync(ended);
            await using var crew = Crew.Start(peer, place, job, peer.Workers(job), Open);
            var rates = new List<double>();
            for (var round = 0; round < WarmUp + Rounds; round++)
            {
                var before = round * (long)Open;
                await database.LoadAsync(Open, after: ended + (int)before);
                await UntilAsync(crew, before + Open, stopping);
                var told = crew.Read().All[0];
                if (round < WarmUp) continue;
                var (from, to) = (told.TimeOf(before + Open / 10), told.TimeOf(before + 9 * Open / 10));
                rates.Add(8 * (Open / 10) / ((to - from) / PeerLog.TicksPerSecond));
            }
            await crew.StopAsync(stopping);
            var done = await peer.CountDoneAsync(place, job, 0);
            if (done != ended + (long)(WarmUp + Rounds) * Open) throw new RunFailedException($"{peer.Name}: {done} records have ended as they should");
            return rates;
        }
        finally
        {
            await database.DropAsync();
        }
    }

    private static async Task UntilAsync(Crew crew, long count, CancellationToken stopping)
    {
        var began = Stopwatch.GetTimestamp();
        while (crew.Read().Count < count)
        {
            await crew.CheckAsync();
            if (Stopwatch.GetElapsedTime(began) > Patience) throw new RunFailedException($"{crew.Read().Count} of {count} tasks have ended within {Patience}");
            await Task.Delay(LookEvery, TimeProvider.System, stopping);
        }
    }
}
