using System.Globalization;
using Pampa.Serving;

namespace Pampa.Showing;

/// <summary>What pages ask for, as they ask for it.</summary>
internal sealed class Looks(PampaCluster cluster, PampaDashboardOptions options, Reads reads)
{
    private const int MostRows = 200;
    private const int Window = 2_000;
    private const int MostGroups = 100;
    private const int LongestError = 500;
    private const int LongestCore = 200;

    // What stands in a pattern for whatever differs from case to case.
    private const char Particular = '…';

    public async Task<SamplesShape?> SamplesAsync(Query query, CancellationToken stopping)
    {
        var seconds = query.Whole("seconds", 60, 31 * 86_400, 3_600);
        var from = TimeProvider.System.GetUtcNow().AddSeconds(-seconds);
        var samples = await reads.RunAsync(t => cluster.SamplesAsync(query.Needed("job"), from, null, query.Whole("points", 2, 1_000, 360), t), stopping);
        return new SamplesShape([.. samples.Select(s => new SampleShape(
            s.At, s.Pending, s.IsPendingExact, s.Running, s.CompletedPerSecond, s.FailedPerSecond, s.MeanDuration?.TotalSeconds, s.Workers))]);
    }

    public async Task<ErrorsShape?> ErrorsAsync(Query query, CancellationToken stopping)
    {
        var report = await reads.RunAsync(t => cluster.ErrorsAsync(query.Needed("job"), Window, t), stopping);
        return new ErrorsShape(
            [.. report.Groups.Take(MostGroups).Select(g => new ErrorGroupShape(
                options.Redact(g.Pattern), g.Count, g.First, g.Last, g.SampleKey, options.Redact(g.Sample))
            {
                Search = Core(g.Pattern, options.Redact(g.Pattern)),
            })],
            report.Examined, report.IsComplete);
    }

    // Conditions may name values: what is a secret in them is taken out as it is in errors.
    public async Task<JobFactsShape?> JobAsync(Query query, CancellationToken stopping)
    {
        if (await reads.RunAsync(t => cluster.JobAsync(query.Needed("job"), t), stopping) is not { } job) return new JobFactsShape(null, [], null);
        return new JobFactsShape(job.Table, job.Key, job.Program)
        {
            MaxAttempts = job.MaxAttempts,
            MaxDuration = job.MaxDuration?.TotalSeconds,
            MaxWorkers = job.MaxAssignedWorkers,
            WorkerFilter = Redacted(job.WorkerFilter),
            MaxWait = job.MaxWait?.TotalSeconds,
            FinishBy = job.FinishBy,
            FinishAt = job.FinishAt?.ToString(job.FinishAt.Value.Second == 0 ? "HH:mm" : "HH:mm:ss", CultureInfo.InvariantCulture),
            FinishAtZone = job.FinishAtZone,
            Where = Redacted(job.Where),
            OrderBy = Redacted(job.OrderBy),
        };
    }

    private string? Redacted(string? text) => text is null ? null : Cut(options.Redact(text), LongestError * 4);

    public async Task<ColumnsShape?> ColumnsAsync(Query query, CancellationToken stopping)
    {
        var job = query.Needed("job");
        var columns = await reads.RunAsync(t => cluster.ColumnsAsync(job, t), stopping);
        return new ColumnsShape([.. columns.Select(c => new ColumnShape(
            c.Name, c.Type, c.IsKey, c.IsState, Filters.IsShown(options, job, c), Filters.IsSearchable(options, job, c)))]);
    }

    // What cannot be listed is refused before it is begun, so all is asked of a time that ends when it begins: then no record is looked at.
    public async Task<OrdersShape?> OrdersAsync(Query query, CancellationToken stopping)
    {
        var job = query.Needed("job");
        var order = new FilterOrder(query.Texts("state"), Where: query.Texts("where"));
        return await reads.RunAsync(async t =>
        {
            var asked = await Filters.ReadAsync(cluster, options, job, order, t);
            var ofFailed = asked.States.Count > 0 && asked.States.All(s => s == TaskState.Failed);
            var nothing = asked with { States = ofFailed ? [TaskState.Failed] : [], From = DateTimeOffset.UnixEpoch, Until = DateTimeOffset.UnixEpoch };
            // That there is no such job or column is no matter of its orders.
            await cluster.TasksAsync(job, new TaskQuery { Filter = nothing }, t);
            try
            {
                await cluster.TasksAsync(job, new TaskQuery { Filter = nothing, Order = TaskOrder.LatestEnd }, t);
                return new OrdersShape(null);
            }
            catch (ArgumentException e)
            {
                return new OrdersShape(options.Redact(e.Message));
            }
        }, stopping);
    }

