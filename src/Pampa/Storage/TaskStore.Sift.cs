namespace Pampa.Storage;

/// <summary>
/// Searching error texts of which a part is hidden. The database is asked for all that have a text, and knows nothing of what is sought: so
/// neither what is found, nor how long it takes, nor where a page ends has anything to do with the hidden part.
/// </summary>
internal sealed partial class TaskStore
{
    /// <summary>Records whose whole texts are brought at once.</summary>
    internal int SiftedRows { get; init; } = 500;

    /// <summary>How long they are searched before a look says how far it has come.</summary>
    private static readonly TimeSpan SiftFor = TimeSpan.FromMilliseconds(500);

    /// <summary>A text that is looked for in what is left of error texts.</summary>
    private sealed record Sieve(string Text, Func<string, string> Redact)
    {
        public bool Passes(string? error) => error is not null && Redact(error).Contains(Text, StringComparison.OrdinalIgnoreCase);
    }

    private async Task<TaskPage> SiftedPageAsync(TaskQuery query, Asking asking, CancellationToken stopping)
    {
        var (moment, after) = Cursor(query);
        var search = PageSearch(query, asking, WholeTexts);
        var began = TimeProvider.System.GetTimestamp();
        var walk = default(Walk);
        var found = new List<Listed>();
        var looked = 0L;
        while (true)
        {
            var at = TimeProvider.System.GetTimestamp();
            (walk, var seen) = await SliceAsync(walk, asking, search, after, SiftedRows, moment, stopping);
            var sifting = TimeProvider.System.GetTimestamp();
            for (var i = 0; i < seen.Count; i++)
            {
                var one = seen[i];
                if (asking.Sieve!.Passes(one.Task.Error)) found.Add(one with { Task = one.Task with { Error = Cut(one.Task.Error, PageErrors) } });
                if (found.Count > query.Limit) return Page(found[..query.Limit], NextOf(found[query.Limit - 1], query.Order), isPartial: false, looked + i);
                if (TimeProvider.System.GetElapsedTime(sifting) >= SiftFor) return Page(found, NextOf(one, query.Order), isPartial: true, looked + i + 1);
            }
            looked += LookedAt(walk, seen.Count, SiftedRows);
            if (!GoesOn(walk, seen)) return Page(found, null, isPartial: false, looked);
            var next = seen.Count == SiftedRows ? NextOf(seen[^1], query.Order) : database.Dialect.Display(walk.Cursor!.Value);
            if (!search.IsByKey) moment = MomentOf(seen[^1], query.Order);
            if (IsLongEnough(began, at)) return Page(found, next, isPartial: true, looked);
        }
    }

    private async Task<TaskCount> CountSiftedAsync(TaskFilter filter, Asking asking, int most, bool isHurried, CancellationToken stopping)
    {
        var search = new Search { States = filter.States, OfKeys = asking.Keys is not null, Characters = WholeTexts };
        var began = TimeProvider.System.GetTimestamp();
        var walk = default(Walk);
        var count = 0L;
        while (true)
        {
            (walk, var seen) = await SliceAsync(walk, asking, search, null, SiftedRows, null, stopping);
            foreach (var one in seen)
            {
                if (asking.Sieve!.Passes(one.Task.Error) && ++count > most) return new TaskCount(most, IsExact: false);
                if (isHurried && TimeProvider.System.GetElapsedTime(began) >= CountFor) return new TaskCount(count, IsExact: false);
            }
            if (!GoesOn(walk, seen)) return new TaskCount(count, IsExact: true);
        }
    }

    // Behind the last one that was brought, where there may be more of the window, else behind the window.
    private bool GoesOn(Walk walk, List<Listed> seen)
    {
        walk.Cursor = seen.Count == SiftedRows ? seen[^1].Key : walk.Bound;
        return walk.Cursor is not null;
    }
}
