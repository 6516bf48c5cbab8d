using System.Data.Common;

namespace Pampa;

/// <summary>What code that names the records to do next has; see <see cref="JobBuilder.Select(Func{SelectContext, IEnumerable{string}})"/>.</summary>
public sealed class SelectContext
{
    internal SelectContext(string job, int max, DbDataSource database)
    {
        Job = job;
        Max = max;
        Database = database;
    }

    /// <summary>The job's name.</summary>
    public string Job { get; }

    /// <summary>
    /// How many records are wanted: as many as workers have room for, or more, up to 10,000, where what is held or waits for its time was named
    /// first. More keys do no harm: the first of them that can be
    /// reserved are taken, and the rest is forgotten.
    /// </summary>
    public int Max { get; }

    /// <summary>
    /// The database of the job, for the code's own statements. Its connections are apart from those that Pampa uses
    /// itself.
    /// </summary>
    public DbDataSource Database { get; }
}
