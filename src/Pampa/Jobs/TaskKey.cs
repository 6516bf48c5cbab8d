namespace Pampa.Jobs;

/// <summary>
/// The key of a record: one opaque text per key column, as the database wrote it and as it takes it back. Never parsed,
/// never computed with.
/// </summary>
internal readonly struct TaskKey : IEquatable<TaskKey>, IComparable<TaskKey>
{
    private readonly string first;
    private readonly string[]? rest;

    public TaskKey(string only) => first = only;

    public TaskKey(string[] parts)
    {
        ArgumentOutOfRangeException.ThrowIfZero(parts.Length);
        first = parts[0];
        rest = parts.Length > 1 ? parts[1..] : null;
    }

    public int Count => 1 + (rest?.Length ?? 0);

    public string this[int index] => index == 0 ? first : rest![index - 1];

    public bool Equals(TaskKey other)
    {
        if (Count != other.Count || !string.Equals(first, other.first, StringComparison.Ordinal)) return false;
        return rest is null || rest.AsSpan().SequenceEqual(other.rest);
    }

    /// <summary>An order of keys, whatever their database thinks of it: by the first part in which they differ.</summary>
    public int CompareTo(TaskKey other)
    {
        var order = string.CompareOrdinal(first, other.first);
        for (var i = 1; order == 0 && i < Count && i < other.Count; i++) order = string.CompareOrdinal(this[i], other[i]);
        return order != 0 ? order : Count.CompareTo(other.Count);
    }

    public override bool Equals(object? obj) => obj is TaskKey other && Equals(other);

    public override int GetHashCode()
    {
        if (rest is null) return first.GetHashCode(StringComparison.Ordinal);
        var hash = new HashCode();
        for (var i = 0; i < Count; i++) hash.Add(this[i], StringComparer.Ordinal);
        return hash.ToHashCode();
    }

    public IEnumerable<string> Parts()
    {
        for (var i = 0; i < Count; i++) yield return this[i];
    }

    public override string ToString() => string.Join(",", Parts());
}
