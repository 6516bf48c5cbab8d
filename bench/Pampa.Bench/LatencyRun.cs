using System.Data.Common;
using System.Diagnostics;
using Pampa.Bench.Comparing;

namespace Pampa.Bench;

/// <summary>
/// Inserts one record after the other and compares the clock after each commit with that at the begin of its handler. Both
/// are the computer's monotonic clock, which its processes share.
/// </summary>
internal sealed class LatencyRun(PostgresDatabase database, LatencyCase one, int samples, Random random)
{
    // Thrown away: code is compiled, connections are opened, durations of tasks become known (the first 200).
    private const int WarmUp = 300;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Returns the delays; null where the case is not to be had of this build.</summary>
    /// <exception cref="RunFailedException">A process has ended, or records were left.</exception>
    public async Task<Delays?> RunAsync(CancellationToken stopping)
    {
        var address = await database.CreateAsync();
        try
        {
            var order = new ChildOrder(ChildOrder.OwnProgram, ChildOrder.Product, Workload.Stamps, address) { Wakes = one.Wakes };
            await Child.RunAsync(order with { What = ChildOrder.Prepare }, stopping);
            if (one.Wakes && !await database.HasTriggerAsync()) return null;
            await using var members = await Members.StartReadyAsync(
                database, order, one.Processes, LatencyCase.Workers, stopping);
            await using var connection = await database.OpenAsync();
            var committed = await InsertAsync(connection, Workload.Insert, WarmUp + samples, new Pauses(random), members.CheckAsync, stopping);
            await members.UntilAsync(
                async () => !await BenchDatabase.IsAnyOpenAsync(connection), "all records have ended", Patience, stopping);
            await members.StopAsync(stopping);
            var begun = await ReadAsync(connection, stopping);
            return Delays.Of([.. committed.Skip(WarmUp).Select((at, i) => Milliseconds(at, begun.GetValueOrDefault(WarmUp + i + 1)))]);
        }
        finally
        {
            await database.DropAsync();
        }
    }

    /// <summary>Returns the clock after each commit; the keys are 1, 2, 3 and so on.</summary>
    /// <param name="connection">Where to.</param>
    /// <param name="text">The statement that adds <c>@value</c>.</param>
    /// <param name="count">How many are added.</param>
    /// <param name="pauses">The time between them.</param>
    /// <param name="check">Called now and then: whether whoever shall work still does.</param>
    /// <param name="stopping">Gives up.</param>
    public static async Task<List<long>> InsertAsync(
        DbConnection connection, string text, int count, Pauses pauses, Func<Task> check, CancellationToken stopping)
    {
        await using var insert = connection.CreateCommand();
        insert.CommandText = text;
        var value = insert.CreateParameter();
        value.ParameterName = "value";
        value.Value = 0L;
        insert.Parameters.Add(value);
        await insert.PrepareAsync(stopping);
        var committed = new List<long>();
        while (committed.Count < count)
        {
            await pauses.WaitAsync(stopping);
            value.Value = committed.Count + 1L;
            // A transaction of its own: when this returns, the server has said that it is committed.
            await insert.ExecuteNonQueryAsync(stopping);
            committed.Add(Stopwatch.GetTimestamp());
            if (committed.Count % WarmUp == 0) await check();
        }
        return committed;
    }

    private static async Task<Dictionary<long, long>> ReadAsync(DbConnection connection, CancellationToken stopping)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT value, begun FROM {Workload.Table} WHERE begun IS NOT NULL";
        await using var reader = await command.ExecuteReaderAsync(stopping);
        var begun = new Dictionary<long, long>();
        while (await reader.ReadAsync(stopping)) begun[reader.GetInt64(0)] = reader.GetInt64(1);
        return begun;
    }

    private static double? Milliseconds(long committed, long begun) =>
        begun == 0 ? null : Stopwatch.GetElapsedTime(committed, begun).TotalMilliseconds;
}
