using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Reserves named records for slots, in their order, until all slots have one. A record that is locked, where the database cannot
/// pass it by, or that a rule of its table refuses, and a key that is no value of its column, is found by halving and left out.
/// </summary>
/// <param name="job">The job.</param>
/// <param name="slots">The slots.</param>
/// <param name="bindAsync">Reserves the first of some records that can be for some slots.</param>
/// <param name="time">Time.</param>
/// <param name="stopping">Gives up.</param>
internal sealed class NamedReserve(
    JobDispatch job, IEnumerable<Slot> slots, Func<IReadOnlyList<Slot>, IReadOnlyList<TaskKey>, Task<List<Reservation>>> bindAsync, TimeProvider time,
    CancellationToken stopping)
{
    private static readonly TimeSpan LongestPass = TimeSpan.FromSeconds(1);
    private readonly List<Slot> free = [.. slots];
    private readonly long began = time.GetTimestamp();
    private bool hasLooked;

    /// <summary>How many were reserved.</summary>
    public int Count { get; private set; }

    /// <summary>The last one that was; null: none.</summary>
    public TaskKey? Last { get; private set; }

    /// <summary>Those that were left out, and why.</summary>
    public List<(TaskKey Key, Exception Error)> Refused { get; } = [];

    /// <summary>Whether the table is locked as a whole: then no record's lock is looked for.</summary>
    public bool IsTableLocked { get; private set; }

    /// <summary>
    /// Whether its time is over. To find the first one takes as long as it takes: else the next pass, which begins at the same, would come no
    /// further.
    /// </summary>
    public bool IsOver => time.GetElapsedTime(began) >= LongestPass && Count + Refused.Count > 0;

    private Dialect Dialect => job.Store.Database.Dialect;

    public async Task RunAsync(IReadOnlyList<TaskKey> keys)
    {
        foreach (var chunk in keys.Chunk(Dialect.MaxReserveRows)) await SomeAsync(chunk);
    }

    private async Task SomeAsync(TaskKey[] keys)
    {
        // Each locked one costs a wait, and meanwhile nobody else is dispatched for: the rest has time until the next answer.
        if (keys.Length == 0 || free.Count == 0 || IsTableLocked || IsOver) return;
        try
        {
            Settle(await bindAsync([.. free], keys));
        }
        catch (Exception e) when (Dialect.Classify(e) == ErrorKind.Data || (Dialect.Classify(e) == ErrorKind.Locked && !Dialect.HasSingleWriter))
        {
            if (Dialect.Classify(e) == ErrorKind.Locked && await IsTableLockAsync()) return;
            if (keys.Length == 1)
            {
                Refused.Add((keys[0], e));
                return;
            }
            await SomeAsync(keys[..(keys.Length / 2)]);
            await SomeAsync(keys[(keys.Length / 2)..]);
        }
    }

    // Asked once: where it is none it is the records' own.
    private async Task<bool> IsTableLockAsync()
    {
        if (hasLooked) return IsTableLocked;
        hasLooked = true;
        return IsTableLocked = await job.Store.IsTableLockAsync(job.Load, stopping);
    }

    private void Settle(List<Reservation> bound)
    {
        Count += bound.Count;
        if (bound.Count > 0) Last = bound[^1].Key;
        var taken = bound.GroupBy(r => r.Worker, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        free.RemoveAll(slot =>
        {
            if (taken.GetValueOrDefault(slot.Worker) == 0) return false;
            taken[slot.Worker]--;
            return true;
        });
    }
}
