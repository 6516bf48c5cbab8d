using Pampa.Commands;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>How many workers a job needs to be done in time, from what its samples tell.</summary>
public sealed class ScaleTests
{
    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task Measured_times_and_what_is_left_tell_how_many_workers_are_wanted(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(8);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxWait = TimeSpan.FromSeconds(30);
            job.Process(async _ => await cluster.AdvanceAsync(3));
        });
        Assert.Equal(1, (await process.Cluster.ScaleAsync("numbers", cancellationToken: TestCluster.Stopping)).WorkersWanted);

        await process.DispatchAsync();
        await process.Vitals.CycleAsync(TestCluster.Stopping);
        await process.Sampler.CycleAsync(TestCluster.Stopping);
        await cluster.UntilEndedAsync();
        await cluster.AdvanceAsync(5);
        await process.Vitals.CycleAsync(TestCluster.Stopping);
        await process.DispatchAsync();
        await process.Sampler.CycleAsync(TestCluster.Stopping);
        var idle = await process.Cluster.ScaleAsync("numbers", cancellationToken: TestCluster.Stopping);
        await cluster.InsertAsync(400, first: 100);
        var busy = await process.Cluster.ScaleAsync("numbers", exact: true, TestCluster.Stopping);

        Assert.Equal((0, "nothing is left", TimeSpan.FromSeconds(30)), (idle.WorkersWanted, idle.Reason, idle.Early));
        // Ten tasks of 3 s in half a minute.
        Assert.InRange(busy.TimePerTask!.Value.TotalSeconds, 3, 3.01);
        Assert.InRange(busy.WorkersWanted, 40, 45);
        Assert.Contains($"{busy.WorkersWanted} wanted", StatusPage.Line(busy), StringComparison.Ordinal);

        await process.Cluster.PauseAsync(PampaTarget.Job("numbers"), cancellationToken: TestCluster.Stopping);
        Assert.Equal(0, (await process.Cluster.ScaleAsync("numbers", cancellationToken: TestCluster.Stopping)).WorkersWanted);
    }

    [Fact]
    public async Task A_moment_that_is_past_is_late_and_a_time_of_day_is_the_next_one()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("nightly");
        await cluster.InsertAsync(5);
        await cluster.InsertAsync(5, table: "nightly");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job =>
            {
                job.FinishBy(new DateTimeOffset(TestClock.Begin, TimeSpan.Zero).AddHours(-1));
                job.Process(_ => { });
            });
            TestCluster.AddNumbers(pampa, job =>
            {
                job.FinishBy(new TimeOnly(8, 0), "Europe/Madrid");
                job.Process(_ => { });
            }, "nightly", "nightly");
        });
        var late = await process.Cluster.ScaleAsync("numbers", cancellationToken: TestCluster.Stopping);
        var nightly = await process.Cluster.ScaleAsync("nightly", cancellationToken: TestCluster.Stopping);

        Assert.Equal(new DateTimeOffset(TestClock.Begin, TimeSpan.Zero).AddHours(-1), late.FinishBy);
        Assert.Null(late.Early);
        Assert.Equal(new DateTimeOffset(TestClock.Begin, TimeSpan.Zero).AddHours(7), nightly.FinishBy);
        Assert.Contains("cannot be told", StatusPage.Line(late), StringComparison.Ordinal);
        Assert.Contains("late by 00:01:00", StatusPage.Line(late with { Early = TimeSpan.FromMinutes(-1) }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_answers_for_a_job_that_there_is_not()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await Assert.ThrowsAsync<ArgumentException>(() => process.Cluster.ScaleAsync("nobody", cancellationToken: TestCluster.Stopping));
    }

    [Fact]
    public void A_goal_that_cannot_be_is_told_at_the_start()
    {
        var program = new PampaBuilder();
        program.AddJob("numbers", "numbers", "value", job =>
        {
            job.MaxWait = TimeSpan.Zero;
            job.FinishBy(new TimeOnly(8, 0), "Europe/Atlantis");
            job.Process(_ => { });
        });
        var errors = new List<string>();
        program.Build(errors);
        Assert.Contains(errors, e => e.Contains("MaxWait must be between 1 second and 45 days", StringComparison.Ordinal));
        Assert.Contains(errors, e => e.Contains("FinishBy: TimeZone must be the name of a time zone", StringComparison.Ordinal));
    }
}
