namespace Pampa.Dispatching;

/// <summary>
/// Calls the program's own code beside the dispatcher's loop, so that one that takes long, or never ends, holds up nobody;
/// what it says is taken in a later turn. One call at a time.
/// </summary>
/// <typeparam name="T">What it says.</typeparam>
/// <param name="time">Time.</param>
internal sealed class AsideCall<T>(TimeProvider time) where T : class
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(20);
    private Task<T>? underWay;

    /// <summary>Whether a call has begun whose answer was not taken yet.</summary>
    public bool IsUnderWay => underWay is not null;

    /// <summary>When the last call began, as a time stamp.</summary>
    public long BeganAt { get; private set; }

    /// <summary>Begins a call; none is under way.</summary>
    public void Begin(Func<Task<T>> callAsync)
    {
        BeganAt = time.GetTimestamp();
        underWay = Task.Run(callAsync, CancellationToken.None);
    }

    /// <summary>
    /// What the call says, and then it is over; null: it is still at it, or was given up with the process's earlier work. Throws
    /// what it throws.
    /// </summary>
    public async Task<T?> AnswerAsync(CancellationToken stopping)
    {
        if (underWay is null) return null;
        // Most have their answer in a moment.
        using (var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping))
        {
            await Task.WhenAny(underWay, Task.Delay(Grace, time, enough.Token));
            await enough.CancelAsync();
        }
        if (!underWay.IsCompleted) return null;
        var ended = underWay;
        underWay = null;
        // Given up with an earlier call, which was told to stop: this one was not.
        if (ended.IsCanceled && !stopping.IsCancellationRequested) return null;
        return await ended;
    }
}
