using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Makes ended records pending again, of the jobs that want that. It stands beside the taking back of what was lost and
/// replaces nothing of it.
/// </summary>
internal sealed class Relauncher(IEnumerable<JobDispatch> jobs, ILogger log, TimeProvider time)
{
    private readonly List<JobRelaunch> relaunches =
        [.. jobs.Where(j => j.Store.Job.Relaunching is not null).Select(j => new JobRelaunch(j, j.Store.Job.Relaunching!, log, time))];

    /// <summary>
    /// False while this process is to end when nothing is left to do: what comes back for ever would keep it from that.
    /// </summary>
    public bool IsOn { get; set; } = true;

    /// <summary>Whether there is anything to look for.</summary>
    public bool HasAny => IsOn && relaunches.Count > 0;

    /// <summary>
    /// One pass of each job whose time it is; asked for, of all. One that is paused begins nothing, so its records stay
    /// ended. Returns how many records are pending again.
    /// </summary>
    public async Task<int> RelaunchAsync(LeaseTerm term, Func<JobDispatch, bool> isHeld, bool isAsked, CancellationToken stopping)
    {
        var all = 0;
        if (!IsOn) return all;
        foreach (var one in relaunches)
        {
            if (isHeld(one.Job) || one.Job.Load.IsSuspendedAt(JobStep.Dispatch) || one.Job.Load.TableLock.IsResting) continue;
            // Their hooks are told beside, some at a time: a process without workers has no other brake.
            if (one.Job.Store.Calls is { Count: > Limits.RelaunchRows and var calls })
            {
                if (isAsked && one.HeldBack.IsDue(out var unsaid)) Log.RelaunchHeldBack(log, one.Job.Store.Job.Name, calls, unsaid);
                continue;
            }
            var count = await one.PassAsync(term, isAsked, stopping);
            if (count > 0) Log.Relaunched(log, one.Job.Store.Job.Name, count);
            all += count;
        }
        return all;
    }

    /// <summary>A new term: it looks at once.</summary>
    public void Reset()
    {
        foreach (var one in relaunches) one.Reset();
    }
}
