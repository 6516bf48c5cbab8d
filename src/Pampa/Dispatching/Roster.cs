using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Which worker serves which job: kept in the database, so that a new leader goes on where the one before it has stopped, and
/// stretched once a second. Between two stretches a worker that serves nobody is there for whoever has a record for it.
/// </summary>
internal sealed class Roster(IReadOnlyList<JobDispatch> jobs, ControlStore store, ILogger log, TimeProvider time)
{
    private const int MostCounted = 10_000;
    private static readonly TimeSpan StretchEvery = TimeSpan.FromSeconds(1);
    private readonly Dictionary<string, int> indexes = Enumerable.Range(0, jobs.Count).ToDictionary(j => jobs[j].Store.Job.Name, StringComparer.Ordinal);
    private readonly JobStretch[] states = [.. jobs.Select(_ => new JobStretch(time))];
    private readonly Dictionary<string, int> serving = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> written = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StretchRow> said = new(StringComparer.Ordinal);
    private Holds holds = Holds.None;
    private long stretchedAt;
    private bool isRead;
    private Dictionary<string, int> busy = [];
    private int handsAtStretch;

    /// <summary>Whether it is time to stretch.</summary>
    public bool IsDue => IsUrgent || time.GetElapsedTime(stretchedAt) >= StretchEvery;

    /// <summary>Whether nothing may be dealt before: a job hurries, or workers have come, of which the first job must not take all.</summary>
    public bool IsUrgent => stretchedAt == 0 || jobs.Sum(j => j.Hands.Count) != handsAtStretch;

    /// <summary>
    /// Notes who is in a long task. Only when that is over its worker can be moved: where a job waits for one, it is stretched at
    /// once, before the worker gets the next record of the job that had it.
    /// </summary>
    public void See()
    {
        var now = BusyWith();
        var free = busy.Keys.Where(w => !now.ContainsKey(w)).ToHashSet(StringComparer.Ordinal);
        if (free.Count > 0 && jobs.Where((job, j) => states[j].IsWaiting && job.Hands.Any(h => free.Contains(h.Worker))).Any()) stretchedAt = 0;
        busy = now;
    }

    /// <summary>A job has records and nobody for them: the next stretch comes at once.</summary>
    public void Hurry(JobDispatch job)
    {
        var state = states[Index(job)];
        stretchedAt = 0;
        state.Count.Hasten();
        // It may be a while until it is counted.
        if (state.Pending == 0) state.Pending = 1;
    }

    /// <summary>A job has records, and nobody can begin one now: the first long task that ends makes the next stretch come at once.</summary>
    public void Await(JobDispatch job)
    {
        if (!IsHeld(job)) states[Index(job)].Wait();
    }

    /// <summary>A new term: another leader may have decided otherwise meanwhile.</summary>
    public void Reset()
    {
        isRead = false;
        stretchedAt = 0;
        foreach (var state in states) state.Reset();
    }

    /// <summary>Reads what is held now and, at the beginning of a term, what the leader before has decided.</summary>
    public async Task ReadAsync(CancellationToken stopping)
    {
        var now = new Holds((await store.ReadHoldsAsync(stopping)).Select(h => h.Hold));
        foreach (var hold in now.Beyond(holds)) Log.Paused(log, hold);
        foreach (var hold in holds.Beyond(now))
        {
            Log.Resumed(log, hold);
            // What waited for it has been due for long: nobody will tell of it again.
            foreach (var job in jobs.Where(j => hold.Kind != HoldKind.Job || j.Store.Job.Name == hold.Name)) job.Wake();
        }
        holds = now;
        if (isRead) return;
        serving.Clear();
        written.Clear();
        said.Clear();
        foreach (var (worker, job) in await store.ReadAssignmentsAsync(stopping))
        {
            written[worker] = job;
            if (!indexes.TryGetValue(job, out var index)) continue;
            serving[worker] = index;
            states[index].Sit();
        }
        foreach (var share in await store.ReadSharesAsync(stopping)) said[share.Job] = share;
        isRead = true;
    }

    /// <summary>Whether anything is held: its end may come at any time.</summary>
    public bool HoldsAny => !holds.IsSame(Holds.None);

    /// <summary>Whether somebody wants that a job begins nothing.</summary>
    public bool IsHeld(JobDispatch job) => holds.IsJobHeld(job.Store.Job.Name);

