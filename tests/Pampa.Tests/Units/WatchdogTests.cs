using Pampa.Hosting;
using Pampa.Jobs;

namespace Pampa.Tests.Units;

public sealed class WatchdogTests : IDisposable
{
    private static readonly int Patience = (int)Watchdog.Patience.TotalSeconds;
    private readonly Watchdog watchdog;
    private int ended;

    public WatchdogTests() => watchdog = new Watchdog(() => ended++);

    public void Dispose() => watchdog.Dispose();

    private void Look(int times)
    {
        for (var i = 0; i < times; i++) watchdog.Look();
    }

    [Fact]
    public async Task A_loop_that_stands_still_is_told_of_and_ends_the_process_if_that_does_not_help()
    {
        var never = new TaskCompletionSource();
        _ = watchdog.WatchAsync("node", () => never.Task);
        Look(Patience - 1);
        Assert.False(watchdog.Stalled.IsCompleted);
        Look(1);
        var stalled = await Assert.ThrowsAsync<StalledException>(() => watchdog.Stalled);
        Assert.StartsWith("The node loop has stood still for 00:02:00", stalled.Message, StringComparison.Ordinal);
        Assert.Equal(0, ended);
        Look(Patience);
        Assert.Equal(1, ended);
    }

    [Fact]
    public void A_stop_that_does_not_come_to_its_end_for_a_loop_that_stands_still_is_ended_too()
    {
        _ = watchdog.WatchAsync("dispatcher", () => new TaskCompletionSource().Task);
        Look(Patience);
        // The engine has ended in order, and what comes after it stands still at the same.
        watchdog.Dispose();
        Look(Patience - 1);
        Assert.Equal(0, ended);
        Look(1);
        Assert.Equal(1, ended);
    }

    [Fact]
    public async Task One_that_stays_behind_does_not_mind_loops_that_have_ended()
    {
        var hangs = new TaskCompletionSource();
        var beats = new Pulse("heartbeat");
        watchdog.Watch(beats);
        var loop = watchdog.WatchAsync("dispatcher", () => hangs.Task);
        Look(Patience);
        watchdog.Leave(beats);
        watchdog.Dispose();
        hangs.SetResult();
        await loop;
        Look(3 * Patience);
        Assert.Equal(0, ended);
    }

    [Fact]
    public async Task Signs_of_life_from_deep_within_a_cycle_keep_it()
    {
        var answers = new SemaphoreSlim(0);
        var taken = new SemaphoreSlim(0);
        _ = watchdog.WatchAsync("dispatcher", async () =>
        {
            while (true)
            {
                await answers.WaitAsync(TestContext.Current.CancellationToken);
                Pulse.Beat();
                taken.Release();
            }
        });
        for (var round = 0; round < 3; round++)
        {
            Look(Patience - 1);
            answers.Release();
            await taken.WaitAsync(TestContext.Current.CancellationToken);
        }
        Look(Patience);
        Assert.False(watchdog.Stalled.IsCompleted);
    }

    [Fact]
    public void A_loop_that_rests_may_take_its_time_and_one_that_has_ended_is_not_looked_at()
    {
        _ = watchdog.WatchAsync("dispatcher", () => Pulse.RestAsync(() => new TaskCompletionSource().Task));
        _ = watchdog.WatchAsync("node", () => Task.CompletedTask);
        Look(3 * Patience);
        Assert.False(watchdog.Stalled.IsCompleted);
    }

    [Fact]
    public void The_beat_of_one_loop_is_not_that_of_another()
    {
        _ = watchdog.WatchAsync("node", () => new TaskCompletionSource().Task);
        Pulse.Beat();
        _ = watchdog.WatchAsync("finisher", () =>
        {
            Pulse.Beat();
            return Task.CompletedTask;
        });
        Look(Patience + 1);
        Assert.True(watchdog.Stalled.IsFaulted);
    }
}
