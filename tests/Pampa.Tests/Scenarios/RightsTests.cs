using System.Text.Json;
using Npgsql;
using Pampa.Commands;
using Pampa.Storage;
using Pampa.Tests.EndToEnd;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>
/// The rights that <c>migrate</c> prints, and a role that has them and no others. All tests of stores and of processes run as such a role,
/// see <see cref="TestDatabase"/>; here it is the printed text itself that is run, and the verbs.
/// </summary>
public sealed class RightsTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static void Orders(PampaBuilder pampa) => pampa.AddJob("price", "shop.\"Orders\"", ["shop", "id"], job =>
    {
        job.WakeOnInsert = true;
        job.Process(task => task["price"] = 7);
    });

    private static async Task<TestDatabase> WithOrdersAsync(Engine engine)
    {
        var db = await TestDatabase.CreateAsync(engine, null);
        await db.ExecuteAsync("CREATE SCHEMA shop");
        await db.ExecuteAsync("CREATE TABLE shop.\"Orders\" (shop text NOT NULL, id bigint NOT NULL, price bigint, twice bigint GENERATED ALWAYS AS (price * 2) STORED, PRIMARY KEY (shop, id))");
        return db;
    }

    private static string Address(TestDatabase db, string? user = null)
    {
        var url = NumbersDatabase.PlainUrl(db.Source.ConnectionString, user);
        return db.Database.Dialect is CockroachDbDialect
            ? $"{url.Replace("postgres://", "cockroachdb://", StringComparison.Ordinal)}?sslmode=disable&options=-c%20default_transaction_isolation%3Dserializable"
            : url;
    }

    private static async Task<(int Code, string Said, string Errors)> RunAsync(string address, params string[] args)
    {
        var output = new StringWriter();
        var errors = new StringWriter();
        var code = await CommandLine.RunAsync([.. args, "--db", address], Orders, output, errors);
        return (code, output.ToString(), errors.ToString());
    }

    private static async Task<string> DoneAsync(string address, params string[] args)
    {
        var (code, said, errors) = await RunAsync(address, args);
        Assert.True(code == 0, $"{string.Join(' ', args)} ended with {code}: {errors}{said}");
        return said;
    }

    private static string[] Lines(string text) => text.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_dry_run_prints_the_least_rights(Engine engine)
    {
        await using var db = await WithOrdersAsync(engine);
        var name = new NpgsqlConnectionStringBuilder(db.Source.ConnectionString).Database;
        var state = string.Join(", ", JobTable.Names(TaskColumns.WithPrefix("price")).Select(TableProfile.Quote));
        var (few, more) = engine == Engine.PostgreSql ? ($" ({state})", $" ({state}, \"price\")") : ("", "");
        string[] expected =
        [
            "-- The rights of a role that runs the program then, and no more:",
            "-- every process",
            $"GRANT CONNECT ON DATABASE \"{name}\" TO \"the shop\";",
            "GRANT USAGE ON SCHEMA \"public\", \"shop\" TO \"the shop\";",
            "GRANT SELECT ON \"public\".pampa_lease, \"public\".pampa_worker, \"public\".pampa_job, \"public\".pampa_handover, \"public\".pampa_load, \"public\".pampa_assignment, "
                + "\"public\".pampa_stretch, \"public\".pampa_hold, \"public\".pampa_schedule, \"public\".pampa_schedule_run, \"public\".pampa_audit, \"public\".pampa_history, "
                + "\"public\".pampa_node, \"public\".pampa_sample, \"public\".pampa_setup, \"shop\".\"Orders\" TO \"the shop\";",
            "-- and what dispatches (run, dispatcher)",
            "GRANT INSERT, UPDATE ON \"public\".pampa_lease, \"public\".pampa_job, \"public\".pampa_stretch, \"public\".pampa_schedule TO \"the shop\";",
            "GRANT DELETE ON \"public\".pampa_worker, \"public\".pampa_load, \"public\".pampa_audit, \"public\".pampa_node TO \"the shop\";",
            "GRANT INSERT, DELETE ON \"public\".pampa_handover, \"public\".pampa_history, \"public\".pampa_sample TO \"the shop\";",
            "GRANT INSERT, UPDATE, DELETE ON \"public\".pampa_assignment TO \"the shop\";",
            $"GRANT UPDATE{few} ON \"shop\".\"Orders\" TO \"the shop\";",
            "-- and what runs tasks (run, node, worker); of the columns to update, those that no handler sets may be left out",
            "GRANT INSERT, UPDATE ON \"public\".pampa_worker, \"public\".pampa_job, \"public\".pampa_node TO \"the shop\";",
            "GRANT DELETE ON \"public\".pampa_handover TO \"the shop\";",
            "GRANT INSERT, UPDATE, DELETE ON \"public\".pampa_load TO \"the shop\";",
            "GRANT INSERT ON \"public\".pampa_history TO \"the shop\";",
            $"GRANT UPDATE{more} ON \"shop\".\"Orders\" TO \"the shop\";",
            "-- and who pauses, resumes, relaunches, retries, cancels, skips and runs now",
            "GRANT INSERT, UPDATE, DELETE ON \"public\".pampa_hold TO \"the shop\";",
            "GRANT UPDATE ON \"public\".pampa_schedule TO \"the shop\";",
            "GRANT INSERT, DELETE ON \"public\".pampa_schedule_run TO \"the shop\";",
            "GRANT INSERT, UPDATE ON \"public\".pampa_audit TO \"the shop\";",
            "GRANT INSERT ON \"public\".pampa_history TO \"the shop\";",
            $"GRANT UPDATE{few} ON \"shop\".\"Orders\" TO \"the shop\";",
        ];

        var before = Lines(await DoneAsync(Address(db), "migrate", "--dry-run", "--role", "the shop"));
        Assert.Equal(expected, before[^expected.Length..]);
        Assert.EndsWith("statements would run; nothing was changed.", before[^(expected.Length + 1)], StringComparison.Ordinal);
        await DoneAsync(Address(db), "migrate");
        Assert.Equal(expected, Lines(await DoneAsync(Address(db), "migrate", "--role", "the shop"))[^expected.Length..]);
        // For nobody in particular they are remarks: the rest can go to the database's shell as it is.
        var remarks = Lines(await DoneAsync(Address(db), "migrate", "--dry-run"))[^expected.Length..];
        Assert.All(remarks, line => Assert.StartsWith("--", line, StringComparison.Ordinal));
        Assert.Contains(remarks, line => line == "--   GRANT USAGE ON SCHEMA \"public\", \"shop\" TO \"your_role\";");
        using var json = JsonDocument.Parse(await DoneAsync(Address(db), "migrate", "--dry-run", "--json", "--role", "the shop"));
        var grants = json.RootElement.GetProperty("grants").EnumerateArray().ToList();
        Assert.Equal(["anything", "dispatching", "working", "steering"], grants.Select(g => g.GetProperty("for").GetString()));
        Assert.Equal(expected.Where(line => !line.StartsWith('-')), grants.SelectMany(g => g.GetProperty("statements").EnumerateArray()).Select(s => $"{s.GetString()};"));
        Assert.DoesNotContain("GRANT", await DoneAsync(Address(db), "migrate"), StringComparison.Ordinal);
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task As_printed_they_suffice_for_every_verb(Engine engine)
    {
        await using var db = await WithOrdersAsync(engine);
        var role = $"u{Guid.NewGuid():N}";
        await DoneAsync(Address(db), "migrate");
        await db.ExecuteAsync("INSERT INTO shop.\"Orders\" (shop, id) SELECT 'a', n FROM generate_series(1, 40) AS n");
        await db.ExecuteAsync($"CREATE ROLE {role} LOGIN");
        await db.ExecuteAsync(await DoneAsync(Address(db), "migrate", "--dry-run", "--role", role));
        try
        {
            var address = Address(db, role);
            await DoneAsync(address, "run", "--drain", "--workers", "2");
            Assert.Equal(40, await db.ScalarAsync<int>("SELECT count(*) FROM shop.\"Orders\" WHERE twice = 14 AND price_success"));
            Assert.Contains("40 records are pending again", await DoneAsync(address, "relaunch", "price", "--all", "--yes"), StringComparison.Ordinal);
            await DoneAsync(address, "pause", "job", "price");
            await DoneAsync(address, "resume", "job", "price");
            await DoneAsync(address, "status", "--exact", "--explain", "--workers");
            await DoneAsync(address, "explain", "price", "a,7");
            await DoneAsync(address, "preview", "price");
            await DoneAsync(address, "run", "--drain", "--workers", "2");
            await DoneAsync(address, "retry", "price", "a,7");
            await DoneAsync(address, "relaunch", "price", "a,7");
            await DoneAsync(address, "cancel", "price", "a,7");
            await DoneAsync(address, "tasks", "price", "--state", "failed", "--order", "latest", "--columns", "price");
            await DoneAsync(address, "errors", "price");
            await DoneAsync(address, "audit");
            // It would end with 2 if a right were missing.
            Assert.DoesNotContain("privilege-missing", await DoneAsync(address, "doctor"), StringComparison.Ordinal);
            // All that it has is told: nothing is to be done, and nothing can be.
            Assert.Contains("-- Nothing to do.", await DoneAsync(address, "migrate"), StringComparison.Ordinal);
        }
        finally
        {
            await db.ExecuteAsync($"DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
        }
    }

    [Fact]
    public async Task Who_lacks_rights_is_told_each_of_them_at_the_start()
    {
        await using var db = await WithOrdersAsync(Engine.PostgreSql);
        var role = $"u{Guid.NewGuid():N}";
        await DoneAsync(Address(db), "migrate");
        await db.ExecuteAsync($"CREATE ROLE {role} LOGIN");
        try
        {
            var (code, _, errors) = await RunAsync(Address(db, role), "run", "--drain");
            Assert.Equal(2, code);
            Assert.Equal(15, Lines(errors).Length);
            Assert.Equal($"The user {role} lacks the right to SELECT, INSERT, UPDATE, DELETE. GRANT SELECT, INSERT, UPDATE, DELETE ON \"public\".\"pampa_assignment\" TO {role}.", Lines(errors)[0]);

            await db.ExecuteAsync($"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}");
            (code, _, errors) = await RunAsync(Address(db, role), "run", "--drain");
            Assert.Equal(2, code);
            Assert.Equal(3, Lines(errors).Length);
            Assert.StartsWith($"Job 'price': The user {role} lacks the right to use schema 'shop'. GRANT USAGE ON SCHEMA \"shop\" TO {role}.", errors, StringComparison.Ordinal);

            await db.ExecuteAsync($"GRANT USAGE ON SCHEMA shop TO {role}");
            await db.ExecuteAsync($"GRANT UPDATE (price) ON shop.\"Orders\" TO {role}");
            (code, _, errors) = await RunAsync(Address(db, role), "run", "--drain");
            Assert.Equal(2, code);
            Assert.Equal(2, Lines(errors).Length);
            Assert.All(Lines(errors), line => Assert.StartsWith($"Job 'price': The user {role} lacks the right to ", line, StringComparison.Ordinal));
            Assert.Contains("GRANT UPDATE (\"price_reservation_id\", ", errors, StringComparison.Ordinal);

            // Who only looks needs less.
            await db.ExecuteAsync($"GRANT SELECT ON shop.\"Orders\" TO {role}; REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM {role}");
            await DoneAsync(Address(db, role), "status", "--exact");
            (code, _, errors) = await RunAsync(Address(db, role), "pause", "job", "price");
            Assert.Equal(2, code);
            Assert.Contains($"GRANT SELECT, INSERT, UPDATE, DELETE ON pampa_hold TO \"{role}\"", errors, StringComparison.Ordinal);
        }
        finally
        {
            await db.ExecuteAsync($"DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
        }
    }

    [Fact]
    public async Task Rights_of_before_suffice_to_begin_and_doctor_tells_what_has_come_since()
    {
        await using var db = await WithOrdersAsync(Engine.PostgreSql);
        var role = $"u{Guid.NewGuid():N}";
        await DoneAsync(Address(db), "migrate");
        await db.ExecuteAsync("INSERT INTO shop.\"Orders\" (shop, id) SELECT 'a', n FROM generate_series(1, 4) AS n");
        await db.ExecuteAsync($"CREATE ROLE {role} LOGIN");
        await db.ExecuteAsync(await DoneAsync(Address(db), "migrate", "--dry-run", "--role", role));
        await db.ExecuteAsync($"REVOKE DELETE ON pampa_audit FROM {role}");
        try
        {
            await DoneAsync(Address(db, role), "run", "--drain", "--workers", "2");
            Assert.Equal(4, await db.ScalarAsync<int>("SELECT count(*) FROM shop.\"Orders\" WHERE price_success"));
            var (_, said, _) = await RunAsync(Address(db, role), "doctor");
            Assert.Contains($"GRANT DELETE ON \"public\".\"pampa_audit\" TO {role}", said, StringComparison.Ordinal);
        }
        finally
        {
            await db.ExecuteAsync($"DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
        }
    }

    [Fact]
    public async Task Where_nothing_may_be_deleted_from_the_audit_one_line_says_so_and_the_leader_goes_on()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var user = cluster.Db.User!;
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await cluster.Db.ExecuteAsync($"REVOKE DELETE ON pampa_audit FROM {user}");
        var tries = 0;
        process.Faults.Note("DELETE FROM pampa_audit", () => tries++);
        await cluster.UntilEndedAsync();
        Assert.False(await process.Sampler.CycleAsync(Stopping));
        // An hour in which it leads.
        for (var seconds = 0; seconds < 3_610; seconds += 10)
        {
            await cluster.AdvanceAsync(10);
            Assert.NotNull(await process.Dispatcher.LeadAsync(Stopping));
        }
        Assert.False(await process.Sampler.CycleAsync(Stopping));
        await cluster.Db.ExecuteAsync($"GRANT DELETE ON pampa_audit TO {user}");

        Assert.Equal((2, 0), (tries, process.Outages));
        var line = Assert.Single(process.Lines, line => line.Contains("audit", StringComparison.Ordinal));
        Assert.StartsWith("Warning: What is too old in the audit cannot be thrown away", line, StringComparison.Ordinal);
        Assert.Contains($"GRANT SELECT, INSERT, UPDATE, DELETE ON pampa_audit TO \"{user}\"", line, StringComparison.Ordinal);
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_right_that_is_taken_away_suspends_the_job_with_one_line_that_names_it(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(4);
        var user = cluster.Db.User!;
        var process = await cluster.StartAsync(job => job.Process(task => task["note"] = "done"));
        await cluster.Db.ExecuteAsync($"REVOKE UPDATE ON numbers FROM {user}");
        for (var i = 0; i < 40; i++)
        {
            await process.RoundAsync();
            await cluster.LiveAsync(1);
        }
        var line = Assert.Single(process.Lines, line => line.Contains("suspended", StringComparison.Ordinal));
        Assert.Contains($"permission denied for table numbers. GRANT SELECT, UPDATE ON numbers TO \"{user}\"; 'migrate --dry-run' prints all rights that the program needs", line, StringComparison.Ordinal);
        Assert.Equal(0, process.Outages);
        await cluster.Db.ExecuteAsync($"GRANT UPDATE ON numbers TO {user}");
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1, "done"), (row.IsCompleted, row.N, row.Note)));
    }

    [Fact]
    public async Task A_column_that_may_not_be_changed_keeps_the_results_waiting()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(job => job.Process(task => task["note"] = "done"));
        await cluster.Db.ExecuteAsync($"REVOKE UPDATE (note) ON numbers FROM {cluster.Db.User}");
        for (var i = 0; i < 10; i++)
        {
            await process.RoundAsync();
            await cluster.LiveAsync(1);
        }
        Assert.Equal((2, 2, 0), (cluster.Calls.Count, process.Lane.Finisher.Count, process.Counters.Completed));
        Assert.Contains("GRANT SELECT, UPDATE ON numbers TO ", Assert.Single(process.Lines, line => line.Contains("suspended", StringComparison.Ordinal)), StringComparison.Ordinal);
        await cluster.Db.ExecuteAsync($"GRANT UPDATE (note) ON numbers TO {cluster.Db.User}");
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1, "done"), (row.IsCompleted, row.N, row.Note)));
    }

    [Theory]
    [InlineData("permission denied for schema My Shop", "SELECT 1", "GRANT USAGE ON SCHEMA \"My Shop\" TO \"me\"; ")]
    [InlineData("permission denied for schema public", "CREATE TABLE x (y int)", "GRANT USAGE, CREATE ON SCHEMA public TO \"me\". Or run the verb 'migrate' ")]
    [InlineData("permission denied for table Order", "WITH v AS (SELECT 1) UPDATE \"Order\" SET x = 1", "GRANT SELECT, UPDATE ON \"Order\" TO \"me\"; ")]
    [InlineData("permission denied for relation orders", "SELECT 1 FROM orders", "GRANT SELECT ON orders TO \"me\"; ")]
    [InlineData("permission denied for table pampa_handover", "WITH x AS (SELECT 1) UPDATE numbers SET x = 1", "GRANT SELECT, INSERT, DELETE ON pampa_handover TO \"me\"; ")]
    [InlineData("user me does not have UPDATE privilege on relation numbers", "WITH v AS (SELECT 1) UPDATE numbers SET x = 1", "GRANT SELECT, UPDATE ON numbers TO \"me\"; ")]
    [InlineData("permission denied for database \"shop\"", "", "GRANT CONNECT ON DATABASE shop TO \"me\"; ")]
    [InlineData("must be owner of table orders", "ALTER TABLE orders ADD COLUMN x int", "Only the table's owner may do this: ")]
    [InlineData("droit refusé", "SELECT 1 FROM orders", "GRANT \"me\" the right to run it; ")]
    public void A_refusal_names_what_to_grant(string message, string statement, string remedy) =>
        Assert.StartsWith(remedy, MissingRight.Remedy(message, statement, "me"), StringComparison.Ordinal);

    [Fact]
    public void Every_control_table_has_its_rights()
    {
        Assert.Equal(Schema.ControlTableNames.Order(StringComparer.Ordinal),
            Rights.OfControlTables([RightsFor.Anything], hasSetup: false).Select(r => r.Table).Order(StringComparer.Ordinal));
        Assert.All(Rights.OfControlTables([RightsFor.Anything], hasSetup: false), r => Assert.Equal("SELECT", r.Right));
        Assert.Null(Rights.OfControlTable("numbers"));
    }
}
