using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Pampa.Servers;

/// <summary>
/// A PostgreSQL of one's own, from installed binaries, in a folder of one's own and on a free port. The tests, the bench and the chaos
/// program each compile this file.
/// </summary>
internal sealed class PrivatePostgres : IAsyncDisposable
{
    /// <summary>What is wrong where <see cref="IsInstalled"/> is false.</summary>
    public const string Missing = "No PostgreSQL server is installed (looked in /usr/lib/postgresql/*/bin and PATH): install postgresql";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    // The server refuses to run as root; whoever is not root runs it as himself.
    private static readonly string? User = Environment.IsPrivilegedProcess ? "postgres" : null;

    private readonly string bin;

    private PrivatePostgres(string bin, string folder, int port) => (this.bin, Folder, Port) = (bin, folder, port);

    /// <summary>Whether there is one that could be started.</summary>
    public static bool IsInstalled => Binaries() is not null;

    /// <summary>The folder of its data, its socket and its log.</summary>
    public string Folder { get; }

    /// <summary>Its port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>Leads to its database <c>postgres</c>, as its owner.</summary>
    public string Settings => Invariant($"Host=127.0.0.1;Port={Port};Username=postgres;Database=postgres");

    private string Data => Path.Combine(Folder, "data");

    /// <summary>Makes one and starts it.</summary>
    /// <param name="folder">A folder that is there; it stays when the server has ended.</param>
    /// <param name="settings">Lines for postgresql.conf.</param>
    public static async Task<PrivatePostgres> StartAsync(string folder, params string[] settings)
    {
        var server = new PrivatePostgres(Binaries() ?? throw new InvalidOperationException($"{Missing}."), folder, FreePort());
        // Its own user must own the folder.
        if (User is not null) await Tool.RunAsync("chown", User, folder);
        await server.RunAsync("initdb", "-D", server.Data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");
        return await server.BeginAsync(settings);
    }

    /// <summary>Makes another one that follows this one as its standby, and starts it.</summary>
    /// <param name="folder">A folder that is there; it stays when the server has ended.</param>
    public async Task<PrivatePostgres> StartStandbyAsync(string folder)
    {
        var server = new PrivatePostgres(bin, folder, FreePort());
        if (User is not null) await Tool.RunAsync("chown", User, folder);
        await RunAsync("pg_basebackup", "-D", server.Data, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", Invariant($"host=127.0.0.1 port={Port} user=postgres"));
        return await server.BeginAsync([]);
    }

    /// <summary>Makes a standby a primary, which takes changes.</summary>
    public Task PromoteAsync() => RunAsync("pg_ctl", "-D", Data, "-w", "promote");

    // The last line of a name is the one that counts.
    private async Task<PrivatePostgres> BeginAsync(string[] settings)
    {
        await File.AppendAllLinesAsync(Path.Combine(Data, "postgresql.conf"),
            [Invariant($"port = {Port}"), $"unix_socket_directories = '{Folder}'", "listen_addresses = '127.0.0.1'", .. settings]);
        await StartAgainAsync();
        try
        {
            await CheckIsOursAsync();
            return this;
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a statement, as its owner.</summary>
    public async Task ExecuteAsync(string text) => await AskAsync(text);

    /// <summary>The first value of a statement's answer, as its owner.</summary>
    public async Task<object?> AskAsync(string text)
    {
        // No pool: a connection that is kept would die with the server, and count.
        await using var connection = new NpgsqlConnection($"{Settings};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(text, connection);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Starts it after a stop.</summary>
    public Task StartAgainAsync() => RunAsync("pg_ctl", "-D", Data, "-w", "-l", Path.Combine(Folder, "log"), "start");

    /// <summary>Stops it as if all its processes were killed: it starts with a recovery.</summary>
    public async Task StopAtOnceAsync()
    {
        var file = Path.Combine(Data, "postmaster.pid");
        if (!File.Exists(file)) return;
        using var server = Process.GetProcessById(int.Parse(File.ReadLines(file).First(), CultureInfo.InvariantCulture));
        await Tool.RunAsync("kill", "-QUIT", Invariant($"{server.Id}"));
        await server.WaitForExitAsync().WaitAsync(Patience, TimeProvider.System);
    }

    /// <summary>Whether it runs.</summary>
    public async Task<bool> IsRunningAsync() => await TryRunAsync("pg_ctl", "-D", Data, "status") == 0;

    // A port that was free a moment ago may be another server's by now, and that one would answer.
    private async Task CheckIsOursAsync()
    {
        var found = (string?)await AskAsync("SHOW data_directory");
        if (found != Data) throw new InvalidOperationException($"The server on port {Port} serves {found}, not {Data}.");
    }

    private async Task RunAsync(string program, params string[] arguments)
    {
        var code = await TryRunAsync(program, arguments);
        if (code != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {code}.");
    }

    private Task<int> TryRunAsync(string program, params string[] arguments) => User is null
        ? Tool.TryRunAsync(Path.Combine(bin, program), arguments)
        : Tool.TryRunAsync("runuser", ["-u", User, "--", Path.Combine(bin, program), .. arguments]);

    private static string? Binaries()
    {
        var installed = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql")
                .OrderByDescending(d => int.TryParse(Path.GetFileName(d), out var version) ? version : 0).Select(d => Path.Combine(d, "bin"))
            : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return installed.Concat(path).FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")) && File.Exists(Path.Combine(d, "pg_ctl")));
    }

    /// <summary>A port that nobody has just now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Stops it, at once: a last checkpoint of what is thrown away takes long.</summary>
    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await StopAtOnceAsync();
    }
}
