using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Finds due records that stand before the place where picking goes on: what was given back, what is due again, what somebody has added there.
/// Each second, and sooner where that is told. Where the index there is full of what has ended, and a snapshot that somebody holds open keeps that
/// from being cleared away, the way over it costs more and more: so it is looked for beside the rounds, which go on meanwhile, and for about a
/// twentieth of the time.
/// </summary>
/// <param name="store">The job's records.</param>
/// <param name="log">Told of a look that fails: nothing else hangs on it.</param>
/// <param name="time">Time.</param>
internal sealed class WayBack(TaskStore store, ILogger log, TimeProvider time)
{
    /// <summary>How many are found at a time; what stands behind the last of so many another look finds.</summary>
    public const int Most = 1_000;

    // Many of them may be locked: so many are tried together, however few are wanted.
    private const int Together = 250;

    private const int Rarity = 20;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan OnwardEvery = TimeSpan.FromMilliseconds(50);

    // What was found is done with before it begins at the first again, unless that takes longer: of tasks that are long, or of thousands that are locked.
    private static readonly TimeSpan LongestStretch = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    // Most ways are short, and what was found is reserved in the same round.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(20);

    // The first stretch and what comes behind a full number may take as differently long as it happens: one must not hasten the other.
    private readonly Pace pace = new(Every, time, Rarity);
    private readonly Pace onward = new(OnwardEvery, time, Rarity);
    private readonly Telling failures = new(time);
    private List<TaskKey> found = [];
    private int offered;
    private Looking? underWay;

    // The last of a full number.
    private TaskKey? last;
    private long stretchBegan;

    /// <summary>A look that has begun.</summary>
    private sealed class Looking(bool isOnward, int wanted)
    {
        public bool IsOnward => isOnward;

        public int Wanted => wanted;

        public Task<List<TaskKey>> Keys { get; set; } = Task.FromResult<List<TaskKey>>([]);

        public long Began { get; set; }

        public long Ended { get; set; }

        /// <summary>Whether it was told of records meanwhile, which it may not have seen.</summary>
        public bool WasTold { get; set; }

        /// <summary>Whether it was begun for a former term.</summary>
        public bool IsOld { get; set; }
    }

    /// <summary>Over when it does not look any more.</summary>
    public Task Look => underWay?.Keys ?? Task.CompletedTask;

    /// <summary>The records that it found and that are left out for a while, because they are locked or a rule of their table refuses them.</summary>
    public AvoidedKeys LeftOut { get; } = new(time);

    /// <summary>There may be some: the next look comes as soon as the pace allows.</summary>
    public void Hasten()
    {
        if (underWay is not null) underWay.WasTold = true;
        pace.Hasten();
    }

    /// <summary>All before the place was seen by whoever began at the first record at this moment.</summary>
    public void SeenSince(long moment)
    {
        if (pace.IsDue) pace.End(moment);
        Forget();
    }

    /// <summary>A new term looks at everything anew.</summary>
    public void Reset()
    {
        if (underWay is not null) underWay.IsOld = true;
        LeftOut.Clear();
        Forget();
    }

    /// <summary>
    /// Looks, if it is time to, and says which of those that were found come next: a few more than are wanted, for not all may be to be had. What has
    /// become of them is told by <see cref="Took"/>.
    /// </summary>
    /// <param name="wanted">How many are wanted.</param>
    /// <param name="place">Where picking goes on.</param>
    /// <param name="after">What is gone round on purpose ends here; null: nothing is.</param>
    /// <param name="stopping">Gives up.</param>
    public async Task<List<TaskKey>> NextAsync(int wanted, TaskKey place, TaskKey? after, CancellationToken stopping)
    {
        if (underWay is null && !IsInStretch && pace.IsDue) await BeginAsync(place, after, isOnward: false, stopping);
        else if (underWay is null && found.Count == 0 && last is not null && onward.IsDue) await BeginAsync(place, last, isOnward: true, stopping);
        if (underWay is { Keys.IsCompleted: true } look)
        {
            underWay = null;
            Settle(look);
        }
        if (LeftOut.Any) found = LeftOut.Fresh(found);
        offered = Math.Min(Math.Max(wanted, Together), found.Count);
        return found[..offered];
    }

    private bool IsInStretch => (found.Count > 0 || last is not null) && time.GetElapsedTime(stretchBegan) < LongestStretch;

    /// <summary>They were tried.</summary>
    /// <param name="last">The last one that was reserved, where no more were wanted: those behind it come next. Null: all are done with.</param>
    public void Took(TaskKey? last)
    {
        found.RemoveRange(0, last is { } key ? found.IndexOf(key) + 1 : offered);
        offered = 0;
    }

    private async Task BeginAsync(TaskKey place, TaskKey? after, bool isOnward, CancellationToken stopping)
    {
        // Those that are left out must not hide others.
        var look = new Looking(isOnward, Most + LeftOut.Count) { Began = time.GetTimestamp() };
        underWay = look;
        // Where there is one writer at a time nothing goes on beside it.
        if (store.Database.Dialect.HasSingleWriter)
        {
            look.Keys = ReadAsync();
            await Look.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }
        // It takes turns with all else that may take seconds, and does not have all connections with it.
        var isInTurn = false;
        look.Keys = InTurnAsync();
        if (!isInTurn) return;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        await Task.WhenAny(look.Keys, Task.Delay(Grace, time, enough.Token));
        await enough.CancelAsync();

        async Task<List<TaskKey>> InTurnAsync()
        {
            List<TaskKey> keys = [];
            await store.Database.InTurnAsync(async () =>
            {
                isInTurn = true;
                look.Began = time.GetTimestamp();
                keys = await ReadAsync();
            }, stopping);
            return keys;
        }

        async Task<List<TaskKey>> ReadAsync()
        {
            try
            {
                return await store.ReadNextAsync(look.Wanted, after, place, Longest, stopping);
            }
            finally
            {
                look.Ended = time.GetTimestamp();
            }
        }
    }

    private void Settle(Looking look)
    {
        // Given up with the process's earlier work.
        if (look.Keys.IsCanceled) return;
        var own = look.IsOnward ? onward : pace;
        var (error, dialect) = (look.Keys.Exception?.InnerException, store.Database.Dialect);
        // What an outage or a lock takes says nothing of the way.
        if (error is null || dialect.IsStatementTimeout(error) || dialect.Classify(error) == ErrorKind.Data) own.End(look.Began, look.Ended);
        else own.Restart();
        if (look.WasTold) pace.Hasten();
        if (look.IsOld) return;
        if (error is not null)
        {
            // Picking meets it as well when it comes there, and says what is to be done.
            if (failures.IsDue(out var unsaid)) Log.LookFailed(log, store.Job.Name, unsaid, error.Message);
            return;
        }
        found = look.Keys.Result;
        if (!look.IsOnward) stretchBegan = time.GetTimestamp();
        if (found.Count < look.Wanted) last = null;
        // Where it has begun at the first although it was not through, it goes on from where it had come to: the same may be locked still.
        else if (look.IsOnward || last is null) last = found[^1];
    }

    private void Forget()
    {
        found.Clear();
        last = null;
    }
}
