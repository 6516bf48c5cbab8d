using System.Security.Cryptography;
using System.Text;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>What may be changed in a database.</summary>
internal enum SchemaChanges
{
    /// <summary>Nothing: a look from outside.</summary>
    None,

    /// <summary>Nothing, but what would be is told.</summary>
    Planned,

    /// <summary>What belongs to Pampa or was made by the program's Setup.</summary>
    Own,

    /// <summary>The tables of the jobs, too: somebody has said so.</summary>
    All,
}

/// <summary>
/// The control tables, the program's own Setup, and the state columns. Safe to run by any number of processes at once:
/// each statement is a step of its own that may find its work done.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="changes">What may be changed.</param>
/// <param name="told">Told of each statement that changes something, before it runs.</param>
internal sealed partial class Schema(Database database, SchemaChanges changes = SchemaChanges.Own, Action<string>? told = null)
{
    public const string OfEnded = "_ended";
    private const string OfFailed = "_failed";
    private const string OfFailures = "_failures";
    private bool isSetupPlanned;

    /// <summary>How long one statement of a program's Setup may take.</summary>
    private static readonly TimeSpan SetupDeadline = TimeSpan.FromHours(1);

    private Dialect Dialect => database.Dialect;

    /// <summary>The names of the control tables.</summary>
    public static string[] ControlTableNames =>
        [
            "pampa_lease", "pampa_worker", "pampa_job", "pampa_handover", "pampa_load", "pampa_assignment", "pampa_stretch", "pampa_hold", "pampa_schedule", "pampa_schedule_run",
            "pampa_audit", "pampa_history", "pampa_node", "pampa_sample", "pampa_setup",
        ];

