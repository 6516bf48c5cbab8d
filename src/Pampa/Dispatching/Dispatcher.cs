using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// The loop that leads: takes back what dead workers held, and reserves due records for workers that run low. Several
/// may run; the one with the lease works, the others wait for it.
/// </summary>
internal sealed class Dispatcher(
    ClusterStore cluster, IReadOnlyList<JobDispatch> jobs, Leadership leadership, Watch watch, Func<string> node, TimeSpan pollInterval,
    ILogger log, TimeProvider time)
{
    /// <summary>A full pass never comes sooner than this many times its own duration.</summary>
    private const int PassRarity = 50;

    private static readonly TimeSpan PassEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan WatchEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CursorRestart = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LockPause = TimeSpan.FromSeconds(10);
    private LeaseTerm? reign;
    private long watchedAt;

    /// <summary>
    /// Records that this process has failed for good as the leader: their workers were lost in the last attempt.
    /// </summary>
    public long Failed { get; private set; }

    /// <summary>Whether this process leads.</summary>
    public bool IsLeading => reign is not null;

    /// <summary>
    /// Jobs whose last look found nothing more, so that only new records or the passing of time can bring any.
    /// </summary>
    public bool IsIdle => reign is not null && jobs.All(j => j.EmptySince != 0);

    /// <summary>A record may have become due: look at once.</summary>
    public void Wake()
    {
        foreach (var job in jobs)
        {
            job.EmptySince = 0;
            job.Cursor = null;
        }
    }

    /// <summary>One round. Says whether it reserved anything, so that another round may pay at once.</summary>
    public async Task<bool> CycleAsync(CancellationToken stopping)
    {
        var term = await leadership.EnsureAsync(stopping);
        if (term != reign) Crown(term);
        if (term is null) return false;
        await RecoverAsync(term, stopping);
        var did = false;
        foreach (var job in jobs) did |= await DispatchAsync(job, term, stopping);
        return did;
    }

    private void Crown(LeaseTerm? term)
    {
        if (term is not null) Log.Leads(log, term.Scope, term.Term);
        else if (reign is not null) Log.LeadsNoMore(log, reign.Scope, reign.Term);
        reign = term;
        watch.Reset();
        watchedAt = 0;
        foreach (var job in jobs)
        {
            job.Cursor = null;
            job.EmptySince = 0;
            job.PassedAt = 0;
        }
    }

    /// <summary>
    /// Takes back what dead workers held: when one has died, and in a slow pass that finds what no event told.
    /// </summary>
    private async Task RecoverAsync(LeaseTerm term, CancellationToken stopping)
    {
        if (watchedAt != 0 && time.GetElapsedTime(watchedAt) < WatchEvery) return;
        watchedAt = time.GetTimestamp();
        var dead = watch.Look(await cluster.ReadWorkersAsync(stopping));
        var all = true;
        foreach (var job in jobs)
        {
            var isDue = job.PassedAt == 0
                || time.GetElapsedTime(job.PassedAt) >= (job.PassTook * PassRarity is var rare && rare > PassEvery ? rare : PassEvery);
            if ((!watch.HasNews && !isDue) || job.Load.IsSuspended) continue;
            all &= await TryAsync(job, () => PassAsync(job, dead, term, stopping));
        }
        if (all) watch.Settle(dead);
    }

    private async Task<bool> PassAsync(JobDispatch job, List<DeadWorker> dead, LeaseTerm term, CancellationToken stopping)
    {
        var began = time.GetTimestamp();
        var rows = job.Store.Database.Dialect.MaxRows;
        var all = default(TakenBack);
        TakenBack back;
        do
        {
            back = await job.Store.ReclaimAsync(dead, term, stopping);
            all += back;
        }
        while (back.Total == rows);
        if (all.Total > 0)
        {
            Log.Reclaimed(log, job.Store.Job.Name, all.Released, all.Again, all.Failed);
            Failed += all.Failed;
            job.EmptySince = 0;
            job.Cursor = null;
        }
        while (await job.Store.ExhaustAsync(term, stopping) is var ended and > 0)
        {
            Log.Exhausted(log, job.Store.Job.Name, ended);
            Failed += ended;
            if (ended < rows) break;
        }
        job.PassTook = time.GetElapsedTime(began);
        job.PassedAt = time.GetTimestamp();
        return true;
    }

    private async Task<bool> DispatchAsync(JobDispatch job, LeaseTerm term, CancellationToken stopping)
    {
        var load = job.Load;
        if (load.IsInDoubt || load.IsSuspended) return false;
        if (job.EmptySince != 0 && time.GetElapsedTime(job.EmptySince) < pollInterval) return false;
        load.Measure();
        var max = Math.Min(job.Store.Database.Dialect.MaxReserveRows, Limits.ReserveRows);
        var name = node();
        var slots = Assignment.Slots(job.Assignment.Serving(load.Hands), load.Depth, max).ConvertAll(worker => new Slot(worker, name));
        if (slots.Count == 0) return false;
        return await TryAsync(job, () => ReserveAsync(job, slots, term, name, stopping));
    }

    private async Task<bool> ReserveAsync(JobDispatch job, List<Slot> slots, LeaseTerm term, string name, CancellationToken stopping)
    {
        var goesRound = job.LockMetAt != 0 && time.GetElapsedTime(job.LockMetAt) < LockPause;
        if (job.Store.Job.OrderBy is not null || (!goesRound && time.GetElapsedTime(job.RestartedAt) >= CursorRestart)) Restart(job);
        var after = job.Cursor;
        if (slots.Count > job.Limit) slots = slots[..job.Limit];
        List<Reservation> reserved;
        try
        {
            reserved = await job.Store.ReserveAsync(slots, term, name, after, stopping);
        }
        catch (Exception e) when (e is OperationCanceledException || job.Store.Database.Dialect.Classify(e) == ErrorKind.Infrastructure)
        {
            // Whether it took effect is not known: the node reads back what its workers hold before anything more is
            // reserved.
            job.Load.IsInDoubt = true;
            throw;
        }
        catch (Exception e) when (job.Store.Database.Dialect.Classify(e) == ErrorKind.Locked && CanGoRound(job))
        {
            await GoRoundAsync(job, slots.Count, after, stopping);
            return true;
        }
        job.Limit = int.MaxValue;
        if (reserved.Count > 0) job.Deliver(reserved);
        var isFull = reserved.Count == slots.Count;
        job.Cursor = isFull && job.Store.Job.OrderBy is null ? reserved[^1].Key : null;
        // Nothing after the cursor does not mean nothing before it.
        job.EmptySince = isFull || after is not null ? 0 : time.GetTimestamp();
        return reserved.Count > 0 || after is not null;
    }

    private static bool CanGoRound(JobDispatch job) => !job.Store.Database.Dialect.CanSkipLocked && job.Store.Job.OrderBy is null;

    /// <summary>
    /// A locked row that the database cannot pass by: fewer rows at a time until it is the first, then on behind it.
    /// </summary>
    private async Task GoRoundAsync(JobDispatch job, int asked, TaskKey? after, CancellationToken stopping)
    {
        Log.Locked(log, job.Store.Job.Name);
        job.Limit = Math.Max(1, asked / 2);
        if (asked > 1) return;
        job.Cursor = await job.Store.ReadNextAsync(after, stopping);
        job.LockMetAt = time.GetTimestamp();
        job.Limit = int.MaxValue;
    }

    private void Restart(JobDispatch job)
    {
        job.Cursor = null;
        job.RestartedAt = time.GetTimestamp();
    }

    /// <summary>
    /// Runs a step of one job; a job whose statements do not fit is suspended and does not hold up the others.
    /// </summary>
    private async Task<bool> TryAsync(JobDispatch job, Func<Task<bool>> step)
    {
        try
        {
            var did = await step();
            job.Load.Resume();
            return did;
        }
        catch (Exception e) when (job.Store.Database.Dialect.Classify(e) is ErrorKind.Schema)
        {
            job.Load.Suspend(e);
            return false;
        }
        catch (Exception e) when (job.Store.Database.Dialect.Classify(e) is ErrorKind.Locked)
        {
            // Somebody holds a record that the statement needs and that cannot be passed by: the next round tries
            // again.
            Log.Locked(log, job.Store.Job.Name);
            job.EmptySince = time.GetTimestamp();
            return false;
        }
    }
}