    /// <summary>Whether the job and one of its workers may begin something now.</summary>
    public bool MayServe(JobDispatch job) => !IsHeld(job) && Open(job).Any(w => !w.IsResting);

    /// <summary>The workers that a job may be given records for: its own, and those that serve nobody, up to its limit.</summary>
    public List<WorkerHand> Serving(JobDispatch job)
    {
        var index = Index(job);
        var most = job.Store.Job.MaxAssignedWorkers ?? int.MaxValue;
        var open = Open(job).ToList();
        var own = open.Where(w => serving.TryGetValue(w.Worker, out var of) && of == index).Take(most).ToList();
        // One that is held up by a long task would keep the place of one that is free.
        var free = open.Where(w => !w.IsResting && !serving.ContainsKey(w.Worker));
        // The program's own order has them sorted already.
        own.AddRange((job.Ranking is null ? free.OrderBy(w => w.Count) : free).Take(most - own.Count));
        return own;
    }

    private int Index(JobDispatch job) => indexes[job.Store.Job.Name];

    private IEnumerable<WorkerHand> Open(JobDispatch job) => job.Hands.Where(w => !holds.IsWorkerHeld(w.Worker, w.Node) && !job.Barred.Contains(w.Worker));

    /// <summary>Workers that got records of a job serve it from now on.</summary>
    public void Take(JobDispatch job, IEnumerable<string> workers)
    {
        var index = Index(job);
        foreach (var worker in workers) serving.TryAdd(worker, index);
    }

    /// <summary>Stretches the workers over the jobs, and writes what has changed. Returns how many moved.</summary>
    public async Task<int> StretchAsync(Func<JobDispatch, TimeSpan?> p90, LeaseTerm term, CancellationToken stopping)
    {
        stretchedAt = time.GetTimestamp();
        var hands = jobs.Sum(j => j.Hands.Count);
        if (hands != handsAtStretch)
        {
            // How far it is worth counting depends on them.
            foreach (var state in states) state.Count.Hasten();
        }
        handsAtStretch = hands;
        for (var j = 0; j < jobs.Count; j++) states[j].See(await DueAsync(j, stopping), IsHeld(jobs[j]));
        var seats = Seats();
        var plan = Stretch.Plan([.. jobs.Select((job, j) => states[j].Need(job.Store.Job, p90(job)) with
        {
            HasServers = job.Hands.Count > 0,
            IsBarred = job.Hands.All(w => job.Barred.Contains(w.Worker)),
        })], seats);
        serving.Clear();
        for (var w = 0; w < seats.Count; w++)
        {
            if (plan.Jobs[w] is { } job) serving[seats[w].Id] = job;
        }
        for (var j = 0; j < jobs.Count; j++)
        {
            if (plan.Shares[j].Workers > 0 && !states[j].HasWorkers) jobs[j].EmptySince = 0;
            Tell(j, plan.Shares[j]);
        }
        await WriteAsync(plan, term, stopping);
        return plan.Moves;
    }

    /// <summary>
    /// Records that are due, in somebody's hand or in long work: they are as good as due. Counted to where more would not
    /// matter, and seldom where counting takes long.
    /// </summary>
    private async Task<long> DueAsync(int j, CancellationToken stopping)
    {
        var job = jobs[j];
        var state = states[j];
        var inHand = job.Hands.Sum(h => h.Count + (h.IsBusy ? 1 : 0));
        if (IsHeld(job) || job.Load.IsSuspendedAt(JobStep.Dispatch)) return 0;
        if (job.FoundLittle && !job.IsWoken) (state.Pending, state.HasMore) = (0, false);
        else if (state.Count.IsDue && !job.Load.TableLock.IsResting)
        {
            var began = time.GetTimestamp();
            var workers = Math.Min(job.Hands.Count, job.Store.Job.MaxAssignedWorkers ?? int.MaxValue);
            var most = (int)Math.Min(MostCounted, (long)workers * job.Store.Job.MaxPendingTasks);
            try
            {
                state.Pending = workers == 0 ? 1 : await CountAsync(job, state, most, stopping);
                state.HasMore = workers > 0 && state.Pending >= most;
            }
            finally
            {
                // One that takes too long for the database must not be all that is ever tried.
                state.Count.End(began);
            }
        }
        // Told of, and not counted yet.
        else if (job.IsWoken && state.Pending == 0) state.Pending = 1;
        return state.Pending + inHand;
    }

