using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>What puts right: reading back what the workers hold, registering anew, giving back what a long task holds up.</summary>
internal sealed partial class Node
{
    private static readonly TimeSpan TellEvery = TimeSpan.FromMinutes(1);
    private long toldOfRestAt;

    /// <summary>Registers, where this has not been done yet or the lease is lost. Says whether it did something.</summary>
    private async Task<bool> EnterAsync(CancellationToken stopping)
    {
        if (membership.Workers.Count == 0) await JoinAsync(stopping);
        else if (membership.IsLost) await RejoinAsync(stopping);
        else if (!isJoined) await GetReadyAsync(stopping);
        else return false;
        return true;
    }

    /// <summary>
    /// Reads back what the workers hold: after a lost answer at once, else every half minute. Reservations that nobody
    /// knows of are adopted; started records that nobody runs are given back without cost if it was this process that asked for their start.
    /// </summary>
    private async Task<bool> ReconcileCycleAsync(CancellationToken stopping)
    {
        // It reads every open record.
        var isDue = reconcile.IsDue;
        var began = time.GetTimestamp();
        var due = lanes.Where(lane => !lane.Load.IsSuspendedFor(JobStep.Start) && (isDue || lane.Load.IsInDoubt) && lane.ReadBack.IsDue && !IsResting(lane))
            .ToList();
        try
        {
            await EachAsync(due, lane => ReadBackAsync(lane, lane.Job.Backoff.SecondsAfter(1, random), stopping));
        }
        finally
        {
            if (isDue) reconcile.End(began);
        }
        return due.Count > 0;
    }

    private static bool IsResting(Lane lane)
    {
        if (!lane.Load.TableLock.IsResting) return false;
        // What could not be looked at now is looked at as soon as it can be, and not half a minute later.
        lane.Load.Doubt();
        return true;
    }

    /// <summary>Reads back what the workers hold of one job. What keeps it from that keeps no other job from anything.</summary>
    private async Task ReadBackAsync(Lane lane, double delaySeconds, CancellationToken stopping)
    {
        var table = lane.Store.Table;
        var began = time.GetTimestamp();
        try
        {
            await ReconcileAsync(lane, delaySeconds, stopping);
            lane.ReadBack.Reset();
            // Where nothing is left to start, no START would ever tell that the table is as it was, or free.
            if (lane.Load.Hands.All(h => h.Count == 0)) lane.Load.Resume(JobStep.Start);
            if (lane.Load.TableLock.IsMet) await lane.Store.IsLockedAsync(lane.Load, stopping);
        }
        catch (Exception e) when (lane.Store.Database.Dialect.Classify(e) == ErrorKind.Schema)
        {
            await lane.Store.SuspendAsync(lane.Load, JobStep.Start, table, e, stopping);
        }
        catch (Exception e) when (lane.Store.Database.Dialect.Classify(e) == ErrorKind.Locked)
        {
            // Reading passes by whatever locks records.
            lane.Load.TableLock.Meet();
            lane.Load.Doubt();
        }
        catch (Exception e) when (lane.Store.Database.Dialect.IsStatementTimeout(e))
        {
            // The server is well: only this table is too long for what is asked of it.
            lane.ReadBack.End(began);
            Log.ReadBackTooLong(log, lane.Job.Name, e.Message);
        }
    }

