namespace Pampa.Storage.Examination;

/// <summary>The text that made an index, as a catalog keeps it.</summary>
internal static class IndexText
{
    /// <summary>Whether it is an index of records whose end is not set, and of no fewer.</summary>
    public static bool IsOfOpen(string definition, string endTime)
    {
        var at = definition.LastIndexOf(" WHERE ", StringComparison.OrdinalIgnoreCase);
        if (at < 0) return false;
        var condition = definition[(at + " WHERE ".Length)..].Trim().TrimStart('(').TrimEnd(')').Trim();
        return ((string[])[endTime, Dialect.Quote(endTime), $"[{endTime}]", $"`{endTime}`"])
            .Any(name => condition.Equals($"{name} IS NULL", StringComparison.OrdinalIgnoreCase));
    }
}
