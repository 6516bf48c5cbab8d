using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// Writes results to the table, many with one statement: at once when idle, else what has gathered while the last
/// statement was under way. A result is repeated until the database has taken or refused it; one bad row never holds up
/// or spoils its neighbours.
/// </summary>
internal sealed partial class Finisher(Lane lane, TimeProvider time, Random random)
{
    private static readonly TimeSpan GatherTime = TimeSpan.FromMilliseconds(5);
    private readonly ConcurrentQueue<Pending> queue = new();
    private readonly Dialect dialect = lane.Store.Database.Dialect;

    // Held while the lists change that both turns put rows into.
    private readonly Lock gate = new();
    private List<Pending> locked = [];
    private long lastFlush;
    private int count;
    private int waiting;

    /// <summary>A result that is not written yet.</summary>
    /// <param name="Result">The result.</param>
    /// <param name="IsAmbiguous">Whether it was sent before and the answer was lost.</param>
    /// <param name="IsRefusal">Whether it is the failure that stands in for a result which the table refused.</param>
    private sealed record Pending(TaskResult Result, bool IsAmbiguous = false, bool IsRefusal = false)
    {
        /// <summary>When it was first found that the table lacks its columns; 0: never.</summary>
        public long MisfitAt { get; init; }

        /// <summary>Whether the second turn has waited for a lock with it.</summary>
        public bool HasMetLock { get; init; }
    }

    /// <summary>Set for each result that comes in.</summary>
    public Signal Posted { get; } = new();

    /// <summary>Results that are not written yet.</summary>
    public int Count => Volatile.Read(ref count);

    public void Post(TaskResult result) => Enqueue(new Pending(result, IsAmbiguous: result.InDoubt is not null));

    private void Enqueue(Pending pending)
    {
        Interlocked.Increment(ref count);
        Requeue(pending);
    }

    private void Requeue(Pending pending)
    {
        queue.Enqueue(pending);
        Posted.Set();
        if (Interlocked.Increment(ref waiting) == Limits.StatementRows) Full.Set();
    }

    /// <summary>
    /// Writes what has gathered. Says whether there was anything. Throws when the database cannot be reached; nothing
    /// is lost by that.
    /// </summary>
    public async Task<bool> CycleAsync(CancellationToken stopping)
    {
        if (lane.Load.IsSuspendedFor(JobStep.Finish) || lane.Load.TableLock.IsResting) return false;
        if (locked.Count > 0 && time.GetElapsedTime(lastLockedTry) >= lockPause) await TryLockedAsync(stopping);
        searchingSince = 0;
        if (await WriteHandedAsync(stopping)) return true;
        if (queue.IsEmpty) return false;
        await GatherAsync(stopping);
        lastFlush = time.GetTimestamp();
        await WriteAllAsync(TakeBatch(), skipLocked: false, stopping);
        return true;
    }

    private async Task<bool> WriteHandedAsync(CancellationToken stopping)
    {
        var (met, others) = TakeHanded();
        try
        {
            // They need not wait for the same lock again.
            if (met.Count > 0) await WriteAllAsync(met.ConvertAll(row => row with { HasMetLock = false }), skipLocked: dialect.CanSkipLocked, stopping);
        }
        finally
        {
            if (others.Count > 0) await WriteAllAsync(others, skipLocked: false, stopping);
        }
        return met.Count + others.Count > 0;
    }

    private List<Pending> TakeBatch()
    {
        var batch = new List<Pending>();
        while (batch.Count < Limits.StatementRows && queue.TryDequeue(out var pending)) batch.Add(pending);
        if (Interlocked.Add(ref waiting, -batch.Count) >= Limits.StatementRows) Full.Set();
        return batch;
    }

    private Task WriteAllAsync(List<Pending> rows, bool skipLocked, CancellationToken stopping) =>
        WriteEachAsync(Statements(rows), skipLocked, stopping);

    // All of them are tried, whatever happens to the first: each takes care of its own rows only. But where nobody answers, or the table is
    // locked, each would take as long as the first to find that out.
    private async Task WriteEachAsync(IEnumerable<IReadOnlyList<Pending>> batches, bool skipLocked, CancellationToken stopping)
    {
        Exception? first = null;
        foreach (var batch in batches)
        {
            if (lane.Load.TableLock.IsResting || (first is not null && IsOutOfReach(first)))
            {
                foreach (var row in batch) Requeue(row);
                continue;
            }
            try
            {
                await WriteAsync([.. batch], stopping, skipLocked);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                first ??= e;
            }
        }
        if (first is not null) ExceptionDispatchInfo.Throw(first);
    }

    // What takes long for its own rows alone says nothing of the others'.
    private bool IsOutOfReach(Exception error) => dialect.Classify(error) == ErrorKind.Infrastructure && !dialect.IsStatementTimeout(error);

