using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>Telling a lock on the table from one on a record.</summary>
internal sealed partial class TaskStore
{
    /// <summary>
    /// Whether a lock that a statement has met is one on the whole table, and no record's fault. It is noted, and so is that there is none.
    /// </summary>
    public async Task<bool> IsTableLockAsync(JobLoad load, CancellationToken stopping)
    {
        if (!database.Dialect.HasSingleWriter) return await IsLockedAsync(load, stopping);
        // It is the whole file's, and was waited for already.
        load.TableLock.Meet();
        return true;
    }

    /// <summary>
    /// Whether somebody has locked the whole table: then a statement that changes no record meets the lock as well. False also where the
    /// database cannot tell.
    /// </summary>
    public async Task<bool> IsLockedAsync(JobLoad load, CancellationToken stopping)
    {
        try
        {
            await ProbeFinishAsync(null, stopping);
        }
        catch (Exception e) when (database.Dialect.Classify(e) == ErrorKind.Locked)
        {
            load.TableLock.Meet();
            return true;
        }
        catch (Exception e) when (e is OperationCanceledException || database.Dialect.Classify(e) != ErrorKind.Other)
        {
            // What the caller does next meets it, too.
            return false;
        }
        load.TableLock.End();
        return false;
    }
}
