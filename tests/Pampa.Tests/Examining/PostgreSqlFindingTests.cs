using Npgsql;
using Pampa.Hosting;
using Pampa.Storage;
using Pampa.Storage.Examination;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Examining;

/// <summary>What only PostgreSQL has: a catalog, roles, vacuum and those who hold it back.</summary>
public sealed class PostgreSqlFindingTests : Examined
{
    private protected override Engine Engine => Engine.PostgreSql;

    private protected override TableProfile Profile => TableProfile.Numbers;

    private async Task<IReadOnlyList<Finding>> ImpatientAsync() => await new Examination(Db.Database, Tables, [], _ => InfoAsync(), TimeProvider.System)
    {
        Examiner = new PostgreSqlExaminer(Db.Database.Dialect) { LongTransaction = TimeSpan.Zero },
    }.RunAsync(Stopping);

    /// <summary>What somebody with fewer rights finds.</summary>
    private async Task<IReadOnlyList<Finding>> AsUserAsync(string grants)
    {
        var user = $"u{Guid.NewGuid():N}";
        await Db.ExecuteAsync($"CREATE ROLE {user} LOGIN; {grants.Replace("USER", user, StringComparison.Ordinal)}");
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(Db.Source.ConnectionString) { Username = user };
            var dialect = Db.Database.Dialect;
            await using var database = new Database(dialect.Open(settings.ConnectionString, "pampa-test", 2), dialect, TimeProvider.System, new Random(1));
            return await Examination(database, new TaskStore(database, (await JobAsync()).Table, Cluster, new Random(1))).RunAsync(Stopping);
        }
        finally
        {
            await Db.ExecuteAsync($"DROP OWNED BY {user} CASCADE; DROP ROLE {user}");
        }
    }

    private const string Everything =
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO USER; GRANT pg_read_all_stats TO USER";

    [Fact]
    public async Task The_settings_of_the_tests_own_server_are_told()
    {
        var findings = await FindAsync();
        foreach (var id in (string[])["fsync-off", "full-page-writes-off", "synchronous-commit-off", "autovacuum-off", "superuser"])
            Assert.Equal((FindingSeverity.Warning, "server"), (One(id, findings).Severity, One(id, findings).Where));
        // Loopback need not be encrypted.
        None("not-encrypted", findings);
        None("activity-hidden", findings);
    }

    [Fact]
    public void A_server_in_order_has_no_findings_and_each_fault_has_one()
    {
        const string Here = "Host=localhost";
        Assert.Empty(new PostgreSqlServer().Findings(Here));
        Assert.Equal(("server-version", FindingSeverity.Error), Only(new PostgreSqlServer { Version = 130_011, VersionText = "13.11" }));
        Assert.Equal(("server-standby", FindingSeverity.Error), Only(new PostgreSqlServer { IsStandby = true, IsReadOnly = true }));
        Assert.Equal(("server-read-only", FindingSeverity.Error), Only(new PostgreSqlServer { IsReadOnly = true }));
        Assert.Equal(("bypasses-row-security", FindingSeverity.Warning), Only(new PostgreSqlServer { BypassesRowSecurity = true }));

        static (string, FindingSeverity) Only(PostgreSqlServer server)
        {
            var finding = Assert.Single(server.Findings(Here));
            return (finding.Id, finding.Severity);
        }
    }

    [Theory]
    [InlineData(null, "localhost", SslMode.Disable, false)]
    [InlineData(null, "127.0.0.7", SslMode.Disable, false)]
    [InlineData(null, "::1", SslMode.Disable, false)]
    [InlineData(null, "/var/run/postgresql", SslMode.Disable, false)]
    [InlineData(null, "127.0.0.1:5432,localhost:5433", SslMode.Disable, false)]
    [InlineData("not-encrypted", "db.example.com", SslMode.Prefer, false)]
    [InlineData("not-encrypted", "localhost,10.0.0.7:5432", SslMode.Prefer, false)]
    [InlineData("not-verified", "db.example.com", SslMode.Require, true)]
    [InlineData(null, "db.example.com", SslMode.VerifyFull, true)]
    public void A_connection_that_others_can_listen_to_is_told(string? id, string host, SslMode mode, bool isEncrypted) =>
        Assert.Equal(id, PostgreSqlServer.OfConnection(host, mode, isEncrypted).SingleOrDefault()?.Id);

    [Fact]
    public async Task A_database_that_is_read_only_is_an_error()
    {
        var findings = await AsUserAsync($"{Everything}; ALTER ROLE USER SET default_transaction_read_only = on");
        Assert.Equal(FindingSeverity.Error, One("server-read-only", findings).Severity);
    }

    [Fact]
    public async Task Missing_rights_are_told_with_what_to_grant()
    {
        None("privilege-missing", await AsUserAsync(Everything));
        var findings = await AsUserAsync("GRANT SELECT ON ALL TABLES IN SCHEMA public TO USER; GRANT INSERT, UPDATE, DELETE ON pampa_lease, pampa_worker TO USER; GRANT UPDATE (odd_checking_end_time) ON numbers TO USER");
        var table = Assert.Single(findings, f => f is { Id: "privilege-missing", Where: "job job" });
        Assert.Equal(FindingSeverity.Error, table.Severity);
        Assert.Matches("^The user u\\w+ lacks the right to UPDATE the columns odd_checking_reservation_id, ", table.What);
        Assert.DoesNotContain("odd_checking_end_time", table.What, StringComparison.Ordinal);
        Assert.Contains("GRANT UPDATE (\"odd_checking_reservation_id\", ", table.Remedy, StringComparison.Ordinal);
        var load = Assert.Single(findings, f => f is { Id: "privilege-missing", Where: "table pampa_load" });
        Assert.EndsWith(" lacks the right to INSERT, UPDATE, DELETE.", load.What, StringComparison.Ordinal);
        Assert.Matches("^GRANT INSERT, UPDATE, DELETE ON \"public\".\"pampa_load\" TO u\\w+\\.$", load.Remedy);
        Assert.DoesNotContain(findings, f => f is { Id: "privilege-missing", Where: "table pampa_lease" });
        One("activity-hidden", findings);
        None("superuser", findings);
    }

    [Fact]
    public async Task Policies_that_hide_records_are_told()
    {
        await Db.ExecuteAsync("ALTER TABLE numbers ENABLE ROW LEVEL SECURITY");
        Assert.Equal("job job", One("row-security", await AsUserAsync(Everything)).Where);
        // For a superuser none holds.
        None("row-security", await FindAsync());
    }

    [Fact]
    public async Task A_catalog_that_may_not_be_read_hides_nothing_else()
    {
        var findings = await AsUserAsync($"{Everything}; REVOKE SELECT ON pg_replication_slots FROM PUBLIC");
        Assert.Contains("replication slots: 42501", One("not-looked-at", findings).What, StringComparison.Ordinal);
        One("fsync-off", findings);
    }

    [Fact]
    public async Task Transactions_that_hold_vacuum_back_are_told_with_whose_they_are()
    {
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(Db.Source.ConnectionString) { ApplicationName = "slow report", Pooling = false });
        await using (var connection = await source.OpenConnectionAsync(Stopping))
        {
            await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, Stopping);
            await using var look = new NpgsqlCommand("SELECT count(*) FROM numbers", connection, transaction);
            await look.ExecuteScalarAsync(Stopping);
            var finding = Assert.Single(await ImpatientAsync(), f => f.Id == "long-transaction" && f.What.Contains("slow report", StringComparison.Ordinal));
            Assert.StartsWith($"Session {connection.ProcessID} of 'slow report' (user postgres, idle in transaction)", finding.What, StringComparison.Ordinal);
            // Five minutes are not over.
            Assert.DoesNotContain(await FindAsync(), f => f.Id == "long-transaction" && f.What.Contains("slow report", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Prepared_transactions_and_slots_that_nobody_reads_are_told()
    {
        var name = $"s{Guid.NewGuid():N}";
        await using var connection = (NpgsqlConnection)await Db.Source.OpenConnectionAsync(Stopping);
        async Task RunAsync(string text)
        {
            await using var command = new NpgsqlCommand(text, connection);
            await command.ExecuteNonQueryAsync(Stopping);
        }
        await RunAsync($"BEGIN; UPDATE pampa_lease SET process = 'x'; PREPARE TRANSACTION '{name}'");
        await RunAsync($"SELECT pg_create_physical_replication_slot('{name}', true)");
        try
        {
            var findings = await ImpatientAsync();
            Assert.Contains($"ROLLBACK PREPARED '{name}'", One("prepared-transaction", findings).Remedy, StringComparison.Ordinal);
            Assert.Contains(findings, f => f.Id == "replication-slot" && f.What.Contains($"the physical replication slot '{name}'", StringComparison.Ordinal));
        }
        finally
        {
            await RunAsync($"ROLLBACK PREPARED '{name}'");
            await RunAsync($"SELECT pg_drop_replication_slot('{name}')");
        }
    }

    [Fact]
    public async Task How_a_table_is_kept_is_told()
    {
        await FillAsync(Examiner.ManyRecords);
        await Db.ExecuteAsync("ALTER TABLE numbers SET UNLOGGED; ALTER TABLE numbers SET (autovacuum_enabled = off)");
        await Db.ExecuteAsync("UPDATE numbers SET note = 'x'; ANALYZE numbers");
        IReadOnlyList<Finding> findings = [];
        // The server counts what a session has done a little later.
        for (var i = 0; i < 100 && !findings.Any(f => f.Id == "bloat"); i++)
        {
            await Db.ExecuteAsync("SELECT pg_stat_force_next_flush()");
            findings = await FindAsync();
        }
        Assert.Contains("it was vacuumed never", One("bloat", findings).What, StringComparison.Ordinal);
        One("table-unlogged", findings);
        Assert.Equal(2, findings.Count(f => f.Id == "autovacuum-off"));
        Assert.Equal(FindingSeverity.Info, One("fillfactor", findings).Severity);
        await Db.ExecuteAsync("ALTER TABLE numbers SET (fillfactor = 70)");
        None("fillfactor", await FindAsync());
    }

    [Fact]
    public async Task An_index_whose_building_was_cut_short_is_told()
    {
        var table = (await JobAsync()).Table;
        await Db.ExecuteAsync(Schema.AdvisedIndex(table));
        await Db.ExecuteAsync($"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{Schema.AdvisedIndexName(table)}'::regclass");
        Assert.Contains("migrate", (await OneAsync("index-invalid")).Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Old_statistics_from_which_only_the_statements_settings_save_are_told()
    {
        await FillAsync(Examiner.ManyRecords);
        await Db.ExecuteAsync($"UPDATE numbers SET {EndTime} = now()");
        await Db.ExecuteAsync("VACUUM FULL numbers");
        await Db.ExecuteAsync("ANALYZE numbers");
        var findings = await FindAsync();
        Assert.Equal(FindingSeverity.Info, One("plan-statistics", findings).Severity);
        None("plan-scan", findings);
    }

    [Fact]
    public async Task Times_that_are_kept_to_the_second_are_told()
    {
        await Db.ExecuteAsync("ALTER TABLE numbers ALTER COLUMN odd_checking_start_time TYPE timestamp(0)");
        Assert.Contains("'odd_checking_start_time' keeps times to the second", (await OneAsync("time-precision")).What, StringComparison.Ordinal);
    }

    [Fact]
    public void Follower_reads_of_CockroachDB_are_an_error()
    {
        Assert.Empty(CockroachDbExaminer.Findings(("off", "off")));
        Assert.Equal("follower-reads", Assert.Single(CockroachDbExaminer.Findings(("on", "off"))).Id);
        Assert.Equal("server-read-only", Assert.Single(CockroachDbExaminer.Findings(("off", "on"))).Id);
    }
}
