using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;
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
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly Lazy<Task<Server>> Started = new(StartAsync);

    /// <summary>A server, or the reason why there is none.</summary>
    internal sealed record Server(string ConnectionString, string? Missing, string? Folder)
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
        if (server.Folder is null)
        {
            foreach (var name in server.Databases) await server.ExecuteAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            return;
        }
        NpgsqlConnection.ClearAllPools();
        await StopAsync(server.Folder);
        Directory.Delete(server.Folder, recursive: true);
    }

    private static async Task<Server> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("PAMPA_TEST_DATABASE_URL") is { Length: > 0 } url)
            return new Server(DatabaseAddress.Parse(url).ConnectionString, null, null);
        if (Binaries() is not { } bin)
            return new Server("", "No PostgreSQL server is installed (looked in /usr/lib/postgresql/*/bin and PATH): install postgresql, or set PAMPA_TEST_DATABASE_URL.", null);
        var folder = Directory.CreateTempSubdirectory("pampa-pg-").FullName;
        // The server refuses to run as root; its own user must then own the folder.
        var user = Environment.IsPrivilegedProcess ? "postgres" : null;
        if (user is not null) await RunAsync("/", "chown", [user, folder]);
        var port = FreePort();
        var data = Path.Combine(folder, "data");
        await RunAsAsync(user, Path.Combine(bin, "initdb"),
            ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        await RunAsAsync(user, Path.Combine(bin, "pg_ctl"),
        [
            "-D", data, "-w", "-l", Path.Combine(folder, "log"), "-o",
            $"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
                + " -c max_connections=200 -c autovacuum=off -c shared_buffers=256MB -c max_wal_size=4GB",
            "start",
        ]);
        var settings = $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres";
        await CheckIsOursAsync(settings, data);
        return new Server(settings, null, folder);
    }

    // A port that was free a moment ago may be another server's by now, and that one would answer.
    private static async Task CheckIsOursAsync(string settings, string data)
    {
        await using var source = NpgsqlDataSource.Create(settings);
        await using var command = source.CreateCommand("show data_directory");
        var found = (string?)await command.ExecuteScalarAsync();
        if (found != data) throw new InvalidOperationException($"The server on the test's port serves {found}, not {data}.");
    }

    private static async Task StopAsync(string folder)
    {
        var pidFile = Path.Combine(folder, "data", "postmaster.pid");
        if (!File.Exists(pidFile)) return;
        var pid = int.Parse(File.ReadLines(pidFile).First(), System.Globalization.CultureInfo.InvariantCulture);
        using var server = Process.GetProcessById(pid);
        // At once: a last checkpoint of what is thrown away takes longer than all its tests.
        await RunAsync("/", "kill", ["-QUIT", $"{pid}"]);
        await server.WaitForExitAsync().WaitAsync(Patience);
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

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static Task RunAsAsync(string? user, string program, string[] arguments) =>
        user is null ? RunAsync("/", program, arguments) : RunAsync("/", "runuser", ["-u", user, "--", program, .. arguments]);

    // The output goes nowhere: pg_ctl's server would inherit a pipe and keep it open.
    private static async Task RunAsync(string folder, string program, string[] arguments)
    {
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = folder };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("exec \"$0\" \"$@\" >/dev/null 2>&1 </dev/null");
        start.ArgumentList.Add(program);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync().WaitAsync(Patience);
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} ended with {process.ExitCode}.");
    }
}
