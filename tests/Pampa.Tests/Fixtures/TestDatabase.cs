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

    /// <summary>
    /// Makes a database; without a profile it is empty but for the clock. Where there are roles, the product reaches one with a profile as
    /// somebody who has the rights that <c>migrate</c> prints, and no others.
    /// </summary>
    /// <param name="engine">The engine.</param>
    /// <param name="profile">The table.</param>
    /// <param name="rewrite">Changes the statements.</param>
    /// <param name="asOwner">The product reaches it as its owner instead, who may everything.</param>
    /// <param name="template">On a server: the name of one that was frozen, of which this shall be a copy; null: it is new.</param>
    public static Task<TestDatabase> CreateAsync(
        Engine engine, TableProfile? profile, Func<string, string>? rewrite = null, bool asOwner = false, string? template = null) => engine == Engine.Sqlite
        ? SqliteTestDatabase.MakeAsync(profile, rewrite)
        : PostgresTestDatabase.MakeAsync(new Wish(engine, profile, asOwner || profile is null), rewrite, template);

    /// <summary>What kind of database is wanted; those that are the same can stand in for each other.</summary>
    private protected sealed record Wish(Engine Engine, TableProfile? Profile, bool AsOwner)
    {
        public string Key => $"{Engine} {Profile?.Name}{(AsOwner ? " of its owner" : "")}";
    }

    /// <summary>On a server: its name there.</summary>
    public virtual string Name => "";

    /// <summary>The port of what stands before the server and makes it another engine; null: nothing does.</summary>
    public virtual int? Port => null;

    /// <summary>Closes it, so that others can be copies of it, and returns its name. It goes away with the server.</summary>
    public virtual Task<string> FreezeAsync() => throw new NotSupportedException("There are templates on a server only.");

    /// <summary>Who the product is; null: the owner, or nobody is anybody.</summary>
    public virtual string? User => null;

    /// <summary>Gives the product the rights on the table of another job that <c>migrate</c> prints.</summary>
    public virtual Task GrantAsync(JobTable job) => Task.CompletedTask;

    /// <summary>Gives the product what handlers and conditions of a program's own need beside.</summary>
    /// <param name="rights">For example <c>INSERT ON effects</c>.</param>
    public virtual Task GrantOwnAsync(string rights) => Task.CompletedTask;

    /// <summary>Whether the test has changed more than rows, so that emptying its tables would not make the database new.</summary>
    private protected bool HasOtherTables { get; set; }

    public abstract ValueTask DisposeAsync();

    public async Task ExecuteAsync(string text)
    {
        HasOtherTables |= !text.StartsWith("INSERT", StringComparison.Ordinal) && !text.StartsWith("UPDATE", StringComparison.Ordinal);
        await RunAsync(text);
    }

    private protected async Task RunAsync(string text)
    {
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
        // Nothing before it, not even a setting: CockroachDB may want it to be alone.
        foreach (var statement in profile.Create) await database.RunAloneAsync(new Statement(statement), TimeSpan.FromSeconds(30), CancellationToken.None);
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
        private readonly Wish wish;
        private readonly Proxy? proxy;
        private readonly int refusedBefore;

        /// <summary>A database, the two ways to it, and whose the product's is.</summary>
        private sealed record Made(string Name, DbDataSource Source, DbDataSource Own, string? User);

        private PostgresTestDatabase(PostgresCluster.Server server, Made made, Wish wish, Func<string, string>? rewrite)
        {
            this.wish = wish;
            this.server = server;
            this.made = made;
            proxy = PostgresCluster.ProxyOf(wish.Engine, server);
            refusedBefore = Refused.Count();
            Database = new Database(made.Source, DialectOf(wish.Engine), TimeProvider.System, new Random(1)) { Rewrite = rewrite };
            Clock = new TestClock(now => ExecuteAsync($"UPDATE pampa_test_clock SET at = {TableProfile.Literal(now)}"));
        }

        private static PostgreSqlDialect DialectOf(Engine engine) =>
            engine.IsCockroach() ? new CockroachDbDialect(TestClock.Sql) : new PostgreSqlDialect(TestClock.Sql);

        private IEnumerable<string> Refused =>
            proxy is null ? [] : proxy.Cockroach!.Refused.Where(r => r.Database == made.Name).Select(r => $"{r.Why}: {r.Text}");

        public override Database Database { get; }

        public override TestClock Clock { get; }

        public override DbDataSource Own => made.Own;

        private static async Task<Made> OpenAsync(PostgresCluster.Server server, string name, Wish wish)
        {
            var engine = wish.Engine;
            var own = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name };
            var settings = wish.AsOwner ? own : new NpgsqlConnectionStringBuilder((await server.UserAsync()).ConnectionString) { Database = name };
            var ownSource = DialectOf(engine).OpenPlain(own.ConnectionString, "pampa-test-own", 40);
            if (engine is Engine.Portable or Engine.Restarting) PostgresCluster.AddOption(settings, "default_transaction_isolation=serializable");
            // Somebody likes his dates otherwise; CockroachDB lets nobody.
            if (!engine.IsCockroach()) PostgresCluster.AddOption(settings, "datestyle=German");
            if (PostgresCluster.ProxyOf(engine, server) is { } proxy) (settings.Host, settings.Port) = ("127.0.0.1", proxy.Port);
            else if (engine == Engine.Restarting) PostgresCluster.AddOption(settings, "inject_retry_errors_enabled=true");
            return new Made(name, DialectOf(engine).Open(settings.ConnectionString, "pampa-test", 40, keeps: true), ownSource, wish.AsOwner ? null : settings.Username);
        }

        public static async Task<TestDatabase> MakeAsync(Wish wish, Func<string, string>? rewrite, string? template = null)
        {
            var server = await PostgresCluster.GetAsync(wish.Engine);
            if (wish.Profile is not null && Spare.TryGetValue(wish.Key, out var spare) && spare.TryTake(out var used))
                return new PostgresTestDatabase(server, used, wish, rewrite);
            if (wish.Engine.IsCockroach() && PostgresCluster.CockroachUrl is not null)
                return await MakePreparedAsync(server, "", wish, rewrite);
            template ??= await TemplateAsync(server, wish);
            var made = await OpenAsync(server, await NewAsync(server, $" TEMPLATE {template}"), wish);
            return new PostgresTestDatabase(server, made, wish, rewrite);
        }

        private static async Task<string> NewAsync(PostgresCluster.Server server, string template)
        {
            var name = $"pampa_test_{Guid.NewGuid():N}";
            server.Databases.Add(name);
            await AdminAsync(server, $"CREATE DATABASE {name}{template}");
            return name;
        }

        private static Task<string> TemplateAsync(PostgresCluster.Server server, Wish wish)
        {
            lock (Templates)
            {
                // Engines differ by what can be granted.
                var key = $"{wish.Profile?.Name} {wish.Engine.IsCockroach()} {wish.AsOwner}";
                if (!Templates.TryGetValue(key, out var template)) Templates[key] = template = MakeTemplateAsync(server, wish);
                return template;
            }
        }

        private static async Task<string> MakeTemplateAsync(PostgresCluster.Server server, Wish wish)
        {
            var made = await MakePreparedAsync(server, " TEMPLATE template0", wish, null);
            // Closed, not dropped: a template must have no sessions.
            await made.CloseAsync();
            return made.made.Name;
        }

        private static async Task<PostgresTestDatabase> MakePreparedAsync(
            PostgresCluster.Server server, string template, Wish wish, Func<string, string>? rewrite)
        {
            var made = new PostgresTestDatabase(server, await OpenAsync(server, await NewAsync(server, template), wish), wish, rewrite);
            foreach (var statement in ClockSql) await made.ExecuteAsync(statement);
            var owners = made.OwnersDatabase;
            await PrepareAsync(owners, wish.Profile);
            if (made.made.User is { } user)
            {
                await made.ExecuteAsync($"GRANT SELECT ON pampa_test_clock TO {user}");
                await made.GrantAsync(await TableOfAsync(owners, wish.Profile!));
            }
            made.HasOtherTables = false;
            return made;
        }

        private Database OwnersDatabase => new(Own, DialectOf(wish.Engine), TimeProvider.System, new Random(1));

        private static async Task<JobTable> TableOfAsync(Database owners, TableProfile profile)
        {
            var errors = new List<string>();
            var program = new PampaBuilder();
            program.AddJob("any", profile.Table, profile.Key, job =>
            {
                job.Columns = profile.Columns;
                job.Process(_ => { });
            });
            return await new Schema(owners).ResolveAsync(program.Build(errors).Single(), errors, CancellationToken.None)
                ?? throw new InvalidOperationException(string.Join(' ', errors));
        }

        public override string? User => made.User;

        public override string Name => made.Name;

        public override int? Port => proxy?.Port;

        public override async Task<string> FreezeAsync()
        {
            await CloseAsync();
            return made.Name;
        }

        public override async Task GrantAsync(JobTable job)
        {
            if (User is null) return;
            foreach (var group in await Rights.GrantsAsync(OwnersDatabase, [job], hasSetup: false, User, CancellationToken.None))
            {
                foreach (var grant in group.Grants) await RunAsync(grant);
            }
        }

        public override Task GrantOwnAsync(string rights) => User is null ? Task.CompletedTask : RunAsync($"GRANT {rights} TO {User}");

        private async Task CloseAsync()
        {
            await Database.DisposeAsync();
            await Own.DisposeAsync();
        }

        public override async ValueTask DisposeAsync()
        {
            var refused = Refused.Skip(refusedBefore).ToList();
            // Whoever gets it next has a connection of his own.
            Database.LetGo();
            if (wish.Profile is { } profile && !HasOtherTables)
            {
                string[] tables = [.. Schema.ControlTableNames, profile.Table];
                await ExecuteAsync($"UPDATE pampa_test_clock SET at = {TableProfile.Literal(TestClock.Begin)}; "
                    + string.Join("; ", tables.Select(t => $"DELETE FROM {t}")));
                Spare.GetOrAdd(wish.Key, _ => []).Add(made);
            }
            else
            {
                await CloseAsync();
                // A private server goes away as a whole; to drop costs a checkpoint.
                var how = wish.Engine.IsCockroach() && proxy is null ? "CASCADE" : "WITH (FORCE)";
                if (server.Own is null) await AdminAsync(server, $"DROP DATABASE {made.Name} {how}");
            }
            Assert.Empty(refused);
        }

        private static Task AdminAsync(PostgresCluster.Server server, string text) => server.ExecuteAsync(text);
    }
}
