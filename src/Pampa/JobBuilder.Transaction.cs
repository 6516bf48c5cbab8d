using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Pampa;

/// <content>Handlers whose own writes are committed together with the completion.</content>
public sealed partial class JobBuilder
{
    /// <summary>
    /// The code that runs for each task, with a transaction of the job's database. What it writes there, the columns that it
    /// sets on the task and the completion are committed together or not at all: exactly once for each task, whatever happens
    /// to the process. What it throws undoes all of it. It may run several times for one attempt, where others get in its way
    /// (a serialization failure, a deadlock; on SQLite a write between its first read and its first write): only one commits.
    /// So calls to anything but this database need <see cref="PampaTask.IdempotencyKey"/>, as ever.
    /// </summary>
    /// <param name="handler">
    /// Gets the task, the open connection and its transaction: those of Npgsql on PostgreSQL and CockroachDB, of
    /// Microsoft.Data.Sqlite on SQLite. Commands must carry the transaction. It must neither commit, roll back nor close:
    /// such an attempt fails. It should be quick: locks that its statements take are kept until it has returned, on SQLite the
    /// one lock for writers of the whole file from its first write on.
    /// </param>
    [OverloadResolutionPriority(0)]
    public void ProcessInTransaction(Action<PampaTask, DbConnection, DbTransaction> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseTransaction((task, connection, transaction) =>
        {
            handler(task, connection, transaction);
            return default;
        });
    }

    /// <inheritdoc cref="ProcessInTransaction(Action{PampaTask, DbConnection, DbTransaction})"/>
    [OverloadResolutionPriority(2)]
    public void ProcessInTransaction(Func<PampaTask, DbConnection, DbTransaction, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseTransaction((task, connection, transaction) => new ValueTask(handler(task, connection, transaction)));
    }

    /// <inheritdoc cref="ProcessInTransaction(Action{PampaTask, DbConnection, DbTransaction})"/>
    [OverloadResolutionPriority(1)]
    public void ProcessInTransaction(Func<PampaTask, DbConnection, DbTransaction, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseTransaction(handler);
    }

    /// <summary>
    /// As <see cref="ProcessInTransaction(Action{PampaTask, DbConnection, DbTransaction})"/>, with the record as an object;
    /// properties of the returned row that differ from the record are written too, as with
    /// <see cref="Process{TRow}(Func{TRow, PampaTask, TRow})"/>.
    /// </summary>
    /// <typeparam name="TRow">A class or record with a public constructor.</typeparam>
    /// <param name="handler">Returns the changed row, or the same one.</param>
    [OverloadResolutionPriority(3)]
    public void ProcessInTransaction<[DynamicallyAccessedMembers(RowMembers)] TRow>(
        Func<TRow, PampaTask, DbConnection, DbTransaction, TRow> handler) where TRow : notnull
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseTransaction<TRow>((row, task, connection, transaction) => new ValueTask<TRow>(handler(row, task, connection, transaction)));
    }

    /// <inheritdoc cref="ProcessInTransaction{TRow}(Func{TRow, PampaTask, DbConnection, DbTransaction, TRow})"/>
    [OverloadResolutionPriority(5)]
    public void ProcessInTransaction<[DynamicallyAccessedMembers(RowMembers)] TRow>(
        Func<TRow, PampaTask, DbConnection, DbTransaction, Task<TRow>> handler) where TRow : notnull
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseTransaction<TRow>((row, task, connection, transaction) => new ValueTask<TRow>(handler(row, task, connection, transaction)));
    }

    /// <inheritdoc cref="ProcessInTransaction{TRow}(Func{TRow, PampaTask, DbConnection, DbTransaction, TRow})"/>
    [OverloadResolutionPriority(4)]
    public void ProcessInTransaction<[DynamicallyAccessedMembers(RowMembers)] TRow>(
        Func<TRow, PampaTask, DbConnection, DbTransaction, ValueTask<TRow>> handler) where TRow : notnull
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseTransaction(handler);
    }

    private void UseTransaction(Func<PampaTask, DbConnection, DbTransaction, ValueTask> handler) =>
        Use(null, task => handler(task, task.Transaction!.Connection, task.Transaction.Transaction), isTransactional: true);

    private void UseTransaction<[DynamicallyAccessedMembers(RowMembers)] TRow>(
        Func<TRow, PampaTask, DbConnection, DbTransaction, ValueTask<TRow>> handler) where TRow : notnull =>
        UseRow<TRow>((row, task) => handler(row, task, task.Transaction!.Connection, task.Transaction.Transaction), isTransactional: true);
}
