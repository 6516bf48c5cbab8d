using System.Globalization;

namespace Pampa.Bench;

/// <summary>What was used while there was nothing to do, as a table: a column a case.</summary>
internal sealed class QuietReport(IReadOnlyList<(string Title, Quiet Quiet)> cases)
{
    private static readonly (string Name, string Format, Func<Quiet, IEnumerable<double?>> Values)[] Measures =
    [
        ("PostgreSQL, % of a core", "N2", q => [q.ServerPercent]),
        ("commits/s", "N1", q => [q.CommitsPerSecond]),
        ("dispatcher, % of a core", "N2", q => Dispatchers(q).Select(m => (double?)m.CpuPercent)),
        ("dispatcher, MB", "N0", q => Dispatchers(q).Select(m => (double?)m.Megabytes)),
        ("dispatcher, connections", "N0", q => Dispatchers(q).Select(m => (double?)m.Connections)),
        ("node, % of a core", "N2", q => Nodes(q).Select(m => (double?)m.CpuPercent)),
        ("node, MB", "N0", q => Nodes(q).Select(m => (double?)m.Megabytes)),
        ("node, connections", "N0", q => Nodes(q).Select(m => (double?)m.Connections)),
    ];

    public static IEnumerable<string> Columns => Measures.Select(m => m.Name);

    /// <summary>All measures of a case, as <see cref="Columns"/> names them.</summary>
    public static IEnumerable<string> Cells(Quiet quiet) => Measures.Select(m => Text(m.Format, m.Values(quiet)));

    public async Task WriteAsync(TextWriter output)
    {
        var cells = cases.Select(c => Cells(c.Quiet).ToList()).ToList();
        List<string[]> rows = [["", .. cases.Select(c => c.Title)]];
        rows.AddRange(Measures.Select((m, i) => (string[])[m.Name, .. cells.Select(c => c[i])]));
        await TextTable.WriteAsync(rows, output);
    }

    /// <summary>Says whether something is as small as it must be.</summary>
    public static string Must(string what, double? value, string unit, double limit, bool mayEqual)
    {
        if (value is not { } known) return $"{what}: not to be seen here";
        var isKept = mayEqual ? known <= limit : known < limit;
        return string.Create(CultureInfo.InvariantCulture,
            $"{(isKept ? " " : "!")} {what}: {known:0.##}{unit}, must be {(mayEqual ? "at most" : "less than")} {limit}{unit}");
    }

    private static IEnumerable<QuietMember> Dispatchers(Quiet quiet) => quiet.Members.Where(m => !m.IsNode);

    private static IEnumerable<QuietMember> Nodes(Quiet quiet) => quiet.Members.Where(m => m.IsNode);

    private static string Text(string format, IEnumerable<double?> values) => Series.Of(values)?.Text(format) ?? "-";
}
