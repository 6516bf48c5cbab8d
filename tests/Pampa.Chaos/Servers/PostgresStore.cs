using System.Data.Common;
using Npgsql;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Servers;

/// <summary>
/// A database on a server. Two triggers watch the tasks: one before the change, which sees the leases just as
/// the statement's own conditions saw them, and one after it, which writes all of it down.
/// </summary>
internal sealed class PostgresStore(Shape shape, Place place) : Store(shape)
{
    private string Role => place.RoleName;

    /// <summary>The harness goes past the proxy; what it does is no part of the clients that are disturbed.</summary>
    public NpgsqlDataSource Direct { get; } = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(place.Owner.ConnectionString)
    {
        ApplicationName = "harness",
        Timezone = "UTC",
        Options = $"{place.Owner.Options} -c default_transaction_read_only=off".TrimStart(),
        Timeout = 5,
        MaxPoolSize = 20,
        KeepAlive = 5,
    });

    public override string Url(string application) => place.UrlOf(application, Shape.Profile);

    public override string OwnersUrl => Place.Url(place.Owner, Place.SchemeOf(Shape.Profile));

    public override async Task<DbConnection> OpenAsync(CancellationToken stopping) => await Direct.OpenConnectionAsync(stopping);

    public override string NowPlus(double seconds) => Invariant($"now() + {seconds} * interval '1 second'");

    public override string IsFarOff(string column) => "FALSE";

    public override async Task CreateAsync(CancellationToken stopping)
    {
        var isPortable = Shape.Profile == Profile.Portable;
        foreach (var statement in (string[])
        [
            $"CREATE ROLE {Role} LOGIN{(place.Role.Password is { } password ? $" PASSWORD '{password}'" : "")}",
            .. isPortable ? ["CREATE SCHEMA \"My Schema\"", $"GRANT USAGE ON SCHEMA \"My Schema\" TO {Role}"] : new[] { $"GRANT CREATE ON SCHEMA public TO {Role}" },
            .. Shape.All.SelectMany(s => new[]
            {
                $"CREATE TABLE {s.Table} ({TaskColumns("timestamptz")}) WITH (fillfactor = 50)",
                $"CREATE INDEX {s.Job}_open ON {s.Table} ({s.PrimaryKey}) WHERE {s.Et} IS NULL",
                isPortable ? $"GRANT SELECT, UPDATE ON {s.Table} TO {Role}" : $"ALTER TABLE {s.Table} OWNER TO {Role}",
            }),
            $"CREATE TABLE public.{KeptTable}",
            $"CREATE TABLE public.{Shape.HookTable}",
            $"GRANT INSERT ON public.hook_events TO {Role}",
            // No serial: that is no sequence on CockroachDB, and says little of the order.
            "CREATE SEQUENCE public.audit_seq",
            "CREATE SEQUENCE public.lease_audit_seq",
            $"CREATE TABLE public.audit (seq bigint PRIMARY KEY DEFAULT nextval('public.audit_seq'), {AuditColumns("timestamptz")})",
            $"CREATE TABLE public.lease_audit (seq bigint PRIMARY KEY DEFAULT nextval('public.lease_audit_seq'), {LeaseColumns("timestamptz")})",
            $"CREATE TABLE {Effects} (id bigint NOT NULL, life bigint NOT NULL, attempt bigint NOT NULL, worker text NOT NULL)",
            $"GRANT INSERT ON {Effects} TO {Role}",
            $"CREATE TABLE {Shape.Journal} ({Shape.JournalColumns})",
            $"GRANT INSERT ON {Shape.Journal} TO {Role}",
        ]) await ExecuteAsync(statement, stopping);
    }

    private string Effects => Shape.Profile == Profile.Portable ? "\"My Schema\".effects" : "effects";

    public override async Task WatchControlTablesAsync(CancellationToken stopping)
    {
        if (Shape.Profile == Profile.Portable)
        {
            var tables = await QueryAsync("SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname LIKE 'pampa\\_%'", r => r.GetString(0), stopping);
            foreach (var table in tables) await ExecuteAsync($"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {Role}", stopping);
        }
        foreach (var statement in Triggers()) await ExecuteAsync(statement, stopping);
        foreach (var (table, kind, name, holder, term) in SqliteStore.Watched)
        {
            await ExecuteAsync($"""
                CREATE FUNCTION public.chaos_{kind}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
                  INSERT INTO public.lease_audit ({LeaseNames}) VALUES (clock_timestamp(), now(), '{kind}', NEW.{name},
                    CASE WHEN TG_OP = 'UPDATE' THEN OLD.{holder} END, CASE WHEN TG_OP = 'UPDATE' THEN OLD.{term} END, CASE WHEN TG_OP = 'UPDATE' THEN OLD.expires_at END,
                    NEW.{holder}, NEW.{term}, NEW.expires_at);
                  RETURN NULL;
                END $$
                """, stopping);
            await ExecuteAsync($"CREATE TRIGGER chaos AFTER INSERT OR UPDATE ON public.{table} FOR EACH ROW EXECUTE FUNCTION public.chaos_{kind}()", stopping);
        }
    }

    // STABLE: it sees what the statement sees. A column that is renamed under load must not stop the audit, hence the JSON.
    private string[] Triggers() =>
    [
        """
        CREATE FUNCTION public.chaos_witness(worker text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS $$
          SELECT jsonb_build_object(
            'worker', (SELECT jsonb_build_object('process', process, 'session', session, 'live', (expires_at > now())::int, 'state', state)
              FROM public.pampa_worker WHERE cluster = 'pampa' AND worker_id = worker),
            'lease', (SELECT jsonb_build_object('process', process, 'term', term, 'live', (expires_at > now())::int)
              FROM public.pampa_lease WHERE cluster = 'pampa' AND scope = 'cluster'))::text
        $$
        """,
        $"""
        CREATE FUNCTION public.chaos_before() RETURNS trigger LANGUAGE plpgsql STABLE AS $$ BEGIN
          NEW.witness := public.chaos_witness(COALESCE(OLD.{Shape.Rid}, NEW.{Shape.Rid}));
          IF COALESCE(NEW.{Shape.N}, 0) < COALESCE(OLD.{Shape.N}, 0) THEN NEW.life := OLD.life + 1; END IF;
          RETURN NEW;
        END $$
        """,
        $"""
        CREATE FUNCTION public.chaos_after() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
          INSERT INTO public.audit ({AuditNames}) VALUES (clock_timestamp(), now(), current_setting('application_name'), OLD.id, OLD.life,
            {StateOf("OLD")}, {ResultOf("OLD")}, OLD.total, {StateOf("NEW")}, {ResultOf("NEW")}, NEW.total, NEW.witness);
          RETURN NULL;
        END $$
        """,
        .. Shape.All.SelectMany(s => new[]
        {
            $"CREATE TRIGGER a_chaos BEFORE UPDATE ON {s.Table} FOR EACH ROW WHEN ({HasMoved("IS DISTINCT FROM")}) EXECUTE FUNCTION public.chaos_before()",
            $"CREATE TRIGGER z_chaos AFTER UPDATE ON {s.Table} FOR EACH ROW WHEN ({HasMoved("IS DISTINCT FROM")}) EXECUTE FUNCTION public.chaos_after()",
        }),
    ];

    private static string ResultOf(string alias) =>
        $"COALESCE(to_jsonb({alias})->>'result', to_jsonb({alias})->>'moved', (SELECT k.result FROM public.kept AS k WHERE k.id = {alias}.id))";

    public override IReadOnlyList<string> DropResult => [.. LockTable, KeepResults, $"ALTER TABLE {Shape.Table} DROP COLUMN result"];

    public override IReadOnlyList<string> RestoreResult =>
        [.. LockTable, AddResult, $"UPDATE {Shape.Table} AS t SET result = k.result FROM kept AS k WHERE k.id = t.id", "DELETE FROM kept"];

    private string[] LockTable => ["SET LOCAL lock_timeout = '3s'", $"LOCK TABLE {Shape.Table} IN ACCESS EXCLUSIVE MODE"];

    public override async ValueTask DisposeAsync() => await Direct.DisposeAsync();
}
