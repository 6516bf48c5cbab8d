using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Pampa.Commands;
using Pampa.Jobs;
using Pampa.Working;

namespace Pampa.Tests.Units;

/// <summary>The log as objects, one a line.</summary>
public sealed class JsonLogTests : IDisposable
{
    private readonly List<string> lines = [];
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 26, 19, 0, 0, TimeSpan.Zero));
    private readonly ILoggerFactory logs;
    private readonly ILogger log;

    public JsonLogTests()
    {
        logs = LoggerFactory.Create(logging => logging.AddProvider(new JsonLog(lines.Add, time)));
        log = logs.CreateLogger("mirror");
    }

    public void Dispose() => logs.Dispose();

    private List<JsonElement> Entries => lines.ConvertAll(line =>
    {
        Assert.DoesNotContain('\n', line);
        using var json = JsonDocument.Parse(line);
        return json.RootElement.Clone();
    });

    [Fact]
    public void An_entry_has_its_message_and_its_values_by_name()
    {
        log.Log(LogLevel.Warning, new EventId(202, "Late"), new InvalidOperationException("no\nway"), "{Count} links of {Page} in {Took}, {Share}, {None}", 17, "a \"b\" ñ \u202E", TimeSpan.FromSeconds(2), double.NaN, null);
        var line = Assert.Single(lines);
        Assert.StartsWith("{\"time\":\"2026-11-26T19:00:00.000Z\",\"level\":\"warning\",\"category\":\"mirror\",\"event\":202,\"message\":\"17 links of a \\\"b\\\" ñ \\u202E in 00:00:02, NaN, (null)\",\"fields\":{", line, StringComparison.OrdinalIgnoreCase);
        var fields = Entries[0].GetProperty("fields");
        Assert.Equal(17, fields.GetProperty("Count").GetInt32());
        Assert.Equal(["a \"b\" ñ \u202E", "00:00:02", "NaN"], new[] { "Page", "Took", "Share" }.Select(name => fields.GetProperty(name).GetString()));
        Assert.Equal(JsonValueKind.Null, fields.GetProperty("None").ValueKind);
        Assert.False(fields.TryGetProperty("{OriginalFormat}", out _));
        Assert.StartsWith("System.InvalidOperationException: no\nway", Entries[0].GetProperty("exception").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Steps_nest_as_fields_and_a_task_says_whose_it_is()
    {
        var task = new TaskLog(log, new TaskScope("check_sites", "17", "local.2", 3), isKept: false);
        using (log.BeginScope(new Dictionary<string, object?> { ["Shop"] = "north", ["Links"] = 1 }))
        using (var outer = new StepLog(task, "loading", time))
        {
            using (var inner = new StepLog(task, "storing", time))
            {
                task.LogInformation("{Links} links", 17);
                time.Advance(TimeSpan.FromMilliseconds(300));
                inner.Done("all of them");
            }
            outer.Fail("no such host");
        }
        Assert.Equal(["loading...", "storing...", "17 links", "storing... all of them (0.3 s)", "loading... failed: no such host (0.3 s)"], Entries.Select(e => e.GetProperty("message").GetString()));
        Assert.Equal([null, "loading", "loading/storing", "loading", null], Entries.Select(StepsOf));
        Assert.All(Entries, e => Assert.Equal(("check_sites", "17", "local.2", 3),
            (e.GetProperty("job").GetString(), e.GetProperty("key").GetString(), e.GetProperty("worker").GetString(), e.GetProperty("attempt").GetInt32())));
        Assert.Equal(("north", 17), (Entries[2].GetProperty("fields").GetProperty("Shop").GetString(), Entries[2].GetProperty("fields").GetProperty("Links").GetInt32()));
        Assert.Equal(("storing", "Done", "all of them", 0.3), EndOf(Entries[3]));
        Assert.Equal(("loading", "Failed", "failed: no such host", 0.3), EndOf(Entries[4]));
        Assert.False(Entries[0].TryGetProperty("outcome", out _));
    }

    private static string? StepsOf(JsonElement entry) =>
        entry.TryGetProperty("steps", out var steps) ? string.Join('/', steps.EnumerateArray().Select(s => s.GetString())) : null;

    private static (string?, string?, string?, double) EndOf(JsonElement entry) => (entry.GetProperty("step").GetString(), entry.GetProperty("outcome").GetString(),
        entry.GetProperty("result").GetString(), entry.GetProperty("elapsedSeconds").GetDouble());

    [Fact]
    public void A_line_that_is_too_long_is_cut_within_its_texts_and_stays_an_object()
    {
        log.LogInformation("{Text}", new string('x', 20_000));
        log.LogInformation("{Text}", new string('\u0001', 20_000));
        Assert.All(lines, line => Assert.InRange(line.Length, 1_000, LineWriter.LongestLine));
        Assert.All(Entries, e => Assert.EndsWith("…", e.GetProperty("message").GetString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_a_process_says_is_an_object_too_and_so_is_how_far_it_has_come()
    {
        await using var said = new StringWriter();
        await using (var display = new PlainDisplay(said, said, format: LogFormat.Json))
        await using (var journal = new Journal(display, time, LogFormat.Json))
        {
            await journal.Output.WriteLineAsync("Database: SQLite");
            await journal.Output.WriteLineAsync();
            await journal.Errors.WriteLineAsync("wrong");
            display.Show([new ProgressRow("odd", 50, 100, 12.34) { Workers = 3 }]);
            using var provider = journal.Provider();
            provider.CreateLogger("Pampa").LogInformation("hello");
            journal.Tell("Stopping");
            await display.EndAsync();
        }
        lines.AddRange(said.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.TrimEnd('\r')));
        Assert.Equal([("information", "Database: SQLite"), ("error", "wrong"), ("information", "odd: 50 of 100 done, 12/s, ETA 00:00:04, 3 workers"), ("information", "hello"), ("information", "Stopping")],
            Entries.Select(e => (e.GetProperty("level").GetString(), e.GetProperty("message").GetString())));
        Assert.Equal(("odd", 50, 100, 12.3, 3), (Entries[2].GetProperty("job").GetString(), Entries[2].GetProperty("done").GetInt32(), Entries[2].GetProperty("total").GetInt32(),
            Entries[2].GetProperty("perSecond").GetDouble(), Entries[2].GetProperty("workers").GetInt32()));
    }

    [Fact]
    public void A_line_of_another_process_gets_its_name()
    {
        lines.Add(JsonLine.Of("iso.1", JsonLine.Said(time.GetUtcNow(), LogLevel.Warning, "late"), time.GetUtcNow()));
        lines.Add(JsonLine.Of("iso.2", "Out of memory.", time.GetUtcNow()));
        Assert.Equal(("iso.1", "warning", "late"), (Entries[0].GetProperty("process").GetString(), Entries[0].GetProperty("level").GetString(), Entries[0].GetProperty("message").GetString()));
        Assert.Equal("iso.2 | Out of memory.", Entries[1].GetProperty("message").GetString());
    }
}
