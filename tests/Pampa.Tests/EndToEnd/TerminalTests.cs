using System.Text.RegularExpressions;
using Npgsql;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>What a person at a terminal sees of <c>run</c>, and what the terminal is like afterwards.</summary>
[Collection(OneByOne.Name)]
public sealed partial class TerminalTests(ProgramFixture programs)
{
    private const string HideCursor = "\e[?25l";
    private const string ShowCursor = "\e[?25h";
    private const string AllButOne = "39/40";

    [GeneratedRegex("^task [0-9]{2} says this in one line, to its end\\.$", RegexOptions.Multiline)]
    private static partial Regex Said { get; }

    [GeneratedRegex("\e\\[[?0-9;]*[A-Za-z]")]
    private static partial Regex Commands { get; }

    [GeneratedRegex("\e\\[\\?2026h.*?\e\\[\\?2026l", RegexOptions.Singleline)]
    private static partial Regex Picture { get; }

    private static readonly string[] Database = ["--db", "numbers.db"];

    private async Task<TerminalChild> StartAsync(
        string name, string[] arguments, int width = 80, params (string, string)[] environment)
    {
        if (TerminalChild.WhyNot is { } reason) Assert.Skip(reason);
        var program = await programs.BuiltAsync(ProgramFixture.Cases);
        return TerminalChild.Start(program, programs.NewFolder(), width, [.. arguments, .. Database], [("PAMPA_TEST_CASE", name), .. environment]);
    }

    // The table is gone, the cursor is there, and it stays.
    private static void IsGivenBack(TerminalChild run)
    {
        Assert.Contains(HideCursor, run.Written, StringComparison.Ordinal);
        Assert.True(run.Written.LastIndexOf(ShowCursor, StringComparison.Ordinal) > run.Written.LastIndexOf(HideCursor, StringComparison.Ordinal), run.Written);
        Assert.False(run.Screen.IsCursorHidden);
        NoTableIsLeft(run.Screen);
    }

    private static void NoTableIsLeft(ScreenTerminal screen) => Assert.DoesNotContain(screen.Lines, line =>
        line.StartsWith("leading", StringComparison.Ordinal) || line.StartsWith("job ", StringComparison.Ordinal) || line.Contains("/40", StringComparison.Ordinal));

