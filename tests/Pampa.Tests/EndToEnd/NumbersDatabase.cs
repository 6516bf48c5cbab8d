using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Npgsql;
using Pampa.Chaos.Wire;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.EndToEnd;

/// <summary>The database of a program that runs: how the program is told, and what a test sees in its table.</summary>
internal sealed class NumbersDatabase : IAsyncDisposable
{
    private readonly DbDataSource? source;
    private readonly TestDatabase? server;

    private NumbersDatabase(string[] arguments, (string, string)[] environment, string file, TestDatabase? server)
    {
        Arguments = arguments;
        Environment = environment;
        this.server = server;
        source = server?.Own ?? SqliteFactory.Instance.CreateDataSource($"Data Source={file}");
    }

    public static NumbersDatabase Sqlite(string folder)
    {
        var file = Path.Combine(folder, "numbers.db");
        return new NumbersDatabase(["--db", file], [], file, null);
    }

    public static async Task<NumbersDatabase> PostgreSqlAsync()
    {
        var server = await TestDatabase.CreateAsync(Fixtures.Engine.PostgreSql, null);
        return new NumbersDatabase([], [("PAMPA_DATABASE_URL", Url(server.Source.ConnectionString))], "", server);
    }

    /// <summary>
    /// One that passes for a CockroachDB, reached by an address of PostgreSQL's kind; or a database of a real one, where one is given.
    /// </summary>
    public static async Task<NumbersDatabase> CockroachAsync(CockroachFaults faults)
    {
        var server = await TestDatabase.CreateAsync(Fixtures.Engine.Portable, null);
        var cluster = await PostgresCluster.GetAsync(Fixtures.Engine.Portable);
        var name = new NpgsqlConnectionStringBuilder(server.Source.ConnectionString).Database;
        var settings = new NpgsqlConnectionStringBuilder(cluster.ConnectionString) { Database = name };
        PostgresCluster.AddOption(settings, "default_transaction_isolation=serializable");
        var proxy = PostgresCluster.CockroachUrl is null ? PostgresCluster.Proxy(cluster, new Cockroach { Faults = faults }) : null;
        if (proxy is not null) (settings.Host, settings.Port) = ("127.0.0.1", proxy.Port);
        return new NumbersDatabase([], [("PAMPA_DATABASE_URL", settings.ConnectionString)], "", server) { Proxy = proxy };
    }

    /// <summary>What stands before the server; null: nothing.</summary>
    public Proxy? Proxy { get; private init; }

    public static string Url(string settings, string? user = null)
    {
        var s = new NpgsqlConnectionStringBuilder(settings);
        return $"postgres://{user ?? s.Username}@{s.Host}:{s.Port.ToString(CultureInfo.InvariantCulture)}/{s.Database}";
    }

    /// <summary>PostgreSQL in the manner of CockroachDB: serializable, and with the statements that are for that one.</summary>
    public static async Task<NumbersDatabase> PortableAsync()
    {
        var server = await TestDatabase.CreateAsync(Fixtures.Engine.Portable, null);
        var url = Url(server.Source.ConnectionString).Replace("postgres://", "cockroachdb://", StringComparison.Ordinal);
        return new NumbersDatabase([], [("PAMPA_DATABASE_URL", $"{url}?sslmode=disable&Options=-c%20default_transaction_isolation%3Dserializable")], "", server);
    }

    public static async Task<NumbersDatabase> CreateAsync(Fixtures.Engine engine, ProgramFixture programs) => engine switch
    {
        Fixtures.Engine.Sqlite => Sqlite(programs.NewFolder()),
        Fixtures.Engine.PostgreSql => await PostgreSqlAsync(),
        Fixtures.Engine.Portable => await PortableAsync(),
        _ => throw new ArgumentOutOfRangeException(nameof(engine), engine, null),
    };

    public static Task<NumbersDatabase> CreateAsync(bool onSqlite, ProgramFixture programs) =>
        CreateAsync(onSqlite ? Fixtures.Engine.Sqlite : Fixtures.Engine.PostgreSql, programs);

    public string[] Arguments { get; }

    /// <summary>The connection string of a server's database.</summary>
    public string Settings => source!.ConnectionString;

    public (string Name, string Value)[] Environment { get; }

    public async Task ExecuteAsync(string text)
    {
        await using var connection = await source!.OpenConnectionAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        await command.ExecuteNonQueryAsync();
    }

    public async Task<List<object?[]>> ReadAsync(string text)
    {
        await using var connection = await source!.OpenConnectionAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<object?[]>();
        while (await reader.ReadAsync())
        {
            var row = new object?[reader.FieldCount];
            for (var i = 0; i < row.Length; i++) row[i] = await reader.IsDBNullAsync(i) ? null : reader.GetValue(i);
            rows.Add(row);
        }
        return rows;
    }

    /// <summary>How many numbers are as the condition says; 0 while there is no such table or column yet.</summary>
    public async Task<long> CountAsync(string where, string table = "numbers")
    {
        try
        {
            return Convert.ToInt64((await ReadAsync($"SELECT count(*) FROM {table} WHERE {where}"))[0][0], CultureInfo.InvariantCulture);
        }
        catch (DbException)
        {
            return 0;
        }
    }

    public const string Completed = "odd_checking_end_time IS NOT NULL AND odd_checking_success";
    public const string Running = "odd_checking_start_time IS NOT NULL AND odd_checking_end_time IS NULL";

    /// <summary>All hundred thousand are completed, and rightly.</summary>
    public async Task AllAreRightAsync()
    {
        Assert.Equal(100_000, await CountAsync(Completed));
        Assert.Equal(100_000, await CountAsync("is_odd = (value % 2 <> 0)"));
    }

    public async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        if (server is not null) await server.DisposeAsync();
        else SqliteConnection.ClearAllPools();
    }
}
