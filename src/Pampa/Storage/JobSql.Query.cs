namespace Pampa.Storage;

/// <summary>What a statement that looks for records is like, beside their condition.</summary>
internal sealed record Search
{
    /// <summary>Only of these states; empty: of any.</summary>
    public IReadOnlyCollection<TaskState> States { get; init; } = [];

    public TaskOrder Order { get; init; }

    /// <summary>Whether they come by key; else by one of their times, and then by key.</summary>
    public bool IsByKey => IsKeyOrder(Order);

    public static bool IsKeyOrder(TaskOrder order) => order is TaskOrder.Key or TaskOrder.KeyDescending;

    /// <summary>Whether it is about failed records alone.</summary>
    public bool IsOfFailed => States.Count > 0 && States.All(s => s == TaskState.Failed);

    /// <summary>Whether it goes on after a key: parameters @cursor….</summary>
    public bool AfterCursor { get; init; }

    /// <summary>Whether it ends at a key: parameters @bound….</summary>
    public bool ToBound { get; init; }

    /// <summary>Whether the failed records are so few that they are read as a whole, by their index: parameter @most.</summary>
    public bool OfFewFailed { get; init; }

    /// <summary>Whether the records are those of given keys: rows @rows….</summary>
    public bool OfKeys { get; init; }

    /// <summary>The columns whose values are wanted.</summary>
    public IReadOnlyList<ColumnInfo> Values { get; init; } = [];

    /// <summary>Characters of the error text that are wanted, and of each value.</summary>
    public int Characters { get; init; }

    public int ValueCharacters { get; init; }
}

/// <summary>
/// Records for people, in pages by key. A page looks at no more than a window of the key's index, so that it ends soon however few match.
/// </summary>
internal sealed partial class JobSql
{
    /// <summary>
    /// A page: key, state, worker, reserved, attempts, start, end, error (cut), then the values (cut). Parameters: @want, and those of the
    /// search and the filter.
    /// </summary>
    internal string Page(string? where, string? filter, Search search) => $"""
        {FromOf(search)}SELECT {KeysOut("t.")}, {InfoOut(search.Characters)}{ValuesOut(search)}
        {SourceOf(search)} WHERE {IsTask(where)}{KnownOf(search.States)}{InStates(search.States)}{And(filter)}{WindowOf(search)}
        ORDER BY {OrderOf(search.Order)} LIMIT @want
        """;

    /// <summary>How many there are: at most @want are counted.</summary>
    internal string CountMatches(string? where, string? filter, Search search) => $"""
        {FromOf(search)}SELECT count(*) FROM (SELECT 1 {SourceOf(search)}
          WHERE {IsTask(where)}{KnownOf(search.States)}{InStates(search.States)}{And(filter)}{WindowOf(search)} LIMIT @want) AS q
        """;

    /// <summary>The key at which a window of @window records ends; none where fewer are left.</summary>
    internal string Bound(Search search) => $"""
        SELECT {KeysOut("t.")} FROM {Table} AS t WHERE TRUE{HasKey}{KnownOf(search.States)}{WindowOf(search with { ToBound = false })}
        ORDER BY {OrderOf(search.Order)} LIMIT 1 OFFSET @window
        """;

    /// <summary>How many records have failed: at most @want are counted.</summary>
    internal string CountFailed => $"SELECT count(*) FROM (SELECT 1 FROM {Table} AS t WHERE {IsFailed} LIMIT @want) AS q";

    /// <summary>The latest failures: key, end, error (cut). Parameters: @want, @characters.</summary>
    internal string Failures => $"""
        SELECT {KeysOut("t.")}, {dialect.AsText($"t.{Et}")}, substr(t.{Err}, 1, @characters) FROM {Table} AS t
        WHERE {IsFailed}{HasKey} ORDER BY t.{Et} DESC LIMIT @want
        """;

    /// <summary>A record by its key, as <see cref="Page"/> has it, with its generation before the values.</summary>
    internal string Details(Search search) => OfKey($"{KeysOut("t.")}, {InfoOut(search.Characters)}, {GenerationOf}{ValuesOut(search)}");

    private string GenerationOf => job.Generation is { } column ? $"COALESCE({QuotedOf("t", column)}, 0)" : "NULL";

    private string InfoOut(int characters) =>
        $"{StateCase}, t.{Rid}, {dialect.AsText($"t.{Rt}")}, COALESCE(t.{N}, 0), {dialect.AsText($"t.{St}")}, {dialect.AsText($"t.{Et}")}, substr(t.{Err}, 1, {characters + 1})";

    private string ValuesOut(Search search) => string.Concat(search.Values.Select(c => $", {dialect.Shown(QuotedOf("t", c), c, search.ValueCharacters + 1)}"));

    // One that finds its records by what it is given has it before the SELECT.
    private string FromOf(Search search) => search switch
    {
        // Apart from the order: a planner that wants to have it from the index would walk through that as a whole.
        { OfKeys: true } => $"WITH _pampa_v AS MATERIALIZED ({dialect.Rows(KeyRows)}),\n"
            + $"_pampa_f AS MATERIALIZED (SELECT t.* FROM {Table} AS t JOIN _pampa_v AS v ON {KeysMatch("v")})\n",
        { OfFewFailed: true } => $"WITH _pampa_f AS MATERIALIZED (SELECT * FROM {Table} AS t WHERE {IsFailed} LIMIT @most)\n",
        _ => "",
    };

    private string SourceOf(Search search) => search switch
    {
        { OfKeys: true } or { OfFewFailed: true } => "FROM _pampa_f AS t",
        _ => $"FROM {Table} AS t",
    };

    private string WindowOf(Search search)
    {
        var keys = KeysOf("t");
        var (isDown, cursor) = (search.Order == TaskOrder.KeyDescending, "");
        if (search.Order == TaskOrder.LatestEnd)
        {
            var ended = search.IsOfFailed ? $" AND {IsFailed}" : $" AND t.{Et} IS NOT NULL";
            return search.AfterCursor
                ? $"{ended} AND (t.{Et}, {keys}) < ({dialect.Typed("@moment", Column(StateColumn.EndTime))}, {CursorKey("cursor")})"
                : ended;
        }
        if (search.Order == TaskOrder.LongestRunning)
        {
            var running = $" AND t.{Et} IS NULL AND t.{Rid} IS NOT NULL AND t.{St} IS NOT NULL";
            return search.AfterCursor
                ? $"{running} AND (t.{St}, {keys}) > ({dialect.Typed("@moment", Column(StateColumn.StartTime))}, {CursorKey("cursor")})"
                : running;
        }
        if (search.AfterCursor) cursor = KeyIs(isDown ? "<" : ">", "cursor");
        return search.ToBound ? cursor + KeyIs(isDown ? ">=" : "<=", "bound") : cursor;
    }

    // How a record's key stands to one that is bound.
    private string KeyIs(string sign, string name) => $" AND ({KeysOf("t")}) {sign} ({CursorKey(name)})";

    private string CursorKey(string name) => string.Join(", ", job.Key.Select((k, i) => dialect.CursorPart(i, k, name)));

    private string OrderOf(TaskOrder order) => order switch
    {
        TaskOrder.LatestEnd => string.Join(", ", ((string[])[Et, .. Keys]).Select(c => $"t.{c} DESC")),
        TaskOrder.LongestRunning => string.Join(", ", ((string[])[St, .. Keys]).Select(c => $"t.{c}")),
        TaskOrder.KeyDescending => string.Join(", ", Keys.Select(k => $"t.{k} DESC")),
        _ => KeysOf("t"),
    };
}
