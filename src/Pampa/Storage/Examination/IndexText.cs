using System.Text.RegularExpressions;

namespace Pampa.Storage.Examination;

/// <summary>The text that made an index, as a catalog keeps it: SQLite's is as somebody has typed it.</summary>
internal static partial class IndexText
{
    /// <summary>Whether it is an index of records whose end is not set, and of no fewer.</summary>
    public static bool IsOfOpen(string definition, string endTime) => ConditionOf(definition) is { } condition && Says(condition, endTime, "IS NULL");

    /// <summary>Of which records it is; null: of all.</summary>
    public static string? ConditionOf(string definition)
    {
        var word = Words().Matches(definition).FirstOrDefault(m => m.Groups["where"].Success);
        return word is null ? null : definition[(word.Index + word.Length)..];
    }

    /// <summary>Whether a condition says this of a column, and no more.</summary>
    public static bool Says(string condition, string column, string what)
    {
        var plain = condition.Trim().TrimStart('(').TrimEnd(')').Trim();
        bool Follows(string name) => plain[name.Length..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .SequenceEqual(what.Split(' '), StringComparer.OrdinalIgnoreCase);
        return ((string[])[column, Dialect.Quote(column), $"[{column}]", $"`{column}`"])
            .Any(name => plain.StartsWith(name, StringComparison.OrdinalIgnoreCase) && Follows(name));
    }

    // The word, and all in which it might stand and mean nothing: names, texts and remarks.
    [GeneratedRegex("""
        "[^"]*"|'[^']*'|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|\b(?<where>WHERE)\b
        """, RegexOptions.IgnoreCase | RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex Words();
}
