using Pampa.Commands;
using Spectre.Console;

namespace Pampa.Tests.Units;

public sealed class ProgressTests
{
    private static ProgressRow Row(double perSecond = 0, long? total = 1_000, long done = 100) =>
        new("numbers", done, total, perSecond) { Workers = 4, Failed = 2, Running = 3 };

    [Theory]
    [InlineData(9d, 1_000L, 100L, "00:01:40")]
    [InlineData(0d, 1_000L, 100L, "unknown")]
    [InlineData(0d, 100L, 100L, "00:00:00")]
    [InlineData(9d, null, 100L, "")]
    [InlineData(0.01, 3_700_000L, 0L, "99:59:59")]
    [InlineData(1d, 200_000L, 0L, "55:33:20")]
    public void The_remaining_time_follows_from_the_rate(double rate, long? total, long done, string eta) =>
        Assert.Equal(eta, Row(rate, total, done).Eta);

    [Fact]
    public void An_idle_job_says_so_once_and_then_is_silent()
    {
        var output = new StringWriter();
        var view = new PlainView(output);
        foreach (var rate in (double[])[0, 0, 5, 5, 0, 0]) view.Show([Row(rate)]);
        Assert.Equal(
        [
            "numbers: 100 of 1,000 done, 0/s, ETA unknown, 4 workers", "numbers: 100 of 1,000 done, 5/s, ETA 00:03:00, 4 workers",
            "numbers: 100 of 1,000 done, 5/s, ETA 00:03:00, 4 workers", "numbers: 100 of 1,000 done, 0/s, ETA unknown, 4 workers",
        ], output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData(120)]
    [InlineData(80)]
    [InlineData(60)]
    public void The_table_fits_the_terminal(int width)
    {
        var (console, text) = Terminal(width);
        var view = new LiveView(console);
        view.Show([Row(50), Row(0, null) with { Job = "[red]other[/]", IsStandingBy = true }]);
        console.Write(view.Draw());
        var lines = text.ToString().Split('\n');
        Assert.All(lines, line => Assert.InRange(line.Length, 0, width));
        Assert.InRange(lines.Length, 4, 6);
        Assert.Contains(lines, l => l.Contains("100 of 1,000", StringComparison.Ordinal) && l.Contains("50", StringComparison.Ordinal));
        // A name is a name, whatever it looks like to the library that draws.
        Assert.Contains("[red]other", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("standing by", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void No_control_character_reaches_the_terminal() =>
        Assert.Equal("a \uFFFD[31m \uFFFDb  c", TerminalLogs.Harmless("a \u001b[31m \u0007b\r\nc"));

    private static (IAnsiConsole Console, StringWriter Text) Terminal(int width)
    {
        var text = new StringWriter { NewLine = "\n" };
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = width;
        return (console, text);
    }
}
