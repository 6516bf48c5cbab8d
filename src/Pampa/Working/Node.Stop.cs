namespace Pampa.Working;

/// <summary>The end of a node in good order: what was not begun costs nothing.</summary>
internal sealed partial class Node
{
    /// <summary>
    /// The first part of a stop: nothing more is started, what was not started is given back, what was started and not
    /// run is forgiven. What runs goes on.
    /// </summary>
    public async Task ReleaseAllAsync(CancellationToken stopping)
    {
        ForgiveWaiting();
        await EachAsync(lanes, async lane =>
        {
            // The stop itself may have cut a statement short.
            if (lane.Load.IsInDoubt) await ReadBackAsync(lane, delaySeconds: 0, stopping);
            var waiting = lane.Load.Hands.SelectMany(h => h.Close()).ToList();
            lane.Load.Hands = [];
            await GiveBackAsync(lane, waiting, stopping);
        });
    }

    /// <summary>What was started and waits for its worker costs nothing.</summary>
    public void ForgiveWaiting()
    {
        foreach (var worker in workers)
        {
            foreach (var (lane, task) in worker.Empty())
                lane.Finisher.Post(GivenBack(task));
        }
    }

    /// <summary>Cancels the tokens of all running tasks.</summary>
    public void Interrupt(Interruption why)
    {
        foreach (var worker in workers) worker.Interrupt(why);
    }
}
