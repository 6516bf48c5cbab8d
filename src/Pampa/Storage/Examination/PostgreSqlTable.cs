using System.Globalization;

namespace Pampa.Storage.Examination;

/// <summary>How a table of PostgreSQL is kept.</summary>
internal sealed record PostgreSqlTable
{
    private const double MuchDead = 0.2;
    private const int FullPages = 90;

    public bool IsUnlogged { get; init; }

    public bool HasRowSecurity { get; init; }

    public int FillFactor { get; init; } = 100;

    public bool IsVacuumedBySelf { get; init; } = true;

    public long Live { get; init; }

    public long Dead { get; init; }

    public string? LastVacuum { get; init; }

    public long Bytes { get; init; }

    /// <summary>A statement about the table of a job: <c>@schema</c> and <c>@table</c>.</summary>
    public static Statement Named(JobTable job, string text) => new Statement(text).With("schema", job.Table.Schema).With("table", job.Table.Name);

    public static async Task<PostgreSqlTable> ReadAsync(Database.Unit unit, JobTable job) => (await unit.QueryAsync(
        Named(job, """
            SELECT c.relpersistence::text = 'u', row_security_active(c.oid),
              COALESCE((SELECT o.option_value::int FROM pg_options_to_table(c.reloptions) AS o WHERE o.option_name = 'fillfactor'), 100),
              COALESCE((SELECT o.option_value::bool FROM pg_options_to_table(c.reloptions) AS o WHERE o.option_name = 'autovacuum_enabled'), TRUE),
              COALESCE(s.n_live_tup, 0), COALESCE(s.n_dead_tup, 0), to_char(GREATEST(s.last_autovacuum, s.last_vacuum) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
              pg_relation_size(c.oid) + COALESCE((SELECT sum(pg_relation_size(p.relid)) FROM pg_partition_tree(c.oid) AS p WHERE p.isleaf), 0)::bigint
            FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            LEFT JOIN pg_catalog.pg_stat_user_tables AS s ON s.relid = c.oid
            WHERE n.nspname = @schema AND c.relname = @table
            """),
        row => new PostgreSqlTable
        {
            IsUnlogged = row.GetBoolean(0),
            HasRowSecurity = row.GetBoolean(1),
            FillFactor = row.GetInt32(2),
            IsVacuumedBySelf = row.GetBoolean(3),
            Live = row.GetInt64(4),
            Dead = row.GetInt64(5),
            LastVacuum = row.IsDBNull(6) ? null : row.GetString(6),
            Bytes = row.GetInt64(7),
        }))[0];

    public IEnumerable<Finding> Findings(JobTable job)
    {
        var where = $"job {job.Job.Name}";
        var table = $"{Dialect.Quote(job.Table.Schema)}.{Dialect.Quote(job.Table.Name)}";
        if (IsUnlogged)
            yield return Finding.Warning("table-unlogged", where, $"Table '{job.Table.Name}' is UNLOGGED: after a crash of the server it is empty.", $"ALTER TABLE {table} SET LOGGED, unless its records may be lost.");
        if (HasRowSecurity)
            yield return Finding.Warning("row-security", where, $"Policies of table '{job.Table.Name}' hide records from this user: those are never done, and are counted nowhere.", $"Give the user a policy for all records that are tasks, or have another user do them.");
        if (!IsVacuumedBySelf)
            yield return Finding.Warning("autovacuum-off", where, $"autovacuum is off for table '{job.Table.Name}': what updates leave behind is never taken away.", $"ALTER TABLE {table} RESET (autovacuum_enabled).");
        if (Dead >= Examiner.ManyRecords && Dead > MuchDead * (Live + Dead))
            yield return Finding.Warning("bloat", where,
                string.Create(CultureInfo.InvariantCulture, $"{Dead:N0} of {Live + Dead:N0} versions of records in table '{job.Table.Name}' are dead; it was vacuumed {(LastVacuum is null ? "never" : $"last at {LastVacuum} UTC")}."),
                $"VACUUM {table}, and ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02). If it takes nothing away, look for what holds it back among the findings of the server.");
        if (FillFactor > FullPages && Live >= Examiner.ManyRecords)
            yield return Finding.Info("fillfactor", where,
                $"The pages of table '{job.Table.Name}' are filled up to {FillFactor} %, so that the updates of a task go to other pages and to every index.",
                $"{new PostgreSqlDialect().LeaveRoom(job.Table)}; it holds for what is written from then on.");
    }
}
