using Npgsql;

namespace Pampa.Bench.Comparing;

/// <summary>
/// A loop as good engineers write it without a library, on the very table that the product uses, with its index and its room for
/// changes: claim a batch past what others have locked, handle it, write all results by one statement. Two prepared statements and
/// two commits a batch; no retries, no leases, nobody who notices that a process died.
/// </summary>
/// <param name="address">The database.</param>
/// <param name="workload">The job.</param>
/// <param name="rows">How many records a loop claims at once, where they are quick ones.</param>
internal sealed class PlainLoop(string address, Workload workload, int rows) : PeerWork
{
    /// <summary>The beginning of its name; the number of rows follows.</summary>
    public const string Name = "loop";

    /// <summary>Of slow tasks: so that no loop holds a second's work of the others.</summary>
    public const int SlowBatchRows = 20;

    public const int Connections = 16;

    private const string Table = Workload.Table;
    private const string Prefix = Workload.Prefix;

    private const string Claim = $"""
        UPDATE {Table} SET {Prefix}_reservation_id = 'loop', {Prefix}_reservation_time = now(), {Prefix}_start_time = now(),
          {Prefix}_reservation_times = 1
        WHERE {Prefix}_end_time IS NULL AND {Prefix}_reservation_id IS NULL AND value IN (SELECT value FROM {Table}
          WHERE {Prefix}_end_time IS NULL AND {Prefix}_reservation_id IS NULL ORDER BY value LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING value
        """;

    private const string Completion = $"UPDATE {Table} SET {Prefix}_end_time = clock_timestamp(), {Prefix}_success = TRUE";
    private const string Finish = $"{Completion} WHERE value = ANY ($1)";
    private const string FinishWithResult = $"{Completion}, is_odd = v.is_odd FROM unnest($1, $2) AS v (k, is_odd) WHERE value = v.k";

    /// <summary>How many records a loop claims at once.</summary>
    public static int RowsOf(Workload workload, int rows) => workload.Pause > TimeSpan.Zero ? SlowBatchRows : rows;

    /// <summary>How often a loop looks for records while there are none.</summary>
    public static TimeSpan PauseOf(int loops) => loops > Connections ? TimeSpan.FromSeconds(1) : TimeSpan.FromMilliseconds(100);

    public override async Task RunAsync(int number, Progress? progress, CancellationToken stopping)
    {
        var settings = new NpgsqlConnectionStringBuilder(address) { MaxPoolSize = Connections, MaxAutoPrepare = 10, AutoPrepareMinUsages = 1 };
        // The records were just put there in their order: an index scan is the right plan from the first batch on.
        settings.Options = "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off";
        await using var source = NpgsqlDataSource.Create(settings.ConnectionString);
        var pause = PauseOf(number);
        if (workload.Pause > TimeSpan.Zero) Comparing.BareThreads.Provide(number);
        await Task.WhenAll(Enumerable.Range(0, number).Select(i => LoopAsync(source, pause, i * pause / number, progress, stopping)));
    }

    private async Task LoopAsync(NpgsqlDataSource source, TimeSpan pause, TimeSpan first, Progress? progress, CancellationToken stopping)
    {
        // Not all at the same moment.
        var wait = first;
        while (!stopping.IsCancellationRequested)
        {
            await Task.Delay(wait, TimeProvider.System, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            wait = TimeSpan.Zero;
            if (stopping.IsCancellationRequested) return;
            await using var connection = await source.OpenConnectionAsync(CancellationToken.None);
            var keys = await ClaimAsync(connection);
            if (keys.Count == 0)
            {
                wait = pause;
                continue;
            }
            foreach (var key in keys) Handle(key, progress);
            await FinishAsync(connection, keys.ToArray());
            if (workload.Pause == TimeSpan.Zero) progress?.Done(keys.Count);
        }
    }

    private void Handle(long key, Progress? progress)
    {
        if (workload.Name == Workload.Stamps.Name) progress?.Begun(key);
        if (workload.Pause > TimeSpan.Zero) workload.Wait(progress);
    }

    private async Task<List<long>> ClaimAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(Claim, connection) { Parameters = { new NpgsqlParameter<int> { TypedValue = RowsOf(workload, rows) } } };
        await using var reader = await command.ExecuteReaderAsync();
        var keys = new List<long>();
        while (await reader.ReadAsync()) keys.Add(reader.GetInt64(0));
        return keys;
    }

    private async Task FinishAsync(NpgsqlConnection connection, long[] keys)
    {
        var isNumbers = workload.IsRight is not null;
        await using var command = new NpgsqlCommand(isNumbers ? FinishWithResult : Finish, connection);
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = keys });
        if (isNumbers) command.Parameters.Add(new NpgsqlParameter<bool[]> { TypedValue = Array.ConvertAll(keys, value => value % 2 != 0) });
        await command.ExecuteNonQueryAsync();
    }
}
