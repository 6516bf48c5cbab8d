using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Pampa.Commands;
using Pampa.Jobs;
using Pampa.Working;

namespace Pampa.Tests.Units;

/// <summary>Steps in the log: what a person reads, and what another logger gets.</summary>
public sealed class StepLogTests : IDisposable
{
    private readonly ConcurrentQueue<string> lines = new();
    private readonly FakeTimeProvider time = new();
    private readonly ILoggerFactory logs;
    private readonly ILogger log;

    public StepLogTests()
    {
        logs = LoggerFactory.Create(logging => logging.AddProvider(new LineLog((_, level, text, end) => lines.Enqueue($"{level}: {text}{end?.Text}"), time)));
        log = logs.CreateLogger("mirror");
    }

    public void Dispose() => logs.Dispose();

    private StepLog Step(string name, ILogger? on = null) => new(on ?? log, name, time);

    private void Reads(params string[] expected) => Assert.Equal(expected, lines);

    [Fact]
    public void A_step_is_one_line_with_what_came_of_it_and_how_long_it_took()
    {
        using (var step = Step("loading the page.. "))
        {
            time.Advance(TimeSpan.FromMilliseconds(300));
            Reads();
            step.Done();
            step.Fail("too late to be said");
        }
        using (var step = Step("counting…")) step.Done("17 links");
        Reads("Information: mirror: loading the page... done (0.3 s)", "Information: mirror: counting... 17 links (0.0 s)");
    }

    [Fact]
    public void What_is_logged_within_a_step_stands_under_its_begin_and_the_end_names_it_again()
    {
        using var outer = Step("loading");
        log.LogInformation("it has {Links} links", 17);
        using (var inner = Step("storing"))
        {
            using (var innermost = Step("the last")) innermost.Done();
            inner.Done();
        }
        outer.Done();
        log.LogInformation("after it");
        Reads("Information: mirror: loading...", "Information: mirror:   it has 17 links", "Information: mirror:   storing...",
            "Information: mirror:     the last... done (0.0 s)", "Information: mirror:   storing... done (0.0 s)", "Information: mirror: loading... done (0.0 s)",
            "Information: mirror: after it");
    }

    [Fact]
    public void A_step_that_takes_long_is_seen_to_have_begun()
    {
        using var outer = Step("outer");
        using var step = Step("waiting");
        time.Advance(StepLog.Patience);
        Reads("Information: mirror: outer...", "Information: mirror:   waiting...");
        time.Advance(TimeSpan.FromMinutes(3));
        step.Done();
        outer.Done();
        Assert.Equal("Information: mirror:   waiting... done (00:03:01)", lines.ElementAt(2));
        time.Advance(StepLog.Patience);
        Assert.Equal(4, lines.Count);
    }

    [Fact]
    public void A_step_that_fails_or_is_left_without_a_word_is_a_warning()
    {
        using (var step = Step("one")) step.Fail();
        using (var step = Step("two")) step.Fail("no such\r\nhost");
        Assert.Throws<InvalidOperationException>((Action)(() =>
        {
            using var step = Step("three");
            throw new InvalidOperationException();
        }));
        Reads("Warning: mirror: one... failed (0.0 s)", "Warning: mirror: two... failed: no such host (0.0 s)", "Warning: mirror: three... not done (0.0 s)");
    }

    [Fact]
    public async Task Code_that_is_a_step_is_done_when_it_returns_and_has_failed_when_it_throws()
    {
        Assert.Equal(5, await log.StepAsync("counting", () => Task.FromResult(5)));
        await log.StepAsync("going", () => Task.CompletedTask);
        await Assert.ThrowsAsync<IOException>(() => log.StepAsync("reading", async () =>
        {
            await Task.Yield();
            throw new IOException("the disk is gone");
        }));
        Assert.Equal(["Information: mirror: counting... done (", "Information: mirror: going... done (", "Warning: mirror: reading... failed: the disk is gone ("],
            lines.Select(l => l[..(l.LastIndexOf('(') + 1)]));
    }

