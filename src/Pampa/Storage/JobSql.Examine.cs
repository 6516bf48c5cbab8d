namespace Pampa.Storage;

/// <summary>What <c>doctor</c>, <c>explain</c> and <c>preview</c> ask. Nothing here changes or locks anything.</summary>
internal sealed partial class JobSql
{
    /// <summary>How far a time may lie in the future before it is none of the database's clock.</summary>
    private const string Ahead = "-60.0";

    /// <summary>
    /// The records that RESERVE would take next, in its order and without a lock: key, attempts, seconds that they have been due.
    /// Parameters: @want.
    /// </summary>
    public string Preview(string? where, string? orderBy) =>
        Pick(where, orderBy, afterCursor: false, locks: false, $"{KeysOut("t.")}, COALESCE(t.{N}, 0), {Waits}");

    /// <summary>
    /// A record by its key: as <see cref="Page"/> has it, then whether it is free, open, has an attempt left, is due and matches the
    /// condition, how many seconds ago it was reserved, started and ended, and whether it is its turn.
    /// </summary>
    public string Explain(string? where, string? orderBy) => OfKey($"""
        {KeysOut("t.")}, {StateCase}, t.{Rid}, {dialect.AsText($"t.{Rt}")}, COALESCE(t.{N}, 0), {dialect.AsText($"t.{St}")}, {dialect.AsText($"t.{Et}")}, t.{Err},
          t.{Rid} IS NULL, t.{Et} IS NULL, COALESCE(t.{N}, 0) < @max, {Past}, CASE WHEN ({where ?? "TRUE"}) THEN TRUE ELSE FALSE END,
          {Waits}, {Since(StateColumn.StartTime)}, {Since(StateColumn.EndTime)}, {TurnOut(where, orderBy)}
        """);

    /// <summary>Locks a record if nobody else does: no row where somebody does, or where there is no such record.</summary>
    public string TryLock => $"{OfKey("1")}{dialect.SkipLocked}";

    /// <summary>Columns of the record of a key.</summary>
    internal string OfKey(string columns) => $"""
        WITH _pampa_v AS MATERIALIZED ({dialect.Rows(KeyRows)})
        SELECT {columns}
        FROM {Table} AS t JOIN _pampa_v AS v ON {KeysMatch("v")}
        """;

    /// <summary>
    /// Open records that somebody should have done something about: key, what is wrong, worker, seconds since the time that tells it.
    /// Only the first @limit open records are looked at. Parameters: @overdue, @forgotten and @dead in seconds, @want.
    /// </summary>
    public string Stuck => $"""
        SELECT * FROM (
          SELECT {string.Join(", ", KeyOutputs("t.").Select((k, i) => $"{k} AS _pampa_k{i}"))},
            CASE
              WHEN t.{Rid} IS NULL THEN CASE WHEN COALESCE(t.{N}, 0) >= @max THEN 'exhausted' END
              WHEN {ReservedFor} < {Ahead} OR {Since(StateColumn.StartTime)} < {Ahead} THEN 'future'
              WHEN {dialect.IsPastBy($"t.{St}", Column(StateColumn.StartTime), "@overdue")} THEN 'overdue'
              WHEN t.{Rt} IS NOT NULL AND NOT {dialect.IsPastBy($"t.{Rt}", Column(StateColumn.ReservationTime), "@dead")} THEN NULL
              WHEN NOT EXISTS (SELECT 1 FROM pampa_worker AS w WHERE w.cluster = @cluster AND w.worker_id = t.{Rid}) THEN 'unowned'
              WHEN EXISTS (SELECT 1 FROM pampa_worker AS w WHERE w.cluster = @cluster AND w.worker_id = t.{Rid}
                AND w.expires_at <= {dialect.NowPlus("-@dead")}) THEN 'orphaned'
              WHEN t.{St} IS NULL AND {dialect.IsPastBy($"t.{Rt}", Column(StateColumn.ReservationTime), "@forgotten")} THEN 'forgotten'
            END AS _pampa_wrong, t.{Rid} AS _pampa_rid, COALESCE({Since(StateColumn.StartTime)}, {ReservedFor}) AS _pampa_since
          FROM (SELECT * FROM {Table} AS t WHERE t.{Et} IS NULL LIMIT @limit) AS t) AS q
        WHERE q._pampa_wrong IS NOT NULL LIMIT @want
        """;

    /// <summary>
    /// Ended records whose times cannot be the database's: in the future, or an end before its start: key, seconds since the end, seconds
    /// since the start. Only the first @limit ended records are looked at. Parameters: @want.
    /// </summary>
    public string OddTimes => $"""
        SELECT {KeysOut("t.")}, {Since(StateColumn.EndTime)}, {Since(StateColumn.StartTime)}
        FROM (SELECT * FROM {Table} AS t WHERE t.{Et} IS NOT NULL LIMIT @limit) AS t
        WHERE {Since(StateColumn.EndTime)} < {Ahead} OR {Since(StateColumn.EndTime)} > {Since(StateColumn.StartTime)} + 60.0 LIMIT @want
        """;

    /// <summary>How many of the first @limit records have no key.</summary>
    public string NullKeys => $"""
        SELECT count(*) FROM (SELECT {KeysOf("t")} FROM {Table} AS t LIMIT @limit) AS t WHERE {string.Join(" OR ", Keys.Select(k => $"t.{k} IS NULL"))}
        """;

    /// <summary>How many records there are: at most @limit are counted.</summary>
    public string Size => $"SELECT count(*) FROM (SELECT 1 FROM {Table} AS t LIMIT @limit) AS t";

    private string Since(StateColumn column) => dialect.SecondsSince($"t.{Name(column)}", Column(column));
}
