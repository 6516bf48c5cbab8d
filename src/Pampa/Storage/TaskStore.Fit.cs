using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>What is done when the table is not what it was when it was last looked at.</summary>
internal sealed partial class TaskStore
{
    /// <summary>
    /// Looks at the table anew. Says whether it is another one than <paramref name="before"/>; then it is used from now on. One that
    /// lacks what the job needs, or columns that handlers have named, is not.
    /// </summary>
    public async Task<bool> LookAgainAsync(JobTable before, CancellationToken stopping)
    {
        if (Table != before) return true;
        if (TableName.Parse(Job.Table) is not { } name || await database.Dialect.ReadTableAsync(database, name, stopping) is not { } table)
            return false;
        if (JobTable.Resolve(Job, database.Dialect, table, []) is not { } now || !before.MayBeFollowedBy(now)) return false;
        Interlocked.CompareExchange(ref known, now, before);
        return true;
    }

    /// <summary>
    /// A statement of a step does not fit the table, or what the user has written does not. Where it is only that the table has changed
    /// (a column that nobody needs was dropped), the step goes on with the table as it is now; else the job is suspended.
    /// </summary>
    public async Task SuspendAsync(JobLoad load, JobStep step, Exception error, CancellationToken stopping)
    {
        if (database.Dialect.Classify(error) == ErrorKind.Schema && await CanGoOnAsync(stopping)) load.GoOnWithChangedTable();
        else load.Suspend(step, error);
    }

    private async Task<bool> CanGoOnAsync(CancellationToken stopping)
    {
        try
        {
            return await LookAgainAsync(Table, stopping);
        }
        catch (Exception e) when (database.Dialect.Classify(e) != ErrorKind.Other)
        {
            // The database cannot tell just now: the job rests and then tries again.
            return false;
        }
    }
}
