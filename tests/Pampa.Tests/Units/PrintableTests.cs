using Pampa.Commands;

namespace Pampa.Tests.Units;

/// <summary>T5: texts on their way to a terminal.</summary>
[Trait("suite", "security")]
public sealed class PrintableTests
{
    [Theory]
    [InlineData("a plain text, with ümlauts, 名前 and a\ttab", "a plain text, with ümlauts, 名前 and a\ttab")]
    [InlineData("\e[31mred\e[0m", "\\u001B[31mred\\u001B[0m")]
    [InlineData("bell\a back\b null\0 del\u007F", "bell\\u0007 back\\u0008 null\\u0000 del\\u007F")]
    [InlineData("one\r\ntwo", "one\\u000D\\u000Atwo")]
    [InlineData("\u009B1A of the upper half", "\\u009B1A of the upper half")]
    [InlineData("\u202Eright to left\u2066", "\\u202Eright to left\\u2066")]
    [InlineData("\u200Ea mark\u200F\u061C", "\\u200Ea mark\\u200F\\u061C")]
    [InlineData("\u2028line\u2029paragraph", "\\u2028line\\u2029paragraph")]
    public void What_a_terminal_would_obey_is_spelled(string text, string shown) => Assert.Equal(shown, Printable.Line(text));

    [Fact]
    public void A_writer_of_lines_gives_on_what_is_whole()
    {
        var lines = new List<string>();
        using var writer = new LineWriter(lines.Add);
        writer.Write("a");
        writer.Write('b');
        Assert.Empty(lines);
        writer.WriteLine();
        writer.Write("c\r\n\nd");
        writer.WriteLine(7);
        writer.Write("rest");
        writer.GiveRest();
        writer.GiveRest();
        Assert.Equal(["ab", "c", "", "d7", "rest"], lines);
    }
}
