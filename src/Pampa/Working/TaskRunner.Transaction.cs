using System.Data.Common;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// Tasks whose handler's writes are committed together with their completion. The completion is the last statement of the
/// transaction, so that the record's lock is held for a moment only; a record that is somebody else's by then takes everything
/// back. Results that are no completion go the ordinary way, after all is undone.
/// </summary>
internal sealed partial class TaskRunner
{
    private const int MaxRuns = 10;

    // A run that had this much of the time for itself has used it up by itself.
    private const double FairShare = 0.5;

    /// <summary>
    /// Runs the handler, and again where others were in the way: that costs no attempt. Not for ever: then the record is given
    /// back, and its worker goes on with another.
    /// </summary>
    private async ValueTask<Ending> RunInTransactionAsync(Lane lane, StartedTask started, Attempt attempt)
    {
        try
        {
            await TellStartAsync(lane, started, attempt);
            for (var run = 1; ; run++)
            {
                var began = time.GetTimestamp();
                // Who was overtaken once is not overtaken again, where the database can see to that.
                var ending = await RunOnceAsync(lane, started, attempt, isAlone: run > 1);
                if (ending.IsCutShort && time.GetElapsedTime(began) < FairShare * lane.Job.MaxDuration) return TimeIsOver(lane, started);
                if (!ending.MayRunAgain || run == MaxRuns || !isTrusted()) return ending;
                await lane.Store.Database.PauseAsync(run, attempt.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        catch (Exception e)
        {
            // Of what is caught nowhere else, a log that throws. Should it have been committed, the table refuses what is said here.
            return new Ending(await ThrownAsync(lane, TaskOf(started, attempt), started, attempt, e));
        }
    }

    private async Task<Ending> RunOnceAsync(Lane lane, StartedTask started, Attempt attempt, bool isAlone)
    {
        var task = TaskOf(started, attempt);
        TaskTransaction transaction;
        try
        {
            transaction = await TaskTransaction.BeginAsync(lane.Store.Database.Dialect, handlerDatabase, isAlone, attempt.Token);
        }
        catch (Exception e)
        {
            return NotReached(lane, task, started, attempt, e);
        }
        await using (transaction)
        {
            task = TaskOf(started, attempt, transaction);
            TaskResult completed;
            try
            {
                await lane.Job.Handler.RunAsync(task);
                if (!transaction.IsConnected) throw new InvalidOperationException(ClosedByHandler(lane));
                if (!transaction.IsOpen) throw new PermanentFailureException(EndedByHandler(lane));
                completed = new TaskResult(started.Fence, Outcome.Completed, Changes: task.TakeChanges()) { Values = ValuesFor(lane, task) };
            }
            catch (Exception e)
            {
                return await ThrownWithinAsync(lane, task, started, attempt, e, isAlone);
            }
            return await CompleteAsync(lane, task, started, attempt, completed);
        }
    }

    // Whatever it says: the handler has not run. A full pool, a lock of the whole file, a server that is away.
    private Ending NotReached(Lane lane, PampaTask task, StartedTask started, Attempt attempt, Exception error)
    {
        if (attempt.Why != Interruption.None) return CutShort(attempt, error, Failed(lane, task, started.Fence, attempt, error));
        if (IsConflict(lane, error)) return Conflict(lane, task, started, attempt, error);
        return Unreached(lane, started, error);
    }

    /// <summary>The handler's own errors are the task's, but for those that are the doing of others.</summary>
    private async Task<Ending> ThrownWithinAsync(Lane lane, PampaTask task, StartedTask started, Attempt attempt, Exception error, bool isAlone)
    {
        if (attempt.Why is Interruption.None or Interruption.MaxDuration && error is not (PermanentFailureException or SnoozeException))
        {
            for (var e = error; e is not null; e = e.InnerException)
            {
                // Whoever has the one lock from the beginning can only have met himself, over another connection.
                if (IsConflict(lane, e) && !(isAlone && Kind(lane, e) == ErrorKind.Locked)) return Conflict(lane, task, started, attempt, error);
                // A statement that the database refuses for its own reasons leaves the connection as it was.
                var isLost = attempt.Why == Interruption.None && !task.Transaction!.IsConnected;
                if (isLost && e is DbException && Kind(lane, e) == ErrorKind.Infrastructure) return Unreached(lane, started, error);
            }
        }
        return CutShort(attempt, error, await ThrownAsync(lane, task, started, attempt, error));
    }

    /// <summary>
    /// Completes the record within the transaction and commits both. Neither is interrupted: each has a deadline, and half-way
    /// nobody would know what came of it.
    /// </summary>
    private async Task<Ending> CompleteAsync(Lane lane, PampaTask task, StartedTask started, Attempt attempt, TaskResult completed)
    {
        try
        {
            await lane.Store.RunHooksWithinAsync(task.Transaction!, completed, CancellationToken.None);
            if (!await lane.Store.FinishWithinAsync(task.Transaction!, completed, CancellationToken.None)) return new Ending(completed, Verdict.Fenced);
        }
        catch (Exception e)
        {
            return await NotCompletedAsync(lane, task, started, attempt, completed.Changes, e);
        }
        try
        {
            await task.Transaction!.CommitAsync();
            lane.MisfitAt = 0;
            return new Ending(completed, Verdict.Accepted);
        }
        catch (Exception e)
        {
            if (IsConflict(lane, e)) return Conflict(lane, task, started, attempt, e);
            if (Kind(lane, e) == ErrorKind.Data || IsAnswer(lane, e)) return Refused(lane, task, started, attempt, e);
            // Whether it was committed only the record tells, and a read could come before a commit that is still under way. To give
            // the record back is a compare-and-set that waits for the record's lock: where it is taken, nothing was committed.
            Log.InDoubt(log, lane.Job.Name, task.Key, e.Message);
            return new Ending(GivenBack(lane, started) with { InDoubt = completed with { Claim = started.Claim } });
        }
    }

    // A server that has an error of its own to tell of has undone the transaction.
    private static bool IsAnswer(Lane lane, Exception error) =>
        error is DbException { SqlState: not null } && Kind(lane, error) is ErrorKind.Schema or ErrorKind.Other;

    /// <summary>The record could not be completed: everything is undone, nothing is in doubt.</summary>
    private async Task<Ending> NotCompletedAsync(
        Lane lane, PampaTask task, StartedTask started, Attempt attempt, ColumnChanges? changes, Exception error)
    {
        // What is asked from here on goes over other connections, which must not wait for this one.
        await task.Transaction!.UndoAsync();
        switch (Kind(lane, error))
        {
            case var _ when IsConflict(lane, error):
                return Conflict(lane, task, started, attempt, error);
            case ErrorKind.Locked:
                // To give it back waits for the lock, without running anything: one run is lost, and none while the lock is held.
                return new Ending(new TaskResult(started.Fence, Outcome.Forgiven));
            case ErrorKind.Infrastructure:
                return Unreached(lane, started, error);
            // Not for ever: a right that was taken away does not come back by itself, and the handler would run again and again.
            case ErrorKind.Schema when (TaskStore.IsOfHook(error) || !await WorksWithoutRowAsync(lane, changes)) && IsPatient(lane):
                if (!await lane.Store.HasChangedAsync(lane.Load, started.Table, CancellationToken.None)) lane.Load.Suspend(Jobs.JobStep.Finish, error);
                return new Ending(GivenBack(lane, started));
            default:
                return Refused(lane, task, started, attempt, error);
        }
    }

    private bool IsPatient(Lane lane)
    {
        if (lane.MisfitAt == 0) lane.MisfitAt = time.GetTimestamp();
        return time.GetElapsedTime(lane.MisfitAt) < Lane.PatienceFor(lane.Job);
    }

    private static async Task<bool> WorksWithoutRowAsync(Lane lane, ColumnChanges? changes)
    {
        try
        {
            await lane.Store.ProbeFinishAsync(changes, CancellationToken.None);
            return true;
        }
        catch (Exception e) when (Kind(lane, e) != ErrorKind.Other)
        {
            return false;
        }
    }

    // A rule of the table, or of one that the handler has written to; or a statement of the handler's has failed before, unnoticed.
    private Ending Refused(Lane lane, PampaTask task, StartedTask started, Attempt attempt, Exception error) =>
        new(Failed(lane, task, started.Fence, attempt, new InvalidOperationException(
            $"Job '{lane.Job.Name}': the handler has returned, but the database does not commit what it has written; all of it is undone", error)));

    private Ending Unreached(Lane lane, StartedTask started, Exception error)
    {
        Log.GivenBack(log, lane.Job.Name, lane.Store.Database.Dialect.Display(started.Fence.Key), error.Message);
        return new Ending(GivenBack(lane, started));
    }

    // Nobody is charged for being overtaken, not even where that has taken all of his time.
    private Ending Conflict(Lane lane, PampaTask task, StartedTask started, Attempt attempt, Exception error)
    {
        if (attempt.Why is Interruption.Shutdown or Interruption.LeaseLost or Interruption.TakenAway)
            return new Ending(Failed(lane, task, started.Fence, attempt, error));
        if (attempt.Why == Interruption.MaxDuration) return TimeIsOver(lane, started);
        Log.Conflict(log, lane.Job.Name, task.Key, error.Message);
        return new Ending(GivenBack(lane, started)) { MayRunAgain = true };
    }

    private static Ending CutShort(Attempt attempt, Exception error, TaskResult result) =>
        new(result) { IsCutShort = attempt.Why == Interruption.MaxDuration && error is OperationCanceledException };

    private Ending TimeIsOver(Lane lane, StartedTask started)
    {
        Log.Overtaken(log, lane.Job.Name, lane.Store.Database.Dialect.Display(started.Fence.Key), lane.Job.MaxDuration);
        return new Ending(GivenBack(lane, started));
    }

    /// <summary>Whether an error says that nothing has happened and that the same may work in a moment.</summary>
    private static bool IsConflict(Lane lane, Exception error) => error is DbException && Kind(lane, error) switch
    {
        ErrorKind.Retry => true,
        // Of the whole file. A lock of a row that the handler has met is the handler's to get round.
        ErrorKind.Locked => lane.Store.Database.Dialect.HasSingleWriter,
        _ => false,
    };

    private static ErrorKind Kind(Lane lane, Exception error) => lane.Store.Database.Dialect.Classify(error);

    private static string ClosedByHandler(Lane lane) =>
        $"Job '{lane.Job.Name}': the handler of ProcessInTransaction must leave its connection open, for the completion goes over it; the handler has closed it, or has gone on although it was lost. Neither close nor dispose of it, and let errors of the database go up.";

    private static string EndedByHandler(Lane lane) =>
        $"Job '{lane.Job.Name}': the handler of ProcessInTransaction must leave its transaction open, for it is committed together with the completion; the handler has committed it or rolled it back. Take that out: return to commit, throw to undo. A handler that wants a transaction of its own belongs in Process.";
}
