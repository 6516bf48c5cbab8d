using Pampa.Dispatching;
using Pampa.Jobs;
using Pampa.Working;

namespace Pampa.Hosting;

/// <summary>What a process tells people, beside its work.</summary>
internal sealed partial class Engine
{
    private readonly Vitals vitals;
    private readonly Sampler sampler;

    private IEnumerable<Task> TellAsync(Loop loop, CancellationToken stopping)
    {
        if (Role.Works) yield return loop.RunAsync("vitals", vitals.CycleAsync, new Signal(), () => Vitals.LookEvery, stopping);
        if (Dispatches) yield return loop.RunAsync("samples", sampler.CycleAsync, new Signal(), () => Sampler.LookEvery, stopping);
    }

    private void TellService()
    {
        if (Notices is null) return;
        if (!Role.Works) Notices.Ready("dispatching");
        else if (Node.IsJoined) Notices.Ready($"node {Node.Membership.Node}, {Node.Membership.Workers.Count} workers");
        Notices.Alive();
    }
}
