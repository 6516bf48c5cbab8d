using System.Data.Common;
using System.Text.Json;

namespace Pampa.Commands;

/// <summary>What <c>status</c> shows: the jobs, then who leads and who works.</summary>
internal sealed class StatusPage(PampaCluster cluster, string? job, bool isExact, bool explains, bool showsWorkers)
{
    private readonly List<(string Job, string Why)> uncounted = [];

    /// <summary>The jobs that do not fit their tables, and why.</summary>
    public IReadOnlyList<(string Job, string Why)> Misfits { get; init; } = [];

    /// <summary>Whether all that was asked for was counted when it was looked last.</summary>
    public bool IsComplete => uncounted.Count == 0;

    public async Task<string> JsonAsync(string database, CancellationToken stopping)
    {
        var (reports, info) = await ReadAsync(stopping);
        var schedules = await cluster.SchedulesAsync(stopping);
        var scales = await ScalesAsync(reports, stopping);
        var status = new StatusJson(
            database, [.. reports.Select(r => JobJson.Of(r) with { Scale = ScaleJson.Of(scales.Find(s => s.Job == r.Job)) })],
            LeaderJson.Of(info.Leader), [.. info.Nodes.Select(NodeJson.Of)], info.AbsentNodes,
            [.. info.Workers.Select(WorkerJson.Of)], info.Jobs, [.. info.Held.Select(HeldJson.Of)], [.. schedules.Select(ScheduleJson.Of)])
        {
            Uncounted = IsComplete ? null : [.. uncounted.Select(u => new UncountedJson(u.Job, u.Why))],
        };
        return JsonSerializer.Serialize(status, CommandJson.Default.StatusJson);
    }

    /// <summary>Lines for whatever reads them; for people, where the terminal of this width has room, a table.</summary>
    public async Task<IReadOnlyList<string>> LinesAsync(int? width, CancellationToken stopping)
    {
        var (reports, info) = await ReadAsync(stopping);
        var schedules = await cluster.SchedulesAsync(stopping);
        var table = width is { } room && reports.Count > 0 ? StatusTable.Draw(reports, room) : null;
        string[] lines =
        [
            .. table ?? reports.SelectMany(r => (string[])[Line(r), SpeedLine(r)]),
            .. uncounted.Select(u => $"{u.Job}: cannot be counted: {u.Why}"),
            .. (await ScalesAsync(reports, stopping)).Select(Line),
            .. reports.Where(r => r.Fault is not null).Select(FaultLine),
            .. explains ? info.Jobs.Where(j => job is null || j.Job == job).Select(Line) : [],
            .. info.Held.Select(Line),
            .. schedules.Where(s => ScheduleLines.Trouble(s) is not null).Select(Line), .. Lines(info), .. showsWorkers ? info.Workers.Select(Line) : [],
        ];
        // Names, too, may stand in the database that no program of Pampa's has written there.
        return [.. lines.Select(Printable.Line)];
    }

    // Of a database that does not answer at all the first question tells; what one job meets is its own.
    private async Task<(List<Report> Reports, ClusterInfo Info)> ReadAsync(CancellationToken stopping)
    {
        var info = await cluster.InfoAsync(stopping);
        uncounted.Clear();
        uncounted.AddRange(Misfits.Where(m => job is null || m.Job == job).Select(m => (m.Job, Bare(m.Job, m.Why))));
        var jobs = job is null ? await cluster.JobsAsync(stopping) : uncounted.Count > 0 ? [] : [job];
        var reports = new List<Report>();
        foreach (var name in jobs)
        {
            try
            {
                reports.Add(await cluster.ReportAsync(name, isExact, stopping));
            }
            catch (Exception e) when (e is DbException or TimeoutException || (e is InvalidOperationException && e.Data.Contains(PampaCluster.CallersFault)))
            {
                uncounted.Add((name, Bare(name, e.Message)));
            }
        }
        return (reports, info);
    }

    // The line begins with the job's name already.
    private static string Bare(string job, string why) => why.StartsWith($"Job '{job}': ", StringComparison.Ordinal) ? why[$"Job '{job}': ".Length..] : why;

    // Only of those of which somebody has said until when they shall be done.
    private async Task<List<JobScale>> ScalesAsync(List<Report> reports, CancellationToken stopping)
    {
        var scales = new List<JobScale>();
        foreach (var report in reports)
        {
            if (await cluster.HasGoalAsync(report.Job, stopping)) scales.Add(await cluster.ScaleAsync(report, stopping));
        }
        return scales;
    }

