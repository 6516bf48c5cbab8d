using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;
using Pampa.Storage;

namespace Pampa.Tests.Fixtures;

/// <summary>Which engine a test runs on, and as which dialect.</summary>
internal enum Engine
{
    Sqlite,
    PostgreSql,

    /// <summary>PostgreSQL as if it were CockroachDB: serializable, nothing skipped.</summary>
    Portable,

    /// <summary>The same at read committed, where a statement goes on with the newest version of a row that it waited for.</summary>
    ReadCommitted,
}

/// <summary>A database of one test, with the control tables, a table of the test's own, and a clock in the test's hand.</summary>
internal abstract class TestDatabase : IAsyncDisposable
{
    public abstract Database Database { get; }

    public abstract TestClock Clock { get; }

    public DbDataSource Source => Database.Source;

    public bool IsSqlite => Database.Dialect is SqliteDialect;

    /// <summary>Makes a database; without a profile it is empty but for the clock.</summary>
    public static Task<TestDatabase> CreateAsync(Engine engine, TableProfile? profile, Func<string, string>? rewrite = null) =>
        engine == Engine.Sqlite ? SqliteTestDatabase.MakeAsync(profile, rewrite) : PostgresTestDatabase.MakeAsync(engine, profile, rewrite);

    /// <summary>Whether the test has changed more than rows, so that emptying its tables would not make the database new.</summary>
    protected bool HasOtherTables { get; private set; }

    public abstract ValueTask DisposeAsync();

    public async Task ExecuteAsync(string text)
    {
        HasOtherTables |= !text.StartsWith("INSERT", StringComparison.Ordinal) && !text.StartsWith("UPDATE", StringComparison.Ordinal);
        await using var connection = await Source.OpenConnectionAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        await command.ExecuteNonQueryAsync();
    }

