using Microsoft.Data.Sqlite;
using Pampa.Storage;
using Pampa.Storage.Examination;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Examining;

/// <summary>What only SQLite has: one file, and types that say little.</summary>
public sealed class SqliteFindingTests : Examined
{
    private protected override Engine Engine => Engine.Sqlite;

    private protected override TableProfile Profile => TableProfile.Numbers;

    private static async Task<IReadOnlyList<Finding>> OfFileAsync(string file, Action<SqliteConnection> opened)
    {
        var source = new SqliteDataSource($"Data Source={file};Pooling=false") { Opened = opened };
        await using var database = new Database(source, new SqliteDialect(), TimeProvider.System, new Random(1));
        var findings = new List<Finding>();
        foreach (var check in new SqliteExaminer().OfServer(database.Source.ConnectionString))
            findings.AddRange(await database.LookAsync(check.LookAsync, Stopping));
        return findings;
    }

    private string File => new SqliteConnectionStringBuilder(Db.Source.ConnectionString).DataSource;

    [Fact]
    public async Task Settings_that_may_lose_what_was_acknowledged_are_told()
    {
        // The tests' own databases are fast and not safe.
        Assert.Equal(FindingSeverity.Warning, (await OneAsync("synchronous-off")).Severity);
        Assert.Empty(await OfFileAsync(Path.Combine(Path.GetDirectoryName(File)!, "new.db"), _ => { }));
    }

    [Fact]
    public async Task A_file_that_is_not_in_WAL_is_told()
    {
        var findings = await OfFileAsync(Path.Combine(Path.GetDirectoryName(File)!, "old.db"), connection =>
        {
            using var mode = connection.CreateCommand();
            mode.CommandText = "PRAGMA journal_mode = DELETE";
            mode.ExecuteNonQuery();
        });
        Assert.Contains("The journal mode is delete", One("not-wal", findings).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reader_that_does_not_end_is_told_by_the_log_that_grows()
    {
        None("long-wal", await FindAsync());
        await using var reader = (SqliteConnection)await Db.Source.OpenConnectionAsync(Stopping);
        await using var transaction = reader.BeginTransaction(deferred: true);
        await using (var look = reader.CreateCommand())
        {
            look.CommandText = "SELECT count(*) FROM numbers";
            await look.ExecuteScalarAsync(Stopping);
        }
        await Db.ExecuteAsync("CREATE TABLE much (data blob)");
        await Db.ExecuteAsync("INSERT INTO much VALUES (zeroblob(70000000))");
        Assert.Equal(FindingSeverity.Warning, (await OneAsync("long-wal")).Severity);
    }

    [Fact]
    public async Task Records_without_a_key_and_times_as_text_are_told()
    {
        await Db.ExecuteAsync("CREATE TABLE loose (name text PRIMARY KEY, reservation_id text, reservation_time text, reservation_times int, start_time timestamp, end_time timestamp, success boolean, error_description text)");
        await Db.ExecuteAsync("INSERT INTO loose (name) VALUES (NULL), (NULL), ('a')");
        var builder = new PampaBuilder();
        builder.AddJob("loose", "loose", "name", job =>
        {
            job.Columns = new TaskColumns();
            job.Process(_ => { });
        });
        var errors = new List<string>();
        var table = await new Schema(Db.Database).ResolveAsync(builder.Build(errors).Single(), errors, Stopping);
        Assert.Empty(errors);
        var findings = await Examination(null, new TaskStore(Db.Database, table!, Cluster, new Random(1))).RunAsync(Stopping);
        Assert.Contains("2 records of table 'loose' have no key", One("key-null", findings).What, StringComparison.Ordinal);
        Assert.Contains("'reservation_time' is declared text", One("time-as-text", findings).What, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(null, "/srv/db/a.db")]
    [InlineData("nfs4", "/srv/share/a.db")]
    [InlineData(null, "/srv/share/local/a.db")]
    [InlineData(null, "/srv/shared/a.db")]
    [InlineData("fuse.sshfs", "/mnt/with space/a.db")]
    [InlineData("cifs", "/mnt/twice/a.db")]
    public void A_file_on_a_network_file_system_is_known_by_what_is_mounted(string? type, string path) =>
        Assert.Equal(type, NetworkFiles.TypeOf(path,
        [
            "/dev/sda1 / ext4 rw 0 0", "server:/x /srv/share nfs4 rw 0 0", "/dev/sdb1 /srv/share/local xfs rw 0 0", @"me@host: /mnt/with\040space fuse.sshfs rw 0 0",
            "/dev/sdc1 /mnt/twice ext4 rw 0 0", "//server/y /mnt/twice cifs rw 0 0", "broken",
        ]));
}
