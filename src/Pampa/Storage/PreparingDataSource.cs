using System.Data.Common;
using System.Globalization;
using Npgsql;

namespace Pampa.Storage;

/// <summary>
/// Connections on which statements that come again are parsed and planned once: Pampa's own are few and the same for ever. A
/// prepared statement lives in one server process, so it is done only where each connection is seen to lead to one of its own.
/// Behind a pooler that gives every transaction another one, all goes on unprepared.
/// </summary>
internal sealed class PreparingDataSource : DbDataSource
{
    private readonly NpgsqlDataSource prepared;
    private readonly NpgsqlDataSource plain;
    private readonly NpgsqlDataSource? kept;
    private volatile bool isPooled;

    /// <param name="prepared">Prepares; not built yet, so that its connections can be looked at.</param>
    /// <param name="plain">The same without.</param>
    /// <param name="kept">Prepares, and closes what is given back; null: nobody keeps one.</param>
    public PreparingDataSource(NpgsqlDataSourceBuilder prepared, NpgsqlDataSource plain, NpgsqlDataSourceBuilder? kept = null)
    {
        this.plain = plain;
        this.prepared = Checked(prepared);
        this.kept = kept is null ? null : Checked(kept);
    }

    private static NpgsqlDataSource Checked(NpgsqlDataSourceBuilder builder) => builder.UsePhysicalConnectionInitializer(
        connection =>
        {
            using var command = Ask(connection);
            Check(connection, command.ExecuteScalar());
        },
        async connection =>
        {
            await using var command = Ask(connection);
            Check(connection, await command.ExecuteScalarAsync());
        }).Build();

    /// <summary>Whether one of its connections may be kept.</summary>
    public bool Keeps => kept is not null;

    /// <summary>Opens the one that is kept: it is in no pool, and ends where it is given back. Null: none leads to one server process for good.</summary>
    public async Task<DbConnection?> OpenKeptAsync(CancellationToken stopping)
    {
        try
        {
            if (!isPooled && kept is not null) return await kept.OpenConnectionAsync(stopping);
        }
        catch (Exception e) when (IsOfPooler(e))
        {
            isPooled = true;
        }
        return null;
    }

    public override string ConnectionString => plain.ConnectionString;

    /// <summary>Whether a pooler was seen between here and the server.</summary>
    public bool IsPooled => isPooled;

    /// <summary>Closes the connections that are not in use, and the others when they are given back.</summary>
    public void Forget()
    {
        prepared.Clear();
        plain.Clear();
    }

    // Where there are several servers the driver tries them all, and tells of them together.
    private static bool IsOfPooler(Exception? error) => error switch
    {
        null => false,
        PooledException => true,
        AggregateException several => several.InnerExceptions.Any(IsOfPooler),
        _ => IsOfPooler(error.InnerException),
    };

    private static NpgsqlCommand Ask(NpgsqlConnection connection) => new("SELECT pg_backend_pid()", connection);

    // A server tells its process when the connection begins; a pooler has to make one up, for it has none yet.
    private static void Check(NpgsqlConnection connection, object? answer)
    {
        // CockroachDB tells it with 64 bits of which 32 matter, or tells none when the connection begins.
        var process = answer is int or long ? unchecked((int)Convert.ToInt64(answer, CultureInfo.InvariantCulture)) : 0;
        if (process == 0 || process != connection.ProcessID) throw new PooledException();
    }

    protected override DbConnection CreateDbConnection() => plain.CreateConnection();

    protected override DbConnection OpenDbConnection()
    {
        try
        {
            if (!isPooled) return prepared.OpenConnection();
        }
        catch (Exception e) when (IsOfPooler(e))
        {
            isPooled = true;
        }
        return plain.OpenConnection();
    }

    protected override async ValueTask<DbConnection> OpenDbConnectionAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            if (!isPooled) return await prepared.OpenConnectionAsync(cancellationToken);
        }
        catch (Exception e) when (IsOfPooler(e))
        {
            isPooled = true;
        }
        return await plain.OpenConnectionAsync(cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            prepared.Dispose();
            kept?.Dispose();
            plain.Dispose();
        }
        base.Dispose(disposing);
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        await prepared.DisposeAsync();
        if (kept is not null) await kept.DisposeAsync();
        await plain.DisposeAsync();
        await base.DisposeAsyncCore();
    }

    private sealed class PooledException : Exception;
}
