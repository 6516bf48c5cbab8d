using System.Net;
using Npgsql;

namespace Pampa.Storage.Examination;

/// <summary>A server of PostgreSQL, and the user as whom it is used.</summary>
internal sealed record PostgreSqlServer
{
    private const int Oldest = 140_000;

    public int Version { get; init; } = Oldest;

    public string VersionText { get; init; } = "";

    public bool IsStandby { get; init; }

    public bool IsReadOnly { get; init; }

    public string Fsync { get; init; } = "on";

    public string FullPageWrites { get; init; } = "on";

    public string SynchronousCommit { get; init; } = "on";

    public string Autovacuum { get; init; } = "on";

    public string User { get; init; } = "";

    public bool IsSuperuser { get; init; }

    public bool BypassesRowSecurity { get; init; }

    public bool IsEncrypted { get; init; }

    public static async Task<PostgreSqlServer> ReadAsync(Database.Unit unit) => (await unit.QueryAsync(
        new Statement("""
            SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',
              current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), current_setting('autovacuum'),
              current_user::text, r.rolsuper, r.rolbypassrls, COALESCE((SELECT s.ssl FROM pg_catalog.pg_stat_ssl AS s WHERE s.pid = pg_backend_pid()), FALSE)
            FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user
            """),
        row => new PostgreSqlServer
        {
            Version = row.GetInt32(0),
            VersionText = row.GetString(1),
            IsStandby = row.GetBoolean(2),
            IsReadOnly = row.GetBoolean(3),
            Fsync = row.GetString(4),
            FullPageWrites = row.GetString(5),
            SynchronousCommit = row.GetString(6),
            Autovacuum = row.GetString(7),
            User = row.GetString(8),
            IsSuperuser = row.GetBoolean(9),
            BypassesRowSecurity = row.GetBoolean(10),
            IsEncrypted = row.GetBoolean(11),
        }))[0];

    public IEnumerable<Finding> Findings(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        return [.. OfKeeping(), .. OfUser(), .. OfConnection(settings.Host ?? "localhost", settings.SslMode, IsEncrypted)];
    }

    private IEnumerable<Finding> OfKeeping()
    {
        if (Version < Oldest)
            yield return Finding.Error("server-version", "server", $"It is PostgreSQL {VersionText}; Pampa needs 14 or later.", "Upgrade the server.");
        if (IsStandby)
            yield return Finding.Error("server-standby", "server", "It is a standby, which takes no changes.", "Give the address of the primary, or add Target Session Attributes=primary to it.");
        else if (IsReadOnly)
            yield return Finding.Error("server-read-only", "server", "Transactions are read only by default for this user or database.", $"ALTER DATABASE … RESET default_transaction_read_only, or the same for the role {Dialect.Quote(User)}.");
        if (Fsync == "off")
            yield return Finding.Warning("fsync-off", "server", "fsync is off: a crash of its computer can lose or damage everything that it has acknowledged.", "Set fsync = on, unless the data may be lost.");
        if (FullPageWrites == "off")
            yield return Finding.Warning("full-page-writes-off", "server", "full_page_writes is off: a crash of its computer can damage pages for good.", "Set full_page_writes = on, unless the file system never tears a page.");
        if (SynchronousCommit == "off")
            yield return Finding.Warning("synchronous-commit-off", "server", "synchronous_commit is off: a crash of the server can undo completions that it has acknowledged, and those tasks run once more.", "Set synchronous_commit = on for this user or database.");
        if (Autovacuum == "off")
            yield return Finding.Warning("autovacuum-off", "server", "autovacuum is off: what updates leave behind is never taken away, and every look at a table gets slower.", "Set autovacuum = on.");
    }

    private IEnumerable<Finding> OfUser()
    {
        if (IsSuperuser)
            yield return Finding.Warning("superuser", "server", $"The user {Dialect.Quote(User)} is a superuser: whoever gets hold of the program may do anything to the server.", "Use a role that has only what the program needs; see the page Operation.");
        else if (BypassesRowSecurity)
            yield return Finding.Warning("bypasses-row-security", "server", $"The user {Dialect.Quote(User)} has BYPASSRLS: no policy of any table holds for it.", $"ALTER ROLE {Dialect.Quote(User)} NOBYPASSRLS.");
    }

    /// <summary>What there is to say of a connection to a host.</summary>
    public static IEnumerable<Finding> OfConnection(string hosts, SslMode mode, bool isEncrypted)
    {
        if (hosts.Split(',').All(IsHere)) yield break;
        if (!isEncrypted)
            yield return Finding.Warning("not-encrypted", "server", $"The connection to {hosts} is not encrypted: whoever listens on the way reads records and may change them.", "Add sslmode=verify-full to the address.");
        else if (mode < SslMode.VerifyFull)
            yield return Finding.Warning("not-verified", "server", $"The connection to {hosts} is encrypted, but sslmode {mode} does not check whose server it is.", "Add sslmode=verify-full to the address, and sslrootcert where the authority is your own.");
    }

    // A path is a socket of this computer.
    private static bool IsHere(string host)
    {
        host = host.Trim();
        if (host.Length == 0 || host.StartsWith('/') || host.StartsWith('@')) return true;
        // A port may follow; the colons of an address do not count.
        var name = host.StartsWith('[') ? host[1..].Split(']')[0] : host.Count(c => c == ':') == 1 ? host.Split(':')[0] : host;
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(name, out var address) && IPAddress.IsLoopback(address));
    }
}
