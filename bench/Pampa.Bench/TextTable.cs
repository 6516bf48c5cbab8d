namespace Pampa.Bench;

/// <summary>Cells in columns.</summary>
internal static class TextTable
{
    public static async Task WriteAsync(IReadOnlyList<string[]> rows, TextWriter output)
    {
        var widths = rows[0].Select((_, column) => rows.Max(r => r[column].Length)).ToArray();
        foreach (var row in rows)
            await output.WriteLineAsync(string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd());
    }
}
