using Pampa.Jobs;

namespace Pampa.Storage.Examination;

/// <summary>One look: on its own, so that what cannot be looked at hides nothing else.</summary>
/// <param name="What">What it looks at, for whoever is told that it cannot.</param>
/// <param name="LookAsync">Looks.</param>
internal sealed record Check(string What, Func<Database.Unit, Task<IEnumerable<Finding>>> LookAsync);

/// <summary>How the database would run the statement that picks records.</summary>
/// <param name="Lines">In its own words, with the settings that the statement really runs with.</param>
/// <param name="Scans">Whether it reads the whole table, with those settings.</param>
/// <param name="Sorts">Whether it sorts what it finds, with those settings.</param>
/// <param name="WouldScan">Whether it would read the whole table without those settings.</param>
internal sealed record PlanSummary(IReadOnlyList<string> Lines, bool Scans, bool Sorts, bool WouldScan);

/// <summary>What only one kind of database has to look at: its settings, its catalog, its plans, its locks.</summary>
internal abstract class Examiner
{
    /// <summary>Records from which on a table is no small one.</summary>
    public const int ManyRecords = 10_000;

    /// <summary>How long a transaction may be open before it is told of.</summary>
    public TimeSpan LongTransaction { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Looks at the server, or at the file.</summary>
    public abstract IEnumerable<Check> OfServer(string connectionString);

    /// <summary>Looks at the table of a job, beyond what <see cref="JobTable"/> knows of it.</summary>
    public abstract IEnumerable<Check> OfTable(JobTable job);

    /// <summary>Whether the table has an index of whatever name that holds open records only.</summary>
    public abstract Task<bool> HasIndexOfOpenAsync(Database.Unit unit, JobTable job);

    /// <summary>How the statement would be run.</summary>
    public abstract Task<PlanSummary> PlanAsync(Database.Unit unit, JobTable job, Statement pick);

    /// <summary>Whether it can be found out that somebody holds a lock on a record.</summary>
    public virtual bool SeesLocks => false;

    /// <summary>Who holds the lock on a record, for people; null where that cannot be told.</summary>
    public virtual Task<string?> LockHolderAsync(Database.Unit unit, JobTable job, TaskKey key) => Task.FromResult<string?>(null);

    /// <summary>The statement with another one before it, and its parameters.</summary>
    protected static Statement Before(string text, Statement statement)
    {
        var whole = new Statement($"{text} {statement.Text}");
        whole.Parameters.AddRange(statement.Parameters);
        return whole;
    }

    protected static Task<List<string>> TextsAsync(Database.Unit unit, Statement statement) => unit.QueryAsync(statement, row => row.GetString(0));

    /// <summary>A time for people, to the second. SQLite's days with a fraction are not exact: a hundredth of a second is none.</summary>
    public static string AgeOf(double seconds) =>
        TimeSpan.FromSeconds(Math.Ceiling(Math.Round(Math.Clamp(seconds, 0, Limits.LongestDelay.TotalSeconds), 2))).ToString("c");
}
