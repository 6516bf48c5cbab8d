using System.Text;

namespace Pampa.Chaos.Wire;

/// <summary>SQL as words only.</summary>
internal static class SqlText
{
    /// <summary>
    /// A text without what could be taken for words of the language: literals are empty, comments are gone, and a quoted name is the
    /// number that stands for it, the same each time.
    /// </summary>
    public static string Bare(string text)
    {
        var bare = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length;)
        {
            var end = QuoteEnd(text, at);
            if (end < 0)
            {
                bare.Append(text[at++]);
                continue;
            }
            bare.Append(text[at] switch
            {
                '"' => $"\"{Convert.ToHexString(Encoding.UTF8.GetBytes(text[at..end]))}\"",
                '\'' or '$' => "''",
                _ => " ",
            });
            at = end;
        }
        return bare.ToString();
    }

    // Where what is quoted here is over; -1: nothing is.
    private static int QuoteEnd(string text, int at) => text[at] switch
    {
        '\'' or '"' => Closing(text, at),
        '-' when Has(text, at, "--") => After(text, "\n", at + 2),
        '/' when Has(text, at, "/*") => After(text, "*/", at + 2),
        '$' => Dollar(text, at),
        _ => -1,
    };

    private static int Closing(string text, int at)
    {
        for (var i = at + 1; i < text.Length; i++)
        {
            if (text[i] != text[at]) continue;
            if (i + 1 == text.Length || text[i + 1] != text[at]) return i + 1;
            i++;
        }
        return text.Length;
    }

    // $1 is a parameter.
    private static int Dollar(string text, int at)
    {
        var end = at + 1;
        while (end < text.Length && (char.IsAsciiLetter(text[end]) || text[end] == '_')) end++;
        return end < text.Length && text[end] == '$' ? After(text, text[at..(end + 1)], end + 1) : -1;
    }

    private static bool Has(string text, int at, string what) => string.CompareOrdinal(text, at, what, 0, what.Length) == 0;

    private static int After(string text, string what, int from) =>
        text.IndexOf(what, Math.Min(from, text.Length), StringComparison.Ordinal) is var found and >= 0 ? found + what.Length : text.Length;
}
