namespace Pampa.Storage;

/// <summary>What people and programs ask: counts, lists, ended records.</summary>
internal sealed partial class JobSql
{
    /// <summary>Whether a record is a task of this job, or has been one.</summary>
    private string IsTask(string? where) =>
        $"(({where ?? "TRUE"}) OR {string.Join(" OR ", job.State.Select(c => $"t.{Dialect.Quote(c.Name)} IS NOT NULL"))}){HasKey}";

    private string EndedState => $"CASE WHEN t.{Ok} IS TRUE THEN 'Completed' ELSE 'Failed' END";

    /// <summary>Counts the whole table by state: state, count, longest time that a pending record is due.</summary>
    public string Report(string? where) => $"""
        SELECT s, count(*), max(CASE s WHEN 'Pending' THEN w END) FROM (
          SELECT {StateCase} AS s, {Waits} AS w FROM {Table} AS t WHERE {IsTask(where)}) AS counted
        GROUP BY s
        """;

    /// <summary>
    /// The same for at most @limit records that have not ended, found by the advised index; what is no task counts as
    /// Other, so that the sum tells whether the limit was met.
    /// </summary>
    public string ReportOpen(string? where) => $"""
        SELECT s, count(*), max(CASE s WHEN 'Pending' THEN w END) FROM (
          SELECT CASE WHEN {IsTask(where)} THEN {StateCase} ELSE 'Other' END AS s, {Waits} AS w
          FROM (SELECT * FROM {Table} AS t WHERE t.{Et} IS NULL LIMIT @limit) AS t) AS counted
        GROUP BY s
        """;

    /// <summary>
    /// The same for ended records. Where there are too many open ones to pass by them all, the first @limit records of
    /// the table are looked at, whatever they are.
    /// </summary>
    public string ReportEnded(bool passesOpen) => $"""
        SELECT s, count(*), NULL FROM (
          SELECT CASE WHEN t.{Et} IS NULL THEN 'Other' ELSE {EndedState} END AS s
          FROM (SELECT * FROM {Table} AS t{(passesOpen ? $" WHERE t.{Et} IS NOT NULL" : "")} LIMIT @limit) AS t) AS counted
        GROUP BY s
        """;

    /// <summary>How many open records somebody holds: anybody, or one of these workers.</summary>
    public string CountHeld(bool ofWorkers) => $"""
        SELECT count(*) FROM {Table} AS t WHERE t.{Et} IS NULL AND t.{Rid} IS NOT NULL{(ofWorkers ? $" AND t.{Rid} IN (SELECT v._pampa_worker FROM ({dialect.Rows(HolderRows)}) AS v)" : "")}
        """;

    public static RowSource HolderRows { get; } = new("holders", [new("_pampa_worker", CellKind.Text)]);

    /// <summary>
    /// Ended records of a state, oldest end first; where asked, only those that ended at least @age seconds ago: key,
    /// end, state. Parameters: @state, @want.
    /// </summary>
    public string ReadEnded(bool ofAge) => $"""
        SELECT {KeysOut("t.")}, {dialect.AsText($"t.{Et}")}, {EndedState} FROM {Table} AS t
        WHERE t.{Et} IS NOT NULL AND {EndedState} = @state{(ofAge ? $" AND {dialect.IsPastBy($"t.{Et}", Column(StateColumn.EndTime), "@age")}" : "")}
        ORDER BY t.{Et}, {KeysOf("t")} LIMIT @want
        """;

    /// <summary>The same for given keys.</summary>
    public string ReadEndedOf => $"""
        WITH _pampa_v AS MATERIALIZED ({dialect.Rows(KeyRows)})
        SELECT {KeysOut("t.")}, {dialect.AsText($"t.{Et}")}, {EndedState} FROM {Table} AS t JOIN _pampa_v AS v ON {KeysMatch("v")}
        WHERE t.{Et} IS NOT NULL
        """;
}
