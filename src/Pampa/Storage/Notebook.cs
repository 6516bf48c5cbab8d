using System.Collections.Concurrent;

namespace Pampa.Storage;

/// <summary>
/// What happened to single records, until it is written to their history. Whoever notes something never waits; where too much happens
/// at once, the rest is not noted.
/// </summary>
internal sealed class Notebook(HistoryStore store)
{
    /// <summary>Notes that wait at most.</summary>
    private const int Most = 100;

    private readonly ConcurrentQueue<(string Job, HistoryRow Row)> notes = new();

    /// <summary>Whether there is room.</summary>
    public bool HasRoom => notes.Count < Most;

    /// <summary>Notes something, if there is room.</summary>
    public void Add(string job, HistoryRow row)
    {
        if (HasRoom) notes.Enqueue((job, row));
    }

    /// <summary>
    /// Writes what was noted. What cannot be written is thrown away: it is for people, and the next notes need the room.
    /// </summary>
    public async Task WriteAsync(CancellationToken stopping)
    {
        var taken = new List<(string Job, HistoryRow Row)>();
        while (taken.Count < Most && notes.TryDequeue(out var note)) taken.Add(note);
        foreach (var job in taken.GroupBy(n => n.Job, n => n.Row)) await store.WriteAsync(job.Key, [.. job], stopping);
    }
}
