using System.Runtime.ExceptionServices;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// A second statement beside the first, where results gather quicker than one after the other can be written: while the one waits for the disk
/// or the network, the other is at work. It does the easy part only. What meets any trouble goes back to the first turn, which alone searches
/// for the row that is at fault.
/// </summary>
internal sealed partial class Finisher
{
    // What the two wait for each other for stands in rows that triggers write; that does not pass by itself.
    private static readonly TimeSpan LockRest = TimeSpan.FromMinutes(1);
    private readonly List<Pending> handed = [];
    private long lockMetAt;
    private volatile bool isAssisting;

    /// <summary>Whether there is a second turn: where the database has one writer at a time, it would only wait for the first.</summary>
    public bool CanAssist => !dialect.HasSingleWriter;

    /// <summary>Set when a whole statement's worth of results waits.</summary>
    public Signal Full { get; } = new();

    /// <summary>
    /// Writes a whole statement's worth of results, if so many wait. Says whether it did. Throws when the database cannot be reached; nothing is
    /// lost by that.
    /// </summary>
    public async Task<bool> AssistAsync(CancellationToken stopping)
    {
        if (Volatile.Read(ref waiting) < Limits.StatementRows || IsToRest) return false;
        isAssisting = true;
        try
        {
            return await AssistOnceAsync(stopping);
        }
        finally
        {
            isAssisting = false;
        }
    }

    private bool IsToRest => lane.Load.IsSuspendedFor(JobStep.Finish) || lane.Load.TableLock.IsMet
        || (Volatile.Read(ref lockMetAt) is var met and not 0 && time.GetElapsedTime(met) < LockRest);

    /// <summary>The first turn has met a lock: it may be the second that has it.</summary>
    private void MeetLock()
    {
        if (isAssisting) Volatile.Write(ref lockMetAt, time.GetTimestamp());
    }

    private async Task<bool> AssistOnceAsync(CancellationToken stopping)
    {
        Exception? first = null;
        foreach (var rows in Statements(TakeBatch()))
        {
            if (first is null) first = await TryWriteAsync([.. rows], stopping);
            else HandBack(rows);
        }
        if (first is null) return true;
        // What is nobody's of these is a fault of this program, or of code that it calls: the loop says so.
        if (IsOutOfReach(first) || dialect.Classify(first) == ErrorKind.Other) ExceptionDispatchInfo.Throw(first);
        return false;
    }

    private async Task<Exception?> TryWriteAsync(List<Pending> rows, CancellationToken stopping)
    {
        rows = Within(rows, out var max);
        List<TaskKey> settled;
        try
        {
            settled = await lane.Store.FinishAsync(rows.ConvertAll(r => r.Result), skipLocked: false, stopping, max, rows.Exists(r => r.IsAmbiguous));
        }
        catch (NotToldException e)
        {
            HandBack(rows.ConvertAll(row => row with { IsAmbiguous = true }));
            return e.InnerException;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            var kind = dialect.Classify(e);
            // Where the two collide the one ends for the other, or is made to begin anew.
            if (kind is ErrorKind.Locked or ErrorKind.Retry) Volatile.Write(ref lockMetAt, time.GetTimestamp());
            // Where the database has refused it, it was not written. Else that is not known.
            HandBack(kind switch
            {
                ErrorKind.Locked => rows.ConvertAll(row => row with { HasMetLock = true }),
                ErrorKind.Data or ErrorKind.Schema => rows,
                ErrorKind.Retry when !dialect.IsAmbiguous(e) => rows,
                _ => rows.ConvertAll(row => row with { IsAmbiguous = true }),
            });
            return e;
        }
        try
        {
            await TakeInAsync(rows, settled, skippedLocked: false, stopping);
            return null;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Rows of which it could not be read what has become of them wait in the queue again.
            return e;
        }
    }

    private void HandBack(IEnumerable<Pending> rows)
    {
        lock (gate) handed.AddRange(rows);
        Posted.Set();
    }

    /// <summary>Takes what was handed back: those that have waited for a lock already, and the others.</summary>
    private (List<Pending> Locked, List<Pending> Others) TakeHanded()
    {
        lock (gate)
        {
            var all = (handed.FindAll(row => row.HasMetLock), handed.FindAll(row => !row.HasMetLock));
            handed.Clear();
            return all;
        }
    }
}
