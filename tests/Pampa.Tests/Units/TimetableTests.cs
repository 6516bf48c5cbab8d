using Microsoft.Extensions.Time.Testing;
using Pampa.Jobs;

namespace Pampa.Tests.Units;

/// <summary>When the runs of a stand-alone process begin.</summary>
public sealed class TimetableTests
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 3, 28, 0, 0, 10, TimeSpan.Zero));

    private void Pass(double seconds) => time.Advance(TimeSpan.FromSeconds(seconds));

    private Timetable By(string schedule, string zone = "UTC")
    {
        var errors = new List<string>();
        var timetable = Timetable.By(schedule, TimeZoneInfo.FindSystemTimeZoneById(zone), time, errors);
        Assert.Empty(errors);
        timetable!.Begin();
        return timetable;
    }

    [Fact]
    public void The_first_run_is_due_at_once_and_the_next_a_delay_after_its_start()
    {
        var timetable = Timetable.EverySo(TimeSpan.FromSeconds(30), time);
        timetable.Begin();
        Assert.True(timetable.IsDue);
        timetable.Start();
        Pass(10);
        timetable.End(TimeSpan.Zero);
        Assert.Equal(TimeSpan.FromSeconds(20), timetable.Left);
        Pass(20);
        Assert.True(timetable.IsDue);
    }

    [Fact]
    public void A_run_that_takes_longer_than_the_delay_is_followed_by_one_at_once_and_not_by_several()
    {
        var timetable = Timetable.EverySo(TimeSpan.FromSeconds(30), time);
        timetable.Begin();
        timetable.Start();
        Pass(100);
        timetable.End(TimeSpan.Zero);
        Assert.True(timetable.IsDue);
        timetable.Start();
        timetable.End(TimeSpan.Zero);
        Assert.Equal(TimeSpan.FromSeconds(30), timetable.Left);
    }

    [Fact]
    public void After_a_failure_nothing_begins_before_the_rest_is_over()
    {
        var timetable = Timetable.EverySo(TimeSpan.FromSeconds(30), time);
        timetable.Begin();
        timetable.Start();
        timetable.End(TimeSpan.FromSeconds(100));
        Assert.Equal(TimeSpan.FromSeconds(100), timetable.Left);
        Pass(100);
        Assert.True(timetable.IsDue);
        timetable.Start();
        timetable.End(TimeSpan.FromSeconds(5));
        Assert.Equal(TimeSpan.FromSeconds(30), timetable.Left);
    }

    [Fact]
    public void A_schedule_waits_for_its_time_and_leaves_out_those_that_pass_meanwhile()
    {
        var timetable = By("*/5 * * * *");
        Assert.Equal(TimeSpan.FromSeconds(290), timetable.Left);
        Pass(290);
        Assert.True(timetable.IsDue);
        Assert.Equal(time.GetUtcNow(), timetable.Start());
        Pass(1_000);
        timetable.End(TimeSpan.Zero);
        // 00:05 has run; 00:10, 00:15 and 00:20 have passed.
        Assert.Equal(new DateTimeOffset(2026, 3, 28, 0, 25, 0, TimeSpan.Zero), timetable.Next);
        Pass(timetable.Left.TotalSeconds);
        timetable.Start();
        timetable.End(TimeSpan.FromSeconds(400));
        Assert.Equal(new DateTimeOffset(2026, 3, 28, 0, 35, 0, TimeSpan.Zero), timetable.Next);
    }

    [Fact]
    public void A_time_that_came_while_the_computer_slept_runs_once_when_it_wakes()
    {
        var timetable = By("@hourly");
        Pass(5 * 3_600);
        Assert.True(timetable.IsDue);
        timetable.Start();
        timetable.End(TimeSpan.Zero);
        Assert.Equal(new DateTimeOffset(2026, 3, 28, 6, 0, 0, TimeSpan.Zero), timetable.Next);
    }

    [Theory, InlineData(0), InlineData(1), InlineData(600), InlineData(86_400)]
    public void A_time_that_has_run_does_not_come_again_when_the_clock_is_put_back_a_little(double back)
    {
        var timetable = By("*/5 * * * *");
        Pass(290);
        var ran = timetable.Start()!.Value;
        Pass(0.5);
        time.AdjustTime(time.GetUtcNow() - TimeSpan.FromSeconds(back));
        timetable.End(TimeSpan.Zero);
        // Put back a whole day it was wrong before, and what it says now holds.
        Assert.Equal(back > 10_000 ? ran - TimeSpan.FromDays(1) + TimeSpan.FromMinutes(5) : ran.AddMinutes(5), timetable.Next);
    }

    [Fact]
    public void A_schedule_may_have_seconds()
    {
        Assert.Equal(TimeSpan.FromSeconds(5), By("*/15 * * * * *").Left);
    }

    [Fact]
    public void A_time_that_clocks_leave_out_comes_at_the_next_there_is_and_one_that_they_have_twice_comes_once()
    {
        // In the night to the 29th of March clocks in Madrid go from 2:00 to 3:00, in the one to the 25th of October from 3:00 to 2:00.
        var timetable = By("30 2 * * *", "Europe/Madrid");
        Assert.Equal(new DateTimeOffset(2026, 3, 28, 1, 30, 0, TimeSpan.Zero), timetable.Next!.Value.ToUniversalTime());
        Pass(timetable.Left.TotalSeconds);
        timetable.Start();
        timetable.End(TimeSpan.Zero);
        Assert.Equal(new DateTimeOffset(2026, 3, 29, 1, 0, 0, TimeSpan.Zero), timetable.Next!.Value.ToUniversalTime());
        time.SetUtcNow(new DateTimeOffset(2026, 10, 25, 0, 0, 0, TimeSpan.Zero));
        timetable.End(TimeSpan.Zero);
        Assert.Equal(new DateTimeOffset(2026, 10, 25, 0, 30, 0, TimeSpan.Zero), timetable.Next!.Value.ToUniversalTime());
        Pass(timetable.Left.TotalSeconds);
        timetable.Start();
        timetable.End(TimeSpan.Zero);
        Assert.Equal(new DateTimeOffset(2026, 10, 26, 1, 30, 0, TimeSpan.Zero), timetable.Next!.Value.ToUniversalTime());
    }

    [Theory]
    [InlineData("every day", "five fields")]
    [InlineData("60 * * * *", "got '60 * * * *'")]
    [InlineData("", "got ''")]
    [InlineData("0 0 30 2 *", "never does")]
    public void A_schedule_that_is_none_is_told_with_what_one_is(string schedule, string part)
    {
        var errors = new List<string>();
        Assert.Null(Timetable.By(schedule, TimeZoneInfo.Utc, time, errors));
        Assert.Contains(part, Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void A_leap_day_is_a_time_that_comes() => Assert.Equal(2028, By("0 0 29 2 *").Next!.Value.Year);
}
