using Pampa.Jobs;

namespace Pampa.Hosting;

/// <summary>A loop that has shown no sign of life for too long.</summary>
internal sealed class StalledException : Exception
{
    public StalledException(string loop, TimeSpan time)
        : base($"The {loop} loop has stood still for {time}: neither a turn of it nor an answer of the database has come.")
    {
    }

    public StalledException()
        : base("A loop did not end when the process was told to stop: it stands still.")
    {
    }
}

/// <summary>A loop without a sign of life.</summary>
/// <param name="Name">Its name.</param>
/// <param name="For">For how long.</param>
internal sealed record StandingLoop(string Name, TimeSpan For);

/// <summary>
/// Looks on a thread of its own whether the loops live: one that stands still must not look like one that has nothing to
/// do. The first time it asks for a stop in order; if that does not come about either, it ends the process.
/// </summary>
/// <param name="end">Ends the process, whatever its threads do.</param>
internal sealed class Watchdog(Action end) : IDisposable
{
    /// <summary>More than any statement and its repetitions take.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private readonly Lock gate = new();
    private readonly Dictionary<Pulse, (long Beats, int Looks)> watched = [];
    private readonly TaskCompletionSource stalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim stop = new();
    private Thread? thread;
    private volatile bool isLeft;

    /// <summary>Called each second as long as no loop has stood still for too long.</summary>
    public Action? Lives { private get; init; }

    /// <summary>Fails when a loop stands still.</summary>
    public Task Stalled => stalled.Task;

    /// <summary>The loop that has given no sign of life for the longest time, if any has not since the last look.</summary>
    public StandingLoop? Standing { get; private set; }

    public void Start()
    {
        thread = new Thread(Run) { IsBackground = true, Name = "pampa watchdog", Priority = ThreadPriority.AboveNormal };
        thread.Start();
    }

    /// <summary>Keeps an eye on what will never be over while this one watches.</summary>
    public void Watch(Pulse pulse)
    {
        lock (gate) watched[pulse] = (0, 0);
    }

    /// <summary>What has come to its end is not looked at any more.</summary>
    public void Leave(Pulse pulse)
    {
        lock (gate) watched.Remove(pulse);
    }

    /// <summary>Goes on when it is disposed, and ends the process if the loop that stands still does so for longer.</summary>
    public void StayBehind() => isLeft = true;

    /// <summary>Runs a loop under watch.</summary>
    public async Task WatchAsync(string name, Func<Task> loopAsync)
    {
        var pulse = new Pulse(name);
        Watch(pulse);
        pulse.Take();
        try
        {
            await loopAsync();
        }
        finally
        {
            Leave(pulse);
        }
    }

    /// <summary>
    /// Counts looks, not time: a process that was stopped and goes on has not stood still meanwhile.
    /// </summary>
    public void Look()
    {
        var longest = 0;
        Pulse? still = null;
        lock (gate)
        {
            foreach (var (pulse, (beats, looks)) in watched.ToList())
            {
                var now = pulse.Beats;
                var unchanged = pulse.IsResting || now != beats ? 0 : looks + 1;
                watched[pulse] = (now, unchanged);
                if (unchanged > longest) (longest, still) = (unchanged, pulse);
                if (unchanged * Every >= Patience) stalled.TrySetException(new StalledException(pulse.Name, Patience));
            }
        }
        Standing = still is null ? null : new StandingLoop(still.Name, longest * Every);
        if (longest * Every < Patience) Lives?.Invoke();
        if (longest * Every >= 2 * Patience) end();
    }

    private void Run()
    {
        while (!stop.Wait(Every))
        {
            Look();
            if (isLeft && IsAnyWatched()) continue;
            if (isLeft) return;
        }
    }

    private bool IsAnyWatched()
    {
        lock (gate) return watched.Count > 0;
    }

    /// <summary>
    /// Ends the thread. Not where a loop stands still: whatever it stands still at may hold up the rest of the stop as well, and then the
    /// process ends when the time is over.
    /// </summary>
    public void Dispose()
    {
        if (stalled.Task.Exception is not null) StayBehind();
        if (isLeft) return;
        stop.Set();
        thread?.Join();
        stop.Dispose();
    }
}
