namespace Pampa.Ssh.Commands;

/// <summary>Columns of text, each as wide as its widest cell.</summary>
internal static class TextTable
{
    public static string Of(string[] head, IEnumerable<string[]> rows)
    {
        var all = rows.Prepend(head).Select(row => row.Select(VerbContext.Spell).ToArray()).ToList();
        var widths = head.Select((_, column) => all.Max(row => row[column].Length)).ToList();
        return string.Join(Environment.NewLine, all.Select(row => string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()));
    }
}
