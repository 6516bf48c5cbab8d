using System.Data.Common;
using System.Net.Sockets;
using System.Security.Cryptography;
using Npgsql;

namespace Pampa.Storage;

/// <summary>How connections are made, to which of several servers, and what is said where none can be had.</summary>
internal partial class PostgreSqlDialect
{
    private const int Buffer = 64 * 1024;
    private const int MaxPrepared = 100;
    private const int UsesBeforePrepared = 2;

    /// <summary>Reads the password anew, for each connection that is made; null: it does not change.</summary>
    public Func<string>? Password { get; init; }

    /// <summary>Which of several servers is wanted where the address does not say: the one that takes changes. Null: any.</summary>
    protected virtual string? Target => "read-write";

    public override DbDataSource Open(string connectionString, string applicationName, int maxConnections, bool keeps = false)
    {
        var given = Given(connectionString);
        var plain = WithRoom(Builder(connectionString, applicationName, maxConnections), given);
        // Who has decided about it in the address knows better.
        if (given.ContainsKey("Max Auto Prepare")) return plain.Build();
        // The driver multiplexes over a pool only.
        var kept = keeps && KeepsOne && !given.ContainsKey("Multiplexing") ? Prepared($"{applicationName}/reserve", 1, pools: false) : null;
        return new PreparingDataSource(Prepared(applicationName, maxConnections, pools: true), plain.Build(), kept);

        NpgsqlDataSourceBuilder Prepared(string name, int connections, bool pools)
        {
            var prepared = WithRoom(Builder(connectionString, name, connections), given);
            prepared.ConnectionStringBuilder.MaxAutoPrepare = MaxPrepared;
            prepared.ConnectionStringBuilder.AutoPrepareMinUsages = UsesBeforePrepared;
            if (!pools) prepared.ConnectionStringBuilder.Pooling = false;
            return prepared;
        }
    }

    /// <summary>Whether new records wait for a statement: where nobody is told of them, they wait for the next look.</summary>
    protected virtual bool KeepsOne => true;

    // With the driver's 8 kB a statement of 500 rows goes out in parts, for each of which the server is woken up, to wait for the next one.
    private static NpgsqlDataSourceBuilder WithRoom(NpgsqlDataSourceBuilder builder, DbConnectionStringBuilder given)
    {
        if (!given.ContainsKey("Write Buffer Size")) builder.ConnectionStringBuilder.WriteBufferSize = Buffer;
        if (!given.ContainsKey("Read Buffer Size")) builder.ConnectionStringBuilder.ReadBufferSize = Buffer;
        return builder;
    }

    public override DbDataSource OpenPlain(string connectionString, string applicationName, int maxConnections)
    {
        var given = Given(connectionString);
        // Of the handlers' connections there may be many: the address may allow fewer.
        if (given.ContainsKey("Maximum Pool Size")) maxConnections = Math.Min(maxConnections, new NpgsqlConnectionStringBuilder(connectionString).MaxPoolSize);
        var builder = Builder(connectionString, applicationName, maxConnections);
        // What one handler has set on its connection, or locked with it, is not the next one's.
        if (!given.ContainsKey("No Reset On Close")) builder.ConnectionStringBuilder.NoResetOnClose = false;
        return builder.Build();
    }

    public override async Task<Dialect> OfServerAsync(string connectionString, CancellationToken stopping)
    {
        // Whatever the server is, it says so: a standby as well.
        var builder = Builder(connectionString, "pampa", 1, target: null);
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        builder.ConnectionStringBuilder.Pooling = false;
        await using var database = new Database(builder.Build(), this, TimeProvider.System, new Random());
        return await IsCockroachAsync(database, stopping) ? new CockroachDbDialect(clock) { Password = Password } : this;
    }

    private static async Task<bool> IsCockroachAsync(IReader database, CancellationToken stopping) =>
        (await database.QueryAsync(new Statement("SELECT version()"), row => row.GetString(0), stopping))[0].Contains("CockroachDB", StringComparison.Ordinal);

