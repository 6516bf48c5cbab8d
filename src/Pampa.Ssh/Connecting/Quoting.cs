namespace Pampa.Ssh.Connecting;

/// <summary>The only place where something becomes the text of a shell.</summary>
internal static class Quoting
{
    /// <summary>The words as a POSIX shell takes them for what they are, whatever they hold.</summary>
    public static string Line(IEnumerable<string> words) => string.Join(' ', words.Select(Word));

    private static string Word(string word) => word.Contains('\0', StringComparison.Ordinal)
        ? throw new ArgumentException("A word of a command must not hold a zero.", nameof(word))
        : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