    private async Task<long> CountAsync(JobDispatch job, JobStretch state, int most, CancellationToken stopping)
    {
        var table = job.Store.Table;
        try
        {
            var count = await job.Store.CountDueAsync(most, job.Cursor, stopping);
            state.IsSlow = false;
            return count;
        }
        catch (Exception e) when (job.Store.Database.Dialect.Classify(e) is ErrorKind.Schema or ErrorKind.Data)
        {
            await job.Store.SuspendAsync(job.Load, JobStep.Dispatch, table, e, stopping);
            return 0;
        }
        catch (Exception e) when (job.Store.Database.Dialect.Classify(e) == ErrorKind.Locked)
        {
            // The last number is nearer to the truth than none, and the other jobs have theirs.
            if (!await job.Store.IsTableLockAsync(job.Load, stopping)) Log.Locked(log, job.Store.Job.Name);
            return state.Pending;
        }
        catch (Exception e) when (Database.IsTimeout(e))
        {
            // A database that needs so long for it has much to go through: the job may have all it can get.
            if (!state.IsSlow) Log.CountedTooLong(log, job.Store.Job.Name, TaskStore.CountDeadline.TotalSeconds);
            state.IsSlow = true;
            return most;
        }
    }

    private List<Seat> Seats()
    {
        var all = new Dictionary<string, (List<int> Jobs, int InHand)>(StringComparer.Ordinal);
        var order = new List<string>();
        for (var j = 0; j < jobs.Count; j++)
        {
            foreach (var hand in Open(jobs[j]))
            {
                if (busy.TryGetValue(hand.Worker, out var with) ? with != j : CannotSit(hand, j)) continue;
                if (!all.TryGetValue(hand.Worker, out var one))
                {
                    one = ([], 0);
                    order.Add(hand.Worker);
                }
                one.Jobs.Add(j);
                all[hand.Worker] = (one.Jobs, one.InHand + (serving.TryGetValue(hand.Worker, out var of) && of == j ? hand.Count : 0));
            }
        }
        return order.ConvertAll(w =>
        {
            int? job = busy.TryGetValue(w, out var with) ? with : serving.TryGetValue(w, out var served) ? served : null;
            return new Seat(w, all[w].Jobs, job, all[w].InHand);
        });
    }

    // A worker stays with the job whose long task it runs, and is one of those that the job may have, until that is over.
    private Dictionary<string, int> BusyWith()
    {
        var all = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var j = 0; j < jobs.Count; j++)
        {
            foreach (var hand in jobs[j].Hands.Where(h => h.IsBusy)) all[hand.Worker] = j;
        }
        return all;
    }

    // One that rests can begin nothing now: it stays with its job and helps no other. One that is lost is no worker any more.
    private bool CannotSit(WorkerHand hand, int job) =>
        hand.IsLeaked || (hand.IsResting && !(serving.TryGetValue(hand.Worker, out var own) && own == job));

    private void Tell(int j, JobShare share)
    {
        if (states[j].Share(share)) Log.Stretched(log, jobs[j].Store.Job.Name, share.Workers, Reason(jobs[j], share));
    }

    private string Reason(JobDispatch job, JobShare share) => IsHeld(job) ? "it is paused" : job.Selection?.Trouble
        ?? (job.TooOld == 0 || share.Wanted == 0 ? share.Reason
            : FormattableString.Invariant($"{share.Reason}; {job.TooOld:N0} workers run a program below version {job.Store.Job.Minimum}"));

    private async Task WriteAsync(StretchPlan plan, LeaseTerm term, CancellationToken stopping)
    {
        var now = serving.ToDictionary(s => s.Key, s => jobs[s.Value].Store.Job.Name, StringComparer.Ordinal);
        List<(string Worker, string? Job)> changes =
        [
            .. now.Where(n => written.GetValueOrDefault(n.Key) != n.Value).Select(n => (n.Key, (string?)n.Value)),
            .. written.Keys.Where(w => !now.ContainsKey(w)).Select(w => (w, default(string?))),
        ];
        var shares = jobs.Select((job, j) => new StretchRow(job.Store.Job.Name, plan.Shares[j].Workers, plan.Shares[j].Wanted,
            Reason(job, plan.Shares[j]))).Where(s => said.GetValueOrDefault(s.Job) != s).ToList();
        if (changes.Count == 0 && shares.Count == 0) return;
        await store.AssignAsync(changes, shares, term, stopping);
        foreach (var (worker, job) in changes)
        {
            if (job is null) written.Remove(worker);
            else written[worker] = job;
        }
        foreach (var share in shares) said[share.Job] = share;
    }
}

