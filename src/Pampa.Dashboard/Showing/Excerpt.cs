namespace Pampa.Showing;

/// <summary>
/// What goes to the pages of all that was seen: a picture goes to every page every two seconds, and nobody reads thousands of rows. Pages ask
/// for the others (<see cref="Roster"/>).
/// </summary>
internal static class Excerpt
{
    public const int MostWorkers = 300;
    public const int MostNodes = 300;
    public const int MostAbsent = 20;

    public static SnapshotShape Of(SnapshotShape seen) => seen with
    {
        // By name, so that a page can go on behind the last one.
        Nodes = seen.Nodes.Count <= MostNodes ? seen.Nodes : [.. seen.Nodes.Take(MostNodes)],
        NodeCount = seen.Nodes.Count,
        Absent = seen.Absent.Count <= MostAbsent ? seen.Absent : [.. seen.Absent.Take(MostAbsent)],
        AbsentCount = seen.Absent.Count,
        Workers = seen.Workers.Count <= MostWorkers ? seen.Workers : [.. Told(seen.Workers)],
    };

    // Those that somebody would look for, and of the others those of small nodes first, which are whole then.
    private static IEnumerable<WorkerShape> Told(IReadOnlyList<WorkerShape> workers)
    {
        var sizes = workers.GroupBy(w => w.Node).ToDictionary(n => n.Key, n => n.Count());
        return workers.OrderByDescending(w => w.Held is not null).ThenBy(w => w.IsReady)
            .ThenByDescending(w => w.Running?.For ?? 0).ThenBy(w => sizes[w.Node])
            .Take(MostWorkers).OrderBy(w => w.Id, StringComparer.Ordinal);
    }
}
