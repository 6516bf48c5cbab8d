using System.Collections;
using Pampa.Showing;

namespace Pampa.Dashboard.Tests;

/// <summary>What a picture of the cluster is made of.</summary>
public sealed class SnapshotTests
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static NodeJobInfo Took(string job, double median, double p90) =>
        new(job, 0, 0, 0) { MedianDuration = Seconds(median), P90Duration = Seconds(p90) };

    [Fact]
    public void How_long_the_tasks_of_all_jobs_took_is_found_in_one_walk_through_what_the_nodes_have_said()
    {
        var first = new Counted<NodeJobInfo>([Took("a", 1, 9), Took("b", 4, 5), new NodeJobInfo("c", 1, 1, 1)]);
        var second = new Counted<NodeJobInfo>([Took("a", 2, 3), new NodeJobInfo("b", 1, 1, 1)]);
        NodeInfo[] nodes = [new("n1", "p", 1, 1, 0, Seconds(1), first), new("n2", "p", 1, 1, 0, Seconds(1), second)];
        var durations = Snapshots.DurationsOf(nodes);
        Assert.Equal(["a", "b"], durations.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((new DurationsShape(2, 9, 2), new DurationsShape(4, 5, 1)), (durations["a"], durations["b"]));
        Assert.Equal((1, 1), (first.Walks, second.Walks));
    }

    /// <summary>Tells how many times it was gone through.</summary>
    private sealed class Counted<T>(T[] items) : IReadOnlyList<T>
    {
        public int Walks { get; private set; }

        public int Count => items.Length;

        public T this[int index] => items[index];

        public IEnumerator<T> GetEnumerator()
        {
            Walks++;
            return items.AsEnumerable().GetEnumerator();
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
