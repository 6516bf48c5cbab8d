using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>
/// The shortest whole story of each class that runs one by one, once more on what passes for a CockroachDB and fails as often as one that
/// is busy: no attempt is charged for that, and no text of it is stored. They only wait, with patience, so they run beside other tests.
/// </summary>
public sealed class CockroachStoriesTests(ProgramFixture programs)
{
    [Fact]
    public Task A_stop_in_the_middle_leaves_nothing_held_and_charges_nothing() =>
        new NumbersTests(programs).A_stop_in_the_middle_leaves_nothing_held_and_charges_nothing(Engine.Restarting);

    [Fact]
    public Task A_handler_that_does_not_end_is_abandoned_and_the_exit_code_says_so() =>
        new StoppingTests(programs).A_handler_that_does_not_end_is_abandoned_and_the_exit_code_says_so(Engine.Restarting);

    [Fact]
    public Task Workers_whose_node_is_killed_end_in_good_order() =>
        new IsolatedTests(programs).Workers_whose_node_is_killed_end_in_good_order(Engine.Restarting);

    [Fact]
    public Task After_kills_in_the_middle_each_transfer_is_made_once() =>
        new TransferTests(programs).After_kills_in_the_middle_each_transfer_is_made_once(Engine.Restarting);

    [Fact]
    public Task A_drain_waits_for_what_runs_and_says_so_when_its_time_is_over() =>
        new OperatedProcessesTests(programs).A_drain_waits_for_what_runs_and_says_so_when_its_time_is_over(nameof(Engine.Restarting));

    [Fact]
    public async Task Whoever_is_killed_is_recovered_and_nobody_else_is_charged()
    {
        await using var database = await NumbersDatabase.CreateAsync(Engine.Restarting, programs, Readiness.Numbers);
        Task<Child> StartAsync(params string[] verb) => programs.StartAsync(ProgramFixture.Numbers, verb, database.Environment);
        var dispatcher = await StartAsync("dispatcher");
        await dispatcher.HearAsync("This process leads 'cluster' in term ");
        var killed = await StartAsync("node", "--name", "a", "--workers", "2");
        var b = await StartAsync("node", "--name", "b", "--workers", "2");
        foreach (var node in (string[])["a", "b"])
            await dispatcher.UntilAsync(async () => await database.CountAsync($"odd_checking_reservation_id LIKE '{node}.%' AND odd_checking_end_time IS NOT NULL") > 100, $"{node} has completed some");
        await killed.KillAsync();
        Assert.InRange(await database.CountAsync(NumbersDatabase.Completed), 200, int.MaxValue);
        // However fast they were, something is left: nobody else works, and there are new records.
        b.Terminate();
        Assert.Equal(0, await b.EndAsync());
        await database.ExecuteAsync("INSERT INTO numbers (value) SELECT g FROM generate_series(1000001, 1002000) AS g");
        var again = await StartAsync("node", "--name", "a", "--workers", "2");
        await again.HearAsync("Node 'a' has 2 workers, session ");
        var before = await database.CountAsync("odd_checking_reservation_id LIKE 'a.%' AND odd_checking_end_time IS NOT NULL");
        await again.UntilAsync(
            async () => await database.CountAsync("odd_checking_reservation_id LIKE 'a.%' AND odd_checking_end_time IS NOT NULL") > before + 100, "it goes on");
        foreach (var process in (Child[])[again, dispatcher])
        {
            process.Terminate();
            Assert.Equal(0, await process.EndAsync());
        }
        Assert.Equal(0, await database.CountAsync($"{NumbersDatabase.Completed} AND is_odd <> (value % 2 <> 0)"));
        // Only what the one that was killed had started, or not yet written, is charged, also what arrived after its death; it may wait for its turn still.
        Assert.InRange(
            await database.CountAsync("odd_checking_reservation_times = 2 OR (odd_checking_reservation_times = 1 AND odd_checking_end_time IS NULL)"), 0, ClusterProcessesTests.MostOpen);
        Assert.Equal(0, await database.CountAsync("odd_checking_reservation_times > 2"));
        await database.NothingIsInjectedAsync();
    }
}
