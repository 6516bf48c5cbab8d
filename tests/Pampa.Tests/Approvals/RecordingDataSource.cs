using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace Pampa.Tests.Approvals;

/// <summary>
/// A database that only listens: keeps the text of every statement and answers with the rows that it is told. Transactions, batches and
/// parameters are as the product uses them; nothing else works.
/// </summary>
internal sealed class RecordingDataSource(Func<string, object?[][]> answer) : DbDataSource
{
    public List<string> Texts { get; } = [];

    public override string ConnectionString => "";

    protected override DbConnection CreateDbConnection() => new Connection(this);

    // A batch's first result is that of the dialect's limits.
    private DataTableReader Run(string text, bool isBatch = false)
    {
        Texts.Add(text);
        var rows = answer(text);
        var table = new DataTable();
        for (var i = 0; i < rows.FirstOrDefault()?.Length; i++) table.Columns.Add($"c{i}", rows[0][i]?.GetType() ?? typeof(object));
        foreach (var row in rows) table.Rows.Add(row);
        return isBatch ? new DataTableReader([new DataTable(), table]) : table.CreateDataReader();
    }

    private sealed class Connection(RecordingDataSource source) : DbConnection
    {
        private ConnectionState state = ConnectionState.Closed;

        [AllowNull]
        public override string ConnectionString { get; set; } = "";

        public override string Database => "";

        public override string DataSource => "";

        public override string ServerVersion => "";

        public override ConnectionState State => state;

        public override bool CanCreateBatch => true;

        public override void Open() => state = ConnectionState.Open;

        public override void Close() => state = ConnectionState.Closed;

        public override void ChangeDatabase(string databaseName) => throw new NotSupportedException();

        protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => new Transaction(this);

        protected override DbCommand CreateDbCommand() => new Command(source);

        protected override DbBatch CreateDbBatch() => new Batch(source);
    }

    private sealed class Transaction(Connection connection) : DbTransaction
    {
        public override IsolationLevel IsolationLevel => IsolationLevel.Unspecified;

        protected override DbConnection DbConnection => connection;

        public override void Commit()
        {
        }

        public override void Rollback()
        {
        }
    }

    private sealed class Command(RecordingDataSource source) : DbCommand
    {
        // For its parameters, which need no connection.
        private readonly NpgsqlCommand inner = new();

        [AllowNull]
        public override string CommandText { get; set; } = "";

        public override int CommandTimeout { get; set; }

        public override CommandType CommandType { get; set; }

        public override bool DesignTimeVisible { get; set; }

        public override UpdateRowSource UpdatedRowSource { get; set; }

        protected override DbConnection? DbConnection { get; set; }

        protected override DbTransaction? DbTransaction { get; set; }

        protected override DbParameterCollection DbParameterCollection => inner.Parameters;

        protected override DbParameter CreateDbParameter() => inner.CreateParameter();

        protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => source.Run(CommandText);

        public override int ExecuteNonQuery()
        {
            source.Run(CommandText).Dispose();
            return -1;
        }

        public override object ExecuteScalar() => throw new NotSupportedException();

        public override void Prepare()
        {
        }

        public override void Cancel()
        {
        }

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed class Batch(RecordingDataSource source) : DbBatch
    {
        private readonly NpgsqlBatch inner = new();

        public override int Timeout { get; set; }

        protected override DbConnection? DbConnection { get; set; }

        protected override DbTransaction? DbTransaction { get; set; }

        protected override DbBatchCommandCollection DbBatchCommands => inner.BatchCommands;

        protected override DbBatchCommand CreateDbBatchCommand() => inner.CreateBatchCommand();

        protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => source.Run(inner.BatchCommands[^1].CommandText, isBatch: true);

        protected override Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) =>
            Task.FromResult(ExecuteDbDataReader(behavior));

        public override int ExecuteNonQuery() => throw new NotSupportedException();

        public override Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public override object ExecuteScalar() => throw new NotSupportedException();

        public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public override void Prepare()
        {
        }

        public override Task PrepareAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public override void Cancel()
        {
        }
    }
}
