using Npgsql;

namespace Pampa.Storage;

/// <summary>What ends by itself, so that nobody waits for somebody who is gone.</summary>
internal partial class PostgreSqlDialect
{
    // The server learns of a computer that has lost its power only after hours, and keeps its locks until then.
    public override string? UnitPreamble =>
        $"SELECT set_config('lock_timeout', '5s', true), set_config('statement_timeout', '30s', true), set_config('idle_in_transaction_session_timeout', '10s', true){Dates}";

    public override string? UnitByKey => ByKey.Length == 0 ? null : $"SELECT {ByKey.TrimStart(',', ' ')}";

    public override bool IsStatementTimeout(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.QueryCanceled };

    public override bool IsCutOff(Exception error) => error is PostgresException { SqlState: IdleInTransaction };

    private const string IdleInTransaction = "25P03";
}
