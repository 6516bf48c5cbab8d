using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Pampa.Storage;

/// <summary>
/// Connections to a SQLite file, each set up for several writers: WAL (kept in the file), a busy time-out, and a
/// synchronous mode that loses nothing when the process dies. They are for Pampa and for handlers alike.
/// </summary>
internal sealed class SqliteDataSource(string connectionString) : DbDataSource
{
    /// <summary>Runs on each connection that is opened; tests add a function for the clock here.</summary>
    public Action<SqliteConnection>? Opened { get; init; }

    public override string ConnectionString => connectionString;

    protected override DbConnection CreateDbConnection()
    {
        var connection = new SqliteConnection(connectionString);
        connection.StateChange += (_, change) =>
        {
            if (change.CurrentState != System.Data.ConnectionState.Open) return;
            using var setup = connection.CreateCommand();
            setup.CommandText = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";
            setup.ExecuteNonQuery();
            Opened?.Invoke(connection);
        };
        return connection;
    }
}
