using System.Text;
using Spectre.Console;

namespace Pampa.Commands;

/// <summary>
/// Texts by the cells that a terminal takes for them: two for a character of Chinese or a picture, none for an accent that stands above the
/// one before it.
/// </summary>
internal static class CellText
{
    private const char Ellipsis = '…';

    public static int Width(string text) => text.GetCellWidth();

    /// <summary>The text in at most so many cells; what is cut ends with …, and never within a character.</summary>
    public static string Cut(string text, int width)
    {
        if (Width(text) <= width) return text;
        if (width <= 0) return "";
        var cut = new StringBuilder();
        var cells = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            cells += Width(rune.ToString());
            if (cells > width - 1) break;
            cut.Append(rune);
        }
        return cut.Append(Ellipsis).ToString();
    }

    /// <summary>The text and as many blanks as make it so many cells.</summary>
    public static string PadRight(string text, int width) => text + new string(' ', Math.Max(0, width - Width(text)));

    /// <summary>The same with the blanks before it.</summary>
    public static string PadLeft(string text, int width) => new string(' ', Math.Max(0, width - Width(text))) + text;
}
