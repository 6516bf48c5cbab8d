using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>A program that has its driver give times as in former days, which many have whose Entity Framework is older than that.</summary>
public sealed class OldTimesTests(ProgramFixture programs)
{
    [Fact]
    public async Task Where_the_driver_gives_local_times_each_record_is_completed_once()
    {
        await using var database = await NumbersDatabase.CreateAsync(Engine.PostgreSql, programs, Readiness.Case("idle"));
        await database.ExecuteAsync("INSERT INTO numbers (value) SELECT generate_series(1, 300)");
        var run = await programs.StartAsync(
            ProgramFixture.Cases, [.. database.Arguments, "--drain"],
            [.. database.Environment, ("PAMPA_TEST_CASE", "idle"), ("PAMPA_TEST_OLD_TIMES", "yes"), ("TZ", "America/New_York")]);
        Assert.Equal(0, await run.EndAsync());
        Assert.Equal(300, await database.CountAsync("odd_checking_success = TRUE AND odd_checking_reservation_times = 1"));
    }
}
