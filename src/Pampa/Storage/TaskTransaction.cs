using System.Data;
using System.Data.Common;

namespace Pampa.Storage;

/// <summary>
/// A transaction on a connection of the handlers', in which one task's handler writes and which its completion ends. Whatever
/// is not committed when it is disposed of is undone.
/// </summary>
internal sealed class TaskTransaction : IAsyncDisposable
{
    private readonly Dialect dialect;

    private TaskTransaction(Dialect dialect, DbConnection connection, DbTransaction transaction)
    {
        this.dialect = dialect;
        Connection = connection;
        Transaction = transaction;
    }

    /// <summary>Begins one on a connection of its own; see <see cref="Dialect.BeginAsync"/>.</summary>
    public static async Task<TaskTransaction> BeginAsync(Dialect dialect, DbDataSource source, bool isAlone, CancellationToken stopping)
    {
        var connection = await source.OpenConnectionAsync(stopping);
        try
        {
            return new TaskTransaction(dialect, connection, await dialect.BeginAsync(connection, isAlone, stopping));
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public DbConnection Connection { get; }

    public DbTransaction Transaction { get; }

    /// <summary>Whether the handler has left it as it got it, to be ended with the completion.</summary>
    public bool IsOpen => dialect.IsOpen(Transaction);

    /// <summary>Whether the connection still is one.</summary>
    public bool IsConnected => Connection.State == ConnectionState.Open;

    public Task CommitAsync() => Transaction.CommitAsync(CancellationToken.None);

    /// <summary>Undoes all of it, and lets its locks go.</summary>
    public async Task UndoAsync()
    {
        try
        {
            await Transaction.DisposeAsync();
        }
        catch (Exception e) when (e is DbException or InvalidOperationException)
        {
            // Nothing is left to be undone: the connection is gone, and the database undoes it by itself; or somebody has ended it.
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await UndoAsync();
        }
        finally
        {
            await Connection.DisposeAsync();
        }
    }
}
