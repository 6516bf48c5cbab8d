namespace Pampa.Storage.Examination;

/// <summary>
/// What holds vacuum back: as long as somebody might still see a dead version of a record, it stays, and every look at the table passes
/// it by.
/// </summary>
internal static class PostgreSqlActivity
{
    private const int Named = 5;

    public static async Task<IEnumerable<Finding>> SessionsAsync(Database.Unit unit, TimeSpan longest)
    {
        var sessions = await unit.QueryAsync(
            new Statement("""
                SELECT a.pid, COALESCE(a.application_name, ''), COALESCE(a.usename::text, ''), COALESCE(a.state, ''), EXTRACT(EPOCH FROM (clock_timestamp() - a.xact_start))::float8
                FROM pg_catalog.pg_stat_activity AS a
                WHERE a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
                  AND a.backend_type <> 'autovacuum worker' AND a.xact_start <= clock_timestamp() - @age * interval '1 second'
                ORDER BY a.xact_start LIMIT @want
                """).With("age", longest.TotalSeconds).With("want", Named),
            row => Finding.Warning("long-transaction", "server",
                $"Session {row.GetInt32(0)} of '{row.GetString(1)}' (user {row.GetString(2)}, {row.GetString(3)}) has a transaction open for {Examiner.AgeOf(row.GetDouble(4))}: vacuum takes nothing away that is younger.",
                $"End it: SELECT pg_terminate_backend({row.GetInt32(0)}), and mind idle_in_transaction_session_timeout."));
        var seesAll = await unit.QueryAsync(
            new Statement("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'MEMBER') OR (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user), quote_ident(current_user)"),
            row => (All: row.GetBoolean(0), User: row.GetString(1)));
        return seesAll[0].All ? sessions : [.. sessions, Finding.Info("activity-hidden", "server",
            "Transactions of other users cannot be looked at: the user lacks the role pg_read_all_stats.", $"GRANT pg_read_all_stats TO {seesAll[0].User}, or look with another user.")];
    }

    public static async Task<IEnumerable<Finding>> PreparedAsync(Database.Unit unit, TimeSpan longest) => await unit.QueryAsync(
        new Statement("""
            SELECT p.gid, p.owner::text, EXTRACT(EPOCH FROM (clock_timestamp() - p.prepared))::float8 FROM pg_catalog.pg_prepared_xacts AS p
            WHERE p.database = current_database() AND p.prepared <= clock_timestamp() - @age * interval '1 second' ORDER BY p.prepared LIMIT @want
            """).With("age", longest.TotalSeconds).With("want", Named),
        row => Finding.Warning("prepared-transaction", "server",
            $"The transaction '{row.GetString(0)}' of {row.GetString(1)} is prepared for {Examiner.AgeOf(row.GetDouble(2))} and not ended: it keeps its locks, and vacuum takes nothing away that is younger.",
            $"COMMIT PREPARED or ROLLBACK PREPARED '{row.GetString(0).Replace("'", "''", StringComparison.Ordinal)}'."));

    public static async Task<IEnumerable<Finding>> SlotsAsync(Database.Unit unit) => await unit.QueryAsync(
        new Statement("""
            SELECT s.slot_name::text, s.slot_type, s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL FROM pg_catalog.pg_replication_slots AS s
            WHERE NOT s.active ORDER BY s.slot_name LIMIT @want
            """).With("want", Named),
        row => Finding.Warning("replication-slot", "server",
            $"Nobody reads the {row.GetString(1)} replication slot '{row.GetString(0)}': the server keeps its log for it{(row.GetBoolean(2) ? ", and dead records, too" : "")}.",
            $"Let its reader go on, or SELECT pg_drop_replication_slot('{row.GetString(0)}')."));
}
