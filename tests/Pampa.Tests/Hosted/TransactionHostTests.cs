using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Pampa.Tests.Hosted;

/// <summary>Handlers with transactions beside a whole engine, on a SQLite file, which has one lock for all that write.</summary>
public sealed class TransactionHostTests : IDisposable
{
    private const int Records = 200;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-transaction-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static async Task<object?> AskAsync(DbConnection connection, DbTransaction? transaction, string text)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = text;
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Until the process has renewed the leases of its workers.</summary>
    private static async Task UntilBeatAsync(PampaTask task)
    {
        await using var connection = await task.Database.OpenConnectionAsync(task.CancellationToken);
        const string heartbeat = "SELECT max(heartbeat_at) FROM pampa_worker";
        var before = await AskAsync(connection, null, heartbeat);
        while (Equals(before, await AskAsync(connection, null, heartbeat)))
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, task.CancellationToken);
    }

    [Fact]
    public async Task On_sqlite_workers_with_transactions_neither_stop_each_other_nor_the_engine()
    {
        var waited = new ConcurrentDictionary<string, bool>();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration["Pampa:Database"] = Path.Combine(folder, "test.db");
        builder.Services.AddPampa(pampa =>
        {
            pampa.Workers = 4;
            pampa.WorkerLease = TimeSpan.FromSeconds(3);
            pampa.Setup(
                "CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean)",
                "CREATE TABLE IF NOT EXISTS effects (task bigint NOT NULL, seen bigint NOT NULL)",
                $"INSERT INTO numbers (value) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {Records}) SELECT v FROM n");
            pampa.AddJob("numbers", "numbers", "value", job => job.ProcessInTransaction(async (task, connection, transaction) =>
            {
                // Read first, so that whoever writes meanwhile gets in the way.
                var seen = await AskAsync(connection, transaction, "SELECT count(*) FROM effects");
                if (task.Get<long>("value") <= 4 && waited.TryAdd(task.Key, true)) await UntilBeatAsync(task);
                await AskAsync(connection, transaction, $"INSERT INTO effects VALUES ({task.Key}, {seen})");
                task["is_odd"] = task.Get<long>("value") % 2 != 0;
            }));
        });
        using var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        using var deadline = new CancellationTokenSource(Patience);
        while ((await cluster.ReportAsync("numbers", exact: true, deadline.Token)).Completed < Records)
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, deadline.Token);
        await host.StopAsync(TestContext.Current.CancellationToken);

        await using var source = new Storage.SqliteDialect().Open($"Data Source={Path.Combine(folder, "test.db")};Pooling=False", "test", 1);
        await using var connection = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        Assert.Equal((long)Records, await AskAsync(connection, null, "SELECT count(*) FROM effects"));
        // Each saw all that were before it.
        Assert.Equal((long)Records, await AskAsync(connection, null, "SELECT count(DISTINCT seen) FROM effects"));
        Assert.Equal((long)Records, await AskAsync(connection, null, "SELECT count(*) FROM numbers WHERE numbers_reservation_times = 1"));
        Assert.Equal(4, waited.Count);
    }
}
