namespace Pampa.Storage.Examination;

/// <summary>CockroachDB: it keeps what it acknowledges by itself, has no vacuum, and tells its plans as text.</summary>
internal sealed class CockroachDbExaminer(Dialect dialect) : Examiner
{
    public override IEnumerable<Check> OfServer(string connectionString) =>
    [
        new("the session's settings", async unit => Findings((await unit.QueryAsync(
            new Statement("SELECT COALESCE(current_setting('default_transaction_use_follower_reads', true), 'off'), current_setting('default_transaction_read_only')"),
            row => (row.GetString(0), row.GetString(1))))[0])),
        new("the connection", _ => Task.FromResult(OfConnection(connectionString))),
    ];

    /// <summary>What there is to say of how a session reads.</summary>
    public static IEnumerable<Finding> Findings((string FollowerReads, string ReadOnly) settings)
    {
        if (settings.FollowerReads == "on")
            yield return Finding.Error("follower-reads", "server", "default_transaction_use_follower_reads is on: what only reads sees the database as it was seconds ago, and decides by it.", "Set it off for this user or database.");
        if (settings.ReadOnly == "on")
            yield return Finding.Error("server-read-only", "server", "Transactions are read only by default for this user or database.", "Set default_transaction_read_only = off for it.");
    }

    // It has no table that tells whether the connection is encrypted: the address has to.
    private static IEnumerable<Finding> OfConnection(string connectionString)
    {
        var settings = new Npgsql.NpgsqlConnectionStringBuilder(connectionString);
        return PostgreSqlServer.OfConnection(settings.Host ?? "localhost", settings.SslMode, isEncrypted: settings.SslMode >= Npgsql.SslMode.Require);
    }

    public override IEnumerable<Check> OfTable(JobTable job) => [];

    public override async Task<bool> HasIndexOfOpenAsync(Database.Unit unit, JobTable job) => (await TextsAsync(unit, PostgreSqlTable.Named(job,
        "SELECT i.indexdef FROM pg_catalog.pg_indexes AS i WHERE i.schemaname = @schema AND i.tablename = @table")))
        .Exists(definition => IndexText.IsOfOpen(definition, job.State[(int)StateColumn.EndTime].Name));

    public override async Task<PlanSummary> PlanAsync(Database.Unit unit, JobTable job, Statement pick)
    {
        if (dialect.Preamble(new Statement("") { IsByKey = true }) is { } settings) await unit.QueryAsync(new Statement(settings), _ => true);
        var lines = await TextsAsync(unit, Before("EXPLAIN", pick));
        bool Has(string part) => lines.Exists(line => line.Contains(part, StringComparison.OrdinalIgnoreCase));
        var scans = Has("FULL SCAN") || Has("Seq Scan on");
        return new PlanSummary(lines, scans, Has("• sort") || Has("Sort Key"), scans);
    }
}
