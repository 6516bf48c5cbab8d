namespace Pampa.Tests.EndToEnd;

/// <summary>Stand-alone programs as processes: they run once or again and again, stop, die and are followed by another.</summary>
public sealed class StandAloneProcessTests(ProgramFixture programs)
{
    private const string Alone = "tests/Pampa.Tests/EndToEnd/programs/alone.cs";
    private readonly string folder = programs.NewFolder();

    private string Notes => Path.Combine(folder, "notes");

    private string[] Noted => File.Exists(Notes) ? File.ReadAllLines(Notes) : [];

    private async Task<Child> StartAsync(string name, params string[] arguments) => await StartAsync(name, null, arguments);

    private async Task<Child> StartAsync(string name, NumbersDatabase? database, params string[] arguments) => Child.Start(
        await programs.BuiltAsync(Alone), folder, [.. arguments, .. database?.Arguments ?? []],
        [.. database?.Environment ?? [], ("PAMPA_TEST_CASE", name), ("PAMPA_TEST_NOTES", Notes)]);

    private Task UntilNotedAsync(Child witness, string text, int times = 1) =>
        witness.UntilAsync(() => Task.FromResult(Noted.Count(l => l.Contains(text, StringComparison.Ordinal)) >= times), $"it notes '{text}' {times} times");

