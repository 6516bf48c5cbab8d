using System.Globalization;

namespace Pampa.Storage;

/// <summary>Which types of values a column may be compared with.</summary>
internal static class ColumnTypes
{
    /// <summary>Whether a value of a type can stand for one of the column's; where that is not known, it can.</summary>
    public static bool MayHold(ColumnKind kind, Type type) => type == typeof(string) || kind switch
    {
        ColumnKind.Integer => type == typeof(long) || type == typeof(int) || type == typeof(short) || type == typeof(decimal),
        ColumnKind.Time => type == typeof(DateTime) || type == typeof(DateTimeOffset) || type == typeof(DateOnly),
        ColumnKind.Boolean => type == typeof(bool),
        _ => true,
    };

    /// <summary>Whether a text can be read as a value of a column; where that is not known, it can.</summary>
    public static bool MayRead(ColumnInfo column, string text) => column switch
    {
        { Kind: ColumnKind.Integer } => long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out _),
        { Type: "uuid" } => Guid.TryParse(text, out _),
        _ => true,
    };
}
