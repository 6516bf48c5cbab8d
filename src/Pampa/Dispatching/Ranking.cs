using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Orders the workers of a job as the program says; where its code throws, as if it said nothing.</summary>
internal sealed class Ranking
{
    private readonly string job;
    private readonly WorkerOrder order;
    private readonly Trouble trouble;

    public Ranking(string job, WorkerOrder order, ILogger log)
    {
        this.job = job;
        this.order = order;
        trouble = new Trouble((_, error) => Log.NotOrdered(log, job, error), () => Log.OrderedAgain(log, job));
    }

    /// <summary>The workers in order.</summary>
    public IReadOnlyList<WorkerHand> Sort(IReadOnlyList<WorkerHand> workers) =>
        Try(() => (IReadOnlyList<WorkerHand>)[.. order.Sort([.. workers.Select(Of)]).Select(i => workers[i])]) ?? workers;

    /// <summary>The slots to reserve for; see <see cref="Assignment.Slots"/>.</summary>
    public List<Slot> Slots(IReadOnlyList<WorkerHand> workers, int max)
    {
        var low = workers.Where(Assignment.IsLow).ToList();
        return Try(() => order.Deal([.. low.Select(Of)], max).Select(i => Assignment.SlotOf(low[i])).ToList()) ?? Assignment.Slots(workers, max);
    }

    private CandidateWorker Of(WorkerHand hand) => new(job, hand.Worker, hand.NodeName, hand.Count, hand.Depth);

    private T? Try<T>(Func<T> orderAsCode) where T : class
    {
        try
        {
            var ordered = orderAsCode();
            trouble.End("");
            return ordered;
        }
        catch (Exception e)
        {
            // A comparison that throws is wrapped by whoever sorts.
            var cause = e is InvalidOperationException { InnerException: { } inner } ? inner : e;
            trouble.Begin("", $"it throws {cause.GetType().Name}: {cause.Message}");
            return null;
        }
    }
}
