using System.Collections.Concurrent;
using static Pampa.Tests.Stretching.RosterSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Records that run again because the program's own code names them.</summary>
public sealed class RelaunchCodeTests
{
    private static Action<JobBuilder> Named(
        Func<RelaunchContext, CancellationToken, Task<IEnumerable<string>>> keysAsync, Action<JobBuilder>? more = null) => job =>
    {
        job.Process(_ => { });
        job.Relaunch(keysAsync);
        more?.Invoke(job);
    };

    private static async Task<TestCluster> ClusterAsync(Engine engine = Engine.Sqlite)
    {
        var cluster = await TestCluster.CreateAsync(engine);
        cluster.AttemptsAreGivenBack = true;
        return cluster;
    }

    private static List<string> Of(TestProcess process, string part) => [.. process.Lines.Where(line => line.Contains(part, StringComparison.Ordinal))];

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task What_it_names_runs_again_and_what_it_names_in_vain_is_told_once(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine);
        var contexts = new ConcurrentQueue<RelaunchContext>();
        string[] keys = [];
        var process = await cluster.StartAsync(Named((context, _) =>
        {
            contexts.Enqueue(context);
            return Task.FromResult<IEnumerable<string>>(keys);
        }, job => job.Where = $"value <> {4}"));
        await cluster.InsertAsync(4);
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 3, "all have run");
        Assert.Equal(("numbers", 10_000), (contexts.First().Job, contexts.First().Max));
        // One that has not ended, one that is unknown, one that is named twice.
        keys = ["1", "3", "3", "4", "99"];
        await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count(c => c.Key == 1) >= 3), "it has run three times");
        Assert.Single(cluster.Calls, c => c.Key == 2);
        Assert.DoesNotContain(cluster.Calls, c => c.Key == 4);
        Assert.Contains(": 2 of 4 keys that its Relaunch names are passed by", Assert.Single(Of(process, "passed by")), StringComparison.Ordinal);
        Assert.EndsWith("For example: 4", Assert.Single(Of(process, "passed by")), StringComparison.Ordinal);

        // What is in order again, and then not, is told anew.
        keys = ["2"];
        await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count(c => c.Key == 2) >= 2), "it has run twice");
        keys = ["2", "98"];
        await TurnAsync(cluster, 4, process);
        Assert.Equal(2, Of(process, "passed by").Count);
    }

    [Fact]
    public async Task It_may_ask_the_database_and_names_failed_records_as_well()
    {
        await using var cluster = await ClusterAsync();
        await cluster.StartAsync(Named(async (context, stopping) =>
        {
            var keys = new List<string>();
            await using var command = context.Database.CreateCommand("SELECT value FROM numbers WHERE note IS NULL AND odd_checking_end_time IS NOT NULL");
            await using var reader = await command.ExecuteReaderAsync(stopping);
            while (await reader.ReadAsync(stopping)) keys.Add(reader.GetString(0));
            return keys;
        }, job =>
        {
            job.MaxAttempts = 1;
            job.Columns = TaskColumns.WithPrefix("odd_checking") with { Generation = "generation" };
        }));
        await cluster.InsertAsync(2);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_end_time = '2029-01-01T00:00:00.000Z', odd_checking_success = FALSE WHERE value = 1");
        await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count(c => c.Key == 1) >= 2), "the failed one has run twice");
        await cluster.Db.ExecuteAsync("UPDATE numbers SET note = 'enough'");
        await cluster.UntilEndedAsync();
        Assert.True((await cluster.RowAsync(1)).IsCompleted);
    }

    [Fact]
    public async Task What_it_throws_is_told_once_and_only_it_rests()
    {
        await using var cluster = await ClusterAsync();
        var asked = 0;
        var process = await cluster.StartAsync(Named((_, _) => asked++ switch
        {
            0 => throw new InvalidOperationException("not now"),
            1 => Task.FromResult<IEnumerable<string>>(null!),
            _ => Task.FromResult<IEnumerable<string>>(["1"]),
        }, job => job.RelaunchAfter = TimeSpan.FromSeconds(3)));
        await cluster.InsertAsync(2);
        await TurnAsync(cluster, 10, process);
        Assert.Equal(1, asked);
        Assert.EndsWith("its code of relaunching fails, the next try is in 30 s; the rest of the job goes on: it throws InvalidOperationException: not now",
            Assert.Single(Of(process, "relaunching")), StringComparison.Ordinal);
        Assert.True(cluster.Calls.Count(c => c.Key == 2) >= 3);

        await cluster.LiveAsync(30);
        await TurnAsync(cluster, 3, process);
        Assert.Equal(2, asked);
        await cluster.LiveAsync(30);
        await cluster.UntilAsync(() => Task.FromResult(asked >= 3), "it is asked a third time");
        await TurnAsync(cluster, 3, process);
        Assert.Equal(["fails", "works again"], Of(process, "relaunching").Select(line => line.Contains("fails", StringComparison.Ordinal) ? "fails" : "works again"));
    }

    [Theory, InlineData("x"), InlineData("1,2")]
    public async Task A_key_that_cannot_be_one_does_no_harm(string key)
    {
        await using var cluster = await ClusterAsync(Engine.PostgreSql);
        var process = await cluster.StartAsync(Named((_, _) => Task.FromResult<IEnumerable<string>>(["2", key, "1"])));
        await cluster.InsertAsync(3);
        await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count(c => c.Key == 1) >= 2 && cluster.Calls.Count(c => c.Key == 2) >= 2), "the others run again");
        Assert.Single(cluster.Calls, c => c.Key == 3);
        Assert.Single(Of(process, "passed by"));
        Assert.Empty(Of(process, "its code of relaunching fails"));
    }

    [Fact]
    public async Task One_that_does_not_obey_is_told_of_and_works_again_when_it_has_ended()
    {
        await using var cluster = await ClusterAsync();
        var answer = new TaskCompletionSource<IEnumerable<string>>();
        var process = await cluster.StartAsync(Named((_, _) => answer.Task));
        await cluster.InsertAsync(1);
        await process.PatientRoundsAsync(3);
        Assert.True((await cluster.RowAsync(1)).IsCompleted);
        for (var i = 0; i < 20; i++) await cluster.LiveAsync(5);
        await process.PatientRoundsAsync(3);
        Assert.Contains("it does not end, although it was told to after a minute", Assert.Single(Of(process, "relaunching fails")), StringComparison.Ordinal);
        Assert.Single(cluster.Calls);
        answer.SetResult(["1"]);
        await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count > 1), "it runs again");
        Assert.Single(Of(process, "relaunching works again"));
    }

    [Fact]
    public async Task Nothing_runs_again_while_too_much_of_that_was_not_told_yet()
    {
        await using var cluster = await ClusterAsync();
        var told = new TaskCompletionSource();
        var process = await cluster.StartAsync(Named((_, _) => Task.FromResult<IEnumerable<string>>(["1"]), job => job.OnRelaunched(_ => told.Task)));
        process.WaitsForHooks = false;
        await cluster.InsertAsync(1);
        await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count > 1), "it has run twice");
        var (store, calls) = (process.Lane.Store, process.Lane.Store.Calls!);
        Assert.True(store.TryParseKey("1", out var key));
        while (calls.Count <= Jobs.Limits.RelaunchRows) calls.Tell(Jobs.HookKind.Relaunched, new TaskEvent(store.Table, key));
        await cluster.UntilAsync(async () => (await cluster.RowAsync(1)).IsCompleted, "it has ended");
        var before = cluster.Calls.Count;
        await TurnAsync(cluster, 10, process);
        Assert.Equal(before, cluster.Calls.Count);
        told.SetResult();
        await calls.IdleAsync();
        await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count > before), "it runs again");
        await calls.IdleAsync();
    }

    [Fact]
    public async Task One_that_takes_long_holds_up_nobody_and_has_a_minute()
    {
        await using var cluster = await ClusterAsync();
        var asked = 0;
        var answer = new TaskCompletionSource<IEnumerable<string>>();
        var process = await cluster.StartAsync(Named((_, stopping) =>
        {
            asked++;
            return answer.Task.WaitAsync(stopping);
        }));
        await cluster.InsertAsync(1);
        await process.PatientRoundsAsync(5);
        Assert.True((await cluster.RowAsync(1)).IsCompleted);
        Assert.Equal(1, asked);

        answer.SetResult(["1"]);
        await process.PatientRoundsAsync(3);
        Assert.True(cluster.Calls.Count >= 2);

        answer = new TaskCompletionSource<IEnumerable<string>>();
        await process.PatientRoundsAsync(6);
        var before = asked;
        for (var i = 0; i < 14; i++) await cluster.LiveAsync(5);
        await process.PatientRoundsAsync(3);
        Assert.Equal(before, asked);
        Assert.Contains("it did not end within 00:01:00", Assert.Single(Of(process, "relaunching fails")), StringComparison.Ordinal);
    }
}
