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
}
