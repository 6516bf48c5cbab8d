using System.Globalization;

namespace Pampa.Jobs;

/// <summary>
/// A program's version, in the order of Semantic Versioning, of which the forms of .NET are taken, too: one to four numbers (those that
/// are missing are 0), then perhaps <c>-</c> and what makes it one before the release, then perhaps <c>+</c> and what orders nothing.
/// </summary>
internal sealed class ProgramVersion : IComparable<ProgramVersion>
{
    private const int Numbers = 4;
    private const int Longest = 100;
    private readonly int[] numbers;
    private readonly string[] before;
    private readonly string text;

    private ProgramVersion(int[] numbers, string[] before, string text) => (this.numbers, this.before, this.text) = (numbers, before, text);

    /// <summary>Null: it is none.</summary>
    public static ProgramVersion? TryParse(string? text)
    {
        if (text is null || text.Length > Longest) return null;
        var known = text.Split('+', 2)[0];
        var parts = known.Split('-', 2);
        var written = parts[0].Split('.');
        if (written.Length > Numbers) return null;
        var numbers = new int[Numbers];
        for (var i = 0; i < written.Length; i++)
        {
            if (!int.TryParse(written[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i])) return null;
        }
        string[] before = parts.Length < 2 ? [] : parts[1].Split('.');
        return Array.TrueForAll(before, IsIdentifier) ? new ProgramVersion(numbers, before, known) : null;
    }

    /// <summary>The version of a program as processes publish it: its name and its version. Null: it has none that can be read.</summary>
    public static ProgramVersion? Of(string program) => TryParse(program[(program.LastIndexOf(' ') + 1)..]);

    private static bool IsIdentifier(string part) => part.Length > 0 && part.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    public int CompareTo(ProgramVersion? other)
    {
        if (other is null) return 1;
        for (var i = 0; i < Numbers; i++)
        {
            if (numbers[i] != other.numbers[i]) return numbers[i].CompareTo(other.numbers[i]);
        }
        // The release itself comes after all that came before it.
        if (before.Length == 0 || other.before.Length == 0) return other.before.Length.CompareTo(before.Length);
        for (var i = 0; i < before.Length && i < other.before.Length; i++)
        {
            if (Compare(before[i], other.before[i]) is not 0 and var order) return order;
        }
        return before.Length.CompareTo(other.before.Length);
    }

    // Numbers come before words, and are compared as numbers, of whatever length.
    private static int Compare(string a, string b) => (a.All(char.IsAsciiDigit), b.All(char.IsAsciiDigit)) switch
    {
        (true, true) => a.TrimStart('0').Length != b.TrimStart('0').Length
            ? a.TrimStart('0').Length.CompareTo(b.TrimStart('0').Length)
            : string.CompareOrdinal(a.TrimStart('0'), b.TrimStart('0')),
        (true, false) => -1,
        (false, true) => 1,
        _ => string.CompareOrdinal(a, b),
    };

    public override string ToString() => text;
}
