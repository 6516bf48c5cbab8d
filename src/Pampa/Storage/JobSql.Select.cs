namespace Pampa.Storage;

/// <summary>T1 for records that the program itself has named: its choice, and the same guards.</summary>
internal sealed partial class JobSql
{
    /// <summary>The records that were named, and which place each has.</summary>
    public RowSource NamedRows { get; }

    /// <summary>Those of them that can be reserved, in the order in which they were named. Parameters: @want.</summary>
    private string PickNamed(string? where, string? orderBy, bool locks, string? columns = null) => $"""
        SELECT {columns ?? PickedKeys} FROM ({dialect.Rows(NamedRows)}) AS g JOIN {Table} AS t ON {KeysMatch("g")}
        WHERE {IsPending}{And(where)}{IsNext(where, orderBy)}
        ORDER BY g._pampa_rn LIMIT @want{(locks ? dialect.SkipLocked : "")}
        """;

    /// <summary>RESERVE as one statement for records that were named.</summary>
    public string ReserveNamed(string? where, string? orderBy, HandOvers hands) => ReserveOf(PickNamed(where, orderBy, locks: true), where, orderBy, hands);

    /// <summary>RESERVE in steps, 1 of 3, for records that were named.</summary>
    public string ReservePickNamed(string? where, string? orderBy) => PickNamed(where, orderBy, locks: true);

    /// <summary>
    /// Those of the named records that would be reserved, without a lock: key, attempts, seconds that they have been due.
    /// </summary>
    public string PreviewNamed(string? where) => PickNamed(where, null, locks: false, $"{KeysOut("t.")}, COALESCE(t.{N}, 0), {Waits}");

    /// <summary>
    /// Whether anything is left to do beside what the program's selection names: in a worker's hand, or tried before and due again
    /// within @horizon seconds.
    /// </summary>
    public string IsAnythingHeld(string? where) => $"""
        SELECT EXISTS (SELECT 1 FROM {Table} AS t WHERE t.{Et} IS NULL{HasKey} AND (t.{Rid} IS NOT NULL
          OR (t.{N} > 0 AND t.{N} < @max AND NOT {Past} AND {IsDueSoon}{And(where)})))
        """;

    /// <summary>
    /// Whether one of the named records can be reserved now or, as it stands, within @horizon seconds, or is in a worker's hand.
    /// </summary>
    public string IsAnyNamedOpen(string? where) => $"""
        SELECT EXISTS (SELECT 1 FROM ({dialect.Rows(NamedRows)}) AS g JOIN {Table} AS t ON {KeysMatch("g")}
          WHERE t.{Et} IS NULL AND (t.{Rid} IS NOT NULL OR COALESCE(t.{N}, 0) < @max) AND {IsDueSoon}{Hopeful}{And(where)})
        """;
}
