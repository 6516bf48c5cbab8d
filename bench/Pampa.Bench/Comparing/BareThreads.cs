namespace Pampa.Bench.Comparing;

/// <summary>Threads that run the handler again and again, with no queue at all: what can be had of a handler that waits.</summary>
internal sealed class BareThreads(Workload workload) : PeerWork
{
    public const string Name = "bare";

    /// <summary>Handlers that wait on their threads need as many of them.</summary>
    public static void Provide(int workers)
    {
        ThreadPool.GetMinThreads(out var threads, out var ports);
        ThreadPool.SetMinThreads(Math.Max(threads, workers + Environment.ProcessorCount), ports);
    }

    public override Task RunAsync(int number, Progress? progress, CancellationToken stopping)
    {
        Provide(number);
        return Task.WhenAll(Enumerable.Range(0, number).Select(_ => Task.Run(
            () =>
            {
                while (!stopping.IsCancellationRequested) workload.Wait(progress);
            },
            CancellationToken.None)));
    }
}

/// <summary>The limit of a handler that waits.</summary>
internal sealed record BarePeer() : Peer("bare threads")
{
    public override string Version => $".NET {Environment.Version}";

    public override string Settings(Workload job) => FormattableString.Invariant($"{Workers(job)} threads that only run the handler, without a queue");

    public override bool Does(Workload job) => job == Workload.Nap;

    public override bool CanIdle => false;

    public override bool CanBeTimed => false;

    public override bool IsCounted => false;

    protected override int UsualWorkers(Workload job) => NapWorkers;

    protected override int MostPerSecond(Workload job) => 10_000;

    public override Task PrepareAsync(PeerPlace place, Workload job, int size, CancellationToken stopping) => Task.CompletedTask;

    public override Task<long> CountDoneAsync(PeerPlace place, Workload job, int size) => Task.FromResult(0L);

    public override System.Diagnostics.ProcessStartInfo Work(PeerPlace place, Workload job, int workers, int size, string log)
    {
        var start = Child.StartInfo(new ChildOrder(ChildOrder.OwnProgram, BareThreads.Name, job, place.Address) { Size = workers });
        start.Environment[Progress.Variable] = log;
        return start;
    }
}