    private (string Name, string Columns)[] ControlTables =>
    [
        // One row a scope (cluster, job:name); the term only grows.
        ("pampa_lease", $"cluster text NOT NULL, scope text NOT NULL, holder text NOT NULL, process text NOT NULL, term bigint NOT NULL, elected_at {Dialect.MomentType} NOT NULL, expires_at {Dialect.MomentType} NOT NULL, PRIMARY KEY (cluster, scope)"),
        // One row a worker id; the session tells its lives apart.
        ("pampa_worker", $"cluster text NOT NULL, worker_id text NOT NULL, node text NOT NULL, session bigint NOT NULL, process text NOT NULL, program text NOT NULL, state text NOT NULL, heartbeat_at {Dialect.MomentType} NOT NULL, expires_at {Dialect.MomentType} NOT NULL, PRIMARY KEY (cluster, worker_id)"),
        // How each job is defined and in which revision, for every process and person to see.
        ("pampa_job", $"cluster text NOT NULL, name text NOT NULL, definition text NOT NULL, revision bigint NOT NULL, program text NOT NULL, updated_at {Dialect.MomentType} NOT NULL, PRIMARY KEY (cluster, name)"),
        // Append only: one row a RESERVE, node and job.
        ("pampa_handover", $"cluster text NOT NULL, node text NOT NULL, id text NOT NULL, job text NOT NULL, term bigint NOT NULL, created_at {Dialect.MomentType} NOT NULL, rows text NOT NULL, PRIMARY KEY (cluster, node, id)"),
        // What each node does of each job, as it last said.
        ("pampa_load", $"cluster text NOT NULL, node text NOT NULL, job text NOT NULL, in_hand bigint NOT NULL, running bigint NOT NULL, per_second double precision NOT NULL, "
            + $"p50_ms double precision NOT NULL, p90_ms double precision NOT NULL, hands text NOT NULL, updated_at {Dialect.MomentType} NOT NULL, PRIMARY KEY (cluster, node, job)"),
        // Which worker serves which job.
        ("pampa_assignment", $"cluster text NOT NULL, worker_id text NOT NULL, job text NOT NULL, assigned_at {Dialect.MomentType} NOT NULL, PRIMARY KEY (cluster, worker_id)"),
        // How many workers each job has, and why.
        ("pampa_stretch", $"cluster text NOT NULL, job text NOT NULL, workers bigint NOT NULL, wanted bigint NOT NULL, reason text NOT NULL, decided_at {Dialect.MomentType} NOT NULL, PRIMARY KEY (cluster, job)"),
        // What people hold: a job, a node or a worker that shall begin nothing.
        ("pampa_hold", $"cluster text NOT NULL, kind text NOT NULL, name text NOT NULL, reason text NOT NULL, held_at {Dialect.MomentType} NOT NULL, held_until {Dialect.MomentType}, PRIMARY KEY (cluster, kind, name)"),
        // How each schedule is defined, up to which tick it is done, and whether it is paused.
        ("pampa_schedule", $"cluster text NOT NULL, name text NOT NULL, expression text NOT NULL, zone text NOT NULL, definition text NOT NULL, revision bigint NOT NULL, program text NOT NULL, "
            + $"term bigint NOT NULL, last_tick {Dialect.MomentType} NOT NULL, done_tick {Dialect.MomentType}, done_at {Dialect.MomentType}, missed bigint NOT NULL, failures bigint NOT NULL, "
            + $"retry_at {Dialect.MomentType}, error text, paused_at {Dialect.MomentType}, pause_reason text, updated_at {Dialect.MomentType} NOT NULL, PRIMARY KEY (cluster, name)"),
        // One row a command that has run a schedule by hand, so that none does it twice; kept for a day.
        ("pampa_schedule_run", $"cluster text NOT NULL, id text NOT NULL, name text NOT NULL, ran_at {Dialect.MomentType} NOT NULL, PRIMARY KEY (cluster, id)"),
        // What people have done; what is too old is thrown away, unless the program wants to keep it.
        ("pampa_audit", $"cluster text NOT NULL, id text NOT NULL, at {Dialect.MomentType} NOT NULL, who text NOT NULL, action text NOT NULL, target text NOT NULL, job text, "
            + "detail text NOT NULL, count bigint NOT NULL, PRIMARY KEY (cluster, id)"),
        // What happened to single records, for people; thinned by age and number.
        ("pampa_history", $"cluster text NOT NULL, job text NOT NULL, record text NOT NULL, at {Dialect.MomentType} NOT NULL, id text NOT NULL, what text NOT NULL, attempt bigint, "
            + "worker text, who text, said text, PRIMARY KEY (cluster, job, record, at, id)"),
        // What each process says of itself, for people and for the samples.
        ("pampa_node", $"cluster text NOT NULL, node text NOT NULL, life bigint NOT NULL, said text NOT NULL, said_at {Dialect.MomentType} NOT NULL, PRIMARY KEY (cluster, node)"),
        // How each job went; thinned by age.
        ("pampa_sample", $"cluster text NOT NULL, job text NOT NULL, at {Dialect.MomentType} NOT NULL, grain bigint NOT NULL, pending bigint NOT NULL, more bigint NOT NULL, running bigint NOT NULL, "
            + "workers bigint NOT NULL, completed bigint NOT NULL, failed bigint NOT NULL, attempts bigint NOT NULL, busy double precision NOT NULL, PRIMARY KEY (cluster, job, at)"),
        // What Setup has done to this database, and which tables it made.
        ("pampa_setup", $"hash text NOT NULL, tables text NOT NULL, applied_at {Dialect.MomentType} NOT NULL, PRIMARY KEY (hash)"),
    ];

    /// <summary>Makes the control tables that are missing.</summary>
    public async Task CreateControlTablesAsync(CancellationToken stopping)
    {
        foreach (var (name, columns) in ControlTables)
        {
            // Looked up first: CREATE … IF NOT EXISTS asks for the right to create even where there is nothing to do.
            if (await Dialect.ReadTableAsync(database, new TableName(null, name, true), stopping) is not null) continue;
            await ChangeAsync($"CREATE TABLE IF NOT EXISTS {name} ({columns})", stopping);
        }
    }

