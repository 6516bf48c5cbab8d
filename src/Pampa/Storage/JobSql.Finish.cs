namespace Pampa.Storage;

/// <summary>
/// T3, T4, T5, T10, T11: one statement, told apart by the row's outcome, and the columns that handlers set.
/// </summary>
internal sealed partial class JobSql
{
    private readonly ComposedTexts<FinishParts> finishes = new();

    /// <summary>The rows of FINISH with a set of changed columns (indexes into the record columns).</summary>
    public RowSource FinishRows(IReadOnlyList<int> changed) => FinishRows(
        changed,
        new RowColumn("_pampa_outcome", CellKind.Text), new RowColumn("_pampa_delay", CellKind.Number),
        new RowColumn("_pampa_until", CellKind.Text), new RowColumn("_pampa_err", CellKind.Text));

    /// <summary>The rows of FINISH where all are completed: the fence, and what is changed.</summary>
    public RowSource CompleteRows(IReadOnlyList<int> changed) => FinishRows(changed, []);

    private RowSource FinishRows(IReadOnlyList<int> changed, params ReadOnlySpan<RowColumn> how) => new("rows",
    [
        .. KeyCells(), RidCell, new RowColumn("_pampa_n", CellKind.Integer), Cell("st", CellKind.Time, StateColumn.StartTime), .. how,
        .. changed.Select(i => new RowColumn($"_pampa_c{i}", CellKind.Value, job.RecordColumns[i])),
    ]);

    /// <summary>
    /// Settles attempts. Each row must still match its fence (worker, attempt, start); one that does not is somebody
    /// else's by now. With <paramref name="skipLocked"/> rows that others hold are passed by and not returned.
    /// </summary>
    public string Finish(IReadOnlyList<int> changed, bool skipLocked) => Kept(changed, skipLocked, areCompleted: false, tells: true);

    private string FinishText(IReadOnlyList<int> changed, bool skipLocked) => FinishOf(FinishRows(changed), skipLocked, $"""
          {Rid} = CASE WHEN v._pampa_outcome IN ('Completed', 'Failed') THEN t.{Rid} END,
          {St} = CASE WHEN v._pampa_outcome IN ('Completed', 'Failed') THEN t.{St} END,
          {N} = CASE WHEN v._pampa_outcome IN ('Forgiven', 'Snoozed') THEN t.{N} - 1 ELSE t.{N} END,
          {Rt} = CASE WHEN v._pampa_outcome IN ('Completed', 'Failed') THEN t.{Rt}
            WHEN v._pampa_until IS NOT NULL THEN {dialect.MomentFor(Column(StateColumn.ReservationTime), "v._pampa_until")}
            ELSE {dialect.NowPlusFor(Column(StateColumn.ReservationTime), "v._pampa_delay")} END,
          {Et} = CASE WHEN v._pampa_outcome IN ('Completed', 'Failed') THEN {dialect.ClockFor(Column(StateColumn.EndTime))} END,
          {Ok} = CASE WHEN v._pampa_outcome = 'Completed' THEN TRUE WHEN v._pampa_outcome IN ('Again', 'Failed') THEN FALSE END,
          {Err} = CASE WHEN v._pampa_outcome IN ('Again', 'Failed') THEN v._pampa_err WHEN v._pampa_outcome = 'Forgiven' THEN t.{Err} END{string.Concat(changed.Select(ChangeOf))}
        """, $" AND (v._pampa_outcome <> 'Again' OR t.{N} < @max)");

    /// <summary>
    /// T3 alone, for rows that are all completed, as nearly all are: half of what the other one is sent, and a fifth less for the database to
    /// do. Each row must match its fence in the same way. Unless it <paramref name="tells"/> which it has settled, it only says how many.
    /// </summary>
    public string Complete(IReadOnlyList<int> changed, bool skipLocked, bool tells) => Kept(changed, skipLocked, areCompleted: true, tells);

    private readonly record struct FinishParts(string Changed, bool SkipLocked, bool AreCompleted, bool Tells);

    private string Kept(IReadOnlyList<int> changed, bool skipLocked, bool areCompleted, bool tells) => finishes.Of(
        new FinishParts(string.Join(',', changed), skipLocked, areCompleted, tells), (Sql: this, Changed: changed),
        static (p, of) => p.AreCompleted ? of.Sql.CompleteText(of.Changed, p.SkipLocked, p.Tells) : of.Sql.FinishText(of.Changed, p.SkipLocked));

    private string CompleteText(IReadOnlyList<int> changed, bool skipLocked, bool tells) => FinishOf(
        CompleteRows(changed), skipLocked, $"  {Et} = {dialect.ClockFor(Column(StateColumn.EndTime))}, {Ok} = TRUE, {Err} = NULL{string.Concat(changed.Select(CompletedChange))}",
        tells: tells);

    private string FinishOf(RowSource rows, bool skipLocked, string changes, string more = "", bool tells = true) => $"""
        WITH {(skipLocked ? FinishLock(rows) : dialect.RowsStep(rows))}
        UPDATE {Table} AS t SET
        {changes}
        FROM _pampa_v AS v WHERE {KeysMatch("v")} AND t.{Rid} = v._pampa_rid AND t.{N} = v._pampa_n AND t.{St} = v._pampa_st AND {Guards("v", $"t.{Et} IS NULL")}{more}{(tells ? $"{Environment.NewLine}RETURNING {KeysOut()}" : "")}
        """;

    private string CompletedChange(int index) => $", {Dialect.Quote(job.RecordColumns[index].Name)} = v._pampa_c{index}";

    // What a handler set before it failed or was interrupted must not stay.
    private string ChangeOf(int index)
    {
        var name = Dialect.Quote(job.RecordColumns[index].Name);
        return $", {name} = CASE WHEN v._pampa_outcome IN ('Completed', 'Snoozed') THEN v._pampa_c{index} ELSE t.{name} END";
    }

    // Only after a lock was met: always locking first costs six times as much. In no order: whoever passes locked records by waits for
    // nobody, so there is no ring; and a planner that shall bring an order may walk through the whole index for it.
    private string FinishLock(RowSource rows) => $"""
        _pampa_given AS MATERIALIZED ({dialect.Rows(rows)}),
        _pampa_v AS MATERIALIZED (SELECT g.* FROM {Table} AS t JOIN _pampa_given AS g ON {KeysMatch("g")}{dialect.SkipLocked})
        """;

    /// <summary>
    /// What the rows look like now, to tell a repeated finish from a fenced one: key, worker, attempt, start, end,
    /// succeeded, error.
    /// </summary>
    public string ReadFences => $"""
        WITH _pampa_v AS MATERIALIZED ({dialect.Rows(KeyRows)})
        SELECT {KeysOut("t.")}, t.{Rid}, COALESCE(t.{N}, 0), {dialect.AsText($"t.{St}")}, {dialect.AsText($"t.{Et}")}, t.{Ok} IS TRUE, t.{Err}
        FROM {Table} AS t JOIN _pampa_v AS v ON {KeysMatch("v")}
        """;
}
