using System.Text.Json;
using Pampa.Jobs;

namespace Pampa.Storage.Examination;

/// <summary>PostgreSQL: what each look finds stands in a class of its own, this one knows plans and locks.</summary>
internal sealed class PostgreSqlExaminer(Dialect dialect) : Examiner
{
    public override IEnumerable<Check> OfServer(string connectionString) =>
    [
        new("the server's settings", async unit => (await PostgreSqlServer.ReadAsync(unit)).Findings(connectionString)),
        new("other sessions", unit => PostgreSqlActivity.SessionsAsync(unit, LongTransaction)),
        new("prepared transactions", unit => PostgreSqlActivity.PreparedAsync(unit, LongTransaction)),
        new("replication slots", PostgreSqlActivity.SlotsAsync),
        new("rights on Pampa's own tables", PostgreSqlRights.OfControlTablesAsync),
    ];

    public override IEnumerable<Check> OfTable(JobTable job) =>
    [
        new("rights on the table", unit => PostgreSqlRights.OfTableAsync(unit, job)),
        new("the table's storage", async unit => (await PostgreSqlTable.ReadAsync(unit, job)).Findings(job)),
    ];

    public override async Task<bool> HasIndexOfOpenAsync(Database.Unit unit, JobTable job) => (await unit.QueryAsync(
        PostgreSqlTable.Named(job, """
            SELECT 1 FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = (SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = @schema AND c.relname = @table)
              AND i.indisvalid AND pg_get_expr(i.indpred, i.indrelid) = '(' || quote_ident(@end) || ' IS NULL)'
            """).With("end", job.State[(int)StateColumn.EndTime].Name), _ => true)).Count > 0;

    public override async Task<PlanSummary> PlanAsync(Database.Unit unit, JobTable job, Statement pick)
    {
        var wouldScan = Has(await NodesAsync(unit, pick), "Seq Scan", job.Table.Name);
        if (pick.IsByKey && dialect.Preamble(new Statement("") { IsByKey = true }) is { } settings) await unit.QueryAsync(new Statement(settings), _ => true);
        var nodes = await NodesAsync(unit, pick);
        return new PlanSummary(
            await TextsAsync(unit, Before("EXPLAIN", pick)), Has(nodes, "Seq Scan", job.Table.Name), nodes.Exists(n => n.Type.EndsWith("Sort", StringComparison.Ordinal)), wouldScan);
    }

    private static bool Has(List<(string Type, string? Table)> nodes, string type, string table) => nodes.Exists(n => n.Type == type && n.Table == table);

    private static async Task<List<(string Type, string? Table)>> NodesAsync(Database.Unit unit, Statement pick)
    {
        using var plan = JsonDocument.Parse((await TextsAsync(unit, Before("EXPLAIN (FORMAT JSON)", pick)))[0]);
        var nodes = new List<(string, string?)>();
        Collect(plan.RootElement[0].GetProperty("Plan"), nodes);
        return nodes;
    }

    private static void Collect(JsonElement node, List<(string Type, string? Table)> nodes)
    {
        nodes.Add((node.GetProperty("Node Type").GetString()!, node.TryGetProperty("Relation Name", out var table) ? table.GetString() : null));
        if (!node.TryGetProperty("Plans", out var plans)) return;
        foreach (var plan in plans.EnumerateArray()) Collect(plan, nodes);
    }

    public override bool SeesLocks => true;

    // The record itself names the transaction that has locked or changed it last. Several that share a lock have a number in common
    // instead, which no session has.
    public override async Task<string?> LockHolderAsync(Database.Unit unit, JobTable job, TaskKey key)
    {
        var statement = new Statement($"""
            SELECT COALESCE(a.pid::text, ''), COALESCE(a.application_name, ''), COALESCE(a.state, ''), COALESCE(EXTRACT(EPOCH FROM (clock_timestamp() - a.xact_start)), 0)::float8,
              COALESCE(p.gid, '')
            FROM ({job.Sql.OfKey("t.xmax AS x")}) AS r
            JOIN pg_catalog.pg_locks AS l ON l.locktype = 'transactionid' AND l.transactionid = r.x AND l.mode = 'ExclusiveLock' AND l.granted
            LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
            LEFT JOIN pg_catalog.pg_prepared_xacts AS p ON p.transaction = r.x
            """);
        dialect.Bind(statement, job.Sql.KeyRows, [[.. key.Parts()]]);
        return (await unit.QueryAsync(statement, row => row.GetString(4) is { Length: > 0 } gid
            ? $"the prepared transaction '{gid}'"
            : $"session {row.GetString(0)} of '{row.GetString(1)}' ({row.GetString(2)}), whose transaction is open for {AgeOf(row.GetDouble(3))}")).FirstOrDefault();
    }
}
