namespace Pampa.Storage;

/// <summary>What a column holds, as far as Pampa must know.</summary>
internal enum ColumnKind
{
    Text,
    Integer,
    Boolean,
    Time,
    Other,
}

/// <summary>A column as the catalog describes it.</summary>
/// <param name="Name">Its exact name.</param>
/// <param name="Type">The type to cast to, without length or precision: a length in a cast would cut silently.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Length">Characters of a text column or digits of a time's fraction, where the type says so.</param>
/// <param name="IsNullable">Whether NULL may stand in it.</param>
/// <param name="IsGenerated">Whether the database computes it, so that nobody may write it.</param>
/// <param name="ReadsAsText">Whether the driver knows no better than the type's text.</param>
internal sealed record ColumnInfo(
    string Name, string Type, ColumnKind Kind, int? Length = null, bool IsNullable = true, bool IsGenerated = false,
    bool ReadsAsText = false);

/// <summary>A table as the catalog describes it.</summary>
/// <param name="Schema">Its schema's exact name.</param>
/// <param name="Name">Its exact name.</param>
/// <param name="Columns">In the table's order.</param>
/// <param name="UniqueKeys">The sets of column names that are unique for every record.</param>
internal sealed record TableInfo(
    string Schema, string Name, IReadOnlyList<ColumnInfo> Columns, IReadOnlyList<IReadOnlyList<string>> UniqueKeys)
{
    /// <summary>By which it is remembered.</summary>
    public string Id => $"{Schema}.{Name}";

    /// <summary>Whether its records are in other tables, its partitions.</summary>
    public bool IsPartitioned { get; init; }

    /// <summary>
    /// Whether each of its records stands at a place that no other one has, so that a statement can find again there what it has picked: not where
    /// they are in other tables, too, nor where this user may only see some of the columns.
    /// </summary>
    public bool HasPlaces { get; init; }

    /// <summary>Whether policies say who may see and change which record.</summary>
    public bool HasRowSecurity { get; init; }

    /// <summary>Finds a column: the exact name, else the only one that differs by case.</summary>
    public ColumnInfo? Find(string name)
    {
        ColumnInfo? found = null;
        foreach (var column in Columns)
        {
            if (string.Equals(column.Name, name, StringComparison.Ordinal)) return column;
            if (!string.Equals(column.Name, name, StringComparison.OrdinalIgnoreCase)) continue;
            if (found is not null) return null;
            found = column;
        }
        return found;
    }
}

/// <summary>A value that the driver could not read; the task that asks for it fails, its neighbours do not.</summary>
internal sealed record UnreadableValue(Exception Error);
