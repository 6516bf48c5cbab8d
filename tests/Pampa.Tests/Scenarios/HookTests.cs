using System.Collections.Concurrent;
using System.Globalization;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>What a program does when tasks start, end and run again: in their transactions, and after them.</summary>
public sealed class HookTests
{
    internal static async Task<TestCluster> ClusterAsync(Engine engine = Engine.Sqlite, int records = 0)
    {
        var cluster = await TestCluster.CreateAsync(engine);
        await cluster.Db.ExecuteAsync("CREATE TABLE audit (what text NOT NULL, task bigint NOT NULL, attempt int NOT NULL, note text)");
        await cluster.Db.GrantOwnAsync("INSERT ON audit");
        if (records > 0) await cluster.InsertAsync(records);
        return cluster;
    }

    internal static Sql Audit(TaskEvent about, string? what) =>
        $"INSERT INTO audit (what, task, attempt, note) VALUES ({what}, {about.Get<long>("value")}, {about.Attempt}, {about.Error})";

    /// <summary>A hook for all that happens.</summary>
    internal static void AuditAll(JobBuilder job)
    {
        job.OnStarting(about => Audit(about, "starting"));
        job.OnFinished(about => Audit(about, $"{about.Outcome}"));
        job.OnRelaunched(about => Audit(about, "again"));
    }

    internal static async Task<List<string>> AuditAsync(TestCluster cluster, string where = "TRUE") =>
        (await cluster.Db.ReadAsync($"SELECT task, attempt, what FROM audit WHERE {where}")).ConvertAll(r =>
            string.Create(CultureInfo.InvariantCulture, $"{r[0]}.{r[1]} {r[2]}"));

    internal static List<string> Of(TestProcess process, string part) => [.. process.Lines.Where(line => line.Contains(part, StringComparison.Ordinal))];

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task Each_attempt_has_its_statements_once_whatever_comes_of_it(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 12);
        cluster.AttemptsAreGivenBack = true;
        await cluster.StartAsync(job =>
        {
            AuditAll(job);
            job.Process(task =>
            {
                if (task["note"] is not null || task.Attempt > 1) return;
                task["note"] = "set";
                if (task.Key == "1") throw new FormatException("once");
                if (task.Key == "2") throw new PermanentFailureException("for good");
                if (task.Key == "3") throw new SnoozeException(TimeSpan.FromSeconds(1));
            });
        }, workers: 3);

        await cluster.UntilEndedAsync();

        var audit = await AuditAsync(cluster);
        Assert.Equal(["1.1 starting", "1.1 Again", "1.2 starting", "1.2 Completed"], audit.Where(a => a.StartsWith("1.", StringComparison.Ordinal)));
        Assert.Equal(["2.1 starting", "2.1 Failed"], audit.Where(a => a.StartsWith("2.", StringComparison.Ordinal)));
        Assert.Equal(["3.1 starting", "3.1 Snoozed", "3.1 starting", "3.1 Completed"], audit.Where(a => a.StartsWith("3.", StringComparison.Ordinal)));
        Assert.All(Enumerable.Range(4, 9), key => Assert.Equal([$"{key}.1 starting", $"{key}.1 Completed"], audit.Where(a => a.StartsWith($"{key}.", StringComparison.Ordinal))));
        Assert.Equal(["2.1 Failed"], await AuditAsync(cluster, "note LIKE '%for good%'"));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_start_that_the_statement_refuses_is_a_failed_attempt_without_a_run(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 3);
        var told = new ConcurrentQueue<TaskEvent>();
        var process = await cluster.StartAsync(job =>
        {
            // NULL, where none may stand.
            job.OnStarting(about => Audit(about, about.Get<long>("value") == 2 && about.Attempt < 3 ? null : "starting"));
            job.OnFinished(about => Audit(about, $"{about.Outcome}"));
            job.OnFinished(told.Enqueue);
            job.Process(_ => { });
        });
        await cluster.UntilEndedAsync();

