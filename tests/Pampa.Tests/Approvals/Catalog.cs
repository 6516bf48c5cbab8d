using System.Globalization;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Approvals;

/// <summary>
/// The hostile table as a database's catalog tells of it: at first as its user made it, and with its state columns once somebody has
/// added them.
/// </summary>
internal sealed class Catalog(Dialect dialect)
{
    private sealed record Column(string Name, string Type, bool IsKey = false, bool IsState = false);

    private static readonly TaskColumns States = TableProfile.Hostile(onSqlite: false).Columns;

    private static readonly Column[] Columns =
    [
        new("Région", "text", IsKey: true),
        new("user", "uuid", IsKey: true),
        .. new[] { States.ReservationId, States.ReservationTime, States.ReservationTimes, States.StartTime, States.EndTime, States.Success,
            States.ErrorDescription, "$1" }.Select((name, i) => new Column(name!, TypeOf(i), IsState: true)),
        new("is odd?", "boolean"),
        new("order", "text"),
        new("SCORE", "bigint"),
    ];

    private bool hasStateColumns;

    private string Schema => dialect is SqliteDialect ? "main" : "My Schema";

    private static string TypeOf(int state) => state switch
    {
        2 or 7 => "bigint",
        1 or 3 or 4 => "timestamp with time zone",
        5 => "boolean",
        _ => "text",
    };

    public object?[][] Answer(string text)
    {
        bool Has(string part) => text.Contains(part, StringComparison.Ordinal);
        hasStateColumns |= Has("ADD COLUMN");
        if (Has("@epoch")) return [[0.0]];
        if (Has("AS pampa_clock")) return [["2030-01-01T00:00:00.000Z"]];
        if (Has("SELECT tables FROM pampa_setup")) return [[$"{Schema}.Order"]];
        if (Has("pragma_table_list")) return [["Order"]];
        if (Has("relkind IN ('r', 'p')")) return [[Schema, "Order", 1L, false, false, true]];
        var columns = Columns.Where(c => hasStateColumns || !c.IsState).ToArray();
        if (Has("pragma_table_xinfo"))
            return [.. columns.Select((c, i) => new object?[] { c.Name, c.Type, c.IsKey, c.IsKey ? i + 1 : 0, 0 })];
        if (Has("pg_attribute AS a JOIN pg_catalog.pg_type"))
            return [.. columns.Select(c => new object?[] { c.Name, c.Type, -1L, c.IsKey, false, CatalogName(c.Type) })];
        if (Has("SELECT 'pampa_")) return [["pampa_due_0"]];
        // The advised index: only what a build that was cut short has left of it.
        if (Has("c.relname = @name AND")) return Has("NOT i.indisvalid") ? [[1]] : [];
        if (Has("pg_catalog.pg_index")) return [.. columns.Where(c => c.IsKey).Select(c => new object?[] { 2L, c.Name })];
        // Where a statement counts or gives out terms, sessions and revisions, all are the first.
        return text.TrimEnd().EndsWith("RETURNING revision", StringComparison.Ordinal) ? [[1L]] : [];
    }

    private static string CatalogName(string type) => type switch
    {
        "bigint" => "int8",
        "boolean" => "bool",
        "timestamp with time zone" => "timestamptz",
        _ => type.ToString(CultureInfo.InvariantCulture),
    };
}
