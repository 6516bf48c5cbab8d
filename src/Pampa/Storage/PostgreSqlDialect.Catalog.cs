using Pampa.Storage.Examination;

namespace Pampa.Storage;

/// <summary>What PostgreSQL's catalog tells.</summary>
internal partial class PostgreSqlDialect
{
    protected override string AllTables => """
        SELECT n.nspname::text || '.' || c.relname::text AS id, c.relname::text AS name
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')
        """;

    public override async Task<TableInfo?> ReadTableAsync(IReader database, TableName name, CancellationToken stopping)
    {
        var tables = await database.QueryAsync(
            new Statement("""
                SELECT n.nspname::text, c.relname::text, c.oid::bigint, c.relkind::text = 'p', c.relrowsecurity, c.relkind::text = 'r' AND NOT c.relhassubclass AND COALESCE(has_table_privilege(c.oid, 'SELECT'), FALSE)
                FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p') AND lower(c.relname::text) = lower(@name)
                  AND CASE WHEN @schema::text IS NULL THEN n.nspname = ANY (current_schemas(true)) ELSE lower(n.nspname::text) = lower(@schema) END
                ORDER BY array_position(current_schemas(true), n.nspname)
                """).With("name", name.Name).With("schema", name.Schema),
            reader => (Schema: reader.GetString(0), Name: reader.GetString(1), Id: reader.GetInt64(2), IsPartitioned: reader.GetBoolean(3),
                HasRowSecurity: reader.GetBoolean(4), HasPlaces: reader.GetBoolean(5)), stopping);
        var exact = tables.FindAll(t => t.Name == name.Name && (name.Schema is null || t.Schema == name.Schema));
        if (exact.Count == 0 && !name.IsQuoted) exact = tables;
        if (exact.Count == 0 || (exact != tables && name.Schema is not null && exact.Count > 1)) return null;
        var table = exact[0];
        var columns = await database.QueryAsync(
            new Statement("""
                SELECT a.attname::text, format_type(a.atttypid, -1), (CASE WHEN y.typtype = 'd' THEN y.typtypmod ELSE a.atttypmod END)::bigint, a.attnotnull, a.attgenerated::text <> '' OR a.attidentity::text = 'a',
                  COALESCE(b.typname, y.typname)::text
                FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
                LEFT JOIN pg_catalog.pg_type AS b ON b.oid = y.typbasetype AND y.typtype = 'd'
                WHERE a.attrelid = @id::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
                """).With("id", table.Id),
            row => Column(row.GetString(0), row.GetString(1), (int)row.GetInt64(2), !row.GetBoolean(3), row.GetBoolean(4), row.GetString(5)), stopping);
        var unique = await database.QueryAsync(
            new Statement("""
                SELECT i.indexrelid::bigint, a.attname::text FROM pg_catalog.pg_index AS i
                JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, n) ON k.n <= i.indnkeyatts
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                WHERE i.indrelid = @id::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
                """).With("id", table.Id),
            reader => (Index: reader.GetInt64(0), Column: reader.GetString(1)), stopping);
        columns.RemoveAll(c => IsHidden(c.Name));
        unique.RemoveAll(u => IsHidden(u.Column));
        return new TableInfo(table.Schema, table.Name, columns,
            [.. unique.GroupBy(u => u.Index).Select(g => (IReadOnlyList<string>)[.. g.Select(u => u.Column)])])
        { IsPartitioned = table.IsPartitioned, HasRowSecurity = table.HasRowSecurity, HasPlaces = table.HasPlaces };
    }

    public override async Task<string?> WhyNoTableAsync(IReader database, TableName name, CancellationToken stopping)
    {
        var found = await database.QueryAsync(
            new Statement("""
                SELECT n.nspname::text, c.relname::text, c.relkind::text, has_schema_privilege(n.oid, 'USAGE'), current_user::text
                FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND lower(c.relname::text) = lower(@name)
                  AND (@schema::text IS NULL OR lower(n.nspname::text) = lower(@schema)) AND n.nspname::text NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
                ORDER BY n.nspname <> ALL (current_schemas(true)), c.relkind IN ('r', 'p'), n.nspname, c.relname
                """).With("name", name.Name).With("schema", name.Schema),
            row => (Schema: row.GetString(0), Name: row.GetString(1), Kind: row.GetString(2), MayLook: row.GetBoolean(3), User: row.GetString(4)), stopping);
        return found.Select(f => f.Kind switch
        {
            "v" => View,
            "m" => "is a materialized view, whose records cannot be changed. Name the table under it, and put the view's condition into Where",
            "f" => "is a foreign table: what Pampa relies on, locks and the clock, is the other server's. Run the program on that server's database",
            _ when !f.MayLook => $"is in schema '{f.Schema}', which the user may not look into. GRANT USAGE ON SCHEMA {Quote(f.Schema)} TO {Quote(f.User)}",
            _ => $"is not found under this name. There is {Quote(f.Schema)}.{Quote(f.Name)}: write it like that",
        }).FirstOrDefault();
    }

