using System.Data.Common;
using System.Globalization;
using System.Numerics;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Pampa.Storage;

/// <summary>
/// How rows travel to PostgreSQL and back. One list for each column, and of the column's own type where that is one of the few plain ones: the
/// server must read text cell by cell, which is two fifths of what FINISH costs it, and write it for each row that it returns.
/// </summary>
internal partial class PostgreSqlDialect
{
    private const string Zoned = "timestamp with time zone";

    /// <summary>Whether values travel as what they are. Where that has not been tried on a server they go as text, which each can read.</summary>
    protected virtual bool TravelsTyped => true;

    /// <summary>A list that is one text, for the server to read as whatever it has to be: some cell is not of the plain form.</summary>
    private sealed record ListText(string Text);

    public override string Rows(RowSource source)
    {
        var cells = source.Columns.Select((column, i) => $"c{i}{Cast(column)} AS {column.Name}");
        var names = source.Columns.Select((_, i) => $"c{i}");
        return $"SELECT {string.Join(", ", cells)} FROM unnest({Lists(source)}) AS r({string.Join(", ", names)})";
    }

    public override string Lists(RowSource source) => string.Join(", ", source.Columns.Select((column, i) => $"@{source.Name}{i}::{Listed(column)}[]"));

    public override string ListCell(string alias, RowColumn column) => $"{alias}.{column.Name}{Cast(column)} AS {column.Name}";

    private string Cast(RowColumn column) => Listed(column) == Type(column) ? "" : $"::{Type(column)}";

    // To keep them would be to write them down a second time.
    public override string RowsStep(RowSource source) => $"_pampa_v AS NOT MATERIALIZED ({Rows(source)})";

    private static string Type(RowColumn column) => column.Kind switch
    {
        CellKind.Integer => "bigint",
        CellKind.Number => "double precision",
        CellKind.Time => column.Column?.Type ?? Zoned,
        CellKind.Value => column.Column!.Type,
        _ => "text",
    };

    private string Listed(RowColumn column) => Type(column) is var type && TravelsTyped && IsPlain(type) ? type : "text";

    private static bool IsPlain(string type) => type is "bigint" or "integer" or "smallint" or "boolean" or "uuid" or Zoned;

    public override void Bind(Statement statement, RowSource source, IReadOnlyList<string?[]> rows)
    {
        for (var c = 0; c < source.Columns.Count; c++) statement.With($"{source.Name}{c}", List(Listed(source.Columns[c]), rows, c));
    }

    private static object List(string type, IReadOnlyList<string?[]> rows, int column) => type switch
    {
        "bigint" => ListOf<long>(rows, column, TryWhole),
        "integer" => ListOf<int>(rows, column, TryWhole),
        "smallint" => ListOf<short>(rows, column, TryWhole),
        "boolean" => ListOf<bool>(rows, column, TryFlag),
        "uuid" => ListOf<Guid>(rows, column, TryId),
        Zoned => ListOf<DateTime>(rows, column, PostgreSqlMoment.TryParse),
        _ => TextsOf(rows, column),
    };

    private delegate bool TryParse<T>(string text, out T value);

    private static object ListOf<T>(IReadOnlyList<string?[]> rows, int column, TryParse<T> parse) where T : struct
    {
        var list = new T[rows.Count];
        for (var r = 0; r < list.Length; r++)
        {
            if (rows[r][column] is not { } cell) return WithNulls(rows, column, parse);
            if (!parse(cell, out list[r])) return new ListText(Literal(TextsOf(rows, column)));
        }
        return list;
    }

    private static object WithNulls<T>(IReadOnlyList<string?[]> rows, int column, TryParse<T> parse) where T : struct
    {
        var list = new T?[rows.Count];
        for (var r = 0; r < list.Length; r++)
        {
            if (rows[r][column] is not { } cell) continue;
            if (!parse(cell, out var value)) return new ListText(Literal(TextsOf(rows, column)));
            list[r] = value;
        }
        return list;
    }

    private static string?[] TextsOf(IReadOnlyList<string?[]> rows, int column)
    {
        var cells = new string?[rows.Count];
        for (var r = 0; r < cells.Length; r++) cells[r] = rows[r][column];
        return cells;
    }

    private static string Literal(string?[] cells)
    {
        var text = new StringBuilder("{");
        foreach (var cell in cells)
        {
            if (text.Length > 1) text.Append(',');
            if (cell is null) text.Append("NULL");
            else text.Append('"').Append(cell.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)).Append('"');
        }
        return text.Append('}').ToString();
    }

    private static bool TryWhole<T>(string text, out T number) where T : struct, IBinaryInteger<T> =>
        T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);

    private static bool TryFlag(string text, out bool flag) => (flag = text == "true") || text == "false";

    private static bool TryId(string text, out Guid id) => Guid.TryParseExact(text, "D", out id);

    public override void Fill(DbParameter parameter, object value)
    {
        parameter.Value = value is ListText list ? list.Text : value;
        if (parameter is not NpgsqlParameter own) return;
        // The driver would judge by the first of them, and there may be none.
        if (value is DateTime[] or DateTime?[]) own.NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz;
        else if (value is ListText) own.NpgsqlDbType = NpgsqlDbType.Unknown;
    }

    public override string KeyOutput(string expression, ColumnInfo column) => TravelsTyped && IsWhole(column) ? expression : AsText(expression);

    private static bool IsWhole(ColumnInfo column) => column.Type is "bigint" or "integer" or "smallint";

    // By what has come: the column may have got another type since the statement was made.
    public override string ReadKeyPart(DbDataReader reader, int ordinal, ColumnInfo column)
    {
        var type = reader.GetFieldType(ordinal);
        return type == typeof(string) ? reader.GetString(ordinal)
            : type == typeof(long) ? reader.GetInt64(ordinal).ToString(CultureInfo.InvariantCulture)
            : Convert.ToString(reader.GetValue(ordinal), CultureInfo.InvariantCulture)!;
    }

    public override string TimeOutput(string expression, ColumnInfo column) => IsMoment(column) ? expression : AsText(expression);

    public override string ReadTime(DbDataReader reader, int ordinal, ColumnInfo column) =>
        reader.GetFieldType(ordinal) == typeof(DateTime) ? PostgreSqlMoment.Text(reader.GetDateTime(ordinal)) : reader.GetString(ordinal);

    private bool IsMoment(ColumnInfo column) => TravelsTyped && column.Type == Zoned;
}
