using System.Data.Common;
using Microsoft.Data.Sqlite;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Servers;

/// <summary>A SQLite file. Its triggers run in the process that writes, so its times are that process's.</summary>
internal sealed class SqliteStore(Shape shape, string folder) : Store(shape)
{
    private const string Now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
    private readonly string path = Path.Combine(folder, "chaos.db");

    public override string Url(string application) => $"sqlite:{path}";

    public override string OwnersUrl => $"sqlite:{path}";

    public override async Task<DbConnection> OpenAsync(CancellationToken stopping)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ConnectionString);
        await connection.OpenAsync(stopping);
        await ExecuteAsync(connection, "PRAGMA busy_timeout = 20000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", stopping);
        return connection;
    }

    public override string NowPlus(double seconds) => Invariant($"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '{seconds:0.000} seconds')");

    public override string IsFarOff(string column) => $"julianday({column}) > julianday('now', '10 minutes')";

    public override async Task CreateAsync(CancellationToken stopping)
    {
        foreach (var statement in (string[])
        [
            .. Shape.All.SelectMany(s => new[]
            {
                $"CREATE TABLE {s.Table} ({TaskColumns("text")})",
                $"CREATE INDEX {s.Job}_open ON {s.Table} ({s.PrimaryKey}) WHERE {s.Et} IS NULL",
            }),
            $"CREATE TABLE {KeptTable}",
            $"CREATE TABLE {Shape.HookTable}",
            $"CREATE TABLE audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, {AuditColumns("text")})",
            $"CREATE TABLE lease_audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, {LeaseColumns("text")})",
            "CREATE TABLE effects (id bigint NOT NULL, life bigint NOT NULL, attempt bigint NOT NULL, worker text NOT NULL)",
            $"CREATE TABLE {Shape.Journal} ({Shape.JournalColumns})",
        ]) await ExecuteAsync(statement, stopping);
    }

    // A trigger of SQLite needs the tables that it names.
    public override async Task WatchControlTablesAsync(CancellationToken stopping)
    {
        foreach (var table in Shape.All) await ExecuteAsync(Audit(table, alias => $"{alias}.result"), stopping);
        foreach (var (table, kind, name, holder, term) in Watched)
        {
            await ExecuteAsync($"""
                CREATE TRIGGER {table}_begins AFTER INSERT ON {table} BEGIN
                  INSERT INTO lease_audit ({LeaseNames}) VALUES ({Now}, {Now}, '{kind}', NEW.{name}, NULL, NULL, NULL, NEW.{holder}, NEW.{term}, NEW.expires_at);
                END
                """, stopping);
            await ExecuteAsync($"""
                CREATE TRIGGER {table}_goes_on AFTER UPDATE ON {table} BEGIN
                  INSERT INTO lease_audit ({LeaseNames}) VALUES
                    ({Now}, {Now}, '{kind}', NEW.{name}, OLD.{holder}, OLD.{term}, OLD.expires_at, NEW.{holder}, NEW.{term}, NEW.expires_at);
                END
                """, stopping);
        }
    }

    private string Audit(Shape table, Func<string, string> resultOf) => $"""
        CREATE TRIGGER {table.Job}_audit AFTER UPDATE ON {table.Table} WHEN {HasMoved("IS NOT")} BEGIN
          INSERT INTO audit ({AuditNames}) VALUES ({Now}, {Now}, '', OLD.id, OLD.life,
            {StateOf("OLD")}, {resultOf("OLD")}, OLD.total, {StateOf("NEW")}, {resultOf("NEW")}, NEW.total,
            json_object(
              'worker', (SELECT json_object('process', process, 'session', session, 'live', expires_at > {Now}, 'state', state)
                FROM pampa_worker WHERE cluster = 'pampa' AND worker_id = COALESCE(OLD.{Shape.Rid}, NEW.{Shape.Rid})),
              'lease', (SELECT json_object('process', process, 'term', term, 'live', expires_at > {Now})
                FROM pampa_lease WHERE cluster = 'pampa' AND scope = 'cluster')));
          UPDATE {table.Table} SET life = life + 1 WHERE id = NEW.id AND COALESCE(NEW.{Shape.N}, 0) < COALESCE(OLD.{Shape.N}, 0);
        END
        """;

    // A trigger that names the column would not let it go.
    public override IReadOnlyList<string> DropResult =>
    [
        KeepResults, $"DROP TRIGGER {Shape.Job}_audit", $"ALTER TABLE {Shape.Table} DROP COLUMN result",
        Audit(Shape, alias => $"(SELECT k.result FROM kept AS k WHERE k.id = {alias}.id)"),
    ];

    public override IReadOnlyList<string> RestoreResult =>
    [
        AddResult, $"UPDATE {Shape.Table} SET result = k.result FROM kept AS k WHERE k.id = {Shape.Table}.id", "DELETE FROM kept",
        $"DROP TRIGGER {Shape.Job}_audit", Audit(Shape, alias => $"{alias}.result"),
    ];

    internal static readonly (string Table, string Kind, string Name, string Holder, string Term)[] Watched =
        [("pampa_lease", "lease", "scope", "process", "term"), ("pampa_worker", "worker", "worker_id", "process", "session")];

    public override ValueTask DisposeAsync()
    {
        SqliteConnection.ClearAllPools();
        return default;
    }
}
