using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

/// <summary>Control tables, a program's Setup, and state columns: on a database that is empty.</summary>
public abstract partial class StoreConformance
{
    private const string Make = "CREATE TABLE IF NOT EXISTS made (id bigint PRIMARY KEY, note text)";
    private static readonly TableName Made = new(null, "made", false);

    private async Task<(TestDatabase Database, Schema Schema)> EmptyAsync()
    {
        var empty = await TestDatabase.CreateAsync(Engine, null);
        var schema = new Schema(empty.Database);
        await schema.CreateControlTablesAsync(Stopping);
        return (empty, schema);
    }

    private static JobDefinition MadeJob(Action<JobBuilder>? configure = null) => Definition([], "made", ["id"], configure ?? (_ => { }))!;

    private async Task<string[]> ColumnsAsync(TestDatabase database) =>
        [.. (await database.Database.Dialect.ReadTableAsync(database.Database, Made, Stopping))!.Columns.Select(c => c.Name)];

    [Fact]
    public async Task Control_tables_are_made_by_twenty_at_once()
    {
        await using var empty = await TestDatabase.CreateAsync(Engine, null);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => new Schema(empty.Database).CreateControlTablesAsync(Stopping), Stopping)));
        foreach (var table in (string[])["pampa_lease", "pampa_worker", "pampa_job", "pampa_handover", "pampa_setup"])
            Assert.Equal(0, await empty.ScalarAsync<int>($"SELECT count(*) FROM {table}"));
    }

    [Fact]
    public async Task Each_statement_of_a_setup_runs_once()
    {
        var (empty, schema) = await EmptyAsync();
        await using var _ = empty;
        string[] statements = [Make, "INSERT INTO made (id) VALUES (1)", "UPDATE made SET id = id + 10"];
        await schema.RunSetupAsync(statements, [Made], Stopping);
        await schema.RunSetupAsync(statements, [Made], Stopping);
        await schema.RunSetupAsync([$"\n  {statements[2]}  \n"], [Made], Stopping);
        Assert.Equal(11, await empty.ScalarAsync<int>("SELECT sum(id) FROM made"));
        await schema.RunSetupAsync([.. statements, "INSERT INTO made (id) VALUES (2)"], [Made], Stopping);
        Assert.Equal(13, await empty.ScalarAsync<int>("SELECT sum(id) FROM made"));
    }

    [Fact]
    public async Task A_statement_of_a_setup_that_fails_runs_again_the_next_time()
    {
        var (empty, schema) = await EmptyAsync();
        await using var _ = empty;
        string[] statements = [Make, "INSERT INTO other (id) VALUES (1)"];
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => schema.RunSetupAsync(statements, [Made], Stopping));
        await empty.ExecuteAsync("CREATE TABLE other (id bigint)");
        await schema.RunSetupAsync(statements, [Made], Stopping);
        Assert.Equal(1, await empty.ScalarAsync<int>("SELECT count(*) FROM other"));
    }

    [Fact]
    public async Task A_statement_of_a_setup_may_hold_signs_that_look_like_parameters()
    {
        var (empty, schema) = await EmptyAsync();
        await using var _ = empty;
        await schema.RunSetupAsync([Make, "INSERT INTO made VALUES (1, 'me@home :x $1 ?')"], [Made], Stopping);
        Assert.Equal("me@home :x $1 ?", await empty.ScalarAsync<string>("SELECT note FROM made"));
    }

    [Fact]
    public async Task A_table_that_setup_made_gets_its_state_columns_and_index()
    {
        var (empty, schema) = await EmptyAsync();
        await using var _ = empty;
        await schema.RunSetupAsync([Make], [Made], Stopping);
        var errors = new List<string>();
        var job = MadeJob(j => j.Columns = TaskColumns.WithPrefix("x") with { Generation = "x_generation" });
        var tables = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => schema.ResolveAsync(job, errors, Stopping), Stopping)));
        Assert.Empty(errors);
        Assert.All(tables, Assert.NotNull);
        Assert.Equal(
            ["id", "note", "x_reservation_id", "x_reservation_time", "x_reservation_times", "x_start_time", "x_end_time", "x_success", "x_error_description", "x_generation"],
            await ColumnsAsync(empty));
        var index = empty.IsSqlite
            ? await empty.ScalarAsync<string>("SELECT sql FROM sqlite_schema WHERE tbl_name = 'made' AND name LIKE 'pampa%'")
            : await empty.ScalarAsync<string>("SELECT indexdef FROM pg_indexes WHERE tablename = 'made' AND indexname LIKE 'pampa%'");
        Assert.Contains("x_end_time", index, StringComparison.Ordinal);
        // And it works.
        await empty.ExecuteAsync("INSERT INTO made (id) VALUES (1)");
        var lease = await new ClusterStore(empty.Database, Cluster).AcquireAsync("cluster", "leader", "p", Ttl, [], Stopping);
        var store = new TaskStore(empty.Database, tables[0]!, Cluster, new Random(1));
        Assert.Single(await store.ReserveAsync(Slots(3), lease!, "a", null, Stopping));
    }

    [Fact]
    public async Task Any_other_table_is_left_alone_and_the_error_says_what_to_run()
    {
        var (empty, schema) = await EmptyAsync();
        await using var _ = empty;
        await empty.ExecuteAsync(Make);
        // It was there before: the statement did not make it.
        await schema.RunSetupAsync([Make], [Made], Stopping);
        var errors = new List<string>();
        Assert.Null(await schema.ResolveAsync(MadeJob(), errors, Stopping));
        Assert.Equal(["id", "note"], await ColumnsAsync(empty));
        var lines = Assert.Single(errors).Split(Environment.NewLine);
        Assert.Equal(8, lines.Length);
        foreach (var line in lines[1..]) await empty.ExecuteAsync(line);
        errors.Clear();
        Assert.NotNull(await schema.ResolveAsync(MadeJob(), errors, Stopping));
        Assert.Empty(errors);
    }

    [Theory]
    [InlineData("nowhere", "there is no table 'nowhere'")]
    [InlineData("\"Made\"", "\"made\": write it like that.")]
    [InlineData("a.b.c", "table must be a name like")]
    [InlineData("", "table must name a table")]
    public async Task A_table_that_is_not_there_is_an_error(string table, string expected)
    {
        var (empty, schema) = await EmptyAsync();
        await using var _ = empty;
        await empty.ExecuteAsync(Make);
        var errors = new List<string>();
        var job = Definition(errors, table, ["id"], _ => { });
        if (job is not null) Assert.Null(await schema.ResolveAsync(job, errors, Stopping));
        Assert.Contains(expected, Assert.Single(errors), StringComparison.Ordinal);
    }

    private async Task<List<string>> ErrorsAsync(string create, string[] key, Action<JobBuilder>? configure = null)
    {
        await Db.ExecuteAsync(create);
        var errors = new List<string>();
        var job = Definition(errors, "odd", key, j =>
        {
            j.Columns = TaskColumns.WithPrefix("x");
            configure?.Invoke(j);
        });
        Assert.Empty(errors);
        var table = await new Schema(Db.Database).ResolveAsync(job!, errors, Stopping);
        Assert.Equal(table is null, errors.Count > 0);
        return errors;
    }

    private const string State =
        "x_reservation_id text, x_reservation_time timestamp, x_reservation_times int, x_start_time timestamp, x_end_time timestamp, x_success boolean, x_error_description text";

    [Fact]
    public async Task A_missing_key_column_is_suggested()
    {
        var error = Assert.Single(await ErrorsAsync($"CREATE TABLE odd (order_number bigint PRIMARY KEY, {State})", ["order_nmber"]));
        Assert.Contains("table 'odd' has no column 'order_nmber' (key) (did you mean 'order_number'?)", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Columns_of_wrong_types_are_reported_all_at_once()
    {
        var errors = await ErrorsAsync(
            "CREATE TABLE odd (id bigint PRIMARY KEY, x_reservation_id varchar(8), x_reservation_time bigint, x_reservation_times text, x_start_time int, x_end_time int, x_success text, x_error_description int)",
            ["id"]);
        Assert.Equal(Db.IsSqlite ? 6 : 7, errors.Count);
        Assert.Contains(errors, e => e.Contains("'x_reservation_time' of table 'odd' (Columns.ReservationTime) must be of type timestamp", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("id bigint", "no primary key and no unique index", "may be NULL")]
    [InlineData("id bigint NOT NULL", "no primary key and no unique index")]
    [InlineData("id bigint UNIQUE", "may be NULL")]
    [InlineData("id bigint NOT NULL, part int NOT NULL, UNIQUE (id, part)", "Use 'id, part'")]
    [InlineData("id bigint NOT NULL UNIQUE")]
    public async Task A_key_must_identify_a_record_and_not_be_null(string columns, params string[] expected)
    {
        var errors = await ErrorsAsync($"CREATE TABLE odd ({State}, {columns})", ["id"]);
        Assert.Equal(expected.Length, errors.Count);
        Assert.All(expected, e => Assert.Contains(errors, error => error.Contains(e, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_unique_index_of_some_records_or_of_an_expression_is_no_key()
    {
        await Db.ExecuteAsync($"CREATE TABLE odd (id bigint NOT NULL, {State})");
        await Db.ExecuteAsync("CREATE UNIQUE INDEX few ON odd (id) WHERE id > 0");
        await Db.ExecuteAsync("CREATE UNIQUE INDEX turned ON odd ((-id))");
        Assert.Contains("no unique index", Assert.Single(await ErrorsAsync("SELECT 1", ["id"])), StringComparison.Ordinal);
        await Db.ExecuteAsync(Db.IsSqlite ? "CREATE UNIQUE INDEX good ON odd (id)" : "CREATE UNIQUE INDEX good ON odd (id) INCLUDE (x_success)");
        Assert.Empty(await ErrorsAsync("SELECT 1", ["id"]));
    }

    private sealed record Odd(long Id, string? Nte, DateTime? XEndTime);

    [Fact]
    public async Task Properties_of_a_row_type_must_be_columns_that_are_not_the_jobs_own()
    {
        var builder = new PampaBuilder();
        builder.AddJob("job", "odd", "id", j =>
        {
            j.Columns = TaskColumns.WithPrefix("x");
            j.Process<Odd>((row, _) => row);
        });
        await Db.ExecuteAsync($"CREATE TABLE odd (id bigint PRIMARY KEY, note text, {State})");
        var errors = new List<string>();
        Assert.Null(await new Schema(Db.Database).ResolveAsync(builder.Build(errors).Single(), errors, Stopping));
        Assert.Equal(2, errors.Count);
        Assert.Contains("property 'Nte' of row type 'Odd' has no column in table 'odd' (did you mean 'note'?)", errors[0], StringComparison.Ordinal);
        Assert.Contains("property 'XEndTime' of row type 'Odd' is the state column 'x_end_time'", errors[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_handler_may_not_set_is_refused_by_name()
    {
        var key = Assert.Throws<ArgumentException>(() => Store.Table.WritableColumn(Profile.Key[0]));
        Assert.Contains("part of the key", key.Message, StringComparison.Ordinal);
        var state = Assert.ThrowsAny<ArgumentException>(() => Store.Table.WritableColumn(Profile.Columns.Success));
        Assert.Contains("is a state column", state.Message, StringComparison.Ordinal);
        var slip = Assert.ThrowsAny<ArgumentException>(() => Store.Table.WritableColumn($"{Profile.Note}e"));
        Assert.Contains($"did you mean '{Profile.Note}'", slip.Message, StringComparison.Ordinal);
        await Db.ExecuteAsync($"CREATE TABLE odd (id bigint PRIMARY KEY, twice bigint GENERATED ALWAYS AS (id * 2) STORED, {State})");
        var job = Definition([], "odd", ["id"], j => j.Columns = TaskColumns.WithPrefix("x"))!;
        var table = (await new Schema(Db.Database).ResolveAsync(job, [], Stopping))!;
        Assert.Contains("computed by the database", Assert.Throws<ArgumentException>(() => table.WritableColumn("twice")).Message, StringComparison.Ordinal);
    }
}
