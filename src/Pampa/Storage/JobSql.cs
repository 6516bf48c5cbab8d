namespace Pampa.Storage;

/// <summary>
/// The statements of one job, composed once from the user's names. Here stand the names and conditions that they share;
/// each verb has a file of its own. Two rules hold for all: every guard stands in the WHERE of the UPDATE itself, where
/// the database checks it on the newest version of the row; every time is made and compared by the database.
/// </summary>
/// <remarks>
/// Columns of a row source begin with <c>_pampa_</c>, so that an unqualified name in a user's condition always means
/// the record's column, and so do the names of a statement's steps, which would hide a table of the user's. Parameters:
/// <c>@cluster</c>, <c>@max</c> (attempts) and those that the verb names.
/// </remarks>
internal sealed partial class JobSql
{
    private readonly JobTable job;
    private readonly Dialect dialect;

    public JobSql(JobTable job)
    {
        this.job = job;
        dialect = job.Dialect;
        Table = $"{Dialect.Quote(job.Table.Schema)}.{Dialect.Quote(job.Table.Name)}";
        Rid = Name(StateColumn.ReservationId);
        Rt = Name(StateColumn.ReservationTime);
        N = Name(StateColumn.ReservationTimes);
        St = Name(StateColumn.StartTime);
        Et = Name(StateColumn.EndTime);
        Ok = Name(StateColumn.Success);
        Err = Name(StateColumn.ErrorDescription);
        Keys = [.. job.Key.Select(k => Dialect.Quote(k.Name))];
        StartRows = new RowSource("rows", [.. KeyCells(), RidCell, Cell("rt", CellKind.Time, StateColumn.ReservationTime),
            new RowColumn("_pampa_n", CellKind.Integer), new RowColumn("_pampa_session", CellKind.Integer)]);
        ReleaseRows = new RowSource("rows", [.. KeyCells(), RidCell, Cell("rt", CellKind.Time, StateColumn.ReservationTime)]);
        RelaunchRows = new RowSource("rows", [.. KeyCells(), Cell("et", CellKind.Time, StateColumn.EndTime),
            new RowColumn("_pampa_state", CellKind.Text)]);
        KeyRows = new RowSource("rows", KeyCells());
        NamedRows = new RowSource("named", [.. KeyCells(), new RowColumn("_pampa_rn", CellKind.Integer)]);
    }

    /// <summary>The statements' rows: keys, and what each verb compares.</summary>
    public RowSource StartRows { get; }

    public RowSource ReleaseRows { get; }

    public RowSource RelaunchRows { get; }

    public RowSource KeyRows { get; }

    /// <summary>The workers that rows may be dealt to, in the order of dealing.</summary>
    public static RowSource SlotRows { get; } = new("slots",
        [new("_pampa_rid", CellKind.Text), new("_pampa_node", CellKind.Text)]);

    /// <summary>The same with the sessions of those for which is started at once what is reserved.</summary>
    public static RowSource StartingSlotRows { get; } = new("slots", [.. SlotRows.Columns, new("_pampa_session", CellKind.Integer)]);

    /// <summary>Those of one node that hands nothing over.</summary>
    public static RowSource OwnSlotRows { get; } = new("slots", [SlotRows.Columns[0]]);

    /// <summary>The same with sessions.</summary>
    public static RowSource StartingOwnSlotRows { get; } = new("slots", [SlotRows.Columns[0], StartingSlotRows.Columns[2]]);

    /// <summary>The workers that the leader found dead, with the life it saw.</summary>
    public static RowSource DeadRows { get; } = new("dead",
        [new("_pampa_worker", CellKind.Text), new("_pampa_session", CellKind.Integer), new("_pampa_beat", CellKind.Time)]);

    /// <summary>A node's own workers and their sessions.</summary>
    public static RowSource OwnRows { get; } = new("own", [new("_pampa_worker", CellKind.Text), new("_pampa_session", CellKind.Integer)]);

    private string Table { get; }

    private string Rid { get; }

    private string Rt { get; }

    private string N { get; }

    private string St { get; }

    private string Et { get; }

    private string Ok { get; }

    private string Err { get; }

    private IReadOnlyList<string> Keys { get; }

    private static RowColumn RidCell { get; } = new("_pampa_rid", CellKind.Text);

    private string Name(StateColumn column) => Dialect.Quote(Column(column).Name);

    private ColumnInfo Column(StateColumn column) => job.State[(int)column];

    private RowColumn Cell(string name, CellKind kind, StateColumn column) => new($"_pampa_{name}", kind, Column(column));

    private RowColumn[] KeyCells() => [.. job.Key.Select((k, i) => new RowColumn($"_pampa_k{i}", CellKind.Value, k))];

    private string KeysOf(string alias) => string.Join(", ", Keys.Select(k => $"{alias}.{k}"));

    private string KeysMatch(string alias) => string.Join(" AND ", Keys.Select((k, i) => $"t.{k} = {alias}._pampa_k{i}"));

    private string KeysOut(string qualifier = "") => string.Join(", ", KeyOutputs(qualifier));

    private IEnumerable<string> KeyOutputs(string qualifier) => job.Key.Zip(Keys, (column, name) => dialect.KeyOutput(qualifier + name, column));

    /// <summary>PROTOCOL T1: free, not ended, attempts left, due.</summary>
    private string IsPending => $"t.{Rid} IS NULL AND t.{Et} IS NULL AND COALESCE(t.{N}, 0) < @max AND {Past}";

    /// <summary>PROTOCOL T1, T7, T9: the leader's term still stands.</summary>
    private string LeaseHolds => LeaseTerm.Holds(dialect);

    /// <summary>PROTOCOL T2: the worker's session still stands.</summary>
    private string SessionHolds(string worker, string session) =>
        $"EXISTS (SELECT 1 FROM pampa_worker AS w WHERE w.cluster = @cluster AND w.worker_id = {worker} AND w.session = {session} AND w.expires_at > {dialect.Now})";

    /// <summary>PROTOCOL §1, the one place that tells a record's state.</summary>
    private string StateCase => StateOf(exhausted: nameof(TaskState.Failed));

    private string StateOf(string exhausted) => $"""
        CASE WHEN t.{Et} IS NOT NULL THEN CASE WHEN t.{Ok} IS TRUE THEN 'Completed' ELSE 'Failed' END
          WHEN t.{Rid} IS NOT NULL THEN CASE WHEN t.{St} IS NULL THEN 'Reserved' ELSE 'Running' END
          WHEN COALESCE(t.{N}, 0) >= @max THEN '{exhausted}'
          WHEN NOT {Past} THEN 'Scheduled'
          ELSE 'Pending' END
        """;

    /// <summary>
    /// Guards on a record's own columns, written so that they count only once the record was found by its key. Alone,
    /// each would tempt a planner whose statistics are old (all has ended; then a million come in) to look for such
    /// records first, in the whole table.
    /// </summary>
    private static string Guards(string alias, string conditions) => $"CASE WHEN {alias}._pampa_k0 IS NOT NULL THEN {conditions} ELSE FALSE END";

    /// <summary>A record whose key is NULL is no task: nothing could find it again.</summary>
    private string HasKey => HasKeyOf("t");

    private string HasKeyOf(string alias) => dialect.KeysMayBeNull ? string.Concat(Keys.Select(k => $" AND {alias}.{k} IS NOT NULL")) : "";

    private static string And(string? condition) => condition is null ? "" : $" AND ({condition})";
}
