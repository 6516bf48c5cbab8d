using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Reserves the records of one job, and goes round those that cannot be.</summary>
internal sealed partial class Dispatcher
{
    private static readonly TimeSpan LeastAvoidance = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MostAvoidance = TimeSpan.FromMinutes(10);
    private const int ToldSingly = 3;

    // The other jobs wait while one walks over what has ended.
    private static readonly TimeSpan MostWalk = TimeSpan.FromSeconds(5);

    // How long those of this round have taken.
    private TimeSpan walked;

    // Nobody renews the lease meanwhile.
    private TimeSpan LongestWalk => leadership.LongestStep < MostWalk ? leadership.LongestStep : MostWalk;

    private bool HasWalked => walked >= LongestWalk / 2;

    private PickFrom WayOf(JobDispatch job)
    {
        var cursor = job.Store.Job.HasOwnOrder ? null : job.Cursor;
        return new PickFrom(cursor ?? (job.GoesRound ? job.Avoided : null), cursor is null ? job.Walk.Longest(LongestWalk) : null);
    }

    /// <summary>
    /// Runs a RESERVE. Without a place to go on from it may have to walk over all that has ended: how long that takes, and whether it was too long, says
    /// when the next one comes.
    /// </summary>
    private async Task<List<Bound>> BindAsync(JobDispatch job, PickFrom from, Func<Task<List<Bound>>> bindAsync, CancellationToken stopping)
    {
        if (from.Longest is null) return await bindAsync();
        var began = time.GetTimestamp();
        try
        {
            var bound = from.Longest > LongestWalk ? await leadership.KeepAsync(bindAsync, stopping) : await bindAsync();
            job.Back.SeenSince(began);
            job.Walk.End(began, LongestWalk, othersWait: jobs.Count > 1);
            return bound;
        }
        catch (Exception e) when (job.Store.Database.Dialect.IsStatementTimeout(e))
        {
            job.Walk.TimeOut(began);
            throw;
        }
        finally
        {
            walked += time.GetElapsedTime(began);
        }
    }

    private async Task<bool> ReserveAsync(JobDispatch job, List<Slot> slots, LeaseTerm term, string name, CancellationToken stopping)
    {
        if (job.Selection is { } selection) return await ReserveNamedAsync(job, selection, slots, term, name, stopping);
        if (job.LeftOut.Any) return await ReserveAroundAsync(job, slots, term, name, stopping);
        var goesRound = job.GoesRound;
        if (!goesRound) job.Refused = 0;
        if (!job.Store.Job.HasOwnOrder && job.Cursor is { } place)
        {
            var behind = await job.Back.NextAsync(slots.Count, place, goesRound ? job.Avoided : null, stopping);
            if (behind.Count > 0 && await ReserveBehindAsync(job, behind, slots, term, name, stopping) is { } mayPay) return mayPay;
        }
        var from = WayOf(job);
        if (from.Longest > LongestWalk)
        {
            // One that may take that long is enough for a round, as long as it is not always somebody else's.
            job.IsPutOff = HasWalked && !job.IsPutOff;
            if (job.IsPutOff) return false;
        }
        if (slots.Count > job.Limit) slots = slots[..job.Limit];
        var batch = Guid.CreateVersion7().ToString("N");
        var starts = slots.Exists(s => s.Session is not null);
        List<Bound> bound;
        using var starting = starts ? job.Load.BeginStart() : default(JobLoad.Starting?);
        try
        {
            // Until it is answered the place to go on from stays: nothing that goes wrong loses it.
            bound = await BindAsync(job, from, () => job.Store.BindAsync(slots, term, name, from, stopping, batch), stopping);
        }
        catch (Exception e) when (e is OperationCanceledException
            || (job.Store.Database.Dialect.Classify(e) == ErrorKind.Infrastructure && !job.Store.Database.Dialect.IsStatementTimeout(e)))
        {
            // Whether it took effect is not known: the node reads back what its workers hold before anything more is
            // reserved for them. What other nodes got by it waits for them and shows there.
            if (starts) job.Load.LoseStart();
            if (job.Load.Hands.Count > 0) job.Load.Doubt();
            throw;
        }
        catch (Exception e) when (CanGoRound(job, e))
        {
            // No record's lock can be gone round that is one on all of them.
            if (await IsTableLockedAsync(job, e, stopping)) return false;
            if (job.Store.Job.HasOwnOrder) return await ReserveAroundAsync(job, slots, term, name, stopping);
            await GoRoundAsync(job, slots.Count, from.After, e, stopping);
            return true;
        }
        // A pass that has worked does not tell: it does not use the program's condition.
        job.Load.Resume(JobStep.Dispatch);
        job.Load.TableLock.End();
        job.Limit = int.MaxValue;
        reserved += bound.Count;
        job.Load.Meter.Wrote("reserve", bound.Count);
        if (bound.Count > 0)
        {
            Deal(job, batch, slots, bound, name);
            // Of a few that have just come, the workers' next step stands in this thread's own queue: it comes when the thread is free, and not when
            // another one has woken up.
            if (isHasty && starts && !job.Store.Database.Dialect.HasSingleWriter) await Task.Yield();
        }
        // What others have just changed stands elsewhere, and is found by a look before the place: where most came it is not worth beginning at the first now.
        var isFull = bound.Count >= slots.Count || (job.Store.HasMissed && bound.Count > slots.Count / 2);
        job.Cursor = isFull && !job.Store.Job.HasOwnOrder ? bound[^1].Key : null;
        // Nothing after the cursor does not mean nothing before it, but for what is gone round on purpose.
        var mayBeMore = isFull || (from.After is not null && !goesRound);
        // One that was told of, and changed just now, stands elsewhere.
        var mayHaveMoved = job.Store.HasMissed || (job.Store.PicksByPlace && bound.Count == 0 && job.WasWoken);
        job.EndLook(mayBeMore || mayHaveMoved, foundLittle: !mayBeMore);
        return mayBeMore || mayHaveMoved;
    }

