using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>Tasks that the dispatcher of this process has started as it reserved them: one write less for each, and no round trip to wait for.</summary>
internal sealed partial class Node
{
    /// <summary>
    /// Whether the dispatcher may start tasks of a job for a worker. The rules are those of <see cref="TakeFor"/>: not while anything is in doubt,
    /// behind a long task, or behind a record that was tried before. While another job has the worker, or something in its hand that can be
    /// started, what is reserved for it waits in its hand as well: then they take turns.
    /// </summary>
    private AtOnce AtOnceFor(Lane lane, int w)
    {
        if (!isJoined || !membership.IsTrusted || !CanStart(lane) || IsHeld(lane, w) || workers[w].Running >= LongTask) return AtOnce.NotNow;
        var busy = workers[w].Count;
        if ((busy > 0 && lanes[lastLanes[w]] != lane) || lanes.Any(other => other != lane && WaitsFor(other, w))) return AtOnce.InTurn;
        return (busy > 0 && isAlone[w]) || WaitsFor(lane, w) ? AtOnce.NotNow : AtOnce.Behind(busy);
    }

    // A job that cannot start, or waits for a batch to fill, keeps nobody waiting.
    private bool WaitsFor(Lane lane, int w) =>
        w < lane.Load.Hands.Count && lane.Load.Hands[w] is { Count: > 0 } hand && CanStart(lane) && hand.FillingSince == 0;

    /// <summary>
    /// Takes tasks in that the dispatcher has started. What comes for a worker that is not there any more, nobody runs: it costs no attempt.
    /// </summary>
    public void DeliverStarted(Lane lane, IReadOnlyList<StartedTask> tasks)
    {
        var hands = lane.Load.Hands;
        var index = Array.IndexOf([.. lanes], lane);
        foreach (var task in tasks)
        {
            if (!lane.Know(task.Fence.Key, task.Claim)) continue;
            if (!slots.TryGetValue(task.Fence.Worker, out var slot) || slot >= hands.Count)
            {
                lane.Finisher.Post(new TaskResult(task.Fence, Outcome.Forgiven) { Claim = task.Claim });
                continue;
            }
            lastLanes[slot] = index;
            isAlone[slot] = false;
            workers[slot].Expect(1);
            workers[slot].Take(new Work(lane, [task]));
        }
        lane.Counters.AddStarted(tasks.Count);
        lane.Load.Meter.Wrote("start", tasks.Count);
    }
}
