using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Pampa.Commands;

namespace Pampa.Tests.Units;

/// <summary>The file that <c>--log</c> names: what stands in it, and what happens when it cannot be written.</summary>
public sealed partial class LogFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-log-").FullName;
    private readonly List<string> told = [];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string Within(string name) => Path.Combine(folder, name);

    private string[] Names() => [.. Directory.GetFiles(folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private LogFile Open(string name) => LogFile.Open(Within(name), told.Add, TimeProvider.System);

    [GeneratedRegex(@"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S")]
    private static partial Regex Dated();

    private static void Numbers(PampaBuilder pampa)
    {
        pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY)", "INSERT INTO numbers (value) VALUES (1), (2), (3) ON CONFLICT DO NOTHING");
        pampa.AddJob("numbers", "numbers", "value", job =>
        {
            job.MaxAttempts = 1;
            job.Process(task =>
            {
                if (task.Get<long>("value") == 2) throw new InvalidOperationException("evil \e[2J\ntext {Name}");
            });
        });
    }

    private async Task<(int Code, string Said, string Errors)> RunAsync(string log)
    {
        var output = new StringWriter();
        var errors = new StringWriter();
        var code = await CommandLine.RunAsync(["run", "--drain", "--db", Within("test.db"), "--log", log], Numbers, output, errors);
        return (code, output.ToString(), errors.ToString());
    }

    [Fact]
    public async Task What_is_no_text_file_is_refused_and_left_as_it_is()
    {
        if (!OperatingSystem.IsWindows())
        {
            using var made = Process.Start("mkfifo", [Within("pipe")]);
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Contains("it is no file but a pipe", Assert.Throws<PampaConfigurationException>(() => Open("pipe")).Message, StringComparison.Ordinal);
        }
        Assert.Equal(1, (await RunAsync("no")).Code);
        var before = await File.ReadAllBytesAsync(Within("test.db"), TestContext.Current.CancellationToken);
        var (code, _, errors) = await RunAsync(Within("test.db"));
        Assert.Equal(2, code);
        Assert.Contains("it is a SQLite database", errors, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(Within("test.db"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_run_leaves_its_log_and_its_report_and_no_progress()
    {
        var (code, said, errors) = await RunAsync(folder);

        Assert.Equal(1, code);
        var lines = await File.ReadAllLinesAsync(Within("run.log"), TestContext.Current.CancellationToken);
        Assert.All(lines, line => Assert.Matches(Dated(), line));
        Assert.Single(lines, l => l.Contains(" Database: SQLite, file ", StringComparison.Ordinal));
        Assert.Single(lines, l => l.Contains(" Draining: ", StringComparison.Ordinal));
        Assert.Single(lines, l => l.Contains(" info: Pampa[101] Node 'local' has ", StringComparison.Ordinal));
        Assert.Single(lines, l => l.Contains(" warn: Pampa.Task[100] Job 'numbers': record 2 failed in attempt 1 of 1 System.InvalidOperationException: evil \\u001B[2J text {Name}", StringComparison.Ordinal));
        Assert.Single(lines, l => l.Contains("numbers: 3 tasks: 2 completed, 1 failed", StringComparison.Ordinal));
        Assert.EndsWith("0 fenced", lines[^1], StringComparison.Ordinal);
        Assert.DoesNotContain(lines, l => l.Contains("/s, ETA", StringComparison.Ordinal));
        // The console has lost nothing by it.
        Assert.All((string[])["Database: ", "Draining: ", "2 completed, 1 failed"], part => Assert.Contains(part, said, StringComparison.Ordinal));
        Assert.Contains("record 2 failed", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_run_goes_on_with_the_file_of_the_first()
    {
        await RunAsync(Within("all.txt"));
        await RunAsync(Within("all.txt"));

        Assert.Equal(2, (await File.ReadAllLinesAsync(Within("all.txt"), TestContext.Current.CancellationToken)).Count(l => l.Contains(" Database: ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_keeps_a_program_from_starting_stands_in_the_file()
    {
        var errors = new StringWriter();
        var code = await CommandLine.RunAsync(["run", "--db", Within("test.db"), "--log", folder],
            pampa => pampa.AddJob("numbers", "nowhere", "value", job => job.Process(_ => { })), TextWriter.Null, errors);

        Assert.Equal(2, code);
        Assert.Contains("there is no table 'nowhere'", errors.ToString(), StringComparison.Ordinal);
        Assert.Contains("there is no table 'nowhere'", await File.ReadAllTextAsync(Within("run.log"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("no", null)]
    [InlineData("NO", null)]
    [InlineData("yes", "run.log")]
    [InlineData("Yes", "run.log")]
    [InlineData("./yes", "yes")]
    [InlineData("my.txt", "my.txt")]
    [InlineData("not-there/", "not-there/run.log")]
    [InlineData(".", "run.log")]
    public void The_file_is_where_it_is_said(string? log, string? expected) =>
        Assert.Equal(expected is null ? null : Path.GetFullPath(expected), LogFile.PathOf(log, "run.log"));

    [Theory]
    [InlineData("not-there/run.log", "Could not find a part of the path")]
    [InlineData("folder", "is denied")]
    public async Task A_file_that_cannot_be_opened_is_an_error_at_the_start(string name, string why)
    {
        Directory.CreateDirectory(Within("folder"));
        var error = Assert.Throws<PampaConfigurationException>(() => Open(name));
        Assert.StartsWith($"--log: the log file {Within(name)} cannot be opened: ", Assert.Single(error.Errors), StringComparison.Ordinal);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        Assert.EndsWith("with --log PATH; or say --log no.", error.Message, StringComparison.Ordinal);

        var (code, said, errors) = await RunAsync(Within("not-there/run.log"));
        Assert.Equal((2, ""), (code, said));
        Assert.StartsWith("--log: the log file ", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_another_process_writes_to_is_refused_also_when_it_has_been_rolled()
    {
        await File.WriteAllTextAsync(Within("run_002.log"), "", TestContext.Current.CancellationToken);
        await using (var first = Open("run.log"))
        {
            first.Write("mine");
            // Until it is open: the queue is emptied by a task of its own.
            await UntilAsync(() => new FileInfo(Within("run_002.log")).Length > 0);
            Assert.Contains("used by another process", Assert.Throws<PampaConfigurationException>(() => Open("run.log")).Message, StringComparison.Ordinal);
        }
        await using (var second = Open("run.log")) second.Write("yours");
        Assert.Equal(["mine", "yours"], await File.ReadAllLinesAsync(Within("run_002.log"), TestContext.Current.CancellationToken));
        Assert.Equal(["run_002.log"], Names());
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition()) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, deadline.Token);
    }

    [Fact]
    public async Task It_grows_to_five_files_and_the_newest_lines_are_kept()
    {
        await using (var log = new LogFile(Within("node.web1.log"), told.Add, TimeProvider.System, largestFile: 1_000))
        {
            for (var i = 1; i <= 400; i++) log.Write($"line {i:000} of the log");
        }
        Assert.Equal(LogFile.Files, Names().Length);
        Assert.All(Names(), name => Assert.InRange(new FileInfo(Within(name)).Length, 1, 1_100));
        Assert.Equal("line 400 of the log", (await File.ReadAllLinesAsync(Within(Names()[^1]), TestContext.Current.CancellationToken))[^1]);
        Assert.Empty(told);
    }

    [Fact]
    public async Task A_full_disk_is_told_once_and_what_is_missing_is_counted()
    {
        if (!File.Exists("/dev/full")) Assert.Skip("Only Linux has a disk that is always full: /dev/full.");
        File.CreateSymbolicLink(Within("run.log"), "/dev/full");
        var log = new LogFile(Within("run.log"), told.Add, TimeProvider.System);
        for (var i = 0; i < 20; i++) log.Write("no room");
        await log.DisposeAsync();

        Assert.StartsWith($"The log file {Within("run.log")} cannot be written: ", Assert.Single(told), StringComparison.Ordinal);
        Assert.Equal(20, log.Lost);
    }

    [Fact]
    public async Task A_disk_that_stands_still_holds_nobody_up()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Windows has no pipe with a place among the files.");
        // Nobody reads it: whoever opens it to write waits.
        using (var make = Process.Start("mkfifo", [Within("run.log")])) await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        var log = new LogFile(Within("run.log"), _ => { }, TimeProvider.System);
        for (var i = 0; i < 10_050; i++) log.Write("no way");
        await log.DisposeAsync();
        // One of them is on its way.
        Assert.InRange(log.Lost, 10_049, 10_050);

        // Whoever waits goes on when somebody can read; to open it for both waits for nobody.
        await using var reader = new FileStream(Within("run.log"), FileMode.Open, FileAccess.ReadWrite);
    }

    [Fact]
    public async Task A_run_whose_log_cannot_be_written_says_so_and_does_its_work()
    {
        if (!File.Exists("/dev/full")) Assert.Skip("Only Linux has a disk that is always full: /dev/full.");
        var errors = new StringWriter();
        await using (var console = new LineWriter(errors.WriteLine))
        await using (var display = new PlainDisplay(TextWriter.Null, console))
        await using (var journal = new Journal(display, TimeProvider.System))
        {
            File.CreateSymbolicLink(Within("real.log"), Within("later.log"));
            journal.Open(Within("real.log"));
            // The disk is full from now on.
            File.Delete(Within("later.log"));
            File.CreateSymbolicLink(Within("later.log"), "/dev/full");
            for (var i = 0; i < 3; i++) journal.Log(DateTimeOffset.UnixEpoch, LogLevel.Information, "on the console at least");
        }
        var lines = errors.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Count(l => l.EndsWith("info: on the console at least", StringComparison.Ordinal)));
        Assert.Single(lines, l => l.StartsWith("The log file ", StringComparison.Ordinal) && l.Contains("cannot be written", StringComparison.Ordinal));
        Assert.Single(lines, l => l.EndsWith("lacks 3 lines that could not be written.", StringComparison.Ordinal));
    }

    [Fact]
    public void A_device_is_refused()
    {
        if (!File.Exists("/dev/full")) Assert.Skip("Only Linux has /dev/full.");
        File.CreateSymbolicLink(Within("run.log"), "/dev/full");
        Assert.Contains("it is a device", Assert.Throws<PampaConfigurationException>(() => Open("run.log")).Message, StringComparison.Ordinal);
        Assert.Contains("it is a device", Assert.Throws<PampaConfigurationException>(() => LogFile.Open("/dev/full", told.Add, TimeProvider.System)).Message, StringComparison.Ordinal);
    }
}
