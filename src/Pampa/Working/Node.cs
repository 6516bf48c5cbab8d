using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// The workers of one process. It registers them, starts what they have in hand, and puts right what a lost answer has
/// left open.
/// </summary>
internal sealed partial class Node : IDisposable
{
    private static readonly TimeSpan LongTask = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReconcileEvery = TimeSpan.FromSeconds(30);

    // What is tried again waits for so long until the results before it are written.
    private static readonly TimeSpan LongestWrite = TimeSpan.FromSeconds(1);
    private readonly Membership membership;
    private readonly IReadOnlyList<Lane> lanes;
    private readonly Worker[] workers;
    private readonly ILogger log;
    private readonly TimeProvider time;
    private readonly Random random;
    private readonly NodeName name;
    private readonly int[] lastLanes;
    private readonly bool[] isAlone;
    private readonly Lane?[] leaks;
    private readonly bool[] wasHeldUp;
    // Of each job: what waits to be tried again, and since when.
    private readonly (Reservation? Next, long Since)[] waiting;
    private Dictionary<string, int> slots = [];
    private readonly Pace reconcile;

    private volatile Holds holds = Holds.None;

    // The database may go away between the registration and the rest of it.
    private bool isJoined;

    public Node(
        NodeName name, int workerCount, Membership membership, IReadOnlyList<Lane> lanes, Func<Signal, Worker> makeWorker, ILogger log,
        TimeProvider time, Random random)
    {
        this.name = name;
        this.membership = membership;
        this.lanes = lanes;
        this.log = log;
        this.time = time;
        this.random = random;
        reconcile = new Pace(ReconcileEvery, time);
        // Their ids are known once the node is registered; the slots are the same for ever.
        workers = [.. Enumerable.Range(1, workerCount).Select(_ => makeWorker(WantsMore))];
        foreach (var worker in workers) worker.HandIsLow = HandIsLow;
        foreach (var lane in lanes) lane.Load.AtOnce = w => AtOnceFor(lane, w);
        waiting = new (Reservation?, long)[lanes.Count];
        lastLanes = new int[workerCount];
        isAlone = new bool[workerCount];
        leaks = new Lane?[workerCount];
        // The next one of its sequence can be reserved now.
        foreach (var lane in lanes.Where(l => l.Job.Sequence is not null))
        {
            lane.Settled = () =>
            {
                lane.Load.GiveBack();
                HandIsLow.Set();
            };
        }
        foreach (var lane in lanes)
        {
            lane.Written = () =>
            {
                WantsMore.Set();
                HandIsLow.Set();
            };
        }
        wasHeldUp = new bool[workerCount];
    }

    /// <summary>What the program does at the start of each worker.</summary>
    public WorkerStart Start { private get; init; } = WorkerStart.None;

    /// <summary>What the former life of these workers has died of; null: of nothing that is known.</summary>
    public string? FormerDeath { private get; set; }

    public IReadOnlyList<Worker> Workers => workers;

    public IReadOnlyList<Lane> Lanes => lanes;

    public Membership Membership => membership;

    /// <summary>Whether its workers are registered and ready.</summary>
    public bool IsJoined => isJoined;

    /// <summary>Tasks that have failed for good because a former life of this node's ids died in their last attempt.</summary>
    public long RecoveredFailed { get; private set; }

    /// <summary>Set when a worker could take more, or when something was delivered.</summary>
    public Signal WantsMore { get; } = new();

    /// <summary>Set when a hand has run low, so that the dispatcher of this process fills it.</summary>
    public Signal HandIsLow { get; } = new();

    /// <summary>Set when a leader elsewhere should be told at once what the workers have in hand.</summary>
    public Signal HandsChanged { get; } = new();

    /// <summary>
    /// Registers, takes back what a former life of these ids held, lets the program start its workers, and declares itself
    /// ready: only then are there hands to deal to.
    /// </summary>
    public async Task JoinAsync(CancellationToken stopping)
    {
        isJoined = false;
        await membership.RegisterAsync(name, workers.Length, id => Log.WaitsForLease(log, id), stopping);
        foreach (var lane in lanes) lane.Load.Meter.NodeName = membership.Node;
        Log.Registered(log, membership.Node, workers.Length, membership.Workers.Max(w => w.Session));
        await GetReadyAsync(stopping);
    }

