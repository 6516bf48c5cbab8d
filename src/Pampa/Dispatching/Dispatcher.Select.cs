using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Reserves records by their keys: those that a job's own selection names, those of an order that no cursor follows, and those that stand before
/// the cursor.
/// </summary>
internal sealed partial class Dispatcher
{
    /// <summary>Whether the program's own selection is at it, or what it says of workers: its answer can wake nobody.</summary>
    private bool AwaitsAnswer => permissions.AreOpen || jobs.Any(j => j.Selection is { IsUnderWay: true });

    private async Task<bool> ReserveNamedAsync(
        JobDispatch job, JobSelection selection, List<Slot> slots, LeaseTerm term, string name, CancellationToken stopping)
    {
        if (await selection.AskAsync(slots.Count, stopping) is not { } named) return false;
        var wanted = slots.Count;
        var taking = Taking(job, slots, term, name, stopping);
        await taking.RunAsync(job.LeftOut.Fresh(named.Keys));
        // What is held, or waits for its time, is named in good order; so is what is gone round.
        var isInVain = taking.Count == 0 && named.Count > 0 && !taking.IsTableLocked
            && !await job.Store.IsAnyOpenAsync(named.Keys, Limits.LongestDelay, stopping);
        job.Load.Resume(JobStep.Dispatch);
        Tell(job, selection, named, taking);
        var isFull = selection.Settle(named.Rows, taking.Count, isInVain) || (taking.Count > 0 && taking.Count == wanted);
        if (selection.IsTroubleNew)
        {
            var example = named.Keys.Count > 0 ? job.Store.Database.Dialect.Display(named.Keys[0]) : named.Misfits[0];
            Log.NothingSelected(log, job.Store.Job.Name, named.Count, example);
        }
        job.EndLook(isFull);
        return isFull;
    }

    /// <summary>
    /// Reserves what comes first in the job's own order, but for what is locked or refused: RESERVE itself would come no further than to that,
    /// and there is no key behind which it could go on.
    /// </summary>
    private async Task<bool> ReserveAroundAsync(JobDispatch job, List<Slot> slots, LeaseTerm term, string name, CancellationToken stopping)
    {
        var keys = job.LeftOut.Fresh(await job.Store.ReadNextAsync(slots.Count + job.LeftOut.Count, null, stopping));
        var leftOut = job.LeftOut.Count;
        var wanted = Math.Min(slots.Count, keys.Count);
        var taking = Taking(job, slots, term, name, stopping);
        await taking.RunAsync(keys[..wanted]);
        if (taking.IsTableLocked)
        {
            job.SkipLook();
            return false;
        }
        Tell(job, job.LeftOut, taking);
        job.Load.Resume(JobStep.Dispatch);
        job.Load.TableLock.End();
        // Those that were found just now have kept others from a slot.
        var mayBeMore = (taking.Count > 0 && wanted == slots.Count) || taking.IsOver || job.LeftOut.Count > leftOut;
        job.EndLook(mayBeMore);
        return mayBeMore;
    }

    /// <summary>
    /// Reserves what was found before the place where picking goes on. Null: none could be, and picking goes on; else whether another round may pay.
    /// </summary>
    private async Task<bool?> ReserveBehindAsync(
        JobDispatch job, List<TaskKey> keys, List<Slot> slots, LeaseTerm term, string name, CancellationToken stopping)
    {
        var taking = Taking(job, slots, term, name, stopping);
        var isDone = false;
        try
        {
            await taking.RunAsync(keys);
            isDone = !taking.IsTableLocked && !taking.IsOver;
        }
        finally
        {
            job.Back.Took(isDone && taking.Count == slots.Count ? taking.Last : null);
            // Those that are left it finds again.
            if (!isDone) job.Back.Hasten();
        }
        if (taking.IsTableLocked)
        {
            job.SkipLook();
            return false;
        }
        Tell(job, job.Back.LeftOut, taking);
        job.Load.Resume(JobStep.Dispatch);
        job.Load.TableLock.End();
        if (taking.Count == 0) return null;
        job.EndLook(mayBeMore: true);
        return true;
    }

    private void Tell(JobDispatch job, AvoidedKeys leftOut, NamedReserve taking)
    {
        var (name, dialect, isDue) = (job.Store.Job.Name, job.Store.Database.Dialect, taking.Refused.Count > 0 && job.GoneRound.IsDue(out _));
        for (var i = 0; i < taking.Refused.Count; i++)
        {
            var (key, error) = taking.Refused[i];
            var span = leftOut.Add(key, dialect.Classify(error) == ErrorKind.Data);
            if (isDue && i < ToldSingly) Log.GoneRound(log, name, dialect.Display(key), span.TotalSeconds, ErrorText.WithRemedy(error));
        }
        if (!isDue || leftOut.Count <= ToldSingly) return;
        var (last, why) = taking.Refused[^1];
        if (dialect.Classify(why) == ErrorKind.Data)
            Log.ManyRefused(log, name, leftOut.Count, dialect.Display(last), ErrorText.WithRemedy(why));
    }

    private NamedReserve Taking(JobDispatch job, List<Slot> slots, LeaseTerm term, string name, CancellationToken stopping)
    {
        return new NamedReserve(job, slots, BindAsync, time, stopping);

        async Task<List<Reservation>> BindAsync(IReadOnlyList<Slot> some, IReadOnlyList<TaskKey> keys)
        {
            var batch = Guid.CreateVersion7().ToString("N");
            try
            {
                var bound = await job.Store.ReserveAsync(some, term, name, cursor: null, stopping, batch, keys);
                reserved += bound.Count;
                job.Load.Meter.Wrote("reserve", bound.Count);
                if (bound.Count > 0) Deal(job, batch, some, bound, name);
                return bound;
            }
            catch (Exception e) when (e is OperationCanceledException
                || (job.Store.Database.Dialect.Classify(e) == ErrorKind.Infrastructure && !job.Store.Database.Dialect.IsStatementTimeout(e)))
            {
                // As with any RESERVE: whether it took effect is not known.
                if (job.Load.Hands.Count > 0) job.Load.Doubt();
                throw;
            }
        }
    }

    private void Tell(JobDispatch job, JobSelection selection, Named named, NamedReserve taking)
    {
        var (name, dialect) = (job.Store.Job.Name, job.Store.Database.Dialect);
        if (selection.Trouble is not null && taking.Count > 0) Log.SelectedAgain(log, name);
        if (named.Misfits.Count > 0 && !selection.IsMisfitTold) Log.NoKeys(log, name, named.Misfits.Count, named.Misfits[0]);
        if (named.Count > 0) selection.IsMisfitTold = named.Misfits.Count > 0;
        foreach (var (key, error) in taking.Refused)
        {
            var span = job.LeftOut.Add(key, dialect.Classify(error) == ErrorKind.Data);
            if (!selection.IsRefusalTold) Log.GoneRound(log, name, dialect.Display(key), span.TotalSeconds, ErrorText.WithRemedy(error));
            selection.IsRefusalTold = true;
        }
        if (named.Count > 0) selection.IsRefusalTold = job.LeftOut.Any;
    }
}
