using System.Globalization;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>The first program of the README, as a process: it drains, dies, comes again, stops.</summary>
[Collection(OneByOne.Name)]
public sealed class NumbersTests(ProgramFixture programs)
{
    private async Task<Child> StartAsync(NumbersDatabase database, params string[] more) =>
        await programs.StartAsync(ProgramFixture.Numbers, [.. database.Arguments, .. more], database.Environment);

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_hundred_thousand_numbers_are_drained(bool onSqlite)
    {
        // Its owner's: a program that is run for the first time makes its tables by itself.
        await using var database = await NumbersDatabase.CreateAsync(onSqlite, programs);
        var run = await StartAsync(database, "--drain");

        Assert.Equal(0, await run.EndAsync());

        await database.AllAreRightAsync();
        Assert.Equal(100_000, await database.CountAsync("odd_checking_reservation_times = 1"));
        Assert.StartsWith($"Database: {(onSqlite ? "SQLite, file " : "PostgreSQL, host 127.0.0.1, port ")}", run.Said, StringComparison.Ordinal);
        Assert.Contains("100,000 tasks: 100,000 completed, 0 failed, 0 pending, 0 scheduled, 0 reserved, 0 running", run.Said, StringComparison.Ordinal);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task After_a_kill_the_next_run_completes_all_and_charges_only_what_was_running(bool onSqlite)
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite, programs, Readiness.Numbers);
        var killed = await StartAsync(database, "--drain");
        await killed.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Completed) >= 10_000, "10,000 are completed");
        await killed.KillAsync();
        Assert.True(await database.CountAsync(NumbersDatabase.Completed) < 100_000, "it was killed too late");
        var running = (await database.ReadAsync($"SELECT value FROM numbers WHERE {NumbersDatabase.Running}")).ConvertAll(Key);

        var next = await StartAsync(database, "--drain");
        Assert.Equal(0, await next.EndAsync());

        await database.AllAreRightAsync();
        var charged = (await database.ReadAsync("SELECT value FROM numbers WHERE odd_checking_reservation_times > 1")).ConvertAll(Key);
        Assert.Equal(running.Order(), charged.Order());
        Assert.Equal(charged.Count, await database.CountAsync("odd_checking_reservation_times = 2"));
        Assert.Equal(100_000 - charged.Count, await database.CountAsync("odd_checking_reservation_times = 1"));
    }

    private static long Key(object?[] row) => Convert.ToInt64(row[0], CultureInfo.InvariantCulture);

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_second_process_stands_by_and_takes_over_from_a_leader_that_is_killed(bool onSqlite)
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite, programs, Readiness.Numbers);
        var leader = await StartAsync(database);
        await leader.HearAsync("This process leads 'cluster' in term 1");
        var other = await StartAsync(database, "--drain");
        await other.HearAsync("Node 'local-2' has");
        await leader.KillAsync();

        Assert.Equal(0, await other.EndAsync());

        await database.AllAreRightAsync();
        Assert.Contains("This process leads 'cluster' in term 2", other.Said, StringComparison.Ordinal);
        Assert.Equal(0, await database.CountAsync("odd_checking_reservation_times > 2"));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_stop_in_the_middle_leaves_nothing_held_and_charges_nothing(Engine engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(engine, programs, Readiness.Numbers);
        var run = await StartAsync(database);
        await run.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Completed) >= 5_000, "5,000 are completed");
        run.Terminate();

        Assert.Equal(0, await run.EndAsync());

        var completed = await database.CountAsync(NumbersDatabase.Completed);
        Assert.InRange(completed, 5_000, 99_999);
        Assert.Equal(0, await database.CountAsync("odd_checking_reservation_id IS NOT NULL AND odd_checking_end_time IS NULL"));
        Assert.Equal(0, await database.CountAsync(NumbersDatabase.Running));
        Assert.Equal(completed, await database.CountAsync("odd_checking_reservation_times = 1"));
        Assert.Equal(100_000 - completed, await database.CountAsync("COALESCE(odd_checking_reservation_times, 0) = 0"));
        Assert.Contains("Stopping; a second signal ends the program at once.", run.Said, StringComparison.Ordinal);
        await database.NothingIsInjectedAsync();
    }

    [Fact]
    public async Task The_originals_table_works_unchanged()
    {
        await using var database = await NumbersDatabase.CreateAsync(Engine.PostgreSql, programs);
        await database.ExecuteAsync("""
            CREATE TABLE numbers (value bigint PRIMARY KEY, odd_checking_reservation_id varchar(500), odd_checking_reservation_time timestamp,
              odd_checking_reservation_times int, odd_checking_start_time timestamp, odd_checking_end_time timestamp, is_odd boolean,
              odd_checking_success boolean, odd_checking_error_description text)
            """);
        await database.ExecuteAsync("INSERT INTO numbers (value) SELECT g FROM generate_series(1, 2000) AS g");
        // As the former system left them: one done, one that has no attempt left.
        await database.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 3 WHERE value = 2");
        var columns = await database.ReadAsync(Catalog);
        await database.PrepareAsync(programs, Readiness.Case("plain"));

        var run = await programs.StartAsync(ProgramFixture.Cases, ["--drain"], [.. database.Environment, ("PAMPA_TEST_CASE", "plain")]);

        Assert.Equal(1, await run.EndAsync());
        Assert.Equal(1_999, await database.CountAsync(NumbersDatabase.Completed));
        Assert.Equal(1, await database.CountAsync("value = 2 AND odd_checking_end_time IS NOT NULL AND NOT odd_checking_success"));
        Assert.Equal(columns, await database.ReadAsync(Catalog));
    }

    private const string Catalog = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'numbers' ORDER BY ordinal_position";
}
