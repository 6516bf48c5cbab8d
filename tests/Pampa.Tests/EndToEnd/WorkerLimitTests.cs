using Pampa.Commands.Confining;

namespace Pampa.Tests.EndToEnd;

/// <summary>Workers that may have so much memory and no more.</summary>
public sealed class WorkerLimitTests(ProgramFixture programs)
{
    private Task<Child> StartAsync(NumbersDatabase database, params string[] arguments) =>
        programs.StartAsync(ProgramFixture.Cases, [.. arguments, .. database.Arguments], [("PAMPA_TEST_CASE", "hungry"), .. database.Environment]);

    [Fact]
    public async Task A_task_that_wants_too_much_memory_is_charged_and_nobody_else()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Limits are for Linux.");
        await using var database = NumbersDatabase.Sqlite(programs.NewFolder());
        var dispatcher = await StartAsync(database, "dispatcher");
        await dispatcher.HearAsync("This process leads 'cluster' in term 1");
        var node = await StartAsync(database, "node", "--name", "declared", "--isolated", "--max-cpu", "100000");
        await node.UntilAsync(async () => await database.CountAsync("odd_checking_end_time IS NOT NULL") == 40, "all have ended");

        var failed = await database.ReadAsync($"SELECT value, odd_checking_reservation_times, odd_checking_error_description FROM numbers WHERE NOT ({NumbersDatabase.Completed})");
        Assert.True(failed.Count == 2, string.Join('\n', failed.Select(row => string.Join(" | ", row))) + node.Said);
        // Whoever stood beside it, or behind it in the same hand, has paid nothing.
        Assert.Equal(38, await database.CountAsync("odd_checking_reservation_times = 1"));
        foreach (var value in (int[])[7, 23])
        {
            var row = Assert.Single(await database.ReadAsync($"SELECT odd_checking_reservation_times, odd_checking_error_description FROM numbers WHERE value = {value}"));
            Assert.Equal(2L, Convert.ToInt64(row[0], System.Globalization.CultureInfo.InvariantCulture));
            Assert.Matches(@"^worker( declared\.[12])? over its MaxRam of 200 MB during attempt 2 of 2", (string)row[1]!);
        }
        Assert.Contains("over its MaxRam of 200 MB; the task that it ran has used an attempt, and it is started again in 1 s", node.Said, StringComparison.Ordinal);
        Assert.Contains("Each worker: MaxRam 200 MB: enforced by ", node.Said, StringComparison.Ordinal);

        // Each worker whose last task was the end of it begins its next life a second later.
        await node.UntilAsync(async () =>
        {
            var status = await StartAsync(database, "status");
            await status.EndAsync();
            return new[] { 1, 2 }.All(i => status.Said.Contains($"node declared.{i}: MaxRam 200 MB: enforced by ", StringComparison.Ordinal));
        }, "the status tells of both workers");
        var doctor = await StartAsync(database, "doctor");
        await doctor.EndAsync();
        Assert.Contains("node declared: MaxRam 200 MB: enforced by ", doctor.Said, StringComparison.Ordinal);
        Assert.Contains("node declared: MaxCpu 100,000 %: enforced by ", doctor.Said, StringComparison.Ordinal);

        foreach (var process in (Child[])[node, dispatcher])
        {
            process.Terminate();
            Assert.Equal(0, await process.EndAsync());
        }
        Assert.All(ControlGroups.Find().Controllers.Values, folder => Assert.False(Directory.Exists($"{folder}/pampa@pampa@declared"), folder));
    }

    [Fact]
    public async Task Limits_are_refused_where_workers_share_a_process()
    {
        await using var database = NumbersDatabase.Sqlite(programs.NewFolder());
        var option = await StartAsync(database, "node", "--name", "web1", "--max-ram", "512");
        Assert.Equal(2, await option.EndAsync());
        Assert.Contains("--max-ram, --max-cpu, --max-disk-io and --max-net-io need --isolated: workers in one process cannot be limited singly.", option.Said, StringComparison.Ordinal);
        var declared = await StartAsync(database, "node", "--name", "declared");
        Assert.Equal(2, await declared.EndAsync());
        Assert.Contains("Node 'declared' has limits for its workers, and workers in one process cannot be limited singly: start it with 'node --name declared --isolated'", declared.Said, StringComparison.Ordinal);
        var wrong = await StartAsync(database, "node", "--name", "web1", "--isolated", "--max-ram", "1");
        Assert.Equal(2, await wrong.EndAsync());
        Assert.Contains("Node 'web1': MaxRam must be between 128 and 16,777,216, got 1.", wrong.Said, StringComparison.Ordinal);
    }
}
