using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Reserves the records that a job's own selection names.</summary>
internal sealed partial class Dispatcher
{
    /// <summary>Whether the program's own selection is at it, or what it says of workers: its answer can wake nobody.</summary>
    private bool AwaitsAnswer => permissions.AreOpen || jobs.Any(j => j.Selection is { IsUnderWay: true });

    private async Task<bool> ReserveNamedAsync(
        JobDispatch job, JobSelection selection, List<Slot> slots, LeaseTerm term, string name, CancellationToken stopping)
    {
        if (await selection.AskAsync(slots.Count, stopping) is not { } named) return false;
        var wanted = slots.Count;
        var taking = new NamedReserve(job, slots, BindAsync, time);
        var keys = selection.Fresh(named.Keys);
        await taking.RunAsync(keys);
        // What is held, or waits for its time, is named in good order.
        var isInVain = taking.Count == 0 && named.Count > 0 && !await job.Store.IsAnyOpenAsync(keys, Limits.LongestDelay, stopping);
        job.Load.Resume(JobStep.Dispatch);
        Tell(job, selection, named, taking);
        var isFull = selection.Settle(named.Count, taking.Count, isInVain) || (taking.Count > 0 && taking.Count == wanted);
        if (selection.IsTroubleNew)
        {
            var example = named.Keys.Count > 0 ? job.Store.Database.Dialect.Display(named.Keys[0]) : named.Misfits[0];
            Log.NothingSelected(log, job.Store.Job.Name, named.Count, example);
        }
        job.EndLook(isFull);
        return isFull;

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
            catch (Exception e) when (e is OperationCanceledException || job.Store.Database.Dialect.Classify(e) == ErrorKind.Infrastructure)
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
        foreach (var (key, _) in taking.Refused) selection.Avoid(key);
        if (taking.Refused.Count > 0 && !selection.IsRefusalTold)
            Log.GoneRound(
                log, name, dialect.Display(taking.Refused[0].Key), JobSelection.AvoidFor.TotalSeconds, ErrorText.WithRemedy(taking.Refused[0].Error));
        if (named.Count > 0) selection.IsRefusalTold = taking.Refused.Count > 0 || selection.AvoidsAny;
    }
}
