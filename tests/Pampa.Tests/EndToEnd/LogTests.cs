using System.Text.Json;

namespace Pampa.Tests.EndToEnd;

/// <summary>What processes leave in their log files, however they end.</summary>
public sealed class LogTests(ProgramFixture programs)
{
    private static async Task<string> ReadAsync(string folder, string name) =>
        await File.ReadAllTextAsync(Path.Combine(folder, name), TestContext.Current.CancellationToken);

    [Fact]
    public async Task Each_process_has_a_file_of_its_own_in_the_current_folder()
    {
        var folder = programs.NewFolder();
        var program = await programs.BuiltAsync(ProgramFixture.Cases);
        Child Start(params string[] arguments) =>
            Child.Start(program, folder, [.. arguments, "--log", "Yes", "--db", "case.db"], [("PAMPA_TEST_CASE", "idle")]);

        await using var dispatcher = Start("dispatcher");
        await dispatcher.HearAsync("This process leads 'cluster' in term 1");
        await using var node = Start("node", "--name", "web1", "--workers", "2");
        await using var worker = Start("worker", "--id", "w.1");
        await node.HearAsync("Node 'web1' has 2 workers, session 1");
        await worker.HearAsync("Node 'w.1' has 1 workers, session 1");
        await using var twice = Start("node", "--name", "web1");
        Assert.Equal(2, await twice.EndAsync());
        Assert.Contains("node.web1.log cannot be opened", twice.Said, StringComparison.Ordinal);
        foreach (var process in (Child[])[dispatcher, node, worker])
        {
            process.Terminate();
            Assert.Equal(0, await process.EndAsync());
        }

        Assert.Equal(["dispatcher.log", "node.web1.log", "worker.w.1.log"],
            Directory.GetFiles(folder, "*.log").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        foreach (var name in (string[])["dispatcher.log", "node.web1.log", "worker.w.1.log"])
        {
            var log = await ReadAsync(folder, name);
            Assert.Contains(" Database: SQLite, file case.db", log, StringComparison.Ordinal);
            Assert.Contains("Stopping; a second signal ends the program at once.", log, StringComparison.Ordinal);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task The_supervisor_of_isolated_workers_has_a_file_beside_theirs(bool isJson)
    {
        var folder = programs.NewFolder();
        await using var node = Child.Start(
            await programs.BuiltAsync(ProgramFixture.Cases), programs.NewFolder(),
            ["node", "--name", "iso", "--workers", "1", "--isolated", "--log", folder, "--log-format", isJson ? "json" : "plain", "--db", Path.Combine(folder, "case.db")],
            [("PAMPA_TEST_CASE", "idle")]);
        await node.HearAsync("Node 'iso.1' has 1 workers, session 1");
        node.Terminate();
        Assert.Equal(0, await node.EndAsync());

        Assert.Equal(["node.iso.log", "worker.iso.1.log"], Directory.GetFiles(folder, "*.log").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        var log = await ReadAsync(folder, "node.iso.log");
        Assert.Contains("Node 'iso' runs 1 workers as processes of their own, supervised by process ", log, StringComparison.Ordinal);
        Assert.Contains("Stopping; ", log, StringComparison.Ordinal);
        if (!isJson) return;
        Assert.All(Objects(log), o => Assert.True(o.TryGetProperty("message", out _)));
        Assert.Contains(Objects(node.Said), o => o.TryGetProperty("process", out var process) && process.GetString() == "iso.1"
            && o.TryGetProperty("event", out var id) && id.GetInt32() == 101);
    }

    [Fact]
    public async Task With_json_each_line_of_a_process_is_an_object_on_the_console_and_in_the_file()
    {
        var folder = programs.NewFolder();
        await using var run = Child.Start(await programs.BuiltAsync("samples/numbers-again.cs"), folder, ["--drain", "--log-format", "json", "--log", "run.log", "--db", "case.db"], []);
        Assert.Equal(0, await run.EndAsync());

        var log = await ReadAsync(folder, "run.log");
        Assert.Contains(Objects(log), o => o.GetProperty("message").GetString()!.StartsWith("Database: SQLite", StringComparison.Ordinal));
        Assert.Contains(Objects(log), o => o.TryGetProperty("event", out var id) && id.GetInt32() == 101 && o.GetProperty("fields").GetProperty("Workers").GetInt32() > 0);
        Assert.Contains(Objects(run.Said), o => o.GetProperty("message").GetString()!.Contains("1,000 completed", StringComparison.Ordinal));
    }

    private static List<JsonElement> Objects(string lines) => [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line =>
    {
        using var json = JsonDocument.Parse(line);
        return json.RootElement.Clone();
    })];

    [Fact]
    public async Task The_exception_that_ends_the_process_stands_in_the_file()
    {
        var folder = programs.NewFolder();
        await using var run = Child.Start(await programs.BuiltAsync(ProgramFixture.Cases), folder, ["--log", "run.txt", "--db", "case.db"], [("PAMPA_TEST_CASE", "crashing")]);
        await run.HearAsync("Node 'local' has");
        await File.WriteAllTextAsync(Path.Combine(folder, "go"), "", TestContext.Current.CancellationToken);
        Assert.NotEqual(0, await run.EndAsync());

        var log = await ReadAsync(folder, "run.txt");
        Assert.Contains("crit: Unhandled exception: System.InvalidOperationException: a thread of the program's own", log, StringComparison.Ordinal);
    }
}