    public override async Task<string?> MisfitAsync(IReader database, bool writes, CancellationToken stopping)
    {
        // It could not be asked when the dialect was chosen; statements of the wrong one must not run.
        if (await IsCockroachAsync(database, stopping))
            return "The server is a CockroachDB, but it did not answer when it was asked what it is, so it was taken for a PostgreSQL. Start again, or let the address begin with cockroachdb://.";
        if (!writes) return null;
        var (isStandby, isReadOnly) = (await database.QueryAsync(
            new Statement("SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"), row => (row.GetBoolean(0), row.GetBoolean(1)), stopping))[0];
        return isStandby ? PostgreSqlTrouble.Standby : isReadOnly ? PostgreSqlTrouble.ReadOnly : null;
    }

    public override bool IsBusy(Exception error) => PostgreSqlTrouble.IsBusy(error);

    public override void Forget(DbDataSource source, Exception error)
    {
        if (error is not PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction }) return;
        if (source is PreparingDataSource preparing) preparing.Forget();
        else (source as NpgsqlDataSource)?.Clear();
    }

    public override (string Cause, string? Remedy) Trouble(Exception error) => PostgreSqlTrouble.Of(error);

    public override async Task<(string Cause, string? Remedy)> TroubleAsync(Exception error, string connectionString, CancellationToken stopping)
    {
        // Of the certificate that it has refused the driver says nothing.
        if (PostgreSqlTrouble.IsOfCertificate(error) && await PostgreSqlCertificate.FaultAsync(connectionString, stopping) is { } fault) return fault;
        return Trouble(error);
    }

    // An unreadable key or certificate comes as what it is; another one may be there the next time.
    private static bool IsOfTheWire(Exception error) =>
        error is NpgsqlException or IOException or SocketException or TimeoutException or UnauthorizedAccessException or CryptographicException;

    public override string ConnectionRemedy => "Check these values, and that the server runs and lets this user in.";

    public override string Describe(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        return $"{Name}, host {settings.Host ?? "localhost"}, port {settings.Port}, database {settings.Database ?? settings.Username ?? "(default)"}, user {settings.Username ?? Environment.UserName}";
    }

    private static DbConnectionStringBuilder Given(string connectionString) => new() { ConnectionString = connectionString };

    private NpgsqlDataSourceBuilder Builder(string connectionString, string applicationName, int maxConnections) =>
        Builder(connectionString, applicationName, maxConnections, Target);

    private NpgsqlDataSourceBuilder Builder(string connectionString, string applicationName, int maxConnections, string? target)
    {
        var builder = new NpgsqlDataSourceBuilder(connectionString);
        var settings = builder.ConnectionStringBuilder;
        var given = Given(connectionString);
        if (!given.ContainsKey("Application Name") && !IsInEnvironment("PGAPPNAME")) settings.ApplicationName = applicationName;
        settings.Timezone = "UTC";
        settings.MaxPoolSize = maxConnections;
        settings.MinPoolSize = 0;
        settings.NoResetOnClose = true;
        if (!given.ContainsKey("Timeout")) settings.Timeout = 10;
        settings.CommandTimeout = 30;
        settings.TcpKeepAlive = true;
        Choose(settings, given, target);
        if (Password is { } read && settings.Password is not null)
        {
            settings.Password = settings.Passfile = null;
            builder.UsePasswordProvider(_ => read(), (_, _) => ValueTask.FromResult(read()));
        }
        return builder;
    }

    // Which of several servers. The driver knows the choice only where there are several; whether a single one takes changes is looked at
    // when a program begins.
    private static void Choose(NpgsqlConnectionStringBuilder settings, DbConnectionStringBuilder given, string? target)
    {
        if (settings.Host?.Contains(',', StringComparison.Ordinal) != true) settings.TargetSessionAttributes = null;
        else if (target is null) settings.TargetSessionAttributes = "any";
        else if (settings.TargetSessionAttributes is null && !IsInEnvironment("PGTARGETSESSIONATTRS")) settings.TargetSessionAttributes = target;
        // Where a standby has become the primary, that is to be seen soon.
        if (!given.ContainsKey("Host Recheck Seconds")) settings.HostRecheckSeconds = 2;
    }

    private static bool IsInEnvironment(string variable) => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable));
}
