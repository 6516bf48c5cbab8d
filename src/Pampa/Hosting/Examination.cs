using System.Data.Common;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Storage.Examination;

namespace Pampa.Hosting;

/// <summary>
/// Looks at everything that may be wrong and changes nothing. Each look is short and on its own; one that fails is a finding itself.
/// </summary>
internal sealed class Examination(
    Database database, ClusterTables tables, IReadOnlyList<TaskStore> stores, Func<CancellationToken, Task<ClusterInfo>> infoAsync, TimeProvider time)
{
    private const int LookedAt = 100_000;
    private const int Connections = 2;

    /// <summary>What is particular to the kind of database; tests are less patient.</summary>
    public Examiner Examiner { get; init; } = database.Dialect.Examiner;

    /// <summary>The program's schedules.</summary>
    public IReadOnlyList<ScheduleDefinition> Schedules { get; init; } = [];

    /// <summary>The limits that the program declares for the workers of a node.</summary>
    public Func<string, WorkerLimits?> LimitsOf { get; init; } = _ => null;

    /// <summary>Whether this database has Pampa's own tables.</summary>
    public bool HasControlTables { get; init; } = true;

    /// <summary>
    /// Examines what a program works with, whatever is wrong with either; a database that cannot be reached is the only finding.
    /// </summary>
    public static async Task<IReadOnlyList<Finding>> OfProgramAsync(PampaBuilder program, DatabaseAddress address, CancellationToken stopping)
    {
        await using var database = new Database(
            address.Dialect.Open(address.ConnectionString, $"pampa/{program.Cluster}/doctor", Connections),
            address.Dialect, TimeProvider.System, Chance.Shared);
        var look = await new Preparation(database, address, SchemaChanges.None, TimeProvider.System).LookAsync(program, stopping);
        if (look.Unreachable is { } error)
            return [Finding.Error("unreachable", "server", error, ""), .. look.Errors.Select(Misfit)];
        var tables = ClusterTables.Of(database, program.Cluster);
        var stores = look.Tables.ConvertAll(table => new TaskStore(database, table, program.Cluster, Chance.Shared));
        Task<ClusterInfo> InfoAsync(CancellationToken token) => PampaCluster.LookAsync(tables, stores, program.NodeNames, token);
        var examination = new Examination(database, tables, stores, InfoAsync, TimeProvider.System)
        {
            HasControlTables = look.HasControlTables,
            Schedules = program.Schedules,
            LimitsOf = program.LimitsOf,
        };
        return [.. look.Errors.Select(Misfit), .. await examination.RunAsync(stopping)];
    }

    private static Finding Misfit(string error) => Finding.Error("configuration", "program", error, "");

    public async Task<IReadOnlyList<Finding>> RunAsync(CancellationToken stopping)
    {
        var findings = new List<Finding>();
        foreach (var check in Examiner.OfServer(database.Source.ConnectionString))
            findings.AddRange(await LookAsync(database.Dialect is SqliteDialect ? "file" : "server", check, stopping));
        List<NodeWord> words = [];
        if (HasControlTables)
        {
            findings.AddRange(await TryAsync("cluster", "who dispatches and who works", () => OfClusterAsync(stopping), stopping));
            findings.AddRange(await TryAsync("cluster", "what nodes say of their work", async () =>
            {
                words = await tables.Exchange.ReadNodesAsync("", stopping);
                return [];
            }, stopping));
        }
        foreach (var store in stores)
        {
            var slowest = words.Where(w => w.Job == store.Job.Name).Max(w => w.P90);
            var checks = new JobChecks(store, Examiner) { HandTimeout = JobLoad.HandTimeout(store.Job, slowest), HasControlTables = HasControlTables };
            foreach (var check in checks.All) findings.AddRange(await LookAsync($"job {store.Job.Name}", check, stopping));
        }
        // The worst first; what belongs together stays so.
        return [.. findings.OrderByDescending(f => f.Severity)];
    }

    private Task<IEnumerable<Finding>> LookAsync(string where, Check check, CancellationToken stopping) =>
        TryAsync(where, check.What, () => database.LookAsync(check.LookAsync, stopping), stopping);

    private async Task<IEnumerable<Finding>> TryAsync(string where, string what, Func<Task<IEnumerable<Finding>>> lookAsync, CancellationToken stopping)
    {
        try
        {
            return [.. await lookAsync()];
        }
        catch (Exception e) when (!stopping.IsCancellationRequested && IsOfTheWorld(e))
        {
            return [Finding.Info("not-looked-at", where, $"It could not be looked at {what}: {e.Message.ReplaceLineEndings(" ").TrimEnd('.')}.", "Give the user the right to look, or look with another one.")];
        }
    }

    private bool IsOfTheWorld(Exception error) =>
        error is DbException or TimeoutException or IOException or UnauthorizedAccessException || database.Dialect.Classify(error) != ErrorKind.Other;

    private async Task<IEnumerable<Finding>> OfClusterAsync(CancellationToken stopping)
    {
        var began = time.GetUtcNow();
        var now = await tables.Control.NowAsync(stopping);
        // In the middle of the round trip, as far as one knows.
        var here = began + (time.GetUtcNow() - began) / 2;
        var info = await infoAsync(stopping);
        var published = await tables.Cluster.ReadPublishedAsync(stopping);
        var due = new List<DueWork>();
        var reports = new List<Report>();
        foreach (var store in stores)
        {
            var (count, oldest) = await database.LookAsync(unit => store.ReadPendingAsync(unit, LookedAt), stopping);
            // Its own numbers are the ones that people see.
            if (store.Job.CountAsync is not null && await store.CountedAsync(isExact: false, stopping) is var report)
            {
                reports.Add(report);
                if (report.IsOwn) (count, oldest) = (report.Pending, report.OldestPending ?? oldest);
            }
            due.Add(new DueWork(store.Job, count, oldest));
        }
        var schedules = await PampaCluster.LookAsync(tables, Schedules, stopping);
        return
        [
            .. ClusterFindings.OfReports(reports),
            .. ClusterFindings.OfClocks(now - here), .. ClusterFindings.OfProcesses(info, due),
            .. ClusterFindings.OfLimits(info, LimitsOf),
            .. ClusterFindings.OfVersions(info, stores.Select(s => s.Job)),
            .. ClusterFindings.OfDefinitions(stores.Select(s => s.Job), published),
            .. ScheduleFindings.Of(schedules, hasLeader: info.Leader is not null),
        ];
    }
}
