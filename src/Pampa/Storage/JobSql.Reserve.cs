namespace Pampa.Storage;

/// <summary>What RESERVE does about the nodes that it reserves for.</summary>
internal enum HandOvers
{
    /// <summary>All is this process's own node's: nothing is handed over, and a write and a pass over the rows are saved.</summary>
    None,

    /// <summary>What is other nodes' lies ready for them.</summary>
    Laid,

    /// <summary>And those that were given by name are told of it.</summary>
    Told,
}

/// <summary>T1: RESERVE with its hand-over.</summary>
internal sealed partial class JobSql
{
    private readonly ComposedTexts<ReserveParts> reserves = new();

    /// <summary>
    /// The picking SELECT. Parameters: @want and, after a cursor, @cursor0…. With <paramref name="locks"/> it passes by what others hold, where
    /// the database can.
    /// </summary>
    private string Pick(string? where, string? orderBy, bool afterCursor, bool locks, string? columns = null, bool upToBound = false)
    {
        var cursor = (afterCursor ? KeyIs(">", "cursor") : "") + (upToBound ? KeyIs("<=", "bound") : "");
        return $"""
            SELECT {columns ?? PickedKeys} FROM {Table} AS t
            WHERE {IsPending}{HasKey}{And(where)}{IsNext(where, orderBy)}{cursor}
            ORDER BY {Order("t", orderBy)} LIMIT @want{(locks ? dialect.SkipLocked : "")}
            """;
    }

    // The UPDATE then finds it there, without another way through the index. If somebody has changed the record meanwhile it is looked at as it is
    // now, like any other, or not found: then it is looked for again.
    private string PickedPlaces => $"t.{dialect.Place}";

    /// <summary>Whether RESERVE finds by its place what it has picked.</summary>
    public bool IsPickedByPlace => dialect.Place is not null && job.Table.HasPlaces;

    private string PickedKeys => string.Join(", ", Keys.Select((k, i) => $"t.{k} AS _pampa_k{i}"));

    private string ReserveUpdate(string? where, string? orderBy, bool starts = false, string? rows = null, bool byPlace = false) => $"""
        UPDATE {Table} AS t SET {Rid} = v._pampa_rid, {Rt} = {dialect.NowFor(Column(StateColumn.ReservationTime))}, {(starts ? StartSet : $"{St} = NULL")}, {Ok} = NULL
        FROM {rows ?? "_pampa_v"} AS v WHERE {(byPlace ? $"t.{dialect.Place} = v._pampa_k0" : KeysMatch("v"))} AND {Guards("v", IsPending)}{IsNext(where, orderBy)} AND {LeaseHolds}{(starts ? StartGuards(where) : "")}
        """;

    // T2's own. Without a START that follows, the program's condition is looked at here on the newest version of the record.
    private string StartGuards(string? where) =>
        $" AND (v._pampa_session IS NULL OR {SessionHolds("v._pampa_rid", "v._pampa_session")}){(where is null ? "" : $" AND {Guards("v", $"({where})")}")}";


    // T2 with the same write. What was tried before starts alone, when its worker is idle: it may be what kills its process. The clock is read once,
    // for the first record, when the way to it is over.
    private string StartSet => $"""
        {St} = CASE WHEN {StartsNow} THEN (SELECT {dialect.ClockFor(Column(StateColumn.StartTime))}) END, {N} = CASE WHEN {StartsNow} THEN 1 ELSE t.{N} END
        """;

    private string StartsNow => $"v._pampa_session IS NOT NULL AND COALESCE(t.{N}, 0) = 0";

    /// <summary>
    /// Whether RESERVE has to lock what it picks before it changes it. It always does where a record's turn hangs on others of its sequence; and
    /// where policies say who may change which record, for only who locks is shown no others, and would pick for ever what he may not change.
    /// </summary>
    public bool LocksPicked(bool hasMetLock) => hasMetLock || HasSequence || job.Table.HasRowSecurity;

    /// <summary>
    /// RESERVE as one statement. Picked keys and slots are zipped by position before the UPDATE, so that nothing is
    /// joined on row numbers: that is quadratic in one plan and reads the whole table in another. Returns key, time,
    /// attempts, place in the order of picking, which is that of the slots.
    /// </summary>
    public string Reserve(string? where, string? orderBy, bool afterCursor, HandOvers hands, bool locks) =>
        Composed(new ReserveParts(where, orderBy, afterCursor, hands, locks, Starts: false));

