using Pampa.Working;

namespace Pampa.Hosting;

/// <summary>The loops that write results: a second one beside the first, where the database can do with two.</summary>
internal sealed partial class Engine
{
    private static IEnumerable<Task> FinishAsync(Loop loop, Finisher finisher, CancellationToken stopping)
    {
        yield return loop.RunAsync("finisher", finisher.CycleAsync, finisher.Posted, () => IdleNode, stopping);
        if (finisher.CanAssist) yield return loop.RunAsync("second finisher", finisher.AssistAsync, finisher.Full, () => IdleNode, stopping);
    }
}
