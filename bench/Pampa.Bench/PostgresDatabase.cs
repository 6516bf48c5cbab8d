using System.Data.Common;
using Npgsql;

namespace Pampa.Bench;

internal sealed class PostgresDatabase(PostgresServer server) : BenchDatabase
{
    private int? postmaster;
    private string? name;

    public override string Name => "PostgreSQL";

    // Commits wait for the disk: with one connection a processor may stand idle meanwhile.
    public override IReadOnlyList<int> RawConnections => [1, 2];

    private string Settings => new NpgsqlConnectionStringBuilder(server.Settings) { Database = name }.ConnectionString;

    /// <summary>On a server of this run's own, or on another one.</summary>
    public static async Task<PostgresDatabase> StartAsync(string? address) => new(address is null
        ? await PostgresServer.StartAsync()
        : PostgresServer.Existing(Workload.PostgresSettings(address)));

    public override async Task<string> DescribeAsync()
    {
        await using var connection = await OpenAsync(server.Settings);
        string[] settings =
        [
            "server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "autovacuum",
            "shared_buffers", "max_wal_size", "checkpoint_timeout", "jit",
        ];
        var columns = string.Join(", ", settings.Select(s => $"current_setting('{s}')"));
        var row = await RowAsync(connection, $"SELECT {columns}");
        var backend = (int)(await RowAsync(connection, "SELECT pg_backend_pid()"))[0];
        postmaster = ServerCpu.PostmasterOf(backend);
        var pairs = settings.Skip(1).Zip(row.Skip(1)).Select(s => $"{s.First} {s.Second}");
        return $"PostgreSQL {row[0]}, {string.Join(", ", pairs)}"
            + (postmaster is null ? "; its processes are not to be seen here: no server CPU" : "");
    }

    /// <summary>The server's processor time; null where its processes are not to be seen.</summary>
    public double? CpuSeconds => postmaster is { } id ? ServerCpu.Seconds(id) : null;

    /// <summary>The address for a client that shall be known to the server by a name.</summary>
    public static string Named(string address, string client) =>
        new NpgsqlConnectionStringBuilder(address) { ApplicationName = client }.ConnectionString;

    public override async Task<string> CreateAsync()
    {
        name = $"pampa_bench_{Guid.NewGuid():N}";
        await using var connection = await OpenAsync(server.Settings);
        // Before the load and not after: then the first change of a page in the run needs no full image of it.
        await ExecuteAsync(connection, "CHECKPOINT");
        await ExecuteAsync(connection, $"CREATE DATABASE {name}");
        return Settings;
    }

    public override async Task DropAsync()
    {
        await using var connection = await OpenAsync(server.Settings);
        await ExecuteAsync(connection, $"DROP DATABASE {name} WITH (FORCE)");
    }

    public override Task LoadAsync(int size) => LoadAsync(size, after: 0);

    /// <summary>Puts so many records behind a key into the table.</summary>
    public async Task LoadAsync(int size, int after)
    {
        await using var connection = await OpenAsync();
        await ExecuteAsync(connection, $"INSERT INTO {Table} (value) SELECT generate_series({after + 1}, {after + size})");
    }

    /// <summary>
    /// Puts records into the table that are not to be worked on now: one half has ended, the other is scheduled for
    /// tomorrow. The table is tidied up, so that the server does not do that while it is looked at.
    /// </summary>
    public async Task LoadSettledAsync(int size)
    {
        await using var connection = await OpenAsync();
        await ExecuteAsync(connection, $"""
            INSERT INTO {Table} (value, {Prefix}_reservation_id, {Prefix}_reservation_time, {Prefix}_reservation_times,
              {Prefix}_start_time, {Prefix}_end_time, {Prefix}_success)
            SELECT n, 'n1.1', now(), 1, now(), now(), TRUE FROM generate_series(1, {size / 2}) AS n
            """);
        await ExecuteAsync(connection, $"""
            INSERT INTO {Table} (value, {Prefix}_reservation_time)
            SELECT n, now() + interval '1 day' FROM generate_series({size / 2 + 1}, {size}) AS n
            """);
        await ExecuteAsync(connection, $"VACUUM (ANALYZE) {Table}");
        await ExecuteAsync(connection, "CHECKPOINT");
    }

    /// <summary>
    /// Puts the records 1 to count into the table, which ended long ago, as most of a table in production have: the last tenth of them by an
    /// UPDATE, so that the index has had them.
    /// </summary>
    public async Task LoadEndedAsync(int count)
    {
        if (count == 0) return;
        await using var connection = await OpenAsync();
        var inserted = count - count / 10;
        const string state = $"{Prefix}_reservation_id, {Prefix}_reservation_time, {Prefix}_reservation_times, {Prefix}_start_time, {Prefix}_end_time, {Prefix}_success";
        const string ended = "'n1.1', now(), 1, now(), now(), TRUE";
        await ExecuteAsync(connection, $"INSERT INTO {Table} (value, {state}) SELECT n, {ended} FROM generate_series(1, {inserted}) AS n");
        await ExecuteAsync(connection, $"INSERT INTO {Table} (value) SELECT generate_series({inserted + 1}, {count})");
        await ExecuteAsync(connection, $"UPDATE {Table} SET ({state}) = ROW ({ended}) WHERE {Prefix}_end_time IS NULL");
        await ExecuteAsync(connection, $"VACUUM (ANALYZE) {Table}");
        await ExecuteAsync(connection, "CHECKPOINT");
    }

