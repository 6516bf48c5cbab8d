namespace Pampa.Storage.Examination;

/// <summary>What the user may do to tables of PostgreSQL, and what of it is missing.</summary>
internal static class PostgreSqlRights
{
    private static readonly string[] Changes = ["SELECT", "INSERT", "UPDATE", "DELETE"];

    public static async Task<IEnumerable<Finding>> OfControlTablesAsync(Database.Unit unit)
    {
        var missing = await unit.QueryAsync(
            new Statement("""
                SELECT c.relname::text, string_agg(p.name, ', ' ORDER BY p.at), n.nspname::text, quote_ident(current_user)
                FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                CROSS JOIN unnest(@rights) WITH ORDINALITY AS p (name, at)
                WHERE c.relkind = 'r' AND n.nspname = ANY (current_schemas(false)) AND c.relname = ANY (@tables) AND NOT has_table_privilege(c.oid, p.name)
                GROUP BY n.nspname, c.relname ORDER BY c.relname
                """).With("rights", Changes).With("tables", Schema.ControlTableNames),
            row => (Table: row.GetString(0), Rights: row.GetString(1), Schema: row.GetString(2), User: row.GetString(3)));
        return missing.Select(m => Finding.Error("privilege-missing", $"table {m.Table}", $"The user {m.User} lacks the right to {m.Rights}.",
            $"GRANT {m.Rights} ON {Dialect.Quote(m.Schema)}.{Dialect.Quote(m.Table)} TO {m.User}."));
    }

    public static async Task<IEnumerable<Finding>> OfTableAsync(Database.Unit unit, JobTable job)
    {
        var table = $"{Dialect.Quote(job.Table.Schema)}.{Dialect.Quote(job.Table.Name)}";
        var state = job.State.Select(c => c.Name).Concat(job.Generation is { } generation ? [generation.Name] : (string[])[]).ToArray();
        var missing = await unit.QueryAsync(
            PostgreSqlTable.Named(job, """
                SELECT 'SELECT', a.attname::text, quote_ident(current_user) FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = (SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = @schema AND c.relname = @table)
                  AND a.attname = ANY (@read) AND NOT has_column_privilege(a.attrelid, a.attnum, 'SELECT')
                UNION ALL SELECT 'UPDATE', a.attname::text, quote_ident(current_user) FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = (SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = @schema AND c.relname = @table)
                  AND a.attname = ANY (@written) AND NOT has_column_privilege(a.attrelid, a.attnum, 'UPDATE')
                """)
                .With("read", state.Concat(job.Key.Select(k => k.Name)).Concat(job.RecordColumns.Select(c => c.Name)).Distinct().ToArray()).With("written", state),
            row => (Right: row.GetString(0), Column: row.GetString(1), User: row.GetString(2)));
        return missing.GroupBy(m => (m.Right, m.User)).Select(g => Finding.Error("privilege-missing", $"job {job.Job.Name}",
            $"The user {g.Key.User} lacks the right to {g.Key.Right} the columns {string.Join(", ", g.Select(m => m.Column))} of table '{job.Table.Name}'.",
            $"GRANT {g.Key.Right} ({string.Join(", ", g.Select(m => Dialect.Quote(m.Column)))}) ON {table} TO {g.Key.User}. What handlers set needs UPDATE as well."));
    }
}
