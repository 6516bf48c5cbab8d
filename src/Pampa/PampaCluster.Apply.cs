using System.Globalization;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <summary>Doing something to records, and who does it.</summary>
public sealed partial class PampaCluster
{
    // For words about a number that is known.
    private static readonly TimeSpan LongestWhy = TimeSpan.FromSeconds(0.5);

    private const int MaxWho = 200;
    private const int MaxDetail = 2_000;
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    /// <summary>Who acts, for the audit; null: the user of this process.</summary>
    private string? Who { get; init; }

    /// <summary>
    /// The same cluster for somebody: what is done by it stands in the audit under this name. Cheap enough for each request. Default
    /// without it: the user and the computer of this process.
    /// </summary>
    /// <param name="who">A name for people, for example a login; at most 200 characters.</param>
    /// <exception cref="ArgumentException">The name is empty or too long.</exception>
    public PampaCluster As(string who)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(who);
        if (who.Length > MaxWho) throw Fault($"A name in the audit has at most {MaxWho} characters, got {who.Length}.");
        // What this one has opened it closes itself.
        return new PampaCluster(access) { Who = ErrorText.Sanitise(who, MaxWho) };
    }

    /// <summary>
    /// Does something to all records that match, in chunks with a pause between them. A record is changed only if at that moment it still
    /// matches, is as it was seen, and is in a state that the action takes. What is done stands in the audit, chunk by chunk in the same
    /// transaction. Records that somebody has locked at the moment are passed by.
    /// </summary>
    /// <remarks>
    /// While more than 10,000 calls of the job's hooks are still to be made in this process, a retry or a relaunch waits between its chunks until
    /// they are fewer (but not out of a hook). Where none of those that are being made ends, it stops there with an <see
    /// cref="InvalidOperationException"/>.
    /// </remarks>
    /// <param name="job">The job's name.</param>
    /// <param name="action">What to do.</param>
    /// <param name="filter">Which records. One without any condition is refused, unless the options say that all are meant.</param>
    /// <param name="options">How to go about it. Default null: chunks of 200, with 50 ms between them.</param>
    /// <param name="progress">Told after each chunk.</param>
    /// <param name="cancellationToken">Gives up; what is done by then stays so.</param>
    /// <returns>What was done or, of a dry run, would be.</returns>
    /// <exception cref="ArgumentException">
    /// There is no such job or column, a value or a key does not fit its column, or the filter leaves no state that the action takes. Or the job has
    /// a condition that only its program knows (<see cref="OpenPublishedAsync(string?, string, CancellationToken)"/>), and no keys are given. Or the
    /// action takes only what has not ended, and the filter asks for a time of the end.
    /// </exception>
    public async Task<TaskActionResult> ApplyAsync(
        string job, TaskAction action, TaskFilter filter, TaskActionOptions? options = null, IProgress<TaskActionResult>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        options ??= new TaskActionOptions();
        Check(options);
        if (action == TaskAction.RunNow) filter = filter with { IsOwnTimePast = true };
        var parts = await access.GetAsync(cancellationToken);
        var store = Find(parts, job);
        if (options.Running) CheckStops(store.Job, action);
        TaskState[] takes = options.Running ? [.. StatesOf(action), TaskState.Running] : StatesOf(action);
        List<TaskState> states = [.. takes.Where(s => filter.States.Count == 0 || filter.States.Contains(s))];
        if (states.Count == 0)
            throw Fault($"Job '{job}': {Name(action)} takes records that are {Names(takes)}, and the filter wants such that are {Names(filter.States)}.");
        var asksForEnd = filter is { Moment: TaskMoment.Ended } and ({ From: not null } or { Until: not null });
        if (asksForEnd && !states.Exists(s => s is TaskState.Completed or TaskState.Failed))
            throw Fault($"Job '{job}': {Name(action)} takes records that are {Names(states)}, and none of those has ended, so no time of an end can be asked for. Ask by the time reserved: of one that nobody holds it is that until which Pampa keeps it back. A time of the program's own is a column like any other.");
        if (filter.IsOfStatesOnly && !options.All && !options.DryRun)
            throw Fault($"Job '{job}': {Name(action)} without a condition takes all records that are {Names(states)}. Give a condition, or say that all are meant.");
        // What has ended has been a task; what has not may never be one.
        if (store.Job.LacksCondition && action is (TaskAction.Cancel or TaskAction.Skip or TaskAction.RunNow) && filter.Keys is null)
            throw Fault($"Job '{job}' has a condition (Where) that only its own program knows, so a record that has not ended may be no task of it. Give the keys of those that {Name(action)} is to take, or let the program do it.");
        // Those are looked at as well, to tell that they were left alone.
        var passesRunning = !options.Running && action is (TaskAction.Cancel or TaskAction.Skip)
            && (filter.States.Count == 0 || filter.States.Contains(TaskState.Running));
        if (options.DryRun)
        {
            var counted = await CountAsync(store, filter, states, passesRunning, options, cancellationToken);
            return await WhyNoneAsync(store, action, filter, counted, cancellationToken);
        }
        var detail = Joined(FilterText.Of(filter), options.Reason is { Length: > 0 } why ? $"because: {why}" : "");
        var note = await NoteAsync(parts, Name(action), PampaTarget.Job(job), detail, cancellationToken);
        var bulk = new Bulk(store, action, filter, passesRunning ? [.. states, TaskState.Running] : states, note with { Reason = options.Reason });
        var result = await DoAsync(bulk, options, progress, cancellationToken);
        if (result.Changed > 0) await parts.WakeAsync(job, cancellationToken);
        if (parts.WaitsForHooks && store.Calls is { IsInside: false } calls) await calls.TellAllAsync(Timeout.InfiniteTimeSpan, cancellationToken);
        return await WhyNoneAsync(store, action, filter, result, cancellationToken);
    }

    private static async Task<TaskActionResult> CountAsync(
        TaskStore store, TaskFilter filter, List<TaskState> states, bool passesRunning, TaskActionOptions options, CancellationToken stopping)
    {
        var most = (int)Math.Min(options.Limit ?? Limits.MatchedRows, Limits.MatchedRows);
        var matched = await store.CountAsync(filter with { States = states }, most, options.Hurried, stopping);
        // So many are meant, however many more there are.
        if (matched.Count == options.Limit) matched = matched with { IsExact = true };
        var running = !passesRunning ? new TaskCount(0, IsExact: true)
            : await store.CountAsync(filter with { States = [TaskState.Running] }, Limits.MatchedRows, options.Hurried, stopping);
        return new TaskActionResult(matched.Count, 0, running.Count, matched.IsExact && running.IsExact, null);
    }

    // Where nothing matches although it looks as if it should, that alone would leave whoever asked at a loss.
    private static async Task<TaskActionResult> WhyNoneAsync(
        TaskStore store, TaskAction action, TaskFilter filter, TaskActionResult result, CancellationToken stopping)
    {
        if (result is not { Matched: 0, Running: 0, IsExact: true }) return result;
        // What is asked for is known by now: it is not to hang on this.
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        soon.CancelAfter(LongestWhy);
        try
        {
            return result with { Why = await WhyNoneAsync(store, action, filter, soon.Token) };
        }
        catch (Exception e) when (!stopping.IsCancellationRequested && e is OperationCanceledException or TimeoutException or System.Data.Common.DbException)
        {
            return result;
        }
    }

    private static async Task<string?> WhyNoneAsync(TaskStore store, TaskAction action, TaskFilter filter, CancellationToken stopping)
    {
        if (action == TaskAction.RunNow && store.Table.Order.Due is { } due)
        {
            var waiting = await store.CountAsync(filter with { IsOwnTimePast = false, States = [TaskState.Scheduled] }, 1, isHurried: true, stopping);
            if (waiting.Count == 0) return null;
            return $"what is scheduled of these waits for its own time, which stands in column '{due.Name}' (DueColumn) and is the program's: write another one there";
        }
        if (action is TaskAction.Retry or TaskAction.Relaunch && filter.Keys is { Count: > 0 } keys)
        {
            var page = await store.PageAsync(new TaskQuery { Filter = new TaskFilter { Keys = keys }, Limit = Limits.ListedRows }, stopping);
            if (!page.Tasks.Any(t => t is { State: TaskState.Failed, EndedAt: null })) return null;
            return $"what has failed of these has used all of its attempts and has no end yet: a dispatcher that leads gives it one in a moment, and then {Name(action)} takes it";
        }
        return null;
    }

    /// <summary>Something that is done to many records.</summary>
    private sealed record Bulk(TaskStore Store, TaskAction Action, TaskFilter Filter, IReadOnlyCollection<TaskState> Seen, AuditNote Note);

    private static async Task<TaskActionResult> DoAsync(Bulk bulk, TaskActionOptions options, IProgress<TaskActionResult>? progress, CancellationToken stopping)
    {
        var error = $"cancelled by {bulk.Note.Who}{(options.Reason is { Length: > 0 } reason ? $": {reason}" : "")}";
        var result = new TaskActionResult(0, 0, 0, IsExact: true, null);
        TaskKey? cursor = null;
        while (true)
        {
            var size = (int)Math.Min(Math.Min(options.ChunkSize, bulk.Store.Database.Dialect.MaxRows), (options.Limit ?? long.MaxValue) - result.Changed);
            var choice = await bulk.Store.ChooseAsync(bulk.Filter, bulk.Seen, cursor, size, stopping);
            List<ChosenRecord> mine = [.. choice.Records.Where(r => options.Running || r.State != TaskState.Running)];
            result = result with { Matched = result.Matched + mine.Count, Running = result.Running + choice.Records.Count - mine.Count };
            foreach (var alike in mine.GroupBy(r => r.State == TaskState.Running))
            {
                var changed = await bulk.Store.ApplyAsync(bulk.Action, bulk.Filter, [.. alike], error, bulk.Note, stopping);
                if (changed.Count > 0) result = result with { Changed = result.Changed + changed.Count, AuditId = bulk.Note.Id };
                progress?.Report(result);
            }
            if (choice.IsLast || result.Changed >= options.Limit) return result;
            cursor = choice.Cursor;
            if (bulk.Action is TaskAction.Retry or TaskAction.Relaunch) await RoomAsync(bulk.Store, stopping);
            if (mine.Count > 0 && options.Pause > TimeSpan.Zero) await Task.Delay(options.Pause, TimeProvider.System, stopping);
        }
    }

    // Hooks are told beside, some at a time: what is relaunched faster would gather without a bound.
    private static async Task RoomAsync(TaskStore store, CancellationToken stopping)
    {
        if (store.Calls is not { IsInside: false } calls) return;
        await calls.UntilAsync(Limits.RelaunchRows).WaitAsync(stopping);
        if (calls.Count > Limits.RelaunchRows && calls.AreStuck)
            throw new StuckHooksException($"Job '{store.Job.Name}': {HookCalls.MostAtOnce} calls of its hooks do not end, and {calls.Count} wait behind them, so no more is made pending again; what was stays so. Give what their code waits for a time-out, and go on then.");
    }

    // Hooks are promised the end of each attempt whose start they were told, and nobody would tell them of this one.
    private static void CheckStops(JobDefinition job, TaskAction action)
    {
        if (action != TaskAction.Cancel) throw Fault($"Job '{job.Name}': {Name(action)} leaves alone what runs; only cancel can take it.");
        if (job.Hooks.Has(HookKind.Finished) || job.LacksFinished)
            throw Fault($"Job '{job.Name}' has an OnFinished, which is told of the end of each attempt, so what runs is not cancelled: let it end, or stop its worker.");
    }

    private static void Check(TaskActionOptions options)
    {
        if (options.ChunkSize is < 1 or > Limits.StatementRows) throw Fault($"ChunkSize must be between 1 and {Limits.StatementRows}, got {options.ChunkSize}.");
        if (options.Pause < TimeSpan.Zero || options.Pause > LongestPause) throw Fault($"Pause must be between zero and {LongestPause}, got {options.Pause}.");
        if (options.Limit < 1) throw Fault($"Limit must be at least 1, got {options.Limit}.");
        if (options.Reason?.Length > MaxReason) throw Fault($"A reason has at most {MaxReason} characters, got {options.Reason.Length}.");
    }

    private static TaskState[] StatesOf(TaskAction action) => action switch
    {
        TaskAction.Retry => [TaskState.Failed],
        TaskAction.Relaunch => [TaskState.Completed, TaskState.Failed],
        TaskAction.Cancel or TaskAction.Skip => [TaskState.Pending, TaskState.Scheduled, TaskState.Reserved],
        TaskAction.RunNow => [TaskState.Scheduled],
        _ => throw new ArgumentOutOfRangeException(nameof(action), action, "There is no such action."),
    };

    private static string Name(TaskAction action) => action == TaskAction.RunNow ? "run-now" : action.ToString().ToLowerInvariant();

    private static string Names(IEnumerable<TaskState> states) => string.Join(" or ", states.Select(s => s.ToString().ToLowerInvariant()));

    private static string Joined(params ReadOnlySpan<string> parts) => string.Join("; ", parts.ToArray().Where(p => p.Length > 0));

    private Task<AuditNote> NoteAsync(ClusterParts parts, string action, PampaTarget target, string detail, CancellationToken stopping) =>
        NoteAsync(parts, action, target.ToString(), detail, stopping, target.Hold.Kind == HoldKind.Job ? target.Name : null);

    private async Task<AuditNote> NoteAsync(
        ClusterParts parts, string action, string target, string detail, CancellationToken stopping, string? job = null) =>
        new(await parts.Tables.Audit.NewIdAsync(stopping), Who ?? ProcessUser, action, target, ErrorText.Sanitise(detail, MaxDetail)) { Job = job };

    private static string ProcessUser =>
        ErrorText.Sanitise(string.Create(CultureInfo.InvariantCulture, $"{Environment.UserName}@{Environment.MachineName}"), MaxWho);
}
