using Pampa.Tests.Fixtures;

namespace Pampa.Tests.EndToEnd;

/// <summary>What a user gets wrong: exit code 2, and a text that says where, what was expected, what was found and how to mend it.</summary>
public sealed class ErrorTests(ProgramFixture programs)
{
    private const string Canary = "canary-7f3a";

    /// <summary>Runs a program that must end with 2; the password must appear nowhere.</summary>
    private async Task<string> RefusedAsync(string program, string[] arguments, params (string, string)[] environment)
    {
        var run = await programs.StartAsync(program, arguments, environment);
        var code = await run.EndAsync();
        Assert.True(code == 2, $"The exit code is {code}: {run.Said}");
        Assert.DoesNotContain(Canary, run.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Said, StringComparison.Ordinal);
        return run.Said;
    }

    private static void Says(string said, params string[] parts) => Assert.All(parts, part => Assert.Contains(part, said, StringComparison.Ordinal));

    private Task<string> NumbersAsync(string url) => RefusedAsync(ProgramFixture.Numbers, ["--drain"], ("PAMPA_DATABASE_URL", url));

    [Fact]
    public async Task A_port_on_which_nobody_listens()
    {
        var said = await NumbersAsync($"postgres://someone:{Canary}@127.0.0.1:1/shop");

        Says(said, "Cannot connect to the database (PostgreSQL, host 127.0.0.1, port 1, database shop, user someone)", "refused",
            "Check these values, and that the server runs");
    }

    [Fact]
    public async Task A_host_that_does_not_exist()
    {
        var said = await NumbersAsync($"postgres://someone:{Canary}@no-such-host.invalid/shop");

        Says(said, "Cannot connect to the database (PostgreSQL, host no-such-host.invalid, port 5432");
    }

    [Fact]
    public async Task A_database_and_a_user_that_the_server_does_not_know()
    {
        var server = await PostgresCluster.GetAsync();
        var url = new Uri(NumbersDatabase.PlainUrl(server.ConnectionString, $"nobody:{Canary}"));

        Says(await NumbersAsync(url.AbsoluteUri), "user nobody", "role \"nobody\" does not exist", "Check the user");
        Says(await NumbersAsync($"postgres://postgres:{Canary}@{url.Host}:{url.Port}/nowhere"),
            "database nowhere", "database \"nowhere\" does not exist", "Check these values");
    }

    [Fact]
    public async Task A_wrong_password()
    {
        var server = await PostgresCluster.GetAsync();
        if (server.Own is null) Assert.Skip("The server is not the test run's own, so its rules for logging in cannot be changed.");
        var rules = Path.Combine(server.Own.Folder, "data", "pg_hba.conf");
        await File.WriteAllTextAsync(rules, "host all guarded 127.0.0.1/32 scram-sha-256\n" + await File.ReadAllTextAsync(rules, TestContext.Current.CancellationToken),
            TestContext.Current.CancellationToken);
        await server.ExecuteAsync("CREATE ROLE guarded LOGIN PASSWORD 'right'");
        await server.ExecuteAsync("SELECT pg_reload_conf()");

        var said = await NumbersAsync(NumbersDatabase.PlainUrl(server.ConnectionString, $"guarded:{Canary}"));

        Says(said, "user guarded", "password authentication failed for user \"guarded\"", "Check the password");
    }

    [Fact]
    public async Task A_password_on_the_command_line()
    {
        var said = await RefusedAsync(ProgramFixture.Numbers, ["--db", $"postgres://someone:{Canary}@127.0.0.1/shop"]);
        Says(said, "A password on the command line can be read by every user of this computer", "--db env:NAME or --db file:PATH", "PAMPA_DATABASE_URL");

        Says(await RefusedAsync(ProgramFixture.Numbers, ["--db", $"Host=127.0.0.1;Password={Canary}"]), "A password on the command line");
    }

    [Fact]
    public async Task An_address_that_is_none()
    {
        Says(await NumbersAsync($"mysql://someone:{Canary}@127.0.0.1/shop"), "PAMPA_DATABASE_URL: this is not a database address", "expected postgres://");
        Says(await RefusedAsync(ProgramFixture.Numbers, ["--db", "env:NOT_SET_AT_ALL"]), "the environment has no variable 'NOT_SET_AT_ALL'");
        Says(await RefusedAsync(ProgramFixture.Numbers, ["--db", "file:nowhere.txt"]), "--db file:nowhere.txt", "cannot be read");
        Says(await RefusedAsync(ProgramFixture.Numbers, ["--db", "no/such/folder/numbers.db"]), "Cannot connect to the database (SQLite, file no/such/folder/numbers.db)");
    }

