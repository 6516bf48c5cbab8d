using System.Buffers.Binary;
using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
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

    /// <summary>
    /// Waits for those that have the same turn. The statement behind it sees what they have committed; one that waits within itself
    /// would still see what was before.
    /// </summary>
    protected virtual string TakeTurn(string turn) =>
        $", pg_advisory_xact_lock({BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(turn))).ToString(CultureInfo.InvariantCulture)})";
}
