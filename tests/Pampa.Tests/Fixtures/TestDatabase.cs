using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;
using Pampa.Chaos.Wire;
using Pampa.Storage;

namespace Pampa.Tests.Fixtures;

/// <summary>Which engine a test runs on, and as which dialect.</summary>
internal enum Engine
{
    Sqlite,
    PostgreSql,

    /// <summary>PostgreSQL as if it were CockroachDB: serializable, behind a proxy that refuses what CockroachDB has not.</summary>
    Portable,

    /// <summary>The same at read committed, where a statement goes on with the newest version of a row that it waited for.</summary>
    ReadCommitted,

    /// <summary>The same, and one statement of five has to be repeated.</summary>
    Restarting,
}

/// <summary>What is said of engines.</summary>
internal static class EngineExtensions
{
    /// <summary>Whether it is CockroachDB, or shall pass for it.</summary>
    public static bool IsCockroach(this Engine engine) => engine is Engine.Portable or Engine.ReadCommitted or Engine.Restarting;
}

/// <summary>A database of one test, with the control tables, a table of the test's own, and a clock in the test's hand.</summary>
internal abstract class TestDatabase : IAsyncDisposable
{
    public abstract Database Database { get; }

    public abstract TestClock Clock { get; }

    /// <summary>As the product reaches it.</summary>
    public DbDataSource Source => Database.Source;

    /// <summary>As the test itself does: past all that stands in between.</summary>
    public virtual DbDataSource Own => Database.Source;

    public bool IsSqlite => Database.Dialect is SqliteDialect;

    /// <summary>Makes a database; without a profile it is empty but for the clock.</summary>
    public static Task<TestDatabase> CreateAsync(Engine engine, TableProfile? profile, Func<string, string>? rewrite = null) =>
        engine == Engine.Sqlite ? SqliteTestDatabase.MakeAsync(profile, rewrite) : PostgresTestDatabase.MakeAsync(engine, profile, rewrite);

    /// <summary>Whether the test has changed more than rows, so that emptying its tables would not make the database new.</summary>
    private protected bool HasOtherTables { get; set; }

    public abstract ValueTask DisposeAsync();

    public async Task ExecuteAsync(string text)
    {
        HasOtherTables |= !text.StartsWith("INSERT", StringComparison.Ordinal) && !text.StartsWith("UPDATE", StringComparison.Ordinal);
        await using var connection = await Own.OpenConnectionAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        await command.ExecuteNonQueryAsync();
    }

    public async Task<List<object?[]>> ReadAsync(string text)
    {
        await using var connection = await Own.OpenConnectionAsync();
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
        private static readonly string[] ClockSql =
        [
            "CREATE TABLE pampa_test_clock (at timestamptz NOT NULL)",
            "CREATE FUNCTION pampa_test_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM public.pampa_test_clock'",
            "INSERT INTO pampa_test_clock VALUES ('2030-01-01T00:00:00Z')",
        ];

        // To make and drop a database takes ten times as long as the test that needs it: those that are as good as new are used again.
        private static readonly ConcurrentDictionary<string, ConcurrentBag<Made>> Spare = [];
        private static readonly Dictionary<string, Task<string>> Templates = [];
        private readonly PostgresCluster.Server server;
        private readonly Made made;
        private readonly TableProfile? profile;
        private readonly Engine engine;
        private readonly Proxy? proxy;
        private readonly int refusedBefore;

        /// <summary>A database, and the two ways to it.</summary>
        private sealed record Made(string Name, DbDataSource Source, DbDataSource Own);

        private PostgresTestDatabase(PostgresCluster.Server server, Made made, Engine engine, TableProfile? profile, Func<string, string>? rewrite)
        {
            this.engine = engine;
            this.server = server;
            this.made = made;
            this.profile = profile;
            proxy = PostgresCluster.ProxyOf(engine, server);
            refusedBefore = Refused.Count();
            Database = new Database(made.Source, DialectOf(engine), TimeProvider.System, new Random(1)) { Rewrite = rewrite };
            Clock = new TestClock(now => ExecuteAsync($"UPDATE pampa_test_clock SET at = {TableProfile.Literal(now)}"));
        }

        private static PostgreSqlDialect DialectOf(Engine engine) =>
            engine.IsCockroach() ? new CockroachDbDialect(TestClock.Sql) : new PostgreSqlDialect(TestClock.Sql);

        private IEnumerable<string> Refused =>
            proxy is null ? [] : proxy.Cockroach!.Refused.Where(r => r.Database == made.Name).Select(r => $"{r.Why}: {r.Text}");

        public override Database Database { get; }

        public override TestClock Clock { get; }

        public override DbDataSource Own => made.Own;

        private static Made Open(PostgresCluster.Server server, string name, Engine engine)
        {
            var settings = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name };
            var own = DialectOf(engine).OpenPlain(settings.ConnectionString, "pampa-test-own", 40);
            if (engine is Engine.Portable or Engine.Restarting) PostgresCluster.AddOption(settings, "default_transaction_isolation=serializable");
            if (PostgresCluster.ProxyOf(engine, server) is { } proxy) (settings.Host, settings.Port) = ("127.0.0.1", proxy.Port);
            else if (engine == Engine.Restarting) PostgresCluster.AddOption(settings, "inject_retry_errors_enabled=true");
            return new Made(name, DialectOf(engine).Open(settings.ConnectionString, "pampa-test", 40), own);
        }

