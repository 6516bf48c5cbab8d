using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// The loop that leads: takes back what dead workers held, and reserves due records for workers that run low. Several
/// may run; the one with the lease works, the others wait for it.
/// </summary>
internal sealed partial class Dispatcher(
    ClusterTables tables, IReadOnlyList<JobDispatch> jobs, Leadership leadership, Watch watch, Func<string> node,
    TimeSpan pollInterval, ILogger log, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan WatchEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan BusyPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan AfterHaste = TimeSpan.FromMilliseconds(10);
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly OtherNodes others = new(tables.Exchange);
    private readonly Roster roster = new(jobs, tables.Control, log, time);
    private readonly Permissions permissions = new(jobs, log, time);
    private readonly Housekeeping housekeeping = new(tables, log, time);
    private List<DeadWorker> dead = [];
    private LeaseTerm? current;
    private long reserved;
    private long takenBack;
    private long watchedAt;
    private bool isHasty;
    private volatile bool hasAsked;

    // What was known in a former term is too old: somebody else has led meanwhile.
    private bool hasSeen;

    /// <summary>What makes ended records pending again, where their jobs want that.</summary>
    public Relauncher Relauncher { get; } = new(jobs, log, time);

    /// <summary>Whether this process leads.</summary>
    public bool IsLeading => current is not null;

    /// <summary>Whether it has found out who does.</summary>
    public bool KnowsLeader => hasAsked;

    /// <summary>Whether it wanted to and another process does.</summary>
    public bool IsStandingBy => hasAsked && current is null;

    /// <summary>
    /// Jobs whose last look found nothing more, so that only new records or the passing of time can bring any.
    /// </summary>
    public bool IsIdle => current is not null && jobs.All(j => j.EmptySince != 0) && !IsPassing;

    /// <summary>
    /// How long to wait where a round has found nothing to do: nodes of other processes say what they lack several times
    /// a second, but cannot wake this one; and what is held may be let go at any time.
    /// </summary>
    public TimeSpan Pause =>
        current is not null && isHasty && AfterHaste < pollInterval ? AfterHaste
        : current is not null && (AwaitsAnswer || (others.Any && jobs.Any(j => j.EmptySince == 0 && !j.Rests))) && BusyPause < pollInterval ? BusyPause
        : current is not null && (roster.HoldsAny || Relauncher.HasAny || permissions.HasAny) && WatchEvery < pollInterval ? WatchEvery : pollInterval;

    /// <summary>A record may have become due, of one job or of any: look at once.</summary>
    public void Wake(string? name = null)
    {
        foreach (var job in jobs.Where(j => name is null || j.Store.Job.Name == name)) job.Wake();
    }

    /// <summary>
    /// One round of the three steps. Says whether it reserved anything, so that another round may pay at once.
    /// </summary>
    public Task<bool> CycleAsync(CancellationToken stopping) => LeadingAsync(async term =>
    {
        // Told of new records, look for them first: what the nodes said a turn ago is true enough to find somebody idle, for
        // what they were given since is counted; and what is regular has time until the next turn.
        isHasty = !isHasty && hasSeen && time.GetElapsedTime(watchedAt) < 2 * WatchEvery
            && jobs.Any(j => j.IsWoken && !j.Rests && !j.Load.IsSuspendedAt(JobStep.Dispatch));
        if (!isHasty && await WatchAsync(isAsked: false, stopping)) await ReclaimAndRelaunchAsync(term, isAsked: false, stopping);
        await SeeAsync(stopping);
        if (isHasty ? roster.IsUrgent : roster.IsDue) await StretchAsync(term, stopping);
        return await DispatchAsync(term, stopping);
    }, stopping);

    /// <summary>The first step alone: which workers serve which job. Returns how many workers were moved.</summary>
    public Task<int> StretchAsync(CancellationToken stopping) => LeadingAsync(async term =>
    {
        isHasty = false;
        await WatchAsync(isAsked: true, stopping);
        await SeeAsync(stopping);
        return await StretchAsync(term, stopping);
    }, stopping);

    /// <summary>
    /// The second step alone, and at once: takes back what dead workers held and what is overdue, ends what has no
    /// attempt left, relaunches what is to run again. Returns how many records that were.
    /// </summary>
    public Task<int> RelaunchAsync(CancellationToken stopping) =>
        LeadingAsync(async term =>
        {
            await WatchAsync(isAsked: true, stopping);
            return await ReclaimAndRelaunchAsync(term, isAsked: true, stopping);
        }, stopping);

    /// <summary>The third step alone: reserves due records for workers that run low. Returns how many.</summary>
    public Task<int> DispatchAsync(CancellationToken stopping) => LeadingAsync(async term =>
    {
        var before = reserved;
        isHasty = false;
        Wake();
        await WatchAsync(isAsked: false, stopping);
        await SeeAsync(stopping);
        await DispatchAsync(term, stopping);
        return (int)(reserved - before);
    }, stopping);

    /// <summary>Runs a step while this process leads; where another one does, nothing is done.</summary>
    private async Task<T?> LeadingAsync<T>(Func<LeaseTerm, Task<T>> stepAsync, CancellationToken stopping)
    {
        await turn.WaitAsync(stopping);
        try
        {
            var term = await leadership.EnsureAsync(stopping);
            if (term != current) BeginTerm(term);
            hasAsked = true;
            return term is null ? default : await stepAsync(term);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Looks at the workers of the cluster, if it is time to. Says whether it did.</summary>
    private async Task<bool> WatchAsync(bool isAsked, CancellationToken stopping)
    {
        if (!isAsked && watchedAt != 0 && time.GetElapsedTime(watchedAt) < WatchEvery) return false;
        watchedAt = time.GetTimestamp();
        var workers = await tables.Cluster.ReadWorkersAsync(stopping);
        dead = watch.Look(workers);
        var own = node();
        await roster.ReadAsync(stopping);
        others.See(workers.Where(w => w.State == WorkerStates.Ready && w.Node != own && !watch.Gone.Contains(w.Id)));
        return true;
    }

    /// <summary>Looks at what all nodes have in hand now.</summary>
    private async Task SeeAsync(CancellationToken stopping)
    {
        var own = node();
        if (!isHasty) await others.ReadAsync(own, stopping);
        hasSeen = true;
        foreach (var job in jobs) job.See(own, others);
        await permissions.AskAsync(roster.IsHeld, stopping);
        // Who has ended a long task can wait for the next round; what is new need not.
        if (!isHasty) roster.See();
    }

    private Task<int> StretchAsync(LeaseTerm term, CancellationToken stopping) => roster.StretchAsync(P90, term, stopping);

    /// <summary>How long nine of ten tasks of a job take at most, where they take longest.</summary>
    private TimeSpan? P90(JobDispatch job)
    {
        var own = job.Load.Durations.Percentile(0.9);
        return others.P90(job.Store.Job.Name) is { } p90 && (own is null || p90 > own) ? p90 : own;
    }

    private async Task<bool> DispatchAsync(LeaseTerm term, CancellationToken stopping)
    {
        var did = false;
        walked = TimeSpan.Zero;
        foreach (var job in jobs)
        {
            // Several that take long would outlast it together.
            if (await leadership.EnsureAsync(stopping) != term) break;
            did |= await DispatchAsync(job, term, stopping);
        }
        return did;
    }

    private void BeginTerm(LeaseTerm? term)
    {
        if (term is not null)
        {
            Log.Leads(log, term.Scope, term.Term);
            Instruments.LeaderChanges.Add(1, new KeyValuePair<string, object?>(Instruments.NodeTag, node() is { Length: > 0 } name ? name : JobMeter.NoNode));
        }
        else if (current is not null)
        {
            Log.LeadsNoMore(log, current.Scope, current.Term);
            foreach (var job in jobs) job.Store.Database.LetGo();
        }
        current = term;
        watch.Reset();
        roster.Reset();
        Relauncher.Reset();
        hasSeen = false;
        watchedAt = 0;
        foreach (var job in jobs)
        {
            job.Load.StartsAtOnce = false;
            job.Cursor = null;
            job.EmptySince = 0;
            job.Pass.Reset();
            job.Selection?.Reset();
            job.LeftOut.Clear();
            job.Back.Reset();
        }
    }

    private async Task<int> ReclaimAndRelaunchAsync(LeaseTerm term, bool isAsked, CancellationToken stopping) =>
        await ReclaimAsync(term, isAsked, stopping) + await Relauncher.RelaunchAsync(term, roster.IsHeld, isAsked, stopping);

    private async Task<bool> DispatchAsync(JobDispatch job, LeaseTerm term, CancellationToken stopping)
    {
        var load = job.Load;
        if (load.IsSuspendedAt(JobStep.Dispatch) || load.TableLock.IsResting) return false;
        if (load.TakeGivenBack())
        {
            job.EmptySince = 0;
            job.Selection?.Hasten();
            job.GoBack();
        }
        // However often it is told of records: the others have their time, too.
        if (!job.IsLookDue || job.Rests) return false;
        // Where the last look found little, a thousand idle workers need not all be named to see that it is still so.
        var max = job.FoundLittle ? Limits.FirstLook : Math.Min(job.Store.Database.Dialect.MaxReserveRows, Limits.ReserveRows);
        var name = node();
        var isWoken = job.IsWoken;
        job.BeginLook();
        if (job.Selection is { } selection && selection.Rests(isWoken))
        {
            job.EndLook(mayBeMore: false);
            return false;
        }
        if (job.Hands.Count == 0 && job.HasWorkers) return NobodyServes(job);
        var serving = roster.IsHeld(job) ? [] : roster.Serving(job);
        if (serving.Count == 0 && job.HasWorkers)
        {
            job.SkipLook();
            // Others have all workers: it is stretched at once and not when its second is over.
            var mayHelp = isWoken && roster.MayServe(job);
            if (mayHelp) roster.Hurry(job);
            else if (isWoken) roster.Await(job);
            return mayHelp;
        }
        // What troubles this process's own node is no reason to let the others starve.
        var isTroubled = load.IsInDoubt || load.IsSuspendedFor(JobStep.Dispatch);
        var slots = job.Slots(isTroubled ? serving.FindAll(w => w.Node != name) : serving, max);
        if (slots.Count == 0)
        {
            job.ForgetLook();
            return false;
        }
        return await TryAsync(job, () => ReserveAsync(job, slots, term, name, stopping), stopping);
    }

    // There is nobody to look for records for: as idle as if there were none.
    private bool NobodyServes(JobDispatch job)
    {
        if (!job.IsUnserved && job.TooOld > 0) Log.AllTooOld(log, job.Store.Job.Name, job.TooOld, job.Store.Job.Minimum!);
        else if (!job.IsUnserved) Log.Unserved(log, job.Store.Job.Name, job.Store.Job.WorkerFilter ?? "");
        job.IsUnserved = true;
        job.SkipLook();
        return false;
    }

    /// <summary>
    /// Runs a step of one job; a job whose statements do not fit is suspended and does not hold up the others.
    /// </summary>
    private async Task<bool> TryAsync(JobDispatch job, Func<Task<bool>> step, CancellationToken stopping, JobTable? asOf = null)
    {
        var table = asOf ?? job.Store.Table;
        try
        {
            return await step();
        }
        catch (Exception e) when (job.Store.Database.Dialect.Classify(e) is ErrorKind.Schema or ErrorKind.Data)
        {
            await job.Store.SuspendAsync(job.Load, JobStep.Dispatch, table, e, stopping);
            return false;
        }
        catch (Exception e) when (job.Store.Database.Dialect.Classify(e) is ErrorKind.Locked)
        {
            // Somebody holds a record that the statement needs and that cannot be passed by: the next round tries
            // again.
            if (await IsTableLockedAsync(job, e, stopping)) return false;
            Log.Locked(log, job.Store.Job.Name);
            job.SkipLook();
            return false;
        }
        catch (Exception e) when (job.Store.Database.Dialect.IsStatementTimeout(e))
        {
            if (job.TooLong.IsDue(out var unsaid)) Log.PickTooLong(log, job.Store.Job.Name, unsaid, e.Message);
            // What it has not found it may find when it has rested, which alone keeps it away.
            job.EndLook(mayBeMore: job.Cursor is not null || job.Rests);
            job.ForgetLook();
            return false;
        }
    }

    public void Dispose() => turn.Dispose();
}
