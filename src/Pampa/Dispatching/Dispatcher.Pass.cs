using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Takes back what dead workers held, what is overdue, and what has no attempt left: passes over all open records of a job.</summary>
internal sealed partial class Dispatcher
{
    // Of millions that wait a pass takes seconds: what is regular goes on beside the rounds, which need nothing of it.
    private readonly Dictionary<JobDispatch, OpenPass> passes = [];
    private readonly Lock telling = new();
    private long failed;

    /// <summary>A pass that has begun; what it has done so far is written by its statements and told when it is over.</summary>
    private sealed class OpenPass(LeaseTerm term, JobTable table) : IDisposable
    {
        private readonly TaskCompletionSource begun = new();
        private readonly CancellationTokenSource givenUp = new();

        /// <summary>Whether its turn has come.</summary>
        public bool HasBegun => begun.Task.IsCompleted;

        /// <summary>Cancelled where it need not wait for its turn any more.</summary>
        public CancellationToken GivenUp => givenUp.Token;

        public void Begin() => begun.TrySetResult();

        /// <summary>Has it not begin any more. Says whether it has begun all the same.</summary>
        public async Task<bool> GiveUpAsync()
        {
            await givenUp.CancelAsync();
            await Task.WhenAny(begun.Task, Work);
            return HasBegun;
        }

        public LeaseTerm Term => term;

        /// <summary>The table as the statements know it.</summary>
        public JobTable Table => table;

        /// <summary>When its turn came, and when it was over: that nobody has asked for it for a while says nothing of how long it takes.</summary>
        public (long Began, long Ended)? Took { get; set; }

        public TakenBack Back { get; set; }

        public int Exhausted { get; set; }

        public Task Work { get; set; } = Task.CompletedTask;

        public void Dispose() => givenUp.Dispose();
    }

    /// <summary>
    /// Records that this process has failed for good as the leader: their workers were lost in the last attempt.
    /// </summary>
    public long Failed
    {
        get
        {
            lock (telling) return failed + passes.Values.Sum(pass => pass.Back.Failed + (long)pass.Exhausted);
        }
    }

    /// <summary>Over when no pass goes on any more, nor a look beside the rounds; no pass begins that waits for its turn.</summary>
    public async Task EndPassesAsync()
    {
        OpenPass[] open;
        lock (telling) open = [.. passes.Values];
        foreach (var pass in open)
        {
            if (pass.HasBegun || await pass.GiveUpAsync()) await IsOverAsync(pass);
        }
        foreach (var job in jobs) await job.Back.Look.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private bool IsPassing
    {
        get
        {
            lock (telling) return passes.Values.Any(pass => pass.HasBegun && !pass.Work.IsCompleted);
        }
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
            if (passes.GetValueOrDefault(job) is { } former && !await TryEndAsync(job, former, term, waits, stopping)) continue;
            var isDue = isAsked || job.Pass.IsDue;
            if (((!watch.HasNews || job.PassFailed) && !isDue) || job.Load.IsSuspendedAt(JobStep.Dispatch) || await WaitsForTableAsync(job, stopping)) continue;
            var pass = Begin(job, term, waits, stopping);
            await TryEndAsync(job, pass, term, waits, stopping);
            looked |= isDue;
            // Whoever leads by now does it himself.
            if (leadership.Term != term) return (int)(takenBack - before);
        }
        // What a job could not take back now is found by its slow passes; the others need not look again and again.
        watch.Settle(dead);
        if (looked) await housekeeping.RunAsync(dead, stopping);
        return (int)(takenBack - before);
    }

    private OpenPass Begin(JobDispatch job, LeaseTerm term, bool isWaitedFor, CancellationToken stopping)
    {
        var pass = new OpenPass(term, job.Store.Table);
        lock (telling) passes[job] = pass;
        var (gone, handTimeout) = (dead, JobLoad.HandTimeout(job.Store.Job, P90(job)));
        Task PassOnAsync() => PassAsync(job, pass, gone, handTimeout, stopping);
        // What nobody waits for takes turns with all else of that kind, and has not all connections at once with it.
        pass.Work = isWaitedFor ? PassOnAsync() : job.Store.Database.InTurnAsync(PassOnAsync, pass.GivenUp);
        return pass;
    }

    /// <summary>Says whether a pass is over, well or badly, and tells of what it has done.</summary>
    private async Task<bool> TryEndAsync(JobDispatch job, OpenPass pass, LeaseTerm term, bool waits, CancellationToken stopping)
    {
        if (!pass.Work.IsCompleted)
        {
            if (!waits) return false;
            if (!pass.HasBegun && !await pass.GiveUpAsync())
            {
                // The one that is waited for comes at once.
                lock (telling) passes.Remove(job);
                pass.Dispose();
                return true;
            }
            // Where there is one writer at a time, the lease could not be renewed beside it.
            if (job.Store.Database.Dialect.HasSingleWriter) await IsOverAsync(pass);
            else await leadership.KeepAsync(() => IsOverAsync(pass), stopping);
        }
        if (pass.Term == term) await TryAsync(job, () => EndAsync(job, pass, stopping), stopping, pass.Table);
        else
        {
            // It has changed nothing since its term was over, and what it met then says nothing of now.
            Tell(job, pass);
            if (pass.Work.Exception?.InnerException is { } error && job.PassFailures.IsDue(out var unsaid))
                Log.PassFailed(log, job.Store.Job.Name, unsaid, error.Message);
            job.Pass.Reset();
        }
        return true;
    }

    private static async Task<bool> IsOverAsync(OpenPass pass)
    {
        await pass.Work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
            Tell(job, pass);
        }
        if (pass.Took is { } took) job.Pass.End(took.Began, took.Ended);
        return !job.PassFailed;
    }

    // Also where it has met something on its way: what it did before is done.
    private void Tell(JobDispatch job, OpenPass pass)
    {
        lock (telling)
        {
            passes.Remove(job);
            failed += pass.Back.Failed + pass.Exhausted;
        }
        pass.Dispose();
        takenBack += pass.Back.Total + pass.Exhausted;
        if (pass.Back is { Total: > 0 } all)
        {
            Log.Reclaimed(log, job.Store.Job.Name, all.Released, all.Again, all.Failed);
            job.Load.Meter.TookBack(all.Released, all.Again, all.Failed);
            if (all.Again + all.Failed > 0) job.Load.NoteDeath();
            job.EmptySince = 0;
            job.GoBack();
        }
        if (pass.Exhausted > 0) Log.Exhausted(log, job.Store.Job.Name, pass.Exhausted);
    }

    private async Task PassAsync(JobDispatch job, OpenPass pass, IReadOnlyList<DeadWorker> gone, TimeSpan handTimeout, CancellationToken stopping)
    {
        pass.Begin();
        // It may have waited for its turn since that was looked at.
        if (await WaitsForTableAsync(job, stopping)) return;
        var began = time.GetTimestamp();
        try
        {
            var rows = job.Store.Database.Dialect.MaxRows;
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
        finally
        {
            pass.Took = (began, time.GetTimestamp());
        }
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
