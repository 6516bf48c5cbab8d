using System.Data.Common;

namespace Pampa;

/// <summary>What code that counts a job's records has; see <see cref="JobBuilder.Report(Func{ReportContext, CancellationToken, Task{Report}})"/>.</summary>
public sealed class ReportContext
{
    private readonly Func<CancellationToken, Task<Report>> countAsync;

    internal ReportContext(string job, bool isExact, DbDataSource database, Func<CancellationToken, Task<Report>> countAsync)
    {
        Job = job;
        IsExact = isExact;
        Database = database;
        this.countAsync = countAsync;
    }

    /// <summary>The job's name.</summary>
    public string Job { get; }

    /// <summary>
    /// Whether every record shall be counted, however long that takes. False: the answer is wanted soon, and may mean "at least"
    /// (<see cref="Report.IsExact"/>).
    /// </summary>
    public bool IsExact { get; }

    /// <summary>
    /// The database of the job, for the code's own statements. Its connections are apart from those that Pampa uses
    /// itself.
    /// </summary>
    public DbDataSource Database { get; }

    /// <summary>Counts the records as Pampa does without such code: to begin with these numbers and change some of them.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Report> CountAsync(CancellationToken cancellationToken = default) => countAsync(cancellationToken);
}
