using System.Globalization;
using Pampa.Hosting;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Tables as they are in other people's applications, from their names to the rules that they have for themselves.</summary>
public sealed class SchemaTests
{
    private const string Injected = "'; DROP TABLE customers; --";
    private const string Quoted = "l'\"été\"";
    private static readonly string[] Regions = ["", Quoted, Injected, "日本", new string('é', 400), "$1 @max ? :x"];

    private static readonly TaskColumns Columns = new()
    {
        ReservationId = "select",
        ReservationTime = "time",
        ReservationTimes = "from",
        StartTime = "début",
        EndTime = "END",
        Success = "success?",
        ErrorDescription = "where;",
    };

    private static string Literal(object? value) => TableProfile.Literal(value);

    private static CancellationToken Stopping => TestCluster.Stopping;

    private static string OrderOn(TestCluster cluster) => cluster.Db.IsSqlite ? "\"Order\"" : "\"My Schema\".\"Order\"";

    /// <summary>Orders by region, date and uuid, with a customer, a computed column, and a journal that a trigger writes.</summary>
    private static async Task<TestCluster> WithOrdersAsync(Engine engine)
    {
        var cluster = await TestCluster.CreateAsync(engine);
        var db = cluster.Db;
        if (!db.IsSqlite) await db.ExecuteAsync("CREATE SCHEMA \"My Schema\"");
        await db.ExecuteAsync("CREATE TABLE customers (id int PRIMARY KEY)");
        await db.ExecuteAsync("CREATE TABLE journal (region text, state text)");
        await db.ExecuteAsync("INSERT INTO customers VALUES (1), (2)");
        await db.ExecuteAsync($"""
            CREATE TABLE {OrderOn(cluster)} (
              "Région" text NOT NULL, "date" date NOT NULL, "id" uuid NOT NULL,
              "select" text, "time" timestamp, "from" int, "début" timestamp, "END" timestamp, "success?" boolean, "where;" varchar(200),
              "ok?" boolean, "Group By" text, "price" numeric(12, 2), "double" numeric(12, 2) GENERATED ALWAYS AS ("price" * 2) STORED,
              "customer" int REFERENCES customers (id),
              PRIMARY KEY ("Région", "date", "id"))
            """);
        await db.ExecuteAsync(db.IsSqlite
            ? $"CREATE TRIGGER keep AFTER UPDATE ON {OrderOn(cluster)} BEGIN INSERT INTO journal VALUES (NEW.\"Région\", NEW.\"select\"); END"
            // What a trigger does is done with the rights of who changes the record, unless it is said otherwise.
            : $"""
              CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS
                'BEGIN INSERT INTO journal VALUES (NEW."Région", NEW."select"); RETURN NEW; END';
              CREATE TRIGGER keep AFTER UPDATE ON {OrderOn(cluster)} FOR EACH ROW EXECUTE FUNCTION keep()
              """);
        var values = Regions.Select((region, i) => $"({Literal(region)}, '2030-01-{i + 1:00}', '00000000-0000-0000-0000-{i:000000000000}', 1.25, 1)");
        await db.ExecuteAsync($"INSERT INTO {OrderOn(cluster)} (\"Région\", \"date\", \"id\", \"price\", \"customer\") VALUES {string.Join(", ", values)}");
        return cluster;
    }

    private static Task<TestProcess> ProcessAsync(TestCluster cluster, Action<PampaTask> handler) => cluster.StartProgramAsync(pampa =>
        pampa.AddJob("price", OrderOn(cluster), ["Région", "date", "id"], job =>
        {
            job.Columns = Columns;
            job.MaxAttempts = 1;
            job.Process(handler);
        }), workers: 6);

    private static Task EndedAsync(TestCluster cluster) => cluster.UntilAsync(
        async () => await cluster.Db.ScalarAsync<int>($"SELECT count(*) FROM {OrderOn(cluster)} WHERE \"END\" IS NULL") == 0, "all orders have ended");

    private static async Task<Dictionary<string, object?[]>> OrdersAsync(TestCluster cluster) =>
        (await cluster.Db.ReadAsync($"SELECT \"Région\", \"success?\", \"from\", \"where;\", \"ok?\", \"Group By\", \"customer\" FROM {OrderOn(cluster)}"))
        .ToDictionary(row => (string)row[0]!, row => row[1..]);

