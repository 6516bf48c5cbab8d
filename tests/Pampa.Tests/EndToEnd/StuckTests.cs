namespace Pampa.Tests.EndToEnd;

/// <summary>A process one of whose loops stands still. It only waits, so it does that beside the other tests.</summary>
public sealed class StuckTests(ProgramFixture programs)
{
    private static readonly TimeSpan LoopEnd = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task A_process_that_is_told_to_stop_and_whose_loop_stands_still_ends_with_5()
    {
        await using var database = NumbersDatabase.Sqlite(programs.NewFolder());
        var go = Path.Combine(programs.NewFolder(), "go");
        var run = await programs.StartAsync(
            ProgramFixture.Cases, ["run", "--workers", "1", .. database.Arguments], ("PAMPA_TEST_CASE", "stuck"), ("PAMPA_TEST_GO", go));
        await run.HearAsync("This process leads 'cluster' in term 1");
        await File.WriteAllTextAsync(go, "", TestContext.Current.CancellationToken);
        await run.HearAsync("the condition stands still");
        run.Terminate();
        Assert.Equal(5, await run.EndAsync(3 * LoopEnd));
        Assert.Contains("A loop did not end when the process was told to stop: it stands still.", run.Said, StringComparison.Ordinal);
        // Nothing was begun that would be charged.
        Assert.Equal(1, await database.CountAsync("odd_checking_reservation_id IS NULL AND COALESCE(odd_checking_reservation_times, 0) = 0"));
    }
}
