using Pampa.Jobs;

namespace Pampa.Dispatching;

/// <summary>
/// Records that are left out for a while, because somebody has locked them or a rule of their table refuses them: nobody behind them
/// has to wait for that.
/// </summary>
/// <param name="time">Time.</param>
/// <param name="refusedFor">For how long one that is refused is left out at least; null: as long as one that is locked.</param>
internal sealed class AvoidedKeys(TimeProvider time, TimeSpan? refusedFor = null)
{
    /// <summary>More than these are not remembered.</summary>
    private const int Most = Limits.NamedRows;

    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);
    private readonly Dictionary<TaskKey, Avoidance> keys = [];

    private readonly record struct Avoidance(long Since, TimeSpan For);

    /// <summary>How many there are now.</summary>
    public int Count
    {
        get
        {
            // How long it was is remembered for as long again, so that the next time can be longer.
            foreach (var (key, one) in keys.ToList())
            {
                if (time.GetElapsedTime(one.Since) >= 2 * one.For) keys.Remove(key);
            }
            return keys.Values.Count(IsOn);
        }
    }

    public bool Any => keys.Count > 0 && Count > 0;

    /// <summary>Those of the keys that are not among them.</summary>
    public List<TaskKey> Fresh(IEnumerable<TaskKey> some) => Fresh(some, key => key);

    /// <summary>Those of the records whose keys are not among them.</summary>
    public List<T> Fresh<T>(IEnumerable<T> some, Func<T, TaskKey> keyOf) =>
        [.. some.Where(one => !keys.TryGetValue(keyOf(one), out var found) || !IsOn(found))];

    /// <summary>
    /// One more. A lock is let go soon; what a rule refuses costs the database's time whenever it is tried, so the more of it there is, and the
    /// oftener it was, the later it is tried again. Returns for how long it is left out.
    /// </summary>
    public TimeSpan Add(TaskKey key, bool isRefused)
    {
        var span = isRefused ? Refused(key) : Shortest;
        if (keys.Count < Most || keys.ContainsKey(key)) keys[key] = new Avoidance(time.GetTimestamp(), span);
        return span;
    }

    public void Clear() => keys.Clear();

    private TimeSpan Refused(TaskKey key)
    {
        var span = keys.TryGetValue(key, out var before) ? 2 * before.For : TimeSpan.FromSeconds(keys.Count + 1);
        var least = refusedFor ?? Shortest;
        return span < least ? least : span < Longest ? span : Longest;
    }

    private bool IsOn(Avoidance one) => time.GetElapsedTime(one.Since) < one.For;
}
