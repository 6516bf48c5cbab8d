using System.Globalization;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>Taking back, and looking without touching.</summary>
internal sealed partial class TaskStore
{
    /// <summary>
    /// How long after its own deadline the leader gives up on an attempt: the batch it was started in, and a margin.
    /// </summary>
    private static readonly TimeSpan DeadlineMargin = TimeSpan.FromSeconds(10) + TimeSpan.FromMilliseconds(60);

    /// <summary>
    /// T6, T7: takes back what dead or unknown workers hold, what is overdue, and what nobody has started within the
    /// hand time-out; at most one statement's rows.
    /// </summary>
    public async Task<TakenBack> ReclaimAsync(
        IReadOnlyList<DeadWorker> dead, TimeSpan handTimeout, LeaseTerm lease, CancellationToken stopping)
    {
        var statement = lease.Bind(TakeBackStatement(Sql.Reclaim)).With("hand", handTimeout.TotalSeconds);
        database.Dialect.Bind(statement, JobSql.DeadRows, [.. dead.Select(d => new[] { d.Id, Text(d.Session), d.Heartbeat })]);
        return await TakeBackAsync(statement, stopping);
    }

    /// <summary>
    /// T6, T7 for what a former life of the node's own worker ids left behind, at most one statement's rows.
    /// </summary>
    /// <param name="own">The workers.</param>
    /// <param name="stopping">Gives up.</param>
    /// <param name="lost">What became of that life; null: nothing more is known than that it is over.</param>
    public async Task<TakenBack> RecoverAsync(IReadOnlyList<(string Worker, long Session)> own, CancellationToken stopping, string? lost = null)
    {
        var statement = TakeBackStatement(Sql.Recover).With("lost", lost);
        database.Dialect.Bind(statement, JobSql.OwnRows, [.. own.Select(o => new[] { o.Worker, Text(o.Session) })]);
        return await TakeBackAsync(statement, stopping);
    }

    /// <summary>A record that was taken back.</summary>
    private readonly record struct TakenRow(TaskKey Key, bool Failed, bool Started);

    private Statement TakeBackStatement(string text)
    {
        var delays = new double[Math.Min(Job.MaxAttempts, 64)];
        for (var i = 0; i < delays.Length; i++) delays[i] = Job.Backoff.SecondsAfter(i + 1, random);
        return Statement(text)
            .With("delays", database.Dialect.Numbers(delays))
            .With("maxDelay", delays[^1])
            .With("deadline", (Job.MaxDuration + DeadlineMargin).TotalSeconds)
            .With("duration", Job.MaxDuration.ToString("c", CultureInfo.InvariantCulture))
            .With("errorLength", Table.ErrorLength)
            .With("want", database.Dialect.MaxRows);
    }

    private TakenRow ReadVerdict(System.Data.Common.DbDataReader reader)
    {
        var at = Table.Key.Count;
        return new TakenRow(ReadKey(reader), Flag(reader, at), Flag(reader, at + 1));
    }

    private static bool Flag(System.Data.Common.DbDataReader reader, int ordinal) =>
        Convert.ToBoolean(reader.GetValue(ordinal), CultureInfo.InvariantCulture);

    private TakenBack Noted(List<TakenRow> rows)
    {
        foreach (var row in rows.Where(r => r.Failed || r.Started)) NoteTakenBack(row.Key, row.Failed);
        return new TakenBack(rows.Count(r => !r.Failed && !r.Started), rows.Count(r => !r.Failed && r.Started), rows.Count(r => r.Failed));
    }

    /// <summary>
    /// T9: ends records that have no attempt left and that nobody holds, at most one statement's rows.
    /// </summary>
    public async Task<int> ExhaustAsync(LeaseTerm lease, CancellationToken stopping)
    {
        var statement = lease.Bind(Statement(Sql.Exhaust)).With("want", database.Dialect.MaxRows);
        return (await database.WriteAsync(statement, ReadKey, stopping)).Count;
    }

    /// <summary>Lets the database read the user's condition and order without touching a record.</summary>
    public Task ProbeAsync(CancellationToken stopping)
    {
        var statement = Statement("").With("want", 0);
        var where = Where(statement.Parameters);
        var orderBy = Job.OrderBy?.Render("order", statement.Parameters);
        var probe = new Statement(Sql.ReservePick(where, orderBy, afterCursor: false));
        probe.Parameters.AddRange(statement.Parameters);
        return database.QueryAsync(probe, _ => 0, stopping);
    }

    /// <summary>The next due records in the order of the job, without reserving them.</summary>
    public Task<List<TaskKey>> ReadNextAsync(int count, TaskKey? after, CancellationToken stopping) =>
        ReadNextAsync(count, after, upTo: null, LongestLook, stopping);

    /// <summary>The same of those that come no later than a key, where there is one. It ends when it takes too long.</summary>
    public async Task<List<TaskKey>> ReadNextAsync(int count, TaskKey? after, TaskKey? upTo, TimeSpan longest, CancellationToken stopping)
    {
        var statement = Statement("").With("want", count);
        var where = Where(statement.Parameters);
        var orderBy = Job.OrderBy?.Render("order", statement.Parameters);
        if (after is { } key) database.Dialect.BindCursor(statement, key);
        if (upTo is { } bound) database.Dialect.BindCursor(statement, bound, "bound");
        var look = new Statement(Sql.ReserveLook(where, orderBy, after is not null, upTo is not null)) { IsByKey = true, EndsAfter = longest };
        look.Parameters.AddRange(statement.Parameters);
        return await database.QueryAsync(look, ReadKey, stopping);
    }

    /// <summary>
    /// The open records that carry the ids of these workers; a scan, so only after doubt and every half minute.
    /// </summary>
    public Task<List<OwnRecord>> ReadOwnAsync(IReadOnlyList<(string Worker, long Session)> own, CancellationToken stopping)
    {
        var statement = Statement(Sql.ReadOwn);
        database.Dialect.Bind(statement, JobSql.OwnRows, [.. own.Select(o => new[] { o.Worker, Text(o.Session) })]);
        return database.QueryAsync(statement, reader =>
        {
            var at = Table.Key.Count;
            return new OwnRecord(ReadKey(reader), reader.GetString(at), TextOrNull(reader, at + 1), reader.GetInt32(at + 2), TextOrNull(reader, at + 3));
        }, stopping);
    }

    /// <summary>Whether a worker holds a record or one is due within the horizon.</summary>
    public async Task<bool> IsAnythingLeftAsync(TimeSpan horizon, CancellationToken stopping)
    {
        if (Job.Selecting is not null) return await IsAnythingNamedAsync(horizon, stopping);
        var statement = Statement("").With("horizon", horizon.TotalSeconds);
        var where = Where(statement.Parameters);
        var asked = new Statement(Sql.IsAnythingLeft(where));
        asked.Parameters.AddRange(statement.Parameters);
        return (await database.QueryAsync(asked, reader => Flag(reader, 0), stopping))[0];
    }
}
