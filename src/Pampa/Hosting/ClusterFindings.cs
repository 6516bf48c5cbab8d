using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>What is due of a job.</summary>
internal sealed record DueWork(JobDefinition Job, long Count, TimeSpan? Oldest);

/// <summary>What is wrong with who dispatches and who works; pure.</summary>
internal static class ClusterFindings
{
    private const string Cluster = "cluster";
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Much = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongWait = TimeSpan.FromMinutes(5);

    /// <summary>Of the database's clock and this computer's.</summary>
    /// <param name="ahead">How far the database's is ahead.</param>
    public static IEnumerable<Finding> OfClocks(TimeSpan ahead)
    {
        if (ahead.Duration() < Noticed) yield break;
        var what = $"The database's clock is {TimeSpan.FromMilliseconds(Math.Round(ahead.Duration().TotalMilliseconds)):c} {(ahead > TimeSpan.Zero ? "ahead of" : "behind")} this computer's. Only the database's counts for Pampa.";
        yield return ahead.Duration() > Much
            ? Finding.Warning("clock", Cluster, what, "Let both follow a time server: handlers and logs go by their own computer's clock.")
            : Finding.Info("clock", Cluster, what);
    }

    /// <summary>Of jobs that count their records themselves.</summary>
    public static IEnumerable<Finding> OfReports(IEnumerable<Report> reports) =>
        from report in reports
        where report.Fault is not null
        select Finding.Warning("report", $"job {report.Job}", $"Its own Report fails, and the table is counted instead: {report.Fault!.TrimEnd('.')}.",
            "Mend the code that the program gives to Report, or take it out.");

    /// <summary>Of the processes, and of work that waits for them.</summary>
    public static IEnumerable<Finding> OfProcesses(ClusterInfo info, IReadOnlyList<DueWork> due)
    {
        var waiting = due.Where(d => d.Count > 0 && !IsPaused(info, d.Job.Name)).ToList();
        if (info.Workers.Count == 0 && info.Leader is null)
        {
            yield return waiting.Count == 0
                ? Finding.Info("nothing-runs", Cluster, "No process dispatches or works.")
                : Finding.Warning("nothing-runs", Cluster, $"No process dispatches or works, and records are due ({string.Join(", ", waiting.Select(w => w.Job.Name))}).", "Start the program.");
            yield break;
        }
        if (info.Leader is null)
            yield return Finding.Warning("no-leader", Cluster, "Workers live, but no dispatcher leads: nothing new is reserved, and nothing lost is taken back.", "Start the program, or its verb 'dispatcher'; if one runs, look into its log.");
        if (info.Workers.Count == 0 && waiting.Count > 0)
            yield return Finding.Warning("no-workers", Cluster, $"No worker lives, and records are due ({string.Join(", ", waiting.Select(w => w.Job.Name))}).", "Start nodes: the program, or its verb 'node'.");
        var programs = info.Nodes.GroupBy(n => n.Program, StringComparer.Ordinal).Select(g => $"{g.Key} on {string.Join(", ", g.Select(n => n.Name))}").ToList();
        if (programs.Count > 1)
            yield return Finding.Info("several-programs", Cluster, $"Nodes run several programs or versions: {string.Join("; ", programs)}.", "Nothing, while you deploy; else stop the old ones.");
        foreach (var node in info.Nodes.Where(n => n.Leaked > 0))
            yield return Finding.Warning("leaked-workers", $"node {node.Name}", FormattableString.Invariant($"{node.Leaked:N0} of its {node.Workers:N0} workers are kept by tasks that do not end though their time is over."), "Restart its process, and let handlers obey their CancellationToken.");
        if (info.Leader is null || info.Workers.Count == 0) yield break;
        foreach (var finding in OfWaiting(info, waiting)) yield return finding;
    }

