using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Units;

/// <summary>Who goes on where a loop is woken, and the texts that it sends then.</summary>
public sealed class SignalTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Theory, InlineData(true), InlineData(false)]
    public async Task Whoever_is_woken_here_goes_on_on_this_thread_and_else_on_another(bool isHere)
    {
        var signal = new Signal();
        var here = 0;
        var woken = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = WaitAsync();
        // A thread of its own: one of the pool could be given the other one's work as soon as this ends.
        var waking = new Thread(() =>
        {
            here = Environment.CurrentManagedThreadId;
            if (isHere) signal.SetHere();
            else signal.Set();
            // It was there before this call has ended, or not at all.
            if (isHere) Assert.True(woken.Task.IsCompleted);
        });
        waking.Start();
        var there = await woken.Task.WaitAsync(TimeSpan.FromSeconds(30), Stopping);
        await waiting;
        waking.Join();
        Assert.Equal(isHere, here == there);

        async Task WaitAsync()
        {
            Assert.True(await signal.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Stopping).ConfigureAwait(false));
            woken.SetResult(Environment.CurrentManagedThreadId);
        }
    }

    [Fact]
    public async Task Set_twice_is_set_once_and_is_kept_for_the_next_wait()
    {
        var signal = new Signal();
        signal.Set();
        signal.SetHere();
        Assert.True(await signal.WaitAsync(TimeSpan.Zero, TimeProvider.System, Stopping));
        Assert.False(await signal.WaitAsync(TimeSpan.Zero, TimeProvider.System, Stopping));
    }

    [Fact]
    public void A_text_is_composed_once_for_the_same_parts_and_is_not_kept_for_ever()
    {
        var texts = new ComposedTexts<int>();
        var composed = 0;
        string Of(int part) => texts.Of(part, this, (p, _) => $"{p}: {++composed}");
        Assert.Equal("1: 1", Of(1));
        Assert.Equal("1: 1", Of(1));
        for (var part = 2; part <= 101; part++) Of(part);
        Assert.Equal("1: 102", Of(1));
    }
}
