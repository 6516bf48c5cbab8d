using Pampa.Working;

namespace Pampa.Hosting;

/// <summary>
/// The loops that write results: a second one beside the first, where the database can do with two. Of all jobs one at a time is assisted, for
/// their statements share few connections with those that reserve and start.
/// </summary>
internal sealed partial class Engine
{
    private int assists;

    private IEnumerable<Task> FinishAsync(Loop loop, Finisher finisher, CancellationToken stopping)
    {
        yield return loop.RunAsync("finisher", finisher.CycleAsync, finisher.Posted, () => IdleNode, stopping);
        if (finisher.CanAssist) yield return loop.RunAsync("second finisher", token => AssistAsync(finisher, token), finisher.Full, () => IdleNode, stopping);
    }

    private async Task<bool> AssistAsync(Finisher finisher, CancellationToken stopping)
    {
        if (Interlocked.CompareExchange(ref assists, 1, 0) != 0) return false;
        try
        {
            return await finisher.AssistAsync(stopping);
        }
        finally
        {
            Volatile.Write(ref assists, 0);
        }
    }
}