    [Fact]
    public async Task One_run_and_then_the_end()
    {
        await using var run = await StartAsync("plain", "--once", "--log", "yes");
        Assert.Equal(0, await run.EndAsync());
        Assert.EndsWith(" begin 1 ", Assert.Single(Noted), StringComparison.Ordinal);
        Assert.Contains(" info: mirror: this is the start", run.Said, StringComparison.Ordinal);
        Assert.Contains(" info: mirror: mirroring... done (0.", run.Said, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', run.Said);
        Assert.DoesNotContain("Database:", run.Said, StringComparison.Ordinal);
        Assert.Contains(" info: mirror: mirroring... done (0.", await File.ReadAllTextAsync(Path.Combine(folder, "mirror.log"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_after_run_until_it_is_told_to_stop()
    {
        await using var run = await StartAsync("plain", "--delay", "0.02");
        await UntilNotedAsync(run, "begin", times: 5);
        run.Terminate();
        Assert.Equal(0, await run.EndAsync());
        Assert.Equal(Enumerable.Range(1, Noted.Length), Noted.Select(l => int.Parse(l.Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task A_stop_in_the_middle_of_a_run_cancels_it_and_is_no_failure()
    {
        await using var run = await StartAsync("waiting");
        await UntilNotedAsync(run, "begin");
        run.Terminate();
        Assert.Equal(0, await run.EndAsync());
        Assert.Contains("Stopping; a second signal ends the program at once.", run.Said, StringComparison.Ordinal);
        Assert.Contains("mirroring... not done (", run.Said, StringComparison.Ordinal);
        Assert.Contains("run 1 was cancelled: the program is stopping", run.Said, StringComparison.Ordinal);
        Assert.Single(Noted);
    }

    [Fact]
    public async Task A_run_that_does_not_listen_is_abandoned_when_its_time_is_over()
    {
        await using var run = await StartAsync("deaf");
        await UntilNotedAsync(run, "begin");
        run.Terminate();
        Assert.Equal(3, await run.EndAsync());
        Assert.Contains("run 1 has not ended within 00:00:01 after the stop; it is abandoned", run.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_signal_ends_it_at_once()
    {
        await using var run = await StartAsync("endless");
        await UntilNotedAsync(run, "begin");
        run.Terminate();
        await run.HearAsync("it has 00:01:00 to end");
        run.Terminate();
        Assert.Equal(130, await run.EndAsync());
    }

    [Fact]
    public async Task A_run_that_fails_is_told_and_does_not_end_the_process_unless_it_is_the_only_one()
    {
        await using var once = await StartAsync("failing", "--once");
        Assert.Equal(1, await once.EndAsync());
        Assert.Contains("fail: Pampa[336] 'mirror': run 1 failed after ", once.Said, StringComparison.Ordinal);
        await using var run = await StartAsync("failing");
        await run.HearAsync("(1 in a row); the next one begins in 00:00:0");
        Assert.Contains("System.InvalidOperationException: the site is down", run.Said, StringComparison.Ordinal);
        Assert.False(run.HasExited);
        run.Terminate();
        Assert.Equal(0, await run.EndAsync());
    }

    [Theory, MemberData(nameof(ClusterProcessesTests.Engines), MemberType = typeof(ClusterProcessesTests))]
    public async Task One_of_several_runs_and_when_it_is_killed_another_takes_over(string engine)
    {
        // Any program's migrate makes the table of leases.
        await using var database = await NumbersDatabase.CreateAsync(Enum.Parse<Fixtures.Engine>(engine), programs, Readiness.Case("idle"));
        await using var first = await StartAsync("single", database);
        await first.HearAsync("'mirror' runs in this process, in term 1 of its lease");
        await UntilNotedAsync(first, "begin", times: 3);
        await using var second = await StartAsync("single", database);
        await second.HearAsync("this process stands by and takes over when that one ends");
        await using var once = await StartAsync("single", database, "--once");
        Assert.Equal(4, await once.EndAsync());
        var more = Noted.Length + 5;
        await first.UntilAsync(() => Task.FromResult(Noted.Length >= more), "it goes on beside who stands by");
        Assert.Single(Noted.Select(l => l.Split(' ')[0]).Distinct());

        await first.KillAsync();
        await second.HearAsync("'mirror' runs in this process, in term 2 of its lease");
        await UntilNotedAsync(second, " 2", times: 3);
        await using var third = await StartAsync("single", database);
        await third.HearAsync("this process stands by");
        second.Terminate();
        Assert.Equal(0, await second.EndAsync());
        await third.HearAsync("in term 3 of its lease");
        third.Terminate();
        Assert.Equal(0, await third.EndAsync());
        // Nobody has run after somebody of a later term.
        var terms = Noted.Select(l => int.Parse(l.Split(' ')[3], System.Globalization.CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(terms.Order(), terms);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Code_that_takes_all_threads_does_not_cost_the_lease(bool onSqlite)
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite, programs, Readiness.Case("idle"));
        await using var first = await StartAsync("starving", database, "--once");
        await UntilNotedAsync(first, "begin");
        await using var second = await StartAsync("starving", database);
        await second.HearAsync("this process stands by");
        Assert.Equal(0, await first.EndAsync());
        Assert.EndsWith("end 1 ", Noted[1], StringComparison.Ordinal);
        await second.HearAsync("in term 2 of its lease");
        await second.KillAsync();
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task The_code_has_the_database_that_is_configured(bool onSqlite)
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite, programs, Readiness.Case("idle"));
        await using var run = await StartAsync("reading", database, "--once");
        Assert.Equal(0, await run.EndAsync());
        Assert.EndsWith("answer 42", Noted[^1], StringComparison.Ordinal);
        Assert.StartsWith("Database: ", run.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_run_that_is_stopped_while_it_waits_for_the_database_is_not_taken_for_done()
    {
        // It takes the connection and never answers.
        using var server = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        server.Start();
        await using var run = await StartAsync("plain", "--once", "--db", $"postgres://me@127.0.0.1:{((System.Net.IPEndPoint)server.LocalEndpoint).Port}/shop");
        using var connection = await server.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        run.Terminate();
        Assert.Equal(3, await run.EndAsync());
        Assert.Empty(Noted);
    }

    [Theory]
    [InlineData("single", "SingleInstance needs a database, in which the processes of the name 'mirror' see each other. Give one with --db, PAMPA_DATABASE_URL or Database")]
    [InlineData("plain", "Unknown option '--dealy'. Did you mean '--delay'?", "--dealy", "3")]
    [InlineData("plain", "--delay must be between 0 and 31536000, got -1.", "--delay", "-1")]
    [InlineData("plain", "Cannot connect to the database (PostgreSQL, host 127.0.0.1, port 1, database shop, user me)", "--db", "postgres://me@127.0.0.1:1/shop")]
    public async Task What_is_wrong_is_told_and_nothing_runs(string name, string told, params string[] arguments)
    {
        await using var run = await StartAsync(name, arguments);
        Assert.Equal(2, await run.EndAsync());
        Assert.Contains(told, run.Said, StringComparison.Ordinal);
        Assert.Empty(Noted);
    }

    [Fact]
    public async Task A_person_sees_colours()
    {
        if (TerminalChild.WhyNot is { } reason) Assert.Skip(reason);
        await using var run = TerminalChild.Start(await programs.BuiltAsync(Alone), folder, 80, ["--once"], ("PAMPA_TEST_CASE", "plain")).Read();
        Assert.Equal(0, await run.EndAsync());
        Assert.Contains("\e[32minfo\e[0m: mirror: mirroring...\e[32m done (0.", run.Written, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_sample_runs()
    {
        var run = await programs.StartAsync("samples/free-space.cs", ["--once"]);
        Assert.Equal(0, await run.EndAsync());
        Assert.Contains(" info: free-space: looking at the disks... ", run.Said, StringComparison.Ordinal);
    }
}
