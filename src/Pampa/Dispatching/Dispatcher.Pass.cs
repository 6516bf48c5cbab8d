using System.Collections.Concurrent;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Takes back what dead workers held, what is overdue, and what has no attempt left: passes over all open records of a job.</summary>
internal sealed partial class Dispatcher
{
    // Of millions that wait a pass takes seconds: what is regular goes on beside the rounds, which need nothing of it.
    private readonly ConcurrentDictionary<JobDispatch, OpenPass> passes = [];

    /// <summary>A pass that has begun; what it has done so far is written by its statements and read when it is over.</summary>
    private sealed class OpenPass(LeaseTerm term, long began)
    {
        public LeaseTerm Term => term;

        public long Began => began;

        public TakenBack Back { get; set; }

        public int Exhausted { get; set; }

        public Task Work { get; set; } = Task.CompletedTask;
    }

    /// <summary>
    /// Takes back what dead workers held: when one has died, and in a slow pass that finds what no event told.
    /// </summary>
    private async Task<int> ReclaimAsync(LeaseTerm term, bool isAsked, CancellationToken stopping)
    {
        var looked = false;
        var before = takenBack;
        foreach (var job in jobs)
        {
            // What the dead held has waited for long enough; and where there is one writer at a time, nobody else could go on.
            var waits = isAsked || watch.HasNews || job.Store.Database.Dialect.HasSingleWriter;
            if (passes.TryGetValue(job, out var pass) && !await TryEndAsync(job, pass, waits, stopping)) continue;
            // Of a former term it has changed nothing.
            if (pass is not null && pass.Term != term) job.Pass.Reset();
            var isDue = isAsked || job.Pass.IsDue;
            if (((!watch.HasNews || job.PassFailed) && !isDue) || job.Load.IsSuspendedAt(JobStep.Dispatch) || await WaitsForTableAsync(job, stopping)) continue;
            pass = passes[job] = new OpenPass(term, time.GetTimestamp());
            pass.Work = PassAsync(job, pass, dead, stopping);
            await TryEndAsync(job, pass, waits, stopping);
            looked |= isDue;
        }
        // What a job could not take back now is found by its slow passes; the others need not look again and again.
        watch.Settle(dead);
        if (looked) await housekeeping.RunAsync(dead, stopping);
        return (int)(takenBack - before);
    }

    /// <summary>Says whether a pass is over, well or badly, and tells of what it has done.</summary>
    private async Task<bool> TryEndAsync(JobDispatch job, OpenPass pass, bool waits, CancellationToken stopping)
    {
        if (!waits && !pass.Work.IsCompleted) return false;
        await TryAsync(job, () => EndAsync(job, pass, stopping), stopping);
        return true;
    }

    private async Task<bool> EndAsync(JobDispatch job, OpenPass pass, CancellationToken stopping)
    {
        try
        {
            await pass.Work;
            job.PassFailed = false;
        }
        catch (Exception e) when (job.Store.Database.Dialect.Classify(e) is ErrorKind.Locked or ErrorKind.Data)
        {
            job.PassFailed = true;
            if (!await IsTableLockedAsync(job, e, stopping) && job.PassFailures.IsDue(out var unsaid))
                Log.PassFailed(log, job.Store.Job.Name, unsaid, e.Message);
        }
        catch (Exception e) when (job.Store.Database.Dialect.IsStatementTimeout(e))
        {
            // The server is well: nobody else need wait for what it could not find in time.
            job.PassFailed = true;
            Log.PassTooLong(log, job.Store.Job.Name, e.Message);
        }
        finally
        {
            passes.TryRemove(job, out _);
            Tell(job, pass);
        }
        job.Pass.End(pass.Began);
        return !job.PassFailed;
    }

    // Also where it has met something on its way: what it did before is done.
    private void Tell(JobDispatch job, OpenPass pass)
    {
        if (pass.Back is { Total: > 0 } all)
        {
            Log.Reclaimed(log, job.Store.Job.Name, all.Released, all.Again, all.Failed);
            failed += all.Failed;
            job.Load.Meter.TookBack(all.Released, all.Again, all.Failed);
            takenBack += all.Total;
            if (all.Again + all.Failed > 0) job.Load.NoteDeath();
            job.EmptySince = 0;
            job.GoBack();
        }
        if (pass.Exhausted == 0) return;
        Log.Exhausted(log, job.Store.Job.Name, pass.Exhausted);
        failed += pass.Exhausted;
        takenBack += pass.Exhausted;
    }

    private async Task PassAsync(JobDispatch job, OpenPass pass, IReadOnlyList<DeadWorker> gone, CancellationToken stopping)
    {
        var rows = job.Store.Database.Dialect.MaxRows;
        var handTimeout = JobLoad.HandTimeout(job.Store.Job, P90(job));
        TakenBack back;
        do
        {
            back = await job.Store.ReclaimAsync(gone, handTimeout, pass.Term, stopping);
            pass.Back += back;
        }
        while (back.Total == rows);
        int ended;
        do
        {
            ended = await job.Store.ExhaustAsync(pass.Term, stopping);
            pass.Exhausted += ended;
        }
        while (ended == rows);
    }

    /// <summary>
    /// While the table is locked nobody can write what has become of his tasks, and for a moment after that nobody has: nothing is overdue
    /// by that, and no attempt is charged for it.
    /// </summary>
    private static async Task<bool> WaitsForTableAsync(JobDispatch job, CancellationToken stopping)
    {
        var tableLock = job.Load.TableLock;
        if (tableLock.IsMet && !tableLock.IsResting) await job.Store.IsLockedAsync(job.Load, stopping);
        return tableLock.IsMet || tableLock.IsJustOver;
    }
}
