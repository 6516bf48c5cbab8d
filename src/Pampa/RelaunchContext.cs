using System.Data.Common;

namespace Pampa;

/// <summary>What code that names the records to run again has; see <see cref="JobBuilder.Relaunch"/>.</summary>
public sealed class RelaunchContext
{
    internal RelaunchContext(string job, int max, DbDataSource database)
    {
        Job = job;
        Max = max;
        Database = database;
    }

    /// <summary>The job's name.</summary>
    public string Job { get; }

    /// <summary>How many keys are taken at most; what comes after them waits for the next call.</summary>
    public int Max { get; }

    /// <summary>
    /// The database of the job, for the code's own statements. Its connections are apart from those that Pampa uses
    /// itself.
    /// </summary>
    public DbDataSource Database { get; }
}
