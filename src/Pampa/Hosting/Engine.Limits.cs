using Pampa.Jobs;

namespace Pampa.Hosting;

/// <summary>What binds a process: the limits of its workers, and what the cluster has published of its jobs.</summary>
internal sealed partial class Engine
{
    /// <summary>Ends when this process has met its memory limit.</summary>
    private Task Exceeded => memory?.Exceeded ?? Never;

    private static Task Never { get; } = new TaskCompletionSource().Task;

    // What is declared and not done would be found out when it is too late.
    private static void CheckLimits(PampaBuilder program, ProcessRole role, bool isToRun)
    {
        if (!isToRun || !role.Works || role.Node.IsWorker || !role.Node.IsFixed || program.LimitsOf(role.Node.Name) is null) return;
        throw new PampaConfigurationException([$"Node '{role.Node.Name}' has limits for its workers, and workers in one process cannot be limited singly: start it with 'node --name {role.Node.Name} --isolated', or take the limits out of AddNode."]);
    }

    private async Task PublishAsync(JobDefinition job, CancellationToken stopping)
    {
        if (await Cluster.PublishAsync(job, program.Program, stopping) is null) await limits.CycleAsync(stopping);
    }
}