    /// <summary>
    /// Puts the records 1 to count into the table, as they are after a month of work: a hundredth of those that have ended has failed, by errors
    /// of four kinds and a few of a fifth, the oldest; the last hundredth of all is open, a third of it scheduled.
    /// </summary>
    public async Task LoadMonthAsync(int count)
    {
        await using var connection = await OpenAsync();
        var (ended, due) = (count - count / 100, count - count / 300);
        await ExecuteAsync(connection, $"""
            INSERT INTO {Table} (value, is_odd, {Prefix}_reservation_id, {Prefix}_reservation_time, {Prefix}_reservation_times, {Prefix}_start_time,
              {Prefix}_end_time, {Prefix}_success, {Prefix}_error_description)
            SELECT n, n % 2 <> 0, 'n1.' || n % 10 + 1, t, CASE WHEN n % 100 = 0 THEN 3 ELSE 1 END, t, t + interval '20 ms', n % 100 <> 0,
              CASE WHEN n % 100 <> 0 THEN NULL WHEN n <= 500 THEN 'number ' || n || ': the printer is on fire' ELSE
                (ARRAY['HTTP 503 from https://shop.example/numbers/' || n, 'Password=secret' || n || ': the server did not answer', 'number ' || n || ' has no owner',
                  'time-out after ' || n % 3000 || ' ms' || repeat(E'\n   at Shop.Numbers.Check(Int64 value)', 8)])[n / 100 % 4 + 1] END
            FROM (SELECT n, now() - ({ended} - n) * interval '30 days' / {ended} AS t FROM generate_series(1, {ended}) AS n) AS s
            """);
        await ExecuteAsync(connection, $"INSERT INTO {Table} (value) SELECT generate_series({ended + 1}, {due})");
        await ExecuteAsync(connection, $"""
            INSERT INTO {Table} (value, {Prefix}_reservation_time) SELECT n, now() + interval '1 day' FROM generate_series({due + 1}, {count}) AS n
            """);
        foreach (var statement in Workload.Past) await ExecuteAsync(connection, statement);
        await ExecuteAsync(connection, "VACUUM (ANALYZE)");
        await ExecuteAsync(connection, "CHECKPOINT");
    }

    /// <summary>Whether the table has a trigger, so that an INSERT can wake somebody.</summary>
    public async Task<bool> HasTriggerAsync()
    {
        await using var connection = await OpenAsync();
        return (await RowAsync(connection,
            $"SELECT tgname FROM pg_trigger WHERE tgrelid = '{Table}'::regclass AND NOT tgisinternal LIMIT 1")).Length > 0;
    }

    /// <summary>Connections to the database by the clients' names.</summary>
    public static async Task<Dictionary<string, int>> ReadConnectionsAsync(DbConnection connection)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = """
            SELECT application_name, count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY application_name
            """;
        await using var reader = await command.ExecuteReaderAsync();
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        while (await reader.ReadAsync()) counts[reader.GetString(0)] = (int)reader.GetInt64(1);
        return counts;
    }

    public override async Task<ServerUse> ReadUseAsync()
    {
        await using var connection = await OpenAsync(server.Settings);
        var row = await RowAsync(connection, $"""
            SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, xact_commit
            FROM pg_stat_database WHERE datname = '{name}'
            """);
        return new ServerUse(CpuSeconds, Whole(row[0]), Whole(row[1]));
    }

    public override async Task<TableFacts> ReadFactsAsync(Workload workload)
    {
        await using var connection = await OpenAsync();
        var right = await RowAsync(connection, CountRight(workload));
        var times = await RowAsync(connection, $"""
            SELECT extract(epoch FROM max({Prefix}_end_time) - min({Prefix}_start_time)),
              extract(epoch FROM percentile_disc(0.9) WITHIN GROUP (ORDER BY {Prefix}_end_time)
                - percentile_disc(0.1) WITHIN GROUP (ORDER BY {Prefix}_end_time))
            FROM {Table}
            """);
        return new TableFacts(Whole(right[0]), Whole(right[1]), Real(times[0]), Real(times[1]));
    }

    /// <summary>Counts the records that ended as they should.</summary>
    public async Task<long> CountRightAsync(Workload workload)
    {
        await using var connection = await OpenAsync();
        return Whole((await RowAsync(connection, CountRight(workload)))[1]);
    }

    /// <summary>Gives the planner what a table in production has.</summary>
    public async Task AnalyzeAsync()
    {
        await using var connection = await OpenAsync();
        await ExecuteAsync(connection, "ANALYZE");
    }

    public override Task<DbConnection> OpenAsync() => OpenAsync(Settings);

    // Without a pool: an idle connection would keep a database from being dropped, and its statistics from being told.
    private static async Task<DbConnection> OpenAsync(string settings)
    {
        var builder = new NpgsqlConnectionStringBuilder(settings) { Pooling = false };
        var connection = new NpgsqlConnection(builder.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    public override async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await base.DisposeAsync();
    }
}
