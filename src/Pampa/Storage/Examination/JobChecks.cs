namespace Pampa.Storage.Examination;

/// <summary>What is looked at of a job's table on every database.</summary>
internal sealed class JobChecks(TaskStore store, Examiner examiner)
{
    /// <summary>Records that a look passes at most.</summary>
    private const int LookedAt = 100_000;

    private readonly string where = $"job {store.Job.Name}";

    /// <summary>How long a reserved record may wait for its start.</summary>
    public TimeSpan HandTimeout { get; init; }

    /// <summary>Whether there are workers to look for.</summary>
    public bool HasControlTables { get; init; } = true;

    public IEnumerable<Check> All =>
    [
        new("its index", IndexAsync),
        new("its further indexes", FurtherIndexesAsync),
        new("the plan of its selection", PlanAsync),
        .. store.Job.Selecting is null ? [] : (Check[])[new("what its Select names", _ => SelectionChecks.OfAsync(store, where))],
        new("its columns", _ => Task.FromResult(Columns())),
        new("its keys", KeysAsync),
        .. HasControlTables ? (Check[])[new("records that are stuck", async unit => Stuck.Findings(store, await store.ReadStuckAsync(unit, HandTimeout, LookedAt)))] : [],
        new("the times of ended records", async unit => Stuck.Findings(store, await store.ReadOddTimesAsync(unit, LookedAt))),
        .. examiner.OfTable(store.Table),
    ];

    private async Task<IEnumerable<Finding>> IndexAsync(Database.Unit unit)
    {
        var dialect = store.Database.Dialect;
        var (schema, name) = (store.Table.Table.Schema, Schema.AdvisedIndexName(store.Table));
        if (await dialect.HasInvalidIndexAsync(unit, schema, name, CancellationToken.None)) return [Invalid(name)];
        if (await examiner.HasIndexOfOpenAsync(unit, store.Table)) return [];
        var remedy = ToMake(Schema.AdvisedIndex(store.Table));
        const string What = "There is no index of the records that have not ended: the more have ended, the longer each look for work takes.";
        return [await store.IsLargeAsync(unit) ? Finding.Warning("index-missing", where, What, remedy) : Finding.Info("index-missing", where, What, remedy)];
    }

    private async Task<IEnumerable<Finding>> FurtherIndexesAsync(Database.Unit unit)
    {
        var (dialect, schema) = (store.Database.Dialect, store.Table.Table.Schema);
        var findings = new List<Finding>();
        bool? isLarge = null;
        foreach (var (name, index) in Schema.IndexesOf(store.Table).Skip(1))
        {
            if (await dialect.HasInvalidIndexAsync(unit, schema, name, CancellationToken.None)) findings.Add(Invalid(name));
            else if (!await dialect.HasIndexAsync(unit, schema, name, CancellationToken.None))
            {
                isLarge ??= await store.IsLargeAsync(unit);
                // Nothing waits for the failed ones but who lists them.
                var isUrgent = isLarge.Value && name != Schema.FailedIndexName(store.Table);
                var what = $"There is no index '{name}': {Serving(name)}. One of another name that serves the same is as good.";
                findings.Add(isUrgent ? Finding.Warning("index-advised", where, what, ToMake(index)) : Finding.Info("index-advised", where, what, ToMake(index)));
            }
        }
        return findings;
    }

    private string Serving(string name) =>
        name == Schema.FailedIndexName(store.Table) ? "who lists failed records, or looks for the latest of them, passes by all that have completed"
        : name == Schema.AdvisedIndexName(store.Table, Schema.OfEnded) ? "the more records have ended, the longer the leader looks for those that are to run again, and dispatches nothing meanwhile"
        : "the more records there are, the longer each look for work takes to see whose turn it is in its sequence";

    private Finding Invalid(string name) => Finding.Warning(
        "index-invalid", where, $"The index '{name}' is not valid: its building was cut short, and it serves nobody but costs every change.", "Run the verb 'migrate': it drops and builds it anew.");

