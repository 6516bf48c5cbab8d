using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Pampa.Bench.Comparing;

/// <summary>One on Node.js.</summary>
/// <param name="Name">For the reader.</param>
/// <param name="Package">Where he is.</param>
/// <param name="Module">His part of <c>bench/peers</c>.</param>
internal abstract record NodePeer(string Name, NodePackage Package, string Module) : QueuePeer(Name)
{
    /// <summary>His name among packages.</summary>
    protected abstract string PackageName { get; }

    public override string Version =>
        $"{PackageName} {Package.VersionOf(PackageName)}, pg {Package.VersionOf("pg")}, Node.js {Package.NodeVersion}";

    /// <summary>What his module is told, as JSON.</summary>
    protected abstract string SettingsFor(Workload job, int workers);

    public override string Settings(Workload job) => SettingsFor(job, Workers(job));

    protected override Task MakeAsync(PeerPlace place, Workload job, CancellationToken stopping) =>
        BenchProcess.RunAsync(Start(place, "prepare", job, 0), stopping);

    protected override Task FillAsync(PeerPlace place, Workload job, int size, CancellationToken stopping) =>
        BenchProcess.RunAsync(Start(place, "load", job, size), stopping);

    public override ProcessStartInfo Work(PeerPlace place, Workload job, int workers, int size, string log) =>
        Start(place, "work", job, workers, log, SettingsFor(job, workers));

    protected ProcessStartInfo Start(PeerPlace place, string verb, Workload job, int number, params string[] more) =>
        Package.Start(Url(place.Address), [Module, verb, job.Name, number.ToString(CultureInfo.InvariantCulture), .. more]);

    private static string Url(string address)
    {
        var settings = new NpgsqlConnectionStringBuilder(address);
        var password = settings.Password is { Length: > 0 } secret ? $":{Uri.EscapeDataString(secret)}" : "";
        return FormattableString.Invariant(
            $"postgres://{Uri.EscapeDataString(settings.Username ?? "postgres")}{password}@{settings.Host}:{settings.Port}/{settings.Database}");
    }
}

/// <summary>graphile-worker with its local queue and its batched completions.</summary>
internal abstract record GraphilePeer(string Name, NodePackage Package) : NodePeer(Name, Package, "graphile")
{
    protected override string PackageName => "graphile-worker";

    protected static string Json(int workers, int queue, int delay, bool gathers) => FormattableString.Invariant(
        $$"""{"concurrentJobs":{{workers}},"localQueue":{{Math.Max(queue, workers + 1)}},"batchDelay":{{delay}},"gathers":{{(gathers ? "true" : "false")}},"maxPoolSize":25}""");

    protected override string CountDone(Workload job, int size) =>
        FormattableString.Invariant($"SELECT {size} - count(*) FROM graphile_worker._private_jobs");

    protected override string AddOne(Workload job) => $"SELECT graphile_worker.add_job('{job.Name}', json_build_object('value', @value))";
}

/// <summary>
/// As its page on performance has it for the most jobs a second: 24 jobs at a time from a local queue of 500, completed together as
/// soon as possible. A job writes its result by its own statement, as its helpers offer it.
/// </summary>
internal sealed record DocumentedGraphilePeer(NodePackage Package) : GraphilePeer(DocumentedName, Package)
{
    public const string DocumentedName = "graphile-worker";

    protected override int UsualWorkers(Workload job) => 24;

    protected override int MostPerSecond(Workload job) => job.WritesResult ? 8_000 : 50_000;

    protected override string SettingsFor(Workload job, int workers) => Json(workers, queue: 500, delay: 0, gathers: false);
}

/// <summary>
/// Beyond its documentation: a longer local queue, completions gathered for 5 ms, and results of jobs that run at the same time
/// gathered by hand into one statement, for which many must run at the same time. The better of the two counts.
/// </summary>
/// <param name="Package">Where he is.</param>
/// <param name="Several">How many processes: its page on performance has four for twelve cores.</param>
internal sealed record TunedGraphilePeer(NodePackage Package, int Several = 1)
    : GraphilePeer(Several == 1 ? "graphile-worker tuned" : FormattableString.Invariant($"graphile-worker tuned, {Several} processes"), Package)
{
    public override int Processes => Several;

    // One that waits gains nothing by it: there the workers are given.
    public override bool Does(Workload job) => job == Workload.Noop || job == Workload.Numbers;

    public override bool CanIdle => false;

    public override bool CanBeTimed => false;

    protected override int UsualWorkers(Workload job) => job.WritesResult ? 500 : 50;

    protected override int MostPerSecond(Workload job) => 125_000;

    protected override string SettingsFor(Workload job, int workers) => Json(workers, queue: 2_000, delay: 5, gathers: true);
}

/// <summary>
/// pg-boss by fetch and complete in four loops, 1,000 at a time, each one statement: quicker than its workers, which fetch at
/// intervals. For single tasks and for many idle workers its own workers are taken, woken by notifications.
/// </summary>
internal sealed record PgBossPeer(NodePackage Package) : NodePeer("pg-boss", Package, "pgboss")
{
    private const int Loops = 4;

    protected override string PackageName => "pg-boss";

    protected override int UsualWorkers(Workload job) => Loops;

    protected override int MostPerSecond(Workload job) => 60_000;

    protected override string SettingsFor(Workload job, int workers)
    {
        var hasLoops = workers <= NapWorkers && job != Workload.Stamps;
        var batch = job.Pause > TimeSpan.Zero ? PlainLoop.SlowBatchRows : 1_000;
        return FormattableString.Invariant(
            $$"""{"loops":{{(hasLoops ? workers : 0)}},"batchSize":{{batch}},"workers":{{(hasLoops ? 0 : workers)}}}""");
    }

    protected override string CountDone(Workload job, int size) => "SELECT count(*) FROM pgboss.job WHERE state = 'completed'";

    public override async Task<IReadOnlyDictionary<long, long>> AddOneByOneAsync(
        PeerPlace place, Workload job, int count, Func<Task> check, CancellationToken stopping)
    {
        using var log = new LogFile();
        await BenchProcess.RunAsync(Start(place, "enqueue", job, count, log.Path), stopping);
        return log.Read().Committed;
    }
}
