using System.Diagnostics;
using Hangfire;
using Hangfire.PostgreSql;

namespace Pampa.Bench.Comparing;

internal sealed record HangfirePeer() : QueuePeer("Hangfire")
{
    public override string Version =>
        $"Hangfire {typeof(BackgroundJob).Assembly.GetName().Version?.ToString(3)}, "
        + $"Hangfire.PostgreSql {typeof(PostgreSqlStorage).Assembly.GetName().Version?.ToString(3)}";

    public override string Settings(Workload job) => FormattableString.Invariant(
        $"WorkerCount {Workers(job)}, EnableLongPolling, UseSlidingInvisibilityTimeout, QueuePollInterval {HangfireServer.Poll.TotalMilliseconds} ms");

    // Each of its workers is a thread that asks by itself: a thousand need as many connections.
    public override bool CanIdle => false;

    protected override int UsualWorkers(Workload job) => HangfireServer.Workers;

    protected override int MostPerSecond(Workload job) => 400;

    protected override Task MakeAsync(PeerPlace place, Workload job, CancellationToken stopping) => FillAsync(place, job, 0, stopping);

    protected override Task FillAsync(PeerPlace place, Workload job, int size, CancellationToken stopping) =>
        BenchProcess.RunAsync(Start(HangfireBacklog.Name, place, job, size), stopping);

    public override ProcessStartInfo Work(PeerPlace place, Workload job, int workers, int size, string log) =>
        Start(HangfireServer.Name, place, job, workers, log);

    protected override string CountDone(Workload job, int size) => "SELECT count(*) FROM hangfire.job WHERE statename = 'Succeeded'";

    public override async Task<IReadOnlyDictionary<long, long>> AddOneByOneAsync(
        PeerPlace place, Workload job, int count, Func<Task> check, CancellationToken stopping)
    {
        using var log = new LogFile();
        await BenchProcess.RunAsync(Start(HangfireOneByOne.Name, place, job, count, log.Path), stopping);
        return log.Read().Committed;
    }

    private static ProcessStartInfo Start(string what, PeerPlace place, Workload job, int number, string? log = null)
    {
        var start = Child.StartInfo(new ChildOrder(ChildOrder.OwnProgram, what, job, place.Address) { Size = number });
        start.Environment[Progress.Variable] = log;
        return start;
    }
}
