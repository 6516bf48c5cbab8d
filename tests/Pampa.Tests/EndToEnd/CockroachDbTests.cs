using Pampa.Chaos.Wire;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>The command line on what passes for a CockroachDB and fails as often as one that is busy.</summary>
public sealed class CockroachDbTests(ProgramFixture programs)
{
    private const int Numbers = 3_000;
    private const string Injected = "odd_checking_error_description IS NOT NULL";

    [Fact]
    public async Task No_attempt_is_charged_for_what_the_database_wants_repeated()
    {
        // More of them are ambiguous than would be in earnest, so that some are for sure.
        await using var database = await NumbersDatabase.CreateAsync(
            Engine.Restarting, programs, Readiness.Case("some"), new CockroachFaults(7) { Ambiguous = 0.03 });
        Task<Child> CaseAsync(params string[] verb) => programs.StartAsync(
            ProgramFixture.Cases, verb, [.. database.Environment, ("PAMPA_TEST_CASE", "some")]);
        var dispatcher = await CaseAsync("dispatcher");
        await dispatcher.HearAsync("This process leads 'cluster' in term ");
        var a = await CaseAsync("node", "--name", "a", "--workers", "2");
        var b = await CaseAsync("node", "--name", "b", "--workers", "2");
        await a.UntilAsync(async () => await database.CountAsync("odd_checking_end_time IS NOT NULL") == Numbers, "all numbers have ended");

        Assert.Contains("Database: CockroachDB, host ", dispatcher.Said, StringComparison.Ordinal);
        if (database.Proxy is not null) Assert.Contains("; the server says that it is a CockroachDB)", dispatcher.Said, StringComparison.Ordinal);
        Assert.Equal(Numbers, await database.CountAsync($"{NumbersDatabase.Completed} AND is_odd = (value % 2 <> 0)"));
        Assert.Equal(0, await database.CountAsync("odd_checking_reservation_times <> 1"));
        Assert.Equal(0, await database.CountAsync(Injected));
        Assert.True(await database.CountAsync("odd_checking_reservation_id LIKE 'a.%'") > 0 && await database.CountAsync("odd_checking_reservation_id LIKE 'b.%'") > 0, a.Said);
        foreach (var process in (Child[])[a, b, dispatcher])
        {
            process.Terminate();
            Assert.Equal(0, await process.EndAsync());
        }
        if (database.Proxy?.Cockroach is not { } like) return;
        Assert.Empty(like.Refused);
        Assert.InRange(like.Failed.GetValueOrDefault("40001"), 50, int.MaxValue);
        Assert.InRange(like.Failed.GetValueOrDefault("40003"), 1, int.MaxValue);
    }

    [Fact]
    public async Task A_table_is_migrated_by_statements_that_it_takes()
    {
        // Its owner's: whoever migrates makes tables.
        await using var database = await NumbersDatabase.CreateAsync(Engine.Restarting, programs);
        await database.ExecuteAsync("CREATE TABLE numbers (value bigint PRIMARY KEY, is_odd boolean)");
        async Task<string> SayAsync(params string[] verb)
        {
            var child = await programs.StartAsync(ProgramFixture.Cases, verb, [.. database.Environment, ("PAMPA_TEST_CASE", "plain")]);
            Assert.Equal(0, await child.EndAsync());
            return child.Said;
        }
        Assert.Contains("USING HASH WHERE \"odd_checking_end_time\" IS NULL;", await SayAsync("migrate", "--dry-run"), StringComparison.Ordinal);
        Assert.Contains("-- Done: ", await SayAsync("migrate"), StringComparison.Ordinal);
        Assert.Contains("-- Nothing to do.", await SayAsync("migrate", "--dry-run"), StringComparison.Ordinal);
        if (database.Proxy?.Cockroach is { } like) Assert.Empty(like.Refused);
    }
}
