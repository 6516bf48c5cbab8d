using System.Text;

namespace Pampa.Jobs;

/// <summary>
/// What error texts of the same kind have in common: the first line, with an ellipsis for whatever is a particular of the one case:
/// numbers, ids, what stands in quotes or brackets of its own.
/// </summary>
internal static class ErrorPattern
{
    /// <summary>Characters that a pattern may have.</summary>
    public const int Longest = 200;

    private const char Particular = '…';
    private const int ShortestId = 8;

    public static string Of(string? text)
    {
        var line = FirstLine(text);
        var pattern = new StringBuilder();
        for (var i = 0; i < line.Length && pattern.Length < Longest;)
        {
            if (line[i] is '\'' or '"' or '`' && CloseOf(line, i) is var close and > 0)
            {
                Add(pattern, $"{line[i]}{Particular}{line[i]}");
                i = close + 1;
            }
            else if (char.IsLetterOrDigit(line[i]) || line[i] == '_')
            {
                var end = EndOfWord(line, i);
                Add(pattern, IsParticular(line[i..end], isPart: i > 0 && line[i - 1] is ('-' or '.')) ? $"{Particular}" : line[i..end].ToString());
                i = end;
            }
            else
            {
                pattern.Append(char.IsControl(line[i]) ? ' ' : line[i]);
                i++;
            }
        }
        var whole = pattern.ToString().Trim();
        return whole.Length > Longest ? string.Concat(whole.AsSpan(0, Longest - 1), $"{Particular}") : whole;
    }

    private static ReadOnlySpan<char> FirstLine(string? text)
    {
        var all = (text ?? "").AsSpan().Trim();
        var end = all.IndexOfAny('\n', '\r');
        return end < 0 ? all : all[..end].TrimEnd();
    }

    // A list of particulars, however long, is one.
    private static void Add(StringBuilder pattern, string part)
    {
        if (part.Length == 1 && part[0] == Particular && EndsWithParticular(pattern)) return;
        pattern.Append(part);
    }

    private static bool EndsWithParticular(StringBuilder pattern)
    {
        var at = pattern.Length - 1;
        while (at >= 0 && pattern[at] is ' ' or ',' or '.' or ':' or '-' or '/' or 'T') at--;
        if (at < 0 || pattern[at] != Particular) return false;
        pattern.Length = at + 1;
        return true;
    }

    // An apostrophe within a word quotes nothing.
    private static int CloseOf(ReadOnlySpan<char> line, int open)
    {
        if (open > 0 && char.IsLetterOrDigit(line[open - 1])) return -1;
        for (var i = open + 1; i < line.Length; i++)
        {
            if (line[i] == line[open] && (i + 1 == line.Length || !char.IsLetterOrDigit(line[i + 1]))) return i;
        }
        return -1;
    }

    private static int EndOfWord(ReadOnlySpan<char> line, int at)
    {
        while (at < line.Length && (char.IsLetterOrDigit(line[at]) || line[at] == '_')) at++;
        return at;
    }

    // A number, alone or with a unit; and what is long and has digits among its letters. A code such as 42P01 or E1027 says of which kind it is.
    private static bool IsParticular(ReadOnlySpan<char> word, bool isPart)
    {
        var digits = 0;
        foreach (var c in word)
        {
            if (char.IsDigit(c)) digits++;
        }
        if (digits == 0) return word.Length >= ShortestId && IsHex(word) && word.Length % 4 == 0;
        if (char.IsDigit(word[0]) && digits >= word.Length - 2 && (isPart || !IsSqlState(word))) return true;
        return word.Length >= ShortestId;
    }

    private static bool IsSqlState(ReadOnlySpan<char> word) =>
        word.Length == 5 && word.IndexOfAnyInRange('A', 'Z') >= 0 && !word.ContainsAnyInRange('a', 'z');

    private static bool IsHex(ReadOnlySpan<char> word)
    {
        foreach (var c in word)
        {
            if (!char.IsAsciiHexDigit(c)) return false;
        }
        return true;
    }
}
