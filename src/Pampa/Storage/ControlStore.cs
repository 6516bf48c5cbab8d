using System.Globalization;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>How many workers a job has, and why, as the leader says.</summary>
internal sealed record StretchRow(string Job, int Workers, int Wanted, string Reason);

/// <summary>What steers a cluster: which worker serves which job and why, and what people hold.</summary>
internal sealed class ControlStore(Database database, string cluster)
{
    private static readonly RowSource AssignmentRows = new("rows",
        [new("_pampa_worker", CellKind.Text), new("_pampa_job", CellKind.Text)]);

    private static readonly RowSource ShareRows = new("shares",
        [new("_pampa_job", CellKind.Text), new("_pampa_workers", CellKind.Integer), new("_pampa_wanted", CellKind.Integer), new("_pampa_reason", CellKind.Text)]);

    private Dialect Dialect => database.Dialect;

    /// <summary>Which worker serves which job.</summary>
    public Task<List<(string Worker, string Job)>> ReadAssignmentsAsync(CancellationToken stopping) =>
        database.QueryAsync(new Statement("SELECT worker_id, job FROM pampa_assignment WHERE cluster = @cluster").With("cluster", cluster),
            row => (row.GetString(0), row.GetString(1)), stopping);

    /// <summary>Writes what has changed, while the lease holds; a worker without a job serves none any more.</summary>
    public Task AssignAsync(
        IReadOnlyList<(string Worker, string? Job)> changes, IReadOnlyList<StretchRow> shares, LeaseTerm lease, CancellationToken stopping) =>
        database.UnitAsync(async unit =>
        {
            if (changes.Count > 0)
            {
                var rows = changes.Select(c => new[] { c.Worker, c.Job }).ToArray();
                var remove = UnderLease($"""
                    DELETE FROM pampa_assignment WHERE cluster = @cluster
                      AND worker_id IN (SELECT v._pampa_worker FROM ({Dialect.Rows(AssignmentRows)}) AS v WHERE v._pampa_job IS NULL) AND {LeaseHolds}
                    """, lease);
                Dialect.Bind(remove, AssignmentRows, rows);
                await unit.ExecuteAsync(remove);
                var write = UnderLease($"""
                    INSERT INTO pampa_assignment AS a (cluster, worker_id, job, assigned_at)
                    SELECT @cluster, v._pampa_worker, v._pampa_job, {Dialect.Now} FROM ({Dialect.Rows(AssignmentRows)}) AS v
                    WHERE v._pampa_job IS NOT NULL AND {LeaseHolds}
                    ON CONFLICT (cluster, worker_id) DO UPDATE SET job = excluded.job, assigned_at = excluded.assigned_at
                    """, lease);
                Dialect.Bind(write, AssignmentRows, rows);
                await unit.ExecuteAsync(write);
            }
            if (shares.Count > 0)
            {
                var say = UnderLease($"""
                    INSERT INTO pampa_stretch AS s (cluster, job, workers, wanted, reason, decided_at)
                    SELECT @cluster, v._pampa_job, v._pampa_workers, v._pampa_wanted, v._pampa_reason, {Dialect.Now} FROM ({Dialect.Rows(ShareRows)}) AS v
                    WHERE {LeaseHolds}
                    ON CONFLICT (cluster, job) DO UPDATE SET workers = excluded.workers, wanted = excluded.wanted, reason = excluded.reason, decided_at = excluded.decided_at
                    """, lease);
                Dialect.Bind(say, ShareRows, [.. shares.Select(s => new[] { s.Job, Text(s.Workers), Text(s.Wanted), s.Reason })]);
                await unit.ExecuteAsync(say);
            }
            return 0;
        }, stopping);

    private string LeaseHolds => LeaseTerm.Holds(Dialect);

