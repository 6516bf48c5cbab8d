using System.Text;

namespace Pampa.Commands;

/// <summary>
/// Rows of texts for people: on a terminal in columns that fit its width; anywhere else with tabs between the cells, so that other
/// programs can read them. Nothing in a cell is obeyed by a terminal or taken for the end of a cell.
/// </summary>
internal static class CellTable
{
    private const string Gap = "  ";

    /// <summary>The lines, the headers first.</summary>
    /// <param name="headers">The columns; the last one may be as wide as there is room.</param>
    /// <param name="rows">The cells.</param>
    /// <param name="width">The terminal's width; null: there is none.</param>
    public static IEnumerable<string> Lines(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string?>> rows, int? width)
    {
        string[][] cells = [[.. headers], .. rows.Select(row => row.Select(Cell).ToArray())];
        return width is { } room ? Drawn(cells, room) : cells.Select(row => string.Join('\t', row));
    }

    private static string Cell(string? text) => Printable.Line(text ?? "").Replace("\t", "\\t", StringComparison.Ordinal);

    private static IEnumerable<string> Drawn(string[][] cells, int room)
    {
        var widths = Enumerable.Range(0, cells[0].Length).Select(c => cells.Max(row => CellText.Width(row[c]))).ToArray();
        foreach (var row in cells)
        {
            var line = new StringBuilder();
            for (var c = 0; c < row.Length; c++)
            {
                if (c > 0) line.Append(Gap);
                line.Append(c == row.Length - 1 ? row[c] : CellText.PadRight(row[c], widths[c]));
            }
            yield return CellText.Cut(line.ToString().TrimEnd(), room);
        }
    }
}