    private async Task GetReadyAsync(CancellationToken stopping)
    {
        foreach (var lane in lanes)
        {
            var all = await RecoverAsync(lane, stopping);
            RecoveredFailed += all.Failed;
            lane.Load.Meter.TookBack(all.Released, all.Again, all.Failed);
            if (all.Total > 0) Log.Recovered(log, lane.Job.Name, membership.Node, all.Released, all.Again, all.Failed);
            if (all.Again + all.Failed > 0) lane.Load.NoteDeath();
        }
        // Another life of this process has another one before it.
        FormerDeath = null;
        await Start.RunAsync([.. membership.Workers.Select(w => w.Worker)], stopping);
        await membership.MarkReadyAsync(stopping);
        reconcile.Restart();
        slots = membership.Workers.Select((w, i) => (w.Worker, i)).ToDictionary(w => w.Worker, w => w.i, StringComparer.Ordinal);
        foreach (var lane in lanes) lane.Load.Hands = [.. membership.Workers.Select(w => new Hand(w.Worker, w.Session))];
        isJoined = true;
        HandIsLow.Set();
    }

    private async Task<TakenBack> RecoverAsync(Lane lane, CancellationToken stopping)
    {
        var all = default(TakenBack);
        try
        {
            while (await lane.Store.RecoverAsync(membership.Workers, stopping, FormerDeath) is { Total: > 0 } back) all += back;
            // What somebody holds just now, as the server does for a while that has not noticed our death, is passed by: it is read back
            // as soon as the workers are ready, and not only with the next regular look.
            if (await lane.Store.ReadOwnAsync(membership.Workers, stopping) is { Count: > 0 } left)
            {
                Log.NotRecovered(log, lane.Job.Name, $"{left.Count} are locked by somebody else");
                lane.Load.Doubt();
            }
        }
        catch (Exception e) when (lane.Store.Database.Dialect.Classify(e) is ErrorKind.Locked or ErrorKind.Data or ErrorKind.Schema
            || lane.Store.Database.Dialect.IsStatementTimeout(e))
        {
            // It takes too long, or one record is locked, or refused by a rule of the table: reconciling goes on with the rest, one by one.
            Log.NotRecovered(log, lane.Job.Name, e.Message);
        }
        return all;
    }

    /// <summary>These are held from now on: nothing of theirs is started, and what waits for its start is given back.</summary>
    public void Hold(Holds now)
    {
        if (holds.IsSame(now)) return;
        var isLetGo = holds.Beyond(now).Any();
        holds = now;
        if (isLetGo)
        {
            // What was given back meanwhile nobody was told of.
            foreach (var lane in lanes) lane.Load.GiveBack();
            HandIsLow.Set();
        }
        WantsMore.Set();
    }

    private bool IsHeld(Lane lane, int w) => !lane.Job.AdmitsThis || holds.IsJobHeld(lane.Job.Name)
        || holds.IsWorkerHeld(membership.Workers[w].Worker, membership.Node);

    /// <summary>
    /// Takes reservations in. A record that is already known is not taken twice; nor is one whose START got no answer, for
    /// only reading back tells whether it still is a reservation.
    /// </summary>
    /// <param name="lane">Their job.</param>
    /// <param name="reservations">The reservations.</param>
    /// <param name="areReadBack">Whether they were just read back from the table.</param>
    public void Deliver(Lane lane, IEnumerable<Reservation> reservations, bool areReadBack = false)
    {
        var hands = lane.Load.Hands;
        foreach (var reservation in reservations)
        {
            // Not a worker of ours (any more): reconciling or the leader takes care of it.
            if (!slots.TryGetValue(reservation.Worker, out var slot) || slot >= hands.Count) continue;
            if (!areReadBack && lane.IsDoubtful(reservation.Key, reservation.Claim)) continue;
            if (lane.Know(reservation.Key, reservation.Claim) && !hands[slot].Add(reservation))
                lane.Forget(reservation.Key, reservation.Claim);
        }
        WantsMore.Set();
    }

    /// <summary>
    /// Puts right what is in doubt or due for a look, then starts what can be started. Says whether it did something.
    /// One after the other, so that nothing is started while the node finds out what it holds.
    /// </summary>
    public async Task<bool> CycleAsync(CancellationToken stopping)
    {
        var did = await EnterAsync(stopping);
        // Trouble with the table of one job is no reason to start nothing of the others.
        await EachAsync<Func<CancellationToken, Task<bool>>>([ReconcileCycleAsync, StartCycleAsync, RelieveAsync], async stepAsync =>
        {
            stopping.ThrowIfCancellationRequested();
            did |= await stepAsync(stopping);
        });
        return did;
    }