    private static bool Flag(object? cell) => Convert.ToBoolean(cell, CultureInfo.InvariantCulture);

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Hostile_names_keys_triggers_and_foreign_keys_are_those_of_any_table(Engine engine)
    {
        await using var cluster = await WithOrdersAsync(engine);
        var isMended = false;
        var process = await ProcessAsync(cluster, task =>
        {
            task["ok?"] = true;
            task["group by"] = $"{task["Région"]} of {task.Get<DateOnly>("date"):yyyy-MM-dd} is {task["double"]}";
            // Nobody has this number; all are written with one statement.
            if (!isMended && task.Get<string>("Région") == Injected) task["customer"] = 999;
        });
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        Assert.Equal(Regions.Length, process.Lane.Finisher.Count);
        await EndedAsync(cluster);

        var orders = await OrdersAsync(cluster);
        Assert.Equal(Regions.Order(StringComparer.Ordinal), orders.Keys.Order(StringComparer.Ordinal));
        Assert.All(orders, order => Assert.Equal((order.Key != Injected, 1), (Flag(order.Value[0]), Convert.ToInt32(order.Value[1], CultureInfo.InvariantCulture))));
        Assert.All(orders.Where(o => o.Key != Injected), o => Assert.True(Flag(o.Value[3]), o.Key));
        Assert.StartsWith("日本 of 2030-01-04 is 2.5", (string?)orders["日本"][4], StringComparison.Ordinal);
        Assert.Contains("foreign key", (string?)orders[Injected][2], StringComparison.OrdinalIgnoreCase);
        Assert.Equal((null, null), (orders[Injected][3], orders[Injected][4]));
        Assert.Equal((Regions.Length - 1, 1, 0), (process.Counters.Completed, process.Counters.Failed, process.Counters.Fenced));
        // The trigger has seen each step of each record.
        Assert.InRange(await cluster.Db.ScalarAsync<int>("SELECT count(*) FROM journal"), 3 * Regions.Length, 4 * Regions.Length);
        Assert.Equal(2, await cluster.Db.ScalarAsync<int>("SELECT count(*) FROM customers"));

        isMended = true;
        var failed = await process.Lane.Store.ReadEndedAsync(TaskState.Failed, 9, Stopping);
        Assert.Single(await process.Lane.Store.RelaunchAsync(failed, TaskState.Failed, Stopping));
        process.Dispatcher.Wake();
        await EndedAsync(cluster);
        Assert.All((await OrdersAsync(cluster)).Values, order => Assert.True(Flag(order[0])));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_handler_that_sets_a_generated_column_or_a_key_is_told_so(Engine engine)
    {
        await using var cluster = await WithOrdersAsync(engine);
        var process = await ProcessAsync(cluster, task => task[task.Get<string>("Région") == Quoted ? "double" : "ID"] = 1);

        await EndedAsync(cluster);

        var orders = await OrdersAsync(cluster);
        Assert.Contains("Job 'price': column 'double' is computed by the database and cannot be set.", (string?)orders[Quoted][2], StringComparison.Ordinal);
        Assert.Contains("Job 'price': column 'id' is part of the key and cannot be set.", (string?)orders[""][2], StringComparison.Ordinal);
        Assert.Equal((0, Regions.Length), (process.Counters.Completed, process.Counters.Failed));
        Assert.False(process.Lane.Load.IsSuspended);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task An_error_text_of_any_length_and_of_any_characters_is_kept_as_far_as_there_is_room(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.CreateTableAsync("brief");
        if (!cluster.Db.IsSqlite) await cluster.Db.ExecuteAsync("ALTER TABLE brief ALTER COLUMN odd_checking_error_description TYPE varchar(100)");
        await cluster.InsertAsync(4);
        await cluster.InsertAsync(4, table: "brief");
        // Half surrogate pairs where the text is cut, too.
        string[] texts = ["\0", "a\0b\ud800c\udc00d", "\e[2J\e]0;title\a\r\n\u202e", string.Concat(Enumerable.Repeat("🦙\ud83e\0\e[31m", 1_000_000))];
        void Fail(PampaTask task) => throw new InvalidOperationException($"{texts[task.Get<long>("value") - 1]} end");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            foreach (var table in (string[])["numbers", "brief"])
            {
                TestCluster.AddNumbers(pampa, job =>
                {
                    job.MaxAttempts = 1;
                    job.Process(task => Fail(task));
                }, table, table);
            }
        }, workers: 8);

        await cluster.UntilEndedAsync();
        await cluster.UntilEndedAsync("brief");

        foreach (var table in (string[])["numbers", "brief"])
        {
            var rows = await cluster.RowsAsync(table);
            Assert.All(rows, row =>
            {
                Assert.Equal((true, 1), (row.IsFailed, row.N));
                Assert.StartsWith("InvalidOperationException: ", row.Err, StringComparison.Ordinal);
                Assert.DoesNotContain('\0', row.Err!);
                Assert.EndsWith(" end", row.Err, StringComparison.Ordinal);
                System.Text.Encoding.GetEncoding("utf-8", System.Text.EncoderFallback.ExceptionFallback, System.Text.DecoderFallback.ExceptionFallback).GetByteCount(row.Err!);
            });
            Assert.Contains("a␀b\ufffdc\ufffdd", rows[1].Err, StringComparison.Ordinal);
            Assert.Contains("\e[2J", rows[2].Err, StringComparison.Ordinal);
            Assert.InRange(rows[3].Err!.Length, 50, table == "brief" && !cluster.Db.IsSqlite ? 100 : Pampa.Jobs.Limits.ErrorText);
        }
        Assert.All(process.Lanes, lane => Assert.Equal((4, 0), (lane.Counters.Failed, lane.Counters.Unknown)));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task What_is_no_table_is_refused_with_what_it_is(Engine engine)
    {
        await using var db = await TestDatabase.CreateAsync(engine, TableProfile.Numbers);
        await db.ExecuteAsync("CREATE VIEW \"Seen\" AS SELECT * FROM numbers");
        const string table = "Name the table under it, and put the view's condition into Where.";
        const string view = "is a view: a task is a record that can be locked";
        await RefusedAsync(db, "seen", "Job 'price': table 'seen' is a view: ", table);
        await RefusedAsync(db, db.IsSqlite ? "main.seen" : "public.seen", view, table);
        await RefusedAsync(db, "nowhere", "Job 'price': there is no table 'nowhere' in this database.");
        await RefusedAsync(db, "numbers\"; DROP TABLE numbers; --", "Job 'price': there is no table 'numbers\"; DROP TABLE numbers; --' in this database.");
        if (db.IsSqlite)
        {
            await db.ExecuteAsync("CREATE VIRTUAL TABLE words USING fts5 (value)");
            await RefusedAsync(db, "words", "table 'words' is a virtual table", "Use an ordinary table");
            await RefusedAsync(db, "\"NUMBERS\"", "There is \"main\".\"numbers\": write it like that.");
            return;
        }
        await db.ExecuteAsync("CREATE MATERIALIZED VIEW kept AS SELECT * FROM numbers");
        await RefusedAsync(db, "kept", "table 'kept' is a materialized view, whose records cannot be changed. ", table);
        await db.ExecuteAsync("CREATE FOREIGN DATA WRAPPER far; CREATE SERVER far FOREIGN DATA WRAPPER far; CREATE FOREIGN TABLE elsewhere (value bigint) SERVER far");
        await RefusedAsync(db, "elsewhere", "table 'elsewhere' is a foreign table", "Run the program on that server's database.");
        await db.ExecuteAsync("CREATE SCHEMA \"Shop\"; CREATE TABLE \"Shop\".orders (id bigint PRIMARY KEY)");
        await RefusedAsync(db, "orders", "table 'orders' is in schema 'Shop', which the user may not look into. GRANT USAGE ON SCHEMA \"Shop\" TO \"pampa_user_");
        await db.GrantOwnAsync("USAGE ON SCHEMA \"Shop\"");
        await RefusedAsync(db, "orders", "There is \"Shop\".\"orders\": write it like that.");
        await RefusedAsync(db, "\"shop\".\"orders\"", "There is \"Shop\".\"orders\": write it like that.");
    }

    private static async Task RefusedAsync(TestDatabase db, string table, params string[] says)
    {
        var program = new PampaBuilder();
        program.AddJob("price", table, "value", job => job.Process(_ => { }));
        var address = new DatabaseAddress(db.Database.Dialect, db.Source.ConnectionString);
        var error = await Assert.ThrowsAsync<PampaConfigurationException>(() =>
            new Preparation(db.Database, address, SchemaChanges.Own, TimeProvider.System).RunAsync(program, Stopping));
        var only = Assert.Single(error.Errors);
        Assert.All(says, part => Assert.Contains(part, only, StringComparison.Ordinal));
    }
}
