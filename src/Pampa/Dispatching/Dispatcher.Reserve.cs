using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Reserves the records of one job, and goes round those that cannot be.</summary>
internal sealed partial class Dispatcher
{
    private static readonly TimeSpan LeastAvoidance = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MostAvoidance = TimeSpan.FromMinutes(10);
    private const int ToldSingly = 3;

    // Who has a place to go on from need not walk for longer over what has ended; the other jobs wait meanwhile.
    private static readonly TimeSpan MostWalk = TimeSpan.FromSeconds(5);

    // How long those of this round have taken.
    private TimeSpan walked;

    /// <summary>How one RESERVE goes.</summary>
    /// <param name="From">Where it begins.</param>
    /// <param name="Restarts">Whether it looks for what may lie before the place to go on from.</param>
    private readonly record struct Way(PickFrom From, bool Restarts)
    {
        /// <summary>Whether it has no place to go on from, or leaves it: it may have to walk over all that has ended.</summary>
        public bool IsWalk => From.Longest is not null;
    }

    // Nobody renews the lease meanwhile.
    private TimeSpan LongestWalk => leadership.LongestStep < MostWalk ? leadership.LongestStep : MostWalk;

    private bool HasWalked => walked >= LongestWalk / 2;

    private Way WayOf(JobDispatch job)
    {
        var (hasPlace, isDue) = (!job.Store.Job.HasOwnOrder && job.Cursor is not null, !job.Store.Job.HasOwnOrder && job.Restarts.IsDue);
        // Whoever has a place can wait for the next round, where somebody has walked for long in this one; once, for that may be so in each.
        if (isDue && hasPlace) job.IsPutOff = HasWalked && !job.IsPutOff;
        var restarts = isDue && !(hasPlace && job.IsPutOff);
        var after = hasPlace && !restarts ? job.Cursor : null;
        if (job.GoesRound) after ??= job.Avoided;
        TimeSpan? longest = hasPlace && restarts ? LongestWalk : hasPlace ? null : job.Walk.Longest(LongestWalk);
        return new Way(new PickFrom(after, longest) { IsWayBack = hasPlace && restarts }, restarts);
    }

    /// <summary>Runs a RESERVE. How long a walk takes, and whether that was too long, says when the next one comes.</summary>
    private async Task<List<Bound>> BindAsync(JobDispatch job, Way way, Func<Task<List<Bound>>> bindAsync, CancellationToken stopping)
    {
        if (!way.IsWalk) return await bindAsync();
        var began = time.GetTimestamp();
        try
        {
            var bound = way.From.Longest > LongestWalk ? await leadership.KeepAsync(bindAsync, stopping) : await bindAsync();
            if (way.Restarts) job.Restarts.End(began);
            if (!way.From.IsWayBack) job.Walk.End(began, LongestWalk, othersWait: jobs.Count > 1);
            return bound;
        }
        catch (Exception e) when (job.Store.Database.Dialect.IsStatementTimeout(e))
        {
            if (way.Restarts) job.Restarts.End(began);
            if (!way.From.IsWayBack) job.Walk.TimeOut(began);
            throw;
        }
        catch (Exception e) when (way.From.IsWayBack && !CanGoRound(job, e))
        {
            // What an outage takes says nothing of the way.
            job.Restarts.Restart();
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
        var way = WayOf(job);
        if (way.From.Longest > LongestWalk)
        {
            // One that may take that long is enough for a round, as long as it is not always somebody else's.
            job.IsPutOff = HasWalked && !job.IsPutOff;
            if (job.IsPutOff) return false;
        }
        var after = way.From.After;
        if (slots.Count > job.Limit) slots = slots[..job.Limit];
        var batch = Guid.CreateVersion7().ToString("N");
        var starts = slots.Exists(s => s.Session is not null);
        List<Bound> bound;
        using var starting = starts ? job.Load.BeginStart() : default(JobLoad.Starting?);
        try
        {
            // Until it is answered the place to go on from stays: nothing that goes wrong loses it.
            bound = await BindAsync(job, way, () => job.Store.BindAsync(slots, term, name, way.From, stopping, batch), stopping);
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
            // It is looked for from where this one began.
            if (way.Restarts) job.Cursor = null;
            if (job.Store.Job.HasOwnOrder) return await ReserveAroundAsync(job, slots, term, name, stopping);
            await GoRoundAsync(job, slots.Count, after, e, stopping);
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
        // What others have just changed stands elsewhere, and is found when the place goes back: where most came it is worth no way back now.
        var isFull = bound.Count >= slots.Count || (job.Store.HasMissed && bound.Count > slots.Count / 2);
        job.Cursor = isFull && !job.Store.Job.HasOwnOrder ? bound[^1].Key : null;
        // Nothing after the cursor does not mean nothing before it, but for what is gone round on purpose.
        var mayBeMore = isFull || (after is not null && !goesRound);
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
