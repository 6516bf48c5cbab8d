namespace Pampa.Storage.Examination;

/// <summary>The text that made an index, as a catalog keeps it.</summary>
internal static class IndexText
{
    /// <summary>Whether it is an index of records whose end is not set, and of no fewer.</summary>
    public static bool IsOfOpen(string definition, string endTime) => ConditionOf(definition) is { } condition && Says(condition, endTime, "IS NULL");

    /// <summary>Of which records it is; null: of all.</summary>
    public static string? ConditionOf(string definition)
    {
        var at = definition.LastIndexOf(" WHERE ", StringComparison.OrdinalIgnoreCase);
        return at < 0 ? null : definition[(at + " WHERE ".Length)..];
    }

    /// <summary>Whether a condition says this of a column, and no more.</summary>
    public static bool Says(string condition, string column, string what)
    {
        var plain = condition.Trim().TrimStart('(').TrimEnd(')').Trim();
        return ((string[])[column, Dialect.Quote(column), $"[{column}]", $"`{column}`"])
            .Any(name => plain.Equals($"{name} {what}", StringComparison.OrdinalIgnoreCase));
    }
}
