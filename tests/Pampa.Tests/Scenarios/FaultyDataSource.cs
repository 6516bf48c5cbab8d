using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Pampa.Tests.Scenarios;

/// <summary>
/// What lies between a process and its database: whatever passes, passes here, may be held up, and is lost where a method throws.
/// </summary>
internal abstract class Wire
{
    /// <summary>A connection is opened: nothing has been sent yet.</summary>
    public abstract Task OpeningAsync();

    public abstract void Sending(string text, DbParameterCollection parameters);

    public abstract void Committing();

    /// <summary>A statement of its own, or a whole transaction, has taken effect; its answer is on its way.</summary>
    public abstract void Done();

    /// <summary>The answer is there, and the caller is about to get it.</summary>
    public abstract Task ClosingAsync();
}

/// <summary>A data source that has the faults of a network.</summary>
internal sealed class FaultyDataSource(DbDataSource inner, Faults faults) : DbDataSource
{
    public override string ConnectionString => inner.ConnectionString;

    protected override DbConnection CreateDbConnection() => new FaultyConnection(inner.CreateConnection(), faults);
}

internal sealed class FaultyConnection(DbConnection inner, Faults faults) : DbConnection
{
    [AllowNull]
    public override string ConnectionString
    {
        get => inner.ConnectionString;
        set => inner.ConnectionString = value;
    }

    public override string Database => inner.Database;

    public override string DataSource => inner.DataSource;

    public override string ServerVersion => inner.ServerVersion;

    // One over which something went wrong is of no use any more, as with a real network.
    public override ConnectionState State => IsBroken ? ConnectionState.Broken : inner.State;

    private bool IsBroken { get; set; }

    public override bool CanCreateBatch => inner.CanCreateBatch;

    public override void Open()
    {
        faults.Before("");
        inner.Open();
    }

    public override async Task OpenAsync(CancellationToken cancellationToken)
    {
        if (faults.Wire is { } wire) await wire.OpeningAsync();
        faults.Before("");
        await inner.OpenAsync(cancellationToken);
    }

    public override void Close() => inner.Close();

    public override Task CloseAsync() => inner.CloseAsync();

