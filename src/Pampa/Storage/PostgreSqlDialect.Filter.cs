using System.Globalization;

namespace Pampa.Storage;

/// <summary>What people ask for: the database itself reads a text as a value, and says where it is none.</summary>
internal partial class PostgreSqlDialect
{
    public override string Typed(string parameter, ColumnInfo column) => $"{parameter}::{column.Type}";

    public override string Compare(string expression, ColumnInfo column, string sign, string parameter) => $"{expression} {sign} {Typed(parameter, column)}";

    // No pattern: then nothing in what was typed means anything but itself.
    public override string Contains(string expression, string parameter) => $"strpos(lower({AsText(expression)}), lower({parameter}::text)) > 0";

    public override string StartsWith(string expression, string parameter) => $"left({AsText(expression)}, char_length({parameter}::text)) = {parameter}::text";

    public override string Shown(string expression, ColumnInfo column, int characters)
    {
        var most = characters.ToString(CultureInfo.InvariantCulture);
        return column.Type == "bytea" ? $"left('0x' || encode({expression}, 'hex'), {most})" : $"left({AsText(expression)}, {most})";
    }
}
