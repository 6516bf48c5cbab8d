namespace Pampa.Bench.Comparing;

/// <summary>A peer's processes, looked at as one.</summary>
internal sealed class Crew : IAsyncDisposable
{
    private readonly List<(BenchProcess Process, LogFile Log)> all = [];

    public static Crew Start(Peer peer, PeerPlace place, Workload job, int workers, int size)
    {
        var crew = new Crew();
        for (var i = 0; i < peer.Processes; i++)
        {
            var log = new LogFile();
            crew.all.Add((new BenchProcess(peer.Work(place, job, workers, size, log.Path)), log));
        }
        return crew;
    }

    public double CpuSeconds => all.Sum(m => m.Process.CpuSeconds);

    public double WorkingSet => all.Sum(m => m.Process.WorkingSet);

    /// <summary>What they have told so far.</summary>
    public PeerLogs Read() => new([.. all.Select(m => m.Log.Read())]);

    /// <exception cref="RunFailedException">One has ended.</exception>
    public async Task CheckAsync()
    {
        foreach (var (process, _) in all) await process.CheckAsync();
    }

    /// <exception cref="RunFailedException">One has ended already, or does not end in time, or not well.</exception>
    public Task StopAsync(CancellationToken stopping) => Task.WhenAll(all.Select(m => m.Process.StopAsync(stopping)));

    public async ValueTask DisposeAsync()
    {
        foreach (var (process, log) in all)
        {
            await process.DisposeAsync();
            log.Dispose();
        }
    }
}