        public static async Task<TestDatabase> MakeAsync(Engine engine, TableProfile? profile, Func<string, string>? rewrite)
        {
            var server = await PostgresCluster.GetAsync(engine);
            if (profile is not null && Spare.TryGetValue($"{engine} {profile.Name}", out var spare) && spare.TryTake(out var used))
                return new PostgresTestDatabase(server, used, engine, profile, rewrite);
            if (engine.IsCockroach() && PostgresCluster.CockroachUrl is not null)
                return await MakePreparedAsync(server, "", engine, profile, rewrite);
            var template = await TemplateAsync(server, profile);
            var made = Open(server, await NewAsync(server, $" TEMPLATE {template}"), engine);
            return new PostgresTestDatabase(server, made, engine, profile, rewrite);
        }

        private static async Task<string> NewAsync(PostgresCluster.Server server, string template)
        {
            var name = $"pampa_test_{Guid.NewGuid():N}";
            server.Databases.Add(name);
            await AdminAsync(server, $"CREATE DATABASE {name}{template}");
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
            var made = await MakePreparedAsync(server, " TEMPLATE template0", Engine.PostgreSql, profile, null);
            // Closed, not dropped: a template must have no sessions.
            await made.CloseAsync();
            return made.made.Name;
        }

        private static async Task<PostgresTestDatabase> MakePreparedAsync(
            PostgresCluster.Server server, string template, Engine engine, TableProfile? profile, Func<string, string>? rewrite)
        {
            var made = new PostgresTestDatabase(server, Open(server, await NewAsync(server, template), engine), engine, profile, rewrite);
            foreach (var statement in ClockSql) await made.ExecuteAsync(statement);
            await PrepareAsync(made.Database, profile);
            made.HasOtherTables = false;
            return made;
        }

        private async Task CloseAsync()
        {
            await Database.DisposeAsync();
            await Own.DisposeAsync();
        }

        public override async ValueTask DisposeAsync()
        {
            var refused = Refused.Skip(refusedBefore).ToList();
            if (profile is not null && !HasOtherTables)
            {
                string[] tables = [.. Schema.ControlTableNames, profile.Table];
                await ExecuteAsync($"UPDATE pampa_test_clock SET at = {TableProfile.Literal(TestClock.Begin)}; "
                    + string.Join("; ", tables.Select(t => $"DELETE FROM {t}")));
                Spare.GetOrAdd($"{engine} {profile.Name}", _ => []).Add(made);
            }
            else
            {
                await CloseAsync();
                // A private server goes away as a whole; to drop costs a checkpoint.
                var how = engine.IsCockroach() && proxy is null ? "CASCADE" : "WITH (FORCE)";
                if (server.Own is null) await AdminAsync(server, $"DROP DATABASE {made.Name} {how}");
            }
            Assert.Empty(refused);
        }

        private static Task AdminAsync(PostgresCluster.Server server, string text) => server.ExecuteAsync(text);
    }
}
