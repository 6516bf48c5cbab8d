using Pampa.Storage;

namespace Pampa.Working;

/// <summary>Tasks that the dispatcher of this process has started as it reserved them: one write less for each, and no round trip to wait for.</summary>
internal sealed partial class Node
{
    /// <summary>
    /// How many started tasks a worker has of a job, if the dispatcher may start more for it. The rules are those of <see cref="TakeFor"/>: not
    /// while anything is in doubt, behind a long task, behind a record that was tried before, or while another job waits for the worker.
    /// </summary>
    private int? StartedFor(Lane lane, int w)
    {
        if (!isJoined || !membership.IsTrusted || !CanStart(lane) || IsHeld(lane, w) || workers[w].Running >= LongTask) return null;
        var busy = workers[w].Count;
        if (busy > 0 && (isAlone[w] || lanes[lastLanes[w]] != lane)) return null;
        foreach (var other in lanes)
        {
            if (w < other.Load.Hands.Count && other.Load.Hands[w].Count > 0) return null;
        }
        return busy;
    }

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
