using System.Data.Common;
using System.Globalization;

namespace Pampa.Bench.Comparing;

/// <summary>Many workers in one process of each peer that can have them, with nothing to do.</summary>
internal sealed record CompareIdle(IReadOnlyList<Peer> Peers, int Workers, TimeSpan Length) : IMeasurement
{
    // Registrations pass, and code that is compiled anew once it has run often.
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(20);
    private static readonly string[] Columns = ["peer", "workers", "PostgreSQL, % of a core", "peer, % of a core", "connections", "MB", "commits/s"];

    public ResultTable Table { get; } = new("## Compared: idle", """
        Workers in one process with nothing to do, appended by `compare --record`. Hangfire's workers each ask by themselves, so
        that many of them are not to be had on one server; `idle` measures Pampa's on several nodes.
        """,
        [.. Columns, "machine"]);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        var lines = new List<string[]>();
        foreach (var peer in Peers.Where(p => p.CanIdle)) lines.Add(await RunAsync(database, peer, output, stopping));
        await TextTable.WriteAsync([Columns, .. lines], output);
        return lines;
    }

    private static async Task<long> CountReadyAsync(DbConnection connection) =>
        BenchDatabase.Whole((await BenchDatabase.RowAsync(connection, Workload.CountReadyWorkers))[0]);

    private async Task<string[]> RunAsync(PostgresDatabase database, Peer peer, TextWriter output, CancellationToken stopping)
    {
        var place = new PeerPlace(database, await database.CreateAsync());
        // A job for any number of workers; what is done to a task does not matter, for there is none.
        var job = peer is TablePeer ? Workload.Crowd : Workload.Noop;
        try
        {
            await peer.PrepareAsync(place, job, 0, stopping);
            using var log = new LogFile();
            await using var process = new BenchProcess(peer.Work(place, job, Workers, 0, log.Path));
            await using var connection = await database.OpenAsync();
            await Task.Delay(Settle, TimeProvider.System, stopping);
            await process.CheckAsync();
            // One that has none would cost least.
            if (peer is PampaPeer && await CountReadyAsync(connection) is var ready && ready != Workers)
                throw new RunFailedException($"{ready} of {Workers} workers are ready after {Settle}");
            var began = TimeProvider.System.GetTimestamp();
            var (client, server, commits) = (process.CpuSeconds, database.CpuSeconds, (await database.ReadUseAsync()).Commits);
            await Task.Delay(Length, TimeProvider.System, stopping);
            var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
            client = process.CpuSeconds - client;
            server = database.CpuSeconds - server;
            commits = (await database.ReadUseAsync()).Commits - commits;
            // Without that of the bench.
            var connections = (await PostgresDatabase.ReadConnectionsAsync(connection)).Values.Sum() - 1;
            string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
            string[] line =
            [
                peer.Name, Number(Workers, "N0"), Number(100 * server / seconds, "N2"), Number(100 * client / seconds, "N2"),
                Number(connections, "N0"), Number(process.WorkingSet, "N0"), Number(commits / seconds, "N1"),
            ];
            await process.StopAsync(stopping);
            if (peer is PampaPeer)
            {
                await output.WriteLineAsync(new Goal($"{Workers} idle workers, PostgreSQL's share of a core in %", 2, 0.5, IsLess: true)
                    .Judge(Series.Of([100 * server / seconds])));
            }
            return line;
        }
        finally
        {
            await database.DropAsync();
        }
    }
}
