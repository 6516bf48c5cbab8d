using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Pampa.Hosting;

namespace Pampa.Tests.Units;

/// <summary>What a service tells systemd.</summary>
public sealed class ServiceNoticesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-notify-").FullName;
    private readonly Socket systemd = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 5_000 };
    private readonly FakeTimeProvider time = new();

    private string Listen()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("systemd is a matter of Linux.");
        var path = Path.Combine(folder, "notify");
        systemd.Bind(new UnixDomainSocketEndPoint(path));
        return path;
    }

    private string Hear()
    {
        var buffer = new byte[1_000];
        return Encoding.UTF8.GetString(buffer, 0, systemd.Receive(buffer));
    }

    private ServiceNotices? Open(params (string Name, string Value)[] environment) =>
        ServiceNotices.Open(name => environment.FirstOrDefault(v => v.Name == name).Value, time);

    [Fact]
    public void A_process_that_nobody_asked_tells_nothing() => Assert.Null(Open());

    [Fact]
    public void It_is_ready_once_and_stops_once()
    {
        using var notices = Open(("NOTIFY_SOCKET", Listen()))!;
        notices.Ready("node web1, 4 workers");
        notices.Ready("again");
        notices.Alive();
        notices.Stopping();
        notices.Stopping();
        Assert.Equal("READY=1\nSTATUS=node web1, 4 workers", Hear());
        Assert.Equal("STOPPING=1", Hear());
        Assert.Equal(0, systemd.Available);
        Assert.Null(notices.AliveEvery);
    }

    [Fact]
    public void It_says_that_it_lives_twice_in_the_time_that_it_has()
    {
        using var notices = Open(("NOTIFY_SOCKET", Listen()), ("WATCHDOG_USEC", "60000000"), ("WATCHDOG_PID", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)))!;
        Assert.Equal(TimeSpan.FromSeconds(30), notices.AliveEvery);
        time.Advance(TimeSpan.FromSeconds(1));
        for (var second = 0; second < 61; second++)
        {
            notices.Alive();
            time.Advance(TimeSpan.FromSeconds(1));
        }
        for (var i = 0; i < 3; i++) Assert.Equal("WATCHDOG=1", Hear());
        Assert.Equal(0, systemd.Available);
    }

    [Fact]
    public void A_watch_over_another_process_is_none_over_this_one()
    {
        using var notices = Open(("NOTIFY_SOCKET", Listen()), ("WATCHDOG_USEC", "60000000"), ("WATCHDOG_PID", "1"))!;
        Assert.Null(notices.AliveEvery);
    }

    [Fact]
    public void Nobody_who_listens_is_no_reason_to_stop()
    {
        using var notices = Open(("NOTIFY_SOCKET", Path.Combine(folder, "nobody")))!;
        notices.Ready("x");
        notices.Stopping();
    }

    [Fact]
    public void One_whose_loop_stands_still_does_not_live()
    {
        var lives = 0;
        using var watchdog = new Watchdog(() => { }) { Lives = () => lives++ };
        var pulse = new Jobs.Pulse("test");
        watchdog.Watch(pulse);
        pulse.Take();
        for (var look = 0; look < 200; look++) watchdog.Look();
        Assert.InRange(lives, 100, 121);
    }

    public void Dispose()
    {
        systemd.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
