using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Pampa.Servers;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>A node as a service: what it tells whoever has started it, and how it is ended.</summary>
public sealed class ServiceTests(SshWorld world)
{
    [Theory, InlineData(false), InlineData(true)]
    public async Task A_node_says_that_it_is_ready_that_it_lives_and_that_it_stops(bool isIsolated)
    {
        await using var loads = await Loads.MakeAsync(world);
        var path = Path.Combine(world.NewFolder(), "notify");
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 30_000 };
        systemd.Bind(new UnixDomainSocketEndPoint(path));
        // A node makes no table.
        await SshWorld.RunAsync(loads.With(), "migrate", "--db", $"env:{loads.Variable}");
        var logs = world.NewFolder();
        string[] arguments =
        [
            "node", "--name", "service", "--workers", "2", "--plain", "--log", $"{logs}/", "--db", $"env:{loads.Variable}",
            .. isIsolated ? ["--isolated"] : Array.Empty<string>(),
        ];
        // What its lives before this one have left.
        var errors = Path.Combine(logs, "errors.log");
        await File.WriteAllTextAsync(errors, string.Concat(Enumerable.Repeat("a line of a former life\n", 100_000)), TestContext.Current.CancellationToken);
        var start = Tool.Order("/", errors, Path.Combine(await loads.PublishedAsync(), "load"), arguments);
        start.Environment["NOTIFY_SOCKET"] = path;
        start.Environment["WATCHDOG_USEC"] = "1000000";
        using var process = Process.Start(start)!;
        try
        {
            var told = new List<string>();
            while (told.Count(t => t == "WATCHDOG=1") < 3 || !told.Exists(t => t.StartsWith("READY=1", StringComparison.Ordinal))) told.Add(Hear());
            Assert.Single(told, t => t == "READY=1\nSTATUS=node service, 2 workers");
            await Processes.UntilAsync(() => new FileInfo(errors).Length < 300_000, "its error output is cut");
            await Tool.RunAsync("kill", "-TERM", process.Id.ToString(CultureInfo.InvariantCulture));
            while (told[^1] != "STOPPING=1") told.Add(Hear());
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }

        string Hear()
        {
            var buffer = new byte[1_000];
            return Encoding.UTF8.GetString(buffer, 0, systemd.Receive(buffer));
        }
    }
}