    private async Task ReconcileAsync(Lane lane, double delaySeconds, CancellationToken stopping)
    {
        var (wasInDoubt, doubts) = (lane.Load.IsInDoubt, lane.Load.Doubts);
        var starts = lane.Load.Starts;
        var isStartLost = lane.Load.IsStartLost;
        var unknown = await lane.ReadUnknownAsync(membership.Workers, stopping);
        var isStartUnderWay = starts is null || lane.Load.Starts != starts;
        var adopted = 0;
        var forgiven = 0;
        var lost = 0;
        foreach (var record in unknown)
        {
            if (record.StartedAt is null)
            {
                Deliver(lane, [new Reservation(record.Key, record.Worker, record.ReservedAt ?? "", record.Attempts)], areReadBack: true);
                adopted++;
                continue;
            }
            if (isStartUnderWay)
            {
                // It may be on its way to its worker just now: the next look knows. Meanwhile nothing is started.
                lane.Load.Doubt();
                continue;
            }
            var isDoubtful = isStartLost || lane.IsDoubtful(record.Key, record.Claim);
            if (!lane.Know(record.Key, record.Claim)) continue;
            lane.Finisher.Post(isDoubtful ? Forgiven(record, delaySeconds) : Lost(lane, record, delaySeconds));
            forgiven += isDoubtful ? 1 : 0;
            lost += isDoubtful ? 0 : 1;
        }
        if (lost > 0) lane.Load.NoteDeath();
        lane.EndDoubt();
        lane.Load.SettleDoubts(doubts);
        if (wasInDoubt || unknown.Count > 0) Log.Reconciled(log, lane.Job.Name, adopted, forgiven, lost);
    }

    // This process asked for the start and never ran the task: the attempt does not count.
    private static TaskResult Forgiven(OwnRecord record, double delaySeconds) =>
        new(FenceOf(record), Outcome.Forgiven, delaySeconds) { Claim = record.Claim };

    // Nobody knows what became of it (a former life of this id, locked when it was taken back): the attempt counts.
    private static TaskResult Lost(Lane lane, OwnRecord record, double delaySeconds)
    {
        var isLast = record.Attempts >= lane.Job.MaxAttempts;
        return new TaskResult(FenceOf(record), isLast ? Outcome.Failed : Outcome.Again, isLast ? 0 : delaySeconds,
            Error: $"worker {record.Worker} lost during attempt {record.Attempts} of {lane.Job.MaxAttempts}")
        { Claim = record.Claim };
    }

    private static Fence FenceOf(OwnRecord record) => new(record.Key, record.Worker, record.Attempts, record.StartedAt!);

    /// <summary>
    /// Nothing shall wait behind a long task that others, of whatever node, could run: what was started behind it and not run
    /// is given back, and what waits in the hands of its worker too. Nothing more comes to it until the task has ended.
    /// </summary>
    private async Task<bool> RelieveAsync(CancellationToken stopping)
    {
        var did = false;
        for (var w = 0; w < workers.Length; w++)
        {
            var isHeldUp = workers[w].Running >= LongTask;
            var leak = NoteLeak(w);
            if (isHeldUp)
            {
                foreach (var (lane, task) in workers[w].Empty())
                    lane.Finisher.Post(GivenBack(task));
            }
            foreach (var lane in lanes)
            {
                if (w >= lane.Load.Hands.Count) continue;
                var hand = lane.Load.Hands[w];
                hand.IsLeaked = leak == lane;
                hand.IsBusy = isHeldUp && leak is null && workers[w].Lane == lane;
                // The leader may not know of the hold yet: to wake it would bring the same records again.
                hand.IsResting = isHeldUp;
                if (IsHeld(lane, w)) did |= await GiveBackAsync(lane, hand.Empty(), stopping, tells: false);
                else did |= await GiveBackAsync(lane, isHeldUp ? hand.Empty() : Surplus(lane, w), stopping);
            }
            if (wasHeldUp[w] && !isHeldUp)
            {
                // It has nothing in hand: whoever deals shall know at once.
                HandIsLow.Set();
                HandsChanged.Set();
            }
            wasHeldUp[w] = isHeldUp;
        }
        return did;
    }

    // Its record is taken back by the leader in the meantime, and whatever it writes in the end is fenced off.
    private Lane? NoteLeak(int w)
    {
        var leak = workers[w].Leak;
        if (leak == leaks[w]) return leak;
        if (leak is not null) Log.Leaked(log, membership.Workers[w].Worker, leak.Job.Name, leak.Job.MaxDuration);
        else Log.LeakEnded(log, membership.Workers[w].Worker);
        return leaks[w] = leak;
    }

