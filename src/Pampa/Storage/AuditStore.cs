using System.Globalization;

namespace Pampa.Storage;

/// <summary>Something that somebody does, for the audit.</summary>
/// <param name="Id">A name of its own, of the time in which it is done.</param>
/// <param name="Who">Who does it.</param>
/// <param name="Action">What.</param>
/// <param name="Target">To what, for people.</param>
/// <param name="Detail">Which records, and why.</param>
internal sealed record AuditNote(string Id, string Who, string Action, string Target, string Detail)
{
    /// <summary>The job that it is about; null: none.</summary>
    public string? Job { get; init; }

    /// <summary>Why, as far as that was said.</summary>
    public string? Reason { get; init; }
}

/// <summary>
/// What people have done. An entry is written in the transaction that does it: what is undone was never done, and nothing is done that
/// is not written down.
/// </summary>
internal sealed class AuditStore(Database database, string cluster)
{
    private Dialect Dialect => database.Dialect;

    /// <summary>
    /// Writes an entry, or adds to what it has done so far: the statement of one thing that is done in several transactions.
    /// </summary>
    public Task<int> WriteAsync(Database.Unit unit, AuditNote note, long count) => unit.ExecuteAsync(new Statement($"""
        INSERT INTO pampa_audit AS a (cluster, id, at, who, action, target, job, detail, count)
        VALUES (@cluster, @id, {Dialect.Now}, @who, @action, @target, @job, @detail, @count)
        ON CONFLICT (cluster, id) DO UPDATE SET count = a.count + excluded.count
        """).With("cluster", cluster).With("id", note.Id).With("who", note.Who).With("action", note.Action).With("target", note.Target)
        .With("job", note.Job).With("detail", note.Detail).With("count", count));

    /// <summary>Writes an entry by itself.</summary>
    public Task WriteAsync(AuditNote note, CancellationToken stopping) => database.UnitAsync(unit => WriteAsync(unit, note, 0), stopping);

    /// <summary>Runs a statement that steers, and writes it down if it changes anything. Returns how many rows it changed.</summary>
    public static Task<int> DoAsync(Database database, string cluster, Statement statement, AuditNote? note, CancellationToken stopping) => note is null
        ? database.ExecuteAsync(statement, stopping)
        : database.UnitAsync(async unit =>
        {
            var changed = await unit.ExecuteAsync(statement);
            if (changed > 0) await new AuditStore(database, cluster).WriteAsync(unit, note, 0);
            return changed;
        }, stopping);

    /// <summary>Entries, newest first.</summary>
    public Task<List<AuditEntry>> ReadAsync(AuditQuery query, int most, CancellationToken stopping)
    {
        List<(string Name, string Condition, string? Value)> asked =
        [
            ("before", "id < @before", query.Before), ("job", "job = @job", query.Job), ("who", "who = @who", query.Who),
            ("action", "action = @action", query.Action), ("target", Dialect.Contains("target", "@target"), query.TargetContains),
        ];
        asked.RemoveAll(a => a.Value is null);
        // Only what is asked for stands in the statement, so that the key's index serves.
        var statement = new Statement($"""
            SELECT id, {Dialect.AsText("at")}, who, action, target, detail, count FROM pampa_audit WHERE cluster = @cluster{string.Concat(asked.Select(a => $" AND {a.Condition}"))}
            ORDER BY id DESC LIMIT @want
            """).With("cluster", cluster).With("want", most);
        foreach (var (name, _, value) in asked) statement.With(name, value);
        return database.QueryAsync(statement, row => new AuditEntry(
            row.GetString(0), ScheduleStore.Moment(row.GetString(1)), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5),
            row.GetInt64(6)), stopping);
    }

    /// <summary>
    /// Throws away entries that are too old, the oldest first and so many at most, while the lease holds. Returns how many. They are found by
    /// their names, which follow the time.
    /// </summary>
    public Task<int> ThinAsync(TimeSpan keep, int most, LeaseTerm lease, CancellationToken stopping) => database.ExecuteAsync(lease.Bind(new Statement($"""
        DELETE FROM pampa_audit WHERE cluster = @cluster AND id IN (
          SELECT o.id FROM pampa_audit AS o WHERE o.cluster = @cluster ORDER BY o.id LIMIT @most) AND at < {Dialect.NowPlus("@keep")}
          AND {LeaseTerm.Holds(Dialect)}
        """) { MayRunTwice = true }.With("cluster", cluster).With("most", most).With("keep", -keep.TotalSeconds)), stopping);

    /// <summary>The name of an entry that is made now: later ones have higher ones, by the database's clock and not by anybody's own.</summary>
    public async Task<string> NewIdAsync(CancellationToken stopping)
    {
        var now = await database.QueryAsync(new Statement($"SELECT {Dialect.AsText(Dialect.Now)} AS pampa_clock"), row => row.GetString(0), stopping);
        return Guid.CreateVersion7(ScheduleStore.Moment(now[0])).ToString("N", CultureInfo.InvariantCulture);
    }
}
