using System.Data.Common;
using Npgsql;

namespace Pampa.Storage;

/// <summary>LISTEN and NOTIFY of PostgreSQL.</summary>
internal sealed class PostgreSqlNotifications(PostgreSqlDialect dialect) : INotifications
{
    public DbDataSource Open(string connectionString, string applicationName)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false };
        return dialect.OpenPlain(settings.ConnectionString, applicationName, maxConnections: 1);
    }

    public string Channel(string topic) => $"'pampa_{topic}_' || md5(current_schema() || ' ' || @cluster)";

    public async Task ListenAsync(DbConnection connection, string channel, Action<string> heard, CancellationToken stopping)
    {
        var own = (NpgsqlConnection)connection;
        own.Notification += (_, message) =>
        {
            if (message.Channel == channel) heard(message.Payload);
        };
        await using var command = own.CreateCommand();
        command.CommandText = $"LISTEN {Dialect.Quote(channel)}";
        await command.ExecuteNonQueryAsync(stopping);
    }

    public Task WaitAsync(DbConnection connection, CancellationToken stopping) => ((NpgsqlConnection)connection).WaitAsync(stopping);

    public bool IsFull(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.ProgramLimitExceeded };

    public string TriggerFunction =>
        "CREATE FUNCTION pampa_wake() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_catalog.pg_notify(TG_ARGV[0], TG_ARGV[1]); RETURN NULL; END'";

    public async Task<bool> HasTriggerFunctionAsync(IReader database, CancellationToken stopping) =>
        (await database.QueryAsync(new Statement("SELECT to_regprocedure('pampa_wake()') IS NOT NULL"), row => row.GetBoolean(0), stopping)).Contains(true);

    public string Trigger(TableInfo table, string name, string channel, string message) => $"""
        CREATE TRIGGER {Dialect.Quote(name)} AFTER INSERT ON {Dialect.Quote(table.Schema)}.{Dialect.Quote(table.Name)}
          FOR EACH STATEMENT EXECUTE FUNCTION pampa_wake('{channel}', '{message}')
        """;

    public async Task<bool> HasTriggerAsync(IReader database, TableInfo table, string name, CancellationToken stopping) =>
        (await database.QueryAsync(
            new Statement("""
                SELECT 1 FROM pg_catalog.pg_trigger AS g
                JOIN pg_catalog.pg_class AS c ON c.oid = g.tgrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE n.nspname = @schema AND c.relname = @table AND g.tgname = @name
                """).With("schema", table.Schema).With("table", table.Name).With("name", name), _ => true, stopping)).Count > 0;
}
