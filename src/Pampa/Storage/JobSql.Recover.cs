namespace Pampa.Storage;

/// <summary>
/// T6 and T7 for workers that are gone, T9 for what has no attempts left.
/// </summary>
internal sealed partial class JobSql
{
    // The lists are parameters; whoever came back to life meanwhile has another session or heartbeat and is not
    // touched.
    private string OwnerIsDead => $"""
        (EXISTS (SELECT 1 FROM ({dialect.Rows(DeadRows)}) AS d JOIN pampa_worker AS w ON w.cluster = @cluster AND w.worker_id = d._pampa_worker
            AND w.session = d._pampa_session AND w.heartbeat_at = d._pampa_beat WHERE d._pampa_worker = t.{Rid})
          OR NOT EXISTS (SELECT 1 FROM pampa_worker AS w WHERE w.cluster = @cluster AND w.worker_id = t.{Rid}))
        """;

    private string IsOverdue => dialect.IsPastBy($"t.{St}", Column(StateColumn.StartTime), "@deadline");

    // Handed to somebody who lives and does not start it: the message is lost, or its taker hangs. Whoever still has it
    // finds it changed.
    private string IsForgotten => $"(t.{St} IS NULL AND {dialect.IsPastBy($"t.{Rt}", Column(StateColumn.ReservationTime), "@hand")})";

    private string OwnerIsMe =>
        $"EXISTS (SELECT 1 FROM ({dialect.Rows(OwnRows)}) AS o WHERE o._pampa_worker = t.{Rid} AND {SessionHolds("o._pampa_worker", "o._pampa_session")})";

    /// <summary>
    /// The leader takes back what dead workers held, what is overdue, and what was reserved so long ago that nobody can
    /// have it in hand any more. Unstarted records are released without cost;
    /// started ones are charged: pending again, or failed where no attempt is left. Parameters: @delays, @maxDelay,
    /// @deadline, @hand, @errorLength, @want. Returns key, worker, whether failed, whether it was started.
    /// </summary>
    public string Reclaim => TakeBack($"({OwnerIsDead} OR {IsOverdue} OR {IsForgotten})", LeaseHolds, IsLost);

    /// <summary>A node takes back what a former life of its own worker ids held. Parameter: @lost, what became of it, may be NULL.</summary>
    public string Recover => TakeBack(OwnerIsMe, null, $"COALESCE(CAST(@lost AS text), {IsLost})");

    private string IsLost => $"'worker ' || t.{Rid} || ' lost'";

    private string TakeBack(string condition, string? authority, string lost)
    {
        var why = $"""
            CASE WHEN {IsOverdue} THEN 'deadline of ' || @duration || ' exceeded' ELSE {lost} END
              || ' during attempt ' || {dialect.AsText($"COALESCE(t.{N}, 0)")} || ' of ' || {dialect.AsText("@max")}
            """;
        var rt = Column(StateColumn.ReservationTime);
        return $"""
            WITH _pampa_c AS MATERIALIZED (
              SELECT {string.Join(", ", Keys.Select((k, i) => $"t.{k} AS _pampa_k{i}"))}, t.{Rid} AS _pampa_rid, t.{Rt} AS _pampa_rt, t.{St} AS _pampa_st, COALESCE(t.{N}, 0) AS _pampa_n,
                CASE WHEN t.{St} IS NULL THEN 'release' WHEN COALESCE(t.{N}, 0) >= @max THEN 'fail' ELSE 'again' END AS _pampa_verdict,
                {why} AS _pampa_why
              FROM {Table} AS t WHERE t.{Rid} IS NOT NULL AND t.{Et} IS NULL AND {condition}
              ORDER BY {KeysOf("t")} LIMIT @want{dialect.SkipLocked})
            UPDATE {Table} AS t SET
              {Rid} = CASE c._pampa_verdict WHEN 'fail' THEN t.{Rid} END,
              {St} = CASE c._pampa_verdict WHEN 'fail' THEN t.{St} END,
              {Et} = CASE c._pampa_verdict WHEN 'fail' THEN {dialect.ClockFor(Column(StateColumn.EndTime))} END,
              {Ok} = CASE c._pampa_verdict WHEN 'release' THEN t.{Ok} ELSE FALSE END,
              {Rt} = CASE c._pampa_verdict WHEN 'fail' THEN t.{Rt} WHEN 'again' THEN {dialect.NowPlusFor(rt, $"COALESCE({dialect.NumberAt("@delays", "c._pampa_n")}, @maxDelay)")} END,
              {Err} = CASE c._pampa_verdict WHEN 'release' THEN t.{Err} ELSE substr(c._pampa_why, 1, @errorLength) END
            FROM _pampa_c AS c WHERE {KeysMatch("c")} AND t.{Rid} = c._pampa_rid AND {Guards("c", $"t.{Et} IS NULL")} AND t.{Rt} IS NOT DISTINCT FROM c._pampa_rt
              AND t.{St} IS NOT DISTINCT FROM c._pampa_st AND COALESCE(t.{N}, 0) = c._pampa_n
              AND {Guards("c", condition)}{(authority is null ? "" : $" AND {authority}")}
            RETURNING {KeysOut()}, {Et} IS NOT NULL, {Rt} IS NOT NULL
            """;
    }

    /// <summary>
    /// T9: records with no attempt left that nobody holds (the original library leaves them so) get their end.
    /// </summary>
    public string Exhaust => $"""
        WITH _pampa_c AS MATERIALIZED (
          SELECT {string.Join(", ", Keys.Select((k, i) => $"t.{k} AS _pampa_k{i}"))} FROM {Table} AS t
          WHERE t.{Rid} IS NULL AND t.{Et} IS NULL AND t.{N} >= @max ORDER BY {KeysOf("t")} LIMIT @want{dialect.SkipLocked})
        UPDATE {Table} AS t SET {Et} = {dialect.ClockFor(Column(StateColumn.EndTime))}, {Ok} = FALSE
        FROM _pampa_c AS c WHERE {KeysMatch("c")} AND {Guards("c", $"t.{Rid} IS NULL AND t.{Et} IS NULL AND t.{N} >= @max")} AND {LeaseHolds}
        RETURNING {KeysOut()}
        """;

    /// <summary>
    /// The open records of a node's own workers: key, worker, reserved, attempts, start. Only as long as the ids are
    /// its own: the row holds no session, and a process that was frozen must not take its successor's for its own.
    /// Whether the lease is over does not matter here, for nobody else has it yet.
    /// </summary>
    public string ReadOwn => $"""
        SELECT {KeysOut("t.")}, t.{Rid}, {dialect.AsText($"t.{Rt}")}, COALESCE(t.{N}, 0), {dialect.AsText($"t.{St}")} FROM {Table} AS t
        WHERE t.{Rid} IN (SELECT o._pampa_worker FROM ({dialect.Rows(OwnRows)}) AS o
            JOIN pampa_worker AS w ON w.cluster = @cluster AND w.worker_id = o._pampa_worker AND w.session = o._pampa_session) AND t.{Et} IS NULL
        """;

    /// <summary>Whether anything is left to do: in a worker's hand, or due within @horizon seconds.</summary>
    public string IsAnythingLeft(string? where) => $"""
        SELECT EXISTS (SELECT 1 FROM {Table} AS t WHERE t.{Et} IS NULL{HasKey} AND (t.{Rid} IS NOT NULL
          OR (COALESCE(t.{N}, 0) < @max AND {IsDueSoon}{Hopeful}{And(where)})))
        """;
}
