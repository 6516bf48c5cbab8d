using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;

namespace Pampa.Tests.Simulation;

/// <summary>
/// Hands out one connection to everybody. In one thread no two statements are under way at the same time, and nobody is held up within a
/// transaction, so one is enough; and it is much faster than to open one for each statement.
/// </summary>
internal sealed class SharedSource(SqliteConnection shared) : DbDataSource
{
    public override string ConnectionString => shared.ConnectionString;

    protected override DbConnection CreateDbConnection() => new Handle(shared);

    private sealed class Handle(SqliteConnection shared) : DbConnection
    {
        [AllowNull]
        public override string ConnectionString
        {
            get => shared.ConnectionString;
            set => throw new NotSupportedException();
        }

        public override string Database => shared.Database;

        public override string DataSource => shared.DataSource;

        public override string ServerVersion => shared.ServerVersion;

        public override ConnectionState State => shared.State;

        public override void Open()
        {
        }

        public override Task OpenAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override void Close()
        {
        }

        public override void ChangeDatabase(string databaseName) => throw new NotSupportedException();

        protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => shared.BeginTransaction(isolationLevel);

        protected override DbCommand CreateDbCommand() => shared.CreateCommand();
    }
}
