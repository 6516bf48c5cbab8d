namespace Pampa.Jobs;

/// <summary>
/// Wakes a loop of the same process. Setting it twice is setting it once; a set that nobody waits for is kept for the
/// next wait. It is a hint: whoever waits also looks by itself after a while.
/// </summary>
internal sealed class Signal
{
    private readonly Lock gate = new();
    private TaskCompletionSource? waiting;
    private volatile bool isSet;

    public void Set()
    {
        if (TakeWaiting() is { } wake) ThreadPool.UnsafeQueueUserWorkItem(static waiting => waiting.TrySetResult(), wake, preferLocal: true);
    }

    /// <summary>
    /// The same, and whoever waits goes on on this very thread until it waits for something else: for a caller that has nothing else to do.
    /// It saves the time that another thread takes to wake up.
    /// </summary>
    public void SetHere() => TakeWaiting()?.TrySetResult();

    private TaskCompletionSource? TakeWaiting()
    {
        if (isSet) return null;
        lock (gate)
        {
            isSet = true;
            var wake = waiting;
            waiting = null;
            return wake;
        }
    }

    /// <summary>
    /// Waits for a set or for the time to pass; cancelling ends the wait quietly, too. Says whether it was set.
    /// </summary>
    public async Task<bool> WaitAsync(TimeSpan atMost, TimeProvider time, CancellationToken stopping)
    {
        Task wait;
        lock (gate)
        {
            if (isSet || stopping.IsCancellationRequested)
            {
                var wasSet = isSet;
                isSet = false;
                return wasSet;
            }
            waiting ??= new TaskCompletionSource();
            wait = waiting.Task;
        }
        await wait.WaitAsync(atMost, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (gate)
        {
            var wasSet = isSet;
            isSet = false;
            return wasSet;
        }
    }
}
