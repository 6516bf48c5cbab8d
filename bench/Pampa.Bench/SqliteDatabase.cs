using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Pampa.Bench;

internal sealed class SqliteDatabase : BenchDatabase
{
    private string folder = "";

    public override string Name => "SQLite";

    // One writer at a time: a second connection could only wait.
    public override IReadOnlyList<int> RawConnections => [1];

    public override async Task<string> DescribeAsync()
    {
        await using var connection = new SqliteConnection("Data Source=:memory:");
        await connection.OpenAsync();
        var version = (await RowAsync(connection, "SELECT sqlite_version()"))[0];
        return $"SQLite {version}, journal_mode WAL, synchronous NORMAL";
    }

    public override Task<string> CreateAsync()
    {
        folder = Directory.CreateTempSubdirectory("pampa-bench-").FullName;
        return Task.FromResult($"sqlite:{Path.Combine(folder, "bench.db")}");
    }

    public override Task DropAsync()
    {
        Directory.Delete(folder, recursive: true);
        return Task.CompletedTask;
    }

    public override async Task LoadAsync(int size)
    {
        await using var connection = await OpenAsync();
        await ExecuteAsync(connection, $"""
            INSERT INTO {Table} (value)
            WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {size})
            SELECT value FROM n
            """);
    }

    // The client's process is the server too; the size of its journal says nothing, for it is written over and over.
    public override Task<ServerUse> ReadUseAsync() => Task.FromResult(new ServerUse(0, null, null));

    public override async Task<TableFacts> ReadFactsAsync(Workload workload)
    {
        await using var connection = await OpenAsync();
        var right = await RowAsync(connection, CountRight(workload));
        var records = Whole(right[0]);
        async Task<double> EndedAsync(double share)
        {
            var at = Math.Clamp((long)(records * share) - 1, 0, records - 1);
            return await SecondsAsync(
                connection, $"SELECT {Prefix}_end_time FROM {Table} ORDER BY 1 LIMIT 1 OFFSET {at}");
        }
        var first = await SecondsAsync(connection, $"SELECT min({Prefix}_start_time) FROM {Table}");
        var steady = await EndedAsync(0.9) - await EndedAsync(0.1);
        return new TableFacts(records, Whole(right[1]), await EndedAsync(1) - first, steady);
    }

    private static async Task<double> SecondsAsync(DbConnection connection, string time)
    {
        var row = await RowAsync(connection, $"SELECT unixepoch(({time}), 'subsec')");
        return row[0] is DBNull ? 0 : Real(row[0]);
    }

    public override async Task<DbConnection> OpenAsync()
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "bench.db")};Pooling=False");
        await connection.OpenAsync();
        await ExecuteAsync(connection, "PRAGMA busy_timeout = 10000");
        return connection;
    }
}