    public override void ChangeDatabase(string databaseName) => inner.ChangeDatabase(databaseName);

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) =>
        new FaultyTransaction(inner.BeginTransaction(isolationLevel), this, faults);

    protected override async ValueTask<DbTransaction> BeginDbTransactionAsync(IsolationLevel isolationLevel, CancellationToken cancellationToken) =>
        new FaultyTransaction(await inner.BeginTransactionAsync(isolationLevel, cancellationToken), this, faults);

    protected override DbCommand CreateDbCommand() => new FaultyCommand(inner.CreateCommand(), this, faults);

    protected override DbBatch CreateDbBatch() => new FaultyBatch(inner.CreateBatch(), this, faults);

    /// <summary>A statement is about to be sent, and may not arrive.</summary>
    public void Send(string text, DbParameterCollection? parameters)
    {
        try
        {
            faults.Before(text, parameters);
        }
        catch (DbException e) when (faults.IsOutage(e))
        {
            IsBroken = true;
            throw;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (faults.Wire is { } wire) await wire.ClosingAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>The answer to a statement within a transaction that is lost is the answer to its commit.</summary>
internal sealed class FaultyTransaction(DbTransaction inner, DbConnection connection, Faults faults) : DbTransaction
{
    private readonly List<string> texts = [];

    public DbTransaction Inner => inner;

    public override IsolationLevel IsolationLevel => inner.IsolationLevel;

    protected override DbConnection? DbConnection => inner.Connection is null ? null : connection;

    public void Note(string text) => texts.Add(text);

    // Whose, for those who plan that it does not arrive.
    private string CommitText => texts.Exists(t => t.Contains(TestProcess.Finish, StringComparison.Ordinal)) ? TestProcess.Commit : "COMMIT";

    public override void Commit()
    {
        faults.Wire?.Committing();
        faults.Before(CommitText);
        inner.Commit();
        faults.Wire?.Done();
        foreach (var text in texts) faults.After(text);
    }

    public override async Task CommitAsync(CancellationToken cancellationToken = default)
    {
        faults.Wire?.Committing();
        faults.Before(CommitText);
        await inner.CommitAsync(cancellationToken);
        faults.Wire?.Done();
        foreach (var text in texts) faults.After(text);
    }

    public override void Rollback() => inner.Rollback();

    public override Task RollbackAsync(CancellationToken cancellationToken = default) => inner.RollbackAsync(cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}

internal sealed class FaultyCommand(DbCommand inner, FaultyConnection connection, Faults faults) : DbCommand
{
    private FaultyTransaction? transaction;

    [AllowNull]
    public override string CommandText
    {
        get => inner.CommandText;
        set => inner.CommandText = value;
    }

    public override int CommandTimeout
    {
        get => inner.CommandTimeout;
        set => inner.CommandTimeout = value;
    }

    public override CommandType CommandType
    {
        get => inner.CommandType;
        set => inner.CommandType = value;
    }

    public override bool DesignTimeVisible { get; set; }

    public override UpdateRowSource UpdatedRowSource
    {
        get => inner.UpdatedRowSource;
        set => inner.UpdatedRowSource = value;
    }

    protected override DbConnection? DbConnection { get; set; } = connection;

    protected override DbParameterCollection DbParameterCollection => inner.Parameters;

    protected override DbTransaction? DbTransaction
    {
        get => transaction;
        set
        {
            transaction = (FaultyTransaction?)value;
            inner.Transaction = transaction?.Inner;
        }
    }

    public override void Cancel() => inner.Cancel();

    public override void Prepare() => inner.Prepare();

    protected override DbParameter CreateDbParameter() => inner.CreateParameter();

    public override int ExecuteNonQuery() => Run(() => inner.ExecuteNonQuery());

    public override object? ExecuteScalar() => Run(() => inner.ExecuteScalar());

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior)
    {
        connection.Send(CommandText, inner.Parameters);
        var reader = inner.ExecuteReader(behavior);
        Answer.Lose(reader, () => End(CommandText));
        return reader;
    }

    protected override async Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken)
    {
        connection.Send(CommandText, inner.Parameters);
        await faults.Delayed(CommandText).WaitAsync(cancellationToken);
        var reader = await inner.ExecuteReaderAsync(behavior, cancellationToken);
        await Answer.LoseAsync(reader, () => End(CommandText));
        return reader;
    }

    private T Run<T>(Func<T> run)
    {
        connection.Send(CommandText, inner.Parameters);
        var result = run();
        End(CommandText);
        return result;
    }

    private void End(string text)
    {
        if (transaction is not null)
        {
            transaction.Note(text);
            return;
        }
        faults.Wire?.Done();
        faults.After(text);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}

internal sealed class FaultyBatch(DbBatch inner, FaultyConnection connection, Faults faults) : DbBatch
{
    private FaultyTransaction? transaction;

    protected override DbBatchCommandCollection DbBatchCommands => inner.BatchCommands;

    public override int Timeout
    {
        get => inner.Timeout;
        set => inner.Timeout = value;
    }

    protected override DbConnection? DbConnection { get; set; }

    protected override DbTransaction? DbTransaction
    {
        get => transaction;
        set => inner.Transaction = (transaction = (FaultyTransaction?)value)?.Inner;
    }

    private string Text => string.Join(";\n", inner.BatchCommands.Select(c => c.CommandText));

    public override void Cancel() => inner.Cancel();

    public override void Prepare() => inner.Prepare();

    public override Task PrepareAsync(CancellationToken cancellationToken = default) => inner.PrepareAsync(cancellationToken);

    protected override DbBatchCommand CreateDbBatchCommand() => inner.CreateBatchCommand();

    public override int ExecuteNonQuery() => throw new NotSupportedException();

    public override Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public override object? ExecuteScalar() => throw new NotSupportedException();

    public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => throw new NotSupportedException();

    protected override async Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken)
    {
        connection.Send(Text, null);
        await faults.Delayed(Text).WaitAsync(cancellationToken);
        var reader = await inner.ExecuteReaderAsync(behavior, cancellationToken);
        await Answer.LoseAsync(reader, () =>
        {
            if (transaction is null) faults.After(Text);
            else transaction.Note(Text);
        });
        return reader;
    }

    public override void Dispose()
    {
        inner.Dispose();
        base.Dispose();
    }
}

internal static class Answer
{
    /// <summary>Where the answer is to be lost, the statement is first run to its very end: it has taken effect.</summary>
    public static async Task LoseAsync(DbDataReader reader, Action end)
    {
        try
        {
            end();
        }
        catch
        {
            do
            {
                while (await reader.ReadAsync())
                {
                }
            }
            while (await reader.NextResultAsync());
            await reader.DisposeAsync();
            throw;
        }
    }

    public static void Lose(DbDataReader reader, Action end)
    {
        try
        {
            end();
        }
        catch
        {
            do
            {
                while (reader.Read())
                {
                }
            }
            while (reader.NextResult());
            reader.Dispose();
            throw;
        }
    }
}
