using System.Data.Common;
using Npgsql;

namespace Pampa.Storage;

/// <summary>What statements of the program's own return, and what they may not do.</summary>
internal partial class PostgreSqlDialect
{
    public override string ReadNamedPart(DbDataReader reader, int ordinal, ColumnInfo column) =>
        reader.GetValue(ordinal) is var value && value is string text ? text : Encode(value, column)!;

    public override string? Misuse(Exception error) => error switch
    {
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => TookTooLong,
        PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } => "must only read, and it writes or locks",
        _ => base.Misuse(error),
    };
}