    /// <summary>
    /// Starts tasks for all workers that can take some, with one statement for each job. Says whether it started any.
    /// </summary>
    private async Task<bool> StartCycleAsync(CancellationToken stopping)
    {
        if (!membership.IsTrusted) return false;
        var batches = new List<(Reservation Reservation, long Session)>[lanes.Count];
        fullAt = null;
        for (var w = 0; w < workers.Length; w++) TakeFor(w, batches);
        var taken = lanes.Zip(batches).Where(b => b.Second is not null).Select(b => (Lane: b.First, Rows: Current(b.First, b.Second))).ToList();
        await EachAsync(taken, of => StartAllAsync(of.Lane, of.Rows, stopping));
        return taken.Exists(of => of.Rows.Count > 0);
    }

    // The same record may have been given anew, to another worker of this node, while hands were gone through. The answer
    // of a START tells keys: both would pass for started.
    private List<(Reservation Reservation, long Session)> Current(Lane lane, List<(Reservation Reservation, long Session)> batch)
    {
        var stale = batch.FindAll(row => !lane.Knows(row.Reservation.Key, row.Reservation.Claim));
        foreach (var (reservation, _) in stale) workers[slots[reservation.Worker]].Expect(-1);
        return stale.Count == 0 ? batch : [.. batch.Except(stale)];
    }

    /// <summary>Takes the step for each item, whatever happens to the others: the first error is thrown at the end.</summary>
    private static async Task EachAsync<T>(IEnumerable<T> items, Func<T, Task> stepAsync)
    {
        Exception? first = null;
        foreach (var item in items)
        {
            try
            {
                await stepAsync(item);
            }
            catch (Exception e)
            {
                first ??= e;
                // In an outage each may take as long as a statement may.
                Pulse.Beat();
            }
        }
        if (first is not null) ExceptionDispatchInfo.Throw(first);
    }

    /// <summary>
    /// Chooses what a worker starts next. An idle one goes to the next job that has something in its hand; a busy one
    /// is topped up from its own job only while no other job waits for it.
    /// </summary>
    private void TakeFor(int w, List<(Reservation Reservation, long Session)>[] batches)
    {
        // Behind a long task nothing is started: it would only be given back.
        if (workers[w].Running >= LongTask) return;
        var busy = workers[w].Count;
        // Nor behind a record that was tried before: it may be the one that kills its process, and those would be charged.
        if (busy > 0 && isAlone[w]) return;
        var last = lastLanes[w];
        for (var i = 1; i <= lanes.Count; i++)
        {
            var index = (last + i) % lanes.Count;
            var lane = lanes[index];
            if (!CanStart(lane) || w >= lane.Load.Hands.Count || lane.Load.Hands[w].Count == 0 || IsHeld(lane, w)) continue;
            var load = lane.Load;
            if (busy > 0 && (index != last || busy > load.Ahead / 2)) return;
            if (busy > 0 && lane.IsBatched) return;
            if (IsFilling(lane, load.Hands[w])) continue;
            if (busy == 0 && !MayTryAgain(index, load.Hands[w])) continue;
            load.Measure();
            var taken = new List<Reservation>();
            load.Hands[w].Take(Math.Max(1, load.Ahead - busy), busy == 0, taken);
            if (taken.Count == 0) return;
            workers[w].Expect(taken.Count);
            lastLanes[w] = index;
            isAlone[w] = taken[0].Attempts > 0;
            var batch = batches[index] ??= [];
            foreach (var reservation in taken) batch.Add((reservation, membership.Workers[w].Session));
            if (load.Hands[w].Count <= load.Depth / 2) HandIsLow.Set();
            return;
        }
    }

