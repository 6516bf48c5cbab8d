using Pampa.Commands;

namespace Pampa.Tests.Units;

/// <summary>The file that the error output of a node goes to, which nobody else keeps short.</summary>
public sealed class ErrorOutputTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-errors-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Of_a_large_file_the_end_is_kept_from_a_whole_line_on()
    {
        var file = Path.Combine(folder, "errors.log");
        File.WriteAllLines(file, Enumerable.Range(1, 100_000).Select(i => $"line {i}"));
        var before = new FileInfo(file).Length;
        var output = new ErrorOutput(file, () => new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite));
        output.Cut();

        var lines = File.ReadAllLines(file);
        Assert.InRange(new FileInfo(file).Length, ErrorOutput.Kept - 100, ErrorOutput.Kept + 100);
        Assert.Equal("line 100000", lines[^1]);
        Assert.Equal(Enumerable.Range(100_002 - lines.Length, lines.Length - 1).Select(i => $"line {i}"), lines[1..]);
        Assert.StartsWith(FormattableString.Invariant($"… {before - lines[1..].Sum(l => l.Length + 1):N0} bytes before this were cut"), lines[0], StringComparison.Ordinal);

        // It is not large any more.
        var after = File.ReadAllText(file);
        output.Cut();
        Assert.Equal(after, File.ReadAllText(file));
    }

    [Fact]
    public void What_cannot_be_cut_is_left_alone_and_no_reason_to_end()
    {
        var file = Path.Combine(folder, "errors.log");
        new ErrorOutput(file, () => Stream.Null).Cut();
        File.WriteAllText(file, "x");
        // This process writes its errors elsewhere.
        Assert.Null(ErrorOutput.Find(folder));
    }
}
