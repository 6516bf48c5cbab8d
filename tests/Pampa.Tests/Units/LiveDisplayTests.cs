using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Pampa.Commands;
using Pampa.Tests.Fixtures;
using ColorSystem = Spectre.Console.ColorSystem;

namespace Pampa.Tests.Units;

public sealed class LiveDisplayTests
{
    private static readonly Terminal Plain = new(HasUnicode: true, ColorSystem.NoColors);
    private int width = 80;

    private static ProgressRow Row(string job = "numbers", long done = 25_000, long? total = 100_000, double perSecond = 500) =>
        new(job, done, total, perSecond) { Workers = 4, Running = 4, InHand = 80, FailedAttempts = 2 };

    private LiveDisplay Display(ScreenTerminal screen, TextWriter? errors = null) =>
        new(Plain, screen, errors, () => (width, 24), new FakeTimeProvider()) { Title = "SQLite, file numbers.db" };

    private static IReadOnlyList<string> Drawn(int width, params ProgressRow[] rows) =>
        [.. new LiveTable(Plain).Draw("SQLite, file numbers.db", rows, TimeSpan.FromSeconds(75), width, 24).Select(Text)];

    // Bold and dim are no colours.
    private static string Text(LiveLine line) => Regex.Replace(line.Text, "\e\\[[0-9;]*m", "").TrimEnd();

    [Fact]
    public void A_terminal_of_eighty_columns_shows_everything() => Assert.Equal(
    [
        "leading · 4 workers · 00:01:15 · SQLite, file numbers.db",
        "job                                 done  per s       ETA  in hand  failed",
        "numbers  ███░░░░░░░░░░░   25,000/100,000    500  00:02:30       84       2",
        "letters  ░░░░░░░░░░░░░░                0      0         -       84       2",
    ], Drawn(75, Row(), Row("letters", 0, null, 0)));

    [Theory]
    [InlineData(200)]
    [InlineData(80)]
    [InlineData(60)]
    [InlineData(40)]
    [InlineData(24)]
    [InlineData(10)]
    [InlineData(2)]
    [InlineData(1)]
    public void No_line_is_as_wide_as_the_terminal(int columns)
    {
        var rows = new[] { Row("a_job_with_a_name_that_is_rather_long"), Row("名前の長い仕事", 7, null), Row("[red]x[/]", 1_000_000_000, 2_000_000_000) };
        var lines = new LiveTable(Plain).Draw("PostgreSQL, host some.example", rows, TimeSpan.Zero, columns, 24);
        Assert.All(lines, line => Assert.InRange(line.Cells, 0, Math.Max(1, columns - 1)));
        if (columns >= 24) Assert.Equal(rows.Length + 2, lines.Count);
    }

    [Fact]
    public void A_low_terminal_shows_those_at_work_and_how_many_more_there_are()
    {
        var idle = Enumerable.Range(1, 9).Select(i => Row($"idle{i}", 5, 5, 0) with { Running = 0 });
        var lines = new LiveTable(Plain).Draw("here", [.. idle, Row("busy")], TimeSpan.Zero, 80, 8);
        Assert.Contains(lines, l => l.Text.StartsWith("busy", StringComparison.Ordinal));
        Assert.Equal("and 6 more jobs", Text(lines[^1]));
        Assert.Equal(7, lines.Count);
    }

    [Fact]
    public void A_bar_is_full_only_when_all_is_done()
    {
        Assert.Contains(Drawn(80, Row(done: 99_999)), l => l.Contains('░', StringComparison.Ordinal));
        Assert.DoesNotContain(Drawn(80, Row(done: 100_000)), l => l.Contains('░', StringComparison.Ordinal));
    }