    // Waiting a little while others are about to end makes one statement of many; a result that comes alone is never
    // kept waiting.
    private async Task GatherAsync(CancellationToken stopping)
    {
        if (lastFlush == 0 || queue.Count >= Limits.StatementRows) return;
        var wait = GatherTime - time.GetElapsedTime(lastFlush);
        if (wait > TimeSpan.Zero) await Task.Delay(wait, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task WriteAsync(List<Pending> rows, CancellationToken stopping, bool skipLocked = false)
    {
        List<TaskKey> settled;
        var table = rows[0].Result.Changes?.Table ?? lane.Store.Table;
        rows = Within(rows, out var max);
        try
        {
            settled = await lane.Store.FinishAsync(rows.ConvertAll(r => r.Result), skipLocked, stopping, max, rows.Exists(r => r.IsAmbiguous));
        }
        catch (NotToldException e)
        {
            Doubt(rows);
            ExceptionDispatchInfo.Throw(e.InnerException!);
            return;
        }
        catch (Exception e)
        {
            if (dialect.Classify(e) == ErrorKind.Schema && (TaskStore.IsOfHook(e) || !await WorksWithoutRowsAsync(rows, stopping)))
                await DoesNotFitAsync(rows, table, e, stopping);
            else await FailedAsync(rows, e, skipLocked, stopping);
            return;
        }
        await TakeInAsync(rows, settled, skipLocked, stopping);
    }

    // The limit may have fallen since a result was made: then there is no other try, and the database would take it for somebody else's.
    private List<Pending> Within(List<Pending> rows, out int max)
    {
        var most = max = lane.Job.MaxAttempts;
        return rows.Exists(row => !row.Result.IsWithin(most)) ? rows.ConvertAll(row => row with { Result = row.Result.Within(most) }) : rows;
    }

    private async Task TakeInAsync(List<Pending> rows, List<TaskKey> settled, bool skippedLocked, CancellationToken stopping)
    {
        lane.Load.Meter.Wrote("finish", settled.Count);
        lane.Load.Resume(JobStep.Finish);
        lane.Load.TableLock.End();
        // No key stands twice in a statement: as many as were sent are all of them, as nearly always.
        var accepted = settled.Count == rows.Count ? null : settled.ToHashSet();
        Exception? fault = null;
        var others = rows.FindAll(row =>
        {
            if (accepted?.Contains(row.Result.Fence.Key) == false) return true;
            try
            {
                Settle(row, Verdict.Accepted);
            }
            catch (Exception e)
            {
                // Somebody who was told of it, as a listener of the program's. The others are written as well.
                fault ??= e;
            }
            return false;
        });
        if (others.Count > 0) await ExplainAsync(others, skippedLocked, stopping);
        if (fault is not null) ExceptionDispatchInfo.Throw(fault);
    }

    private async Task FailedAsync(List<Pending> rows, Exception error, bool skippedLocked, CancellationToken stopping)
    {
        if (dialect.Classify(error) is ErrorKind.Locked or ErrorKind.Retry) MeetLock();
        switch (dialect.Classify(error))
        {
            case ErrorKind.Locked when dialect.CanSkipLocked && !skippedLocked:
                await WriteAsync(rows, stopping, skipLocked: true);
                return;
            case ErrorKind.Locked when await AskAsync(rows, () => lane.Store.IsTableLockAsync(lane.Load, stopping)):
                foreach (var row in rows) Requeue(row);
                return;
            case ErrorKind.Locked when rows.Count > 1 && HasSearchedLong():
                // Those that nobody has looked at yet come first the next time.
                Park(rows, first: true);
                return;
            // Schema: a row's own doing. An index on an expression, a policy of the table.
            case ErrorKind.Locked or ErrorKind.Data or ErrorKind.Schema when rows.Count > 1:
                await WriteEachAsync([rows[..(rows.Count / 2)], rows[(rows.Count / 2)..]], skippedLocked, stopping);
                return;
            case ErrorKind.Locked:
                Park(rows);
                return;
            case ErrorKind.Data or ErrorKind.Schema:
                Refuse(rows[0], error);
                return;
            case ErrorKind.Retry when !dialect.IsAmbiguous(error):
                // It was not written, which is for certain: whoever changes it before the next try has fenced it.
                foreach (var row in rows) Requeue(row);
                ExceptionDispatchInfo.Throw(error);
                return;
            default:
                Doubt(rows);
                ExceptionDispatchInfo.Throw(error);
                return;
        }
    }

    // Whether they were written is not known: they are sent again as they are, for FINISH is a compare-and-set.
    private void Doubt(List<Pending> rows)
    {
        foreach (var row in rows) Requeue(row with { IsAmbiguous = true });
    }

    /// <summary>
    /// The table is not what the results were made for. Where it has their columns they are written as it is now. Else they wait, and the
    /// job with them: the columns may only be away for a moment. Not longer than their tasks might have run: then others try again.
    /// </summary>
    private async Task DoesNotFitAsync(List<Pending> rows, JobTable before, Exception error, CancellationToken stopping)
    {
        var now = await AskAsync(rows, () => lane.Store.HasChangedAsync(lane.Load, before, stopping)) ? lane.Store.Table : null;
        var isWaiting = false;
        foreach (var row in rows)
        {
            var changes = now is null ? null : row.Result.Changes?.For(now);
            if (now is not null && (changes is not null || row.Result.Changes is null)) Requeue(row with { Result = row.Result with { Changes = changes } });
            else if (row.MisfitAt != 0 && (row.Result.Changes is not null || TaskStore.IsOfHook(error))
                && time.GetElapsedTime(row.MisfitAt) >= Lane.PatienceFor(lane.Job)) Refuse(row, error);
            else
            {
                Requeue(row.MisfitAt == 0 ? row with { MisfitAt = time.GetTimestamp() } : row);
                isWaiting = true;
            }
        }
        if (isWaiting) lane.Load.Suspend(JobStep.Finish, error);
    }

    // Whatever becomes of the question, the rows are not lost.
    private async Task<bool> AskAsync(List<Pending> rows, Func<Task<bool>> askAsync)
    {
        try
        {
            return await askAsync();
        }
        catch
        {
            foreach (var row in rows) Requeue(row);
            throw;
        }
    }

    /// <summary>Whether the statement itself fits the table, so that a row must be what it does not accept.</summary>
    private async Task<bool> WorksWithoutRowsAsync(List<Pending> rows, CancellationToken stopping)
    {
        try
        {
            await lane.Store.ProbeFinishAsync(rows[0].Result.Changes, stopping);
            return true;
        }
        catch (Exception e) when (dialect.Classify(e) == ErrorKind.Schema)
        {
            return false;
        }
        catch
        {
            foreach (var row in rows) Requeue(row);
            throw;
        }
    }

    /// <summary>
    /// The table refuses the row: the attempt failed, with the database's words and without the handler's columns.
    /// </summary>
    private void Refuse(Pending row, Exception error)
    {
        var result = row.Result;
        if (TaskStore.IsOfHook(error) && result.Outcome is not (Outcome.Completed or Outcome.Snoozed))
        {
            // What has failed already, or costs nothing, must not be kept from being written.
            lane.Store.Calls?.LeftOut(lane.Store.EventOf(result), error);
            Requeue(row with { Result = result with { LeavesOutHooks = true } });
            return;
        }
        if (row.IsRefusal && result.Error is null)
        {
            // Not even the failure can be written: a rule of the table forbids it. Reconciling will try again to write
            // that the attempt is lost; it does not run again before that is written.
            Settle(row, Verdict.Unknown);
            return;
        }
        var isLast = result.Fence.Attempt >= lane.Job.MaxAttempts || result.Outcome == Outcome.Failed;
        Requeue(new Pending(
            new TaskResult(result.Fence, isLast ? Outcome.Failed : Outcome.Again,
                isLast ? 0 : lane.Job.Backoff.SecondsAfter(result.Fence.Attempt, random),
                Error: row.IsRefusal ? null : ErrorText.Of(lane.Store.Explained(error)))
            { Claim = result.Claim, InDoubt = result.InDoubt, Values = result.Values?.Before, LeavesOutHooks = result.LeavesOutHooks },
            row.IsAmbiguous, IsRefusal: true));
    }

    /// <summary>Rows that the statement did not change: locked, done by an earlier try, or somebody else's.</summary>
    private async Task ExplainAsync(List<Pending> rows, bool skippedLocked, CancellationToken stopping)
    {
        if (!skippedLocked && !rows.Exists(r => r.IsAmbiguous))
        {
            foreach (var row in rows) Settle(row, Verdict.Fenced);
            return;
        }
        Dictionary<TaskKey, FenceNow> now;
        try
        {
            now = (await lane.Store.ReadFencesAsync(rows.ConvertAll(r => r.Result.Fence.Key), stopping)).ToDictionary(f => f.Fence.Key);
        }
        catch (Exception e)
        {
            foreach (var row in rows) Requeue(row);
            if (dialect.Classify(e) != ErrorKind.Schema) throw;
            // A column was taken away in just that moment: the job waits for it, as it does where FINISH itself meets that.
            lane.Load.Suspend(JobStep.Finish, e);
            return;
        }
        foreach (var row in rows)
        {
            var isMine = now.TryGetValue(row.Result.Fence.Key, out var found) && found.Fence == row.Result.Fence;
            if (isMine && !found.Ended) Park([row]);
            else if (row.IsAmbiguous && !isMine) Settle(row, Verdict.Unknown);
            else if (row.Result.InDoubt is { } doubted && lane.Store.HasEnded(found, doubted)) Settle(row with { Result = doubted }, Verdict.Accepted);
            else Settle(row, row.IsAmbiguous && lane.Store.HasEnded(found, row.Result) ? Verdict.Accepted : Verdict.Fenced);
        }
    }

    private void Settle(Pending row, Verdict verdict)
    {
        try
        {
            lane.Settle(row.Result, verdict);
        }
        finally
        {
            // Whatever those do who are told: nobody has to wait for it any more.
            Interlocked.Decrement(ref count);
            lane.TellWritten();
        }
    }
}
