using System.Data.Common;

namespace Pampa;

/// <summary>
/// Whom code that allows workers their work is asked about; see <see cref="JobBuilder.Allow(Func{AllowContext, CancellationToken, Task{bool}})"/>.
/// </summary>
public sealed class AllowContext
{
    internal AllowContext(string job, string worker, string node, DbDataSource database)
    {
        Job = job;
        Worker = worker;
        Node = node;
        Database = database;
    }

    /// <summary>The job's name.</summary>
    public string Job { get; }

    /// <summary>The worker's id, for example <c>local.1</c>.</summary>
    public string Worker { get; }

    /// <summary>The name of its node, for example <c>local</c>.</summary>
    public string Node { get; }

    /// <summary>
    /// The database of the job, for the code's own statements. Its connections are apart from those that Pampa uses
    /// itself.
    /// </summary>
    public DbDataSource Database { get; }
}
