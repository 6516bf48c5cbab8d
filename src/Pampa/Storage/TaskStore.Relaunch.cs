using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>An ended record, with its end as the database wrote it.</summary>
internal readonly record struct EndedRecord(TaskKey Key, string EndedAt, TaskState State);

/// <summary>Running again.</summary>
internal sealed partial class TaskStore
{
    /// <summary>How long one statement of a job's own rule may take: while it runs, the leader does nothing for any job.</summary>
    public static readonly TimeSpan LongestRule = TimeSpan.FromSeconds(5);

    /// <summary>
    /// T8: makes ended records pending again if they still are as they were seen. Returns the keys that were.
    /// </summary>
    public Task<List<TaskKey>> RelaunchAsync(
        IReadOnlyList<(TaskKey Key, string EndedAt)> records, TaskState seen, CancellationToken stopping) =>
        ChunkedAsync(records, chunk =>
        {
            var statement = ByKey(Sql.Relaunch);
            database.Dialect.Bind(statement, Sql.RelaunchRows, [.. chunk.Select(r => Row(r.Key, r.EndedAt, seen.ToString()))]);
            return RelaunchAsync(statement, stopping);
        });

    /// <summary>
    /// T8 for all of a window whose time has come by the job's own rule, oldest end first, at most one statement's rows.
    /// Returns how many.
    /// </summary>
    public async Task<int> RelaunchDueAsync(LeaseTerm lease, CancellationToken stopping, EndWindow window = default)
    {
        var statement = lease.Bind(Due(Sql.RelaunchDue, window)).With("want", database.Dialect.MaxRows);
        return (await RelaunchAsync(statement, stopping)).Count;
    }

    /// <summary>What <see cref="RelaunchDueAsync"/> would take now, without touching it.</summary>
    public async Task<List<EndedRecord>> ReadDueAsync(int limit, CancellationToken stopping, EndWindow window = default) =>
        (await database.QueryAsync(Due(Sql.ReadDue, window).With("want", limit), ReadEnd, stopping)).ConvertAll(e => new EndedRecord(e.Key, e.EndedAt, e.State));

    /// <summary>
    /// The end up to which so many records of a window have ended, matching or not, that may be of age; null: there are no more. For jobs
    /// with an age.
    /// </summary>
    public Task<string?> ReadEndAheadAsync(int rows, EndWindow window, CancellationToken stopping) =>
        ReadEndAsync(Windowed(new Statement(Sql.ReadEndAhead(window)) { EndsAfter = LongestRule }, window).With("window", rows), stopping);

    /// <summary>The youngest end that certainly is of age; null: there is none. For jobs with an age.</summary>
    public Task<string?> ReadEndOfAgeAsync(CancellationToken stopping) => ReadEndAsync(new Statement(Sql.ReadEndOfAge) { EndsAfter = LongestRule }, stopping);

    private async Task<string?> ReadEndAsync(Statement statement, CancellationToken stopping) =>
        (await database.QueryAsync(WithAge(statement), reader => reader.GetString(0), stopping)).SingleOrDefault();

    /// <summary>
    /// T8 by the leader for records as they were seen, that still are tasks of the job; where asked, only those whose time
    /// has come by the job's own rule. Returns the keys that were made pending.
    /// </summary>
    public Task<List<TaskKey>> RelaunchSeenAsync(IReadOnlyList<EndedRecord> records, bool byRule, LeaseTerm lease, CancellationToken stopping)
    {
        var parameters = new List<(string Name, object? Value)>();
        var where = byRule ? RelaunchCondition(parameters) : Where(parameters);
        var isOfAge = byRule && Job.Relaunching!.After is not null;
        return ChunkedAsync(records, chunk =>
        {
            var statement = lease.Bind(WithAge(Statement(Sql.RelaunchSeen(where, isOfAge), isByKey: true, endsAfter: LongestRule)));
            statement.Parameters.AddRange(parameters);
            database.Dialect.Bind(statement, Sql.RelaunchRows, [.. chunk.Select(r => Row(r.Key, r.EndedAt, r.State.ToString()))]);
            return RelaunchAsync(statement, stopping);
        });
    }

    /// <summary>Lets the database read the job's own rule without touching a record.</summary>
    public Task ProbeRelaunchAsync(CancellationToken stopping) => ReadDueAsync(0, stopping);

    private Statement Due(Func<string?, bool, bool, EndWindow, string> text, EndWindow window)
    {
        var common = Statement("");
        var condition = RelaunchCondition(common.Parameters);
        var statement = new Statement(text(condition, Job.Relaunching!.After is not null, Job.Relaunching.FailedToo, window)) { EndsAfter = LongestRule };
        statement.Parameters.AddRange(common.Parameters);
        return WithAge(Windowed(statement, window));
    }

    private static Statement Windowed(Statement statement, EndWindow window)
    {
        if (window.After is { } after) statement.With("endedAfter", after);
        if (window.UpTo is { } upTo) statement.With("endedUpTo", upTo);
        return statement;
    }

    private Statement WithAge(Statement statement) => Job.Relaunching?.After is { } age
        ? statement.With("age", age.TotalSeconds).With("jitter", Job.Relaunching.Jitter)
        : statement;

    /// <summary>Which of the ended records run again: those that still are tasks, and of them those of the rule.</summary>
    private string? RelaunchCondition(ICollection<(string Name, object? Value)> parameters)
    {
        var where = Where(parameters);
        var again = Rendered(Job.Relaunching!.Where, "RelaunchWhere", "again", parameters);
        if (where is null || again is null) return where ?? again;
        return $"({where}) AND ({again})";
    }
}
