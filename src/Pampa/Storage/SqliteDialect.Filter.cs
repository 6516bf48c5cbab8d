using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Pampa.Storage;

/// <summary>
/// What people ask for. SQLite compares anything with anything, by the classes of the values before the values: what was typed must be of
/// the class that the column keeps.
/// </summary>
internal sealed partial class SqliteDialect
{
    public override bool IsStatementTimeout(Exception error) => error is SqliteException { SqliteErrorCode: SQLitePCL.raw.SQLITE_INTERRUPT };

    public override string Typed(string parameter, ColumnInfo column) => parameter;

    public override string Compare(string expression, ColumnInfo column, string sign, string parameter) => column.Kind == ColumnKind.Time
        ? $"strftime({Format}, {expression}) {sign} strftime({Format}, {parameter})"
        : $"{expression} {sign} {parameter}";

    public override string Contains(string expression, string parameter) => $"instr(lower(CAST({expression} AS TEXT)), lower({parameter})) > 0";

    public override string StartsWith(string expression, string parameter) =>
        $"substr(CAST({expression} AS TEXT), 1, length({parameter})) = {parameter}";

    public override string Shown(string expression, ColumnInfo column, int characters)
    {
        var most = characters.ToString(CultureInfo.InvariantCulture);
        return $"CASE typeof({expression}) WHEN 'blob' THEN '0x' || hex(substr({expression}, 1, {most})) ELSE substr(CAST({expression} AS TEXT), 1, {most}) END";
    }

    public override object ComparedValue(ColumnInfo column, string text) => column.Kind switch
    {
        ColumnKind.Text => text,
        ColumnKind.Time => TryMoment(text, out var moment) ? moment : text,
        ColumnKind.Boolean when bool.TryParse(text, out var flag) => flag ? 1L : 0L,
        _ when TryNumber(text) is { } number => number,
        ColumnKind.Other when text.StartsWith("0x", StringComparison.Ordinal) && text.Length % 2 == 0 && text.AsSpan(2).IndexOfAnyExcept(HexDigits) < 0 =>
            Convert.FromHexString(text.AsSpan(2)),
        _ => text,
    };

    public override string? Misfit(ColumnInfo column, string text) => column.Kind switch
    {
        ColumnKind.Time => TryMoment(text, out _) ? null : "it is no time; write it like 2026-12-24T18:00Z",
        ColumnKind.Boolean => bool.TryParse(text, out _) || TryNumber(text) is not null ? null : "it is neither true nor false",
        ColumnKind.Integer => TryNumber(text) is null ? "it is no number" : null,
        ColumnKind.Other when IsNumeric(column.Type) => TryNumber(text) is null ? "it is no number" : null,
        _ => null,
    };

    private static object? TryNumber(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) return whole;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
    }

    // A time of day or a date alone is one of UTC, as all that is written here.
    private static bool TryMoment(string text, out string moment)
    {
        var isTime = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at);
        moment = isTime ? at.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture) : "";
        return isTime;
    }

    private static bool IsNumeric(string type)
    {
        foreach (var name in (string[])["REAL", "FLOA", "DOUB", "NUM", "DEC"])
        {
            if (type.Contains(name, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }
}
