using Pampa.Storage;
using Pampa.Tests.Scenarios;

namespace Pampa.Tests.Simulation;

/// <summary>What is held up: a handler, or a loop that waits for the database.</summary>
internal enum Hold
{
    Handler,
    Reading,
    Writing,
}

/// <summary>Something that goes on only when the simulation lets it.</summary>
internal sealed record HeldUp(SimulatedProcess Process, Hold What, TaskCompletionSource Goes);

/// <summary>What the processes of a simulation share: the database, the chances of misfortune, and those who look on.</summary>
internal sealed class World : IDisposable
{
    private readonly List<HeldUp> held = [];
    private readonly List<(SimulatedProcess Process, string Identity)> deaths = [];

    public World(int seed)
    {
        Seed = seed;
        Random = new Random(seed);
        Plan = Plan.Draw(Random, seed);
        Chances = Plan.Chances;
        Reader = new Reader(Plan.Jobs);
        Watchtower = new Watchtower(Db);
        Handlers = new Handlers(this);
        Tables = Prepare();
        Ledger = new Ledger(Plan, Db, Watchtower);
    }

    public int Seed { get; }

    /// <summary>The one thread of the run: what came from another would make runs of the same seed differ.</summary>
    public int Thread { get; } = Environment.CurrentManagedThreadId;

    public Random Random { get; }

    public Plan Plan { get; }

    public Chances Chances { get; private set; }

    public SimulatedDatabase Db { get; } = new();

    public IReadOnlyList<JobTable> Tables { get; }

    public Reader Reader { get; }

    public Ledger Ledger { get; }

    public Watchtower Watchtower { get; }

    public Handlers Handlers { get; }

    public Trace Trace { get; } = new();

    /// <summary>The process whose step it is.</summary>
    public SimulatedProcess? Current { get; set; }

    /// <summary>The first rule that was broken; the product's own care for errors must not hide it.</summary>
    public Exception? Broken { get; private set; }

    /// <summary>Records that somebody else holds a lock on.</summary>
    public HashSet<(string Table, long Key)> Locked { get; } = [];

    /// <summary>What has been done so far by one process after the other.</summary>
    public int Turns { get; set; }

    /// <summary>Called when something was reserved.</summary>
    public Action Reserved { get; set; } = () => { };

    /// <summary>What people hold, and until when; where there is no end, until they let it go.</summary>
    public Dictionary<Jobs.Hold, DateTime?> Holds { get; } = [];

    /// <summary>What is held now.</summary>
    public List<Jobs.Hold> HoldsNow => [.. Holds.Where(h => h.Value is not { } until || until > Db.Clock.Now).Select(h => h.Key)];

    public bool IsCalm { get; private set; }

    /// <summary>Whether time passes; nobody is held up then, for another might be woken by the same moment and have to wait.</summary>
    public bool IsPassing { get; set; }

    /// <summary>No more misfortunes, and what has begun comes to its end.</summary>
    public void CalmDown()
    {
        IsCalm = true;
        Chances = new Chances(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    private List<JobTable> Prepare()
    {
        var database = new Database(Db.Source, Db.Dialect, TimeProvider.System, new Random(1));
        var schema = new Schema(database);
        schema.CreateControlTablesAsync(CancellationToken.None).GetAwaiter().GetResult();
        foreach (var statement in Plan.Create()) Db.Execute(statement);
        var program = new PampaBuilder { Cluster = TestCluster.Cluster };
        foreach (var job in Plan.Jobs) job.AddTo(program, Handlers);
        var errors = new List<string>();
        var tables = program.Build(errors).Select(job => schema.ResolveAsync(job, errors, CancellationToken.None).GetAwaiter().GetResult()!).ToList();
        return errors.Count == 0 ? tables : throw new InvalidOperationException(string.Join(Environment.NewLine, errors));
    }

    public bool Draw(double chance) => chance > 0 && Random.NextDouble() < chance;

    public void Guard(Action check)
    {
        try
        {
            check();
        }
        catch (Exception e) when (Keep(e))
        {
        }
    }

    private bool Keep(Exception error)
    {
        Broken ??= error;
        return false;
    }

    public bool IsLocked(Sent sent)
    {
        if (Locked.Count == 0 || sent is not { IsWrite: true, Job: { } job }) return false;
        if (sent.Kind is not ("RECLAIM" or "RECOVER")) return sent.Rows.Any(r => Locked.Contains((job.Table, r.Key)));
        return Ledger.Of(job).Any(r => r is { Rid: not null, Et: null } && Locked.Contains((job.Table, r.Key)));
    }

    /// <summary>Waits until the simulation lets go.</summary>
    public Task HoldAsync(SimulatedProcess process, Hold what)
    {
        var one = new HeldUp(process, what, new TaskCompletionSource());
        held.Add(one);
        return one.Goes.Task;
    }

    /// <summary>
    /// Who may be let go. While a process waits for the answer to a write, its other writers wait for their turn; they would be woken by
    /// another thread, so they are not let go before.
    /// </summary>
    public List<HeldUp> Held => held.FindAll(h => h.Process is { IsGone: false, IsFrozen: false }
        && (h.What != Hold.Reading || !IsWriting(h.Process)));

    public bool IsWriting(SimulatedProcess process) => held.Exists(h => h.Process == process && h.What == Hold.Writing);

    /// <summary>Whether something of the process waits for the writer's turn to be free but for time to pass.</summary>
    public bool MayWakeToWrite(SimulatedProcess process) => IsWriting(process)
        && process.Loops.Count(l => l.UsesDatabase && l.IsUnderWay) > held.Count(h => h.Process == process && h.What != Hold.Handler);

    public void Release(HeldUp one)
    {
        held.Remove(one);
        one.Goes.SetResult();
    }

    public void Kill(SimulatedProcess process, string when)
    {
        Trace.Add($"{process} dies {when}");
        process.IsGone = true;
        if (Random.Next(2) == 0) return;
        // On the same host, where others can see that it is gone.
        var identity = ProcessIdentity.Current;
        var gone = $"{identity[..identity.LastIndexOf('/')]}/0";
        deaths.Add((process, gone));
    }

    /// <summary>Writes who was seen to be gone; not within somebody's transaction.</summary>
    public void Bury()
    {
        foreach (var (process, identity) in deaths)
        {
            foreach (var (worker, session) in process.Membership.Workers)
                Db.Execute($"UPDATE pampa_worker SET process = '{identity}' WHERE worker_id = '{worker}' AND session = {session}");
            Db.Execute($"UPDATE pampa_lease SET process = '{identity}' WHERE holder = '{process.Holder}'");
        }
        deaths.Clear();
    }

    public void Dispose() => Db.Dispose();
}