    [Fact]
    public async Task Whatever_is_said_stands_above_the_table_in_its_order()
    {
        using var screen = new ScreenTerminal(80, 24);
        await using (var display = Display(screen))
        {
            await display.Output.WriteLineAsync("first");
            display.Show([Row()]);
            Assert.True(screen.IsCursorHidden);
            await display.Output.WriteAsync("sec");
            display.Show([Row(done: 26_000), Row("letters")]);
            await display.Output.WriteLineAsync("ond\nthird");
            await display.Errors.WriteLineAsync("fourth " + new string('x', 200));
            display.Show([Row(done: 27_000)]);
            Assert.Equal(["first", "second", "third"], screen.Lines.Take(3));
            Assert.StartsWith("leading", screen.Lines[6], StringComparison.Ordinal);
            Assert.Contains("27,000/100,000", screen.Lines[8], StringComparison.Ordinal);
            Assert.Equal(9, screen.Lines.Count);
            await display.Output.WriteAsync("without an end");
        }
        // The table goes, the report that follows says it all; what was said stays.
        Assert.False(screen.IsCursorHidden);
        Assert.EndsWith("xxx\nwithout an end", screen.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Neither_the_log_nor_a_handler_can_command_the_terminal()
    {
        using var screen = new ScreenTerminal(80, 24);
        await using (var display = Display(screen))
        {
            display.Show([Row("evil\e[2Jname")]);
            using var log = new LineLog(display.Log, TimeProvider.System);
            log.CreateLogger("Pampa.Task").LogWarning("record \e[2J\u009b1A\a failed\r\nin attempt 1");
            await display.Output.WriteLineAsync("\e]0;title\a \u202Eevil\r");
            await display.EndAsync();
        }
        Assert.Contains("warn: Pampa.Task: record \\u001B[2J\\u009B1A\\u0007 failed in attempt 1", screen.Text, StringComparison.Ordinal);
        Assert.Contains("\\u001B]0;title\\u0007 \\u202Eevil", screen.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_written_while_nothing_changes()
    {
        using var screen = new StringWriter();
        await using var display = new LiveDisplay(Plain, screen, null, () => (80, 24), new FakeTimeProvider());
        display.Show([Row()]);
        var written = screen.ToString();
        display.Show([Row()]);
        Assert.Equal(written, screen.ToString());
    }

    [Theory]
    [InlineData(80, 52)]
    [InlineData(80, 30)]
    [InlineData(80, 79)]
    [InlineData(40, 120)]
    [InlineData(120, 41)]
    public async Task A_terminal_that_is_made_narrower_or_wider_shows_no_fragments(int before, int after)
    {
        width = before;
        using var screen = new ScreenTerminal(width, 24);
        await using var display = Display(screen);
        await display.Output.WriteLineAsync($"first {new string('x', 100)}");
        display.Show([Row(), Row("letters")]);
        width = after;
        screen.Resize(width);
        display.Measure();
        await display.Output.WriteLineAsync("second");
        display.Show([Row(done: 26_000), Row("letters")]);
        Assert.Equal(1, screen.Lines.Count(line => line.StartsWith("leading", StringComparison.Ordinal)));
        Assert.Equal(1, screen.Lines.Count(line => line.StartsWith("letters", StringComparison.Ordinal)));
        Assert.Equal(screen.Lines.Count - 5, screen.Lines.ToList().IndexOf("second"));
        await display.EndAsync();
        Assert.Equal($"first {new string('x', 100)}second", screen.Text.ReplaceLineEndings(""));
    }

    [Fact]
    public async Task What_the_terminal_echoes_of_a_key_is_written_over()
    {
        using var screen = new ScreenTerminal(80, 24);
        await using var display = Display(screen);
        display.Show([Row()]);
        screen.Write("^C");
        await display.Output.WriteLineAsync("Stopping");
        Assert.Equal(4, screen.Lines.Count);
        Assert.Equal("Stopping", screen.Lines[0]);
        Assert.DoesNotContain("^C", screen.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_its_end_nothing_is_drawn()
    {
        using var screen = new ScreenTerminal(80, 24);
        await using var display = Display(screen);
        display.Show([Row()]);
        Assert.True(screen.IsCursorHidden);
        display.Abort();
        display.Show([Row()]);
        Assert.False(screen.IsCursorHidden);
        Assert.Equal("", screen.Text);
    }

    [Fact]
    public async Task A_table_that_others_have_written_below_of_is_drawn_anew()
    {
        using var screen = new ScreenTerminal(80, 24);
        await using var display = Display(screen);
        display.Show([Row()]);
        screen.Write("\n\n\e[?25h[1]+  Stopped\n$ fg\n");
        display.BeginAnew();
        display.Show([Row(done: 26_000)]);
        Assert.True(screen.IsCursorHidden);
        Assert.Equal("$ fg", screen.Lines[^4]);
        Assert.Contains("26,000/100,000", screen.Lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_terminal_that_is_gone_stops_nobody()
    {
        await using var gone = new GoneWriter();
        await using var display = new LiveDisplay(Plain, gone, null, () => (80, 24), new FakeTimeProvider());
        display.Show([Row()]);
        await display.Output.WriteLineAsync("to nobody");
        await display.EndAsync();
    }

    private sealed class GoneWriter : StringWriter
    {
        public override void Write(string? value) => throw new IOException("Input/output error");
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_holds_nobody_up()
    {
        using var stuck = new ManualResetEventSlim();
        await using var errors = new StuckWriter(stuck);
        await using var display = new PlainDisplay(TextWriter.Null, errors);
        for (var i = 0; i < 10_000; i++) display.Log(DateTimeOffset.UnixEpoch, LogLevel.Information, $"line {i}");
        stuck.Set();
        await display.EndAsync();
        Assert.InRange(errors.Lines, 2_500, 9_000);
        Assert.StartsWith("… ", errors.LastAbout("left out"), StringComparison.Ordinal);
    }

    private sealed class StuckWriter(ManualResetEventSlim until) : StringWriter
    {
        private readonly List<string> lines = [];

        public int Lines => lines.Count;

        public string LastAbout(string what) => lines.Last(line => line.Contains(what, StringComparison.Ordinal));

        public override void WriteLine(string? value)
        {
            until.Wait(TimeSpan.FromSeconds(30));
            lines.Add(value!);
        }
    }

    [Fact]
    public async Task Errors_that_go_elsewhere_do_not_come_to_the_screen()
    {
        using var screen = new ScreenTerminal(80, 24);
        using var errors = new StringWriter();
        await using (var display = Display(screen, errors))
        {
            display.Show([Row()]);
            display.Log(DateTimeOffset.UnixEpoch, LogLevel.Error, "Pampa[1] down");
            await display.EndAsync();
        }
        Assert.Equal($"00:00:00 fail: Pampa[1] down{Environment.NewLine}", errors.ToString());
        Assert.Equal("", screen.Text);
    }

    [Theory]
    [InlineData(false, false, "xterm", null, true)]
    [InlineData(false, false, null, "false", true)]
    [InlineData(true, false, "xterm", null, false)]
    [InlineData(false, true, "xterm", null, false)]
    [InlineData(false, false, "dumb", null, false)]
    [InlineData(false, false, "xterm", "true", false)]
    public void The_table_is_for_people_at_a_terminal(bool isPlain, bool isRedirected, string? term, string? ci, bool isLive) =>
        Assert.Equal(isLive, Terminal.IsForPeople(isPlain, isRedirected, name => name == "TERM" ? term : name == "CI" ? ci : null));
}
