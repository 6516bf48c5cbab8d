using System.Collections.Concurrent;

namespace Pampa.Storage;

/// <summary>
/// What this process knows of the columns of a job's table over all that the table has been: which it had, and which handlers have named.
/// </summary>
internal sealed class ColumnUse
{
    private readonly ConcurrentDictionary<string, bool> isNamed = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, long> missedAt = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The table has such a column.</summary>
    public void Had(string column) => isNamed.TryAdd(column, false);

    /// <summary>A handler has named such a column, and it was there.</summary>
    public void Named(string column) => isNamed[column] = true;

    /// <summary>Whether the table had such a column at some time.</summary>
    public bool HasHad(string column) => isNamed.ContainsKey(column);

    /// <summary>A handler misses a column. Returns since when it is missed, as a time stamp.</summary>
    public long Missed(string column, long now) => missedAt.GetOrAdd(column, now);

    /// <summary>The column is there.</summary>
    public void Found(string column) => missedAt.TryRemove(column, out _);

    /// <summary>All that handlers have named.</summary>
    public IEnumerable<string> AllNamed => isNamed.Where(c => c.Value).Select(c => c.Key);
}
