namespace Pampa.Bench;

/// <summary>A table of bench/results.md.</summary>
/// <param name="Heading">The line above it, by which it is found again.</param>
/// <param name="Intro">What the reader has to know.</param>
/// <param name="Columns">After the date and the commit.</param>
internal sealed record ResultTable(string Heading, string Intro, IReadOnlyList<string> Columns);

/// <summary>Appends to the tables of bench/results.md, one line a setting.</summary>
internal static class Results
{
    public static async Task AppendAsync(ResultTable table, IEnumerable<string> cells)
    {
        var file = Find();
        var lines = File.Exists(file) ? (await File.ReadAllLinesAsync(file)).ToList() : [];
        if (!lines.Contains(table.Heading))
        {
            if (lines.Count > 0) lines.Add("");
            string[] columns = ["date", "commit", .. table.Columns];
            lines.AddRange(
                [table.Heading, "", .. table.Intro.Split('\n'), "", Line(columns), Line(columns.Select(_ => "---"))]);
        }
        var date = FormattableString.Invariant($"{TimeProvider.System.GetUtcNow():yyyy-MM-dd}");
        lines.Insert(EndOf(table.Heading, lines), Line([date, Machine.Commit(), .. cells]));
        await File.WriteAllTextAsync(file, string.Join('\n', lines) + '\n');
    }

    // Beside this project's folder.
    private static string Find() => Repository.Root() is { } root ? Path.Combine(root, "bench", "results.md") : Path.GetFullPath("results.md");

    // Behind the last line of the table under the heading.
    private static int EndOf(string heading, List<string> lines)
    {
        var begin = lines.IndexOf(heading) + 1;
        var next = lines.FindIndex(begin, line => line.StartsWith('#'));
        var section = next < 0 ? lines.Count : next;
        return lines.FindLastIndex(section - 1, section - begin, line => line.StartsWith('|')) + 1;
    }

    private static string Line(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";
}