    public async Task<TaskPageShape?> TasksAsync(Query query, CancellationToken stopping)
    {
        var job = query.Needed("job");
        var order = new FilterOrder(
            query.Texts("state"), query.Text("prefix"), query.Text("error"), query.Text("worker"), query.Text("moment"), query.Moment("from"),
            query.Moment("until"), query.Texts("where"));
        var page = await reads.RunAsync(async t =>
        {
            var wanted = query.Texts("column");
            var columns = wanted.Count == 0 ? [] : await cluster.ColumnsAsync(job, t);
            var asked = new TaskQuery
            {
                Filter = await Filters.ReadAsync(cluster, options, job, order, t),
                Order = query.Word("order", TaskOrder.Key),
                After = query.Text("after"),
                Limit = query.Whole("limit", 1, MostRows, 50),
                Columns = [.. columns.Where(c => Filters.IsShown(options, job, c) && wanted.Contains(c.Name)).Select(c => c.Name)],
            };
            return await cluster.TasksAsync(job, asked, t);
        }, stopping);
        return new TaskPageShape([.. page.Tasks.Select(t => Shape(t, LongestError))], page.Next, page.IsPartial, page.LookedAt);
    }

    public async Task<TaskDetailShape?> TaskAsync(Query query, CancellationToken stopping)
    {
        var (job, key) = (query.Needed("job"), query.Needed("key"));
        return await reads.RunAsync(async t =>
        {
            var columns = (await cluster.ColumnsAsync(job, t)).Where(c => !c.IsState && !c.IsKey).ToList();
            var shown = columns.Where(c => Filters.IsShown(options, job, c)).Select(c => c.Name).ToList();
            if (await cluster.TaskAsync(job, key, shown, t) is not { } details) return null;
            var explanation = await cluster.ExplainAsync(job, key, t);
            return new TaskDetailShape(
                Shape(details.Task, int.MaxValue), details.MaxAttempts, details.Generation,
                [.. details.History.Select(h => new EventShape(h.At, h.What, h.Attempt, h.Worker, h.Who, h.Text is null ? null : options.Redact(h.Text)))],
                options.Redact(explanation?.Verdict ?? ""), explanation?.WillRun ?? false, explanation?.NextIn?.TotalSeconds,
                [.. (explanation?.Conditions ?? []).Select(c => new ConditionShape(c.Name, c.Holds, options.Redact(c.Detail)))], columns.Count - shown.Count);
        }, stopping);
    }

    public async Task<SchedulesShape?> SchedulesAsync(CancellationToken stopping) =>
        new([.. (await reads.RunAsync(cluster.SchedulesAsync, stopping)).Select(s => new ScheduleShape(
            s.Name, s.Expression, s.TimeZone, s.State.ToString().ToLowerInvariant(), s.Next, s.NextIn?.TotalSeconds, s.LastTick, s.LastDoneAt, s.Missed,
            s.Failures, s.Error is null ? null : options.Redact(s.Error), s.RetryIn?.TotalSeconds, s.PausedAt, options.Redact(s.PauseReason), s.Program,
            s.IsInProgram))]);

    public async Task<AuditShape?> AuditAsync(Query query, CancellationToken stopping)
    {
        var page = await reads.RunAsync(t => cluster.AuditAsync(new AuditQuery
        {
            Before = query.Text("before"),
            Limit = query.Whole("limit", 1, MostRows, 50),
            Job = query.Text("job"),
            Who = query.Text("who"),
            Action = query.Text("action"),
            TargetContains = query.Text("target"),
        }, t), stopping);
        return new AuditShape(
            [.. page.Entries.Select(e => new AuditEntryShape(e.Id, e.At, e.Who, e.Action, e.Target, options.Redact(e.Detail), e.Count))], page.Next);
    }

    /// <summary>
    /// The longest piece of a pattern that stands as it is in every text of the group, of what lies before and behind all that is hidden:
    /// what is asked with it is asked of the records themselves.
    /// </summary>
    internal static string? Core(string pattern, string shown)
    {
        var before = pattern.AsSpan().CommonPrefixLength(shown);
        var behind = 0;
        while (behind < Math.Min(pattern.Length, shown.Length) - before && pattern[^(behind + 1)] == shown[^(behind + 1)]) behind++;
        var core = pattern[..before].Split(Particular).Concat(pattern[^behind..].Split(Particular)).Select(p => p.Trim()).MaxBy(p => p.Length)!;
        return core.Length == 0 ? null : core[..Math.Min(core.Length, LongestCore)];
    }

    private TaskShape Shape(TaskInfo task, int longest) => new(
        task.Key, task.State.ToString().ToLowerInvariant(), task.Worker, task.Attempts, task.ReservedAt, task.StartedAt, task.EndedAt,
        task.Error is null ? null : Cut(options.Redact(task.Error), longest), [.. task.Values.Select(v => new ValueShape(v.Column, v.Text, v.IsCut))]);

    private static string Cut(string text, int longest) => text.Length <= longest ? text : $"{text[..longest]}…";
}