    private static IEnumerable<Finding> OfWaiting(ClusterInfo info, IReadOnlyList<DueWork> waiting)
    {
        var free = info.Workers.Where(w => w is { IsReady: true, IsAttached: true }).ToList();
        var busy = info.Nodes.SelectMany(n => n.Jobs).Sum(j => j.InHand + j.Running);
        foreach (var work in waiting.Where(w => w.Oldest >= LongWait))
        {
            var matching = free.Where(w => WorkerMatch.Matches(work.Job, w.Id) && work.Job.Admits(ProgramVersion.Of(w.Program))).ToList();
            if (matching.Count == 0)
                yield return Finding.Warning("no-worker-fits", $"job {work.Job.Name}", $"Records are due for up to {work.Oldest:hh\\:mm\\:ss}, and no worker that lives may serve the job (attached, ready{Demands(work.Job)}).", "Attach workers, start a node whose workers match, or change the filter.");
            else if (busy < matching.Count)
                yield return Finding.Warning("due-waits", $"job {work.Job.Name}", FormattableString.Invariant($"The oldest due record waits for {work.Oldest:hh\\:mm\\:ss}, while {matching.Count - busy:N0} of {matching.Count:N0} workers have nothing to do."), "Look with 'explain' what keeps that record, with 'status --explain' why workers are where they are, and into the log of the dispatcher.");
        }
    }

    private static string Demands(JobDefinition job) =>
        (job.WorkerFilter is { } filter ? $", WorkerFilter '{filter}'" : "") + (job.Minimum is { } least ? $", MinProgramVersion {least}" : "");

    /// <summary>Of the limits of workers: which are enforced, and by what. Workers that are nodes by themselves are told of together.</summary>
    /// <param name="info">The cluster.</param>
    /// <param name="declared">The limits that the program declares for a node.</param>
    public static IEnumerable<Finding> OfLimits(ClusterInfo info, Func<string, WorkerLimits?> declared)
    {
        foreach (var node in info.Nodes.GroupBy(n => n.WorkerOf ?? n.Name, StringComparer.Ordinal))
        {
            foreach (var limit in node.SelectMany(n => n.Limits).Distinct())
            {
                yield return limit.Enforcement == LimitEnforcement.Full
                    ? Finding.Info("worker-limits", $"node {node.Key}", $"{limit}.")
                    : Finding.Warning("worker-limits", $"node {node.Key}", $"{limit}.", "See docs/nodes.md for what each means needs of the computer, or take the limit out.");
            }
            var without = node.Where(n => n.Limits.Count == 0).Select(n => n.Name).ToList();
            if (without.Count > 0 && declared(node.Key) is not null)
                yield return Finding.Warning("worker-limits", $"node {node.Key}", $"The program declares limits for its workers, and these have none: {string.Join(", ", without)}.", "Start it with 'node --isolated'. A worker that has just started says it within seconds.");
        }
    }

    /// <summary>Of workers whose program is too old for a job.</summary>
    public static IEnumerable<Finding> OfVersions(ClusterInfo info, IEnumerable<JobDefinition> jobs)
    {
        foreach (var job in jobs.Where(j => j.Minimum is not null))
        {
            var old = info.Workers.Where(w => !job.Admits(ProgramVersion.Of(w.Program))).ToList();
            if (old.Count == 0) continue;
            var what = $"It demands version {job.Minimum} of the program, so these nodes take none of its tasks: {string.Join(", ", old.GroupBy(w => w.Node).Select(g => $"{g.Key} ({g.First().Program})"))}.";
            yield return old.Count == info.Workers.Count
                ? Finding.Warning("program-too-old", $"job {job.Name}", $"{what} No other worker lives.", "Deploy the newer program to a node.")
                : Finding.Info("program-too-old", $"job {job.Name}", what, "Nothing, while you deploy; else bring them to the newer program.");
        }
    }

    /// <summary>Of what this program says of its jobs and what the others obey.</summary>
    public static IEnumerable<Finding> OfDefinitions(IEnumerable<JobDefinition> jobs, IReadOnlyList<PublishedRow> published)
    {
        // What another program has published says nothing of its code here, and is no definition of this one's.
        foreach (var job in jobs.Where(j => !j.IsPublished))
        {
            if (published.FirstOrDefault(p => p.Job == job.Name) is not { } row || row.Definition == PublishedJob.Write(job)) continue;
            yield return Finding.Warning("definition-differs", $"job {job.Name}",
                FormattableString.Invariant($"This program defines it otherwise than revision {row.Revision} that {row.Program} has published: limits, columns or conditions differ."),
                "Deploy the same program everywhere; the last one that starts has its way.");
        }
    }

    private static bool IsPaused(ClusterInfo info, string job) => info.Held.Any(h => h.Target == PampaTarget.Job(job));
}
