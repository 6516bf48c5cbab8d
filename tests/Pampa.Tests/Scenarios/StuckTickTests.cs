using static Pampa.Tests.Scenarios.ScheduleSetup;

namespace Pampa.Tests.Scenarios;

/// <summary>Ticks whose code goes on although their time is over: whom they hold up, and whom they do not.</summary>
public sealed class StuckTickTests
{
    [Fact]
    public async Task However_many_never_end_the_others_have_their_ticks()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var release = new TaskCompletionSource();
        var calls = 0;
        var process = await cluster.StartProgramAsync(pampa =>
        {
            for (var i = 1; i <= Dispatching.Scheduler.MostAtOnce; i++)
            {
                pampa.AddSchedule($"stuck{i}", "* * * * *", s =>
                {
                    s.MaxDuration = TimeSpan.FromSeconds(1);
                    s.Do((_, _, _) =>
                    {
                        Interlocked.Increment(ref calls);
                        return release.Task;
                    });
                });
            }
            Program("* * * * *")(pampa);
        });
        await TurnAsync(cluster, 2, process);
        await cluster.LiveAsync(58);
        // However fast the clock has moved: while none of them is told to be overdue there was no place for another.
        for (var i = 0; i < 60 && Of(process, "goes on although").Count == 0; i++)
        {
            Assert.Empty(await cluster.RowsAsync());
            await LiveBesideAsync(cluster, 1, process);
        }
        for (var ticks = 1; ticks <= 2; ticks++)
        {
            for (var i = 0; i < 90 && (await cluster.RowsAsync()).Count < ticks; i++) await LiveBesideAsync(cluster, 1, process);
            Assert.Equal(Enumerable.Range(1, ticks).Select(key => (long)key), (await cluster.RowsAsync()).Select(r => r.Key));
        }
        Assert.Equal(Dispatching.Scheduler.MostAtOnce, calls);
        // The clock stands: nobody waits for them, neither a turn nor the farewell.
        await process.TickAsync().WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, TestCluster.Stopping);
        await process.Scheduler.EndAsync().WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, TestCluster.Stopping);
        release.SetResult();
    }

    [Fact]
    public async Task Those_that_never_end_have_no_more_connections_than_there_are_for_them()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var releases = new System.Collections.Concurrent.ConcurrentQueue<TaskCompletionSource>();
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
            for (var i = 1; i <= 20; i++)
            {
                pampa.AddSchedule($"stuck{i}", "* * * * *", s =>
                {
                    s.MaxDuration = TimeSpan.FromSeconds(1);
                    s.Do((_, _, _) =>
                    {
                        var release = new TaskCompletionSource();
                        releases.Enqueue(release);
                        return release.Task;
                    });
                });
            }
        });
        await TurnAsync(cluster, 2, process);
        await cluster.LiveAsync(58);
        for (var i = 0; i < 60 && Of(process, "no other tick begins").Count == 0; i++) await LiveBesideAsync(cluster, 1, process);
        await LiveBesideAsync(cluster, 5, process);
        Assert.Equal(Dispatching.Scheduler.MostConnections, releases.Count);
        Assert.Contains("ticks go on although their MaxDuration is over", Assert.Single(Of(process, "no other tick begins")), StringComparison.Ordinal);
        // Each that ends makes room for another.
        Assert.True(releases.TryDequeue(out var first));
        first.SetResult();
        for (var i = 0; i < 20 && releases.Count < Dispatching.Scheduler.MostConnections; i++) await LiveBesideAsync(cluster, 1, process);
        Assert.Equal(Dispatching.Scheduler.MostConnections, releases.Count);
        while (releases.TryDequeue(out var last)) last.SetResult();
        await process.Scheduler.EndAsync();
    }

    [Fact]
    public async Task Where_one_that_may_take_long_has_the_last_place_behind_them_that_is_told_as_well()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var release = new TaskCompletionSource();
        var process = await cluster.StartProgramAsync(pampa =>
        {
            for (var i = 0; i < Dispatching.Scheduler.MostConnections; i++)
            {
                var longest = i == 0 ? TimeSpan.FromHours(1) : TimeSpan.FromSeconds(1);
                pampa.AddSchedule($"long{i}", "* * * * *", s =>
                {
                    s.MaxDuration = longest;
                    s.Do((_, _, _) => release.Task);
                });
            }
            Program("* * * * *")(pampa);
        });
        await TurnAsync(cluster, 2, process);
        await cluster.LiveAsync(58);
        for (var i = 0; i < 90 && Of(process, "no other tick begins").Count == 0; i++) await LiveBesideAsync(cluster, 1, process);
        Assert.Contains("and all 16 connections are taken", Assert.Single(Of(process, "no other tick begins")), StringComparison.Ordinal);
        Assert.Empty(await cluster.RowsAsync());
        release.SetResult();
        await process.Scheduler.EndAsync();
    }
}
