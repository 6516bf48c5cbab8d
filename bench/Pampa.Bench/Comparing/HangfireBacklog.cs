using Hangfire;
using Hangfire.States;
using Npgsql;

namespace Pampa.Bench.Comparing;

/// <summary>
/// Makes Hangfire's tables and enqueues jobs through its own client, which has no call for many. Only here the commits do not wait
/// for the disk: that is not measured, and takes minutes otherwise.
/// </summary>
internal sealed class HangfireBacklog(string address, Workload workload) : PeerWork
{
    public const string Name = "hangfire-backlog";
    private const int Clients = 8;

    public override async Task RunAsync(int number, Progress? progress, CancellationToken stopping)
    {
        var settings = new NpgsqlConnectionStringBuilder(address) { Options = "-c synchronous_commit=off" };
        var client = new BackgroundJobClient(HangfireServer.Storage(settings.ConnectionString));
        var values = Enumerable.Range(1, number).Select(n => (long)n);
        var options = new ParallelOptions { MaxDegreeOfParallelism = Clients, CancellationToken = stopping };
        await Parallel.ForEachAsync(values, options, (value, _) =>
        {
            client.Create(HangfireJobs.For(workload, value), new EnqueuedState());
            return ValueTask.CompletedTask;
        });
    }
}

/// <summary>Adds jobs one at a time and tells when each was committed.</summary>
internal sealed class HangfireOneByOne(string address, Workload workload) : PeerWork
{
    public const string Name = "hangfire-one-by-one";

    public override async Task RunAsync(int number, Progress? progress, CancellationToken stopping)
    {
        var client = new BackgroundJobClient(HangfireServer.Storage(address));
        var pauses = new Pauses(new Random(1));
        for (var value = 1L; value <= number; value++)
        {
            await pauses.WaitAsync(stopping);
            client.Create(HangfireJobs.For(workload, value), new EnqueuedState());
            progress?.Committed(value);
        }
    }
}
