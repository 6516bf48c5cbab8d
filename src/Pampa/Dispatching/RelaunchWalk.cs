using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Which of the ended records a look is at, where there may be millions that are old enough and still do not run again: they have failed, or do not
/// match. A look at a long table is at those whose time has come since the one before, and so finds them at once; beside that it passes by the older
/// ones, a window at a time, and begins anew at their end. Where those that are old enough are few, a look is at all of them.
/// </summary>
/// <param name="store">The job's table.</param>
/// <param name="time">Time.</param>
/// <param name="window">How many of the older ones are passed by with one look.</param>
internal sealed class RelaunchWalk(TaskStore store, TimeProvider time, int window = RelaunchWalk.Window)
{
    /// <summary>So many records are passed by in one window; a few milliseconds.</summary>
    public const int Window = 20_000;

    /// <summary>A look at a table that was thought short, and takes as long, is at a long one.</summary>
    public static readonly TimeSpan LongLook = TimeSpan.FromMilliseconds(100);

    // What is refused or locked among the youngest is tried again for so long; then it is one of the older ones.
    private static readonly TimeSpan Lag = TimeSpan.FromMinutes(1);
    private bool isShort;
    private string? behind;
    private string? next;
    private long nextSince;
    private string? sweptTo;
    private string? sweepsTo;

    /// <summary>A new term begins anew.</summary>
    public void Reset() => (isShort, behind, next, sweptTo) = (false, null, null, null);

    /// <summary>Whether a look is at all that has ended. Asked before each.</summary>
    public async Task<bool> IsShortAsync(CancellationToken stopping)
    {
        // A job without an age has no index for this; what its condition costs is its own.
        if (isShort || store.Job.Relaunching!.After is null) return true;
        if (sweptTo is null) isShort = await store.ReadEndAheadAsync(window, EndWindow.All, stopping) is null;
        return isShort;
    }

    /// <summary>A look at all has ended.</summary>
    public void Took(TimeSpan look)
    {
        if (look >= LongLook) Reset();
    }

    /// <summary>Those whose time has come since the looks before.</summary>
    public async Task<EndWindow> YoungAsync(CancellationToken stopping)
    {
        var ofAge = await store.ReadEndOfAgeAsync(stopping);
        if (behind is null) (behind, next, nextSince) = (ofAge, ofAge, time.GetTimestamp());
        else if (time.GetElapsedTime(nextSince) >= Lag) (behind, next, nextSince) = (next, ofAge, time.GetTimestamp());
        return new EndWindow(behind, null);
    }

    /// <summary>The next ones of the older.</summary>
    public async Task<EndWindow> OldAsync(CancellationToken stopping)
    {
        var rest = new EndWindow(sweptTo, behind);
        sweepsTo = await store.ReadEndAheadAsync(window, rest, stopping);
        return rest with { UpTo = sweepsTo ?? behind };
    }

    /// <summary>Whether the next window is the first one.</summary>
    public bool IsRound => sweptTo is null;

    /// <summary>The older ones of the window are done, or are given up; the next window is behind them.</summary>
    public void Pass() => sweptTo = sweepsTo;
}
