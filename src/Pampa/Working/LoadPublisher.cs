using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// Says in the database what this node does of each job, so that every process and person can see it. Silent while
/// nothing changes: an idle node costs nothing.
/// </summary>
internal sealed class LoadPublisher(Node node, ClusterStore store, TimeProvider time)
{
    private readonly Dictionary<string, long> endedBefore = new(StringComparer.Ordinal);
    private long publishedAt;
    private List<NodeLoad> published = [];

    /// <summary>Publishes once. Says that it did nothing, so that the loop waits for its interval.</summary>
    public async Task<bool> CycleAsync(CancellationToken stopping)
    {
        if (node.Membership.Node.Length == 0) return false;
        var now = time.GetTimestamp();
        var seconds = publishedAt == 0 ? 0 : time.GetElapsedTime(publishedAt, now).TotalSeconds;
        var loads = node.Lanes.Select(lane => Measure(lane, seconds)).ToList();
        publishedAt = now;
        if (loads.TrueForAll(l => l is { PerSecond: 0, Running: 0, InHand: 0 }) && loads.SequenceEqual(published)) return false;
        await store.PublishLoadAsync(node.Membership.Node, loads, stopping);
        published = loads;
        return false;
    }

    private NodeLoad Measure(Lane lane, double seconds)
    {
        var ended = lane.Counters.Ended;
        var before = endedBefore.GetValueOrDefault(lane.Job.Name);
        endedBefore[lane.Job.Name] = ended;
        var durations = lane.Load.Durations;
        return new NodeLoad(lane.Job.Name, lane.Load.Hands.Sum(h => h.Count), lane.Counters.Open, seconds > 0 ? (ended - before) / seconds : 0,
            durations.Percentile(0.5) ?? TimeSpan.Zero, durations.Percentile(0.9) ?? TimeSpan.Zero);
    }
}
