using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Npgsql;
using Pampa.Servers;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.EndToEnd;

/// <summary>A pgbouncer in transaction mode before the tests' server.</summary>
internal sealed class Pooler : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly Process process;
    private readonly int port;

    private Pooler(Process process, int port)
    {
        this.process = process;
        this.port = port;
    }

    /// <summary>The address of a database by way of the pooler.</summary>
    public string Url(string settings) =>
        NumbersDatabase.PlainUrl(Settings(settings));

    /// <summary>The same as an ADO.NET connection string.</summary>
    public string Settings(string settings) => new NpgsqlConnectionStringBuilder(settings) { Host = "127.0.0.1", Port = port }.ConnectionString;

    /// <param name="folder">A folder for its settings.</param>
    /// <param name="role">Whom all come as; null: the owner.</param>
    public static async Task<Pooler> StartAsync(string folder, string? role = null)
    {
        var server = new NpgsqlConnectionStringBuilder((await PostgresCluster.GetAsync()).ConnectionString);
        var program = ((string[])["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]).FirstOrDefault(File.Exists);
        if (program is null) Assert.Skip("No pgbouncer is installed.");
        var port = PrivatePostgres.FreePort();
        var settings = Path.Combine(folder, "pgbouncer.ini");
        await File.WriteAllTextAsync(settings, string.Create(CultureInfo.InvariantCulture, $"""
            [databases]
            * = host={server.Host} port={server.Port} user={role ?? server.Username}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            """));
        // It refuses to run as root.
        string[] user = Environment.IsPrivilegedProcess ? ["-u", "postgres"] : [];
        var start = new ProcessStartInfo(program, [.. user, settings]) { RedirectStandardError = true };
        var process = Process.Start(start)!;
        var said = process.StandardError.ReadToEndAsync();
        var clock = Stopwatch.StartNew();
        while (!await AnswersAsync(port))
        {
            if (process.HasExited) Assert.Fail($"pgbouncer ended: {await said}");
            Assert.True(clock.Elapsed < Patience, "pgbouncer does not answer.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
        return new Pooler(process, port);
    }

    private static async Task<bool> AnswersAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync().WaitAsync(Patience);
        process.Dispose();
    }
}
