using Pampa.Serving;

namespace Pampa.Showing;

/// <summary>
/// All nodes and all workers, in pages by name: of what was seen last, so that nobody who turns pages asks the database anything.
/// </summary>
internal sealed class Roster(Watcher watcher)
{
    private const int MostRows = 300;

    public async Task<NodePageShape?> NodesAsync(Query query, CancellationToken stopping)
    {
        var (sought, seen) = (query.Text("name"), await watcher.LastAsync(stopping));
        List<NodeShape> found = [.. seen.Nodes.Where(n => sought is null || n.Name.Contains(sought, StringComparison.OrdinalIgnoreCase))];
        var (nodes, next) = Page(found, n => n.Name, query);
        return new NodePageShape(nodes, next, found.Count);
    }

    public async Task<WorkerPageShape?> WorkersAsync(Query query, CancellationToken stopping)
    {
        var (node, seen) = (query.Text("node"), await watcher.LastAsync(stopping));
        var (workers, next) = Page(seen.Workers.Where(w => node is null || w.Node == node), w => w.Id, query);
        return new WorkerPageShape(workers, next);
    }

    private static (IReadOnlyList<T> Page, string? Next) Page<T>(IEnumerable<T> all, Func<T, string> nameOf, Query query)
    {
        var (after, limit) = (query.Text("after"), query.Whole("limit", 1, MostRows, 100));
        var rest = all.Where(one => after is null || string.CompareOrdinal(nameOf(one), after) > 0).Take(limit + 1).ToList();
        return rest.Count <= limit ? (rest, null) : (rest[..limit], nameOf(rest[limit - 1]));
    }
}
