using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>Which results share a statement.</summary>
internal sealed partial class Finisher
{
    // One statement each: where a later one failed, the rows of an earlier one would look like somebody else's.
    private IEnumerable<IReadOnlyList<Pending>> Statements(List<Pending> rows) =>
        Singly(rows).SelectMany(once => once.GroupBy(p => p.Result, Alike.Instance).SelectMany(group => group.Chunk(MaxRows)));

    // What hooks do is committed with the one record that they are told of.
    private int MaxRows => lane.Job.Hooks.HasStatements(HookKind.Finished) ? 1 : dialect.MaxRows;

    // The answer tells keys. Two attempts of one record, of which one is stale, must not share a statement: both would
    // pass for accepted.
    private static IEnumerable<List<Pending>> Singly(List<Pending> rows)
    {
        while (rows.Count > 0)
        {
            var keys = new HashSet<TaskKey>(rows.Count);
            var again = new List<Pending>();
            yield return rows.FindAll(row =>
            {
                if (keys.Add(row.Result.Fence.Key)) return true;
                again.Add(row);
                return false;
            });
            rows = again;
        }
    }

    /// <summary>What one statement can write: the same columns, and completions apart from all else, for theirs is the shorter one.</summary>
    private sealed class Alike : IEqualityComparer<TaskResult>
    {
        public static readonly Alike Instance = new();

        public bool Equals(TaskResult? x, TaskResult? y) => ReferenceEquals(x, y)
            || (x is not null && y is not null && IsCompleted(x) == IsCompleted(y) && ColumnChanges.AreAlike(x.Changes, y.Changes));

        public int GetHashCode(TaskResult result)
        {
            var hash = new HashCode();
            hash.Add(IsCompleted(result));
            foreach (var column in result.Changes?.Columns ?? []) hash.Add(column);
            return hash.ToHashCode();
        }

        private static bool IsCompleted(TaskResult result) => result.Outcome == Outcome.Completed;
    }
}
