using System.Text.RegularExpressions;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Which workers may serve a job, and how many records each of them lacks. Pure: it decides from what it is given.
/// </summary>
internal sealed class Assignment
{
    // A node whose workers have more in hand looks several times a second by itself.
    private const int Few = 5;
    private const int MostRemembered = 10_000;
    private readonly Regex? filter;
    private readonly Dictionary<string, bool> matches = new(StringComparer.Ordinal);

    /// <summary>Makes the rule for one job.</summary>
    public Assignment(JobDefinition job)
    {
        if (job.WorkerFilter is { } pattern) filter = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }

    /// <summary>Those of these workers that may serve the job.</summary>
    public IReadOnlyList<WorkerHand> Matching(IReadOnlyList<WorkerHand> workers) =>
        filter is null ? workers : [.. workers.Where(w => Matches(w.Worker))];

    private bool Matches(string worker)
    {
        if (matches.TryGetValue(worker, out var does)) return does;
        if (matches.Count >= MostRemembered) matches.Clear();
        return matches[worker] = filter!.IsMatch(worker);
    }

    /// <summary>
    /// The slots to reserve for, in turns and the emptiest hands first. A hand that is more than half full is left alone, so
    /// that records travel in batches; but where the statement comes anyway it fills those up that it starts for itself.
    /// </summary>
    public static List<Slot> Slots(IReadOnlyList<WorkerHand> workers, int max)
    {
        var low = workers.Where(IsLow).ToList();
        if (low.Exists(w => w.Session is not null)) low = [.. workers.Where(w => IsLow(w) || (w.Session is not null && !w.IsResting))];
        var slots = new List<Slot>(Math.Min(max, low.Sum(w => Math.Max(0, w.Depth - w.Count))));
        var deepest = low.Count == 0 ? 0 : low.Max(w => w.Depth);
        for (var level = 0; level < deepest && slots.Count < max; level++)
        {
            foreach (var worker in low)
            {
                if (worker.Count <= level && level < worker.Depth && slots.Count < max) slots.Add(SlotOf(worker));
            }
        }
        return slots;
    }

    /// <summary>Whether a worker shall get more.</summary>
    public static bool IsLow(WorkerHand worker) => !worker.IsResting && worker.Count <= worker.Depth / 2;

    /// <summary>A slot of a worker.</summary>
    public static Slot SlotOf(WorkerHand worker) => new(worker.Worker, worker.Node, worker.Count < Few, worker.Session);
}
