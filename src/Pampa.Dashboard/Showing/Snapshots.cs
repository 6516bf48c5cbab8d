using System.Data.Common;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Pampa.Serving;

namespace Pampa.Showing;

/// <summary>What was seen, and what of it goes over the line.</summary>
internal readonly record struct Sight(SnapshotShape Shape, byte[] Bytes)
{
    public static Sight Of(SnapshotShape shape) => new(shape, JsonSerializer.SerializeToUtf8Bytes(Excerpt.Of(shape), ShapeJson.Default.SnapshotShape));
}

/// <summary>Takes pictures of the cluster. What cannot be seen now stands in the next one as it was last seen.</summary>
internal sealed class Snapshots(
    PampaCluster cluster, PampaDashboardOptions options, Reads reads, Operations operations, TimeProvider time, ILogger log)
{
    private const int RatePoints = 60;
    private const int MostFindings = 100;
    private static readonly TimeSpan RateSpan = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan RatesEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HealthEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan HealthDeadline = TimeSpan.FromSeconds(30);

    // Many jobs that take long to count shall not keep back what else there is to see: the others are counted in the next round.
    private static readonly TimeSpan RoundFor = TimeSpan.FromSeconds(8);

    // What is left of the time of a question is for the count without it.
    private static readonly TimeSpan OwnReports = TimeSpan.FromSeconds(1);
    private const string OwnError = "The dashboard has met an error of its own; its log tells which.";
    private readonly Dictionary<string, JobSight> jobs = new(StringComparer.Ordinal);
    private SnapshotShape? last;
    private DateTimeOffset lastGood;
    private Task<HealthShape?> looking = Task.FromResult<HealthShape?>(null);
    private HealthShape? health;
    private long healthBegan;

    /// <summary>What was last seen of a job's records, and how it went.</summary>
    private sealed class JobSight
    {
        public Report? Report { get; set; }

        public string? Trouble { get; set; }

        /// <summary>What is wrong with the rest: the job's own report, or its samples.</summary>
        public string? Fault { get; set; }

        public long CountedAt { get; set; }

        public TimeSpan Took { get; set; }

        public IReadOnlyList<double> Rates { get; set; } = [];

        public JobSample? Last { get; set; }

        public JobScale? Scale { get; set; }

        public long RatesAt { get; set; }
    }

    public async Task<Sight> TakeAsync(CancellationToken stopping)
    {
        var now = time.GetUtcNow();
        try
        {
            var info = await reads.RunAsync(cluster.InfoAsync, stopping);
            var began = time.GetTimestamp();
            foreach (var job in await reads.RunAsync(cluster.JobsAsync, stopping))
            {
                if (!jobs.TryGetValue(job, out var sight)) jobs[job] = sight = new JobSight();
                if (time.GetElapsedTime(began) < RoundFor) await LookAsync(job, sight, now, stopping);
            }
            Examine(stopping);
            var seenAt = time.GetUtcNow();
            var seen = Sight.Of(Shape(info, seenAt));
            // What cannot be written down is not kept, either: it could not be shown again.
            (last, lastGood) = (seen.Shape, seenAt);
            return seen;
        }
        catch (OperationCanceledException)
        {
            return Old(now, "The application stops.");
        }
        catch (Exception e)
        {
            // Whoever looks on would wait for ever for what comes next.
            return Old(now, Words(e));
        }
    }

    private Sight Old(DateTimeOffset now, string trouble) => Sight.Of((last ?? new SnapshotShape(now, 0, null, null, [], [], [], [], null, [])) with
    {
        AgeSeconds = last is null ? 0 : (now - lastGood).TotalSeconds,
        Trouble = trouble,
        Operations = operations.List(),
    });

    // What the database says, or a job's own condition, is told; but the rule that takes secrets out is the program's own, and may fail as well.
    private string Words(Exception error, bool isOfJob = false)
    {
        try
        {
            var isTold = error is DbException or TimeoutException or PampaConfigurationException || (isOfJob && error is InvalidOperationException);
            if (isTold) return options.Redact(error.Message);
            Log.NotSeen(log, error);
        }
        catch (Exception e)
        {
            Log.NotSeen(log, e);
        }
        return OwnError;
    }

    // Whatever one job meets, the others have nothing to do with it.
    private async Task LookAsync(string job, JobSight sight, DateTimeOffset now, CancellationToken stopping)
    {
        // Counting a large table takes a while: never more than a tenth of the time.
        if (sight.CountedAt == 0 || time.GetElapsedTime(sight.CountedAt) > sight.Took * 9)
        {
            var (began, wasInTrouble) = (time.GetTimestamp(), sight.Trouble is not null);
            sight.Trouble = await TryAsync(async () =>
                sight.Report = await reads.RunAsync(t => cluster.ReportAsync(job, exact: false, OwnReports, t), stopping));
            (sight.CountedAt, sight.Took) = (time.GetTimestamp(), time.GetElapsedTime(began));
            // What follows from the counts is none while there are none, and is there again with them.
            if (sight.Trouble is not null) sight.Scale = null;
            else if (wasInTrouble) sight.RatesAt = 0;
        }
        if (sight.RatesAt != 0 && time.GetElapsedTime(sight.RatesAt) < RatesEvery) return;
        sight.RatesAt = time.GetTimestamp();
        sight.Fault = await TryAsync(async () =>
        {
            var samples = await reads.RunAsync(t => cluster.SamplesAsync(job, now - RateSpan, null, RatePoints, t), stopping);
            sight.Rates = [.. samples.Select(s => Math.Round(s.CompletedPerSecond + s.FailedPerSecond, 2))];
            sight.Last = samples.Count > 0 ? samples[^1] : sight.Last;
            sight.Scale = sight is { Trouble: null, Report: { } report } ? await reads.RunAsync(t => cluster.ScaleAsync(report, t), stopping) : null;
        });
        // An old number of workers would start or stop some for what is not so any more.
        if (sight.Fault is not null) sight.Scale = null;
    }

    private async Task<string?> TryAsync(Func<Task> lookAsync)
    {
        try
        {
            await lookAsync();
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return Words(e, isOfJob: true);
        }
    }

    // Beside the rest: to examine takes seconds.
    private void Examine(CancellationToken stopping)
    {
        if (!looking.IsCompleted) return;
        if (looking is { IsCompletedSuccessfully: true, Result: { } seen }) health = seen;
        if (looking.Exception is { } error) Log.NotSeen(log, error);
        if (healthBegan != 0 && time.GetElapsedTime(healthBegan) < HealthEvery) return;
        healthBegan = time.GetTimestamp();
        looking = Task.Run(() => ExamineAsync(stopping), stopping);
    }

    private async Task<HealthShape?> ExamineAsync(CancellationToken stopping)
    {
        using var deadline = new CancellationTokenSource(HealthDeadline, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stopping, deadline.Token);
        try
        {
            var findings = await cluster.ExamineAsync(both.Token);
            return new HealthShape(time.GetUtcNow(), [.. findings.Take(MostFindings).Select(f => new FindingShape(
                f.Severity.ToString().ToLowerInvariant(), f.Id, f.Where, options.Redact(f.What), options.Redact(f.Remedy)))]);
        }
        catch (Exception e) when (e is DbException or TimeoutException or OperationCanceledException or PampaConfigurationException)
        {
            return new HealthShape(time.GetUtcNow(), [new FindingShape("warning", "not-looked-at", "cluster", $"It could not be examined: {options.Redact(e.Message)}", "")]);
        }
    }

    private SnapshotShape Shape(ClusterInfo info, DateTimeOffset now)
    {
        var held = info.Held.ToLookup(h => h.Target.ToString(), h => new HeldShape(options.Redact(h.Reason), h.HeldFor.TotalSeconds, h.EndsIn?.TotalSeconds));
        var durations = DurationsOf(info.Nodes);
        var leases = info.Workers.GroupBy(w => w.Node).ToDictionary(n => n.Key, n => n.Max(w => w.Lease).TotalSeconds);
        return new SnapshotShape(
            now, 0, null, info.Leader is { } leader ? new LeaderShape(leader.Node, leader.Term, leader.LeadsFor.TotalSeconds) : null,
            [.. jobs.Select(j => JobOf(j.Key, j.Value, info, held[$"job {j.Key}"].FirstOrDefault()) with { Durations = durations.GetValueOrDefault(j.Key) })],
            [.. info.Nodes.OrderBy(n => n.Name, StringComparer.Ordinal).Select(n => new NodeShape(
                n.Name, n.Program, n.Workers, n.Ready, n.Leaked, n.LastHeard.TotalSeconds, n.MemoryBytes, n.CpuCores, held[$"node {n.Name}"].FirstOrDefault(),
                [.. n.Jobs.Select(j => new NodeJobShape(j.Job, j.InHand, j.Running, j.PerSecond))])
            {
                Lease = leases.GetValueOrDefault(n.Name),
                Limits = [.. n.Limits.Select(LimitOf)],
            })],
            [.. info.Workers.OrderBy(w => w.Id, StringComparer.Ordinal).Select(w => new WorkerShape(
                w.Id, w.Node, w.Job, w.IsAttached, w.IsReady, w.LastHeard.TotalSeconds,
                w.Running is { } running ? new RunningShape(running.Job, running.Key, running.For.TotalSeconds) : null, held[$"worker {w.Id}"].FirstOrDefault())
            { Lease = w.Lease.TotalSeconds })],
            info.AbsentNodes, health, operations.List())
        {
            WorkerCount = new WorkerCountShape(info.Workers.Count, info.Workers.Count(w => w.Job is not null), info.Workers.Count(w => w.Running is not null)),
        };
    }

    private JobShape JobOf(string name, JobSight sight, ClusterInfo info, HeldShape? held)
    {
        var share = info.Jobs.FirstOrDefault(j => j.Job == name);
        var report = sight.Report ?? new Report(name, 0, 0, 0, 0, 0, 0) { IsExact = false };
        return new JobShape(
            name, report.Pending, report.Scheduled, report.Reserved, report.Running, report.Completed, report.Failed, report.IsExact, report.PerSecond,
            report.Eta?.TotalSeconds, report.OldestPending?.TotalSeconds, share?.Workers ?? 0, share?.Wanted ?? 0, share?.Reason, held,
            sight.Trouble, sight.Rates)
        {
            Scale = sight.Scale is { } s
                ? new ScaleShape(name, s.WorkersWanted, s.Reason, s.FinishBy, s.MaxWait?.TotalSeconds, s.Eta?.TotalSeconds, s.Early?.TotalSeconds)
                : null,
            Last = sight.Last,
            IsCounted = sight.Report is not null,
            Fault = FaultOf(report, sight),
        };
    }

    /// <summary>
    /// How long the last tasks of each job took. Each node tells its own, and how many tasks it has measured none does: of several only the longest is sure.
    /// </summary>
    internal static Dictionary<string, DurationsShape> DurationsOf(IEnumerable<NodeInfo> nodes) =>
        nodes.SelectMany(n => n.Jobs).Where(j => j.P90Duration is not null).GroupBy(j => j.Job).ToDictionary(
            told => told.Key,
            told => new DurationsShape(told.Max(j => j.MedianDuration!.Value.TotalSeconds), told.Max(j => j.P90Duration!.Value.TotalSeconds), told.Count()),
            StringComparer.Ordinal);

    private string? FaultOf(Report report, JobSight sight) =>
        report.Fault is { } fault ? $"The records are counted without the job's own report, for {options.Redact(fault)}"
        : sight.Fault is { } why ? $"Its samples could not be read: {why}" : null;

    // "MaxRam 512 MB: enforced by …"
    internal static LimitShape LimitOf(WorkerLimitInfo limit)
    {
        var text = limit.ToString();
        var amount = text[(limit.Name.Length + 1)..text.IndexOf(':', StringComparison.Ordinal)];
        return new LimitShape(text, limit.Name, amount, limit.Enforcement.ToString().ToLowerInvariant());
    }
}
