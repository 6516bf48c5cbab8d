using Pampa.Tests.Conformance;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Mutations;

/// <summary>
/// No guard is idle: each one is taken out of its statement, and then some test of the conformance suite must fail. The guards are
/// found in the texts themselves, so a new one is tried without being listed.
/// </summary>
public sealed class MutationTests(ITestOutputHelper output)
{
    /// <summary>Guards that another one implies, so that no test can miss them.</summary>
    private static string? ImpliedBy(Guard guard) => guard switch
    {
        { Statement: "RELAUNCH", Text: var text } when text.EndsWith("IS NOT NULL", StringComparison.Ordinal) => "an end that equals the one that was seen is not NULL",
        // The sub-queries see what the picking SELECT of the same statement saw, even after a wait for the row's lock.
        { Statement: "RECLAIM" or "RECOVER", Text: var text } when text.Contains("_pampa_worker", StringComparison.Ordinal) || text.StartsWith("w.", StringComparison.Ordinal)
            || text.Contains("pampa_worker AS w", StringComparison.Ordinal) => "picked by the same condition in the same snapshot",
        // The planner makes a join of the EXISTS, and a join keeps the row of the list that it had; another plan would need it.
        { Statement: "RECOVER", Text: var text } when text.EndsWith("= c._pampa_rid", StringComparison.Ordinal) => "joined with the list of own workers",
        { Statement: "RECLAIM", Text: var text } when text.Contains("@deadline", StringComparison.Ordinal) => "the start as it was seen was overdue",
        { Statement: "RECLAIM", Text: var text } when text.Contains("@hand", StringComparison.Ordinal) || text.EndsWith("start_time\" IS NULL", StringComparison.Ordinal) =>
            "the reservation as it was seen was not started, and for too long",
        { Statement: "REPEAT", Text: var text } when text.Contains("@age", StringComparison.Ordinal) => "the end as it was seen was long enough ago",
        { Statement: "REPEAT", Text: var text } when text.EndsWith("@where0", StringComparison.Ordinal) || text.EndsWith("@again0", StringComparison.Ordinal) =>
            "what is picked by the same condition is locked with it",
        // As with these; and what others change between is kept out by the turn that such statements take.
        { Statement: "RESERVE", Text: var text } when text.StartsWith("CASE WHEN", StringComparison.Ordinal) && text.Contains(" AS s WHERE ", StringComparison.Ordinal) =>
            "picked by the same condition in the same snapshot",
        _ => null,
    };

    private static readonly string[] Others =
        ["Keys_of", "Every_value", "A_value", "A_condition_never", "A_time_is_cut", "Hundreds_of", "Many_records", "Control_tables", "Reservations_at_the_same", "Leaders_at_the_same"];

    [Fact]
    public async Task Without_any_one_guard_some_test_fails()
    {
        // Half of the proof would be none: without a server it is skipped, with the reason.
        await PostgresCluster.GetAsync();
        var sqlite = new ConformanceRun<SqliteConformance>((rewrite, limit) => new SqliteConformance { Rewrite = rewrite, Limit = limit },
            // These have tables of their own, and are slow.
            method => !Others.Any(other => method.Name.StartsWith(other, StringComparison.Ordinal)));
        await sqlite.LearnAsync();
        // What only a second connection can show: a statement that waited goes on with the newest version of the row.
        var races = new ConformanceRun<ReadCommittedConformance>((rewrite, limit) => new ReadCommittedConformance { Rewrite = rewrite, Limit = limit },
            method => method.Name.Contains("_uncommitted_", StringComparison.Ordinal));
        await races.LearnAsync();
        Assert.InRange(sqlite.Guards.Count, 80, 1_000);
        var survivors = new List<string>();
        var watch = new System.Diagnostics.Stopwatch();
        foreach (var (guard, isPickedBy) in sqlite.Guards)
        {
            watch.Restart();
            var implied = ImpliedBy(guard);
            var killer = await sqlite.KillAsync(guard, everywhere: isPickedBy);
            output.WriteLine($"{guard}: {killer?.ToString() ?? implied ?? "no test on SQLite"} ({watch.ElapsedMilliseconds} ms)");
            // One that the statement also picks by must still stand in its UPDATE.
            if (implied is not null || (killer is not null && !isPickedBy)) continue;
            var race = races.Guards.Keys.FirstOrDefault(g => Plain(g) == Plain(guard));
            var racer = race is null ? null : await races.KillAsync(race, everywhere: false);
            output.WriteLine($"{guard}, in the UPDATE: {racer?.ToString() ?? "no race"} ({watch.ElapsedMilliseconds} ms)");
            if (racer is null) survivors.Add(guard.ToString());
        }
        Assert.True(survivors.Count == 0, $"No test misses these guards:\n{string.Join('\n', survivors)}");
    }

    // The engines write the comparison with the clock in their own ways.
    private static string Plain(Guard guard) =>
        !guard.Text.Contains("<=", StringComparison.Ordinal) ? guard.ToString()
        : guard.Text.Contains("reservation_time\"", StringComparison.Ordinal) ? $"{guard.Statement} due {guard.Instead}"
        : guard.Text.Contains("\"send_at\"", StringComparison.Ordinal) ? $"{guard.Statement} due by itself {guard.Instead}"
        : guard.ToString();
}
