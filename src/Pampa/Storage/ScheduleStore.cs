using System.Globalization;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>A schedule as it stands in the database.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Expression">When it is due, in the program of the leader that had it last.</param>
/// <param name="Zone">The time zone of that.</param>
/// <param name="Definition">The rest, as <see cref="ScheduleDefinition.Publish"/> writes it.</param>
/// <param name="LastTick">Up to which moment all is decided, as the database wrote it.</param>
internal sealed record ScheduleRow(string Name, string Expression, string Zone, string Definition, string LastTick)
{
    public long Revision { get; init; }

    /// <summary>The program that has published it.</summary>
    public string Program { get; init; } = "";

    /// <summary>The term of the last leader that had it in its program.</summary>
    public long Term { get; init; }

    /// <summary>The last tick that was done; null: none yet.</summary>
    public DateTimeOffset? DoneTick { get; init; }

    /// <summary>When that was.</summary>
    public DateTimeOffset? DoneAt { get; init; }

    /// <summary>Ticks that were never done by themselves.</summary>
    public long Missed { get; init; }

    /// <summary>How often the tick that is due has failed.</summary>
    public int Failures { get; init; }

    /// <summary>When it is tried again.</summary>
    public DateTimeOffset? RetryAt { get; init; }

    /// <summary>The text of its last failure.</summary>
    public string? Error { get; init; }

    public DateTimeOffset? PausedAt { get; init; }

    public string PauseReason { get; init; } = "";

    /// <summary><see cref="LastTick"/> to reckon with.</summary>
    public DateTimeOffset Last => ScheduleStore.Moment(LastTick);
}

/// <summary>All schedules at one moment.</summary>
/// <param name="Now">The database's clock.</param>
/// <param name="LeaderTerm">The term at that moment; null: nobody leads.</param>
/// <param name="Rows">The schedules, by name.</param>
internal sealed record ScheduleLook(DateTimeOffset Now, long? LeaderTerm, IReadOnlyList<ScheduleRow> Rows);

/// <summary>
/// Schedules: what they are like, and up to which tick each is done. A tick is a compare-and-set on that in the transaction of its work.
/// </summary>
internal sealed partial class ScheduleStore(Database database, string cluster)
{
    private Dialect Dialect => database.Dialect;

    private ColumnInfo Column => new("last_tick", Dialect.MomentType, ColumnKind.Time);

    private string LeaseHolds => LeaseTerm.Holds(Dialect);

    private Statement Of(string text, string name) => new Statement(text).With("cluster", cluster).With("name", name);

    private Statement UnderLease(string text, string name, LeaseTerm lease) => lease.Bind(Of(text, name));

    private static Statement Defined(Statement statement, ScheduleDefinition schedule) => statement
        .With("expression", schedule.Expression).With("zone", schedule.ZoneName).With("definition", schedule.Publish()).With("program", ProcessIdentity.Program);

    /// <summary>A moment as the database wrote it.</summary>
    public static DateTimeOffset Moment(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);

    private static string Text(DateTimeOffset moment) => moment.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    private string At(string parameter) => Dialect.MomentFor(Column, parameter);

    /// <summary>All schedules that there ever were in this cluster, and who leads.</summary>
    public async Task<ScheduleLook> ReadAsync(string scope, CancellationToken stopping)
    {
        var now = DateTimeOffset.MinValue;
        long? term = null;
        var rows = await database.QueryAsync(new Statement($"""
            SELECT {Dialect.AsText(Dialect.Now)}, (SELECT l.term FROM pampa_lease AS l WHERE l.cluster = @cluster AND l.scope = @scope AND l.expires_at > {Dialect.Now}),
              s.name, s.expression, s.zone, s.definition, {Dialect.AsText("s.last_tick")}, s.revision, s.program, s.term, {Dialect.AsText("s.done_tick")},
              {Dialect.AsText("s.done_at")}, s.missed, s.failures, {Dialect.AsText("s.retry_at")}, s.error, {Dialect.AsText("s.paused_at")}, s.pause_reason
            FROM (SELECT 1 AS one) AS n LEFT JOIN pampa_schedule AS s ON s.cluster = @cluster ORDER BY s.name
            """).With("cluster", cluster).With("scope", scope), row =>
        {
            now = Moment(row.GetString(0));
            term = row.IsDBNull(1) ? null : row.GetInt64(1);
            return row.IsDBNull(2) ? null : Row(row);
        }, stopping);
        return new ScheduleLook(now, term, [.. rows.OfType<ScheduleRow>()]);
    }

