using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Working;

namespace Pampa;

/// <summary>
/// One task as its handler sees it: the record's values as they were when the attempt started, and what the handler
/// sets. It belongs to one attempt and is not safe for use by several threads at once.
/// </summary>
public class PampaTask
{
    private readonly StartedTask started;
    private readonly JobTable table;
    private readonly RecordValues record;
    private readonly Func<string?> cancellationReason;
    private readonly ILogger shared;
    private TaskLog? log;
    private SortedList<int, object?>? changes;

    internal PampaTask(
        StartedTask started, ILogger log, DbDataSource database,
        Func<string?> cancellationReason, CancellationToken cancellationToken)
    {
        this.started = started;
        table = started.Table;
        record = new RecordValues(table, started.Fence.Key, started.Values);
        this.cancellationReason = cancellationReason;
        shared = log;
        Database = database;
        CancellationToken = cancellationToken;
    }

    /// <summary>The same attempt, seen as something more.</summary>
    private protected PampaTask(PampaTask origin)
        : this(origin.started, origin.shared, origin.Database, origin.cancellationReason, origin.CancellationToken)
    {
    }

    /// <summary>The attempt as START has begun it.</summary>
    internal StartedTask Started => started;

    /// <summary>The transaction that ends with the task's completion; null where the job has none.</summary>
    internal TaskTransaction? Transaction { get; init; }

    /// <summary>The job's name.</summary>
    public string Job => table.Job.Name;

    /// <summary>The id of the worker that runs the task, for example <c>local.1</c>.</summary>
    public string Worker => started.Fence.Worker;

    /// <summary>The number of this attempt, 1 for the first.</summary>
    public int Attempt => started.Fence.Attempt;

    /// <summary>The record's key as text; several key columns are separated by commas.</summary>
    public string Key => table.Dialect.Display(started.Fence.Key);

    /// <summary>
    /// A text that is the same for every attempt of this task and different for every other task: job, key and
    /// generation. Give it to a payment provider or any other outside system, so that a repeated call does nothing
    /// twice. The generation grows when a completed record is made pending again, in the column <see
    /// cref="TaskColumns.Generation"/>; without that column it is 0 for ever, so the text stays the same then, too.
    /// </summary>
    /// <exception cref="PermanentFailureException">
    /// The job runs ended records again and has no <see cref="TaskColumns.Generation"/>, so that the second run would have
    /// the text of the first and the outside system would do nothing. Left alone, it fails the task for good.
    /// </exception>
    public string IdempotencyKey
    {
        get
        {
            if (table.Job.Relaunching is not null && table.Generation is null)
                throw new PermanentFailureException(
                    $"Job '{Job}': IdempotencyKey must differ between the runs of a record that is relaunched, and there is no column to count them in. "
                    + "Name one, job.Columns = … with { Generation = \"…\" }, and let the verb 'migrate' add it; then 'retry' runs the failed records.");
            var parts = started.Fence.Key.Parts().Select(p => Uri.EscapeDataString(table.Dialect.Display(p)));
            return $"{Job}/{string.Join('/', parts)}/{started.Generation}";
        }
    }

    /// <summary>
    /// Cancelled when the attempt must end: the program stops, <see cref="JobBuilder.MaxDuration"/> is over, or the
    /// worker has lost its lease. <see cref="CancellationReason"/> tells which.
    /// </summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>Why <see cref="CancellationToken"/> was cancelled, in words; null while it is not.</summary>
    public string? CancellationReason => cancellationReason();

    /// <summary>
    /// Writes to the program's log; each entry says whose it is: worker, job and key. <c>Log.Step("loading the page")</c>
    /// logs a step, with how long it took. See also <see cref="JobBuilder.CaptureLog"/>.
    /// </summary>
    // Few tasks log anything.
    public ILogger Log => LazyInitializer.EnsureInitialized(ref log, () =>
        new TaskLog(shared, new TaskScope(Job, Key, Worker, Attempt), table.Job.CaptureLog));

    /// <summary>
    /// The database of the job, for a handler's own statements. Its connections are apart from those that Pampa uses
    /// itself.
    /// </summary>
    public DbDataSource Database { get; }

    /// <summary>
    /// A column of the record by name (without regard to case). Reading gives the database driver's value, or null;
    /// setting keeps the value until the handler has returned and writes it together with the completion.
    /// </summary>
    /// <param name="column">Any column of the table but the job's own state columns.</param>
    /// <exception cref="ArgumentException">There is no such column, or (setting) it is part of the key or
    /// generated.</exception>
    /// <exception cref="PermanentFailureException">The driver could not read the value.</exception>
    public object? this[string column]
    {
        get => Read(table.RecordColumn(column));
        set
        {
            CheckOpen();
            var index = table.WritableColumn(column);
            if (value is DBNull) value = null;
            (changes ??= new SortedList<int, object?>(1))[index] = value;
        }
    }

    /// <summary>
    /// A column of the record as a .NET type; numbers, texts, times, enums and nullable types are converted.
    /// </summary>
    /// <typeparam name="T">The type wanted. NULL needs a nullable one.</typeparam>
    /// <param name="column">The column's name, without regard to case.</param>
    /// <exception cref="InvalidCastException">The value does not convert; the text names column and types.</exception>
    public T Get<T>(string column) => (T)Convert(table.RecordColumn(column), typeof(T))!;

    /// <summary>Throws where nothing can be set any more.</summary>
    private protected virtual void CheckOpen()
    {
    }

    /// <summary>What the handler has set, ready to be written; null where it has set nothing.</summary>
    /// <exception cref="InvalidCastException">A value has a type that cannot be stored.</exception>
    internal virtual ColumnChanges? TakeChanges()
    {
        if (changes is null) return null;
        var (columns, values) = (new int[changes.Count], new string?[changes.Count]);
        for (var i = 0; i < values.Length; i++)
        {
            columns[i] = changes.GetKeyAtIndex(i);
            values[i] = table.Dialect.Encode(changes.GetValueAtIndex(i), table.RecordColumns[columns[i]]);
        }
        return new ColumnChanges(table, columns, values);
    }

    /// <summary>The last lines that the handler has logged, if its job keeps them; else empty.</summary>
    internal string KeptLog => log is { Kept: { Length: > 0 } kept } ? $"\nThe log's last lines:{kept}" : "";

    internal object ReadRow(RowType type)
    {
        var values = new object?[type.Properties.Count];
        for (var i = 0; i < values.Length; i++) values[i] = Convert(table.PropertyColumns[i], type.Properties[i].Type);
        return type.Create(values);
    }

    internal void WriteRow(RowType type, object?[] before, object? row)
    {
        if (row is null)
            throw new InvalidOperationException($"Job '{Job}': the handler returned null instead of a {type.Type.Name}.");
        for (var i = 0; i < before.Length; i++)
        {
            var after = type.Properties[i].Get(row);
            if (!RowType.Differ(before[i], after)) continue;
            this[table.RecordColumns[table.PropertyColumns[i]].Name] = after;
        }
    }

    /// <summary>The record's columns with what the handler has set.</summary>
    internal RecordValues Values => changes is null ? record : record.With(changes);

    private object? Read(int index) => changes is not null && changes.TryGetValue(index, out var changed) ? changed : record.Read(index);

    private object? Convert(int index, Type type) => record.Convert(index, Read(index), type);
}
