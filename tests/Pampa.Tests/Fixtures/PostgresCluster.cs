using System.Collections.Concurrent;
using Npgsql;
using Pampa.Servers;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

[assembly: AssemblyFixture(typeof(PostgresCluster))]

namespace Pampa.Tests.Fixtures;

/// <summary>
/// A private PostgreSQL that lives as long as the test run: started by the first test that asks for it, stopped and removed at the end.
/// PAMPA_TEST_DATABASE_URL names another server instead, which must let its user create databases.
/// </summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    private static readonly Lazy<Task<Server>> Started = new(StartAsync);

    /// <summary>A server, or the reason why there is none.</summary>
    internal sealed record Server(string ConnectionString, string? Missing, PrivatePostgres? Own)
    {
        /// <summary>What the tests made; a server that is not the run's own gets rid of them at the end.</summary>
        public ConcurrentBag<string> Databases { get; } = [];

        public async Task ExecuteAsync(string text)
        {
            await using var connection = new NpgsqlConnection(ConnectionString);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(text, connection);
            await command.ExecuteNonQueryAsync();
        }
    }

    internal static async Task<Server> GetAsync()
    {
        var server = await Started.Value;
        if (server.Missing is not null) Assert.Skip(server.Missing);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        if (!Started.IsValueCreated) return;
        var server = await Started.Value;
        if (server.Missing is not null) return;
        if (server.Own is not { } own)
        {
            foreach (var name in server.Databases) await server.ExecuteAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            return;
        }
        await own.DisposeAsync();
        Directory.Delete(own.Folder, recursive: true);
    }

    private static async Task<Server> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("PAMPA_TEST_DATABASE_URL") is { Length: > 0 } url)
            return new Server(DatabaseAddress.Parse(url).ConnectionString, null, null);
        if (!PrivatePostgres.IsInstalled) return new Server("", $"{PrivatePostgres.Missing}, or set PAMPA_TEST_DATABASE_URL.", null);
        var own = await PrivatePostgres.StartAsync(Directory.CreateTempSubdirectory("pampa-pg-").FullName,
            "fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200", "autovacuum = off",
            "shared_buffers = 256MB", "max_wal_size = 4GB", "max_prepared_transactions = 10");
        return new Server(own.Settings, null, own);
    }
}
