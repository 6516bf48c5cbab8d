namespace Pampa.Storage;

/// <summary>Which part of the ended records, by their ends, is looked at: after one end, up to another; null: no limit.</summary>
internal readonly record struct EndWindow(string? After, string? UpTo)
{
    /// <summary>All of them.</summary>
    public static EndWindow All => default;
}

/// <summary>T8: what has ended is pending again, because somebody says so or because its time has come.</summary>
internal sealed partial class JobSql
{
    /// <summary>
    /// Ended records, as they were seen, become pending again; a completed one begins a new generation.
    /// </summary>
    public string Relaunch => $"""
        WITH _pampa_v AS MATERIALIZED ({dialect.Rows(RelaunchRows)})
        {RelaunchUpdate}
        RETURNING {KeysOut()}
        """;

    /// <summary>
    /// The same by the leader, for records that still are tasks; where asked, only if their time has come. Parameters of
    /// that are @age (seconds since the end) and @jitter (the share of it that is added at random).
    /// </summary>
    public string RelaunchSeen(string? where, bool ofAge) => $"""
        WITH _pampa_v AS MATERIALIZED ({dialect.Rows(RelaunchRows)})
        {RelaunchUpdate}{(ofAge ? $" AND {Guards("v", IsAged)}" : "")}{(where is null ? "" : $" AND {Guards("v", $"({where})")}")}
          AND {LeaseHolds}
        RETURNING {KeysOut()}
        """;

    /// <summary>
    /// The same for all whose time has come, oldest end first, at most @want: picked and changed at once. Within a window, whose limits are
    /// @endedAfter and @endedUpTo.
    /// </summary>
    public string RelaunchDue(string? where, bool ofAge, bool failedToo, EndWindow window = default) => $"""
        WITH _pampa_v AS MATERIALIZED (
          SELECT {string.Join(", ", Keys.Select((k, i) => $"t.{k} AS _pampa_k{i}"))}, t.{Et} AS _pampa_et, {EndedState} AS _pampa_state
          {FromDue(where, ofAge, failedToo, window)}{dialect.SkipLocked})
        {RelaunchUpdate}{(ofAge ? $" AND {Guards("v", IsAged)}" : "")}{(where is null ? "" : $" AND {Guards("v", $"({where})")}")}
          AND {LeaseHolds}
        RETURNING {KeysOut()}
        """;

    /// <summary>What <see cref="RelaunchDue"/> would take, as it is: key, end, state.</summary>
    public string ReadDue(string? where, bool ofAge, bool failedToo, EndWindow window = default) => $"""
        SELECT {KeysOut("t.")}, {dialect.AsText($"t.{Et}")}, {EndedState}
        {FromDue(where, ofAge, failedToo, window)}
        """;

    /// <summary>
    /// The end behind which @window of the records lie that may be of age, whatever else they are like; none where there are no more than these.
    /// </summary>
    public string ReadEndAhead(EndWindow window) => $"""
        SELECT {dialect.AsText($"t.{Et}")} FROM {Table} AS t
        WHERE t.{Et} IS NOT NULL AND {dialect.MayBePastBy($"t.{Et}", Column(StateColumn.EndTime), "@age")}{Within(window)}
          ORDER BY t.{Et} LIMIT 1 OFFSET @window
        """;

    /// <summary>The youngest end that is of age whatever is added at random; none where there is none.</summary>
    public string ReadEndOfAge => $"""
        SELECT {dialect.AsText($"t.{Et}")} FROM {Table} AS t
        WHERE t.{Et} IS NOT NULL AND {dialect.MayBePastBy($"t.{Et}", Column(StateColumn.EndTime), "@age * (1.0 + @jitter)")}
          ORDER BY t.{Et} DESC LIMIT 1
        """;

    // The first comparison is the one that the advised index serves; what it lets through is looked at closely.
    private string FromDue(string? where, bool ofAge, bool failedToo, EndWindow window) => $"""
        FROM {Table} AS t WHERE t.{Et} IS NOT NULL{Within(window)}{(ofAge ? $" AND {dialect.MayBePastBy($"t.{Et}", Column(StateColumn.EndTime), "@age")} AND {IsAged}" : "")}{(failedToo ? "" : $" AND t.{Ok} IS TRUE")}{HasKey}{And(where)}
          ORDER BY t.{Et} LIMIT @want
        """;

    private string Within(EndWindow window)
    {
        var end = Column(StateColumn.EndTime);
        return (window.After is null ? "" : $" AND t.{Et} > {dialect.Typed("@endedAfter", end)}")
            + (window.UpTo is null ? "" : $" AND t.{Et} <= {dialect.Typed("@endedUpTo", end)}");
    }

    // Each record's own moment follows from its key and its end, so that whoever looks, and however often, sees the same one.
    private string IsAged => dialect.IsPastBy($"t.{Et}", Column(StateColumn.EndTime),
        $"@age * (1.0 + @jitter * {dialect.Spread([.. Keys.Select(k => $"t.{k}"), $"t.{Et}"])})");

    private string RelaunchUpdate => $"""
        UPDATE {Table} AS t SET {Rid} = NULL, {St} = NULL, {Et} = NULL, {Ok} = NULL, {Err} = NULL, {N} = 0,
          {Rt} = {dialect.NowFor(Column(StateColumn.ReservationTime))}{GenerationSet}
        FROM _pampa_v AS v WHERE {KeysMatch("v")} AND t.{Et} = v._pampa_et
          AND CASE WHEN t.{Ok} IS TRUE THEN 'Completed' ELSE 'Failed' END = v._pampa_state
        """;

    private string GenerationSet
    {
        get
        {
            if (job.Generation is null) return "";
            var name = Dialect.Quote(job.Generation.Name);
            return $", {name} = COALESCE(t.{name}, 0) + CASE WHEN v._pampa_state = 'Completed' THEN 1 ELSE 0 END";
        }
    }
}
