using System.Diagnostics;
using System.Globalization;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>A node whose workers are processes of their own.</summary>
[Collection(OneByOne.Name)]
public sealed class IsolatedTests(ProgramFixture programs)
{
    private Task<Child> StartAsync(NumbersDatabase database, params string[] arguments) =>
        programs.StartAsync(ProgramFixture.Numbers, [.. arguments, .. database.Arguments], database.Environment);

    private static Task<Child> NodeAsync(IsolatedTests tests, NumbersDatabase database) =>
        tests.StartAsync(database, "node", "--name", "iso", "--workers", "2", "--isolated");

    /// <summary>The process of a worker, as it has registered.</summary>
    private static async Task<int> ProcessOfAsync(NumbersDatabase database, string worker)
    {
        var identity = (string)(await database.ReadAsync($"SELECT process FROM pampa_worker WHERE worker_id = '{worker}'"))[0][0]!;
        return int.Parse(identity.Split('/')[^2], CultureInfo.InvariantCulture);
    }

    private static bool IsGone(int process)
    {
        try
        {
            using var found = Process.GetProcessById(process);
            return found.HasExited;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }

    private static Task WorksAsync(Child witness, NumbersDatabase database, string worker, long more) => witness.UntilAsync(
        async () => await database.CountAsync($"odd_checking_reservation_id = '{worker}' AND odd_checking_end_time IS NOT NULL") > more, $"{worker} has completed more than {more}");

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_worker_that_dies_is_started_again_and_all_end_with_their_node(bool onSqlite)
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite, programs, Readiness.Numbers);
        var dispatcher = await StartAsync(database, "dispatcher");
        await dispatcher.HearAsync("This process leads 'cluster' in term 1");
        var node = await NodeAsync(this, database);
        foreach (var worker in (string[])["iso.1", "iso.2"]) await WorksAsync(node, database, worker, 10);
        var (first, second) = (await ProcessOfAsync(database, "iso.1"), await ProcessOfAsync(database, "iso.2"));
        Assert.NotEqual(first, second);
        var probe = await StartAsync(database, "top", "--once", "--node", "iso");
        Assert.True(await probe.EndAsync() == 0, probe.Said);

        Process.GetProcessById(first).Kill();
        await node.HearAsync("Worker 'iso.1' ended by itself with 137; it is started again in 1 s");
        await node.HearAsync("iso.1 | ");
        await node.UntilAsync(async () => await ProcessOfAsync(database, "iso.1") != first, "the worker has a new process");
        await node.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Completed) == 100_000, "all numbers are completed");
        await database.AllAreRightAsync();
        Assert.Equal(0, await database.CountAsync("odd_checking_reservation_times > 2"));
        Assert.False(IsGone(second));

        var third = await ProcessOfAsync(database, "iso.1");
        node.Terminate();
        Assert.Equal(0, await node.EndAsync());
        Assert.True(IsGone(second) && IsGone(third), node.Said);
        Assert.Empty(await database.ReadAsync("SELECT 1 FROM pampa_worker WHERE state <> 'resigned'"));
        dispatcher.Terminate();
        Assert.Equal(0, await dispatcher.EndAsync());
    }

    [Theory, InlineData(Engine.Sqlite)]
    internal async Task Workers_whose_node_is_killed_end_in_good_order(Engine engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(engine, programs, Readiness.Numbers);
        var node = await NodeAsync(this, database);
        var witness = await StartAsync(database, "dispatcher");
        foreach (var worker in (string[])["iso.1", "iso.2"]) await WorksAsync(witness, database, worker, 10);

        await node.KillAsync();
        await witness.UntilAsync(
            async () => (await database.ReadAsync("SELECT 1 FROM pampa_worker WHERE state <> 'resigned'")).Count == 0, "both workers have left");
        await witness.UntilAsync(async () => await database.CountAsync("odd_checking_reservation_id LIKE 'iso.%' AND odd_checking_end_time IS NULL") == 0, "they hold nothing");
        Assert.Equal(0, await database.CountAsync("odd_checking_reservation_times > 1"));
        await database.NothingIsInjectedAsync();
    }

    [Fact]
    public async Task What_their_hooks_are_still_to_be_told_they_are_told_at_the_stop()
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite: true, programs);
        var go = Path.Combine(programs.NewFolder(), "go");
        Task<Child> CaseAsync(params string[] verb) => programs.StartAsync(
            ProgramFixture.Cases, [.. verb, .. database.Arguments], [.. database.Environment, ("PAMPA_TEST_CASE", "hooked"), ("PAMPA_TEST_GO", go)]);
        var dispatcher = await CaseAsync("dispatcher");
        await dispatcher.HearAsync("This process leads 'cluster' in term 1");
        var node = await CaseAsync("node", "--name", "iso", "--workers", "2", "--isolated");
        await node.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Completed) == 20, "all numbers are completed");
        node.Terminate();
        await node.UntilAsync(
            async () => (await database.ReadAsync("SELECT 1 FROM pampa_worker WHERE state = 'ready'")).Count == 0 || node.Said.Contains("Stopping", StringComparison.Ordinal), "it stops");
        await File.WriteAllTextAsync(go, "", TestContext.Current.CancellationToken);
        Assert.Equal(0, await node.EndAsync());
        Assert.Equal(20, Directory.GetFiles(Path.GetDirectoryName(go)!).Count(file => file != go));
        dispatcher.Terminate();
        Assert.Equal(0, await dispatcher.EndAsync());
    }

    [Fact]
    public async Task A_name_that_is_at_work_ends_the_node_with_4_whatever_other_workers_do()
    {
        await using var database = await NumbersDatabase.CreateAsync(onSqlite: true, programs);
        var first = await StartAsync(database, "worker", "--id", "iso.1");
        await first.HearAsync("Node 'iso.1' has 1 workers");
        var node = await NodeAsync(this, database);
        Assert.Equal(4, await node.EndAsync());
        Assert.Contains("Worker 'iso.1' ended with 4, so the node ends", node.Said, StringComparison.Ordinal);
        Assert.False(first.HasExited);
    }
}
