using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>Something that happened to a record.</summary>
/// <param name="Key">The record's <see cref="NameOf"/>.</param>
/// <param name="What">What, as <see cref="TaskHistoryEntry.What"/> has it.</param>
internal sealed record HistoryRow(string Key, string What)
{
    public int? Attempt { get; init; }

    public string? Worker { get; init; }

    public string? Who { get; init; }

    public string? Text { get; init; }

    /// <summary>What stands for a key, which may be as long as it likes and is nobody's business here.</summary>
    public static string NameOf(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..32];
}

/// <summary>What happened to single records. It is for people: nothing depends on it, and what is old or too much is thrown away.</summary>
internal sealed class HistoryStore(Database database, string cluster)
{
    private const int MaxText = 1_000;

    private static readonly RowSource Rows = new("rows",
    [
        new("_pampa_key", CellKind.Text), new("_pampa_id", CellKind.Text), new("_pampa_what", CellKind.Text), new("_pampa_attempt", CellKind.Integer),
        new("_pampa_worker", CellKind.Text), new("_pampa_who", CellKind.Text), new("_pampa_text", CellKind.Text),
    ]);

    private Dialect Dialect => database.Dialect;

    /// <summary>Writes what happened, in the transaction in which it did.</summary>
    public async Task WriteAsync(Database.Unit unit, string job, IReadOnlyList<HistoryRow> rows)
    {
        foreach (var chunk in rows.Chunk(Dialect.MaxRows)) await unit.ExecuteAsync(Insertion(job, chunk));
    }

    /// <summary>The same by itself.</summary>
    public async Task WriteAsync(string job, IReadOnlyList<HistoryRow> rows, CancellationToken stopping)
    {
        foreach (var chunk in rows.Chunk(Dialect.MaxRows)) await database.ExecuteAsync(Insertion(job, chunk), stopping);
    }

    private Statement Insertion(string job, IReadOnlyList<HistoryRow> rows)
    {
        var statement = new Statement($"""
            INSERT INTO pampa_history (cluster, job, record, at, id, what, attempt, worker, who, said)
            SELECT @cluster, @job, v._pampa_key, {Dialect.Now}, v._pampa_id, v._pampa_what, v._pampa_attempt, v._pampa_worker, v._pampa_who, v._pampa_text
            FROM ({Dialect.Rows(Rows)}) AS v
            """) { MayBeForgotten = true }.With("cluster", cluster).With("job", job);
        // What was noted together was noted in this order.
        var batch = Guid.CreateVersion7();
        Dialect.Bind(statement, Rows, [.. rows.Select((r, i) => new[]
        {
            r.Key, string.Create(CultureInfo.InvariantCulture, $"{batch:N}.{i:D4}"), r.What, r.Attempt?.ToString(CultureInfo.InvariantCulture), r.Worker, r.Who,
            r.Text is null ? null : ErrorText.Sanitise(r.Text, MaxText),
        })]);
        return statement;
    }

    /// <summary>What happened to a record, newest first.</summary>
    public Task<List<TaskHistoryEntry>> ReadAsync(string job, string record, int most, CancellationToken stopping) =>
        database.QueryAsync(new Statement($"""
            SELECT {Dialect.AsText("at")}, what, attempt, worker, who, said FROM pampa_history WHERE cluster = @cluster AND job = @job AND record = @record
            ORDER BY at DESC, id DESC LIMIT @want
            """).With("cluster", cluster).With("job", job).With("record", record).With("want", most), row => new TaskHistoryEntry(
            ScheduleStore.Moment(row.GetString(0)), row.GetString(1), row.IsDBNull(2) ? null : (int)row.GetInt64(2),
            TextOrNull(row, 3), TextOrNull(row, 4), TextOrNull(row, 5)), stopping);

    private static string? TextOrNull(System.Data.Common.DbDataReader row, int ordinal) => row.IsDBNull(ordinal) ? null : row.GetString(ordinal);

    /// <summary>
    /// Throws away what is older than thirty days and, of each job, what is beyond the newest so many. Returns how many rows.
    /// </summary>
    public async Task<int> ThinAsync(IReadOnlyList<string> jobs, int most, LeaseTerm lease, CancellationToken stopping)
    {
        var thrown = await database.ExecuteAsync(UnderLease($"DELETE FROM pampa_history WHERE cluster = @cluster AND at < {Dialect.NowPlus("-2592000")} AND {LeaseHolds}", lease), stopping);
        foreach (var job in jobs)
        {
            thrown += await database.ExecuteAsync(UnderLease($"""
                DELETE FROM pampa_history WHERE cluster = @cluster AND job = @job AND at < (
                  SELECT h.at FROM pampa_history AS h WHERE h.cluster = @cluster AND h.job = @job ORDER BY h.at DESC LIMIT 1 OFFSET @most) AND {LeaseHolds}
                """, lease).With("job", job).With("most", most), stopping);
        }
        return thrown;
    }

    private string LeaseHolds => LeaseTerm.Holds(Dialect);

    private Statement UnderLease(string text, LeaseTerm lease) => lease.Bind(new Statement(text) { MayRunTwice = true }.With("cluster", cluster));
}
