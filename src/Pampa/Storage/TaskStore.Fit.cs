using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>What is done when the table is not what it was when it was last looked at.</summary>
internal sealed partial class TaskStore
{
    /// <summary>
    /// Looks at the table anew. Says whether it is another one than <paramref name="before"/>; then it is used from now on. One that
    /// lacks what the job needs, or columns that handlers have named, is not.
    /// </summary>
    private async Task<bool> LookAgainAsync(JobTable before, CancellationToken stopping)
    {
        if (Table != before) return true;
        if (TableName.Parse(Job.Table) is not { } name || await database.Dialect.ReadTableAsync(database, name, stopping) is not { } table)
            return false;
        if (JobTable.Resolve(Job, database.Dialect, table, [], before.Use) is not { } now || !before.MayBeFollowedBy(now)) return false;
        Interlocked.CompareExchange(ref known, now, before);
        return true;
    }

    /// <summary>
    /// A statement of a step does not fit the table, or what the user has written does not. Where it is only that the table has changed
    /// (a column that nobody needs was dropped), the step goes on with the table as it is now; else the job is suspended.
    /// </summary>
    /// <param name="load">The job's.</param>
    /// <param name="step">The step.</param>
    /// <param name="before">The table as the statement took it to be.</param>
    /// <param name="error">What the database says.</param>
    /// <param name="stopping">Gives up.</param>
    public async Task SuspendAsync(JobLoad load, JobStep step, JobTable before, Exception error, CancellationToken stopping)
    {
        if (database.Dialect.Classify(error) == ErrorKind.Schema && await HasChangedAsync(load, before, stopping)) return;
        load.Suspend(step, error);
    }

    /// <summary>
    /// Whether the table is another one by now than it was taken to be, and is used as it is. False also where the database cannot tell.
    /// </summary>
    public async Task<bool> HasChangedAsync(JobLoad load, JobTable before, CancellationToken stopping)
    {
        try
        {
            if (Table != before) return true;
            if (!await LookAgainAsync(before, stopping)) return false;
            load.GoOnWithChangedTable();
            return true;
        }
        catch (Exception e) when (database.Dialect.Classify(e) != ErrorKind.Other)
        {
            // It is asked again by the next that does not fit.
            return false;
        }
    }
}
