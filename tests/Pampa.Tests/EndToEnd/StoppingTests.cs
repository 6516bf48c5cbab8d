using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>How processes end that are told to, or that cannot begin.</summary>
[Collection(OneByOne.Name)]
public sealed class StoppingTests(ProgramFixture programs)
{
    private async Task<(Child Run, string Go)> HoldingAsync(string which, NumbersDatabase database, params string[] verb)
    {
        var go = Path.Combine(programs.NewFolder(), "go");
        var run = await programs.StartAsync(
            ProgramFixture.Cases, [.. verb, .. database.Arguments], [.. database.Environment, ("PAMPA_TEST_CASE", which), ("PAMPA_TEST_GO", go)]);
        await run.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Running) == 1, "a task runs");
        return (run, go);
    }

    [Theory, InlineData(Engine.Sqlite)]
    internal async Task A_handler_that_does_not_end_is_abandoned_and_the_exit_code_says_so(Engine engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(engine, programs, Readiness.Case("stubborn"));
        var (run, _) = await HoldingAsync("stubborn", database, "run", "--workers", "1");
        run.Terminate();
        Assert.Equal(3, await run.EndAsync());
        Assert.Contains("Stopping: 1 tasks are running, they have 00:00:01 to end", run.Said, StringComparison.Ordinal);
        Assert.Contains("Stopped with 1 tasks abandoned", run.Said, StringComparison.Ordinal);
        // The others were given back, and what was abandoned is charged once it is taken back.
        Assert.Equal(2, await database.CountAsync("odd_checking_reservation_id IS NULL AND COALESCE(odd_checking_reservation_times, 0) = 0"));
        Assert.Equal(1, await database.CountAsync(NumbersDatabase.Running));
        await database.NothingIsInjectedAsync();
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task After_an_interrupt_what_waits_is_given_back_and_what_runs_comes_to_its_end(Engine engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(engine, programs, Readiness.Case("holding"));
        var (run, go) = await HoldingAsync("holding", database, "run", "--workers", "1");
        await run.UntilAsync(async () => await database.CountAsync("odd_checking_reservation_id IS NOT NULL") == 3, "all three are in hand");
        run.Interrupt();
        await run.UntilAsync(async () => await database.CountAsync("odd_checking_reservation_id IS NULL") == 2, "two are given back");
        Assert.Equal(1, await database.CountAsync(NumbersDatabase.Running));
        await File.WriteAllTextAsync(go, "", TestContext.Current.CancellationToken);

        Assert.Equal(0, await run.EndAsync());

        Assert.Contains("Stopping; a second signal ends the program at once.", run.Said, StringComparison.Ordinal);
        Assert.Equal(1, await database.CountAsync($"value = 1 AND {NumbersDatabase.Completed}"));
        Assert.Equal(2, await database.CountAsync("odd_checking_start_time IS NULL AND COALESCE(odd_checking_reservation_times, 0) = 0"));
    }

    [Fact]
    public async Task A_second_signal_ends_a_process_at_once()
    {
        await using var database = NumbersDatabase.Sqlite(programs.NewFolder());
        var dispatcher = await programs.StartAsync(ProgramFixture.Cases, ["dispatcher", .. database.Arguments], [("PAMPA_TEST_CASE", "stubborn")]);
        await dispatcher.HearAsync("This process leads 'cluster' in term 1");
        var (node, _) = await HoldingAsync("stubborn", database, "node", "--name", "a", "--workers", "1");
        node.Terminate();
        await node.HearAsync("Stopping; a second signal ends the program at once.");
        node.Terminate();
        Assert.Equal(130, await node.EndAsync());
        dispatcher.Terminate();
        Assert.Equal(0, await dispatcher.EndAsync());
    }

    [Theory]
    [InlineData("no-table", "Worker 'iso.1' ended with 2, so the node ends")]
    [InlineData("idle", "The node's name must be 1 to 64 letters")]
    public async Task An_isolated_node_that_cannot_begin_says_why_and_ends_with_2(string which, string why)
    {
        await using var database = NumbersDatabase.Sqlite(programs.NewFolder());
        var name = which == "idle" ? new string('n', 64) : "iso";
        var log = programs.NewFolder();
        var node = await programs.StartAsync(
            ProgramFixture.Cases, ["node", "--name", name, "--workers", "1", "--isolated", "--log", log, .. database.Arguments], [("PAMPA_TEST_CASE", which)]);
        Assert.Equal(2, await node.EndAsync());
        Assert.Contains(why, node.Said, StringComparison.Ordinal);
        if (which == "idle") return;
        Assert.Contains("iso.1 | Job 'odd': there is no table 'nowhere'", await File.ReadAllTextAsync(Path.Combine(log, "node.iso.log"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }
}