    /// <summary>
    /// What a busy worker has in hand beyond its due: tasks take longer than when they were dealt, or another worker has
    /// nothing to do. A little more than the due is no reason to move anything.
    /// </summary>
    private List<Reservation> Surplus(Lane lane, int w)
    {
        var load = lane.Load;
        if (workers[w].Count == 0 || load.Hands[w].Count <= load.Enough) return [];
        load.Measure();
        var keep = AnotherIsIdle(lane, w) ? load.Enough : load.Depth;
        var isMuch = load.Hands[w].Count > (keep == load.Enough ? keep : 2 * keep);
        return isMuch ? load.Hands[w].TakeBeyond(keep) : [];
    }

    private bool AnotherIsIdle(Lane lane, int w)
    {
        for (var other = 0; other < workers.Length && other < lane.Load.Hands.Count; other++)
        {
            if (other != w && workers[other].Count == 0 && lane.Load.Hands[other].Count == 0) return true;
        }
        return false;
    }

    private async Task<bool> GiveBackAsync(Lane lane, List<Reservation> waiting, CancellationToken stopping, bool tells = true)
    {
        if (waiting.Count == 0) return false;
        foreach (var reservation in waiting) lane.Forget(reservation.Key, reservation.Claim);
        await ReleaseAsync(lane, waiting, stopping);
        if (!tells) return true;
        lane.Load.GiveBack();
        HandIsLow.Set();
        return true;
    }

    /// <summary>
    /// What START has refused was taken away meanwhile, or is no longer what the job's condition asks for: in that case it is still
    /// ours to give back. But not what has no attempt left by the limits as they are known here. Whoever has dealt it has others, and
    /// would deal it again at once; it rests, reserved, until the next regular look, by when all have read the same ones.
    /// </summary>
    private async Task GiveBackRefusedAsync(Lane lane, List<Reservation> refused, CancellationToken stopping)
    {
        var max = lane.Job.MaxAttempts;
        var resting = refused.RemoveAll(r => r.Attempts >= max);
        if (resting > 0 && (toldOfRestAt == 0 || time.GetElapsedTime(toldOfRestAt) >= TellEvery))
        {
            toldOfRestAt = time.GetTimestamp();
            Log.NoAttemptLeft(log, lane.Job.Name, resting, max);
        }
        if (refused.Count > 0) await ReleaseAsync(lane, refused, stopping);
    }

    private static async Task ReleaseAsync(Lane lane, List<Reservation> forgotten, CancellationToken stopping)
    {
        var table = lane.Store.Table;
        try
        {
            await lane.Store.ReleaseAsync(forgotten, stopping);
        }
        catch (Exception e)
        {
            // Nobody knows of them any more: only reading back finds those that are still reserved. One that is locked or
            // refused by a rule of the table would be met again at once; the next regular look is soon enough for it.
            var kind = lane.Store.Database.Dialect.Classify(e);
            var isTableLocked = kind == ErrorKind.Locked && await lane.Store.IsTableLockAsync(lane.Load, stopping);
            if (kind is not (ErrorKind.Locked or ErrorKind.Data) || isTableLocked) lane.Load.Doubt();
            if (isTableLocked) return;
            if (kind != ErrorKind.Schema) throw;
            await lane.Store.SuspendAsync(lane.Load, JobStep.Start, table, e, stopping);
        }
    }

    private async Task RejoinAsync(CancellationToken stopping)
    {
        Log.LeaseLost(log, membership.Node);
        foreach (var lane in lanes)
        {
            foreach (var hand in lane.Load.Hands)
            {
                foreach (var reservation in hand.Close()) lane.Forget(reservation.Key, reservation.Claim);
            }
            lane.Load.Hands = [];
        }
        foreach (var worker in workers)
        {
            foreach (var (lane, task) in worker.Empty()) lane.Forget(task.Fence.Key, task.Claim);
            worker.Interrupt(Interruption.LeaseLost);
        }
        await JoinAsync(stopping);
    }
}