    /// <summary>Whether a control table is missing.</summary>
    public async Task<bool> LacksControlTablesAsync(CancellationToken stopping)
    {
        foreach (var (name, _) in ControlTables)
        {
            if (await Dialect.ReadTableAsync(database, new TableName(null, name, true), stopping) is null) return true;
        }
        return false;
    }

    /// <summary>
    /// Resolves a job against its table. State columns that are missing are added where that is allowed; else they are
    /// an error that prints the statements to run.
    /// </summary>
    public async Task<JobTable?> ResolveAsync(JobDefinition job, List<string> errors, CancellationToken stopping)
    {
        var name = TableName.Parse(job.Table);
        if (name is null)
        {
            errors.Add($"Job '{job.Name}': table must be a name like orders, shop.orders or \"My Schema\".\"Order\", got '{job.Table}'.");
            return null;
        }
        var table = await Dialect.ReadTableAsync(database, name, stopping);
        if (table is null)
        {
            if (changes == SchemaChanges.Planned && isSetupPlanned)
            {
                told?.Invoke($"-- Job '{job.Name}': table '{name}' is not there yet; once Setup has made it, its state columns, its index and the rights on it follow");
                return null;
            }
            errors.Add(await Dialect.WhyNoTableAsync(database, name, stopping) is { } why
                ? $"Job '{job.Name}': table '{name}' {why}."
                : $"Job '{job.Name}': there is no table '{name}' in this database. Create it, or let the program do so with Setup.");
            return null;
        }
        var mayChange = await MayChangeAsync(table, stopping);
        var missing = Missing(job, table);
        if (missing.Count > 0)
        {
            if (!mayChange)
            {
                errors.Add($"Job '{job.Name}': table '{name}' lacks state columns. Let the verb 'migrate' add them, run the statements yourself, or map existing columns with job.Columns:{Environment.NewLine}"
                    + string.Join(Environment.NewLine, missing.Select(m => $"  {AddColumn(table, m.Name, m.Column)};")));
                return null;
            }
            foreach (var (column, columnName) in missing) await ChangeAsync(AddColumn(table, columnName, column), stopping);
            table = changes == SchemaChanges.Planned ? WithColumns(table, missing) : (await Dialect.ReadTableAsync(database, name, stopping))!;
        }
        var resolved = JobTable.Resolve(job, Dialect, table, errors);
        if (resolved is not null && mayChange) await AddIndexesAsync(resolved, stopping);
        return resolved;
    }

    private async Task<bool> MayChangeAsync(TableInfo table, CancellationToken stopping) => changes switch
    {
        SchemaChanges.None => false,
        SchemaChanges.Own => await IsMadeBySetupAsync(table, stopping),
        _ => true,
    };

    /// <summary>Runs statements that change the table of a job, where that is allowed. Says whether it is.</summary>
    public async Task<bool> TryChangeAsync(JobTable job, IReadOnlyList<string> statements, CancellationToken stopping)
    {
        if (statements.Count > 0 && !await MayChangeAsync(job.Table, stopping)) return false;
        foreach (var statement in statements) await ChangeAsync(statement, stopping);
        return true;
    }

    // As the table will be, so that the index that it will have can be told.
    private TableInfo WithColumns(TableInfo table, List<(StateColumn Column, string Name)> missing) => table with
    {
        Columns = [.. table.Columns, .. missing.Select(m => new ColumnInfo(m.Name, Dialect.TypeOf(m.Column), JobTable.KindOf(m.Column)))],
    };

    private async Task AddIndexesAsync(JobTable job, CancellationToken stopping)
    {
        foreach (var (name, index) in IndexesOf(job)) await AddIndexAsync(job, name, index, stopping);
    }