    [Fact]
    public async Task An_unknown_option_and_a_value_out_of_range()
    {
        Says(await RefusedAsync(ProgramFixture.Numbers, ["--drian"]), "--drian", "Run with --help");
        Says(await RefusedAsync(ProgramFixture.Numbers, ["--workers", "0"]), "--workers must be between 1 and 1000, got 0.");
    }

    private Task<string> CaseAsync(string name, string folder) =>
        RefusedAsync(ProgramFixture.Cases, ["--drain", "--db", Path.Combine(folder, "case.db")], ("PAMPA_TEST_CASE", name));

    [Theory]
    [InlineData("no-table", "Job 'odd': there is no table 'nowhere' in this database.", "Create it, or let the program do so with Setup.")]
    [InlineData("wrong-column", "Job 'odd': property 'IsOdds' of row type 'Number' has no column in table 'numbers' (did you mean 'is_odd'?)", "[NotMapped]")]
    [InlineData("wrong-key", "Job 'odd': key 'is_odd' does not identify a record: table 'numbers' has no primary key and no unique index on it.", "Use 'value'")]
    [InlineData("bad-setup", "Setup: the database refuses a statement:", "near \"TABEL\": syntax error", "Mend the statement")]
    [InlineData("bad-where", "Job 'odd': the database does not accept Where or OrderBy:", "no such column: valeu")]
    [InlineData("bad-relaunch-where", "Job 'odd': the database does not accept RelaunchWhere:", "no such column: valeu")]
    [InlineData("bad-allow-where", "Job 'odd': the database does not accept AllowWhere:", "no such column: worker.nmae")]
    [InlineData("several", "Workers must be between 1 and 1,000, got 0.", "Job 'first': QueueSize must be between 1 and 1,000, got 0.",
        "Job 'second': MaxAttempts must be between 1 and 1,000, got 0.")]
    public async Task A_program_that_does_not_fit_is_told_so(string name, params string[] parts) =>
        Says(await CaseAsync(name, programs.NewFolder()), parts);

    [Fact]
    public async Task A_table_without_state_columns_is_not_changed_and_the_statements_are_printed()
    {
        await using var database = NumbersDatabase.Sqlite(programs.NewFolder());
        await database.ExecuteAsync("CREATE TABLE numbers (value bigint PRIMARY KEY NOT NULL, is_odd boolean)");
        await database.ExecuteAsync("INSERT INTO numbers (value) VALUES (1), (2), (3)");

        var said = await RefusedAsync(ProgramFixture.Cases, ["--drain", .. database.Arguments], ("PAMPA_TEST_CASE", "plain"));

        Says(said, "Job 'odd': table 'numbers' lacks state columns.");
        var statements = said.Split('\n').Where(line => line.TrimStart().StartsWith("ALTER TABLE", StringComparison.Ordinal)).ToList();
        Assert.Equal(7, statements.Count);
        Assert.Equal([["value"], ["is_odd"]], await database.ReadAsync("SELECT name FROM pragma_table_info('numbers')"));

        // What was printed is what helps.
        foreach (var statement in statements) await database.ExecuteAsync(statement);
        var run = await programs.StartAsync(ProgramFixture.Cases, ["--drain", .. database.Arguments], ("PAMPA_TEST_CASE", "plain"));
        Assert.Equal(0, await run.EndAsync());
        Assert.Equal(3, await database.CountAsync(NumbersDatabase.Completed));
    }

    [Fact]
    public async Task A_drain_in_which_a_task_failed_ends_with_one()
    {
        await using var database = NumbersDatabase.Sqlite(programs.NewFolder());

        var run = await programs.StartAsync(ProgramFixture.Cases, ["--drain", .. database.Arguments], ("PAMPA_TEST_CASE", "failing"));

        Assert.Equal(1, await run.EndAsync());
        Says(run.Said, "odd: 3 tasks: 2 completed, 1 failed", "Job 'odd': record 2 failed in attempt 1 of 1", "two is not wanted");
    }
}
