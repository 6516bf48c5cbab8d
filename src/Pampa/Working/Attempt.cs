using System.Diagnostics;

namespace Pampa.Working;

/// <summary>Why the token of an attempt was cancelled.</summary>
internal enum Interruption
{
    None,
    MaxDuration,
    Shutdown,
    LeaseLost,

    /// <summary>The record is not this attempt's any more: somebody has cancelled it, or taken it back.</summary>
    TakenAway,
}

/// <summary>
/// The token of the attempt that a worker runs; the source is used again for the next one as long as it was not
/// cancelled, and so is the timer, which a hundred thousand short tasks a second need not wind up each.
/// </summary>
internal sealed class Attempt : IDisposable
{
    private readonly Lock gate = new();
    private readonly TimeProvider time;
    private readonly ITimer timer;
    private CancellationTokenSource source = new();
    private TimeSpan maxDuration;
    private Interruption interruption;
    private bool isRunning;
    private long round;
    private long deadline;

    // When the timer goes off, where it does.
    private long? goesOffAt;

    public Attempt(TimeProvider time)
    {
        this.time = time;
        Told = () => Reason;
        timer = time.CreateTimer(static attempt => ((Attempt)attempt!).GoOff(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Which attempt of all that have begun here runs, or ran last.</summary>
    public long Round => Volatile.Read(ref round);

    /// <summary>The span that it runs within; null: nobody listens.</summary>
    public Activity? Span { get; set; }

    /// <summary>With a span, what has made it fail; null: nothing has.</summary>
    public Exception? Error { get; set; }

    public CancellationToken Token => source.Token;

    public Interruption Why
    {
        get
        {
            lock (gate) return interruption;
        }
    }

    /// <summary><see cref="Reason"/>, for whoever asks later.</summary>
    public Func<string?> Told { get; }

    public string? Reason => Why switch
    {
        Interruption.MaxDuration => $"MaxDuration of {maxDuration:c} exceeded",
        Interruption.Shutdown => "the program is stopping",
        Interruption.LeaseLost => "the worker has lost its lease",
        Interruption.TakenAway => "the record was cancelled or taken back",
        _ => null,
    };

    public void Begin(TimeSpan duration)
    {
        lock (gate)
        {
            if (!source.TryReset())
            {
                source.Dispose();
                source = new CancellationTokenSource();
            }
            round++;
            maxDuration = duration;
            interruption = Interruption.None;
            isRunning = true;
            deadline = time.GetTimestamp() + (long)(duration.TotalSeconds * time.TimestampFrequency);
            // It may go off earlier, for one that has ended: then it is wound up again.
            if (goesOffAt is not { } set || set > deadline) GoOffAfter(duration);
        }
    }

    public void End()
    {
        lock (gate)
        {
            isRunning = false;
            Span = null;
            Error = null;
        }
    }

    private void GoOffAfter(TimeSpan wait)
    {
        goesOffAt = deadline;
        timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private void GoOff()
    {
        lock (gate)
        {
            goesOffAt = null;
            if (!isRunning) return;
            var left = time.GetElapsedTime(time.GetTimestamp(), deadline);
            if (left <= TimeSpan.Zero) Cancel(Interruption.MaxDuration);
            // A timer counts whole milliseconds.
            else GoOffAfter(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)));
        }
    }

    /// <summary>Cancels what runs now. Says whether it did: not where it has ended, or was cancelled before.</summary>
    /// <param name="why">Why.</param>
    /// <param name="only">Only this one, by its <see cref="Round"/>; null: whichever it is.</param>
    public bool Interrupt(Interruption why, long? only = null)
    {
        lock (gate) return isRunning && (only is not { } one || one == round) && Cancel(why);
    }

    private bool Cancel(Interruption why)
    {
        if (interruption != Interruption.None) return false;
        interruption = why;
        // On the pool: what the handler has registered must not hold up whoever interrupts.
        _ = source.CancelAsync();
        return true;
    }

    public void Dispose()
    {
        // A timer that goes off just now finds nothing that runs.
        lock (gate) isRunning = false;
        timer.Dispose();
        source.Dispose();
    }
}