    /// <summary>The indexes that a job's table ought to have, first that of the open records.</summary>
    public static IEnumerable<(string Name, string Index)> IndexesOf(JobTable job) =>
    [
        (AdvisedIndexName(job), AdvisedIndex(job)),
        .. SequenceIndexes.Of(job),
        .. job.Job.Relaunching?.After is null ? [] : ((string, string)[])[(AdvisedIndexName(job, OfEnded), EndedIndex(job))],
        (FailedIndexName(job), FailedIndex(job)),
    ];

    // Looked up first: CREATE … IF NOT EXISTS locks the table against writers before it looks, at every start.
    private async Task AddIndexAsync(JobTable job, string name, string index, CancellationToken stopping)
    {
        if (await Dialect.HasIndexAsync(database, job.Table.Schema, name, stopping)) return;
        // A table of somebody's may be long and in use; one that Setup has just made is neither.
        var besideWriters = changes is SchemaChanges.All or SchemaChanges.Planned && Dialect.CreateIndexBesideWriters is not null;
        if (!besideWriters)
        {
            await ChangeAsync(index, stopping);
            return;
        }
        if (!job.Table.IsPartitioned)
        {
            await BuildBesideWritersAsync(job.Table.Schema, name, index, stopping);
            return;
        }
        // Only of tables that hold records one can be built beside writers. The index of the whole takes theirs over, and builds none anew.
        await DropLeftAsync(job.Table.Schema, name, stopping);
        var whole = $"{Dialect.Quote(job.Table.Schema)}.{Dialect.Quote(job.Table.Name)}";
        foreach (var (schema, part) in await Dialect.ReadPartitionsAsync(database, job.Table, stopping))
        {
            var own = $"pampa_part_{Hash($"{name}\n{schema}\n{part}", 16)}";
            if (await Dialect.HasIndexAsync(database, schema, own, stopping)) continue;
            var on = $"{Dialect.Quote(own)} ON {Dialect.Quote(schema)}.{Dialect.Quote(part)}";
            await BuildBesideWritersAsync(schema, own, index.Replace($"{Dialect.Quote(name)} ON {whole}", on, StringComparison.Ordinal), stopping);
        }
        await ChangeAsync(index, stopping);
    }

    private async Task BuildBesideWritersAsync(string schema, string name, string index, CancellationToken stopping)
    {
        await DropLeftAsync(schema, name, stopping);
        await ChangeAsync(index.Replace("CREATE INDEX", Dialect.CreateIndexBesideWriters, StringComparison.Ordinal), stopping, inTransaction: false);
    }

    // What a build that was cut short has left is no index, and stands in the way of one.
    private async Task DropLeftAsync(string schema, string name, CancellationToken stopping)
    {
        if (await Dialect.HasInvalidIndexAsync(database, schema, name, stopping))
            await ChangeAsync($"DROP INDEX IF EXISTS {Dialect.Quote(schema)}.{Dialect.Quote(name)}", stopping);
    }

