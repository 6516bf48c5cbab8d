namespace Pampa.Storage.Examination;

/// <summary>Something that the user may not do.</summary>
/// <param name="Table">The table.</param>
/// <param name="What">What, as a sentence.</param>
/// <param name="Remedy">What to grant.</param>
internal sealed record LackedRight(string Table, string What, string Remedy);

/// <summary>What the user may do to tables of PostgreSQL, and what of it is missing.</summary>
internal static class PostgreSqlRights
{
    public static async Task<IEnumerable<Finding>> OfControlTablesAsync(Database.Unit unit)
    {
        var needed = Rights.OfControlTables([RightsFor.Anything, RightsFor.Dispatching, RightsFor.Working], hasSetup: false);
        return (await OnControlTablesAsync(unit, needed, CancellationToken.None))
            .Select(m => Finding.Error("privilege-missing", $"table {m.Table}", m.What, m.Remedy));
    }

    public static async Task<IEnumerable<Finding>> OfTableAsync(Database.Unit unit, JobTable job) =>
        (await OnTableAsync(unit, job, CancellationToken.None)).Select(m => Finding.Error("privilege-missing", $"job {job.Job.Name}", m.What, m.Remedy));

    /// <summary>The rights on control tables that are missing; a table that is not there lacks none.</summary>
    public static async Task<List<LackedRight>> OnControlTablesAsync(
        IReader reader, IReadOnlyList<(string Table, string Right)> needed, CancellationToken stopping) =>
        await reader.QueryAsync(
            new Statement("""
                SELECT c.relname::text, string_agg(p.name, ', ' ORDER BY p.at), n.nspname::text, quote_ident(current_user)
                FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                JOIN unnest(@tables, @rights) WITH ORDINALITY AS p (tab, name, at) ON p.tab = c.relname
                WHERE c.relkind = 'r' AND n.nspname = ANY (current_schemas(false)) AND NOT has_table_privilege(c.oid, p.name)
                GROUP BY n.nspname, c.relname ORDER BY c.relname
                """).With("tables", needed.Select(n => n.Table).ToArray()).With("rights", needed.Select(n => n.Right).ToArray()),
            row => new LackedRight(row.GetString(0), $"The user {row.GetString(3)} lacks the right to {row.GetString(1)}.",
                $"GRANT {row.GetString(1)} ON {Dialect.Quote(row.GetString(2))}.{Dialect.Quote(row.GetString(0))} TO {row.GetString(3)}."), stopping);

    /// <summary>The rights on the columns of a job's table that are missing: to read all that it reads, to change its state.</summary>
    public static async Task<IEnumerable<LackedRight>> OnTableAsync(IReader reader, JobTable job, CancellationToken stopping)
    {
        var table = $"{Dialect.Quote(job.Table.Schema)}.{Dialect.Quote(job.Table.Name)}";
        var lacked = await reader.QueryAsync(
            new Statement("SELECT quote_ident(current_user) FROM pg_catalog.pg_namespace AS n WHERE n.nspname = @schema AND NOT has_schema_privilege(n.oid, 'USAGE')")
                .With("schema", job.Table.Schema),
            row => new LackedRight(job.Table.Name, $"The user {row.GetString(0)} lacks the right to use schema '{job.Table.Schema}'.",
                $"GRANT USAGE ON SCHEMA {Dialect.Quote(job.Table.Schema)} TO {row.GetString(0)}."), stopping);
        string[] state = [.. Rights.Written(job, byHandlers: false)];
        var missing = await reader.QueryAsync(
            PostgreSqlTable.Named(job, """
                SELECT p.name, a.attname::text, quote_ident(current_user)
                FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                CROSS JOIN (VALUES ('SELECT'), ('UPDATE')) AS p (name)
                WHERE n.nspname = @schema AND c.relname = @table AND a.attname = ANY (CASE p.name WHEN 'SELECT' THEN @read ELSE @written END)
                  AND NOT has_column_privilege(c.oid, a.attnum, p.name)
                ORDER BY p.name, array_position(@read, a.attname::text)
                """)
                .With("read", state.Concat(job.Key.Select(k => k.Name)).Concat(job.RecordColumns.Select(c => c.Name)).Distinct().ToArray()).With("written", state),
            row => (Right: row.GetString(0), Column: row.GetString(1), User: row.GetString(2)), stopping);
        return lacked.Concat(missing.GroupBy(m => (m.Right, m.User)).Select(g => new LackedRight(job.Table.Name,
            $"The user {g.Key.User} lacks the right to {g.Key.Right} the columns {string.Join(", ", g.Select(m => m.Column))} of table '{job.Table.Name}'.",
            $"GRANT {g.Key.Right} ({string.Join(", ", g.Select(m => Dialect.Quote(m.Column)))}) ON {table} TO {g.Key.User}. What handlers set needs UPDATE as well.")));
    }
}