    public async Task<List<object?[]>> ReadAsync(string text)
    {
        await using var connection = await Source.OpenConnectionAsync();
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

    public async Task<T> ScalarAsync<T>(string text) =>
        (T)Convert.ChangeType((await ReadAsync(text))[0][0]!, typeof(T), System.Globalization.CultureInfo.InvariantCulture);

    private protected static async Task PrepareAsync(Database database, TableProfile? profile)
    {
        if (profile is null) return;
        await new Schema(database).CreateControlTablesAsync(CancellationToken.None);
        foreach (var statement in profile.Create) await database.ExecuteAsync(new Statement(statement), CancellationToken.None);
    }

    private sealed class SqliteTestDatabase : TestDatabase
    {
        private readonly string folder;

        private SqliteTestDatabase(string folder, Func<string, string>? rewrite)
        {
            this.folder = folder;
            Clock = new TestClock(_ => Task.CompletedTask);
            var source = new SqliteDataSource($"Data Source={Path.Combine(folder, "test.db")}")
            {
                Opened = connection =>
                {
                    // As handlers' transactions have it, which do not see through what tests put around it.
                    connection.DefaultTimeout = -1;
                    connection.CreateFunction("pampa_test_now", () => Clock.Text);
                    using var fast = connection.CreateCommand();
                    fast.CommandText = "PRAGMA synchronous = OFF";
                    fast.ExecuteNonQuery();
                },
            };
            Database = new Database(source, new SqliteDialect(TestClock.Sql), TimeProvider.System, new Random(1)) { Rewrite = rewrite };
        }

        public override Database Database { get; }

        public override TestClock Clock { get; }

        public static async Task<TestDatabase> MakeAsync(TableProfile? profile, Func<string, string>? rewrite)
        {
            var made = new SqliteTestDatabase(Directory.CreateTempSubdirectory("pampa-sqlite-").FullName, rewrite);
            await PrepareAsync(made.Database, profile);
            return made;
        }

        public override async ValueTask DisposeAsync()
        {
            await Database.DisposeAsync();
            using (var pooled = new SqliteConnection(Source.ConnectionString)) SqliteConnection.ClearPool(pooled);
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed class PostgresTestDatabase : TestDatabase
    {
        private const string ClockSql = """
            CREATE TABLE pampa_test_clock (at timestamptz NOT NULL);
            CREATE FUNCTION pampa_test_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM public.pampa_test_clock';
            INSERT INTO pampa_test_clock VALUES ('2030-01-01T00:00:00Z');
            """;

        // To make and drop a database takes ten times as long as the test that needs it: those that are as good as new are used again.
        private static readonly ConcurrentDictionary<string, ConcurrentBag<(string Name, DbDataSource Source)>> Spare = [];
        private static readonly Dictionary<string, Task<string>> Templates = [];
        private readonly PostgresCluster.Server server;
        private readonly string name;
        private readonly TableProfile? profile;

        private readonly Engine engine;

        private PostgresTestDatabase(
            PostgresCluster.Server server, string name, DbDataSource? source, Engine engine, TableProfile? profile, Func<string, string>? rewrite)
        {
            this.engine = engine;
            this.server = server;
            this.name = name;
            this.profile = profile;
            Dialect dialect = engine is Engine.Portable or Engine.ReadCommitted ? new CockroachDbDialect(TestClock.Sql) : new PostgreSqlDialect(TestClock.Sql);
            var settings = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name };
            if (engine == Engine.Portable) settings.Options = "-c default_transaction_isolation=serializable";
            source ??= dialect.Open(settings.ConnectionString, "pampa-test", 40);
            Database = new Database(source, dialect, TimeProvider.System, new Random(1)) { Rewrite = rewrite };
            Clock = new TestClock(now => ExecuteAsync($"UPDATE pampa_test_clock SET at = {TableProfile.Literal(now)}"));
        }

        public override Database Database { get; }

        public override TestClock Clock { get; }

        public static async Task<TestDatabase> MakeAsync(Engine engine, TableProfile? profile, Func<string, string>? rewrite)
        {
            var server = await PostgresCluster.GetAsync();
            if (profile is not null && Spare.TryGetValue($"{engine} {profile.Name}", out var spare) && spare.TryTake(out var used))
                return new PostgresTestDatabase(server, used.Name, used.Source, engine, profile, rewrite);
            var template = await TemplateAsync(server, profile);
            return new PostgresTestDatabase(server, await NewAsync(server, template), null, engine, profile, rewrite);
        }

        private static async Task<string> NewAsync(PostgresCluster.Server server, string template)
        {
            var name = $"pampa_test_{Guid.NewGuid():N}";
            server.Databases.Add(name);
            await AdminAsync(server, $"CREATE DATABASE {name} TEMPLATE {template}");
            return name;
        }

        private static Task<string> TemplateAsync(PostgresCluster.Server server, TableProfile? profile)
        {
            lock (Templates)
            {
                var key = profile?.Name ?? "";
                if (!Templates.TryGetValue(key, out var template)) Templates[key] = template = MakeTemplateAsync(server, profile);
                return template;
            }
        }

        private static async Task<string> MakeTemplateAsync(PostgresCluster.Server server, TableProfile? profile)
        {
            var name = await NewAsync(server, "template0");
            var made = new PostgresTestDatabase(server, name, null, Engine.PostgreSql, profile, null);
            await made.ExecuteAsync(ClockSql);
            await PrepareAsync(made.Database, profile);
            // Closed, not dropped: a template must have no sessions.
            await made.Database.DisposeAsync();
            return name;
        }

        public override async ValueTask DisposeAsync()
        {
            if (profile is not null && !HasOtherTables)
            {
                string[] tables = ["pampa_lease", "pampa_worker", "pampa_job", "pampa_handover", "pampa_setup", "pampa_load", profile.Table];
                await ExecuteAsync($"UPDATE pampa_test_clock SET at = {TableProfile.Literal(TestClock.Begin)}; "
                    + string.Join("; ", tables.Select(t => $"DELETE FROM {t}")));
                Spare.GetOrAdd($"{engine} {profile.Name}", _ => []).Add((name, Source));
                return;
            }
            await Database.DisposeAsync();
            // A private server goes away as a whole; to drop costs a checkpoint.
            if (server.Own is null) await AdminAsync(server, $"DROP DATABASE {name} WITH (FORCE)");
        }

        private static Task AdminAsync(PostgresCluster.Server server, string text) => server.ExecuteAsync(text);
    }
}
