namespace Pampa.Tests.EndToEnd;

/// <summary>Processes that are paused, drained, asked and refused from the command line, each of which is another process.</summary>
public sealed class OperatedProcessesTests(ProgramFixture programs)
{
    public static TheoryData<string> Engines => ClusterProcessesTests.Engines;

    private async Task<Child> StartAsync(NumbersDatabase database, params string[] more) =>
        await programs.StartAsync(ProgramFixture.Numbers, [.. more, .. database.Arguments], database.Environment);

    [Theory, MemberData(nameof(Engines))]
    public async Task A_job_is_paused_explained_and_resumed_and_a_node_drained_from_the_command_line(string engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(Enum.Parse<Fixtures.Engine>(engine), programs, Readiness.Case("idle"));
        Task<Child> CaseAsync(params string[] verb) => programs.StartAsync(
            ProgramFixture.Cases, [.. verb, .. database.Arguments], [.. database.Environment, ("PAMPA_TEST_CASE", "idle")]);
        async Task<string> SayAsync(int code, params string[] verb)
        {
            var child = await CaseAsync(verb);
            Assert.Equal(code, await child.EndAsync());
            return child.Said;
        }
        var run = await CaseAsync("run", "--workers", "2");
        await run.HearAsync("Node 'local' has 2 workers");
        Assert.Contains("job odd is paused", await SayAsync(0, "pause", "job", "odd", "--reason", "the shop moves", "--for", "01:00:00"), StringComparison.Ordinal);
        await run.HearAsync("job odd is paused: it begins nothing");
        await database.ExecuteAsync("INSERT INTO numbers (value) VALUES (1), (2), (3)");
        var status = await SayAsync(0, "status", "--explain", "--workers");
        Assert.Contains("odd: 0 workers: it is paused", status, StringComparison.Ordinal);
        Assert.Contains("(the shop moves), goes on in 0", status, StringComparison.Ordinal);
        Assert.Contains("worker local.1: serves nobody, heard", status, StringComparison.Ordinal);
        Assert.Equal(0, await database.CountAsync(NumbersDatabase.Completed));

        Assert.Contains("job odd is resumed", await SayAsync(0, "resume", "job", "odd"), StringComparison.Ordinal);
        await run.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Completed) == 3, "all are done");
        Assert.Contains("node local is drained", await SayAsync(0, "drain", "node", "local", "--timeout", "00:00:30"), StringComparison.Ordinal);
        Assert.Contains("worker local.2: serves nobody, detached", await SayAsync(0, "status", "--workers"), StringComparison.Ordinal);
        Assert.Contains("\"target\":\"node local\"", await SayAsync(0, "status", "--json"), StringComparison.Ordinal);
        Assert.Contains("node local is attached", await SayAsync(0, "attach", "node", "local"), StringComparison.Ordinal);
        Assert.Contains("node local was not paused", await SayAsync(0, "attach", "node", "local"), StringComparison.Ordinal);
        Assert.Contains("did you mean 'odd'?", await SayAsync(2, "pause", "job", "ood"), StringComparison.Ordinal);
        Assert.Contains("There never was a worker locl.1 (did you mean 'local.1'?)", await SayAsync(2, "detach", "worker", "locl.1"), StringComparison.Ordinal);
        run.Terminate();
        Assert.Equal(0, await run.EndAsync());
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_drain_waits_for_what_runs_and_says_so_when_its_time_is_over(string engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(Enum.Parse<Fixtures.Engine>(engine), programs, Readiness.Case("holding"));
        var go = Path.Combine(programs.NewFolder(), "go");
        Task<Child> CaseAsync(params string[] verb) => programs.StartAsync(
            ProgramFixture.Cases, [.. verb, .. database.Arguments], [.. database.Environment, ("PAMPA_TEST_CASE", "holding"), ("PAMPA_TEST_GO", go)]);
        var run = await CaseAsync("run", "--workers", "1");
        await run.UntilAsync(async () => await database.CountAsync("odd_checking_start_time IS NOT NULL AND odd_checking_end_time IS NULL") == 1, "a task runs");

        var refused = await CaseAsync("pause", "job", "odd", "--until", "2020-01-01T00:00Z");
        Assert.Equal(2, await refused.EndAsync());
        Assert.Contains("must end in the future by the database's clock, got 2020-01-01T00:00:00", refused.Said, StringComparison.Ordinal);

        var late = await CaseAsync("drain", "job", "odd", "--timeout", "00:00:01");
        Assert.Equal(3, await late.EndAsync());
        Assert.Contains("job odd is not drained within 00:00:01: 1 tasks are reserved or run still. It stays paused.", late.Said, StringComparison.Ordinal);

        var drain = await CaseAsync("drain", "job", "odd", "--until", "2199-12-31T00:00Z");
        await File.WriteAllTextAsync(go, "", TestContext.Current.CancellationToken);
        await drain.EndAsync();
        Assert.Contains("job odd is drained", drain.Said, StringComparison.Ordinal);
        // The others were given back at no cost, and nothing of them was begun meanwhile.
        Assert.Equal(1, await database.CountAsync(NumbersDatabase.Completed));
        Assert.Equal(2, await database.CountAsync("odd_checking_reservation_id IS NULL AND COALESCE(odd_checking_reservation_times, 0) = 0"));

        var watch = await CaseAsync("status", "--watch", "--explain");
        await watch.HearAsync("odd: 0 workers: it is paused");
        await watch.HearAsync("job odd");
        watch.Terminate();
        Assert.Equal(0, await watch.EndAsync());
        run.Terminate();
        Assert.Equal(0, await run.EndAsync());
        await database.NothingIsInjectedAsync();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_probe_asks_whether_a_node_is_at_work(string engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(Enum.Parse<Fixtures.Engine>(engine), programs, Readiness.Numbers);
        async Task<(int Code, string Said)> AskAsync(string name)
        {
            var probe = await StartAsync(database, "top", "--once", "--node", name);
            return (await probe.EndAsync(), probe.Said);
        }

        var node = await StartAsync(database, "node", "--name", "web1", "--workers", "2");
        await node.UntilAsync(async () => (await AskAsync("web1")).Code == 0, "its workers take tasks");
        var (code, said) = await AskAsync("web2");
        Assert.Equal(2, code);
        Assert.Contains("No worker of the node 'web2' takes tasks.", said, StringComparison.Ordinal);
        Assert.DoesNotContain("web1", said, StringComparison.Ordinal);
        node.Terminate();
        Assert.Equal(0, await node.EndAsync());
        Assert.Equal(2, (await AskAsync("web1")).Code);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_name_that_is_at_work_is_refused_and_one_that_died_here_is_taken_over_at_once(string engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(Enum.Parse<Fixtures.Engine>(engine), programs, Readiness.Numbers);
        var first = await StartAsync(database, "node", "--name", "web1", "--workers", "2");
        await first.HearAsync("Node 'web1' has 2 workers, session 1");

        var twice = await StartAsync(database, "node", "--name", "web1", "--workers", "2");
        Assert.Equal(4, await twice.EndAsync());
        Assert.Contains("Worker 'web1.1' is at work already, in process ", twice.Said, StringComparison.Ordinal);
        var one = await StartAsync(database, "worker", "--id", "web1.2");
        Assert.Equal(4, await one.EndAsync());
        Assert.False(first.HasExited);

        await first.KillAsync();
        var second = await StartAsync(database, "node", "--name", "web1", "--workers", "2");
        await second.HearAsync("Node 'web1' has 2 workers, session 2");
        second.Terminate();
        Assert.Equal(0, await second.EndAsync());
    }
}
