namespace Pampa.Tests.EndToEnd;

/// <summary>Processes that would look for work once an hour, and are told of it; and processes that nobody can tell.</summary>
[Collection(OneByOne.Name)]
public sealed class WakeUpTests(ProgramFixture programs)
{
    private const string Hour = "3600";

    private Task<Child> StartAsync(NumbersDatabase database, string which, params string[] arguments) =>
        programs.StartAsync(ProgramFixture.Cases, arguments, [.. database.Environment, ("PAMPA_TEST_CASE", which)]);

    [Fact]
    public async Task What_is_inserted_is_done_at_once_by_a_node_of_another_process()
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite: false, programs, Readiness.Case("woken"));
        var dispatcher = await StartAsync(database, "woken", "dispatcher", "--delay", Hour);
        await dispatcher.HearAsync("This process leads 'cluster' in term 1");
        var node = await StartAsync(database, "woken", "node", "--name", "a", "--workers", "1", "--delay", Hour);
        await node.HearAsync("Node 'a' has 1 workers");
        // Until the leader has seen the node there is nobody to wake it for.
        await dispatcher.UntilAsync(async () =>
        {
            await database.ExecuteAsync("INSERT INTO numbers (value) SELECT COALESCE(max(value), 0) + 1 FROM numbers");
            return await database.CountAsync(NumbersDatabase.Completed) > 0;
        }, "a record is done");
        for (var value = 1_001; value <= 1_003; value++)
        {
            await database.ExecuteAsync($"INSERT INTO numbers (value) VALUES ({value})");
            await dispatcher.UntilAsync(
                async () => await database.CountAsync($"value = {value} AND {NumbersDatabase.Completed}") == 1, $"{value} is done");
        }
        Assert.DoesNotContain("[312]", dispatcher.Said + node.Said, StringComparison.Ordinal);
        foreach (var process in (Child[])[node, dispatcher])
        {
            process.Terminate();
            Assert.Equal(0, await process.EndAsync());
        }
    }

    [Fact]
    public async Task A_table_of_somebody_elses_gets_its_trigger_by_migrate_only()
    {
        // Its owner's: who migrates, and who has not, is what this is about.
        await using var database = await NumbersDatabase.CreateAsync(onSqlite: false, programs);
        await database.ExecuteAsync("""
            CREATE TABLE numbers (value bigint PRIMARY KEY, is_odd boolean, odd_checking_reservation_id text, odd_checking_reservation_time timestamptz,
              odd_checking_reservation_times integer, odd_checking_start_time timestamptz, odd_checking_end_time timestamptz, odd_checking_success boolean,
              odd_checking_error_description text)
            """);
        var without = await StartAsync(database, "woken-elsewhere", "--drain");
        Assert.Equal(0, await without.EndAsync());
        Assert.Contains("Pampa[314] Job 'odd' wants to be woken by inserts, but its table has no trigger", without.Said, StringComparison.Ordinal);

        var migrate = await StartAsync(database, "woken-elsewhere", "migrate");
        Assert.Equal(0, await migrate.EndAsync());
        Assert.Contains("CREATE TRIGGER \"pampa_wake_", migrate.Said, StringComparison.Ordinal);
        var again = await StartAsync(database, "woken-elsewhere", "migrate");
        Assert.Equal(0, await again.EndAsync());
        Assert.Contains("-- Nothing to do.", again.Said, StringComparison.Ordinal);

        var run = await StartAsync(database, "woken-elsewhere", "run", "--delay", Hour);
        await run.HearAsync("Node 'local' has");
        Assert.DoesNotContain("[314]", run.Said, StringComparison.Ordinal);
        await run.UntilAsync(async () =>
        {
            await database.ExecuteAsync("INSERT INTO numbers (value) SELECT COALESCE(max(value), 0) + 1 FROM numbers");
            return await database.CountAsync(NumbersDatabase.Completed) > 1;
        }, "two records are done");
    }

    [Fact]
    public async Task Behind_a_pooler_in_transaction_mode_everything_is_done_and_one_line_says_what_is_missing()
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite: false, programs, Readiness.Numbers);
        await using var pooler = await Pooler.StartAsync(programs.NewFolder(), database.User);
        var run = await programs.StartAsync(ProgramFixture.Numbers, ["run"], ("PAMPA_DATABASE_URL", pooler.Url(database.Settings)));
        await run.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Completed) == 100_000, "all numbers are completed");
        await run.HearAsync("[312]");
        run.Terminate();
        Assert.Equal(0, await run.EndAsync());
        await database.AllAreRightAsync();
        Assert.Equal(0, await database.CountAsync("odd_checking_reservation_times > 1"));
        Assert.Equal(2, run.Said.Split("[312]").Length);
        Assert.Contains("pgbouncer", run.Said, StringComparison.Ordinal);
    }
}