    private static ScheduleRow Row(System.Data.Common.DbDataReader row)
    {
        DateTimeOffset? Time(int ordinal) => row.IsDBNull(ordinal) ? null : Moment(row.GetString(ordinal));
        return new ScheduleRow(row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5), row.GetString(6))
        {
            Revision = row.GetInt64(7),
            Program = row.GetString(8),
            Term = row.GetInt64(9),
            DoneTick = Time(10),
            DoneAt = Time(11),
            Missed = row.GetInt64(12),
            Failures = (int)row.GetInt64(13),
            RetryAt = Time(14),
            Error = row.IsDBNull(15) ? null : row.GetString(15),
            PausedAt = Time(16),
            PauseReason = row.IsDBNull(17) ? "" : row.GetString(17),
        };
    }

    /// <summary>The database's clock.</summary>
    public async Task<DateTimeOffset> NowAsync(CancellationToken stopping) =>
        Moment((await database.QueryAsync(new Statement($"SELECT {Dialect.AsText(Dialect.Now)} AS pampa_clock"), row => row.GetString(0), stopping))[0]);

    /// <summary>Makes a schedule known, whose first tick is the next from now on; one that is known stays as it is.</summary>
    public Task AddAsync(ScheduleDefinition schedule, CancellationToken stopping) =>
        database.ExecuteAsync(Defined(Of($"""
            INSERT INTO pampa_schedule (cluster, name, expression, zone, definition, revision, program, term, last_tick, missed, failures, updated_at)
            VALUES (@cluster, @name, @expression, @zone, @definition, 1, @program, 0, {Dialect.Now}, 0, 0, {Dialect.Now})
            ON CONFLICT (cluster, name) DO NOTHING
            """, schedule.Name), schedule), stopping);

    /// <summary>
    /// The leader's program has it, and as it is here all go by it. With another expression or zone it begins anew from now on: what was due
    /// by the old one is not made up for by the new one.
    /// </summary>
    public async Task<bool> PublishAsync(ScheduleDefinition schedule, LeaseTerm lease, CancellationToken stopping) =>
        await database.ExecuteAsync(Defined(UnderLease($"""
            UPDATE pampa_schedule SET expression = @expression, zone = @zone, definition = @definition, program = @program, term = @term, updated_at = {Dialect.Now},
              revision = CASE WHEN expression = @expression AND zone = @zone AND definition = @definition THEN revision ELSE revision + 1 END,
              last_tick = CASE WHEN (expression = @expression AND zone = @zone) OR last_tick > {Dialect.Now} THEN last_tick ELSE {Dialect.Now} END,
              retry_at = CASE WHEN expression = @expression AND zone = @zone AND definition = @definition THEN retry_at END
            WHERE cluster = @cluster AND name = @name AND {LeaseHolds}
            """, schedule.Name, lease), schedule), stopping) > 0;

    /// <summary>
    /// Passes by ticks that were missed. False: somebody else was first, or it is paused, or the term is over.
    /// </summary>
    public async Task<bool> LeaveOutAsync(string name, string seen, DateTimeOffset upTo, int missed, LeaseTerm lease, CancellationToken stopping) =>
        await database.ExecuteAsync(Claim("", name, seen, upTo, missed, lease), stopping) > 0;

    // The one compare-and-set of a tick: whoever comes second, leads no more or is paused changes nothing.
    private Statement Claim(string done, string name, string seen, DateTimeOffset tick, int missed, LeaseTerm lease) => UnderLease($"""
        UPDATE pampa_schedule SET last_tick = {At("@tick")}, {done}missed = missed + @missed, failures = 0, retry_at = NULL, error = NULL
        WHERE cluster = @cluster AND name = @name AND last_tick = {At("@seen")} AND {At("@tick")} <= {Dialect.Now} AND paused_at IS NULL AND {LeaseHolds}
        """, name, lease).With("seen", seen).With("tick", Text(tick)).With("missed", missed);

    /// <summary>
    /// The tick that follows the one that was seen has failed, and waits. False: it is done by now, or the term is over.
    /// </summary>
    public async Task<bool> FailAsync(string name, string seen, string error, TimeSpan wait, LeaseTerm lease, CancellationToken stopping) =>
        await database.ExecuteAsync(UnderLease($"""
            UPDATE pampa_schedule SET failures = failures + 1, error = @error, retry_at = {Dialect.NowPlus("@wait")}
            WHERE cluster = @cluster AND name = @name AND last_tick = {At("@seen")} AND {LeaseHolds}
            """, name, lease).With("seen", seen).With("error", error).With("wait", wait.TotalSeconds), stopping) > 0;

    /// <summary>Pauses it, or changes why it is paused. False: nobody knows it.</summary>
    public async Task<bool> PauseAsync(string name, string reason, CancellationToken stopping, AuditNote? note = null) =>
        await AuditStore.DoAsync(database, cluster, Of($"""
            UPDATE pampa_schedule SET paused_at = COALESCE(paused_at, {Dialect.Now}), pause_reason = @reason WHERE cluster = @cluster AND name = @name
            """, name).With("reason", reason), note, stopping) > 0;

    /// <summary>Ends its pause; what was due meanwhile is past. False: it was not paused.</summary>
    public async Task<bool> ResumeAsync(string name, CancellationToken stopping, AuditNote? note = null) =>
        await AuditStore.DoAsync(database, cluster, Of($"""
            UPDATE pampa_schedule SET paused_at = NULL, pause_reason = NULL, failures = 0, retry_at = NULL, error = NULL,
              last_tick = CASE WHEN last_tick > {Dialect.Now} THEN last_tick ELSE {Dialect.Now} END
            WHERE cluster = @cluster AND name = @name AND paused_at IS NOT NULL
            """, name), note, stopping) > 0;
}
