using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// Says how this process is: what it needs of the computer, what it has done, and which tasks keep its workers. And it writes down which
/// attempts have failed, beside the work and not within it.
/// </summary>
internal sealed class Vitals(Node node, NodeStore store, Notebook notes, TimeProvider time)
{
    /// <summary>How often it looks whether there is something to write down.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongTask = TimeSpan.FromSeconds(1);
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
        return false;
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
