using System.Collections.Concurrent;
using System.Diagnostics;
using Pampa.Chaos.Checks;
using Pampa.Chaos.Cluster;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Wire;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Faults;

/// <summary>All that faults can lay their hands on, and what they write down.</summary>
internal sealed class World(Options options, Store store, ProcessCluster cluster, string folder, TextWriter says)
{
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly ConcurrentDictionary<Member, byte> taken = [];

    public Options Options => options;

    public Store Store => store;

    public Shape Shape => store.Shape;

    public ProcessCluster Cluster => cluster;

    public string Folder => folder;

    /// <summary>Null on SQLite, and where the server is somebody else's.</summary>
    public PostgresServer? Server { get; init; }

    /// <summary>Null on SQLite, and where the server is somebody else's.</summary>
    public Proxy? Proxy { get; init; }

    /// <summary>A server that is not the run's own; null: it is.</summary>
    public ForeignServer? Foreign { get; init; }

    /// <summary>What would be injected if the server were the run's own, or another one.</summary>
    public IReadOnlyList<Fault> LeftOut { get; init; } = [];

    /// <summary>A small disk that one node's log is on; null: none could be made.</summary>
    public string? LogDisk { get; init; }

    /// <summary>How long that lasts which a long run has for a minute.</summary>
    public TimeSpan Long => TimeSpan.FromSeconds(options.Minutes >= 5 ? 60 : 8);

    public ConcurrentBag<Outage> Outages { get; } = [];

    public ConcurrentBag<string> Complaints { get; } = [];

    /// <summary>Processes that may find their name taken.</summary>
    public ConcurrentDictionary<string, byte> MayBeRefused { get; } = [];

    /// <summary>When leaders were taken away.</summary>
    public ConcurrentBag<DateTime> LeadersGone { get; } = [];

    /// <summary>How long it took from the server's return to the next change of a record.</summary>
    public ConcurrentBag<DateTime> ServerReturns { get; } = [];

    /// <summary>On SQLite: the numbers of the changes between which a process had a false clock.</summary>
    public ConcurrentBag<(long After, long To)> FalseClocks { get; } = [];

    public int LeastMaxAttempts { get; set; } = Limits.MaxAttempts;

    public static DateTime Now() => TimeProvider.System.GetUtcNow().UtcDateTime;

    public void Say(string text) => says.WriteLine(Store.Invariant($"{clock.Elapsed:mm\\:ss\\.f}  {text}"));

    /// <summary>A member for a fault alone, until it gives it back.</summary>
    public Member Take(Random random, Func<Member, bool> which)
    {
        var free = cluster.Members.Where(m => which(m) && m.Current is not null && !m.IsHeld && !taken.ContainsKey(m)).ToList();
        if (free.Count == 0) throw new NoVictimException();
        var member = free[random.Next(free.Count)];
        taken[member] = 0;
        return member;
    }

    public void Give(Member member) => taken.TryRemove(member, out _);

    /// <summary>Takes the member whose process leads now.</summary>
    public async Task<Member> TakeLeaderAsync(CancellationToken stopping)
    {
        for (var i = 0; i < 40; i++)
        {
            var holders = await Store.InsistAsync(() => store.QueryAsync("SELECT process FROM pampa_lease WHERE scope = 'cluster'", r => r.GetString(0), stopping), stopping);
            var process = holders.Count > 0 ? HistoryReader.ProcessIn(holders[0]) : null;
            if (cluster.Members.FirstOrDefault(m => m.Current?.Id == process && !taken.ContainsKey(m)) is { } member)
            {
                taken[member] = 0;
                return member;
            }
            await WaitAsync(0.25, stopping);
        }
        throw new NoVictimException();
    }

    public static Task WaitAsync(double seconds, CancellationToken stopping) => Task.Delay(TimeSpan.FromSeconds(seconds), TimeProvider.System, stopping);

    /// <summary>Ends a member's life in good order and begins the next one, which may be given something else.</summary>
    public async Task RestartAsync(Member member, Action<Member>? change = null)
    {
        member.IsHeld = true;
        try
        {
            if (member.Current is { } life && await ProcessCluster.StopAsync(life, Limits.ShutdownTimeout + TimeSpan.FromSeconds(25)) is null)
            {
                Complaints.Add($"{life.Application} did not stop within its time");
                ProcessCluster.Kill(life);
            }
            change?.Invoke(member);
        }
        finally
        {
            member.IsHeld = false;
        }
        while (member.Current is not { HasEnded: false } next || next.WasStopped || next.WasKilled) await WaitAsync(0.1, CancellationToken.None);
    }
}

/// <summary>There is nobody left to do it to.</summary>
internal sealed class NoVictimException : Exception;

/// <summary>This computer does not let the fault happen.</summary>
internal sealed class NotPossibleException(string message) : Exception(message);