    /// <summary>
    /// RESERVE and, where a slot has a session, START of what was never tried. Returns key, attempt, start (NULL: it was not started), generation
    /// where there is one, the record columns, time of reservation, place in the order of picking, which is that of the slots.
    /// </summary>
    public string ReserveStarting(string? where, string? orderBy, bool afterCursor, HandOvers hands, bool locks) =>
        Composed(new ReserveParts(where, orderBy, afterCursor, hands, locks, Starts: true));

    private readonly record struct ReserveParts(string? Where, string? OrderBy, bool AfterCursor, HandOvers Hands, bool Locks, bool Starts);

    private string Composed(ReserveParts parts) => reserves.Of(parts, this, static (p, sql) =>
    {
        var pick = sql.Pick(p.Where, p.OrderBy, p.AfterCursor, p.Locks, sql.IsPickedByPlace ? sql.PickedPlaces : null);
        return sql.ReserveOf(pick, p.Where, p.OrderBy, p.Hands, p.Starts, sql.IsPickedByPlace);
    });

    private string ReserveOf(string pick, string? where, string? orderBy, HandOvers hands, bool starts = false, bool byPlace = false)
    {
        // Of one part, the list of what was picked is the pick itself; of several, it is read once for each.
        IReadOnlyList<ColumnInfo?> parts = byPlace ? [null] : [.. job.Key];
        var isOne = parts.Count == 1 && !IsList(parts[0]);
        var picked = parts.Select((k, i) => isOne ? $"ARRAY({pick})" : $"ARRAY(SELECT p._pampa_k{i}{(IsList(k) ? "::text" : "")} FROM _pampa_picked AS p)");
        var step = isOne ? null : $"_pampa_picked AS MATERIALIZED ({pick})";
        var rows = $"""
            (SELECT {string.Join(", ", parts.Select((k, i) => $"z._pampa_k{i}{(IsList(k) ? $"::{k!.Type}" : "")} AS _pampa_k{i}"))}, {string.Join(", ", SlotsOf(hands, starts).Columns.Select(c => dialect.ListCell("z", c)))}, z._pampa_rn
              FROM unnest({string.Join(", ", picked)}, {dialect.Lists(SlotsOf(hands, starts))})
                WITH ORDINALITY AS z ({string.Join(", ", parts.Select((_, i) => $"_pampa_k{i}"))}, {string.Join(", ", SlotsOf(hands, starts).Columns.Select(c => c.Name))}, _pampa_rn)
              WHERE z._pampa_k0 IS NOT NULL)
            """;
        var update = ReserveUpdate(where, orderBy, starts, rows, byPlace);
        var times = (Rt: dialect.TimeOutput($"t.{Rt}", Column(StateColumn.ReservationTime)), St: dialect.TimeOutput($"t.{St}", Column(StateColumn.StartTime)));
        if (hands == HandOvers.None)
        {
            return $"""
                {(step is null ? "" : $"WITH {step}{Environment.NewLine}")}{update}
                RETURNING {KeysOut("t.")}, {(starts ? $"COALESCE(t.{N}, 0), {times.St}{GenerationOut}{RecordOut}, {times.Rt}" : $"{times.Rt}, COALESCE(t.{N}, 0)")}, v._pampa_rn
                """;
        }
        return $"""
            WITH {(step is null ? "" : $"{step},{Environment.NewLine}")}_pampa_reserved AS (
              {update}
              RETURNING {string.Join(", ", KeyOutputs("t.").Select((k, i) => $"{k} AS k{i}"))}, t.{Rid} AS rid, {times.Rt} AS rt, COALESCE(t.{N}, 0) AS n, v._pampa_node AS node, v._pampa_rn AS rn{(starts ? StartedAs(times.St) : "")}),
            {HandedOver(hands)}
            SELECT {string.Join(", ", Keys.Select((_, i) => $"k{i}"))}, {(starts ? $"n, st{(job.Generation is null ? "" : ", generation")}{string.Concat(job.RecordColumns.Select((_, i) => $", c{i}"))}, rt" : "rt, n")}, rn FROM _pampa_reserved
            """;
    }

    /// <summary>The slots that such a RESERVE is told of.</summary>
    public static RowSource SlotsOf(HandOvers hands, bool starts) => hands == HandOvers.None
        ? starts ? StartingOwnSlotRows : OwnSlotRows
        : starts ? StartingSlotRows : SlotRows;

