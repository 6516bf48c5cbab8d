namespace Pampa.Bench;

/// <summary>Something that a page of the dashboard asks.</summary>
/// <param name="Page">The page.</param>
/// <param name="What">In words.</param>
/// <param name="Path">Behind the dashboard's address.</param>
internal sealed record DashboardQuestion(string Page, string What, string Path)
{
    /// <summary>Whether it is asked when nobody has looked for a while, so that the answer is not there already.</summary>
    public bool IsUnseen { get; private init; }

    /// <summary>Whether no index that is advised serves it: a large table refuses it, and that must be as quick as an answer.</summary>
    public bool HasNoIndex { get; private init; }

    /// <summary>All that the pages ask of a table whose records have the keys 1 to <paramref name="records"/>.</summary>
    public static IEnumerable<DashboardQuestion> Of(string job, int records)
    {
        DashboardQuestion Tasks(string what, string filter) => new("tasks", what, $"api/tasks?job={job}&limit=50{filter}");
        DashboardQuestion Samples(string what, int seconds) => new("job", what, FormattableString.Invariant($"api/samples?job={job}&seconds={seconds}&points=360"));
        var (middle, failed) = (records / 2 / 100 * 100 + 1, records / 2 / 100 * 100);
        return
        [
            new("all", "who somebody is", "api/session"),
            new("overview", "the cluster, as nobody has seen it for a while", "api/overview") { IsUnseen = true },
            new("overview", "the cluster, while others look on", "api/overview"),
            Samples("a quarter of an hour", 900),
            Samples("an hour", 3_600),
            Samples("a day", 86_400),
            Samples("thirty days", 2_592_000),
            new("job", "what it is", $"api/job?job={job}"),
            new("job", "failures in groups", $"api/errors?job={job}"),
            new("tasks", "the columns", $"api/columns?job={job}"),
            new("tasks", "which orders there are (no index)", $"api/orders?job={job}"),
            new("tasks", "which orders there are of failed ones", $"api/orders?job={job}&state=failed"),
            new("tasks", "which orders there are by a column", $"api/orders?job={job}&where=is_odd%20%3D%20true"),
            Tasks("the first page", ""),
            Tasks("a page in the middle", FormattableString.Invariant($"&after={middle}")),
            Tasks("the last page, with a value", "&order=keydescending&column=is_odd"),
            Tasks("pending", "&state=pending"),
            Tasks("scheduled", "&state=scheduled"),
            Tasks("reserved or running: none", "&state=reserved&state=running"),
            Tasks("completed", "&state=completed"),
            Tasks("failed", "&state=failed"),
            Tasks("failed, latest first", "&state=failed&order=latestend"),
            Tasks("completed, latest first (no index)", "&state=completed&order=latestend") with { HasNoIndex = true },
            Tasks("error contains, what many say", "&error=has%20no%20owner"),
            Tasks("error contains, what few say", "&error=on%20fire"),
            Tasks("error contains, failed, latest first", "&state=failed&order=latestend&error=has%20no%20owner"),
            Tasks("error contains, what few and old ones say", "&state=failed&order=latestend&error=on%20fire"),
            Tasks("key begins with", "&prefix=1234"),
            Tasks("by worker", "&worker=n1.3"),
            Tasks("by worker: none", "&worker=n9.3"),
            Tasks("by time, the last hour", $"&moment=ended&from={Uri.EscapeDataString($"{TimeProvider.System.GetUtcNow().AddHours(-1):yyyy-MM-ddTHH:mm:ssZ}")}"),
            Tasks("by a column", "&where=is_odd%20%3D%20true"),
            Tasks("by the key as a column", FormattableString.Invariant($"&where=value%20%3E%3D%20{records - 10}")),
            new("a task", "one that has completed", FormattableString.Invariant($"api/task?job={job}&key={middle}")),
            new("a task", "one that has failed", FormattableString.Invariant($"api/task?job={job}&key={failed}")),
            new("a task", "one that is pending", FormattableString.Invariant($"api/task?job={job}&key={records - records / 200}")),
            new("nodes", "the first of them", "api/nodes?limit=100"),
            new("nodes", "by a part of the name", "api/nodes?name=2&limit=100"),
            new("nodes", "the workers of one", "api/workers?node=n1&limit=100"),
            new("schedules", "all", "api/schedules"),
            new("audit", "the first page", "api/audit"),
            new("audit", "of a job by somebody", $"api/audit?job={job}&who=operator%203"),
            new("audit", "by action", "api/audit?action=retry"),
            new("audit", "by action: none", "api/audit?action=skip"),
            new("audit", "by a part of what it was done to", $"api/audit?target={job[1..]}"),
            new("audit", "by what it was done to: none", "api/audit?target=nothing"),
            new("for programs", "metrics", "metrics"),
            new("for programs", "how many workers", $"scale/{job}"),
        ];
    }
}
