namespace Pampa.Storage;

/// <summary>
/// T8, T12, T13 and T14 for records that somebody has chosen by what they are like. They are changed only if they still are as they were seen,
/// and still match.
/// </summary>
internal sealed partial class JobSql
{
    /// <summary>Open records as they were seen.</summary>
    public RowSource SettleRows => new("rows",
        [.. KeyCells(), RidCell, Cell("rt", CellKind.Time, StateColumn.ReservationTime), new RowColumn("_pampa_n", CellKind.Integer)]);

    /// <summary>Records that run, as they were seen.</summary>
    public RowSource StopRows => new("rows",
        [.. KeyCells(), RidCell, Cell("st", CellKind.Time, StateColumn.StartTime), new RowColumn("_pampa_n", CellKind.Integer)]);

    /// <summary>
    /// Records that may be chosen, by key: key, state, end, worker, reservation time, attempts, start and, where the search wants it, the error (cut).
    /// Parameters: @want, and those of the search and the filter.
    /// </summary>
    internal string Chosen(string? where, string? filter, Search search) => $"""
        {FromOf(search)}SELECT {KeysOut("t.")}, {StateCase}, {dialect.AsText($"t.{Et}")}, t.{Rid}, {dialect.AsText($"t.{Rt}")}, COALESCE(t.{N}, 0), {dialect.AsText($"t.{St}")}{(search.Characters > 0 ? $", substr(t.{Err}, 1, {search.Characters + 1})" : "")}
        {SourceOf(search)} WHERE {IsTask(where)}{KnownOf(search.States)}{InStates(search.States)}{And(filter)}{WindowOf(search)}
        ORDER BY {OrderOf(search.Order)} LIMIT @want
        """;

    /// <summary>T8: as <see cref="Relaunch"/>, of those that still match.</summary>
    internal string RelaunchChosen(string? filter) => $"""
        WITH {Passing(RelaunchRows)}
        {RelaunchUpdate}{(filter is null ? "" : $" AND {Guards("v", $"({filter})")}")}
        RETURNING {KeysOut()}
        """;

    /// <summary>
    /// T12 and T13: records that nobody has started end without an attempt, failed with an error text or completed. A worker that has one in
    /// hand finds it ended when it wants to start it. Parameters: @error, and those of the filter.
    /// </summary>
    internal string Settle(string? filter, bool asCompleted) => $"""
        WITH {Passing(SettleRows)}
        UPDATE {Table} AS t SET {Rid} = NULL, {St} = NULL, {Et} = {dialect.ClockFor(Column(StateColumn.EndTime))},
          {Ok} = {(asCompleted ? "TRUE" : "FALSE")}, {Err} = {(asCompleted ? "NULL" : dialect.Typed("@error", Column(StateColumn.ErrorDescription)))}
        FROM _pampa_v AS v WHERE {KeysMatch("v")} AND {Guards("v", $"t.{Et} IS NULL AND (t.{Rid} IS NULL OR t.{St} IS NULL)")}
          AND t.{Rid} IS NOT DISTINCT FROM v._pampa_rid AND t.{Rt} IS NOT DISTINCT FROM v._pampa_rt AND COALESCE(t.{N}, 0) = v._pampa_n
          AND {Guards("v", $"(t.{Rid} IS NOT NULL OR COALESCE(t.{N}, 0) < @max)")}{(filter is null ? "" : $" AND {Guards("v", $"({filter})")}")}
        RETURNING {KeysOut()}
        """;

    /// <summary>
    /// T12 for records that run, with the whole fence as it was seen: they have failed for good, whatever their workers write later. Nobody holds
    /// them any more, by which those see it. Parameters: @error, and those of the filter.
    /// </summary>
    internal string Stop(string? filter) => $"""
        WITH {Passing(StopRows)}
        UPDATE {Table} AS t SET {Rid} = NULL, {St} = NULL, {Et} = {dialect.ClockFor(Column(StateColumn.EndTime))}, {Ok} = FALSE,
          {Err} = {dialect.Typed("@error", Column(StateColumn.ErrorDescription))}
        FROM _pampa_v AS v WHERE {KeysMatch("v")} AND {Guards("v", $"t.{Et} IS NULL AND t.{Rid} = v._pampa_rid AND t.{St} = v._pampa_st")}
          AND COALESCE(t.{N}, 0) = v._pampa_n{(filter is null ? "" : $" AND {Guards("v", $"({filter})")}")}
        RETURNING {KeysOut()}
        """;

    /// <summary>
    /// T14: records that wait for their time are due now, if nobody has taken them and they wait for the very time that was seen. What they have
    /// used of their attempts they have used. Parameters: those of the filter.
    /// </summary>
    internal string RunNow(string? filter) => $"""
        WITH {Passing(SettleRows)}
        UPDATE {Table} AS t SET {Rt} = {dialect.NowFor(Column(StateColumn.ReservationTime))}
        FROM _pampa_v AS v WHERE {KeysMatch("v")} AND {Guards("v", $"t.{Et} IS NULL AND t.{Rid} IS NULL")}
          AND t.{Rt} IS NOT DISTINCT FROM v._pampa_rt AND COALESCE(t.{N}, 0) = v._pampa_n
          AND {Guards("v", $"COALESCE(t.{N}, 0) < @max AND NOT {ReservationPast}")}{(filter is null ? "" : $" AND {Guards("v", $"({filter})")}")}
        RETURNING {KeysOut()}
        """;

    // Records that somebody has locked are passed by, where the database can: a person does not wait for another one's transaction.
    private string Passing(RowSource rows) => dialect.CanSkipLocked
        ? FinishLock(rows)
        : $"_pampa_v AS MATERIALIZED ({dialect.Rows(rows)})";
}
