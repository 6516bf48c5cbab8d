using System.Globalization;

namespace Pampa.Storage;

/// <summary>How a job goes, for a sample.</summary>
/// <param name="Job">The job.</param>
/// <param name="Pending">Due records, as far as they were counted.</param>
/// <param name="IsPendingExact">Whether they were all counted.</param>
/// <param name="Running">Tasks that are started.</param>
/// <param name="Workers">Workers that serve it.</param>
/// <param name="Done">What ended since the sample before.</param>
internal sealed record SampleRow(string Job, long Pending, bool IsPendingExact, long Running, int Workers, DoneCount Done);

/// <summary>What ended.</summary>
/// <param name="Completed">Tasks that ended well.</param>
/// <param name="Failed">Tasks that failed for good.</param>
/// <param name="Attempts">Attempts that were measured.</param>
/// <param name="Busy">How long those took in all.</param>
internal readonly record struct DoneCount(long Completed, long Failed, long Attempts, TimeSpan Busy);

/// <summary>A sample as it stands in its table: what ended is told since the beginning of all samples.</summary>
internal sealed record StoredSample(
    DateTimeOffset At, long Pending, bool IsPendingExact, long Running, int Workers, long Completed, long Failed, long Attempts, double BusySeconds);

/// <summary>
/// How jobs went. Each row tells what ended since the beginning, so that to throw rows away is all that it takes to thin them: what lies
/// between two rows is their difference.
/// </summary>
internal sealed class SampleStore(Database database, string cluster)
{
    /// <summary>Seconds between samples that are kept for an hour, for a day, and for thirty days.</summary>
    private static readonly int[] Grains = [10, 60, 600];

    private static readonly RowSource Rows = new("rows",
    [
        new("_pampa_job", CellKind.Text), new("_pampa_pending", CellKind.Integer), new("_pampa_more", CellKind.Integer), new("_pampa_running", CellKind.Integer),
        new("_pampa_workers", CellKind.Integer), new("_pampa_completed", CellKind.Integer), new("_pampa_failed", CellKind.Integer),
        new("_pampa_attempts", CellKind.Integer), new("_pampa_busy", CellKind.Number),
    ]);

    private Dialect Dialect => database.Dialect;

    private string LeaseHolds => LeaseTerm.Holds(Dialect);

    private Statement UnderLease(string text, LeaseTerm lease) => lease.Bind(new Statement(text).With("cluster", cluster));

    /// <summary>
    /// Writes a sample of each job, while the lease holds. The first of its minute is kept longer than its neighbours, and the first of
    /// its ten minutes longest.
    /// </summary>
    public Task<int> WriteAsync(IReadOnlyList<SampleRow> samples, LeaseTerm lease, CancellationToken stopping)
    {
        string Before(string column) =>
            $"COALESCE((SELECT s.{column} FROM pampa_sample AS s WHERE s.cluster = @cluster AND s.job = v._pampa_job ORDER BY s.at DESC LIMIT 1), 0) + v._pampa_{column}";
        string Lacks(int grain) =>
            $"NOT EXISTS (SELECT 1 FROM pampa_sample AS s WHERE s.cluster = @cluster AND s.job = v._pampa_job AND s.grain >= {Text(grain)} AND s.at > {Dialect.NowPlus(Text(2 - grain))})";
        var statement = UnderLease($"""
            INSERT INTO pampa_sample (cluster, job, at, grain, pending, more, running, workers, completed, failed, attempts, busy)
            SELECT @cluster, v._pampa_job, {Dialect.Now}, CASE WHEN {Lacks(Grains[2])} THEN {Text(Grains[2])} WHEN {Lacks(Grains[1])} THEN {Text(Grains[1])} ELSE {Text(Grains[0])} END,
              v._pampa_pending, v._pampa_more, v._pampa_running, v._pampa_workers, {Before("completed")}, {Before("failed")}, {Before("attempts")}, {Before("busy")}
            FROM ({Dialect.Rows(Rows)}) AS v WHERE {LeaseHolds}
            ON CONFLICT (cluster, job, at) DO NOTHING
            """, lease);
        Dialect.Bind(statement, Rows, [.. samples.Select(s => new[]
        {
            s.Job, Text(s.Pending), s.IsPendingExact ? "0" : "1", Text(s.Running), Text(s.Workers), Text(s.Done.Completed), Text(s.Done.Failed),
            Text(s.Done.Attempts), Text(s.Done.Busy.TotalSeconds),
        })]);
        return database.ExecuteAsync(statement, stopping);
    }

    /// <summary>Throws away what is too old for its grain, while the lease holds. Returns how many.</summary>
    public Task<int> ThinAsync(LeaseTerm lease, CancellationToken stopping) => database.ExecuteAsync(UnderLease($"""
        DELETE FROM pampa_sample WHERE cluster = @cluster AND at < CASE grain WHEN {Text(Grains[2])} THEN {Dialect.NowPlus("-2592000")}
          WHEN {Text(Grains[1])} THEN {Dialect.NowPlus("-86400")} ELSE {Dialect.NowPlus("-3600")} END AND {LeaseHolds}
        """, lease), stopping);

    /// <summary>Samples of a range of time, oldest first, with the last one before it; at most so many, the latest of them.</summary>
    public async Task<List<StoredSample>> ReadAsync(string job, DateTimeOffset from, DateTimeOffset until, int grain, int most, CancellationToken stopping)
    {
        var column = new ColumnInfo("at", Dialect.MomentType, ColumnKind.Time);
        var statement = new Statement($"""
            SELECT {Dialect.AsText("at")}, pending, more, running, workers, completed, failed, attempts, busy FROM pampa_sample
            WHERE cluster = @cluster AND job = @job AND grain >= @grain AND at < {Dialect.MomentFor(column, "@until")} AND at >= COALESCE(
              (SELECT max(s.at) FROM pampa_sample AS s WHERE s.cluster = @cluster AND s.job = @job AND s.grain >= @grain AND s.at < {Dialect.MomentFor(column, "@from")}),
              {Dialect.MomentFor(column, "@from")})
            ORDER BY at DESC LIMIT @want
            """).With("cluster", cluster).With("job", job).With("grain", grain).With("from", Moment(from)).With("until", Moment(until)).With("want", most);
        var rows = await database.QueryAsync(statement, row => new StoredSample(
            ScheduleStore.Moment(row.GetString(0)), row.GetInt64(1), row.GetInt64(2) == 0, row.GetInt64(3), (int)row.GetInt64(4),
            row.GetInt64(5), row.GetInt64(6), row.GetInt64(7), row.GetDouble(8)), stopping);
        rows.Reverse();
        return rows;
    }

    /// <summary>The finest grain of which a range of time is at most so many rows, and that is still kept of its beginning.</summary>
    public static int GrainOf(TimeSpan range, TimeSpan age, int points)
    {
        // What is just too old is thrown away within a minute or two; to leave it out, and the rest with it, would be worse.
        var old = age - TimeSpan.FromMinutes(1);
        var kept = old <= TimeSpan.FromHours(1) ? Grains[0] : old <= TimeSpan.FromDays(1) ? Grains[1] : Grains[2];
        return Array.Find(Grains, g => g >= kept && range.TotalSeconds / g <= points) is var fitting and > 0 ? fitting : Grains[2];
    }

    private static string Moment(DateTimeOffset moment) => moment.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}
