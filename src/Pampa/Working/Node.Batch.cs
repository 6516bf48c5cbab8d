using Pampa.Storage;

namespace Pampa.Working;

/// <summary>Batches: when a worker takes one, and how its records come to it all at once.</summary>
internal sealed partial class Node
{
    private readonly Dictionary<Worker, List<StartedTask>> gathered = [];

    // When the first of the batches that wait to fill has waited long enough.
    private TimeSpan? fullAt;

    /// <summary>How long the node may rest before a batch that waits to fill is taken as it is.</summary>
    public TimeSpan UntilFull => fullAt ?? TimeSpan.MaxValue;

    /// <summary>
    /// Whether a batch that is not full waits for more. Not where nothing more is dealt to the hand, because it is more than half full.
    /// </summary>
    private bool IsFilling(Lane lane, Jobs.Hand hand)
    {
        var wait = lane.Job.MaxBatchWait;
        if (wait == TimeSpan.Zero || !hand.IsFilling(Math.Min(lane.Job.Handler.Batch!.Size, (lane.Load.Depth / 2) + 1)))
        {
            hand.FillingSince = 0;
            return false;
        }
        if (hand.FillingSince == 0) hand.FillingSince = time.GetTimestamp();
        var left = wait - time.GetElapsedTime(hand.FillingSince);
        if (left <= TimeSpan.Zero)
        {
            hand.FillingSince = 0;
            return false;
        }
        if (left < UntilFull) fullAt = left;
        return true;
    }

    /// <summary>Gives a worker what is started for it: at once, or when all of its batch is.</summary>
    private void Give(Worker worker, Lane lane, StartedTask task)
    {
        if (!lane.IsBatched)
        {
            worker.Take(new Work(lane, [task]));
            return;
        }
        if (!gathered.TryGetValue(worker, out var batch)) gathered[worker] = batch = [];
        batch.Add(task);
    }

    /// <summary>A batch may take several statements, and some of its records may not start: what did is run together.</summary>
    private void GiveGathered(Lane lane, long askedAt)
    {
        foreach (var (worker, batch) in gathered) worker.Take(new Work(lane, batch, askedAt));
        gathered.Clear();
    }
}