    [Fact]
    public async Task Flows_at_the_same_time_have_steps_of_their_own()
    {
        var go = new TaskCompletionSource();
        using var both = Step("both");
        async Task RunAsync(string name)
        {
            using var step = Step(name);
            await go.Task;
            log.LogInformation("within {Name}", name);
            step.Done();
        }
        var (left, right) = (RunAsync("left"), RunAsync("right"));
        // The flow that started them is not in any of theirs.
        log.LogInformation("beside");
        go.SetResult();
        await Task.WhenAll(left, right);
        both.Done();
        Assert.Equal(["mirror: both...", "mirror:   beside"], lines.Take(2).Select(l => l["Information: ".Length..]));
        foreach (var name in (string[])["left", "right"])
        {
            Assert.Equal([$"mirror:   {name}...", $"mirror:     within {name}", $"mirror:   {name}... done (0.0 s)"],
                lines.Select(l => l["Information: ".Length..]).Where(l => l.Contains(name, StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task A_step_that_ends_elsewhere_holds_nobody_in_it()
    {
        var step = Step("begun here");
        await Task.Run(() => step.Done(), TestContext.Current.CancellationToken);
        log.LogInformation("after it");
        Reads("Information: mirror: begun here... done (0.0 s)", "Information: mirror: after it");
    }

    [Fact]
    public void A_logger_that_is_null_or_off_is_no_error()
    {
        using (var step = ((ILogger?)null).Step("nothing")) step.Done();
        using var quiet = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.None));
        using (var step = quiet.CreateLogger("x").Step("nothing")) step.Done();
        Reads();
    }

    [Fact]
    public void Other_loggers_get_names_and_values()
    {
        var entries = new Entries();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(entries));
        using (var outer = Step("outer", factory.CreateLogger("x")))
        {
            using (var step = Step("inner", factory.CreateLogger("x")))
            {
                time.Advance(TimeSpan.FromSeconds(0.5));
                factory.CreateLogger("y").LogInformation("within");
                step.Done("17");
            }
            outer.Done();
        }
        var inner = entries.Seen.Single(e => e.Text == "inner... 17 (0.5 s)");
        Assert.Equal([("Step", "inner"), ("Depth", 1), ("Outcome", "Done"), ("Result", "17"), ("ElapsedSeconds", 0.5)], inner.State.Take(5).Select(p => (p.Key, p.Value)));
        Assert.Equal("{OriginalFormat}", inner.State[^1].Key);
        Assert.Equal(["outer", "inner"], entries.Seen.Single(e => e.Text == "within").Scopes);
        Assert.Equal(3, entries.Seen.Single(e => e.Text == "outer...").State.Count);
    }

    private sealed record Entry(string Text, IReadOnlyList<KeyValuePair<string, object?>> State, List<string> Scopes);

    private sealed class Entries : ILoggerProvider, ISupportExternalScope, ILogger
    {
        private IExternalScopeProvider? scopes;

        public List<Entry> Seen { get; } = [];

        public void SetScopeProvider(IExternalScopeProvider scopeProvider) => scopes = scopeProvider;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var within = new List<string>();
            scopes!.ForEachScope((scope, list) => list.Add(scope!.ToString()!), within);
            Seen.Add(new Entry(formatter(state, exception), [.. (IReadOnlyList<KeyValuePair<string, object?>>)state!], within));
        }

        public void Dispose()
        {
        }
    }

    [Fact]
    public void A_tasks_lines_say_whose_they_are_and_the_last_ones_are_kept()
    {
        var task = new TaskLog(log, new TaskScope("odd", "17", "local.1", 2), isKept: true);
        task.LogDebug("below the level");
        using (var step = Step("storing", task))
        {
            task.LogError(new IOException("gone"), "a long one: {Text}", new string('x', 300));
            step.Fail();
        }
        Reads("Information: local.1 odd 17: storing...", $"Error: local.1 odd 17:   a long one: {new string('x', 300)} System.IO.IOException: gone",
            "Warning: local.1 odd 17: storing... failed (0.0 s)");
        Assert.Equal(["", "  below the level", "  storing...", $"    a long one: {new string('x', 185)}…", "  storing... failed (0.0 s)"], task.Kept.Split('\n'));
        for (var i = 1; i <= 25; i++) task.LogInformation("line {Number}", i);
        Assert.Equal((TaskLog.KeptLines + 1, "  line 6", "  line 25"), (task.Kept.Split('\n').Length, task.Kept.Split('\n')[1], task.Kept.Split('\n')[^1]));
        Assert.Equal("", new TaskLog(log, new TaskScope("odd", "17", "local.1", 2), isKept: false).Kept);
    }

    [Fact]
    public void The_end_has_a_colour_for_people_and_none_elsewhere()
    {
        string Line(StepOutcome outcome, bool hasColors) => LogLine.Of(DateTimeOffset.UnixEpoch, LogLevel.Information, "mirror: loading...", hasColors,
            LineEnd.Of(new StepEvent("loading", 0, outcome, "evil \e[2J", TimeSpan.Zero)));
        Assert.Equal("00:00:00 info: mirror: loading... evil \\u001B[2J (0.0 s)", Line(StepOutcome.Done, hasColors: false));
        Assert.Equal("00:00:00 \e[32minfo\e[0m: mirror: loading...\e[32m evil \\u001B[2J (0.0 s)\e[0m", Line(StepOutcome.Done, hasColors: true));
        Assert.Contains("\e[31m evil", Line(StepOutcome.Failed, hasColors: true), StringComparison.Ordinal);
        Assert.Contains("\e[33m evil", Line(StepOutcome.NotDone, hasColors: true), StringComparison.Ordinal);
        Assert.Equal("00:00:00 info: mirror: loading...", Line(StepOutcome.Begun, hasColors: false));
    }
}
