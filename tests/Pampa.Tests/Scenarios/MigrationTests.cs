using Microsoft.Extensions.Time.Testing;
using Pampa.Hosting;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>What <c>migrate</c> does to a table that is in use.</summary>
public sealed class MigrationTests
{
    private const string LoseIndex =
        "DO $$ BEGIN EXECUTE (SELECT 'DROP INDEX ' || indexrelid::regclass FROM pg_index WHERE indexrelid::regclass::text LIKE '%pampa_price%' LIMIT 1); END $$";

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static Task<List<string>> MigrateAsync(TestDatabase db, SchemaChanges changes = SchemaChanges.All) =>
        MigrateAsync(db.Database, db.Source.ConnectionString, changes);

    private static async Task<List<string>> MigrateAsync(
        Database database, string connectionString, SchemaChanges changes = SchemaChanges.All, TimeProvider? time = null)
    {
        var told = new List<string>();
        var program = new PampaBuilder();
        program.AddJob("price", "orders", ["shop", "id"], job => job.Process(_ => { }));
        var address = new DatabaseAddress(database.Dialect, connectionString);
        await new Preparation(database, address, changes, time ?? TimeProvider.System, told.Add).RunAsync(program, Stopping);
        return told;
    }

    private static async Task<TestDatabase> WithOrdersAsync(Engine engine)
    {
        var db = await TestDatabase.CreateAsync(engine, null);
        await db.ExecuteAsync("CREATE TABLE orders (shop varchar(40) NOT NULL, id bigint NOT NULL, PRIMARY KEY (shop, id))");
        await db.ExecuteAsync("INSERT INTO orders VALUES ('a', 1), ('a', 2), ('b', 1)");
        return db;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task What_is_planned_is_what_is_done_and_then_there_is_nothing_to_do(int number)
    {
        var engine = (Engine)number;
        await using var db = await WithOrdersAsync(engine);
        var planned = await MigrateAsync(db, SchemaChanges.Planned);
        Assert.Equal(15 + 7 + 2, planned.Count);
        Assert.Equal(planned, await MigrateAsync(db));
        Assert.Empty(await MigrateAsync(db));
        Assert.Empty(await MigrateAsync(db, SchemaChanges.Planned));
        Assert.Empty(await MigrateAsync(db, SchemaChanges.Own));
        Assert.Equal(engine == Engine.PostgreSql, planned[^1].StartsWith("CREATE INDEX CONCURRENTLY IF NOT EXISTS", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Twenty_may_migrate_at_the_same_time_and_each_statement_runs_once(int number)
    {
        await using var db = await WithOrdersAsync((Engine)number);
        var all = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => MigrateAsync(db))));
        var added = all.SelectMany(told => told).Where(s => s.StartsWith("ALTER", StringComparison.Ordinal) || s.StartsWith("CREATE INDEX", StringComparison.Ordinal)).ToList();
        Assert.Equal(9, added.Count);
        Assert.Equal(9, added.Distinct().Count());
        Assert.Empty(await MigrateAsync(db));
    }

    [Fact]
    public async Task A_table_that_somebody_holds_is_waited_for_a_moment_and_no_longer()
    {
        await using var db = await WithOrdersAsync(Engine.PostgreSql);
        await using (var holder = await db.Source.OpenConnectionAsync(Stopping))
        {
            await using var transaction = await holder.BeginTransactionAsync(Stopping);
            await using var command = holder.CreateCommand();
            command.CommandText = "SELECT count(*) FROM orders";
            await command.ExecuteScalarAsync(Stopping);
            var error = await Assert.ThrowsAsync<PampaConfigurationException>(() => MigrateAsync(db));
            Assert.StartsWith("A table is in use by somebody else and could not be changed within 3 s", Assert.Single(error.Errors), StringComparison.Ordinal);
        }
        Assert.Equal(9, (await MigrateAsync(db)).Count);
    }

    [Fact]
    public async Task Who_finds_others_at_the_lease_of_those_who_begin_waits_for_his_turn()
    {
        await using var db = await WithOrdersAsync(Engine.PostgreSql);
        await MigrateAsync(db);
        await db.ExecuteAsync(LoseIndex);
        await using var crowd = await db.Source.OpenConnectionAsync(Stopping);
        await using var transaction = await LockLeaseAsync(crowd);
        var met = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        db.Database.Failed += e => met.TrySetResult(e);
        var migrating = MigrateAsync(db);
        Assert.Equal(ErrorKind.Locked, db.Database.Dialect.Classify(await met.Task.WaitAsync(TimeSpan.FromSeconds(30), Stopping)));
        await transaction.CommitAsync(Stopping);
        Assert.NotEmpty(await migrating.WaitAsync(TimeSpan.FromSeconds(30), Stopping));
    }

    [Fact]
    public async Task Where_there_is_nothing_to_change_nobody_waits_for_who_changes_something()
    {
        await using var db = await WithOrdersAsync(Engine.PostgreSql);
        await MigrateAsync(db);
        await using var other = await db.Source.OpenConnectionAsync(Stopping);
        await using var transaction = await LockLeaseAsync(other);
        Assert.Empty(await MigrateAsync(db).WaitAsync(TimeSpan.FromSeconds(30), Stopping));
    }

    [Fact]
    public async Task Who_waits_for_another_says_for_whom_and_whoever_finds_nothing_looks_again_in_his_turn()
    {
        await using var db = await WithOrdersAsync(Engine.PostgreSql);
        await MigrateAsync(db);
        var time = new FakeTimeProvider();
        var store = new ClusterStore(db.Database, "pampa");
        var lease = await store.AcquireAsync("setup", "other/1", "elsewhere/7/1", TimeSpan.FromMinutes(10), [], Stopping);
        Assert.NotNull(lease);
        await db.ExecuteAsync("ALTER TABLE orders RENAME TO orders_away");
        var said = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var program = new PampaBuilder();
        program.AddJob("price", "orders", ["shop", "id"], job => job.Process(_ => { }));
        var address = new DatabaseAddress(db.Database.Dialect, db.Source.ConnectionString);
        var starting = new Preparation(db.Database, address, SchemaChanges.All, time) { Waits = line => said.TrySetResult(line) }.RunAsync(program, Stopping);
        while (!said.Task.IsCompleted && !starting.IsCompleted)
        {
            await Task.Yield();
            time.Advance(TimeSpan.FromMilliseconds(1));
        }
        Assert.False(starting.IsCompleted);
        Assert.StartsWith("The start waits for a process of another computer or container, which changes", await said.Task, StringComparison.Ordinal);
        // What was not there when it looked is there now.
        await db.ExecuteAsync("ALTER TABLE orders_away RENAME TO orders");
        await store.ResignAsync(lease, Stopping);
        while (!starting.IsCompleted)
        {
            await Task.Yield();
            time.Advance(TimeSpan.FromMilliseconds(1));
        }
        Assert.Single(await starting);
    }

    [Fact]
    public async Task What_was_seen_before_a_turn_that_is_refused_is_told_beside_the_refusal()
    {
        await using var db = await WithOrdersAsync(Engine.PostgreSql);
        await MigrateAsync(db);
        var faults = new Faults(text => new Npgsql.NpgsqlException(text));
        faults.FailBefore("INTO pampa_lease", error: new Npgsql.PostgresException("permission denied for table pampa_lease", "ERROR", "ERROR", "42501"));
        await using var database = new Database(new FaultyDataSource(db.Source, faults), db.Database.Dialect, TimeProvider.System, new Random(1));
        var program = new PampaBuilder();
        program.AddJob("price", "nowhere", ["shop", "id"], job => job.Process(_ => { }));
        var address = new DatabaseAddress(db.Database.Dialect, db.Source.ConnectionString);
        var error = await Assert.ThrowsAsync<PampaConfigurationException>(
            () => new Preparation(database, address, SchemaChanges.All, TimeProvider.System).RunAsync(program, Stopping));
        Assert.Equal(2, error.Errors.Count);
        Assert.Contains("nowhere", error.Errors[0], StringComparison.Ordinal);
        Assert.Contains("permission denied for table pampa_lease", error.Errors[1], StringComparison.Ordinal);
    }

    private static async Task<System.Data.Common.DbTransaction> LockLeaseAsync(System.Data.Common.DbConnection connection)
    {
        var transaction = await connection.BeginTransactionAsync(Stopping);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT 1 FROM pampa_lease WHERE scope = 'setup' FOR UPDATE";
        Assert.NotNull(await command.ExecuteScalarAsync(Stopping));
        return transaction;
    }

    [Fact]
    public async Task Who_holds_that_lease_locked_for_good_is_told_of_and_not_waited_for()
    {
        await using var db = await WithOrdersAsync(Engine.PostgreSql);
        await MigrateAsync(db);
        await db.ExecuteAsync(LoseIndex);
        await using var holder = await db.Source.OpenConnectionAsync(Stopping);
        await using var transaction = await LockLeaseAsync(holder);
        var time = new FakeTimeProvider();
        var failures = 0;
        db.Database.Failed += _ => time.Advance(TimeSpan.FromSeconds(++failures == 1 ? 1 : 20));
        var migrating = MigrateAsync(db.Database, db.Source.ConnectionString, time: time);
        while (!migrating.IsCompleted)
        {
            // It rests between two tries.
            await Task.Yield();
            time.Advance(TimeSpan.FromMilliseconds(1));
        }
        var error = await Assert.ThrowsAsync<PampaConfigurationException>(() => migrating);
        Assert.StartsWith("For 30 s somebody has held the row of table pampa_lease locked", Assert.Single(error.Errors), StringComparison.Ordinal);
        Assert.InRange(failures, 2, 4);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_setup_of_many_tables_asks_in_proportion_to_their_number(int number)
    {
        var asked = 0;
        await using var db = await TestDatabase.CreateAsync((Engine)number, null, text =>
        {
            Interlocked.Increment(ref asked);
            return text;
        });
        var schema = new Schema(db.Database);
        await schema.CreateControlTablesAsync(Stopping);
        async Task<int> AskedAsync(string name, int tables)
        {
            var before = Volatile.Read(ref asked);
            var names = Enumerable.Range(1, tables).Select(n => $"{name}_{n}").ToList();
            await schema.RunSetupAsync(
                [.. names.Select(n => $"CREATE TABLE {n} (id bigint NOT NULL, PRIMARY KEY (id))")], [.. names.Select(n => TableName.Parse(n)!)], Stopping);
            return Volatile.Read(ref asked) - before;
        }
        var few = await AskedAsync("few", 5);
        Assert.InRange(few, 5, int.MaxValue);
        Assert.Equal(4 * few, await AskedAsync("many", 20));
        Assert.Equal(25, await db.ScalarAsync<long>("SELECT count(*) FROM pampa_setup WHERE tables <> ''"));
    }

    [Fact]
    public async Task What_is_left_of_an_index_that_was_not_finished_is_made_anew()
    {
        await using var db = await WithOrdersAsync(Engine.PostgreSql);
        await MigrateAsync(db);
        await db.ExecuteAsync("UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid::regclass::text LIKE '%pampa_price%'");
        var told = await MigrateAsync(db);
        Assert.Equal(4, told.Count);
        Assert.StartsWith("DROP INDEX", told[0], StringComparison.Ordinal);
        Assert.StartsWith("DROP INDEX", told[2], StringComparison.Ordinal);
        Assert.Equal(2, await db.ScalarAsync<int>("SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid::regclass::text LIKE '%pampa_price%'"));
        Assert.Empty(await MigrateAsync(db));
    }

    [Fact]
    public async Task A_user_without_the_right_is_told_the_statement_and_what_to_grant()
    {
        await using var db = await WithOrdersAsync(Engine.PostgreSql);
        var user = $"newcomer_{Guid.NewGuid():N}";
        await db.ExecuteAsync($"CREATE ROLE {user} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
        try
        {
            var settings = new Npgsql.NpgsqlConnectionStringBuilder(db.Source.ConnectionString) { Username = user };
            await using var his = new Database(
                db.Database.Dialect.Open(settings.ConnectionString, "pampa-test", 2), new PostgreSqlDialect(), TimeProvider.System, new Random(1));
            async Task<string> RefusedAsync() =>
                Assert.Single((await Assert.ThrowsAsync<PampaConfigurationException>(() => MigrateAsync(his, settings.ConnectionString))).Errors);

            var refused = await RefusedAsync();
            Assert.StartsWith("The database user lacks a right: 42501: permission denied for schema public. The statement is \"CREATE TABLE IF NOT EXISTS pampa_lease", refused, StringComparison.Ordinal);
            Assert.Contains($"GRANT USAGE, CREATE ON SCHEMA public TO \"{user}\".", refused, StringComparison.Ordinal);

            await db.ExecuteAsync($"GRANT USAGE, CREATE ON SCHEMA public TO \"{user}\"");
            refused = await RefusedAsync();
            Assert.StartsWith("The database user lacks a right: 42501: must be owner of table orders. The statement is \"ALTER TABLE \"public\".\"orders\" ADD COLUMN", refused, StringComparison.Ordinal);
            Assert.Contains($"GRANT the owner's role TO \"{user}\"", refused, StringComparison.Ordinal);

            await db.ExecuteAsync($"ALTER TABLE orders OWNER TO {user}");
            Assert.Equal(9, (await MigrateAsync(his, settings.ConnectionString)).Count);
        }
        finally
        {
            await db.ExecuteAsync($"DROP OWNED BY {user} CASCADE; DROP ROLE {user}");
        }
    }

    [Fact]
    public async Task A_table_is_made_ready_for_a_job_whose_code_is_elsewhere()
    {
        await using var db = await WithOrdersAsync(Engine.Sqlite);
        var program = new PampaBuilder();
        program.AddJob("price", "orders", ["shop", "id"], _ => { });
        var address = new DatabaseAddress(db.Database.Dialect, db.Source.ConnectionString);
        Assert.Single(await new Preparation(db.Database, address, SchemaChanges.All, TimeProvider.System).RunAsync(program, Stopping));
        var error = await Assert.ThrowsAsync<PampaConfigurationException>(() =>
            new Preparation(db.Database, address, SchemaChanges.Own, TimeProvider.System).RunAsync(program, Stopping));
        Assert.Equal("Job 'price': no code: call Process.", Assert.Single(error.Errors));
    }
}
