using System.Collections.Concurrent;

namespace Pampa.Storage;

/// <summary>
/// What this process knows of the columns of a job's table over all that the table has been: which it had, and which handlers have named.
/// </summary>
internal sealed class ColumnUse
{
    private readonly ConcurrentDictionary<string, bool> isNamed = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The table has such a column.</summary>
    public void Had(string column) => isNamed.TryAdd(column, false);

    /// <summary>A handler has named such a column, and it was there.</summary>
    public void Named(string column) => isNamed[column] = true;

    /// <summary>Whether the table had such a column at some time.</summary>
    public bool HasHad(string column) => isNamed.ContainsKey(column);

    /// <summary>All that handlers have named.</summary>
    public IEnumerable<string> AllNamed => isNamed.Where(c => c.Value).Select(c => c.Key);
}
