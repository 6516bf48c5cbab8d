using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Npgsql;

namespace Pampa.Bench.Comparing;

/// <summary>
/// Hangfire's own server with its storage for PostgreSQL. Woken by notifications (EnableLongPolling) besides polling often, and a job
/// that it fetched is kept by renewing it (UseSlidingInvisibilityTimeout), which measured better than its transactions; the
/// number of workers is that of its documentation.
/// </summary>
internal sealed class HangfireServer(string address, Workload workload) : PeerWork
{
    public const string Name = "hangfire";
    public const int Workers = 20;
    public static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static PostgreSqlStorage Storage(string address)
    {
        var options = new PostgreSqlStorageOptions
        {
            EnableLongPolling = true,
            UseSlidingInvisibilityTimeout = true,
            QueuePollInterval = Poll,
        };
        return new PostgreSqlStorage(new NpgsqlConnectionFactory(address, options), options);
    }

    public override async Task RunAsync(int number, Progress? progress, CancellationToken stopping)
    {
        // What a job writes goes through connections of its own, with its statement prepared.
        var settings = new NpgsqlConnectionStringBuilder(address) { MaxAutoPrepare = 10, AutoPrepareMinUsages = 1, MaxPoolSize = number };
        await using var source = NpgsqlDataSource.Create(settings.ConnectionString);
        var options = new BackgroundJobServerOptions
        {
            WorkerCount = number,
            Activator = new Jobs(new HangfireJobs(source, workload, progress)),
            ShutdownTimeout = Patience,
        };
        using var server = new BackgroundJobServer(options, Storage(address));
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        server.SendStop();
        // It gives its workers as long to end as it was told; only then it is over.
        await server.WaitForShutdownAsync(CancellationToken.None).WaitAsync(2 * Patience, TimeProvider.System, CancellationToken.None);
    }

    private sealed class Jobs(HangfireJobs jobs) : JobActivator
    {
        public override object ActivateJob(Type jobType) => jobs;
    }
}
