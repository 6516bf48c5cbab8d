using System.Diagnostics;
using System.Globalization;
using Pampa.Servers;

namespace Pampa.Ssh.Tests.Servers;

/// <summary>A real sshd on a port of the loopback, with host keys, keys of users and a log of its own.</summary>
internal sealed class SshServer : IAsyncDisposable
{
    private const string Program = "/usr/sbin/sshd";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly string folder;
    private readonly string[] before;
    private Process? process;

    private SshServer(string folder, int port, string address, string[] before) => (this.folder, Port, Address, this.before) = (folder, port, address, before);

    public static bool IsInstalled => File.Exists(Program);

    public const string Missing = "No SSH server is installed (looked for /usr/sbin/sshd): install openssh-server";

    public string Address { get; }

    public int Port { get; }

    public string Log => Path.Combine(folder, "log");

    public string HostKey => Path.Combine(folder, "host");

    /// <summary>A file of known hosts that knows this server by the key that it has now.</summary>
    public string KnownHosts { get; private set; } = "";

    /// <summary>Its fingerprint, as ssh-keygen prints it.</summary>
    public string Fingerprint { get; private set; } = "";

    /// <param name="folder">A folder of its own, that is there.</param>
    /// <param name="authorized">The file of the keys that may log in.</param>
    /// <param name="address">Where it listens.</param>
    /// <param name="port">Null: a free one.</param>
    /// <param name="before">Words before the program: what runs it elsewhere.</param>
    /// <param name="settings">A line of its configuration beside the common ones.</param>
    public static async Task<SshServer> StartAsync(
        string folder, string authorized, string address = "127.0.0.1", int? port = null, string[]? before = null, string settings = "")
    {
        Directory.CreateDirectory("/run/sshd");
        var server = new SshServer(folder, port ?? PrivatePostgres.FreePort(), address, before ?? []);
        await File.WriteAllLinesAsync(Path.Combine(folder, "config"),
        [
            string.Create(CultureInfo.InvariantCulture, $"Port {server.Port}"), $"ListenAddress {address}", $"HostKey {server.HostKey}",
            $"PidFile {Path.Combine(folder, "pid")}", "UsePAM no", "StrictModes no", $"AuthorizedKeysFile {authorized}", "PasswordAuthentication yes",
            "KbdInteractiveAuthentication no", "PermitRootLogin yes", "MaxStartups 200", "MaxSessions 100", "LogLevel DEBUG1", "PrintMotd no", "UseDNS no", settings,
        ]);
        await server.NewHostKeyAsync();
        try
        {
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Gives it another key, as if somebody else stood there.</summary>
    public async Task NewHostKeyAsync()
    {
        File.Delete(HostKey);
        await Tool.RunAsync("/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", HostKey);
        var words = (await File.ReadAllTextAsync($"{HostKey}.pub")).Split(' ');
        KnownHosts = Path.Combine(folder, $"known.{Guid.NewGuid():N}");
        var name = Port == 22 ? Address : string.Create(CultureInfo.InvariantCulture, $"[{Address}]:{Port}");
        await File.WriteAllTextAsync(KnownHosts, $"{name} {words[0]} {words[1]}\n");
        using var print = Process.Start(new ProcessStartInfo("/usr/bin/ssh-keygen", ["-l", "-f", $"{HostKey}.pub"]) { RedirectStandardOutput = true })!;
        Fingerprint = (await print.StandardOutput.ReadToEndAsync()).Split(' ')[1];
        await print.WaitForExitAsync();
    }

    public async Task StartAgainAsync()
    {
        var heard = ReadLog().Length;
        string[] words = [.. before, Program, "-D", "-f", Path.Combine(folder, "config"), "-E", Log];
        process = Process.Start(Tool.Order("/", Path.Combine(folder, "out"), words[0], words[1..]))!;
        var clock = Stopwatch.StartNew();
        while (!ReadLog()[heard..].Contains("Server listening", StringComparison.Ordinal))
        {
            if (clock.Elapsed >= Patience || process.HasExited) Assert.Fail($"sshd does not start: {ReadLog()}{await File.ReadAllTextAsync(Path.Combine(folder, "out"))}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    public string ReadLog() => File.Exists(Log) ? File.ReadAllText(Log) : "";

    /// <summary>Ends it and all its connections at once.</summary>
    public async Task StopAsync()
    {
        if (process is null) return;
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
        process = null;
    }

    public async ValueTask DisposeAsync() => await StopAsync();
}
