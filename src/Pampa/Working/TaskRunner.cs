using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// Runs the handler of one started task, turns whatever happens into a result and sees to it that the result gets to the
/// table. Nothing that a handler does gets past here.
/// </summary>
/// <param name="handlerDatabase">The handlers' own connections.</param>
/// <param name="isTrusted">Whether the worker's lease surely stands.</param>
/// <param name="log">The handlers' log.</param>
/// <param name="time">The clock.</param>
/// <param name="random">For delays.</param>
internal sealed partial class TaskRunner(DbDataSource handlerDatabase, Func<bool> isTrusted, ILogger log, TimeProvider time, Random random)
{
    /// <summary>The memory that this process may have; null: there is no limit.</summary>
    public MemoryLimit? Memory { private get; init; }

    public async ValueTask RunAsync(Lane lane, StartedTask started, Attempt attempt)
    {
        MeasureWait(lane, started);
        var span = attempt.Span = BeginSpan(lane, started);
        var began = time.GetTimestamp();
        Ending ending;
        TimeSpan took;
        try
        {
            ending = lane.Job.Handler.IsTransactional
                ? await RunInTransactionAsync(lane, started, attempt)
                : new Ending(await RunPlainAsync(lane, started, attempt));
        }
        finally
        {
            took = time.GetElapsedTime(began);
            lane.Load.Durations.Add(took);
        }
        var result = Complete(lane, started, ending.Result);
        var outcome = Counters.Word(result.Outcome, ending.Verdict ?? Verdict.Accepted);
        lane.Load.Meter.Ran(took, outcome);
        EndSpan(span, outcome, result, attempt.Error);
        if (ending.Verdict is { } verdict) lane.Settle(result, verdict);
        else lane.Finisher.Post(result);
    }

    private static void MeasureWait(Lane lane, StartedTask started)
    {
        lane.Load.Meter.Waited(started.Claim.ReservedAt, started.Fence.StartedAt);
        // What is tried again, or runs again, was due at another time, which its reservation has overwritten.
        if (started is { Table.Due: { } due, Fence.Attempt: 1, Generation: 0 }) lane.Load.Meter.Queued(started.Values[due], started.Fence.StartedAt);
    }

    /// <summary>How an attempt ended.</summary>
    /// <param name="Result">What came of it.</param>
    /// <param name="Verdict">What the table has made of that; null: it is still to be written.</param>
    private readonly record struct Ending(TaskResult Result, Verdict? Verdict = null)
    {
        /// <summary>Whether others were in the way and nothing has happened, so that the handler may run again instead.</summary>
        public bool MayRunAgain { get; init; }

        /// <summary>Whether it was told to end because the time was over, and did. Earlier runs, which others have undone, may have used it up.</summary>
        public bool IsCutShort { get; init; }
    }

    private PampaTask TaskOf(StartedTask started, Attempt attempt, TaskTransaction? transaction = null) =>
        new(started, log, handlerDatabase, attempt.Told, attempt.Token) { Transaction = transaction };

    private async ValueTask<TaskResult> RunPlainAsync(Lane lane, StartedTask started, Attempt attempt)
    {
        var task = TaskOf(started, attempt);
        try
        {
            await TellStartAsync(lane, started, attempt);
            await lane.Job.Handler.RunAsync(task);
            return new TaskResult(started.Fence, Outcome.Completed, Changes: task.TakeChanges()) { Claim = started.Claim, Values = ValuesFor(lane, task) };
        }
        catch (Exception e)
        {
            return await ThrownAsync(lane, task, started, attempt, e);
        }
    }

    private static Task TellStartAsync(Lane lane, StartedTask started, Attempt attempt) =>
        lane.Store.Calls is { } calls && lane.Job.Hooks.HasCode(HookKind.Starting)
            ? calls.RunAsync(HookKind.Starting, TaskStore.EventOf(started), attempt.Token)
            : Task.CompletedTask;

    /// <summary>A result with what whoever writes it, or is told of it, must know of the record.</summary>
    private static TaskResult Complete(Lane lane, StartedTask started, TaskResult result)
    {
        if (result.Claim != started.Claim) result = result with { Claim = started.Claim };
        return result.Values is not null || !lane.Job.Hooks.Has(HookKind.Finished)
            ? result
            : result with { Values = new RecordValues(started.Table, started.Fence.Key, started.Values) };
    }

    // Few jobs want to know what became of the record.
    private static RecordValues? ValuesFor(Lane lane, PampaTask task) => lane.Job.Hooks.Has(HookKind.Finished) ? task.Values : null;