    // Of a partitioned table it is several statements.
    private string ToMake(string index) => store.Table.Table.IsPartitioned
        ? "Run the verb 'migrate'; with --dry-run it prints the statements, for one index on each partition and one on the whole."
        : $"Run the verb 'migrate', or {index.Replace("CREATE INDEX", store.Database.Dialect.CreateIndexBesideWriters ?? "CREATE INDEX", StringComparison.Ordinal)}.";

    private bool HasSnippet => store.Job.Where is not null || store.Job.OrderBy is not null || store.Job.Selecting is not null;

    private string TableName => $"{Dialect.Quote(store.Table.Table.Schema)}.{Dialect.Quote(store.Table.Table.Name)}";

    private async Task<IEnumerable<Finding>> PlanAsync(Database.Unit unit)
    {
        PlanSummary plan;
        try
        {
            plan = await store.PlanAsync(unit);
        }
        catch (Exception e) when (HasSnippet && store.Database.Dialect.Classify(e) is ErrorKind.Schema or ErrorKind.Data)
        {
            // What is wrong with a selection of its own is told where that is looked at.
            if (store.Job.Selecting is not null) return [];
            return [Finding.Error("snippet", where, $"The database does not take its Where or OrderBy: {e.Message.ReplaceLineEndings(" ").TrimEnd('.')}.", "Mend the condition: nothing of this job is reserved until then.")];
        }
        if (!plan.Scans && !plan.Sorts && !plan.WouldScan || !await store.IsLargeAsync(unit)) return [];
        if (plan.Scans)
            return [Finding.Warning("plan-scan", where, $"Each look for work reads the whole table: {string.Join(" / ", plan.Lines.Select(l => l.Trim()))}",
                store.Job.Selecting is null ? "Make the advised index (the verb 'migrate')." : "Make an index for the conditions and the order of its Select.")];
        var keys = string.Join(", ", store.Table.Key.Select(k => Dialect.Quote(k.Name)));
        var index = $"an index on the columns of its {(store.Job.Selecting is null ? "OrderBy" : "Select's order")}, then {keys}, WHERE {Dialect.Quote(store.Table.State[(int)StateColumn.EndTime].Name)} IS NULL";
        if (plan.Sorts)
            return [Finding.Warning("plan-sort", where, $"Each look for work sorts all that is due: {string.Join(" / ", plan.Lines.Select(l => l.Trim()))}", $"Make {index}.")];
        return [Finding.Info("plan-statistics", where, "Left to itself the database would read the whole table for each look for work; the settings of Pampa's own statement keep it from that.", $"ANALYZE {TableName}, and make the advised index where it is missing.")];
    }

    private IEnumerable<Finding> Columns()
    {
        var onSqlite = store.Database.Dialect is SqliteDialect;
        for (var i = 0; i < store.Table.State.Count; i++)
        {
            var column = store.Table.State[i];
            if (JobTable.KindOf((StateColumn)i) != ColumnKind.Time) continue;
            if (column is { Kind: ColumnKind.Time, Length: < 3 } && !onSqlite)
            {
                yield return Finding.Info("time-precision", where,
                    $"Column '{column.Name}' keeps times to {(column.Length == 0 ? "the second" : $"{column.Length} digits of one")}: delays are as coarse.",
                    $"ALTER TABLE {TableName} ALTER COLUMN {Dialect.Quote(column.Name)} TYPE {store.Database.Dialect.TypeOf((StateColumn)i)}.");
            }
            else if (onSqlite && column.Kind == ColumnKind.Text)
                yield return Finding.Info("time-as-text", where, $"Column '{column.Name}' is declared {column.Type}: a time that is written in another form than YYYY-MM-DDTHH:MM:SS.SSSZ is compared as the instant that it means, or, if it means none, is past.", "Declare it timestamp, and let only UTC be written.");
        }
    }

    private async Task<IEnumerable<Finding>> KeysAsync(Database.Unit unit)
    {
        if (!store.Database.Dialect.KeysMayBeNull) return [];
        var count = await store.CountNullKeysAsync(unit, LookedAt);
        return count == 0 ? [] : [Finding.Warning("key-null", where, FormattableString.Invariant($"{count:N0} records of table '{store.Table.Table.Name}' have no key: SQLite lets NULL into a primary key, and nothing can find them again. They are never done."), "Give them keys, and declare the key NOT NULL.")];
    }
}
