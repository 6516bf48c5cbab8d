using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Reserves the records of one job, and goes round those that cannot be.</summary>
internal sealed partial class Dispatcher
{
    private static readonly TimeSpan CursorRestart = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AvoidFor = TimeSpan.FromSeconds(10);

    private async Task<bool> ReserveAsync(JobDispatch job, List<Slot> slots, LeaseTerm term, string name, CancellationToken stopping)
    {
        var goesRound = job.Avoided is not null && time.GetElapsedTime(job.AvoidedAt) < AvoidFor;
        if (job.Store.Job.OrderBy is not null || (!goesRound && time.GetElapsedTime(job.RestartedAt) >= CursorRestart)) Restart(job);
        if (goesRound) job.Cursor ??= job.Avoided;
        var after = job.Cursor;
        if (slots.Count > job.Limit) slots = slots[..job.Limit];
        var batch = Guid.CreateVersion7().ToString("N");
        List<Reservation> bound;
        try
        {
            bound = await job.Store.ReserveAsync(slots, term, name, after, stopping, batch);
        }
        catch (Exception e) when (e is OperationCanceledException || job.Store.Database.Dialect.Classify(e) == ErrorKind.Infrastructure)
        {
            // Whether it took effect is not known: the node reads back what its workers hold before anything more is
            // reserved for them. What other nodes got by it waits for them and shows there.
            if (job.Load.Hands.Count > 0) job.Load.Doubt();
            throw;
        }
        catch (Exception e) when (CanGoRound(job, e))
        {
            // No record's lock can be gone round that is one on all of them.
            if (await IsTableLockedAsync(job, e, stopping)) return false;
            await GoRoundAsync(job, slots.Count, after, e, stopping);
            return true;
        }
        // A pass that has worked does not tell: it does not use the program's condition.
        job.Load.Resume(JobStep.Dispatch);
        job.Load.TableLock.End();
        job.Limit = int.MaxValue;
        reserved += bound.Count;
        if (bound.Count > 0) Deal(job, batch, slots, bound, name);
        var isFull = bound.Count == slots.Count;
        job.Cursor = isFull && job.Store.Job.OrderBy is null ? bound[^1].Key : null;
        // Nothing after the cursor does not mean nothing before it, but for what is gone round on purpose.
        var mayBeMore = after is not null && !goesRound;
        job.EndLook(isFull || mayBeMore);
        return isFull || mayBeMore;
    }

    private void Deal(JobDispatch job, string batch, List<Slot> slots, List<Reservation> bound, string ownNode)
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

    private static bool CanGoRound(JobDispatch job, Exception error) => job.Store.Job.OrderBy is null
        && job.Store.Database.Dialect.Classify(error) is ErrorKind.Locked or ErrorKind.Data;

    /// <summary>
    /// A row that is locked, where the database cannot pass it by, or that a rule of the table refuses: fewer rows at a
    /// time until it is the first, then on behind it.
    /// </summary>
    private async Task GoRoundAsync(JobDispatch job, int asked, TaskKey? after, Exception error, CancellationToken stopping)
    {
        job.Limit = Math.Max(1, asked / 2);
        if (asked > 1) return;
        job.Cursor = job.Avoided = await job.Store.ReadNextAsync(after, stopping);
        job.AvoidedAt = time.GetTimestamp();
        job.Limit = int.MaxValue;
        if (job.Cursor is { } key && job.GoneRound.IsDue(out var unsaid))
            Log.GoneRound(log, job.Store.Job.Name, job.Store.Database.Dialect.Display(key), unsaid, error.Message);
    }

    private void Restart(JobDispatch job)
    {
        job.Cursor = null;
        job.RestartedAt = time.GetTimestamp();
    }
}
