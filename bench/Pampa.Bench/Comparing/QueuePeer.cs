namespace Pampa.Bench.Comparing;

/// <summary>One who keeps his tasks in tables of his own; the record that a task is about stands in the table that everybody has.</summary>
internal abstract record QueuePeer(string Name) : Peer(Name)
{
    /// <summary>Makes his tables.</summary>
    protected abstract Task MakeAsync(PeerPlace place, Workload job, CancellationToken stopping);

    /// <summary>Puts tasks into them by his own calls.</summary>
    protected abstract Task FillAsync(PeerPlace place, Workload job, int size, CancellationToken stopping);

    /// <summary>A query for the number of tasks that have ended well, of so many.</summary>
    protected abstract string CountDone(Workload job, int size);

    public override async Task PrepareAsync(PeerPlace place, Workload job, int size, CancellationToken stopping)
    {
        await MakeAsync(place, job, stopping);
        if (size == 0) return;
        await FillAsync(place, job, size, stopping);
        if (!job.WritesResult) return;
        await using var connection = await place.Database.OpenAsync();
        // With the room for changes that the product's table has: its records are as short.
        await BenchDatabase.ExecuteAsync(
            connection, $"CREATE TABLE {Workload.Table} (value bigint PRIMARY KEY, {job.Result}) WITH (fillfactor = 30)");
        await place.Database.LoadAsync(size);
    }

    public override async Task<long> CountDoneAsync(PeerPlace place, Workload job, int size)
    {
        await using var connection = await place.Database.OpenAsync();
        var done = BenchDatabase.Whole((await BenchDatabase.RowAsync(connection, CountDone(job, size)))[0]);
        if (job.IsRight is not { } isRight) return done;
        var right = BenchDatabase.Whole((await BenchDatabase.RowAsync(
            connection, $"SELECT count(*) FROM {Workload.Table} WHERE {isRight}"))[0]);
        if (right != done) throw new RunFailedException($"{Name}: {done} tasks have ended and {right} results are right");
        return done;
    }
}
