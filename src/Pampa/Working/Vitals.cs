using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// Says how this process is: what it needs of the computer, what it has done, and which tasks keep its workers. And it writes down which
/// attempts have failed, beside the work and not within it. A task that takes long is told to stop where its record is somebody else's by now.
/// </summary>
internal sealed class Vitals(Node node, NodeStore store, Notebook notes, ILogger log, TimeProvider time)
{
    /// <summary>How often it looks whether there is something to write down.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongTask = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookAfter = TimeSpan.FromSeconds(3);
    private const int MaxTasks = 200;
    private const int MaxKey = 200;
    private long saidAt;

    /// <summary>The limits of this process, and what is made of them.</summary>
    public IReadOnlyList<WorkerLimitInfo> Limits { private get; init; } = [];

    private (TimeSpan Used, long At) usage;

    /// <summary>One look. It never calls for another one at once.</summary>
    public async Task<bool> CycleAsync(CancellationToken stopping)
    {
        await notes.WriteAsync(stopping);
        if (!node.IsJoined || node.Membership.Life is not { } life) return false;
        if (saidAt != 0 && time.GetElapsedTime(saidAt) < SayEvery) return false;
        saidAt = time.GetTimestamp();
        await store.SayAsync(life, Measure(), stopping);
        foreach (var lane in LongRunning().GroupBy(t => t.Lane)) await LookAfterAsync(lane.Key, [.. lane], stopping);
        return false;
    }

    // Of a batch the others go on, and those that are short have ended before anybody looks.
    private IEnumerable<(Worker Worker, Lane Lane, StartedTask Task)> LongRunning() =>
        from worker in node.Workers
        let task = worker.Current
        let lane = worker.Lane
        where task is not null && lane is { IsBatched: false } && worker.Running >= LookAfter && !worker.IsInterrupted
        select (worker, lane, task);

    /// <summary>
    /// Tells tasks to stop whose records have been cancelled, or taken back, and are still there: whatever they do, it is in vain. What they write is refused
    /// anyway; this spares the time.
    /// </summary>
    private async Task LookAfterAsync(Lane lane, List<(Worker Worker, Lane Lane, StartedTask Task)> running, CancellationToken stopping)
    {
        Dictionary<TaskKey, FenceNow> now;
        try
        {
            now = (await lane.Store.ReadFencesAsync(running.ConvertAll(r => r.Task.Fence.Key), stopping)).ToDictionary(f => f.Fence.Key);
        }
        catch (Exception e) when (lane.Store.Database.Dialect.Classify(e) is ErrorKind.Schema or ErrorKind.Locked or ErrorKind.Data)
        {
            // Whoever starts and finishes meets the same, and tells of it.
            return;
        }
        foreach (var (worker, _, task) in running)
        {
            // One that is gone its own handler may have moved away, and nobody else has it.
            if (!now.TryGetValue(task.Fence.Key, out var seen)) continue;
            if (seen.Fence == task.Fence && (!seen.Ended || lane.Job.Handler.IsTransactional)) continue;
            // Where the task has ended meanwhile there is nothing to tell.
            if (worker.Interrupt(task, Interruption.TakenAway))
                Log.TakenAway(log, lane.Job.Name, lane.Store.Database.Dialect.Display(task.Fence.Key), task.Fence.Worker);
        }
    }

    private NodeVitals Measure() => new(Environment.WorkingSet, Cores(),
        [.. node.Lanes.Select(l => new JobDone(l.Job.Name, l.Counters.Completed, l.Counters.Failed, l.Load.Durations.Count, l.Load.Durations.Total))],
        [.. Busy().Take(MaxTasks)])
    { Limits = Limits };

    private double? Cores()
    {
        var (used, now) = (Environment.CpuUsage.TotalTime, time.GetTimestamp());
        var elapsed = usage.At == 0 ? TimeSpan.Zero : time.GetElapsedTime(usage.At, now);
        var cores = elapsed > TimeSpan.Zero ? Math.Max(0, (used - usage.Used) / elapsed) : default(double?);
        usage = (used, now);
        return cores;
    }

    private IEnumerable<BusyTask> Busy()
    {
        var workers = node.Workers;
        for (var w = 0; w < workers.Count && w < node.Membership.Workers.Count; w++)
        {
            if (workers[w] is not { Current: { } task, Lane: { } lane, Running: { } since } || since < LongTask) continue;
            var key = lane.Store.Database.Dialect.Display(task.Fence.Key);
            yield return new BusyTask(node.Membership.Workers[w].Worker, lane.Job.Name, ErrorText.Sanitise(key, MaxKey), since);
        }
    }
}