        Assert.Equal(["2.3 starting", "2.3 Completed"], await AuditAsync(cluster, "task = 2"));
        Assert.Equal([3], cluster.Calls.Where(c => c.Key == 2).Select(c => c.Attempt));
        Assert.Equal([TaskOutcome.Again, TaskOutcome.Again, TaskOutcome.Completed], told.Where(t => t.Key == "2").Select(t => t.Outcome!.Value));
        Assert.All(told.Where(t => t is { Key: "2", Outcome: TaskOutcome.Again }), t => Assert.Contains("the database refuses the statement of its OnStarting", t.Error, StringComparison.Ordinal));
        Assert.Equal((2, 3), (process.Counters.Again, process.Counters.Completed));
        Assert.Equal(["1.1 starting", "1.1 Completed"], await AuditAsync(cluster, "task = 1"));
    }

    [Fact]
    public async Task A_start_that_is_always_refused_fails_for_good()
    {
        await using var cluster = await ClusterAsync(records: 1);
        await cluster.StartAsync(job =>
        {
            job.OnStarting(about => about.Key == "1" ? throw new KeyNotFoundException("no such client") : (Sql?)null);
            job.Process(_ => { });
        });
        await cluster.UntilEndedAsync();
        var row = await cluster.RowAsync(1);
        Assert.Equal((true, 3), (row.IsFailed, row.N));
        Assert.Contains("its OnStarting throws KeyNotFoundException: no such client", row.Err, StringComparison.Ordinal);
        Assert.Empty(cluster.Calls);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task An_end_that_the_statement_refuses_is_a_failed_attempt(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 2);
        var process = await cluster.StartAsync(job =>
        {
            // The first completion of one is refused; of the other each end but the last failure, too.
            job.OnFinished(about => Audit(about, about.Key == "2" || about is { Outcome: TaskOutcome.Completed, Attempt: 1 } ? null : $"{about.Outcome}"));
            job.Process(task => task["note"] = "set");
        });
        await cluster.UntilEndedAsync();

        Assert.Equal(["1.1 Again", "1.2 Completed"], await AuditAsync(cluster));
        var (first, second) = (await cluster.RowAsync(1), await cluster.RowAsync(2));
        Assert.Equal((true, 2, "set"), (first.IsCompleted, first.N, first.Note));
        Assert.Equal((true, 3, null), (second.IsFailed, second.N, second.Note));
        Assert.Contains("the database refuses the statement of its OnFinished", second.Err, StringComparison.Ordinal);
        Assert.Equal(3, Of(process, "record 2: the statement of its OnFinished is refused for the outcome").Count);
        Assert.Equal(0, process.Lane.Finisher.Count);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task Statements_are_part_of_the_tasks_own_transaction(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 3);
        await cluster.Db.ExecuteAsync("CREATE TABLE effects (task bigint NOT NULL, note text)");
        await cluster.Db.GrantOwnAsync("INSERT ON effects");
        await cluster.StartAsync(job =>
        {
            job.OnStarting(about => Audit(about, "starting"));
            job.OnFinished(about => Audit(about, about is { Key: "2", Outcome: TaskOutcome.Completed, Attempt: 1 } ? null : $"{about.Outcome} {about["note"]}"));
            job.ProcessInTransaction(async (task, connection, transaction) =>
            {
                await TransactionTests.WriteAsync(task, connection, transaction);
                task["note"] = "set";
                if (task is { Key: "3", Attempt: 1 }) throw new FormatException("once");
            });
        });
        await cluster.UntilEndedAsync();

        await TransactionTests.CheckEffectsAsync(cluster);
        Assert.Equal(["1.1 starting", "1.1 Completed set"], await AuditAsync(cluster, "task = 1"));
        Assert.Equal(["2.1 starting", "2.1 Again ", "2.2 starting", "2.2 Completed set"], await AuditAsync(cluster, "task = 2"));
        Assert.Equal(["3.1 starting", "3.1 Again ", "3.2 starting", "3.2 Completed set"], await AuditAsync(cluster, "task = 3"));
    }

    private sealed record Narrow(long Value);

    [Fact]
    public async Task A_typed_job_has_hooks_that_see_every_column_and_nulls_mean_nothing_to_do()
    {
        await using var cluster = await ClusterAsync(records: 2);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET note = 'first' WHERE value = 1");
        await cluster.StartAsync(job =>
        {
            job.OnStarting(about =>
            {
                if (about.Get<string?>("note") is not { } note) return null;
                return Audit(about, note);
            });
            job.OnFinished(about => about.Outcome == TaskOutcome.Completed ? Audit(about, "done") : throw new InvalidOperationException());
            job.Process<Narrow>((row, _) => row);
        });
        await cluster.UntilEndedAsync();
        Assert.Equal(["1.1 done", "1.1 first", "2.1 done"], (await AuditAsync(cluster)).Order());
    }

    [Fact]
    public async Task Code_runs_after_the_commit_and_what_it_throws_is_a_line()
    {
        await using var cluster = await ClusterAsync(records: 3);
        var order = new ConcurrentQueue<string>();
        var process = await cluster.StartAsync(job =>
        {
            job.OnStarting(about => order.Enqueue($"{about.Key} starts by {about.Worker} in attempt {about.Attempt}: {about.Database is not null}"));
            job.OnStarting(about => about.Key == "2" ? throw new FormatException("at the start") : Task.CompletedTask);
            job.OnFinished(async about =>
            {
                Assert.True((await cluster.RowAsync(about.Get<long>("value"))).Et is not null || about.Outcome == TaskOutcome.Again);
                if (about.Key == "2") throw new FormatException("at the end");
                order.Enqueue($"{about.Key} {about.Outcome} {about["note"]} {about.Error?.Split('\n')[0]}".TrimEnd());
            });
            job.Process(task =>
            {
                order.Enqueue($"{task.Key} runs");
                task["note"] = "set";
                if (task is { Key: "3", Attempt: 1 }) throw new FormatException("once");
            });
        }, workers: 1);
        await cluster.UntilEndedAsync();
        Assert.Equal(["1 starts by a.1 in attempt 1: True", "1 runs", "1 Completed set"], order.Where(o => o.StartsWith("1 ", StringComparison.Ordinal)));
        Assert.Equal(["2 starts by a.1 in attempt 1: True", "2 runs"], order.Where(o => o.StartsWith("2 ", StringComparison.Ordinal)));
        Assert.Equal(6, order.Count(o => o.StartsWith("3 ", StringComparison.Ordinal)));
        Assert.Contains(order, o => o.StartsWith("3 Again", StringComparison.Ordinal) && o.EndsWith("once", StringComparison.Ordinal));
        Assert.Equal(["its OnStarting fails for record 2, and nothing else comes of it: FormatException: at the start", "its OnFinished fails for record 2, and nothing else comes of it: FormatException: at the end"],
            Of(process, "and nothing else comes of it").Select(line => line[line.IndexOf("its", StringComparison.Ordinal)..]));
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
    }

    [Fact]
    public async Task Code_that_does_not_end_is_left_alone_after_a_minute_and_too_much_of_it_holds_the_job_up()
    {
        await using var cluster = await ClusterAsync(records: 1);
        var process = await cluster.StartAsync(job =>
        {
            job.OnFinished(_ => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, TestCluster.Stopping));
            job.Process(_ => { });
        });
        process.WaitsForHooks = false;
        await cluster.UntilEndedAsync();
        Assert.Equal(1, process.Node.Untold);
        // Its minute begins when it does, on a thread of its own.
        var idle = process.Lane.Store.Calls!.IdleAsync();
        for (var i = 0; i < 300 && !idle.IsCompleted; i++)
        {
            await cluster.LiveAsync(65);
            await Task.WhenAny(idle, Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, TestCluster.Stopping));
        }
        Assert.True(idle.IsCompleted);
        Assert.EndsWith("it did not end within 00:01:00", Assert.Single(Of(process, "and nothing else comes of it")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Code_that_blocks_its_thread_has_a_minute_as_well()
    {
        await using var cluster = await ClusterAsync(records: 1);
        using var gate = new ManualResetEventSlim();
        var process = await cluster.StartAsync(job =>
        {
            job.OnFinished(_ => gate.Wait(TestCluster.Stopping));
            job.Process(_ => { });
        });
        process.WaitsForHooks = false;
        await cluster.UntilEndedAsync();
        var idle = process.Lane.Store.Calls!.IdleAsync();
        for (var i = 0; i < 300 && !idle.IsCompleted; i++)
        {
            await cluster.LiveAsync(65);
            await Task.WhenAny(idle, Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, TestCluster.Stopping));
        }
        Assert.True(idle.IsCompleted);
        Assert.EndsWith("it did not end within 00:01:00", Assert.Single(Of(process, "and nothing else comes of it")), StringComparison.Ordinal);
        gate.Set();
    }

    [Fact]
    public async Task Calls_that_never_end_are_no_more_than_there_are_places_and_that_is_told()
    {
        await using var cluster = await ClusterAsync(records: 20);
        var gate = new TaskCompletionSource();
        var begun = 0;
        var process = await cluster.StartAsync(job =>
        {
            job.OnFinished(async _ =>
            {
                Interlocked.Increment(ref begun);
                await gate.Task;
            });
            job.Process(_ => { });
        });
        process.WaitsForHooks = false;
        await cluster.UntilEndedAsync();
        Assert.Equal(20, process.Node.Untold);
        for (var i = 0; i < 300 && Of(process, "do not end").Count == 0; i++)
        {
            await cluster.LiveAsync(65);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestCluster.Stopping);
        }
        var calls = process.Lane.Store.Calls!;
        Assert.Equal((16, 4), (begun, calls.Count));
        // Whoever waits for all to be told, as a drain does and a verb, would wait for ever.
        Assert.Equal(0, process.Node.Untold);
        await calls.TellAllAsync(Timeout.InfiniteTimeSpan, TestCluster.Stopping).WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, TestCluster.Stopping);
        Assert.EndsWith("4 calls of its hooks have not ended or were not made, and are waited for no longer: what they were to tell may be lost", Assert.Single(Of(process, "may be lost")), StringComparison.Ordinal);
        Assert.Contains("16 calls of its hooks do not end, the last one of its OnFinished, and no other is made until one of them ends; 4 wait", Assert.Single(Of(process, "do not end")), StringComparison.Ordinal);
        await cluster.LiveAsync(200);
        Assert.Equal(16, begun);
        gate.SetResult();
        for (var i = 0; i < 3_000 && calls.Count > 0; i++) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestCluster.Stopping);
        Assert.Equal((20, 0), (begun, calls.Count));
    }

    [Fact]
    public async Task Who_acts_in_a_process_at_work_waits_for_no_hook()
    {
        await using var cluster = await ClusterAsync(records: 2);
        cluster.AttemptsAreGivenBack = true;
        var gate = new TaskCompletionSource();
        var process = await cluster.StartAsync(job =>
        {
            job.OnRelaunched(_ => gate.Task);
            job.Process(_ => { });
        });
        process.WaitsForHooks = false;
        await cluster.UntilEndedAsync();
        var relaunched = process.Cluster.RelaunchAsync("numbers", ["1"], TestCluster.Stopping);
        Assert.Equal(1, await relaunched.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, TestCluster.Stopping));
        Assert.Equal(1, process.Node.Untold);
        gate.SetResult();
        await process.Lane.Store.Calls!.IdleAsync();
    }

    [Fact]
    public async Task Who_acts_in_a_process_of_its_own_waits_for_the_hooks_but_not_from_within_one()
    {
        await using var cluster = await ClusterAsync(records: 2);
        cluster.AttemptsAreGivenBack = true;
        var told = new ConcurrentQueue<string>();
        TestProcess? process = null;
        process = await cluster.StartAsync(job =>
        {
            job.Process(_ => { });
            job.OnRelaunched(async about =>
            {
                // It would wait for itself.
                if (about.Key == "1") await process!.Tool.RelaunchAsync("numbers", ["2"], about.CancellationToken);
                told.Enqueue(about.Key);
            });
        });
        await cluster.UntilEndedAsync();
        var relaunched = process.Tool.RelaunchAsync("numbers", ["1"], TestCluster.Stopping);
        Assert.Equal(1, await relaunched.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, TestCluster.Stopping));
        Assert.Equal(["1", "2"], told.Order());
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task What_runs_again_has_its_statement_and_its_code(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 3);
        cluster.AttemptsAreGivenBack = true;
        var told = new ConcurrentQueue<(string Key, object? Note)>();
        var process = await cluster.StartAsync(job =>
        {
            AuditAll(job);
            job.RelaunchAfter = TimeSpan.FromSeconds(2);
            job.RelaunchWhere = $"value <> {3}";
            job.OnRelaunched(about => told.Enqueue((about.Key, about["note"])));
            job.OnRelaunched(about => Audit(about, about.Key == "2" ? null : "and again"));
            job.Process(task => task["note"] = "set");
        });
        await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count(c => c.Key == 1) >= 2), "the first has run twice");
        Assert.Single(Of(process, "record 2 cannot run again"));
        Assert.Single(cluster.Calls, c => c.Key == 2);
        Assert.Contains(("1", "set"), told);
        Assert.DoesNotContain(told, t => t.Key != "1");
        Assert.Equal(["1.0 again", "1.0 and again"], (await AuditAsync(cluster, "what LIKE '%again%'")).Take(2));
        // As somebody who operates it says.
        var ended = await process.Lane.Store.ReadEndedAsync(TaskState.Completed, 10, TestCluster.Stopping);
        var third = ended.FindAll(e => e.Key[0] == "3");
        Assert.Single(await process.Lane.Store.RelaunchAsync(third, TaskState.Completed, TestCluster.Stopping));
        Assert.Equal(["3.0 again", "3.0 and again"], await AuditAsync(cluster, "task = 3 AND attempt = 0"));
    }
}