    /// <summary>What comes of an attempt whose handler has thrown.</summary>
    private async Task<TaskResult> ThrownAsync(Lane lane, PampaTask task, StartedTask started, Attempt attempt, Exception error)
    {
        try
        {
            if (MissingColumn(error) is { } column && await IsAwayAsync(lane, started.Table, column, error)) return GivenBack(lane, started);
            return Failed(lane, task, started.Fence, attempt, error);
        }
        catch (Exception again)
        {
            return Untold(lane, started.Fence, error, again);
        }
    }

    // A log that throws, or that an exception whose own text throws has made throw: the attempt has failed all the same.
    private TaskResult Untold(Lane lane, Fence fence, Exception error, Exception again) =>
        new(fence, error is PermanentFailureException || fence.Attempt >= lane.Job.MaxAttempts ? Outcome.Failed : Outcome.Again,
            lane.Job.Backoff.SecondsAfter(fence.Attempt, random), Error: $"{ErrorText.Of(error)} ({again.GetType().Name} while telling of it)");

    /// <summary>The task has no part in what went wrong: it is tried again after a while, and the attempt does not count.</summary>
    private TaskResult GivenBack(Lane lane, StartedTask started) =>
        new(started.Fence, Outcome.Forgiven, lane.Job.Backoff.SecondsAfter(1, random));

    private static string? MissingColumn(Exception? error)
    {
        while (error is not null and not NoSuchColumnException) error = error.InnerException;
        return (error as NoSuchColumnException)?.Column;
    }

    /// <summary>
    /// Whether it is the table's fault and not the handler's that a column is missing: it is there by now, so the task is tried again; or
    /// it was there once, so that the job waits for it as it does where a statement misses one. The attempt does not count. Not for ever:
    /// where it stays away the handler is at fault, and the other tasks of the job must not stand still for that.
    /// </summary>
    private async Task<bool> IsAwayAsync(Lane lane, JobTable before, string column, Exception error)
    {
        // An exception that the handler has kept from another time.
        if (before.HasRecordColumn(column)) return false;
        await lane.Store.HasChangedAsync(lane.Load, before, CancellationToken.None);
        if (lane.Store.Table.HasRecordColumn(column))
        {
            before.Use.Found(column);
            return true;
        }
        if (!before.Use.HasHad(column)) return false;
        var since = before.Use.Missed(column, time.GetTimestamp());
        if (time.GetElapsedTime(since) >= Lane.PatienceFor(lane.Job)) return false;
        lane.Load.Suspend(JobStep.Start, error);
        return true;
    }

    private TaskResult Failed(Lane lane, PampaTask task, Fence fence, Attempt attempt, Exception error)
    {
        if (error is SnoozeException snooze && TrySnooze(task, fence, snooze, ref error) is { } snoozed) return snoozed;
        var said = error as SaidFailureException;
        var why = said is null ? attempt.Why : Interruption.None;
        // The task has no part in a stop or a lost lease: what came of it does not count.
        if (why is Interruption.Shutdown or Interruption.LeaseLost or Interruption.TakenAway) return new TaskResult(fence, Outcome.Forgiven);
        if (attempt.Span is not null) attempt.Error = error;
        var text = said?.Message ?? ErrorText.Of(error);
        if (Memory?.Explain(error) is { } explained) text = $"{explained}{In(task)} during attempt {fence.Attempt} of {lane.Job.MaxAttempts}: {text}";
        if (why == Interruption.MaxDuration) text = $"{attempt.Reason}{In(task)} during attempt {fence.Attempt} of {lane.Job.MaxAttempts}: {text}";
        text += task.KeptLog;
        Log.TaskFailed(log, lane.Job.Name, lane.Store.Database.Dialect.Display(fence.Key), fence.Attempt, lane.Job.MaxAttempts, error);
        if (error is PermanentFailureException or SaidFailureException { IsPermanent: true } || fence.Attempt >= lane.Job.MaxAttempts)
            return new TaskResult(fence, Outcome.Failed, Error: text);
        return new TaskResult(fence, Outcome.Again, lane.Job.Backoff.SecondsAfter(fence.Attempt, random), Error: text);
    }

    private static string In(PampaTask task) => task is BatchTask { Company: > 1 and var records } ? $" by a batch of {records} records" : "";

    private static TaskResult? TrySnooze(PampaTask task, Fence fence, SnoozeException snooze, ref Exception error)
    {
        try
        {
            var seconds = Math.Clamp(snooze.Delay?.TotalSeconds ?? 0, 0, Limits.LongestDelay.TotalSeconds);
            return new TaskResult(fence, Outcome.Snoozed, seconds, snooze.Until, Changes: task.TakeChanges()) { Values = task.Values };
        }
        catch (Exception e)
        {
            // What the handler has set cannot be stored: then the attempt has failed.
            error = e;
            return null;
        }
    }
}
