using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Pampa.Chaos.Wire;

/// <summary>
/// Stands between clients and a PostgreSQL and understands what passes (clear text only), so that it can lose, delay,
/// forge and withhold just what a fault is about.
/// </summary>
internal sealed class Proxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Any, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentDictionary<Link, byte> links = [];
    private readonly ConcurrentDictionary<WireRule, byte> rules = [];
    private readonly Task accepting;

    /// <param name="serverPort">The server's port.</param>
    /// <param name="serverHost">The server's name.</param>
    public Proxy(int serverPort, string serverHost = "127.0.0.1")
    {
        ServerPort = serverPort;
        ServerHost = serverHost;
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public int ServerPort { get; }

    public string ServerHost { get; }

    /// <summary>Makes the server one that behaves like CockroachDB; null: it is what it is.</summary>
    public Cockroach? Cockroach { get; init; }

    /// <summary>What clients that want encryption get it with, up to here; null: they get none. To the server all goes in clear text.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>How many errors were forged, by SQLSTATE.</summary>
    public ConcurrentDictionary<string, int> ForgedErrors { get; } = [];

    /// <summary>How many requests were disturbed, by what happened to them.</summary>
    public ConcurrentDictionary<WireAct, int> Disturbed { get; } = [];

    /// <summary>Connections whose name it takes get nothing through, in neither direction, and nobody is told.</summary>
    public Func<string, bool>? BlackHole { get; set; }

    /// <summary>New connections are refused with this SQLSTATE.</summary>
    public string? Refusal { get; set; }

    /// <summary>New connections are taken and never answered.</summary>
    public bool IsHalfOpen { get; set; }

    public void Add(WireRule rule) => rules[rule] = 0;

    public void Remove(WireRule rule) => rules.TryRemove(rule, out _);

    /// <summary>The rule that a request falls under, if there is one.</summary>
    public WireRule? Match(string application, StatementKinds kinds)
    {
        foreach (var (rule, _) in rules)
        {
            if (!rule.TryHit(application, kinds)) continue;
            Disturbed.AddOrUpdate(rule.Act, 1, (_, n) => n + 1);
            return rule;
        }
        return null;
    }

    /// <summary>Ends connections, with a reset.</summary>
    public int Cut(Func<string, bool> which)
    {
        var cut = links.Keys.Where(l => which(l.Application)).ToList();
        foreach (var link in cut) link.Abort();
        return cut.Count;
    }

    /// <summary>Makes those half open that hear what others tell, and returns the names of their clients.</summary>
    public IReadOnlyList<string> Deafen(Func<string, bool> which)
    {
        var hearing = links.Keys.Where(l => l.IsHearing && which(l.Application)).ToList();
        foreach (var link in hearing) link.Deafen();
        return [.. hearing.Select(l => l.Application)];
    }

    /// <summary>How many connections of a client hear what others tell.</summary>
    public int Hearing(string application) => links.Keys.Count(l => l.IsHearing && l.Application == application);

    /// <summary>Returns when nothing withholds a connection's messages any more.</summary>
    public async ValueTask PassAsync(string application, CancellationToken stopping)
    {
        while (BlackHole?.Invoke(application) == true) await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, stopping);
    }

    private async Task AcceptAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var client = await listener.AcceptSocketAsync(stop.Token);
                client.NoDelay = true;
                var link = new Link(this, client);
                links[link] = 0;
                _ = ServeAsync(link);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // The next one, or the end.
            }
        }
    }

    private async Task ServeAsync(Link link)
    {
        try
        {
            await link.RunAsync(stop.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or AuthenticationException)
        {
            // Either side has gone, which is what this is about.
        }
        finally
        {
            links.TryRemove(link, out _);
            link.Abort();
            link.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        foreach (var (link, _) in links) link.Abort();
        listener.Dispose();
        stop.Dispose();
    }
}