    private Statement UnderLease(string text, LeaseTerm lease) => lease.Bind(new Statement(text).With("cluster", cluster));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>How many workers each job has, and why.</summary>
    public Task<List<StretchRow>> ReadSharesAsync(CancellationToken stopping) =>
        database.QueryAsync(new Statement("SELECT job, workers, wanted, reason FROM pampa_stretch WHERE cluster = @cluster ORDER BY job").With("cluster", cluster),
            row => new StretchRow(row.GetString(0), (int)row.GetInt64(1), (int)row.GetInt64(2), row.GetString(3)), stopping);

    /// <summary>The database's clock.</summary>
    public async Task<DateTimeOffset> NowAsync(CancellationToken stopping)
    {
        var seconds = await database.QueryAsync(new Statement($"SELECT {Dialect.SecondsSince(Dialect.MomentFor(Until, "@epoch"), Until)}")
            .With("epoch", Moment(DateTimeOffset.UnixEpoch)), row => row.GetDouble(0), stopping);
        return DateTimeOffset.UnixEpoch.AddSeconds(seconds.Single());
    }

    /// <summary>
    /// Holds something, or changes why and until when it is held; without an end: until it is released. False: the end is past.
    /// </summary>
    public async Task<bool> HoldAsync(Hold hold, string reason, DateTimeOffset? until, CancellationToken stopping, AuditNote? note = null)
    {
        var end = Dialect.MomentFor(Until, "@until");
        return await AuditStore.DoAsync(database, cluster, new Statement($"""
            INSERT INTO pampa_hold AS h (cluster, kind, name, reason, held_at, held_until)
            SELECT @cluster, @kind, @name, @reason, {Dialect.Now}, {end} WHERE {end} IS NULL OR {end} > {Dialect.Now}
            ON CONFLICT (cluster, kind, name) DO UPDATE SET reason = excluded.reason, held_at = excluded.held_at, held_until = excluded.held_until
            """).With("cluster", cluster).With("kind", hold.Kind.ToString()).With("name", hold.Name).With("reason", reason)
            .With("until", until is { } moment ? Moment(moment) : null), note, stopping) > 0;
    }

    private static string Moment(DateTimeOffset moment) => moment.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    private ColumnInfo Until => new("held_until", Dialect.MomentType, ColumnKind.Time);

    /// <summary>Releases it. False: it was not held.</summary>
    public async Task<bool> ReleaseAsync(Hold hold, CancellationToken stopping, AuditNote? note = null) =>
        await AuditStore.DoAsync(database, cluster, new Statement("DELETE FROM pampa_hold WHERE cluster = @cluster AND kind = @kind AND name = @name")
            .With("cluster", cluster).With("kind", hold.Kind.ToString()).With("name", hold.Name), note, stopping) > 0;

    /// <summary>All that is held now, by kind and name.</summary>
    public Task<List<(Hold Hold, string Reason, double Seconds, double? Left)>> ReadHoldsAsync(CancellationToken stopping) =>
        database.QueryAsync(new Statement($"""
            SELECT kind, name, reason, {Dialect.SecondsSince("held_at", Until)}, {Dialect.SecondsSince("held_until", Until)}
            FROM pampa_hold WHERE cluster = @cluster AND {HoldText.IsKnown} AND (held_until IS NULL OR held_until > {Dialect.Now}) ORDER BY kind, name
            """).With("cluster", cluster),
            row => (HoldText.Read(row.GetString(0), row.GetString(1)), row.GetString(2), row.IsDBNull(3) ? 0 : row.GetDouble(3),
                row.IsDBNull(4) ? default(double?) : -row.GetDouble(4)), stopping);
}

/// <summary>Holds as they stand in their table.</summary>
internal static class HoldText
{
    /// <summary>Whether a row is one that this version knows.</summary>
    public static readonly string IsKnown = $"kind IN ({string.Join(", ", Enum.GetNames<HoldKind>().Select(k => $"'{k}'"))})";

    public static Hold Read(string kind, string name) => new(Enum.Parse<HoldKind>(kind), name);
}
