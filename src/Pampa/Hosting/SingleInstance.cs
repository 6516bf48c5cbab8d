using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>One time of holding the lease.</summary>
/// <param name="Lease">The term that it has in the database.</param>
/// <param name="Lost">Cancelled when the lease cannot be trusted any more.</param>
internal sealed record HeldLease(LeaseTerm Lease, CancellationToken Lost);

/// <summary>
/// The lease by which one process of a name runs in the cluster at a time. It is taken and renewed on a thread and a
/// connection of its own, as heartbeats are: code that blocks all threads must not cost it. It is trusted for less time than
/// the database keeps it, by the monotonic clock and from before the request, so that its holder stops before another begins.
/// </summary>
internal sealed class SingleInstance : IDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(1);
    private readonly Lock gate = new();
    private readonly ManualResetEventSlim stop = new();
    private readonly ClusterStore store;
    private readonly string scope;
    private readonly string holder;
    private readonly TimeSpan ttl;
    private readonly Action<Exception> failed;
    private readonly TimeProvider time;
    private readonly ITimer trust;
    private Thread? thread;
    private volatile HeldLease? held;
    private CancellationTokenSource lost = new();
    private long trustedFrom;
    private volatile string? other;

    /// <summary>Holds nothing yet.</summary>
    /// <param name="store">On a connection of its own.</param>
    /// <param name="name">What all such processes are called.</param>
    /// <param name="ttl">How long the database keeps the lease.</param>
    /// <param name="failed">Told of what goes wrong; the lease is tried again all the same.</param>
    /// <param name="time">The clock.</param>
    public SingleInstance(ClusterStore store, string name, TimeSpan ttl, Action<Exception> failed, TimeProvider time)
    {
        this.store = store;
        this.ttl = ttl;
        this.failed = failed;
        this.time = time;
        scope = ScopeOf(name);
        holder = $"{Environment.MachineName} process {Environment.ProcessId}@{Guid.NewGuid():N}";
        trust = time.CreateTimer(_ => Lose(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public static string ScopeOf(string name) => $"process:{name}";

    /// <summary>Set when the lease is had, and when somebody else is seen to have it.</summary>
    public Signal Changed { get; } = new();

    /// <summary>The lease that can be trusted now, or null.</summary>
    public HeldLease? Held => held is { } now && time.GetElapsedTime(Volatile.Read(ref trustedFrom)) < store.TrustOf(ttl) ? now : null;

    /// <summary>The process that has the lease, for people; null where none was seen.</summary>
    public string? Other => other;

    public void Start()
    {
        thread = new Thread(Run) { IsBackground = true, Name = "pampa lease", Priority = ThreadPriority.AboveNormal };
        thread.Start();
    }

    private void Run()
    {
        TimeSpan wait;
        do
        {
            wait = ttl / 3;
            try
            {
                Beat();
                if (held is null && LookEvery < wait) wait = LookEvery;
            }
            catch (Exception e)
            {
                // Whatever it is: an error that left this thread would end the process without a stop in order.
                failed(e);
                wait = RetryEvery;
            }
        }
        while (!stop.Wait(wait));
    }

    /// <summary>Renews the lease, or takes it where it is free, over, or of a process that is known to be dead.</summary>
    public void Beat()
    {
        var before = time.GetTimestamp();
        if (held is { } now)
        {
            if (store.RenewNow(now.Lease, ttl))
            {
                Trust(now, before);
                return;
            }
            Lose();
        }
        // Looked at first: whoever stands by writes nothing.
        var found = store.ReadHolderNow(scope);
        if (found is { } live && live.Holder != holder && !ProcessIdentity.IsDead(live.Process))
        {
            other = live.Holder.Split('@')[0];
            Changed.Set();
            return;
        }
        if (store.AcquireNow(scope, holder, ProcessIdentity.Current, ttl, found is null ? [] : [found.Value.Process]) is not { } lease) return;
        HeldLease taken;
        lock (gate)
        {
            if (lost.IsCancellationRequested) lost = new CancellationTokenSource();
            // Before it is to be seen, for until then it is of long ago.
            Volatile.Write(ref trustedFrom, before);
            held = taken = new HeldLease(lease, lost.Token);
        }
        other = null;
        Trust(taken, before);
        Changed.Set();
    }

    // A lease that was given up meanwhile, because this answer took too long, stays so.
    private void Trust(HeldLease now, long before)
    {
        lock (gate)
        {
            if (!ReferenceEquals(held, now)) return;
            Volatile.Write(ref trustedFrom, before);
            var left = store.TrustOf(ttl) - time.GetElapsedTime(before);
            trust.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    private void Lose()
    {
        lock (gate)
        {
            if (held is null) return;
            held = null;
            // On the pool: what the program's code has registered must not hold up the lease.
            _ = lost.CancelAsync();
        }
        Changed.Set();
    }

    /// <summary>Ends the thread and gives the lease up, so that another process need not wait for its end.</summary>
    public async Task ResignAsync(CancellationToken stopping)
    {
        stop.Set();
        // The thread may stand in a statement; what it writes then is the lease's last renewal.
        if (thread is { } beating) await Task.Run(() => beating.Join(ttl), CancellationToken.None).WaitAsync(stopping);
        if (held is { Lease: var lease }) await store.ResignAsync(lease, stopping);
        Lose();
    }

    public void Dispose()
    {
        stop.Set();
        trust.Dispose();
    }
}
