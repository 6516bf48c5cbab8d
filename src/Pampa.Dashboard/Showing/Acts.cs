using Pampa.Serving;

namespace Pampa.Showing;

/// <summary>What people do. Each is checked and written to the audit by the cluster itself, under the name of whoever did it.</summary>
internal sealed class Acts(PampaCluster cluster, PampaDashboardOptions options, Reads reads, Operations operations)
{
    private const int MostKeys = 1_000;
    private static readonly TaskActionResult Nothing = new(0, 0, 0, IsExact: true, null);

    /// <summary>How many records an action would change.</summary>
    public async Task<PreviewShape> PreviewAsync(RecordsOrder order, string who, CancellationToken stopping)
    {
        var (action, filter) = await ReadAsync(order, stopping);
        if (filter.Keys is not null)
        {
            var would = await TryAsync(order, action, filter, new TaskActionOptions { DryRun = true, Running = order.Running }, who, stopping);
            return new PreviewShape(would.Matched, would.Running, would.IsExact, would.IsExact, Shown(would.Why));
        }
        // By the cluster itself, with all that it goes by when it does it: what it refuses then it refuses now. Each of the two counts ends in a
        // moment, with what it has by then.
        var taken = In(filter, order.Running ? [.. Taken(action), TaskState.Running] : Taken(action)) is not { } takes ? Nothing
            : await TryAsync(order, action, takes, new TaskActionOptions { DryRun = true, Hurried = true, Running = order.Running }, who, stopping);
        var running = !order.Running && action is (TaskAction.Cancel or TaskAction.Skip) && In(filter, [TaskState.Running]) is { } left
            ? await reads.RunAsync(t => cluster.CountAsync(order.Job, left, cancellationToken: t), stopping)
            : new TaskCount(0, true);
        return new PreviewShape(taken.Matched, running.Count, taken.IsExact, running.IsExact, Shown(taken.Why));
    }

    private string? Shown(string? text) => text is null ? null : options.Redact(text);

    // The filter's own states may leave none of these: then nothing is looked for.
    private static TaskFilter? In(TaskFilter filter, TaskState[] states)
    {
        TaskState[] both = filter.States.Count == 0 ? states : [.. states.Where(filter.States.Contains)];
        return both.Length == 0 ? null : filter with { States = both };
    }

    private Task<TaskActionResult> TryAsync(
        RecordsOrder order, TaskAction action, TaskFilter filter, TaskActionOptions onlyCount, string who, CancellationToken stopping) =>
        reads.RunAsync(t => cluster.As(who).ApplyAsync(order.Job, action, filter, onlyCount, null, t), stopping);

    private static TaskState[] Taken(TaskAction action) => action switch
    {
        TaskAction.Retry => [TaskState.Failed],
        TaskAction.Relaunch => [TaskState.Completed, TaskState.Failed],
        TaskAction.RunNow => [TaskState.Scheduled],
        _ => [TaskState.Pending, TaskState.Scheduled, TaskState.Reserved],
    };

    /// <summary>Does it, or begins to.</summary>
    public async Task<OperationShape> ApplyAsync(RecordsOrder order, string who, CancellationToken stopping)
    {
        var (action, filter) = await ReadAsync(order, stopping);
        var how = new TaskActionOptions { All = true, Running = order.Running, Reason = order.Reason };
        return await operations.BeginAsync(
            order.Job, order.Action, who, (progress, t) => cluster.As(who).ApplyAsync(order.Job, action, filter, how, progress, t));
    }

    public async Task<DoneShape> SteerAsync(SteerOrder order, string who, CancellationToken stopping)
    {
        var target = order.Kind switch
        {
            "job" => PampaTarget.Job(order.Name),
            "node" => PampaTarget.Node(order.Name),
            "worker" => PampaTarget.Worker(order.Name),
            _ => throw new ArgumentException($"kind must be job, node or worker, got '{order.Kind}'."),
        };
        var own = cluster.As(who);
        switch (order.Action)
        {
            case "pause":
                // Until when is the database's to say; a second more or less on this computer's clock does no harm.
                await own.PauseAsync(target, order.Reason, EndOf(order.Seconds), stopping);
                return new DoneShape($"{target} is paused.");
            case "resume":
                return new DoneShape(await own.ResumeAsync(target, stopping) ? $"{target} is resumed." : $"{target} was not paused.");
            default:
                throw new ArgumentException($"action must be pause or resume, got '{order.Action}'.");
        }
    }

    public async Task<DoneShape> ScheduleAsync(ScheduleOrder order, string who, CancellationToken stopping)
    {
        var own = cluster.As(who);
        switch (order.Action)
        {
            case "run":
                // Not by the request's token: a tick is not undone because a page was closed, or had no patience.
                var tick = await operations.BeginTickAsync(order.Name, who, t => own.RunScheduleAsync(order.Name, t));
                if (!tick.IsDone) return new DoneShape($"The tick of {order.Name} goes on; the strip at the top shows when it ends.");
                if (tick.Error is { } error) throw new InvalidOperationException(error);
                return new DoneShape($"schedule {order.Name} has had a tick.") { Ended = tick.Id };
            case "pause":
                await own.PauseScheduleAsync(order.Name, order.Reason, stopping);
                return new DoneShape($"schedule {order.Name} is paused.");
            case "resume":
                return new DoneShape(await own.ResumeScheduleAsync(order.Name, stopping) ? $"schedule {order.Name} is resumed." : $"schedule {order.Name} was not paused.");
            default:
                throw new ArgumentException($"action must be run, pause or resume, got '{order.Action}'.");
        }
    }

    public Task<DoneShape> StopAsync(StopOrder order) =>
        Task.FromResult(new DoneShape(operations.Stop(order.Id) switch
        {
            OperationKind.Records => "It stops; what was changed stays changed.",
            OperationKind.Tick => "It stops. Unless it had ended just then, nothing of the tick stays.",
            _ => "It has ended already.",
        }));

    private static DateTimeOffset? EndOf(double? seconds) => seconds switch
    {
        null => null,
        > 0 and <= 366 * 86_400 => TimeProvider.System.GetUtcNow().AddSeconds(seconds.Value),
        _ => throw new ArgumentException($"seconds must be more than 0 and at most a year, got {seconds}."),
    };

    private async Task<(TaskAction, TaskFilter)> ReadAsync(RecordsOrder order, CancellationToken stopping)
    {
        var action = Query.ParseWord<TaskAction>("action", order.Action);
        if (order.Running && action != TaskAction.Cancel)
            throw new ArgumentException($"running is for cancel alone: {order.Action} leaves alone what runs.");
        if ((order.Filter is null) == (order.Keys is null)) throw new ArgumentException("An order names either keys or a filter.");
        if (order.Keys is { Count: 0 or > MostKeys } keys) throw new ArgumentException($"keys must be 1 to {MostKeys:N0}, got {keys.Count}.");
        if (order.Keys is not null) return (action, new TaskFilter { Keys = order.Keys });
        return (action, await Filters.ReadAsync(cluster, options, order.Job, order.Filter!, stopping));
    }
}
