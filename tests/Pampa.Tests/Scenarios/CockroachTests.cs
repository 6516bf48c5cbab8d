using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pampa.Chaos.Wire;
using Pampa.Hosting;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>What is CockroachDB's own: how it is known, and what is done there in another way.</summary>
public sealed class CockroachTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static Faults Ambiguous() => new(text => new PostgresException(text, "ERROR", "ERROR", "40003"));

    private static Database Through(TestDatabase db, Faults faults) =>
        new(new FaultyDataSource(db.Source, faults), db.Database.Dialect, TimeProvider.System, new Random(1));

    [Theory, InlineData(Engine.Portable, true), InlineData(Engine.PostgreSql, false)]
    internal async Task A_server_is_known_by_what_it_says_of_itself(Engine engine, bool isCockroach)
    {
        await using var db = await TestDatabase.CreateAsync(engine, null);
        var there = new NpgsqlConnectionStringBuilder(db.Source.ConnectionString);
        var url = $"postgresql://{there.Username}@{there.Host}:{there.Port}/{there.Database}?sslmode=disable&options=-c%20application_name%3Dmine";
        var choice = await DatabaseChoice.Choose(url, null, _ => null).RecogniseAsync(Stopping);
        Assert.Equal(isCockroach, choice.Address.Dialect is CockroachDbDialect);
        Assert.StartsWith(isCockroach ? "CockroachDB, host" : "PostgreSQL, host", choice.Address.Description, StringComparison.Ordinal);
        Assert.Equal(isCockroach ? "from --db; the server says that it is a CockroachDB" : "from --db", choice.Why);
        // What the address says of the session is so.
        await using var source = choice.Address.Dialect.OpenPlain(choice.Address.ConnectionString, "other", 1);
        await using var command = source.CreateCommand("SELECT current_setting('application_name')");
        Assert.Equal("other", await command.ExecuteScalarAsync(Stopping));
    }

    [Fact]
    public async Task Where_nobody_answers_the_address_stays_what_it_is()
    {
        var choice = await DatabaseChoice.Choose("postgresql://ada@127.0.0.1:1/base", null, _ => null).RecogniseAsync(Stopping);
        Assert.Equal(("PostgreSQL", "from --db"), (choice.Address.Dialect.Name, choice.Why));
    }

    [Fact]
    public async Task A_server_that_could_not_be_asked_is_not_taken_for_another_kind()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Portable, null);
        if (PostgresCluster.CockroachUrl is not null) Assert.Skip("A real CockroachDB cannot be made to refuse a connection.");
        await using var proxy = PostgresCluster.Proxy(await PostgresCluster.GetAsync(), new Cockroach { HidesKey = true });
        var there = new NpgsqlConnectionStringBuilder(db.Source.ConnectionString) { Port = proxy.Port };
        proxy.Refusal = "57P01";
        var choice = await DatabaseChoice.Choose(there.ConnectionString, null, _ => null).RecogniseAsync(Stopping);
        proxy.Refusal = null;
        var program = new PampaBuilder();
        program.AddJob("price", "orders", "id", job => job.Process(_ => { }));
        var surroundings = new Surroundings(NullLoggerFactory.Instance, TimeProvider.System, new Random(1));
        var refused = await Assert.ThrowsAsync<PampaConfigurationException>(
            async () => await Hosting.Engine.PrepareAsync(program, choice.Address, ProcessRole.All, surroundings, Stopping));
        Assert.Contains("The server is a CockroachDB, but it did not answer when it was asked what it is", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, await db.ScalarAsync<int>("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'pampa\\_%' AND tablename <> 'pampa_test_clock'"));
    }

    [Fact]
    public async Task A_server_that_lets_nobody_in_is_asked_when_it_does()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Portable, null);
        if (PostgresCluster.CockroachUrl is not null) Assert.Skip("A real CockroachDB cannot be made to refuse a connection.");
        await using var proxy = PostgresCluster.Proxy(await PostgresCluster.GetAsync(), new Cockroach { HidesKey = true });
        var there = new NpgsqlConnectionStringBuilder(db.Source.ConnectionString) { Port = proxy.Port };
        proxy.Refusal = "53300";
        var lines = new List<string>();
        var choice = await DatabaseChoice.Choose(there.ConnectionString, null, _ => null).RecogniseAsync(Stopping, line =>
        {
            lines.Add(line);
            proxy.Refusal = null;
        });
        Assert.IsType<CockroachDbDialect>(choice.Address.Dialect);
        Assert.Equal(2, lines.Count);
        Assert.StartsWith("The database lets nobody in just now (PostgreSQL, host ", lines[0], StringComparison.Ordinal);
        Assert.Contains("53300: forged by the proxy. All connections that the server", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("The database lets this process in (PostgreSQL, host ", lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("id bigint PRIMARY KEY, note text", "id", "(\"id\") USING HASH WHERE \"price_end_time\" IS NULL")]
    [InlineData("id text PRIMARY KEY, note text", "id", "(\"id\") WHERE \"price_end_time\" IS NULL")]
    public async Task The_index_of_a_key_that_grows_is_spread(string columns, string key, string index)
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Portable, null);
        await db.ExecuteAsync($"CREATE TABLE orders ({columns})");
        var told = new List<string>();
        var program = new PampaBuilder();
        program.AddJob("price", "orders", key, job => job.Process(_ => { }));
        var address = new DatabaseAddress(db.Database.Dialect, db.Source.ConnectionString);
        await new Preparation(db.Database, address, SchemaChanges.Planned, TimeProvider.System, told.Add).RunAsync(program, Stopping);
        Assert.Single(told, s => s.EndsWith(index, StringComparison.Ordinal));
        await new Preparation(db.Database, address, SchemaChanges.All, TimeProvider.System).RunAsync(program, Stopping);
        Assert.Equal(1, await db.ScalarAsync<int>("SELECT count(*) FROM pg_indexes WHERE tablename = 'orders' AND indexname LIKE 'pampa%' AND indexdef LIKE '%IS NULL)'"));
    }

    [Fact]
    public async Task A_primary_key_that_is_spread_is_the_key_that_its_user_made()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Portable, null);
        // What CockroachDB makes of PRIMARY KEY (id) USING HASH.
        await db.ExecuteAsync("CREATE TABLE orders (id bigint NOT NULL, crdb_internal_id_shard_16 bigint GENERATED ALWAYS AS (id % 16) STORED NOT NULL, PRIMARY KEY (crdb_internal_id_shard_16, id))");
        var table = (await db.Database.Dialect.ReadTableAsync(db.Database, new TableName(null, "orders", false), Stopping))!;
        Assert.Equal(["id"], table.Columns.Select(c => c.Name));
        Assert.Equal(["id"], Assert.Single(table.UniqueKeys));
    }

    [Fact]
    public async Task Leases_are_trusted_for_a_second_less_than_elsewhere()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.Portable);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        process.TryBeat();
        Assert.NotNull(await process.Leadership.EnsureAsync(Stopping));
        // The beats stay away, and nobody asks again before it is time to.
        await cluster.AdvanceAsync(27.9);
        Assert.True(process.Membership.IsTrusted);
        await cluster.AdvanceAsync(0.2);
        Assert.False(process.Membership.IsTrusted);
    }

    [Fact]
    public async Task A_short_lease_is_trusted_for_half_of_it()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Portable, TableProfile.Numbers);
        var store = new ClusterStore(db.Database, "test");
        Assert.Equal((TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(4)), (store.TrustOf(TimeSpan.FromSeconds(3)), store.TrustOf(TimeSpan.FromSeconds(6))));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task An_election_of_which_nobody_knows_how_it_ended_is_read_back(bool isDone)
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Portable, TableProfile.Numbers);
        var faults = Ambiguous();
        var store = new ClusterStore(Through(db, faults), "test");
        if (isDone) faults.LoseAnswer("INSERT INTO pampa_lease");
        else faults.FailBefore("INSERT INTO pampa_lease");
        var lease = await store.AcquireAsync("cluster", "one", "p", TimeSpan.FromSeconds(30), [], Stopping);
        Assert.Equal(isDone ? new LeaseTerm("cluster", "one", 1) : null, lease);
        Assert.Equal(1, faults.Hits);
    }

    [Fact]
    public async Task What_may_run_twice_is_repeated_where_nobody_knows_what_became_of_it()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Portable, TableProfile.Numbers);
        var faults = Ambiguous();
        var store = new ClusterStore(Through(db, faults), "test");
        var lease = (await store.AcquireAsync("cluster", "one", "p", TimeSpan.FromSeconds(30), [], Stopping))!;
        await store.RegisterAsync("a", ["a.1"], "p", TimeSpan.FromSeconds(30), [], Stopping);
        faults.LoseAnswer("SET expires_at");
        faults.LoseAnswer("SET heartbeat_at");
        faults.LoseAnswer("SET state = @state");
        Assert.True(await store.RenewAsync(lease, TimeSpan.FromSeconds(30), Stopping));
        Assert.Equal(["a.1"], store.Heartbeat([("a.1", 1)], TimeSpan.FromSeconds(30)));
        await store.MarkReadyAsync([("a.1", 1)], Stopping);
        Assert.Equal(3, faults.Hits);
        Assert.Equal("ready", Assert.Single(await store.ReadWorkersAsync(Stopping)).State);
    }

    [Fact]
    public async Task A_setup_of_which_nobody_knows_whether_it_was_recorded_runs_once()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Portable, null);
        var faults = Ambiguous();
        var database = Through(db, faults);
        var schema = new Schema(database);
        await schema.CreateControlTablesAsync(Stopping);
        faults.LoseAnswer("INSERT INTO pampa_setup", times: 2);
        string[] statements = ["CREATE TABLE made (id bigint PRIMARY KEY)", "INSERT INTO made (id) VALUES (1)"];
        await schema.RunSetupAsync(statements, [new TableName(null, "made", false)], Stopping);
        await schema.RunSetupAsync(statements, [new TableName(null, "made", false)], Stopping);
        Assert.Equal(1, await db.ScalarAsync<int>("SELECT count(*) FROM made"));
        Assert.Equal(1, await db.ScalarAsync<int>("SELECT count(*) FROM pampa_setup WHERE tables = 'public.made'"));
        Assert.Equal(2, faults.Hits);
    }

    [Fact]
    public async Task A_beat_that_is_to_be_repeated_is_repeated_at_once()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Portable, TableProfile.Numbers);
        var faults = new Faults(text => new PostgresException(text, "ERROR", "ERROR", "40001"));
        var store = new ClusterStore(Through(db, faults), "test");
        await store.RegisterAsync("a", ["a.1"], "p", TimeSpan.FromSeconds(30), [], Stopping);
        faults.FailBefore("SET heartbeat_at", times: 3);
        Assert.Equal(["a.1"], store.Heartbeat([("a.1", 1)], TimeSpan.FromSeconds(30)));
        Assert.Equal(3, faults.Hits);
    }

    [Theory]
    [InlineData("unimplemented: this syntax", "Schema")]
    [InlineData("cached plan must not change result type", "Retry")]
    public void What_it_does_not_know_it_will_not_know_the_next_time(string text, string kind) =>
        Assert.Equal(kind, new CockroachDbDialect().Classify(new PostgresException(text, "ERROR", "ERROR", "0A000")).ToString());
}
