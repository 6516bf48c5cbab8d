using System.Data.Common;
using Microsoft.Extensions.Logging;

namespace Pampa;

/// <summary>One run of a stand-alone process, as its code sees it.</summary>
public sealed class StandAloneRun
{
    private readonly Func<string?> cancellationReason;

    internal StandAloneRun(string name, long number, ILogger log, DbDataSource? database, Func<string?> cancellationReason)
    {
        Name = name;
        Number = number;
        Log = log;
        Database = database;
        this.cancellationReason = cancellationReason;
    }

    /// <summary>The process's name.</summary>
    public string Name { get; }

    /// <summary>1 for the first run of this process, and so on; 0 at the start.</summary>
    public long Number { get; }

    /// <summary>
    /// When the run was due, by <see cref="StandAloneOptions.Schedule"/>; null without one, and for <c>--once</c>.
    /// </summary>
    public DateTimeOffset? ScheduledFor { get; internal init; }

    /// <summary>
    /// With <see cref="StandAloneOptions.SingleInstance"/>, a number that grows each time when a process takes the lease: a
    /// write that carries it can be refused where a later one has been seen. Else null.
    /// </summary>
    public long? Term { get; internal init; }

    /// <summary>
    /// Writes to the program's log. <c>Log.Step("loading the page")</c> logs a step, with how long it took.
    /// </summary>
    public ILogger Log { get; }

    /// <summary>The database, or null where none is configured.</summary>
    public DbDataSource? Database { get; }

    /// <summary>Why the token was cancelled, in words; null while it is not.</summary>
    public string? CancellationReason => cancellationReason();
}
