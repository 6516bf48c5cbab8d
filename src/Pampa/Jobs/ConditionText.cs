using System.Text;

namespace Pampa.Jobs;

/// <summary>Conditions on columns as people write them: <c>amount &gt;= 10</c>.</summary>
internal static class ConditionText
{
    private const string Form = "A condition is a column, an operator and a value, for example \"amount >= 10\"; operators are =, <>, <, <=, >, >=, contains, starts with, is null and is not null";

    // Longer ones first: one is the beginning of another.
    private static readonly (string Text, ColumnOperator Operator)[] Signs =
    [
        ("<=", ColumnOperator.LessOrEqual), (">=", ColumnOperator.GreaterOrEqual), ("<>", ColumnOperator.NotEqual), ("!=", ColumnOperator.NotEqual),
        ("=", ColumnOperator.Equal), ("<", ColumnOperator.Less), (">", ColumnOperator.Greater),
    ];

    private static readonly (string[] Words, ColumnOperator Operator)[] Phrases =
    [
        (["is", "not", "null"], ColumnOperator.IsNotNull), (["is", "null"], ColumnOperator.IsNull), (["contains"], ColumnOperator.Contains),
        (["starts", "with"], ColumnOperator.StartsWith),
    ];

    public static ColumnCondition Read(string text)
    {
        var rest = text.AsSpan().Trim();
        var column = TakeColumn(ref rest, text);
        foreach (var (sign, what) in Signs)
        {
            if (rest.StartsWith(sign, StringComparison.Ordinal)) return new ColumnCondition(column, what, Value(rest[sign.Length..], text));
        }
        foreach (var (words, what) in Phrases)
        {
            if (!TryTake(rest, words, out var left)) continue;
            if (TakesValue(what)) return new ColumnCondition(column, what, Value(left, text));
            return left.IsEmpty ? new ColumnCondition(column, what) : throw Wrong(text, $"nothing follows 'is {(what == ColumnOperator.IsNull ? "null" : "not null")}'");
        }
        throw Wrong(text, rest.IsEmpty ? "its operator is missing" : "its operator is none of these");
    }

    public static string Write(ColumnCondition condition)
    {
        var column = IsPlain(condition.Column, '_') && !char.IsAsciiDigit(condition.Column[0]) ? condition.Column
            : $"\"{condition.Column.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
        var what = Signs.FirstOrDefault(s => s.Operator == condition.Operator).Text
            ?? string.Join(' ', Phrases.Single(p => p.Operator == condition.Operator).Words);
        if (!TakesValue(condition.Operator)) return $"{column} {what}";
        var value = condition.Value ?? "";
        var isPlain = IsPlain(value, '_', '.', ':', '-', '+') && !IsNull(value);
        return $"{column} {what} {(isPlain ? value : $"'{value.Replace("'", "''", StringComparison.Ordinal)}'")}";
    }

    /// <summary>Whether it needs something to compare with.</summary>
    public static bool TakesValue(ColumnOperator what) => what is not (ColumnOperator.IsNull or ColumnOperator.IsNotNull);

    private static string TakeColumn(ref ReadOnlySpan<char> rest, string text)
    {
        if (rest.StartsWith("\""))
        {
            var quoted = TakeQuoted(ref rest) ?? throw Wrong(text, "the quotation mark of its column has no end");
            rest = rest.TrimStart();
            return quoted.Length > 0 ? quoted : throw Wrong(text, "its column is empty");
        }
        var end = 0;
        while (end < rest.Length && !char.IsWhiteSpace(rest[end]) && !"=<>!".Contains(rest[end], StringComparison.Ordinal)) end++;
        if (end == 0) throw Wrong(text, "its column is missing");
        var column = rest[..end].ToString();
        rest = rest[end..].TrimStart();
        return column;
    }

    private static string Value(ReadOnlySpan<char> rest, string text)
    {
        rest = rest.Trim();
        if (rest.IsEmpty) throw Wrong(text, "its value is missing; an empty text is ''");
        if (rest[0] is '\'' or '"')
        {
            var quoted = TakeQuoted(ref rest) ?? throw Wrong(text, "the quotation mark of its value has no end");
            return rest.IsEmpty ? quoted : throw Wrong(text, "something follows the quotation mark of its value");
        }
        if (IsNull(rest)) throw Wrong(text, "nothing is equal to NULL: write 'is null' or 'is not null', or 'null' in quotes for the word");
        return rest.ToString();
    }

    // What is left of the text begins behind its end. A mark within stands twice.
    private static string? TakeQuoted(ref ReadOnlySpan<char> rest)
    {
        var mark = rest[0];
        var inner = new StringBuilder();
        for (var i = 1; i < rest.Length; i++)
        {
            if (rest[i] != mark)
            {
                inner.Append(rest[i]);
                continue;
            }
            if (i + 1 < rest.Length && rest[i + 1] == mark)
            {
                inner.Append(mark);
                i++;
                continue;
            }
            rest = rest[(i + 1)..];
            return inner.ToString();
        }
        return null;
    }

    private static bool TryTake(ReadOnlySpan<char> rest, string[] words, out ReadOnlySpan<char> left)
    {
        left = rest;
        foreach (var word in words)
        {
            if (!left.StartsWith(word, StringComparison.OrdinalIgnoreCase)) return false;
            var after = left[word.Length..];
            if (!after.IsEmpty && !char.IsWhiteSpace(after[0]) && after[0] is not ('\'' or '"')) return false;
            left = after.TrimStart();
        }
        return true;
    }

    private static bool IsNull(ReadOnlySpan<char> value) => value.Equals("null", StringComparison.OrdinalIgnoreCase);

    private static bool IsPlain(string text, params ReadOnlySpan<char> others)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && !others.Contains(c)) return false;
        }
        return text.Length > 0;
    }

    private static ArgumentException Wrong(string text, string why) => CallersFault.Of($"'{text}' is no condition: {why}. {Form}.");
}
