using Pampa.Tests.Scenarios;

namespace Pampa.Tests.Simulation;

/// <summary>A loop of a process: its cycle is begun by the simulation, and not again before it has ended.</summary>
internal sealed class ProcessLoop(SimulatedProcess process, string name, bool usesDatabase, Func<Task> cycleAsync)
{
    private Task? underWay;

    public bool IsTaking => name is "dispatcher" or "node";

    public bool IsNode => name == "node";

    public bool IsExchange => name == "exchange";

    public bool UsesDatabase => usesDatabase;

    public bool IsUnderWay => underWay is { IsCompleted: false };

    public void Begin() => underWay = cycleAsync();

    /// <summary>What its last cycle has thrown, once.</summary>
    public Exception? TakeError()
    {
        if (underWay is not { IsFaulted: true } ended) return null;
        underWay = null;
        return ended.Exception!.InnerException;
    }

    public override string ToString() => $"{process} {name}";
}

internal static class ProcessLoops
{
    public static List<ProcessLoop> Of(SimulatedProcess process)
    {
        var loops = new List<ProcessLoop>();
        if (process.Part.Dispatches()) loops.Add(new ProcessLoop(process, "dispatcher", true, () => DispatchAsync(process)));
        if (process.Part.Works())
        {
            loops.Add(new ProcessLoop(process, "node", true, () => StartAsync(process)));
            loops.Add(new ProcessLoop(process, "exchange", true, () => process.Holds.ExchangeAsync(() => process.Exchange.CycleAsync(CancellationToken.None))));
        }
        loops.Add(new ProcessLoop(process, "operator", true, () => OperateAsync(process)));
        loops.Add(new ProcessLoop(process, "stop", true, () => process.Ending?.Invoke() ?? Task.CompletedTask));
        for (var i = 0; i < process.Lanes.Count; i++)
        {
            var finisher = process.Lanes[i].Finisher;
            loops.Add(new ProcessLoop(process, $"finisher {process.Lanes[i].Job.Name}", true, () => finisher.CycleAsync(CancellationToken.None)));
            if (!finisher.CanAssist) continue;
            loops.Add(new ProcessLoop(process, $"second finisher {process.Lanes[i].Job.Name}", true, () => finisher.AssistAsync(CancellationToken.None)));
        }
        foreach (var (i, worker) in process.Node.Workers.Index()) loops.Add(new ProcessLoop(process, $"worker {i + 1}", false, worker.RunNextAsync));
        return loops;
    }

    private static Task DispatchAsync(SimulatedProcess process)
    {
        var trust = process.Trust;
        trust.DispatcherMay = trust.Leader is { } since && process.Time.GetElapsedTime(since) < TestCluster.LeaderLease - TimeSpan.FromSeconds(1);
        trust.DoubtsOfDispatcher = [.. trust.Doubts];
        return process.Holds.DispatchAsync(() => process.Dispatcher.CycleAsync(CancellationToken.None));
    }

    private static Task OperateAsync(SimulatedProcess process)
    {
        var operation = process.Operation;
        process.Operation = null;
        return operation?.Invoke() ?? Task.CompletedTask;
    }

    private static Task StartAsync(SimulatedProcess process)
    {
        var trust = process.Trust;
        trust.NodeMay = trust.Member is { } since && process.Time.GetElapsedTime(since) < TestCluster.WorkerLease - TimeSpan.FromSeconds(1);
        trust.DoubtsOfNode = [.. trust.Doubts];
        return process.Holds.StartAsync(() => process.Node.CycleAsync(CancellationToken.None));
    }
}