    public override Task<List<(string Schema, string Name)>> ReadPartitionsAsync(IReader database, TableInfo table, CancellationToken stopping) =>
        !table.IsPartitioned ? base.ReadPartitionsAsync(database, table, stopping) : database.QueryAsync(
            new Statement("""
                SELECT n.nspname::text, c.relname::text
                FROM pg_catalog.pg_class AS r JOIN pg_catalog.pg_namespace AS m ON m.oid = r.relnamespace
                CROSS JOIN LATERAL pg_partition_tree(r.oid) AS t
                JOIN pg_catalog.pg_class AS c ON c.oid = t.relid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE m.nspname = @schema AND r.relname = @table AND c.relkind = 'r' ORDER BY n.nspname, c.relname
                """).With("schema", table.Schema).With("table", table.Name), row => (row.GetString(0), row.GetString(1)), stopping);

    public override RoleKind Roles => RoleKind.ByColumn;

    public override async Task<IReadOnlyList<string>> MissingRightsAsync(
        IReader database, IReadOnlyList<(string Table, string Right)> control, IReadOnlyList<JobTable> jobs, CancellationToken stopping)
    {
        var missing = (await PostgreSqlRights.OnControlTablesAsync(database, control, stopping)).ConvertAll(m => $"{m.What} {m.Remedy}");
        foreach (var job in jobs)
        {
            foreach (var m in await PostgreSqlRights.OnTableAsync(database, job, stopping)) missing.Add($"Job '{job.Job.Name}': {m.What} {m.Remedy}");
        }
        return missing;
    }

    /// <summary>Whether a column is the database's own.</summary>
    protected virtual bool IsHidden(string column) => false;

    public override Task<bool> HasIndexAsync(IReader database, string schema, string name, CancellationToken stopping) =>
        HasIndexAsync(database, schema, name, isValid: true, stopping);

    private static async Task<bool> HasIndexAsync(IReader database, string schema, string name, bool isValid, CancellationToken stopping) =>
        (await database.QueryAsync(
            new Statement($"""
                SELECT 1 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
                WHERE n.nspname = @schema AND c.relname = @name AND {(isValid ? "" : "NOT ")}i.indisvalid
                """).With("schema", schema).With("name", name), _ => true, stopping)).Count > 0;

    /// <summary>Of an index i: whether it has the empty values of its first column where an order of that column has them, from either end.</summary>
    protected virtual string HasUsualOrder => "i.indoption[0] IN (0, 3)";

    // One that is spread has another column first; those of other kinds find values, and bring them in no order.
    public override Task<List<string?>> ReadOrdersAsync(IReader database, TableInfo table, string column, CancellationToken stopping) =>
        database.QueryAsync(
            new Statement($"""
                SELECT pg_get_expr(i.indpred, i.indrelid) FROM pg_catalog.pg_index AS i
                JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
                JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, n) ON k.n = 1
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                WHERE i.indrelid = (SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = @schema AND c.relname = @table)
                  AND i.indisvalid AND a.attname = @column AND {HasUsualOrder} AND m.amname::text NOT IN ('hash', 'gist', 'gin', 'spgist', 'brin', 'inverted')
                """).With("schema", table.Schema).With("table", table.Name).With("column", column),
            row => row.IsDBNull(0) ? null : row.GetString(0), stopping);

    private static ColumnInfo Column(string name, string type, int modifier, bool nullable, bool generated, string catalogName)
    {
        var kind = catalogName switch
        {
            "text" or "varchar" or "bpchar" or "citext" => ColumnKind.Text,
            "int2" or "int4" or "int8" => ColumnKind.Integer,
            "bool" => ColumnKind.Boolean,
            "timestamp" or "timestamptz" => ColumnKind.Time,
            _ => ColumnKind.Other,
        };
        int? length = modifier < 0 ? null : catalogName switch
        {
            "varchar" or "bpchar" => modifier - 4,
            "timestamp" or "timestamptz" => modifier,
            _ => null,
        };
        var readable = kind != ColumnKind.Other || catalogName is "float4" or "float8" or "numeric" or "uuid" or "date" or "time"
            or "interval" or "bytea" or "json" or "jsonb" or "name" or "_int2" or "_int4" or "_int8" or "_text" or "_varchar"
            or "_bool" or "_float4" or "_float8" or "_uuid" or "_numeric";
        return new ColumnInfo(name, type, kind, length, nullable, generated, ReadsAsText: !readable);
    }

    public override Task<bool> HasInvalidIndexAsync(IReader database, string schema, string name, CancellationToken stopping) =>
        HasIndexAsync(database, schema, name, isValid: false, stopping);
}
