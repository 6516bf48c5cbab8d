using System.Buffers;
using System.Globalization;
using System.Text;

namespace Pampa.Commands;

/// <summary>
/// Text on its way to a terminal. What comes from records, errors and logs may hold control characters, and those could
/// move the cursor, hide what was said or answer for the user.
/// </summary>
internal static class Printable
{
    // C0 but for the tab, DEL and C1, line separators, and what changes the direction of writing.
    private static readonly SearchValues<char> Unsafe = SearchValues.Create(
    [
        .. Range(0, 0x1F).Where(c => c != '\t'), .. Range(0x7F, 0x9F), '\u061C', '\u200E', '\u200F', .. Range(0x2028, 0x202E), .. Range(0x2066, 0x2069),
    ]);

    private static IEnumerable<char> Range(int first, int last) => Enumerable.Range(first, last - first + 1).Select(c => (char)c);

    /// <summary>The text in one line, with what a terminal would obey written as <c>\u001B</c>.</summary>
    public static string Line(string text)
    {
        if (text.AsSpan().IndexOfAny(Unsafe) < 0) return text;
        var line = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            if (Unsafe.Contains(c)) line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            else line.Append(c);
        }
        return line.ToString();
    }
}
