using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Units;

/// <summary>How many workers a job needs.</summary>
public sealed class ScalingTests
{
    private static readonly ScaleAsk Ask = new() { Left = 1_200, SecondsPerTask = 3, UntilDeadline = TimeSpan.FromHours(1) };

    private static int Of(ScaleAsk ask) => Scaling.Wanted(ask).Workers;

    [Fact]
    public void The_work_is_divided_by_the_time_and_nobody_does_a_part_of_a_task()
    {
        Assert.Equal(1, Of(Ask));
        Assert.Equal(2, Of(Ask with { Left = 1_201 }));
        Assert.Equal(10, Of(Ask with { UntilDeadline = TimeSpan.FromMinutes(6) }));
        // In 7 s somebody does two of 3 s, not two and a third.
        Assert.Equal(600, Of(Ask with { UntilDeadline = null, MaxWait = TimeSpan.FromSeconds(7) }));
        Assert.Equal("1,200 tasks of 3 s in 01:00:00", Scaling.Wanted(Ask).Reason);
    }

    [Fact]
    public void The_shorter_of_two_goals_counts()
    {
        Assert.Equal(20, Of(Ask with { MaxWait = TimeSpan.FromMinutes(3) }));
        Assert.Equal(1, Of(Ask with { MaxWait = TimeSpan.FromHours(3) }));
    }

    [Fact]
    public void A_task_that_takes_longer_than_there_is_time_has_a_worker_of_its_own()
    {
        Assert.Equal(5, Of(Ask with { Left = 5, SecondsPerTask = 7_200 }));
        Assert.Equal(5, Of(Ask with { Left = 5, SecondsPerTask = double.MaxValue }));
    }

    [Fact]
    public void Past_the_deadline_it_is_to_be_done_within_a_minute_and_not_at_any_price()
    {
        foreach (var until in new[] { TimeSpan.FromSeconds(1), TimeSpan.Zero, TimeSpan.FromDays(-400) })
            Assert.Equal(60, Of(Ask with { UntilDeadline = until }));
        Assert.Contains("late", Scaling.Wanted(Ask with { UntilDeadline = TimeSpan.Zero }).Reason, StringComparison.Ordinal);
    }

