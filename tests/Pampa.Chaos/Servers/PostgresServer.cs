using Npgsql;
using Pampa.Servers;

namespace Pampa.Chaos.Servers;

/// <summary>
/// A private PostgreSQL that keeps what it acknowledges when its processes die: only the computer's own death would
/// lose it (fsync is off).
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private static readonly string[] Lines =
    [
        "fsync = off", "max_connections = 220", "shared_buffers = 64MB", "max_wal_size = 256MB", "wal_keep_size = 0",
        "autovacuum_naptime = 10s", "deadlock_timeout = 200ms", "log_line_prefix = '%m [%p] %a '",
    ];

    /// <summary>As whom the processes come.</summary>
    public const string Role = "chaos_app";

    private readonly PrivatePostgres server;

    private PostgresServer(PrivatePostgres server, bool hasOwnDisk) => (this.server, HasOwnDisk) = (server, hasOwnDisk);

    public string Settings => $"{server.Settings};SSL Mode=Disable";

    public int Port => server.Port;

    /// <summary>Whether the data has a disk of its own, which can be filled.</summary>
    public bool HasOwnDisk { get; }

    public string Folder => server.Folder;

    public static async Task<PostgresServer> StartAsync(string folder)
    {
        Directory.CreateDirectory(folder);
        var hasOwnDisk = Environment.IsPrivilegedProcess && await Tool.TryRunAsync("mount", "-t", "tmpfs", "-o", "size=1500m,mode=0777", "pampa-chaos", folder) == 0;
        try
        {
            var server = new PostgresServer(await PrivatePostgres.StartAsync(folder, Lines), hasOwnDisk);
            await using var source = NpgsqlDataSource.Create(server.Settings);
            await using var command = source.CreateCommand("CREATE DATABASE chaos");
            await command.ExecuteNonQueryAsync();
            return server;
        }
        catch
        {
            if (hasOwnDisk) await Shell.UnmountAsync(folder);
            throw;
        }
    }

    public Task StartAsync() => server.StartAgainAsync();

    /// <summary>As if all its processes were killed: it starts with a recovery.</summary>
    public Task StopAtOnceAsync() => server.StopAtOnceAsync();

    public Task<bool> IsRunningAsync() => server.IsRunningAsync();

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        if (HasOwnDisk) await Shell.UnmountAsync(Folder);
    }
}