/// <summary>What the stretch remembers of a job.</summary>
internal sealed class JobStretch(TimeProvider time)
{
    /// <summary>A job keeps its workers for so many looks after it wants fewer: a load that goes up and down must not move them.</summary>
    private const int Looks = 3;

    private static readonly TimeSpan ShortestTurn = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CountEvery = TimeSpan.FromSeconds(1);
    private readonly List<long> recent = [];
    private long seenAt;
    private long seatedAt;
    private long waitingSince;
    private long lastSeatedAt;
    private long lastWaitingSince;
    private long changedAt;
    private long toldAt;
    private int told;

    /// <summary>When counting is due again.</summary>
    public Pace Count { get; } = new(CountEvery, time);

    /// <summary>What the last count found.</summary>
    public long Pending { get; set; }

    /// <summary>Whether there may be more than that.</summary>
    public bool HasMore { get; set; }

    /// <summary>Whether the last count took too long; then it is said already.</summary>
    public bool IsSlow { get; set; }

    /// <summary>Whether it had workers when it was last decided.</summary>
    public bool HasWorkers => seatedAt != 0;

    /// <summary>Whether it wanted some then, and got none.</summary>
    public bool IsWaiting => waitingSince != 0;

    public void Reset()
    {
        recent.Clear();
        Count.Reset();
        seatedAt = waitingSince = changedAt = 0;
    }

    /// <summary>So many are due now; what is held wants nothing, from now on.</summary>
    public void See(long due, bool isHeld)
    {
        var last = recent.Count == 0 ? 0 : recent[^1];
        if (isHeld) recent.Clear();
        // What is decided in between does not make a job forget sooner what it wanted.
        var isSoon = recent.Count > 0 && time.GetElapsedTime(seenAt) < CountEvery * 0.9;
        if (isSoon) recent[^1] = Math.Max(last, due);
        else
        {
            recent.Add(isHeld ? 0 : due);
            seenAt = time.GetTimestamp();
        }
        if (recent.Count > Looks) recent.RemoveAt(0);
        if (recent.Max() == 0) waitingSince = 0;
    }

    public JobNeed Need(JobDefinition job, TimeSpan? p90)
    {
        var turn = 2 * (p90 ?? TimeSpan.Zero);
        return new JobNeed(job.Name, recent.Max(), job.MaxPendingTasks, job.MaxAssignedWorkers, job.Weight, turn > ShortestTurn ? turn : ShortestTurn,
            Since(seatedAt), Since(waitingSince))
        { HasMore = HasMore };
    }

    // Those that began to wait together wait equally long, and the program's order decides.
    private TimeSpan Since(long moment) =>
        moment == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(1 + Math.Floor(time.GetElapsedTime(moment).TotalMilliseconds / 100) * 100);

    /// <summary>It has records, although they are not counted, and nobody for them.</summary>
    public void Wait()
    {
        if (Pending == 0) Pending = 1;
        if (waitingSince == 0) waitingSince = time.GetTimestamp();
    }

    /// <summary>It has workers already: its turn begins.</summary>
    public void Sit() => seatedAt = time.GetTimestamp();

    /// <summary>Notes what it got. Says whether people should be told.</summary>
    public bool Share(JobShare share)
    {
        var now = time.GetTimestamp();
        // A worker that is given to another job may just have begun a long task, and then it goes back until that is over: neither has the
        // one had a turn, nor has the other's ended.
        var wasShort = changedAt != 0 && time.GetElapsedTime(changedAt) < 2 * CountEvery;
        if (share.Workers == 0 && seatedAt != 0) (seatedAt, lastSeatedAt, changedAt) = (0, seatedAt, now);
        else if (share.Workers > 0 && seatedAt == 0)
        {
            seatedAt = wasShort ? lastSeatedAt : now;
            (lastWaitingSince, changedAt) = (waitingSince, now);
        }
        if (share.Workers > 0 || share.Wanted == 0) waitingSince = 0;
        else if (waitingSince == 0) waitingSince = wasShort && lastWaitingSince != 0 ? lastWaitingSince : now;
        if (share.Workers == told || (toldAt != 0 && time.GetElapsedTime(toldAt) < TellEvery)) return false;
        told = share.Workers;
        toldAt = time.GetTimestamp();
        return true;
    }
}
