using Pampa.Jobs;

namespace Pampa.Working;

/// <summary>
/// Records that a START of this node has refused lately, although they were reserved for it. One that comes again meanwhile is dealt by
/// somebody who has another condition: a program of another version. Used by the node's own loop alone.
/// </summary>
internal sealed class Refusals(TimeProvider time)
{
    private const int MostRemembered = 10_000;
    private static readonly TimeSpan Lately = TimeSpan.FromSeconds(30);
    private readonly Dictionary<TaskKey, long> refusedAt = [];

    /// <summary>Whether it was refused, and given back, within the last half minute.</summary>
    public bool Knows(TaskKey key) => refusedAt.TryGetValue(key, out var at) && time.GetElapsedTime(at) < Lately;

    /// <summary>Notes those that were given back.</summary>
    public void Note(IEnumerable<Reservation> givenBack)
    {
        foreach (var reservation in givenBack)
        {
            if (refusedAt.Count >= MostRemembered) refusedAt.Clear();
            refusedAt[reservation.Key] = time.GetTimestamp();
        }
    }
}
