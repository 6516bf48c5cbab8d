using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Pampa.Hosting;
using Pampa.Jobs;

namespace Pampa;

/// <content>Handlers that take many tasks with one call.</content>
public sealed partial class JobBuilder
{
    /// <summary>
    /// How long a worker lets a batch of <c>ProcessBatch</c> fill that has less than its size, from its first record on; it serves other
    /// jobs meanwhile. 0 to 30 s; default 0: a batch is what there is.
    /// </summary>
    public TimeSpan MaxBatchWait { get; set; }

    /// <summary>
    /// The code that runs for up to <paramref name="size"/> tasks at once. Each is an attempt of its own, with an outcome of its own: <see
    /// cref="BatchTask.Complete"/>, <see cref="BatchTask.Fail(string, bool)"/>, <see cref="BatchTask.Snooze(TimeSpan)"/>; those of which it
    /// says nothing are completed when it returns. What it throws is not taken to be the fault of all: it is called again with the
    /// halves of those of which nothing was said, until the task at fault is alone, and only that one's attempt fails. So it may see a
    /// task several times within one attempt. <see cref="MaxDuration"/> is for all of that together. A thrown <see
    /// cref="SnoozeException"/> puts off all of which nothing was said. A task that was tried before comes alone, whatever the size.
    /// </summary>
    /// <param name="size">How many tasks at most: from 1 to <see cref="MaxQueueSize"/>. More than 1 needs <see cref="MaxAttempts"/> of 2 or more.</param>
    /// <param name="handler">Gets the tasks in the job's order, and a token that is cancelled when the attempts must end. It may block.</param>
    [OverloadResolutionPriority(0)]
    public void ProcessBatch(int size, Action<IReadOnlyList<BatchTask>, CancellationToken> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseBatch(size, (tasks, cancellationToken) =>
        {
            handler(tasks, cancellationToken);
            return default;
        });
    }

    /// <inheritdoc cref="ProcessBatch(int, Action{IReadOnlyList{BatchTask}, CancellationToken})"/>
    [OverloadResolutionPriority(2)]
    public void ProcessBatch(int size, Func<IReadOnlyList<BatchTask>, CancellationToken, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseBatch(size, (tasks, cancellationToken) => new ValueTask(handler(tasks, cancellationToken)));
    }

    /// <inheritdoc cref="ProcessBatch(int, Action{IReadOnlyList{BatchTask}, CancellationToken})"/>
    [OverloadResolutionPriority(1)]
    public void ProcessBatch(int size, Func<IReadOnlyList<BatchTask>, CancellationToken, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseBatch(size, handler);
    }

    /// <summary>
    /// As <see cref="ProcessBatch(int, Action{IReadOnlyList{BatchTask}, CancellationToken})"/>, with each record as an object, <see
    /// cref="BatchTask{TRow}.Row"/>: properties that it changes are written together with the completion. A record that does not fit
    /// the row type fails by itself, before the handler is called.
    /// </summary>
    /// <typeparam name="TRow">A class or record with a public constructor.</typeparam>
    /// <param name="size">How many tasks at most: from 1 to <see cref="MaxQueueSize"/>. More than 1 needs <see cref="MaxAttempts"/> of 2 or more.</param>
    /// <param name="handler">Gets the tasks in the job's order, and a token that is cancelled when the attempts must end. It may block.</param>
    [OverloadResolutionPriority(0)]
    public void ProcessBatch<[DynamicallyAccessedMembers(RowMembers)] TRow>(int size, Action<IReadOnlyList<BatchTask<TRow>>, CancellationToken> handler)
        where TRow : notnull
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseBatch<TRow>(size, (tasks, cancellationToken) =>
        {
            handler(tasks, cancellationToken);
            return default;
        });
    }

    /// <inheritdoc cref="ProcessBatch{TRow}(int, Action{IReadOnlyList{BatchTask{TRow}}, CancellationToken})"/>
    [OverloadResolutionPriority(2)]
    public void ProcessBatch<[DynamicallyAccessedMembers(RowMembers)] TRow>(int size, Func<IReadOnlyList<BatchTask<TRow>>, CancellationToken, Task> handler)
        where TRow : notnull
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseBatch<TRow>(size, (tasks, cancellationToken) => new ValueTask(handler(tasks, cancellationToken)));
    }

    /// <inheritdoc cref="ProcessBatch{TRow}(int, Action{IReadOnlyList{BatchTask{TRow}}, CancellationToken})"/>
    [OverloadResolutionPriority(1)]
    public void ProcessBatch<[DynamicallyAccessedMembers(RowMembers)] TRow>(
        int size, Func<IReadOnlyList<BatchTask<TRow>>, CancellationToken, ValueTask> handler) where TRow : notnull
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseBatch(size, handler);
    }

    /// <summary>
    /// The class that processes the batches, made by dependency injection with a scope for each call, as with <see cref="Process{TJob,
    /// TRow}"/>.
    /// </summary>
    /// <typeparam name="TJob">The class.</typeparam>
    /// <typeparam name="TRow">The type that records are mapped to.</typeparam>
    /// <param name="size">How many tasks at most: from 1 to <see cref="MaxQueueSize"/>. More than 1 needs <see cref="MaxAttempts"/> of 2 or more.</param>
    public void ProcessBatch<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TJob,
        [DynamicallyAccessedMembers(RowMembers)] TRow>(int size)
        where TJob : class, IBatchJob<TRow> where TRow : notnull
    {
        if (Made<TJob>($"{nameof(ProcessBatch)}<{typeof(TJob).Name}, {typeof(TRow).Name}>()", nameof(ProcessBatch)) is not { } made) return;
        UseBatch<TRow>(size, (tasks, cancellationToken) => made.UseAsync(job => job.ProcessAsync(tasks, cancellationToken)));
    }

    /// <summary>How the class of a job is made; null, with an error, where there is nothing to make it with.</summary>
    private ScopedJob<TJob>? Made<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TJob>(string what, string otherwise)
        where TJob : class
    {
        if (Services is null)
        {
            errors.Add($"{what} makes its class by dependency injection, which this program has none of. Add the jobs with builder.Services.AddPampa(…), or give {otherwise} a function");
            return null;
        }
        var made = new ScopedJob<TJob>(Services);
        if (made.WhyNot() is { } why) errors.Add(why);
        return made;
    }

    // So that one is in hand while the other runs.
    private int TwoBatches => (int)Math.Min(2L * (handler?.Batch?.Size ?? 0), Limits.ReserveRows);

    private void UseBatch(int size, Func<IReadOnlyList<BatchTask>, CancellationToken, ValueTask> run) =>
        Use(new TaskHandler(null, _ => default) { Batch = new BatchHandler(size, task => new BatchTask(task), run) });

    private void UseBatch<[DynamicallyAccessedMembers(RowMembers)] TRow>(
        int size, Func<IReadOnlyList<BatchTask<TRow>>, CancellationToken, ValueTask> run) where TRow : notnull
    {
        var type = RowType.Of<TRow>(errors);
        Use(new TaskHandler(type, _ => default)
        {
            Batch = new BatchHandler(size, task => new BatchTask<TRow>(task, type!),
                (tasks, cancellationToken) => run(Array.ConvertAll(tasks, task => (BatchTask<TRow>)task), cancellationToken)),
        });
    }
}
