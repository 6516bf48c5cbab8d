using System.Diagnostics;

namespace Pampa.Bench.Comparing;

/// <summary>One peer works off a backlog and is looked at for a window of time.</summary>
internal sealed class RateRun(PostgresDatabase database, Peer peer, Workload job, Window window)
{
    // The last of a backlog is worked off more slowly.
    private const double EndOfBacklog = 0.95;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan StartTime = TimeSpan.FromMinutes(1);

    /// <summary>Whether a transaction keeps its snapshot all the time, so that no dead row can be cleared away.</summary>
    public bool HoldsSnapshot { get; init; }

    /// <exception cref="RunFailedException">His process has ended, or his tables say something else than he.</exception>
    public async Task<Rate> RunAsync(CancellationToken stopping)
    {
        var place = new PeerPlace(database, await database.CreateAsync());
        try
        {
            var size = peer.Backlog(job, window.Whole);
            await peer.PrepareAsync(place, job, size, stopping);
            await database.AnalyzeAsync();
            await using var snapshot = await database.OpenAsync();
            if (HoldsSnapshot) await BenchDatabase.ExecuteAsync(snapshot, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class");
            return await WatchAsync(place, size, stopping);
        }
        finally
        {
            await database.DropAsync();
        }
    }

    private async Task<Rate> WatchAsync(PeerPlace place, int size, CancellationToken stopping)
    {
        var workers = peer.Workers(job);
        await using var crew = Crew.Start(peer, place, job, workers, size);
        await UntilItBeginsAsync(crew, stopping);
        await Task.Delay(window.WarmUp, TimeProvider.System, stopping);
        var before = await LookAsync(crew);
        var memory = crew.WorkingSet;
        var ranOut = false;
        while (!ranOut && Stopwatch.GetElapsedTime(before.At) < window.Length)
        {
            await Task.Delay(LookEvery, TimeProvider.System, stopping);
            await crew.CheckAsync();
            memory = Math.Max(memory, crew.WorkingSet);
            ranOut = crew.Read().Count > EndOfBacklog * size;
        }
        var after = await LookAsync(crew);
        await crew.StopAsync(stopping);
        var told = crew.Read();
        var done = await peer.CountDoneAsync(place, job, size);
        if (peer.IsCounted && done != told.Count) throw new RunFailedException($"{peer.Name}, {job.Name}: {told.Count} tasks were told of, {done} have ended as they should");
        var tasks = told.CountAt(after.At) - told.CountAt(before.At);
        if (tasks <= 0) throw new RunFailedException($"{peer.Name}, {job.Name}: no task has ended in the window; {size} were not enough to warm up");
        return new Rate(
            size, ranOut, (after.At - before.At) / PeerLog.TicksPerSecond, tasks, after.Client - before.Client,
            after.Server.CpuSeconds - before.Server.CpuSeconds, (after.Server.WalBytes - before.Server.WalBytes) ?? 0, memory,
            told.BusySecondsAt(after.At) - told.BusySecondsAt(before.At), workers * peer.Processes, told.PerSecond(before.At, after.At));
    }

    private static async Task UntilItBeginsAsync(Crew crew, CancellationToken stopping)
    {
        var began = Stopwatch.GetTimestamp();
        while (crew.Read().Count == 0)
        {
            await crew.CheckAsync();
            if (Stopwatch.GetElapsedTime(began) > StartTime) throw new RunFailedException($"no task has ended within {StartTime}");
            await Task.Delay(LookEvery, TimeProvider.System, stopping);
        }
    }

    // The server is asked first: that takes a moment.
    private async Task<(long At, double Client, ServerUse Server)> LookAsync(Crew crew)
    {
        var server = await database.ReadUseAsync();
        return (Stopwatch.GetTimestamp(), crew.CpuSeconds, server);
    }
}
