namespace Pampa.Tests.EndToEnd;

/// <summary>The samples that choose their records by a statement of their own: the examples of the original.</summary>
public sealed class SelectionTests(ProgramFixture programs)
{
    public static TheoryData<string> Engines => [nameof(Fixtures.Engine.Sqlite), nameof(Fixtures.Engine.PostgreSql), nameof(Fixtures.Engine.Portable)];

    private async Task<(NumbersDatabase Database, Child Run)> DrainAsync(string sample, string engine)
    {
        var database = await NumbersDatabase.CreateAsync(Enum.Parse<Fixtures.Engine>(engine), programs, new Readiness(sample));
        return (database, await programs.StartAsync(sample, [.. database.Arguments, "--drain"], database.Environment));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Numbers_are_done_from_the_last_to_the_first(string engine)
    {
        var (database, run) = await DrainAsync("samples/numbers-reversed.cs", engine);
        await using var _ = database;

        Assert.Equal(0, await run.EndAsync());

        Assert.Equal(1_000, await database.CountAsync($"{NumbersDatabase.Completed} AND is_odd = (value % 2 <> 0) AND odd_checking_reservation_id LIKE '%.1'"));
        // Batch by batch: whoever was reserved later has a smaller number.
        Assert.Equal(0, await database.CountAsync(
            "EXISTS (SELECT 1 FROM numbers AS n WHERE n.value > numbers.value AND n.odd_checking_reservation_time > numbers.odd_checking_reservation_time)"));
        Assert.True((await database.ReadAsync("SELECT DISTINCT odd_checking_reservation_time FROM numbers")).Count > 1);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_second_job_goes_on_with_what_the_first_one_has_found(string engine)
    {
        var (database, run) = await DrainAsync("samples/submit-odd-numbers.cs", engine);
        await using var _ = database;

        Assert.Equal(0, await run.EndAsync());

        Assert.Equal(1_000, await database.CountAsync(NumbersDatabase.Completed));
        Assert.Equal(500, await database.CountAsync("submit_odd_success AND submit_odd_reservation_times = 1 AND is_odd AND submit_odd_start_time >= odd_checking_end_time"));
        Assert.Equal(500, await database.CountAsync("COALESCE(submit_odd_reservation_times, 0) = 0 AND submit_odd_end_time IS NULL AND NOT is_odd"));
        Assert.Contains("500 tasks: 500 completed, 0 failed, 0 pending", run.Said, StringComparison.Ordinal);
    }
}
