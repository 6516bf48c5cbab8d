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
    /// T8 for all whose time has come by the job's own rule, oldest end first, at most one statement's rows. Returns how
    /// many.
    /// </summary>
    public async Task<int> RelaunchDueAsync(LeaseTerm lease, CancellationToken stopping)
    {
        var statement = WithLease(Due(Sql.RelaunchDue), lease).With("want", database.Dialect.MaxRows);
        return (await RelaunchAsync(statement, stopping)).Count;
    }

    /// <summary>What <see cref="RelaunchDueAsync"/> would take now, without touching it.</summary>
    public async Task<List<EndedRecord>> ReadDueAsync(int limit, CancellationToken stopping) =>
        (await database.QueryAsync(Due(Sql.ReadDue).With("want", limit), ReadEnd, stopping)).ConvertAll(e => new EndedRecord(e.Key, e.EndedAt, e.State));

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
            var statement = WithLease(WithAge(Statement(Sql.RelaunchSeen(where, isOfAge), isByKey: true, endsAfter: LongestRule)), lease);
            statement.Parameters.AddRange(parameters);
            database.Dialect.Bind(statement, Sql.RelaunchRows, [.. chunk.Select(r => Row(r.Key, r.EndedAt, r.State.ToString()))]);
            return RelaunchAsync(statement, stopping);
        });
    }

    /// <summary>Lets the database read the job's own rule without touching a record.</summary>
    public Task ProbeRelaunchAsync(CancellationToken stopping) => ReadDueAsync(0, stopping);

    private Statement Due(Func<string?, bool, bool, string> text)
    {
        var common = Statement("");
        var condition = RelaunchCondition(common.Parameters);
        var statement = new Statement(text(condition, Job.Relaunching!.After is not null, Job.Relaunching.FailedToo)) { EndsAfter = LongestRule };
        statement.Parameters.AddRange(common.Parameters);
        return WithAge(statement);
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
