using System.Globalization;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>A program whose records run again by themselves, a second after they have ended.</summary>
public sealed class RelaunchTests(ProgramFixture programs)
{
    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Restarting)]
    internal async Task Records_run_again_and_again_and_a_drain_ends_all_the_same(Engine engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(engine, programs, Readiness.Case("repeating"));
        (string, string)[] environment = [.. database.Environment, ("PAMPA_TEST_CASE", "repeating")];
        // Nothing but the relaunch itself makes the dispatcher look.
        var run = await programs.StartAsync(ProgramFixture.Cases, [.. database.Arguments, "--delay", "3600"], environment);
        await run.UntilAsync(async () => await database.CountAsync($"generation >= 2 AND {NumbersDatabase.Completed}") == 3, "all have run three times");
        run.Terminate();
        Assert.Equal(0, await run.EndAsync());
        foreach (var row in await database.ReadAsync("SELECT value, runs, odd_checking_reservation_times FROM numbers WHERE odd_checking_end_time IS NOT NULL"))
        {
            Assert.StartsWith(string.Create(CultureInfo.InvariantCulture, $" odd/{row[0]}/0 odd/{row[0]}/1 odd/{row[0]}/2"), (string)row[1]!, StringComparison.Ordinal);
            Assert.Equal(1, Convert.ToInt32(row[2], CultureInfo.InvariantCulture));
        }

        var drain = await programs.StartAsync(ProgramFixture.Cases, [.. database.Arguments, "--drain"], environment);
        Assert.Equal(0, await drain.EndAsync());
        Assert.Equal(3, await database.CountAsync(NumbersDatabase.Completed));
        await database.NothingIsInjectedAsync();
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Numbers_are_looked_at_again_ten_minutes_after_their_own_end_as_often_as_that_passes(bool onSqlite)
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite, programs);
        var run = await programs.StartAsync("samples/numbers-again.cs", database.Arguments, database.Environment);
        await run.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Completed) == 1_000, "all are done");
        // Nobody waits for ten minutes: what has ended, ended earlier. One is as if it had failed.
        await database.ExecuteAsync("UPDATE numbers SET odd_checking_success = FALSE, odd_checking_error_description = 'no' WHERE value = 7");
        for (var generation = 1; generation <= 2; generation++)
        {
            await database.ExecuteAsync($"UPDATE numbers SET odd_checking_start_time = NULL, odd_checking_end_time = {Earlier(onSqlite)} WHERE value <= 500 AND odd_checking_end_time IS NOT NULL");
            // A run that has failed is no generation.
            var isDone = $"{NumbersDatabase.Completed} AND value <= 500 AND COALESCE(odd_checking_generation, 0) >= {generation} - CASE WHEN value = 7 THEN 1 ELSE 0 END";
            await run.UntilAsync(async () => await database.CountAsync(isDone) == 500, "half of them are done again");
        }
        run.Terminate();
        Assert.Equal(0, await run.EndAsync());

        Assert.Equal(1_000, await database.CountAsync($"{NumbersDatabase.Completed} AND is_odd = (value % 2 <> 0) AND odd_checking_reservation_times = 1"));
        Assert.Equal(499, await database.CountAsync("odd_checking_generation = 2"));
        Assert.Equal(1, await database.CountAsync("odd_checking_generation = 1 AND value = 7 AND odd_checking_error_description IS NULL"));
        Assert.Equal(500, await database.CountAsync("COALESCE(odd_checking_generation, 0) = 0 AND value > 500"));
    }

    private static string Earlier(bool onSqlite) => onSqlite
        ? "strftime('%Y-%m-%dT%H:%M:%fZ', odd_checking_end_time, '-700 seconds')"
        : "odd_checking_end_time - interval '700 seconds'";
}