    /// <summary>
    /// Whether what comes next was never tried, or would take nobody with it: where a record kills its process, what has run and is not written
    /// yet is charged as well, and again each time. With several workers that hangs on their good luck anyhow. What cannot be written, for
    /// somebody's lock, say, must not hold it up for long.
    /// </summary>
    private bool MayTryAgain(int index, Hand hand)
    {
        if (workers.Length > 1 || hand.NextTried is not { } next) return true;
        if (lanes.All(lane => lane.Load.IsSuspendedFor(JobStep.Finish) || lane.Load.TableLock.IsResting || lane.HasRoomFor(0))) return true;
        if (waiting[index].Next != next) waiting[index] = (next, time.GetTimestamp());
        return time.GetElapsedTime(waiting[index].Since) >= LongestWrite;
    }

    private bool CanStart(Lane lane) =>
        !lane.Load.IsInDoubt && !lane.Load.IsSuspendedFor(JobStep.Start) && !lane.Load.TableLock.IsResting
        && lane.HasRoomFor(MaxUnwritten(lane.Load)) && Telling(lane) <= MaxUnwritten(lane.Load);

    /// <summary>
    /// How many results may wait for the table before nothing new is started: it is down, or slower than the workers.
    /// </summary>
    private int MaxUnwritten(JobLoad load) => Math.Max(2 * Limits.StatementRows, 2 * workers.Length * load.Ahead);

    private async Task StartRowsAsync(Lane lane, IReadOnlyList<(Reservation Reservation, long Session)> rows, CancellationToken stopping)
    {
        List<StartedTask> started;
        var table = lane.Store.Table;
        try
        {
            started = await lane.Store.StartAsync(rows, stopping);
        }
        catch (Exception e)
        {
            foreach (var (reservation, _) in rows) workers[slots[reservation.Worker]].Expect(-1);
            if (!await IsOfHookAsync(lane, rows, e, stopping)) await NotStartedAsync(lane, rows, table, e, stopping);
            return;
        }
        lane.Load.Resume(JobStep.Start);
        lane.Load.TableLock.End();
        lane.Counters.AddStarted(started.Count);
        lane.Load.Meter.Wrote("start", started.Count);
        var byKey = started.ToDictionary(s => s.Fence.Key);
        var refused = new List<Reservation>();
        foreach (var (reservation, _) in rows)
        {
            var worker = workers[slots[reservation.Worker]];
            if (byKey.TryGetValue(reservation.Key, out var task))
            {
                lane.EndDoubt(reservation);
                Give(worker, lane, task with { Claim = reservation.Claim });
            }
            else
            {
                // An earlier START of it has come through after all.
                if (lane.IsDoubtful(reservation.Key, reservation.Claim)) lane.Load.Doubt();
                worker.Expect(-1);
                lane.Forget(reservation.Key, reservation.Claim);
                refused.Add(reservation);
            }
        }
        await GiveBackRefusedAsync(lane, refused, stopping);
    }

    private async Task NotStartedAsync(
        Lane lane, IReadOnlyList<(Reservation Reservation, long Session)> rows, JobTable table, Exception error, CancellationToken stopping)
    {
        foreach (var (reservation, _) in rows) lane.Forget(reservation.Key, reservation.Claim);
        var dialect = lane.Store.Database.Dialect;
        var kind = dialect.Classify(error);
        if (kind is ErrorKind.Locked or ErrorKind.Data)
        {
            if (kind == ErrorKind.Locked && await lane.Store.IsTableLockAsync(lane.Load, stopping)) PutBack(lane, rows);
            else if (rows.Count > 1) await StartSinglyAsync(lane, rows, stopping);
            // It stays reserved and unknown: reconciling takes it up again.
            else if (lane.NotStarted.IsDue(out var unsaid))
                Log.NotStarted(log, lane.Job.Name, dialect.Display(rows[0].Reservation.Key), unsaid, error.Message);
            return;
        }
        // Whether they were started is not known; what they really are is read back before anything else is done.
        foreach (var (reservation, _) in rows) lane.Doubt(reservation);
        lane.Load.Doubt();
        if (kind == ErrorKind.Schema) await lane.Store.SuspendAsync(lane.Load, JobStep.Start, table, error, stopping);
        else ExceptionDispatchInfo.Throw(error);
    }

    /// <summary>Tasks that run.</summary>
    public int Running => workers.Sum(w => w.Count);

    /// <summary>Tasks that run, or wait for their result to be written.</summary>
    public int Unfinished => workers.Sum(w => w.Count) + lanes.Sum(l => l.Finisher.Count);

    public void Dispose()
    {
        foreach (var worker in workers) worker.Dispose();
    }
}
