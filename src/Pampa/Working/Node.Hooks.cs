using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>Starts that are committed together with what the job does then.</summary>
internal sealed partial class Node
{
    // A batch is not run where its start took five seconds.
    private static readonly TimeSpan LongestGrowth = TimeSpan.FromSeconds(2);

    /// <summary>What hooks have not been told yet, as far as it is worth waiting for.</summary>
    public int Untold => lanes.Sum(lane => lane.Store.Calls?.Awaited ?? 0);

    private static int Telling(Lane lane) => lane.Store.Calls?.Count ?? 0;

    private static bool StartsSingly(Lane lane) => lane.Job.Hooks.HasStatements(HookKind.Starting);

    private static int MaxRows(Lane lane) => StartsSingly(lane) ? 1 : lane.Store.Database.Dialect.MaxRows;

    /// <summary>
    /// Whether the next one of many transactions may be tried. Not where the one before it has shown that the database is away or does not
    /// fit; nor where the batch has grown for so long that it would soon be too late to run it.
    /// </summary>
    private bool MayGoOn(Lane lane, long askedAt) => !StartsSingly(lane)
        || (CanStart(lane) && (!lane.IsBatched || time.GetElapsedTime(askedAt) < LongestGrowth));

    /// <summary>What was to be started is in hand as before.</summary>
    private Task PutBackAsync(Lane lane, IReadOnlyList<(Reservation Reservation, long Session)> rows)
    {
        foreach (var (reservation, _) in rows)
        {
            workers[slots[reservation.Worker]].Expect(-1);
            PutBack(lane, reservation);
        }
        return Task.CompletedTask;
    }

    private void PutBack(Lane lane, Reservation reservation)
    {
        var slot = slots[reservation.Worker];
        if (slot >= lane.Load.Hands.Count || !lane.Load.Hands[slot].Add(reservation)) lane.Forget(reservation.Key, reservation.Claim);
    }

    /// <summary>
    /// Whether it is the hook that did not let a record start. A refusal is the failure of its attempt; what somebody has locked is tried
    /// again, as if nothing had been tried.
    /// </summary>
    private async Task<bool> IsOfHookAsync(
        Lane lane, IReadOnlyList<(Reservation Reservation, long Session)> rows, Exception error, CancellationToken stopping)
    {
        if (!TaskStore.IsOfHook(error) || rows is not [var row]) return false;
        switch (lane.Store.Database.Dialect.Classify(error))
        {
            case ErrorKind.Data:
                await FailUnbegunAsync(lane, row, lane.Store.Explained(error), stopping);
                return true;
            case ErrorKind.Locked or ErrorKind.Retry:
                PutBack(lane, row.Reservation);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Counts an attempt whose handler does not run, and ends it at once.</summary>
    private async Task FailUnbegunAsync(Lane lane, (Reservation Reservation, long Session) row, Exception refusal, CancellationToken stopping)
    {
        TaskResult? result = null;
        var (job, reservation, table) = (lane.Job, row.Reservation, lane.Store.Table);
        try
        {
            var ended = await lane.Store.StartAsync([row], stopping, task => result = NotBegun(job, task with { Claim = reservation.Claim }, refusal));
            if (ended.Count == 0) result = null;
        }
        catch (Exception e)
        {
            await NotStartedAsync(lane, [row], table, e, stopping);
            return;
        }
        lane.Load.Resume(JobStep.Start);
        lane.Load.TableLock.End();
        if (result is null)
        {
            lane.Forget(reservation.Key, reservation.Claim);
            await GiveBackRefusedAsync(lane, [reservation], stopping);
            return;
        }
        lane.Counters.AddStarted(1);
        Log.TaskFailed(log, job.Name, lane.Store.Database.Dialect.Display(reservation.Key), result.Fence.Attempt, job.MaxAttempts, refusal);
        lane.Settle(result, Verdict.Accepted);
    }

    private TaskResult NotBegun(JobDefinition job, StartedTask task, Exception refusal)
    {
        var fence = task.Fence;
        var isLast = fence.Attempt >= job.MaxAttempts;
        return new TaskResult(fence, isLast ? Outcome.Failed : Outcome.Again, isLast ? 0 : job.Backoff.SecondsAfter(fence.Attempt, random),
            Error: ErrorText.Of(refusal))
        { Claim = task.Claim, Values = new RecordValues(task.Table, fence.Key, task.Values) };
    }

    /// <summary>What was started and has not run costs nothing.</summary>
    private static TaskResult GivenBack(StartedTask task) =>
        new(task.Fence, Outcome.Forgiven) { Claim = task.Claim, Values = new RecordValues(task.Table, task.Fence.Key, task.Values) };
}
