using System.Globalization;

namespace Pampa.Tests.EndToEnd;

/// <summary>Programs with schedules: what is killed in the middle, ticks that are asked for, and what is wrong.</summary>
public sealed class ScheduleTests(ProgramFixture programs)
{
    private const string Reports = "samples/reports.cs";

    [Theory, MemberData(nameof(ClusterProcessesTests.Engines), MemberType = typeof(ClusterProcessesTests))]
    public async Task When_leaders_are_killed_each_second_has_its_record_once(string engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(Enum.Parse<Fixtures.Engine>(engine), programs, Readiness.Case("ticking") with { Own = ["INSERT ON numbers"] });
        Task<Child> StartAsync() => programs.StartAsync(ProgramFixture.Cases, database.Arguments, [.. database.Environment, ("PAMPA_TEST_CASE", "ticking")]);
        var first = await StartAsync();
        await first.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Completed) >= 2, "two seconds have been worked on");
        var second = await StartAsync();
        await second.HearAsync("Node 'local-2' has");
        await first.KillAsync();
        var many = await database.CountAsync("TRUE") + 5;
        await second.UntilAsync(async () => await database.CountAsync("TRUE") >= many, "the second one goes on");
        // Nobody is there for a while.
        await second.KillAsync();
        var third = await StartAsync();
        many += 8;
        await third.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Completed) >= many, "the third one makes up for it");
        third.Terminate();
        Assert.Equal(0, await third.EndAsync());

        var seconds = (await database.ReadAsync("SELECT value FROM numbers ORDER BY value")).ConvertAll(r => Convert.ToInt64(r[0], CultureInfo.InvariantCulture));
        Assert.Equal(Enumerable.Range(0, seconds.Count).Select(i => seconds[0] + i), seconds);
        Assert.DoesNotContain("has failed", second.Said + third.Said, StringComparison.Ordinal);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task The_sample_makes_its_report_at_night_or_when_it_is_asked_for(bool onSqlite)
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite, programs, new Readiness(Reports) { Own = ["INSERT ON reports"] });
        async Task<string> RunAsync(params string[] arguments)
        {
            var child = await programs.StartAsync(Reports, [.. arguments, .. database.Arguments], database.Environment);
            Assert.Equal(0, await child.EndAsync());
            return child.Said;
        }

        await RunAsync("run", "--drain");
        Assert.Equal(0, await database.CountAsync("TRUE", "reports"));
        Assert.Matches(@"nightly: '0 3 \* \* \*' \(Europe/Madrid\), next [0-9-]+ 0[12]:00:00Z \(local [0-9-]+ 03:00:00 \+0[12]:00\), in [0-9.:]+; no tick yet", await RunAsync("schedules"));
        Assert.Contains("schedule nightly has run (", await RunAsync("schedules", "run", "nightly"), StringComparison.Ordinal);
        await RunAsync("schedules", "run", "nightly");
        Assert.Contains("making the report of ", await RunAsync("run", "--drain"), StringComparison.Ordinal);
        Assert.Equal(1, await database.CountAsync("make_report_end_time IS NOT NULL AND make_report_success AND made_by LIKE 'local.%'", "reports"));
        Assert.Contains("no tick yet", await RunAsync("schedules"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_wrong_with_schedules_is_told_before_anything_runs()
    {
        var database = NumbersDatabase.Sqlite(programs.NewFolder());
        async Task<string> WrongAsync(string which)
        {
            var child = await programs.StartAsync(ProgramFixture.Cases, database.Arguments, [.. database.Environment, ("PAMPA_TEST_CASE", which)]);
            Assert.Equal(2, await child.EndAsync());
            return child.Said;
        }

        var said = await WrongAsync("bad-schedules");
        Assert.Contains("Schedule 'first': its expression must be a cron expression of five fields", said, StringComparison.Ordinal);
        Assert.Contains("Schedule 'second' is added 2 times; names must differ.", said, StringComparison.Ordinal);
        Assert.Contains("Schedule 'second': TimeZone must be the name of a time zone, for example Europe/Madrid or UTC, got 'Europe/Madird' (did you mean 'Europe/Madrid'?).", said, StringComparison.Ordinal);
        Assert.Contains("Schedule 'second': there is nothing to do", said, StringComparison.Ordinal);
        said = await WrongAsync("bad-tick");
        Assert.Contains("Schedule 'nightly': the database does not accept a statement of it: ", said, StringComparison.Ordinal);
        Assert.Contains("valeu", said, StringComparison.Ordinal);
    }
}
