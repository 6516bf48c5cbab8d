using Pampa.Servers;

namespace Pampa.Bench;

/// <summary>
/// A PostgreSQL of this run's own, from installed binaries, in a temporary folder on a free port; or another one, which
/// is left as it was.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    // Durable: fsync and synchronous_commit stay on, autovacuum too. Only sizes are set, so that no checkpoint falls
    // into one run and not into another.
    private static readonly string[] Sizes = ["shared_buffers = 1GB", "max_wal_size = 8GB", "checkpoint_timeout = 1h", "max_connections = 400"];

    private readonly PrivatePostgres? own;

    private PostgresServer(string settings, PrivatePostgres? own)
    {
        Settings = settings;
        this.own = own;
    }

    public string Settings { get; }

    public static PostgresServer Existing(string settings) => new(settings, null);

    public static async Task<PostgresServer> StartAsync()
    {
        if (!PrivatePostgres.IsInstalled) throw new InvalidOperationException($"{PrivatePostgres.Missing}, or use --postgres or --database sqlite.");
        var own = await PrivatePostgres.StartAsync(Directory.CreateTempSubdirectory("pampa-bench-").FullName, Sizes);
        return new PostgresServer(own.Settings, own);
    }

    public async ValueTask DisposeAsync()
    {
        if (own is null) return;
        await own.DisposeAsync();
        Directory.Delete(own.Folder, recursive: true);
    }
}