    /// <summary>Whether a job will be done in time, and how many workers it needs for that.</summary>
    public static string Line(JobScale s)
    {
        var goal = s.FinishBy is { } moment ? $"to be done by {moment.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z" : $"to be done within {Duration(s.MaxWait!.Value)}";
        var course = s.Early is not { } early ? "it cannot be told whether it will be"
            : early < TimeSpan.Zero ? $"late by {Duration(-early)}" : $"early by {Duration(early)}";
        return FormattableString.Invariant($"{s.Job}: {goal}, {course}; {s.Workers:N0} workers, {s.WorkersWanted:N0} wanted: {s.Reason}");
    }

    /// <summary>The counts in one line; those of a table that was not counted to its end stand with a plus.</summary>
    public static string Line(Report r)
    {
        var more = r.IsExact ? "" : "+";
        return FormattableString.Invariant(
            $"{r.Job}: {r.Total:N0}{more} tasks: {r.Completed:N0}{more} completed, {r.Failed:N0}{more} failed, {r.Pending:N0}{more} pending, {r.Scheduled:N0}{more} scheduled, {r.Reserved:N0}{more} reserved, {r.Running:N0}{more} running");
    }

    /// <summary>Who leads, and a line for each node.</summary>
    public static IEnumerable<string> Lines(ClusterInfo info)
    {
        yield return info.Leader is { } leader
            ? FormattableString.Invariant($"leader: {leader.Node}, in term {leader.Term}, for {Duration(leader.LeadsFor)}")
            : "leader: none; no dispatcher runs";
        if (info.Nodes.Count == 0) yield return "nodes: none; nobody works";
        foreach (var node in info.Nodes)
        {
            var recovering = node.Ready < node.Workers ? $" ({node.Workers - node.Ready} recovering)" : "";
            var leaked = node.Leaked > 0 ? $" ({node.Leaked} lost to tasks that do not end)" : "";
            var jobs = string.Concat(node.Jobs.Select(j => FormattableString.Invariant($"; {j.Job}: {j.InHand:N0} in hand, {j.Running:N0} running, {j.PerSecond:N0}/s")));
            yield return FormattableString.Invariant($"node {node.Name}: {node.Workers:N0} workers{recovering}{leaked}, {node.Program}, heard {Duration(node.LastHeard)} ago{jobs}");
            foreach (var limit in node.Limits) yield return $"node {node.Name}: {limit}";
        }
        foreach (var name in info.AbsentNodes) yield return $"node {name}: not here; the program declares it";
    }

    /// <summary>How many workers a job has, and why.</summary>
    public static string Line(JobWorkersInfo j) => FormattableString.Invariant($"{j.Job}: {j.Workers:N0} workers: {j.Reason}");

    /// <summary>What is paused.</summary>
    public static string Line(HeldInfo h) =>
        $"{h.Target}: paused for {Duration(h.HeldFor)}{(h.Reason.Length > 0 ? $" ({Printable.Line(h.Reason)})" : "")}, {(h.EndsIn is { } end ? $"goes on in {Duration(end)}" : "until it is resumed")}";

    /// <summary>A schedule with which something is the matter.</summary>
    private static string Line(ScheduleInfo s) => Printable.Line($"schedule {s.Name}: {ScheduleLines.Trouble(s)}");

    private static string Line(WorkerInfo w) =>
        Printable.Line($"worker {w.Id}: {(w.Job is { } of ? $"serves {of}" : "serves nobody")}{(w.IsAttached ? "" : ", detached")}{(w.IsReady ? "" : ", recovering")}{Running(w)}, heard {Duration(w.LastHeard)} ago");

    private static string Running(WorkerInfo w) => w.Running is { } task ? $", runs {task.Job} {task.Key} for {Duration(task.For)}" : "";

    private static string SpeedLine(Report r)
    {
        var rate = r.PerSecond is { } perSecond ? FormattableString.Invariant($"{perSecond:N0}/s") : "nobody works on it";
        var eta = r.Eta is { } left ? $"ETA {(r.IsExact ? "" : "more than ")}{Duration(left)}" : "ETA unknown";
        var oldest = r.OldestPending is { } waits ? $", the oldest pending one is due for {Duration(waits)}" : "";
        return $"{r.Job}: {rate}, {eta}{oldest}";
    }

    private static string FaultLine(Report r) => $"{r.Job}: its own Report fails, these are the table's counts: {Printable.Line(r.Fault!)}";

    public static string Duration(TimeSpan time) => TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds)).ToString("c");
}
