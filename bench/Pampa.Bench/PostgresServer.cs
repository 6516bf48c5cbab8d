using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Pampa.Bench;

/// <summary>
/// A PostgreSQL of this run's own, from installed binaries, in a temporary folder on a free port; or another one, which
/// is left as it was.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    // Durable: fsync and synchronous_commit stay on, autovacuum too. Only sizes are set, so that no checkpoint falls
    // into one run and not into another.
    private const string Sizes = "-c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=1h";

    private readonly string? folder;

    private PostgresServer(string settings, string? folder)
    {
        Settings = settings;
        this.folder = folder;
    }

    public string Settings { get; }

    public static PostgresServer Existing(string settings) => new(settings, null);

    public static async Task<PostgresServer> StartAsync()
    {
        var bin = Binaries() ?? throw new InvalidOperationException(
            "No PostgreSQL server is installed (looked in /usr/lib/postgresql/*/bin and PATH): "
            + "use --postgres or --database sqlite.");
        var folder = Directory.CreateTempSubdirectory("pampa-bench-").FullName;
        // The server refuses to run as root; its own user must then own the folder.
        string[] asUser = Environment.IsPrivilegedProcess ? ["-u", "postgres", "--"] : [];
        if (asUser.Length > 0) await Shell.RunAsync("chown", "postgres", folder);
        Task AsServer(string program, params string[] arguments) => asUser.Length > 0
            ? Shell.RunAsync("runuser", [.. asUser, program, .. arguments])
            : Shell.RunAsync(program, arguments);
        var port = FreePort();
        var data = Path.Combine(folder, "data");
        await AsServer(Path.Combine(bin, "initdb"),
            "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8");
        await AsServer(Path.Combine(bin, "pg_ctl"), "-D", data, "-w", "-l", Path.Combine(folder, "log"), "-o",
            $"-p {port} -k {folder} -c listen_addresses=127.0.0.1 {Sizes}", "start");
        var server = new PostgresServer($"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres", folder);
        await server.CheckIsOursAsync(data);
        return server;
    }

    // A port that was free a moment ago may be another server's by now, and that one would answer.
    private async Task CheckIsOursAsync(string data)
    {
        await using var source = NpgsqlDataSource.Create(Settings);
        await using var command = source.CreateCommand("show data_directory");
        if ((string?)await command.ExecuteScalarAsync() != data)
            throw new InvalidOperationException("Another server answers on the port of the one that was started.");
    }

    private static string? Binaries()
    {
        var installed = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql")
                .OrderByDescending(d => int.TryParse(Path.GetFileName(d), out var version) ? version : 0)
                .Select(d => Path.Combine(d, "bin"))
            : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return installed.Concat(path)
            .FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")) && File.Exists(Path.Combine(d, "pg_ctl")));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public async ValueTask DisposeAsync()
    {
        if (folder is null) return;
        NpgsqlConnection.ClearAllPools();
        var file = Path.Combine(folder, "data", "postmaster.pid");
        if (File.Exists(file))
        {
            var id = int.Parse(File.ReadLines(file).First(), CultureInfo.InvariantCulture);
            using var server = Process.GetProcessById(id);
            // At once: a last checkpoint of what is thrown away takes long.
            await Shell.RunAsync("kill", "-QUIT", $"{id}");
            await server.WaitForExitAsync();
        }
        Directory.Delete(folder, recursive: true);
    }
}
