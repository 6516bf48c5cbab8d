using System.Data.Common;

namespace Pampa.Storage;

internal sealed partial class Database
{
    /// <summary>One transaction's statements.</summary>
    internal sealed class Unit(Database database, DbConnection connection, DbTransaction transaction, CancellationToken stopping, string? limits = null)
        : IReader
    {
        // They travel with the first statement.
        private string? limits = limits;

        public bool IsRolledBack { get; private set; }

        /// <summary>Gives up.</summary>
        public CancellationToken Stopping => stopping;

        /// <summary>Nothing of the unit shall stay.</summary>
        public void RollBack() => IsRolledBack = true;

        public Task<List<T>> QueryAsync<T>(Statement statement, Func<DbDataReader, T> map) => QueryAsync(statement, map, stopping);

        public Task<List<T>> QueryAsync<T>(Statement statement, Func<DbDataReader, T> map, CancellationToken stopping) =>
            database.ReadAsync(connection, transaction, statement, (reader, token) => RowsAsync(reader, map, token), Deadline, stopping, TakeLimits());

        /// <summary>Runs a statement and lets its answer be read as it comes.</summary>
        public Task<T> ReadAsync<T>(Statement statement, Func<DbDataReader, CancellationToken, Task<T>> read) =>
            database.ReadAsync(connection, transaction, statement, read, Deadline, stopping, TakeLimits());

        public Task<int> ExecuteAsync(Statement statement, TimeSpan? deadline = null) =>
            database.ReadAsync(connection, transaction, statement, CountAsync, deadline ?? Deadline, stopping, TakeLimits());

        private string? TakeLimits()
        {
            var taken = limits;
            limits = null;
            return taken;
        }
    }
}
