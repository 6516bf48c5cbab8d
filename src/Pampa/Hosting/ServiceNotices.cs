using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Pampa.Hosting;

/// <summary>
/// What a process that systemd has started as a service (<c>Type=notify</c>) tells it: that it is ready, that it lives, that it stops.
/// </summary>
internal sealed class ServiceNotices : IDisposable
{
    private const string SocketVariable = "NOTIFY_SOCKET";
    private const string TimeVariable = "WATCHDOG_USEC";
    private const string ProcessVariable = "WATCHDOG_PID";
    private readonly Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
    private readonly UnixDomainSocketEndPoint service;
    private readonly TimeProvider time;
    private long aliveAt;
    private int isReady;
    private int isStopping;

    private ServiceNotices(string path, TimeSpan? aliveEvery, TimeProvider time)
    {
        // One that has no file begins with a zero.
        service = new UnixDomainSocketEndPoint(path[0] == '@' ? $"\0{path[1..]}" : path);
        AliveEvery = aliveEvery;
        this.time = time;
    }

    /// <summary>How often it must hear that the process lives; null: it does not watch that.</summary>
    public TimeSpan? AliveEvery { get; }

    /// <summary>Opens the way to systemd; null where that has not started this process so.</summary>
    /// <param name="environment">Reads a variable of the environment.</param>
    /// <param name="time">The clock.</param>
    public static ServiceNotices? Open(Func<string, string?> environment, TimeProvider time)
    {
        if (environment(SocketVariable) is not { Length: > 1 } path) return null;
        var isMeant = environment(ProcessVariable) is not { Length: > 0 } pid || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        var isWatched = long.TryParse(environment(TimeVariable), NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds) && microseconds > 0;
        // Half the time, as is usual: one late notice does no harm.
        return new ServiceNotices(path, isMeant && isWatched ? TimeSpan.FromMicroseconds(microseconds) / 2 : null, time);
    }

    /// <summary>The same from this process's environment; what handlers start is not meant, so they find nothing of it there.</summary>
    public static ServiceNotices? Take(TimeProvider time)
    {
        var notices = Open(Environment.GetEnvironmentVariable, time);
        foreach (var variable in (string[])[SocketVariable, TimeVariable, ProcessVariable]) Environment.SetEnvironmentVariable(variable, null);
        return notices;
    }

    /// <summary>It does its work. Told once.</summary>
    public void Ready(string status)
    {
        if (Interlocked.Exchange(ref isReady, 1) == 0) Tell($"READY=1\nSTATUS={status}");
    }

    /// <summary>It is about to end, in good order. Told once.</summary>
    public void Stopping()
    {
        if (Interlocked.Exchange(ref isStopping, 1) == 0) Tell("STOPPING=1");
    }

    /// <summary>It lives. May be called as often as one likes; told as often as systemd wants it.</summary>
    public void Alive()
    {
        if (AliveEvery is not { } every || (aliveAt != 0 && time.GetElapsedTime(aliveAt) < every)) return;
        aliveAt = time.GetTimestamp();
        Tell("WATCHDOG=1");
    }

    private void Tell(string text)
    {
        try
        {
            socket.SendTo(Encoding.UTF8.GetBytes(text), service);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Nobody listens, or nobody reads: systemd draws its own conclusions from what it does not hear, and work goes on.
        }
    }

    public void Dispose() => socket.Dispose();
}