    private void Deal(JobDispatch job, string batch, IReadOnlyList<Slot> slots, List<Bound> all, string ownNode)
    {
        var started = new List<StartedTask>(all.Count);
        foreach (var bound in all)
        {
            if (bound.Started is { } task) started.Add(task);
        }
        if (started.Count > 0)
        {
            roster.Take(job, started.Select(task => task.Fence.Worker));
            job.DeliverStarted!(started);
        }
        if (started.Count < all.Count) Deal(job, batch, slots, all.FindAll(b => b.Started is null).ConvertAll(b => b.Reservation), ownNode);
    }

    private void Deal(JobDispatch job, string batch, IReadOnlyList<Slot> slots, List<Reservation> bound, string ownNode)
    {
        job.Deliver(bound);
        roster.Take(job, bound.Select(r => r.Worker));
        if (!others.Any) return;
        var nodes = slots.DistinctBy(s => s.Worker).ToDictionary(s => s.Worker, s => s.Node, StringComparer.Ordinal);
        others.HandOver(batch, job.Store.Job.Name, bound.Select(r => (r.Worker, nodes[r.Worker])).Where(s => s.Item2 != ownNode));
    }

    private static async Task<bool> IsTableLockedAsync(JobDispatch job, Exception error, CancellationToken stopping)
    {
        if (job.Store.Database.Dialect.Classify(error) != ErrorKind.Locked || !await job.Store.IsTableLockAsync(job.Load, stopping)) return false;
        job.Limit = int.MaxValue;
        job.SkipLook();
        return true;
    }

    private static bool CanGoRound(JobDispatch job, Exception error) => job.Store.Database.Dialect.Classify(error) is ErrorKind.Locked or ErrorKind.Data;

    /// <summary>
    /// A row that is locked, where the database cannot pass it by, or that a rule of the table refuses: fewer rows at a
    /// time until it is the first, then on behind it.
    /// </summary>
    private async Task GoRoundAsync(JobDispatch job, int asked, TaskKey? after, Exception error, CancellationToken stopping)
    {
        job.Limit = Math.Max(1, asked / 2);
        if (asked > 1) return;
        job.Cursor = job.Avoided = (await job.Store.ReadNextAsync(1, after, stopping)) is [var first] ? first : null;
        job.AvoidedAt = time.GetTimestamp();
        job.Limit = int.MaxValue;
        if (job.Cursor is not { } avoided) return;
        // A lock is let go soon. A rule that refuses all records must cost neither a line for each nor the database's time: the more
        // they are, the later they are tried again.
        var isRefused = job.Store.Database.Dialect.Classify(error) == ErrorKind.Data;
        if (isRefused) job.Refused++;
        var avoidFor = TimeSpan.FromSeconds(job.Refused);
        job.AvoidFor = avoidFor < LeastAvoidance ? LeastAvoidance : avoidFor < MostAvoidance ? avoidFor : MostAvoidance;
        var key = job.Store.Database.Dialect.Display(avoided);
        var why = ErrorText.WithRemedy(error);
        if (isRefused ? job.Refused <= ToldSingly : job.GoneRound.IsDue(out _)) Log.GoneRound(log, job.Store.Job.Name, key, job.AvoidFor.TotalSeconds, why);
        else if (isRefused && job.Refused is 10 or 100 or 1_000 or 10_000 or 100_000) Log.ManyRefused(log, job.Store.Job.Name, job.Refused, key, why);
    }
}
