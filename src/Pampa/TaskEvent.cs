using System.Data.Common;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <summary>How an attempt has ended, as <see cref="JobBuilder.OnFinished(Func{TaskEvent, Sql})"/> is told.</summary>
public enum TaskOutcome
{
    /// <summary>The task is done.</summary>
    Completed,

    /// <summary>The attempt has failed; there will be another one.</summary>
    Again,

    /// <summary>The task has failed for good.</summary>
    Failed,

    /// <summary>The handler has put the task off (<see cref="SnoozeException"/>); the attempt does not count.</summary>
    Snoozed,

    /// <summary>The attempt was broken off without a fault of the task, by a stop of the program, say; it does not count.</summary>
    GivenBack,
}

/// <summary>
/// What a hook of a job is told: a task starts, an attempt has ended, a record is to run again. The record's columns are as they are
/// then; after a completion they have what the handler has set.
/// </summary>
public sealed class TaskEvent
{
    private readonly JobTable table;
    private readonly TaskKey key;

    internal TaskEvent(JobTable table, TaskKey key)
    {
        this.table = table;
        this.key = key;
    }

    /// <summary>The job's name.</summary>
    public string Job => table.Job.Name;

    /// <summary>The record's key as text; several key columns are separated by commas.</summary>
    public string Key => table.Dialect.Display(key);

    /// <summary>The worker that runs the task or has run it; null where the record is nobody's.</summary>
    public string? Worker { get; internal init; }

    /// <summary>The number of the attempt, 1 for the first; 0 for a record that is to run again.</summary>
    public int Attempt { get; internal init; }

    /// <summary>How the attempt has ended; null where none has.</summary>
    public TaskOutcome? Outcome { get; internal init; }

    /// <summary>The error text, as it stands in the record; null where the attempt has not failed.</summary>
    public string? Error { get; internal init; }

    /// <summary>
    /// The database of the job, for statements of the hook's own. What they write is no part of the transaction in which the record was
    /// changed; the statements that <c>OnStarting</c>, <c>OnFinished</c> and <c>OnRelaunched</c> take are.
    /// </summary>
    /// <exception cref="InvalidOperationException">Asked for by a function that is to return a statement.</exception>
    public DbDataSource Database => Source ?? throw new InvalidOperationException(
        $"Job '{Job}': a hook that returns a statement writes through that statement only; give the hook code that returns none for anything else.");

    /// <summary>Cancelled when the hook must end: after a minute, or with the attempt that it is told of.</summary>
    public CancellationToken CancellationToken { get; internal set; }

    /// <summary>A column of the record by name, without regard to case; its value is the database driver's, or null.</summary>
    /// <param name="column">Any column of the table but the job's own state columns.</param>
    /// <exception cref="ArgumentException">There is no such column.</exception>
    public object? this[string column] => Values.Read(table.RecordColumn(column));

    /// <summary>A column of the record as a .NET type; numbers, texts, times, enums and nullable types are converted.</summary>
    /// <typeparam name="T">The type wanted. NULL needs a nullable one.</typeparam>
    /// <param name="column">The column's name, without regard to case.</param>
    /// <exception cref="ArgumentException">There is no such column.</exception>
    /// <exception cref="InvalidCastException">The value does not convert; the text names column and types.</exception>
    public T Get<T>(string column)
    {
        var index = table.RecordColumn(column);
        return (T)Values.Convert(index, Values.Read(index), typeof(T))!;
    }

    internal TaskKey RecordKey => key;

    /// <summary>The record's columns; null while nobody has read them.</summary>
    internal RecordValues? Record { get; set; }

    internal DbDataSource? Source { get; set; }

    private RecordValues Values => Record ?? throw new InvalidOperationException($"Job '{Job}': record {Key} is not there any more, so that its columns cannot be read.");
}
