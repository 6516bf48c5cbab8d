using Pampa.Tests.EndToEnd;

namespace Pampa.Tests.Approvals;

/// <summary>
/// Compares a text with the file of the same name that stands beside the tests. A change of such a text is meant or it is a mistake;
/// in a review it is seen as what it is.
/// </summary>
internal static class Approved
{
    private const string Folder = "tests/Pampa.Tests/Approvals";

    public static void Check(string name, string text)
    {
        var approved = Path.Combine(ProgramFixture.Root, Folder, $"{name}.approved.txt");
        var received = Path.Combine(ProgramFixture.Root, Folder, $"{name}.received.txt");
        text = Plain(text);
        var expected = File.Exists(approved) ? Plain(File.ReadAllText(approved)) : "";
        if (text == expected)
        {
            File.Delete(received);
            return;
        }
        if (Environment.GetEnvironmentVariable("PAMPA_APPROVE") == "1")
        {
            File.WriteAllText(approved, text);
            File.Delete(received);
            return;
        }
        File.WriteAllText(received, text);
        Assert.Fail($"""
            {Folder}/{name}.approved.txt is not what is now, first in {FirstDifference(expected, text)}
            Compare it with {name}.received.txt beside it. If the change is meant, run the tests with PAMPA_APPROVE=1 and commit the file.
            """);
    }

    internal static string FirstDifference(string expected, string received)
    {
        var before = expected.Split('\n');
        var after = received.Split('\n');
        var at = before.Zip(after).TakeWhile(pair => pair.First == pair.Second).Count();
        return $"line {at + 1}:\n  approved: {Line(before, at)}\n  received: {Line(after, at)}";
    }

    private static string Line(string[] lines, int at) => at < lines.Length ? lines[at] : "(the end)";

    // Files have one kind of line end, and one at their own end.
    private static string Plain(string text)
    {
        var lines = text.ReplaceLineEndings("\n").Split('\n').Select(line => line.TrimEnd());
        return string.Join('\n', lines).Trim('\n') + "\n";
    }
}
