using System.Text.RegularExpressions;
using Pampa.Jobs;

namespace Pampa.Dispatching;

/// <summary>
/// Which workers of a node serve a job, and how many records each of them lacks. Pure: it decides from what it is
/// given.
/// </summary>
internal sealed class Assignment
{
    private readonly JobDefinition job;
    private readonly int offset;
    private readonly Regex? filter;

    /// <summary>Makes the rule for one job.</summary>
    /// <param name="job">The job.</param>
    /// <param name="offset">Where in the row of workers the job begins, so that jobs with a limit do not all crowd on
    /// the first ones.</param>
    public Assignment(JobDefinition job, int offset)
    {
        this.job = job;
        this.offset = offset;
        if (job.WorkerFilter is { } pattern) filter = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }

    /// <summary>The hands of the workers that serve the job.</summary>
    public IReadOnlyList<Hand> Serving(IReadOnlyList<Hand> hands)
    {
        var matching = filter is null ? hands : [.. hands.Where(h => filter.IsMatch(h.Worker))];
        if (job.MaxAssignedWorkers is not { } max || matching.Count <= max) return matching;
        return [.. Enumerable.Range(0, max).Select(i => matching[(offset + i) % matching.Count])];
    }

    /// <summary>
    /// The slots to reserve for, in turns and the emptiest hands first. A hand that is more than half full is left
    /// alone, so that records travel in batches.
    /// </summary>
    public static List<string> Slots(IReadOnlyList<Hand> hands, int depth, int max)
    {
        var low = hands.Where(h => !h.IsResting).Select(h => (h.Worker, h.Count))
            .Where(h => h.Count <= depth / 2).ToList();
        var slots = new List<string>();
        for (var level = 0; level < depth && slots.Count < max && low.Count > 0; level++)
        {
            foreach (var (worker, count) in low)
            {
                if (count <= level && slots.Count < max) slots.Add(worker);
            }
        }
        return slots;
    }
}
