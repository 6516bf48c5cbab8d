using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Finds due records that stand before the place where picking goes on: what was given back, what is due again, what somebody has added there.
/// Each second, and sooner where that is told. Where the index there is full of what has ended, and a snapshot that somebody holds open keeps that
/// from being cleared away, the way over it costs more and more: so it is looked for beside the rounds, which go on meanwhile, and for a twentieth
/// of the time at most.
/// </summary>
/// <param name="store">The job's records.</param>
/// <param name="time">Time.</param>
internal sealed class WayBack(TaskStore store, TimeProvider time)
{
    /// <summary>How many are found at a time: behind the last of so many picking can go on itself.</summary>
    public const int Most = 1_000;

    private const int Rarity = 20;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    // Most ways are short, and what was found is reserved in the same round.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(20);

    private readonly Pace pace = new(Every, time, Rarity);
    private readonly Queue<TaskKey> found = [];
    private Task<List<TaskKey>>? underWay;
    private TaskKey? last;
    private int wanted;
    private long began;
    private long ended;
    private bool wasTold;

    /// <summary>Over when it does not look any more.</summary>
    public Task Look => underWay ?? Task.CompletedTask;

    /// <summary>The records that it found and that are left out for a while, because they are locked or a rule of their table refuses them.</summary>
    public AvoidedKeys LeftOut { get; } = new(time);

    /// <summary>There may be some: the next look comes as soon as the pace allows.</summary>
    public void Hasten()
    {
        wasTold = true;
        pace.Hasten();
    }

    /// <summary>All before the place was seen by whoever began at the first record at this moment.</summary>
    public void SeenSince(long moment)
    {
        if (pace.IsDue) pace.End(moment);
        Forget();
    }

    /// <summary>
    /// Looks, if it is time to, and says whether there are any that were found. Throws what a look has met.
    /// </summary>
    /// <param name="place">Where picking goes on.</param>
    /// <param name="after">What is gone round on purpose ends here; null: nothing is.</param>
    /// <param name="stopping">Gives up.</param>
    public async Task<bool> FindAsync(TaskKey place, TaskKey? after, CancellationToken stopping)
    {
        if (underWay is null && pace.IsDue) await BeginAsync(place, after, stopping);
        if (underWay is { IsCompleted: true } look)
        {
            underWay = null;
            Settle(await EndAsync(look));
        }
        return found.Count > 0;
    }

    /// <summary>
    /// The next of those that were found, at most so many. With the last of a full number comes the key behind which picking has to go on; else null.
    /// </summary>
    public (List<TaskKey> Keys, TaskKey? GoOn) Take(int most)
    {
        var keys = new List<TaskKey>(Math.Min(most, found.Count));
        while (keys.Count < most && found.TryDequeue(out var key)) keys.Add(key);
        return (LeftOut.Fresh(keys), found.Count == 0 ? last : null);
    }

    private async Task BeginAsync(TaskKey place, TaskKey? after, CancellationToken stopping)
    {
        (began, wasTold) = (time.GetTimestamp(), false);
        // Those that are left out must not hide others.
        wanted = Most + LeftOut.Count;
        // Where there is one writer at a time nothing goes on beside it.
        if (store.Database.Dialect.HasSingleWriter)
        {
            underWay = ReadAsync();
            await Look.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }
        // It takes turns with all else that may take seconds, and does not have all connections with it.
        var isInTurn = false;
        List<TaskKey> keys = [];
        underWay = InTurnAsync();
        if (!isInTurn) return;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        await Task.WhenAny(underWay, Task.Delay(Grace, time, enough.Token));
        await enough.CancelAsync();

        async Task<List<TaskKey>> InTurnAsync()
        {
            await store.Database.InTurnAsync(async () =>
            {
                isInTurn = true;
                began = time.GetTimestamp();
                keys = await ReadAsync();
            }, stopping);
            return keys;
        }

        async Task<List<TaskKey>> ReadAsync()
        {
            try
            {
                return await store.ReadNextAsync(wanted, after, place, Longest, stopping);
            }
            finally
            {
                ended = time.GetTimestamp();
            }
        }
    }

    private async Task<List<TaskKey>> EndAsync(Task<List<TaskKey>> look)
    {
        // Given up with the process's earlier work.
        if (look.IsCanceled) return [];
        try
        {
            var keys = await look;
            pace.End(began, ended);
            return keys;
        }
        catch (Exception e) when (store.Database.Dialect.IsStatementTimeout(e))
        {
            pace.End(began, ended);
            throw;
        }
        catch
        {
            // What an outage or a lock takes says nothing of the way.
            pace.Restart();
            throw;
        }
        finally
        {
            // That it may not have seen.
            if (wasTold) pace.Hasten();
        }
    }

    private void Settle(List<TaskKey> keys)
    {
        Forget();
        foreach (var key in keys) found.Enqueue(key);
        if (keys.Count >= wanted) last = keys[^1];
    }

    private void Forget()
    {
        found.Clear();
        last = null;
    }
}
