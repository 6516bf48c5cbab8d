using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Pampa.Chaos.Servers;

/// <summary>
/// A private PostgreSQL that keeps what it acknowledges when its processes die: only the computer's own death would
/// lose it (fsync is off).
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private readonly string bin;
    private readonly string folder;
    private readonly string? user;
    private readonly int port;

    private PostgresServer(string bin, string folder, int port)
    {
        (this.bin, this.folder, this.port) = (bin, folder, port);
        user = Environment.IsPrivilegedProcess ? "postgres" : null;
    }

    public string Settings => Invariant($"Host=127.0.0.1;Port={port};Username=postgres;SSL Mode=Disable");

    public int Port => port;

    private string Data => Path.Combine(folder, "data");

    /// <summary>Whether the data has a disk of its own, which can be filled.</summary>
    public bool HasOwnDisk { get; private set; }

    public string Folder => folder;

    public static async Task<PostgresServer> StartAsync(string folder)
    {
        var bin = Binaries() ?? throw new InvalidOperationException("No PostgreSQL server is installed (looked in /usr/lib/postgresql/*/bin and PATH): install postgresql.");
        Directory.CreateDirectory(folder);
        var server = new PostgresServer(bin, folder, FreePort());
        server.HasOwnDisk = Environment.IsPrivilegedProcess && await Shell.TryRunAsync("mount", "-t", "tmpfs", "-o", "size=1500m,mode=0777", "pampa-chaos", folder) == 0;
        if (server.user is not null) await Shell.RunAsync("chown", server.user, folder);
        await server.Async("initdb", "-D", server.Data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");
        await File.AppendAllTextAsync(Path.Combine(server.Data, "postgresql.conf"), Invariant($"""

            port = {server.port}
            unix_socket_directories = '{folder}'
            listen_addresses = '127.0.0.1'
            fsync = off
            max_connections = 220
            shared_buffers = 64MB
            max_wal_size = 256MB
            wal_keep_size = 0
            autovacuum_naptime = 10s
            deadlock_timeout = 200ms
            log_line_prefix = '%m [%p] %a '

            """));
        await server.StartAsync();
        await server.CheckIsOursAsync();
        await using var source = NpgsqlDataSource.Create($"{server.Settings};Database=postgres");
        await using var command = source.CreateCommand("CREATE DATABASE chaos");
        await command.ExecuteNonQueryAsync();
        return server;
    }

    public Task StartAsync() => Async("pg_ctl", "-D", Data, "-w", "-l", Path.Combine(folder, "log"), "start");

    /// <summary>As if all its processes were killed: it starts with a recovery.</summary>
    public Task StopAtOnceAsync() => Async("pg_ctl", "-D", Data, "-w", "-m", "immediate", "stop");

    public async Task<bool> IsRunningAsync() => await TryAsync("pg_ctl", "-D", Data, "status") == 0;

    private async Task Async(string program, params string[] arguments)
    {
        var code = await TryAsync(program, arguments);
        if (code != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {code}.");
    }

    // The server refuses to run as root; whoever is not root runs it as himself.
    private Task<int> TryAsync(string program, params string[] arguments) => user is null
        ? Shell.TryRunAsync(Path.Combine(bin, program), arguments)
        : Shell.TryRunAsync("runuser", ["-u", user, "--", Path.Combine(bin, program), .. arguments]);

    // A port that was free a moment ago may be another server's by now, and that one would answer.
    private async Task CheckIsOursAsync()
    {
        await using var source = NpgsqlDataSource.Create($"{Settings};Database=postgres");
        await using var command = source.CreateCommand("show data_directory");
        var found = (string?)await command.ExecuteScalarAsync();
        if (found != Data) throw new InvalidOperationException($"The server on the port serves {found}, not {Data}.");
    }

    private static string? Binaries()
    {
        var installed = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql")
                .OrderByDescending(d => int.TryParse(Path.GetFileName(d), out var version) ? version : 0).Select(d => Path.Combine(d, "bin"))
            : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return installed.Concat(path).FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")) && File.Exists(Path.Combine(d, "pg_ctl")));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (await IsRunningAsync()) await StopAtOnceAsync();
        if (HasOwnDisk) await Shell.UnmountAsync(folder);
    }
}
