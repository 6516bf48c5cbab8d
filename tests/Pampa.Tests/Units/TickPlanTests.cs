using System.Globalization;
using Pampa.Jobs;

namespace Pampa.Tests.Units;

/// <summary>Which tick is next, in time or missed, and where clocks are changed.</summary>
public sealed class TickPlanTests
{
    private static ScheduleDefinition Schedule(string expression, Action<ScheduleBuilder>? configure = null, string name = "ticks")
    {
        var errors = new List<string>();
        var program = new PampaBuilder();
        program.AddSchedule(name, expression, schedule =>
        {
            schedule.Do(_ => $"SELECT 1");
            configure?.Invoke(schedule);
        });
        program.Build(errors);
        errors.RemoveAll(e => e.StartsWith("There is no job", StringComparison.Ordinal));
        Assert.Empty(errors);
        return program.Schedules.Single();
    }

    private static DateTimeOffset Utc(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private static string? Shown(DateTimeOffset? moment) => moment?.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>All steps until nothing is due.</summary>
    private static List<string> Steps(ScheduleDefinition schedule, string last, string now)
    {
        var steps = new List<string>();
        var at = Utc(last);
        while (TickPlan.Next(schedule, at, Utc(now)) is { } plan)
        {
            at = plan.At;
            steps.Add($"{(plan.IsLeftOut ? "-" : "")}{Shown(at)![5..]}{(plan.Missed > 0 ? $" +{plan.Missed}" : "")}");
        }
        return steps;
    }

    [Fact]
    public void Nothing_is_due_before_its_time_and_then_once()
    {
        var schedule = Schedule("0 3 * * *");
        Assert.Empty(Steps(schedule, "2030-01-01 03:00", "2030-01-02 02:59:59.999"));
        Assert.Equal(["01-02 03:00:00"], Steps(schedule, "2030-01-01 03:00", "2030-01-02 03:00"));
        Assert.Empty(Steps(schedule, "2030-01-02 03:00", "2030-01-02 03:00"));
        // The clock was put back.
        Assert.Empty(Steps(schedule, "2030-01-02 03:00", "2029-12-31 12:00"));
    }

    [Theory, InlineData(Misfire.Once), InlineData(Misfire.Skip), InlineData(Misfire.All)]
    public void What_is_not_later_than_the_grace_is_done_whatever_the_policy(Misfire misfire)
    {
        var schedule = Schedule("*/20 * * * * *", s => s.Misfire = misfire);
        Assert.Equal(["01-01 00:00:20", "01-01 00:00:40", "01-01 00:01:00"], Steps(schedule, "2030-01-01 00:00", "2030-01-01 00:01:19"));
        Assert.Equal(["01-01 00:00:20", "01-01 00:00:40", "01-01 00:01:00", "01-01 00:01:20"], Steps(schedule, "2030-01-01 00:00", "2030-01-01 00:01:20"));
    }

    [Fact]
    public void Once_lets_the_last_stand_for_those_that_were_missed_or_the_first_that_is_in_time()
    {
        var schedule = Schedule("0 3 * * *");
        Assert.Equal(["01-04 03:00:00 +2"], Steps(schedule, "2030-01-01 03:00", "2030-01-04 12:00"));
        Assert.Equal(["01-02 03:00:00"], Steps(schedule, "2030-01-01 03:00", "2030-01-02 12:00"));
        Assert.Equal(["01-04 03:00:00 +2"], Steps(schedule, "2030-01-01 03:00", "2030-01-04 03:00:30"));
        Assert.Equal(["01-02 00:00:00 +1439", "01-02 00:01:00"], Steps(Schedule("* * * * *"), "2030-01-01 00:00", "2030-01-02 00:01"));
    }

    [Fact]
    public void Skip_leaves_out_what_was_missed_and_says_how_many()
    {
        var schedule = Schedule("0 3 * * *", s => s.Misfire = Misfire.Skip);
        Assert.Equal(["-01-04 03:00:00 +3"], Steps(schedule, "2030-01-01 03:00", "2030-01-04 12:00"));
        Assert.Equal(["-01-03 03:00:00 +2", "01-04 03:00:00"], Steps(schedule, "2030-01-01 03:00", "2030-01-04 03:01"));
        Assert.Equal(["01-04 03:00:00"], Steps(Schedule("0 3 * * *", s => (s.Misfire, s.Grace) = (Misfire.Skip, TimeSpan.FromHours(9))), "2030-01-03 03:00", "2030-01-04 12:00"));
    }

    [Fact]
    public void All_makes_up_for_each_but_for_the_oldest_of_too_many()
    {
        var schedule = Schedule("0 3 * * *", s => (s.Misfire, s.MisfireLimit) = (Misfire.All, 3));
        Assert.Equal(["01-02 03:00:00", "01-03 03:00:00", "01-04 03:00:00"], Steps(schedule, "2030-01-01 03:00", "2030-01-04 12:00"));
        Assert.Equal(["-01-06 03:00:00 +5", "01-07 03:00:00", "01-08 03:00:00", "01-09 03:00:00"], Steps(schedule, "2030-01-01 03:00", "2030-01-09 12:00"));
    }

    [Theory, InlineData(Misfire.Once, 1), InlineData(Misfire.Skip, 2), InlineData(Misfire.All, 1001)]
    public void Years_of_seconds_are_no_trouble(Misfire misfire, int steps)
    {
        var schedule = Schedule("* * * * * *", s => (s.Misfire, s.MisfireLimit, s.Grace) = (misfire, 1_000, TimeSpan.FromSeconds(1)));
        // One in time beside the missed ones, but for that which stands for them.
        Assert.Equal(steps, Steps(schedule, "2030-01-01 00:00", "2033-01-01 00:00:00.500").Count);
        Assert.InRange(TickPlan.Next(schedule, Utc("2030-01-01 00:00"), Utc("2033-01-01 00:00:00.500"))!.Value.Missed, 10_000, 10_001);
    }

    [Theory]
    // Forward at 2:00, back at 3:00.
    [InlineData("Europe/Madrid", "30 2 * * *", "2026-03-28 12:00", "2026-03-29 01:00:00 2026-03-30 00:30:00")]
    [InlineData("Europe/Madrid", "30 2 * * *", "2026-10-24 12:00", "2026-10-25 00:30:00 2026-10-26 01:30:00")]
    [InlineData("Europe/Madrid", "*/30 * * * *", "2026-03-29 00:15", "2026-03-29 00:30:00 2026-03-29 01:00:00 2026-03-29 01:30:00")]
    [InlineData("Europe/Madrid", "*/30 * * * *", "2026-10-25 00:15", "2026-10-25 00:30:00 2026-10-25 01:00:00 2026-10-25 01:30:00 2026-10-25 02:00:00")]
    [InlineData("America/New_York", "15 2 * * *", "2026-03-07 12:00", "2026-03-08 07:00:00 2026-03-09 06:15:00")]
    [InlineData("America/New_York", "15 1 * * *", "2026-10-31 12:00", "2026-11-01 05:15:00 2026-11-02 06:15:00")]
    [InlineData("America/New_York", "0 */2 * * *", "2026-11-01 03:00", "2026-11-01 04:00:00 2026-11-01 07:00:00 2026-11-01 09:00:00")]
    // Half an hour only.
    [InlineData("Australia/Lord_Howe", "15 2 * * *", "2026-10-03 00:00", "2026-10-03 15:30:00 2026-10-04 15:15:00")]
    // At midnight: the day has no first hour.
    [InlineData("Africa/Cairo", "0 0 * * *", "2026-04-23 00:00", "2026-04-23 22:00:00 2026-04-24 21:00:00")]
    [InlineData("Asia/Kolkata", "30 2 * * *", "2026-03-28 12:00", "2026-03-28 21:00:00 2026-03-29 21:00:00")]
    public void Where_clocks_are_changed_nothing_is_lost_and_a_time_of_the_day_comes_once(string zone, string expression, string after, string expected)
    {
        var times = Schedule(expression, s => s.TimeZone = zone).Times;
        var shown = new List<string?>();
        var at = Utc(after);
        var count = expected.Split(' ').Length / 2;
        while (shown.Count < count)
        {
            at = times.Next(at)!.Value;
            shown.Add(Shown(at));
        }
        Assert.Equal(expected, string.Join(' ', shown));
    }

    [Theory]
    [InlineData("Europe/Madrid", "*/20 * * * *")]
    [InlineData("America/New_York", "30 1,2,3 * * *")]
    [InlineData("Australia/Lord_Howe", "0 */3 * * *")]
    [InlineData("America/Sao_Paulo", "0 0 * * SUN")]
    public void However_often_one_looks_each_time_of_ten_years_comes_once_and_in_order(string zone, string expression)
    {
        var schedule = Schedule(expression, s => (s.TimeZone, s.Misfire) = (zone, Misfire.All));
        var random = new Random(20261126);
        var last = Utc("2020-01-01");
        var now = last;
        var end = Utc("2030-01-01");
        var ticks = new List<DateTimeOffset>();
        while (now < end)
        {
            now += TimeSpan.FromMinutes(random.Next(1, 900));
            while (TickPlan.Next(schedule, last, now) is { } plan)
            {
                Assert.False(plan.IsLeftOut);
                Assert.InRange(plan.At, last, now);
                ticks.Add(plan.At);
                // As it comes back from the database.
                last = plan.At.ToUniversalTime();
            }
        }
        var expected = new List<DateTimeOffset>();
        for (var at = schedule.Times.Next(Utc("2020-01-01")); at <= now; at = schedule.Times.Next(at.Value)) expected.Add(at.Value);
        Assert.Equal(expected, ticks);
        Assert.Equal(ticks.Count, ticks.Distinct().Count());
    }

    [Theory, InlineData("@hourly", "01:00:00"), InlineData("@daily", "00:00:00"), InlineData("@every_minute", "00:01:00"), InlineData("30 0 * * * *", "00:00:30")]
    public void A_word_is_the_time_that_it_says(string expression, string time) =>
        Assert.EndsWith(time, Shown(Schedule(expression).Times.Next(Utc("2030-01-01"))), StringComparison.Ordinal);

    [Fact]
    public void An_H_is_a_number_that_follows_from_the_name()
    {
        var first = Schedule("H 3 * * *").Times.Next(Utc("2030-01-01"));
        Assert.Equal(first, Schedule("H 3 * * *").Times.Next(Utc("2030-01-01")));
        var minutes = Enumerable.Range(0, 50).Select(i => Schedule("H 3 * * *", name: $"s{i}").Times.Next(Utc("2030-01-01"))!.Value).ToList();
        Assert.All(minutes, m => Assert.Equal(3, m.Hour));
        Assert.InRange(minutes.Distinct().Count(), 20, 50);
        // On every computer, for ever.
        Assert.Equal("2030-01-01 03:00:00", Shown(first)![..13] + ":00:00");
    }

    [Fact]
    public void A_tick_knows_its_moment_in_its_zone()
    {
        var tick = new ScheduleTick("nightly", Utc("2026-03-28 23:30"), TimeZoneInfo.FindSystemTimeZoneById("Europe/Madrid"), CancellationToken.None);
        Assert.Equal(("2026-03-28 23:30:00", new DateOnly(2026, 3, 29), TimeSpan.FromHours(1)), (Shown(tick.At), tick.Date, tick.LocalTime.Offset));
        Assert.Equal("nightly/2026-03-28T23:30:00Z", tick.IdempotencyKey);
    }
}
