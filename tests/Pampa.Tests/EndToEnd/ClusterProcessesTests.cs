namespace Pampa.Tests.EndToEnd;

/// <summary>A dispatcher, nodes and a worker as processes that meet only in the database.</summary>
[Collection(OneByOne.Name)]
public sealed class ClusterProcessesTests(ProgramFixture programs)
{
    // Two workers' start-ahead, and as much again twice that waits to be written.
    internal const int MostOpen = 3 * 2 * Pampa.Jobs.Limits.StartAheadRows;

    private static readonly string[] Jobs = ["first", "second", "third"];

    public static TheoryData<string> Engines =>
        [nameof(Fixtures.Engine.Sqlite), nameof(Fixtures.Engine.PostgreSql), nameof(Fixtures.Engine.Portable)];

    private async Task<Child> StartAsync(NumbersDatabase database, params string[] more) =>
        await programs.StartAsync(ProgramFixture.Numbers, [.. more, .. database.Arguments], database.Environment);

    private static Task DoneAsync(NumbersDatabase database, Child witness) => witness.UntilAsync(
        async () => await database.CountAsync(NumbersDatabase.Completed) == 100_000, "all numbers are completed");

    [Theory, MemberData(nameof(Engines))]
    public async Task Nodes_join_leave_and_die_and_every_number_is_completed(string engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(Enum.Parse<Fixtures.Engine>(engine), programs, Readiness.Numbers);
        var dispatcher = await StartAsync(database, "dispatcher");
        await dispatcher.HearAsync("This process leads 'cluster' in term 1");
        var a = await StartAsync(database, "node", "--name", "a", "--workers", "2");
        var b = await StartAsync(database, "node", "--name", "b", "--workers", "2");
        var c = await StartAsync(database, "worker", "--id", "c.1");
        foreach (var worker in (string[])["a.1", "b.2", "c.1"])
            await dispatcher.UntilAsync(async () => await database.CountAsync($"odd_checking_reservation_id = '{worker}' AND odd_checking_end_time IS NOT NULL") > 100, $"{worker} has completed some");
        await a.KillAsync();
        Assert.True(await database.CountAsync(NumbersDatabase.Completed) < 100_000, "it was killed too late");
        b.Terminate();
        Assert.Equal(0, await b.EndAsync());
        // A RESERVE that was on its way while it left comes back with the leader's next look at the workers.
        await dispatcher.UntilAsync(
            async () => await database.CountAsync("odd_checking_reservation_id LIKE 'b.%' AND odd_checking_end_time IS NULL") == 0,
            "nothing waits for the node that has left");
        var again = await StartAsync(database, "node", "--name", "a", "--workers", "2");
        await DoneAsync(database, again);

        await database.AllAreRightAsync();
        // Only what the killed node had started, or not yet written, is charged.
        Assert.InRange(await database.CountAsync("odd_checking_reservation_times = 2"), 0, MostOpen);
        Assert.Equal(0, await database.CountAsync("odd_checking_reservation_times > 2"));
        foreach (var process in (Child[])[c, again, dispatcher])
        {
            process.Terminate();
            Assert.Equal(0, await process.EndAsync());
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Handlers_that_take_all_threads_do_not_cost_their_workers_the_lease(bool onSqlite)
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite, programs, Readiness.Case("starving"));
        Task<Child> CaseAsync(params string[] verb) => programs.StartAsync(
            ProgramFixture.Cases, [.. verb, .. database.Arguments], [.. database.Environment, ("PAMPA_TEST_CASE", "starving")]);
        var dispatcher = await CaseAsync("dispatcher");
        await dispatcher.HearAsync("This process leads 'cluster' in term 1");
        var node = await CaseAsync("node", "--name", "a", "--workers", "4");
        // More than three leases long.
        await node.UntilAsync(async () => await database.CountAsync("odd_checking_end_time IS NOT NULL") == 4, "all have ended");
        Assert.True(
            await database.CountAsync("odd_checking_success = TRUE AND odd_checking_reservation_times = 1") == 4,
            $"An attempt was lost. The dispatcher said: {dispatcher.Said}{Environment.NewLine}The node said: {node.Said}");
        Assert.DoesNotContain("session 2", node.Said, StringComparison.Ordinal);
        await node.KillAsync();
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Three_jobs_share_two_workers_of_which_one_serves_only_the_first_of_each_node(bool onSqlite)
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite, programs, Readiness.Case("several-jobs"));
        var run = await programs.StartAsync(
            ProgramFixture.Cases, ["run", "--drain", "--workers", "2", .. database.Arguments], [.. database.Environment, ("PAMPA_TEST_CASE", "several-jobs")]);
        Assert.Equal(0, await run.EndAsync());
        // Two were served at first, and the third when its turn came or a worker was free; which ones is a matter of when each was counted.
        Assert.Matches("Job '(first|second|third)' has 1 workers: [0-9,]+[+]? due at 100 a worker want [0-9]+, but other jobs want the others", run.Said);
        Assert.True(Jobs.Count(job => run.Said.Contains($"Job '{job}' has 1 workers: ", StringComparison.Ordinal)) >= 2, run.Said);
        foreach (var table in Jobs)
        {
            Assert.Equal(2_000, await database.CountAsync("odd_checking_success = TRUE AND odd_checking_reservation_times = 1", table));
        }
        Assert.Equal(0, await database.CountAsync("odd_checking_reservation_id <> 'local.1'", "third"));
    }
}