    [Fact]
    public async Task A_drain_leaves_whole_lines_and_a_terminal_as_it_was()
    {
        await using var run = (await StartAsync("talking", ["run", "--drain"])).Read();
        await run.SeeAsync(HideCursor);
        run.Go();

        Assert.Equal(1, await run.EndAsync());

        IsGivenBack(run);
        Assert.Equal(40, Said.Count(run.Screen.Text));
        Assert.DoesNotContain("\e[2J", run.Written, StringComparison.Ordinal);
        Assert.Contains("evil \\u001B[2J\\u0007 text", run.Written, StringComparison.Ordinal);
        Assert.Contains("odd: 40 tasks: 36 completed, 4 failed", run.Screen.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_terminal_that_is_made_narrower_shows_no_fragments()
    {
        await using var run = (await StartAsync("talking", ["run", "--drain"])).Read();
        await run.SeeAsync(AllButOne);
        var before = run.Written.Length;
        run.Resize(52);
        await run.UntilAsync(() => Task.FromResult(FirstOf(run.Written, before, 52) > 0), "a table of 52 columns");
        run.Go();
        Assert.Equal(1, await run.EndAsync());

        var screen = new ScreenTerminal(80, 24);
        var narrow = FirstOf(run.Written, before, 52);
        screen.Write(run.Written[..narrow]);
        screen.Resize(52);
        screen.Write(run.Written[narrow..]);
        Assert.False(screen.IsCursorHidden);
        NoTableIsLeft(screen);
        Assert.Equal(40, Said.Count(screen.Text));
    }

    // Where the first picture begins that is narrower than the terminal.
    private static int FirstOf(string written, int from, int columns)
    {
        foreach (var picture in Picture.Matches(written).Where(p => p.Index >= from))
        {
            if (Commands.Replace(picture.Value, "").Split('\n').Max(line => line.Trim('\r').Length) < columns) return picture.Index;
        }
        return -1;
    }

    [Fact]
    public async Task A_stop_with_ctrl_c_says_so_above_the_table_and_gives_the_terminal_back()
    {
        await using var run = (await StartAsync("talking", ["run"])).Read();
        await run.SeeAsync(AllButOne);
        await run.TypeAsync(TerminalChild.CtrlC);
        await run.SeeAsync("Stopping; a second signal ends the program at once.");
        run.Go();

        Assert.Equal(0, await run.EndAsync());

        IsGivenBack(run);
        Assert.Contains("Stopping; a second signal ends the program at once.", run.Screen.Lines);
    }

    [Fact]
    public async Task A_second_ctrl_c_gives_the_terminal_back_too()
    {
        await using var run = (await StartAsync("talking", ["run"])).Read();
        await run.SeeAsync(AllButOne);
        await run.TypeAsync(TerminalChild.CtrlC);
        await run.SeeAsync("Stopping; a second signal ends the program at once.");
        await run.TypeAsync(TerminalChild.CtrlC);

        Assert.Equal(130, await run.EndAsync());

        IsGivenBack(run);
    }

    [Theory]
    [InlineData("top", "--node", "web1")]
    [InlineData("status", "--watch")]
    public async Task Whoever_gives_up_before_the_first_answer_has_found_nothing_wrong(params string[] verb)
    {
        if (TerminalChild.WhyNot is { } reason) Assert.Skip(reason);
        await using var database = await NumbersDatabase.CreateAsync(Engine.PostgreSql, programs, Readiness.Case("idle"));
        await using var holder = new NpgsqlConnection(database.Settings);
        await holder.OpenAsync(TestContext.Current.CancellationToken);
        await using var held = await holder.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var hold = new NpgsqlCommand("LOCK TABLE pampa_worker", holder, held);
        await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        var program = await programs.BuiltAsync(ProgramFixture.Cases);
        await using var run = TerminalChild.Start(
            program, programs.NewFolder(), 80, verb, [("PAMPA_TEST_CASE", "idle"), .. database.Environment]).Read();
        const string Waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'pampa_worker'::regclass";
        await run.UntilAsync(async () => (await database.ReadAsync(Waiting)).Count > 0, "it waits for its first answer");
        await run.TypeAsync(TerminalChild.CtrlC);

        Assert.Equal(0, await run.EndAsync());
        Assert.DoesNotContain("takes tasks", run.Written, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_exception_that_ends_the_process_gives_the_terminal_back_first()
    {
        await using var run = (await StartAsync("crashing", ["run"])).Read();
        await run.SeeAsync(HideCursor);
        run.Go();

        Assert.Equal(128 + 6, await run.EndAsync());

        var shown = run.Written.LastIndexOf(ShowCursor, StringComparison.Ordinal);
        Assert.True(shown > run.Written.LastIndexOf(HideCursor, StringComparison.Ordinal), run.Written);
        Assert.True(shown < run.Written.IndexOf("a thread of the program's own", StringComparison.Ordinal), run.Written);
    }

    [Fact]
    public async Task A_terminal_that_stands_still_holds_up_neither_the_work_nor_the_end()
    {
        // Nobody reads: after some thousand letters the terminal takes no more.
        await using var run = await StartAsync("complaining", ["run"]);
        await using var database = NumbersDatabase.Sqlite(run.Folder);
        await run.UntilAsync(async () => await database.CountAsync("odd_checking_end_time IS NOT NULL") == 4_000, "all have failed");

        // The first asks it to stop, which waits for the terminal; the second does not.
        await run.UntilAsync(() =>
        {
            if (!run.IsGone) run.Terminate();
            return Task.FromResult(run.IsGone);
        }, "the program is gone");

        Assert.Equal(130, await run.Read().EndAsync());
    }

    [Theory]
    [InlineData(new[] { "run", "--drain", "--plain" }, "TERM", "xterm")]
    [InlineData(new[] { "run", "--drain" }, "TERM", "dumb")]
    [InlineData(new[] { "run", "--drain" }, "CI", "true")]
    public async Task Who_asks_for_lines_gets_lines(string[] arguments, string name, string value)
    {
        await using var run = (await StartAsync("talking", arguments, 80, (name, value))).Read();
        run.Go();

        Assert.Equal(1, await run.EndAsync());

        Assert.DoesNotContain(HideCursor, run.Written, StringComparison.Ordinal);
        Assert.DoesNotMatch("\e\\[[0-9;]*[mAJK]", run.Written);
        Assert.DoesNotContain('\a', run.Written);
        Assert.Contains("36 completed, 4 failed", run.Written, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_wants_no_colours_gets_a_table_without()
    {
        await using var run = (await StartAsync("talking", ["run", "--drain"], 80, ("NO_COLOR", "1"))).Read();
        await run.SeeAsync(AllButOne);
        run.Go();

        Assert.Equal(1, await run.EndAsync());

        IsGivenBack(run);
        Assert.DoesNotMatch("\e\\[(?:[0-9]+;)*[349][0-9]", run.Written);
    }

    [Theory]
    [InlineData(120, "odd     40         36       4        0          0         0        0      -  00:00:00           -")]
    [InlineData(60, "completed         36")]
    public async Task The_counts_are_a_table(int width, string line)
    {
        await using var run = (await StartAsync("talking", ["run", "--drain", "--plain"], width)).Read();
        run.Go();
        Assert.Equal(1, await run.EndAsync());

        var program = await programs.BuiltAsync(ProgramFixture.Cases);
        await using var status = TerminalChild.Start(program, run.Folder, width, ["status", .. Database], ("PAMPA_TEST_CASE", "talking")).Read();

        Assert.Equal(0, await status.EndAsync());
        Assert.Contains(line, status.Screen.Lines);
    }
}
