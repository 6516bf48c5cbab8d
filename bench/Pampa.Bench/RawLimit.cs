using Npgsql;
using Pampa.Bench.Comparing;

namespace Pampa.Bench;

/// <summary>
/// What the database can do at best: the same two changes of each record (reserved and started with one, as tasks that
/// are short are, and finished), in statements written by hand for batches
/// of known keys, with nothing selected, compared or returned. A queue cannot be this quick.
/// </summary>
internal abstract class RawLimit(Workload workload)
{
    /// <summary>As many rows as one of the product's gathered statements.</summary>
    public const int BatchRows = 500;

    protected const string Table = Workload.Table;
    protected const string Prefix = Workload.Prefix;

    protected Workload Workload => workload;

    public static RawLimit For(Workload workload, string address) =>
        address.StartsWith("sqlite:", StringComparison.Ordinal)
            ? new RawSqlite(workload, address["sqlite:".Length..])
            : new RawPostgres(workload, address);

    /// <summary>Works on the records 1 to size, each connection on a share of its own, until it is told to stop.</summary>
    public Task RunAsync(int size, int connections, Progress? progress, CancellationToken stopping) =>
        Task.WhenAll(Enumerable.Range(0, connections).Select(i => Task.Run(
            () => ShareAsync(Batches(size * (long)i / connections + 1, size * (long)(i + 1) / connections, progress, stopping)),
            CancellationToken.None)));

    protected abstract Task ShareAsync(IEnumerable<long[]> batches);

    // Asked for the next batch, the one before is done.
    private static IEnumerable<long[]> Batches(long first, long last, Progress? progress, CancellationToken stopping)
    {
        for (var at = first; at <= last && !stopping.IsCancellationRequested; at += BatchRows)
        {
            var batch = new long[Math.Min(BatchRows, last - at + 1)];
            for (var i = 0; i < batch.Length; i++) batch[i] = at + i;
            yield return batch;
            progress?.Done(batch.Length);
        }
    }
}

internal sealed class RawPostgres(Workload workload, string settings) : RawLimit(workload)
{
    private const string Start =
        $"UPDATE {Table} SET {Prefix}_reservation_id = 'local.1', {Prefix}_reservation_time = now(), "
        + $"{Prefix}_start_time = clock_timestamp(), {Prefix}_reservation_times = 1 WHERE value = ANY ($1)";

    private const string Completion =
        $"UPDATE {Table} SET {Prefix}_end_time = clock_timestamp(), {Prefix}_success = TRUE, "
        + $"{Prefix}_error_description = NULL";

    private const string Finish = $"{Completion} WHERE value = ANY ($1)";

    private const string FinishWithResult =
        $"{Completion}, is_odd = v.is_odd FROM unnest($1, $2) AS v (k, is_odd) WHERE value = v.k";

    protected override async Task ShareAsync(IEnumerable<long[]> batches)
    {
        // The table was just filled: its statistics know nothing of that, and by them the planner would read all of it.
        var builder = new NpgsqlConnectionStringBuilder(settings)
        {
            Options = "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off "
                + "-c jit=off",
        };
        await using var connection = new NpgsqlConnection(builder.ConnectionString);
        await connection.OpenAsync();
        var keys = new NpgsqlParameter<long[]> { TypedValue = [] };
        var odd = new NpgsqlParameter<bool[]> { TypedValue = [] };
        await using var start = await PrepareAsync(connection, Start, keys);
        await using var finish = Workload.WritesResult
            ? await PrepareAsync(connection, FinishWithResult, keys.Clone(), odd)
            : await PrepareAsync(connection, Finish, keys.Clone());
        foreach (var batch in batches)
        {
            odd.TypedValue = Array.ConvertAll(batch, value => value % 2 != 0);
            foreach (var command in (NpgsqlCommand[])[start, finish])
            {
                ((NpgsqlParameter<long[]>)command.Parameters[0]).TypedValue = batch;
                await command.ExecuteNonQueryAsync();
            }
        }
    }

    private static async Task<NpgsqlCommand> PrepareAsync(
        NpgsqlConnection connection, string text, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlCommand(text, connection);
        command.Parameters.AddRange(parameters);
        await command.PrepareAsync();
        return command;
    }
}