    private static string Hash(string text, int digits) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..digits];

    /// <summary>
    /// The index that keeps RESERVE quick however many records have ended: the order, for open records only.
    /// Reservation columns are in no index, so that reserving need not touch one.
    /// </summary>
    public static string AdvisedIndex(JobTable job) =>
        Index(job, AdvisedIndexName(job), job.Sql.IndexOrder, $"{EndOf(job)} IS NULL", job.Job.HasOwnOrder ? "" : job.Dialect.SpreadIndex(job.Key[0]));

    /// <summary>
    /// The index that finds the ended records whose time to run again has come, however many have time.
    /// </summary>
    public static string EndedIndex(JobTable job) => Index(job, AdvisedIndexName(job, OfEnded), EndOf(job), $"{EndOf(job)} IS NOT NULL");

    /// <summary>The index that brings all that has ended in the order of its end. Nobody but who looks at it needs it, so none is made unasked.</summary>
    public static string LatestIndex(JobTable job) => Index(job, AdvisedIndexName(job, OfEnded), job.Sql.FailedIndexColumns, $"{EndOf(job)} IS NOT NULL");

    /// <summary>
    /// The index that finds the failed ones among the records, however many have completed, and the latest of them first. What
    /// completes is not in it.
    /// </summary>
    public static string FailedIndex(JobTable job) => Index(job, FailedIndexName(job), job.Sql.FailedIndexColumns, job.Sql.FailedIndexCondition);

    // A job whose sequences stop after a failure has another one of the plain name.
    public static string FailedIndexName(JobTable job) => AdvisedIndexName(job, job.Job.Sequence is { GoesOnAfterFailure: false } ? OfFailures : OfFailed);

    /// <summary>A CREATE INDEX on the job's table, of some of its records.</summary>
    public static string Index(JobTable job, string name, string columns, string which, string spread = "")
    {
        var schema = job.Dialect is SqliteDialect ? $"{Dialect.Quote(job.Table.Schema)}." : "";
        var table = job.Dialect is SqliteDialect
            ? Dialect.Quote(job.Table.Name)
            : $"{Dialect.Quote(job.Table.Schema)}.{Dialect.Quote(job.Table.Name)}";
        return $"CREATE INDEX IF NOT EXISTS {schema}{Dialect.Quote(name)} ON {table} ({columns}){spread} WHERE {which}";
    }

    private static string EndOf(JobTable job) => Dialect.Quote(job.State[(int)StateColumn.EndTime].Name);

    // Jobs whose names differ by a sign only, and jobs of one name on several tables, have indexes of their own.
    public static string AdvisedIndexName(JobTable job, string which = "")
    {
        string[] parts = [job.Table.Schema, job.Table.Name, job.Job.Name, job.State[(int)StateColumn.EndTime].Name];
        // Of a job whose order was changed, another one.
        var whole = string.Join('\n', job.Job is { PriorityColumn: null, DueColumn: null } || which.Length > 0 ? parts : [.. parts, job.Sql.IndexOrder]);
        var name = string.Concat(job.Job.Name.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '_'));
        return $"pampa_{(name.Length > 40 ? name[..40] : name)}_{Hash(whole, 8)}{which}";
    }

    private static List<(StateColumn Column, string Name)> Missing(JobDefinition job, TableInfo table)
    {
        var missing = JobTable.Names(job.Columns).Select((name, i) => ((StateColumn)i, name)).ToList();
        if (job.Columns.Generation is { } generation) missing.Add((StateColumn.Generation, generation));
        missing.RemoveAll(m => table.Find(m.name) is not null);
        return missing;
    }

    private string AddColumn(TableInfo table, string name, StateColumn column) =>
        $"ALTER TABLE {Dialect.Quote(table.Schema)}.{Dialect.Quote(table.Name)} ADD COLUMN {Dialect.Quote(name)} {Dialect.TypeOf(column)}";

    private async Task<bool> IsMadeBySetupAsync(TableInfo table, CancellationToken stopping) =>
        (await database.QueryAsync(new Statement("SELECT tables FROM pampa_setup WHERE tables <> ''"), reader => reader.GetString(0), stopping))
        .Any(tables => tables.Split('\n').Contains(table.Id, StringComparer.Ordinal));

    private Task<int> RunAsync(string text, CancellationToken stopping) =>
        database.UnitAsync(async unit =>
        {
            // Whoever waits for a table's lock makes everybody else wait behind itself.
            if (Dialect.LimitLocks is { } limit) await unit.ExecuteAsync(new Statement(limit));
            await RunAsync(unit, text);
            return 0;
        }, stopping, isLong: true);

    private async Task ChangeAsync(string text, CancellationToken stopping, bool inTransaction = true)
    {
        told?.Invoke(text);
        if (changes == SchemaChanges.Planned) return;
        try
        {
            if (inTransaction && Dialect.HasTransactionalDdl) await RunAsync(text, stopping);
            else await database.RunAloneAsync(new Statement(text) { MayRunTwice = true }, SetupDeadline, stopping);
        }
        catch (Exception e) when (Dialect.IsAlreadyThere(e))
        {
            // Another process was first, with the same statement.
        }
    }
}
