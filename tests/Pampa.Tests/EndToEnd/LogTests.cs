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

    [Fact]
    public async Task The_supervisor_of_isolated_workers_has_a_file_beside_theirs()
    {
        var folder = programs.NewFolder();
        await using var node = Child.Start(
            await programs.BuiltAsync(ProgramFixture.Cases), programs.NewFolder(),
            ["node", "--name", "iso", "--workers", "1", "--isolated", "--log", folder, "--db", Path.Combine(folder, "case.db")], [("PAMPA_TEST_CASE", "idle")]);
        await node.HearAsync("Node 'iso.1' has 1 workers, session 1");
        node.Terminate();
        Assert.Equal(0, await node.EndAsync());

        Assert.Equal(["node.iso.log", "worker.iso.1.log"], Directory.GetFiles(folder, "*.log").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Contains(" Node 'iso' runs 1 workers as processes of their own, supervised by process ", await ReadAsync(folder, "node.iso.log"), StringComparison.Ordinal);
        Assert.Contains(" Stopping; ", await ReadAsync(folder, "node.iso.log"), StringComparison.Ordinal);
    }

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
