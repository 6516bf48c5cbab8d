using System.Collections.Concurrent;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>What a worker runs at a time: a task, or the tasks of a batch.</summary>
/// <param name="Lane">Their job.</param>
/// <param name="Tasks">The tasks.</param>
/// <param name="AskedAt">When the first START of a batch was sent.</param>
internal readonly record struct Work(Lane Lane, IReadOnlyList<StartedTask> Tasks, long AskedAt = 0);

/// <summary>One slot of a node: runs one task, or one batch, at a time, in the order in which they were started.</summary>
internal sealed class Worker(TaskRunner runner, Signal wantsMore, TimeProvider time) : IDisposable
{
    // Whatever arrives sets the signal; that a node has hundreds of workers must not wake it hundreds of times.
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LeakGrace = TimeSpan.FromSeconds(10);
    private readonly ConcurrentQueue<Work> started = new();
    private readonly Signal arrived = new();
    private readonly Attempt attempt = new(time);
    private long runningSince;
    private volatile bool isRunning;
    private volatile Lane? lane;
    private volatile StartedTask? current;
    private int count;

    /// <summary>Set when it has run low of tasks that whoever deals starts for it.</summary>
    public Signal? HandIsLow { private get; set; }

    /// <summary>How many tasks are started and not ended: the one that runs and those behind it.</summary>
    public int Count => Volatile.Read(ref count);

    /// <summary>How long the task that runs has been running; null while none does.</summary>
    public TimeSpan? Running => isRunning ? time.GetElapsedTime(Volatile.Read(ref runningSince)) : null;

    /// <summary>That task, of a batch its first one; null while none runs.</summary>
    public StartedTask? Current => current;

    /// <summary>The job of that task; where none runs, of the last one.</summary>
    public Lane? Lane => lane;

    /// <summary>Whether the task that runs was told to end because its time is over, and has not.</summary>
    public bool IsOverdue => isRunning && attempt.Why == Interruption.MaxDuration;

    /// <summary>Whether the task that runs was told to end, for whatever reason.</summary>
    public bool IsInterrupted => isRunning && attempt.Why != Interruption.None;

    /// <summary>
    /// The job whose task does not end although it was told to a while ago: its slot is lost until it does. Null: there is
    /// none.
    /// </summary>
    public Lane? Leak => IsOverdue && lane is { } own && Running >= own.Job.MaxDuration + LeakGrace ? own : null;

    /// <summary>Reserves room for tasks whose START is under way, so that none is asked for twice.</summary>
    public void Expect(int tasks) => Interlocked.Add(ref count, tasks);

    /// <summary>Takes what is started; it was counted by <see cref="Expect"/>.</summary>
    public void Take(Work work)
    {
        started.Enqueue(work);
        arrived.Set();
    }

    /// <summary>Runs what arrives until told to stop; the task that runs then is run to its end.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        wantsMore.Set();
        while (!stopping.IsCancellationRequested)
        {
            if (!await RunNextAsync()) await arrived.WaitAsync(Idle, time, stopping);
        }
    }

    /// <summary>Runs the next started task, if there is one.</summary>
    public async Task<bool> RunNextAsync()
    {
        if (!started.TryDequeue(out var work)) return false;
        var of = work.Lane;
        lane = of;
        current = work.Tasks[0];
        Volatile.Write(ref runningSince, time.GetTimestamp());
        isRunning = true;
        attempt.Begin(of.Job.MaxDuration);
        try
        {
            await (of.IsBatched ? runner.RunBatchAsync(work, attempt) : runner.RunAsync(of, work.Tasks[0], attempt));
        }
        finally
        {
            attempt.End();
            isRunning = false;
            current = null;
            if (Interlocked.Add(ref count, -work.Tasks.Count) is var left && left <= of.Load.Ahead / 2)
            {
                if (of.Load.StartsAtOnce) HandIsLow?.Set();
                // Else there is only what must not be started behind another one.
                if (left == 0 || !of.Load.StartsAtOnce) wantsMore.Set();
            }
        }
        return true;
    }

    /// <summary>Takes back what was started and not run.</summary>
    public List<(Lane Lane, StartedTask Task)> Empty()
    {
        var all = new List<(Lane, StartedTask)>();
        while (started.TryDequeue(out var next))
        {
            all.AddRange(next.Tasks.Select(task => (next.Lane, task)));
            Interlocked.Add(ref count, -next.Tasks.Count);
        }
        return all;
    }

    /// <summary>Cancels the token of the task that runs.</summary>
    public void Interrupt(Interruption why) => attempt.Interrupt(why);

    /// <summary>Cancels the token of a task, if it is still the one that runs. Says whether it did.</summary>
    public bool Interrupt(StartedTask task, Interruption why)
    {
        var round = attempt.Round;
        return ReferenceEquals(current, task) && attempt.Interrupt(why, round);
    }

    public void Dispose() => attempt.Dispose();
}