    private string HandedOver(HandOvers hands) => $"""
        _pampa_handed AS (
          INSERT INTO pampa_handover (cluster, node, id, job, term, created_at, rows)
          SELECT @cluster, node, @batch, @job, @term, {dialect.Now}, jsonb_agg(jsonb_build_array({string.Join(", ", Keys.Select((_, i) => dialect.AsText($"k{i}")))}, rid, {dialect.AsText("rt")}, n::bigint) ORDER BY rn)::text
          FROM _pampa_reserved WHERE node <> @own GROUP BY node{(hands == HandOvers.Told && dialect.Notifications is { } notifications ? Tell(notifications) : "")})
        """;

    private string StartedAs(string st) => $", {st} AS st{(job.Generation is null ? "" : $"{GenerationOut} AS generation")}{string.Concat(RecordOuts.Select((c, i) => $", {c} AS c{i}"))}";

    // In the same transaction, so that a node hears of it in the moment in which it is true. The message tells all where it
    // is short: then the node need not read.
    private static string Tell(INotifications notifications) => $"""

          RETURNING CASE WHEN node = ANY(@told) THEN pg_notify({notifications.Channel(WakeUps.HandOver)},
            CASE WHEN octet_length(rows) < {HandOverMessage.MaxRows} THEN jsonb_build_array(node, id, job, rows)::text ELSE jsonb_build_array(node)::text END)::text END
        """;

    // A list of lists would come back as one long list.
    private static bool IsList(ColumnInfo? column) => column?.Type.EndsWith("[]", StringComparison.Ordinal) == true;

    /// <summary>RESERVE in steps, 1 of 3: which records, in which order.</summary>
    public string ReservePick(string? where, string? orderBy, bool afterCursor) => Pick(where, orderBy, afterCursor, locks: true);

    /// <summary>The same without a lock and with keys as they travel: what RESERVE would take next, and of that what comes no later than @bound0….</summary>
    public string ReserveLook(string? where, string? orderBy, bool afterCursor, bool upToBound) =>
        $"SELECT {string.Join(", ", job.Key.Select((k, i) => dialect.KeyOutput($"p._pampa_k{i}", k)))} FROM ({Pick(where, orderBy, afterCursor, locks: false, upToBound: upToBound)}) AS p";

    /// <summary>How many RESERVE would take next: at most @want.</summary>
    public string CountDue(string? where, string? orderBy, bool afterCursor) => $"SELECT count(*) FROM ({Pick(where, orderBy, afterCursor, locks: false)}) AS p";

    /// <summary>The same with the seconds that one of them has been due, of all the longest; NULL: none tells since when.</summary>
    public string CountDueWaits(string? where, string? orderBy) =>
        $"SELECT count(*), max(p._pampa_w) FROM ({Pick(where, orderBy, afterCursor: false, locks: false, $"{Waits} AS _pampa_w")}) AS p";

    /// <summary>RESERVE in steps, 2 of 3: binds them. RETURNING keeps no order.</summary>
    public string ReserveApply(string? where, string? orderBy) => $"""
        WITH _pampa_v AS MATERIALIZED ({dialect.Rows(ReserveRows)})
        {ReserveUpdate(where, orderBy)}
        RETURNING {KeysOut()}, {Rid}, {dialect.TimeOutput(Rt, Column(StateColumn.ReservationTime))}, COALESCE({N}, 0)
        """;

    public RowSource ReserveRows => new("rows", [.. KeyCells(), RidCell]);

    /// <summary>The same, and START of what was never tried where its row has a session; returns what <see cref="ReserveStarting"/> does.</summary>
    public string ReserveApplyStarting(string? where, string? orderBy) => $"""
        WITH _pampa_v AS MATERIALIZED ({dialect.Rows(ReserveStartingRows)})
        {ReserveUpdate(where, orderBy, starts: true)}
        RETURNING {KeysOut()}, {Rid}, COALESCE({N}, 0), {dialect.TimeOutput(St, Column(StateColumn.StartTime))}{GenerationOut}{RecordOut}, {dialect.TimeOutput(Rt, Column(StateColumn.ReservationTime))}
        """;

    public RowSource ReserveStartingRows => new("rows", [.. KeyCells(), RidCell, new RowColumn("_pampa_session", CellKind.Integer)]);

    /// <summary>RESERVE in steps, 3 of 3: what goes to other nodes.</summary>
    public string HandOver => $"""
        INSERT INTO pampa_handover (cluster, node, id, job, term, created_at, rows)
        VALUES (@cluster, @node, @id, @job, @term, {dialect.Now}, @rows)
        """;
}