    [Theory, InlineData(null), InlineData(0.0), InlineData(-1.0), InlineData(double.NaN)]
    public void Where_nothing_was_measured_the_number_of_tasks_decides(double? seconds)
    {
        Assert.Equal(3, Of(Ask with { SecondsPerTask = seconds }));
        Assert.Equal(1, Of(Ask with { SecondsPerTask = seconds, Left = 1 }));
        Assert.Contains("measured", Scaling.Wanted(Ask with { SecondsPerTask = seconds }).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_goal_the_number_of_tasks_decides()
    {
        Assert.Equal(3, Of(Ask with { UntilDeadline = null }));
        Assert.Equal(12, Of(Ask with { UntilDeadline = null, MaxPendingTasks = 100 }));
    }

    [Fact]
    public void Nothing_to_do_and_a_pause_want_nobody()
    {
        Assert.Equal((0, "nothing is left"), Scaling.Wanted(Ask with { Left = 0 }));
        Assert.Equal((0, "paused"), Scaling.Wanted(Ask with { IsPaused = true }));
    }

    [Fact]
    public void No_more_are_wanted_than_the_job_may_have()
    {
        var (workers, reason) = Scaling.Wanted(Ask with { UntilDeadline = TimeSpan.Zero, MaxWorkers = 8 });
        Assert.Equal(8, workers);
        Assert.Contains("8 at most", reason, StringComparison.Ordinal);
        Assert.Equal(1_000_000, Of(Ask with { Left = long.MaxValue, SecondsPerTask = 1e9 }));
    }

    [Fact]
    public void A_time_of_day_is_that_of_its_zone_also_when_the_clocks_change()
    {
        var madrid = TimeZoneInfo.FindSystemTimeZoneById("Europe/Madrid");
        var goal = new FinishGoal(null, new TimeOnly(8, 0), madrid);
        Assert.Equal(Utc("2026-01-15T07:00"), goal.Next(Utc("2026-01-15T06:59")));
        Assert.Equal(Utc("2026-01-16T07:00"), goal.Next(Utc("2026-01-15T07:00")));
        Assert.Equal(Utc("2026-01-15T07:00"), goal.Last(Utc("2026-01-15T07:00")));
        Assert.Equal(Utc("2026-07-15T06:00"), goal.Next(Utc("2026-07-15T00:00")));
        var night = new FinishGoal(null, new TimeOnly(2, 30), madrid);
        // It does not come on the one day and comes twice on the other.
        Assert.Equal(Utc("2026-03-29T01:30"), night.Next(Utc("2026-03-28T12:00")));
        Assert.Equal(Utc("2026-10-25T00:30"), night.Next(Utc("2026-10-24T12:00")));
    }

    [Fact]
    public void A_moment_stays_the_goal_when_it_is_past()
    {
        var goal = new FinishGoal(Utc("2026-01-15T07:00"), default, TimeZoneInfo.Utc);
        Assert.Equal(Utc("2026-01-15T07:00"), goal.Next(Utc("2027-01-01T00:00")));
        Assert.Null(goal.Last(Utc("2027-01-01T00:00")));
    }

    [Fact]
    public void Time_per_task_is_that_of_all_attempts_for_those_that_ended()
    {
        Assert.Equal(3, PampaCluster.SecondsPerTask([Sample(0, 1, completed: 10, busy: 100), Sample(60, 1, completed: 14, failed: 1, busy: 115)]));
        Assert.Null(PampaCluster.SecondsPerTask([]));
        Assert.Null(PampaCluster.SecondsPerTask([Sample(0, 1, completed: 10, busy: 100)]));
        Assert.Null(PampaCluster.SecondsPerTask([Sample(0, 1, completed: 10, busy: 100), Sample(60, 1, completed: 10, busy: 130)]));
    }

    [Fact]
    public void Work_is_that_of_before_until_it_was_done_once()
    {
        var eight = Utc("2026-01-15T08:00");
        Assert.True(PampaCluster.IsLeft([Sample(-5, 9), Sample(5, 3), Sample(15, 1)], eight));
        Assert.False(PampaCluster.IsLeft([Sample(-5, 9), Sample(5, 0), Sample(15, 1)], eight));
        Assert.False(PampaCluster.IsLeft([Sample(-5, 0), Sample(5, 3)], eight));
        // Nobody knows what was there.
        Assert.False(PampaCluster.IsLeft([Sample(5, 3)], eight));
        Assert.False(PampaCluster.IsLeft([], eight));
    }

    [Fact]
    public void A_goal_is_published_for_whoever_looks_without_the_program()
    {
        var goals = (Action<JobBuilder>[])
        [
            job => job.FinishBy(new TimeOnly(8, 30), "Europe/Madrid"), job => job.FinishBy(Utc("2026-01-15T07:00")), job => job.MaxWait = TimeSpan.FromSeconds(90), _ => { },
        ];
        foreach (var goal in goals)
        {
            var builder = new JobBuilder("numbers", "numbers", ["value"]) { MaxPendingTasks = 7 };
            builder.Process(_ => { });
            goal(builder);
            var job = builder.Build([])!;
            var read = PublishedJob.ReadStructure(PublishedJob.Write(job))!;
            Assert.Equal((job.FinishBy, job.MaxWait, 7), (read.FinishBy, read.MaxWait, read.MaxPendingTasks));
        }
    }

    [Theory]
    [InlineData("\"finishAt\":\"25:00\",\"finishAtZone\":\"UTC\""), InlineData("\"finishAt\":\"08:00\",\"finishAtZone\":\"Mars/Olympus\"")]
    [InlineData("\"finishAt\":\"08:00\""), InlineData("\"finishBy\":\"soon\""), InlineData("\"maxWaitSeconds\":1e300"), InlineData("\"maxWaitSeconds\":-1")]
    public void A_goal_that_is_none_is_none(string written)
    {
        var builder = new JobBuilder("numbers", "numbers", ["value"]);
        builder.Process(_ => { });
        var read = PublishedJob.ReadStructure($"{{{written},{PublishedJob.Write(builder.Build([])!)[1..]}")!;
        Assert.Equal((null, null), (read.FinishBy, read.MaxWait));
    }

    private static StoredSample Sample(int seconds, long pending, long completed = 0, long failed = 0, double busy = 0) =>
        new(Utc("2026-01-15T08:00").AddSeconds(seconds), pending, true, 0, 1, completed, failed, completed + failed, busy);

    private static DateTimeOffset Utc(string text) => DateTimeOffset.Parse($"{text}Z", System.Globalization.CultureInfo.InvariantCulture);
}
