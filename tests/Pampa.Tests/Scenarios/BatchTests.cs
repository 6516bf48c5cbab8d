using Microsoft.Extensions.Logging;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Handlers that take many tasks at once: what comes of each, while no process dies and no lease ends.</summary>
public sealed class BatchTests
{
    internal static long Value(PampaTask task) => task.Get<long>("value");

    private static int[] Sizes(TestCluster cluster) => [.. cluster.Batches.Select(b => b.Length)];

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task Each_task_of_a_batch_has_an_outcome_of_its_own(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(10);
        var until = new DateTimeOffset(cluster.Db.Clock.Now.AddSeconds(60));
        var process = await cluster.StartAsync(job => job.ProcessBatch(10, (tasks, _) =>
        {
            foreach (var task in tasks)
            {
                task["note"] = $"of {tasks.Count}";
                if (Value(task) is 1) task.Complete();
                else if (Value(task) is 2 && task.Attempt == 1) task.Fail("not today");
                else if (Value(task) is 3) task.Fail("never", permanently: true);
                else if (Value(task) is 4 && tasks.Count > 1) task.Snooze(TimeSpan.FromSeconds(30));
                else if (Value(task) is 5 && tasks.Count > 1) task.Snooze(until);
                else if (Value(task) is 6) task.Fail(new PermanentFailureException("no such customer"));
                else if (Value(task) is 7 && task.Attempt == 1) task.Fail(new FormatException("odd"));
            }
        }), workers: 1);

        await process.RoundAsync();

        Assert.Equal([10], Sizes(cluster));
        var rows = await cluster.RowsAsync();
        Assert.All(rows.Where(r => r.Key is 1 or > 7), row => Assert.Equal((true, 1, "of 10", null), (row.IsCompleted, row.N, row.Note, row.Err)));
        Assert.Equal((true, 1, false, "not today", null), (rows[1].IsFree, rows[1].N, rows[1].Ok, rows[1].Err, rows[1].Note));
        Assert.Equal((true, 1, "never", null), (rows[2].IsFailed, rows[2].N, rows[2].Err, rows[2].Note));
        Assert.All(rows[3..5], row => Assert.Equal((true, 0, null, "of 10"), (row.IsFree, row.N, row.Err, row.Note)));
        Assert.InRange((rows[3].Rt!.Value - cluster.Db.Clock.Now).TotalSeconds, 29.9, 30);
        Assert.Equal(until.UtcDateTime, rows[4].Rt);
        Assert.Equal((true, "PermanentFailureException: no such customer"), (rows[5].IsFailed, rows[5].Err));
        Assert.Equal((true, "FormatException: odd"), (rows[6].IsFree, rows[6].Err));
        var counters = process.Counters;
        Assert.Equal((10, 4, 2, 2, 2, 0), (counters.Started, counters.Completed, counters.Again, counters.Failed, counters.Snoozed, counters.Open));
        Assert.Equal((0, 10), (process.Node.Running, process.Lane.Load.Durations.Count));

        await cluster.LiveAsync(61);
        await cluster.UntilEndedAsync();
        Assert.Equal([3L, 6], (await cluster.RowsAsync()).Where(r => r.IsFailed).Select(r => r.Key));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task A_batch_that_throws_is_run_again_in_halves_and_only_the_one_at_fault_is_charged(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(16);
        var process = await cluster.StartAsync(job => job.ProcessBatch(16, async (tasks, _) =>
        {
            await Task.Yield();
            foreach (var task in tasks) task["note"] = $"of {tasks.Count}";
            if (tasks.Any(t => Value(t) == 7)) throw new InvalidOperationException($"seven, of {tasks.Count}");
        }), workers: 1);

        await process.RoundAsync();

        Assert.Equal([16, 8, 4, 4, 2, 2, 1, 1, 8], Sizes(cluster));
        Assert.All(await cluster.RowsAsync(), row =>
        {
            Assert.Equal((1, row.Key != 7), (row.N, row.IsCompleted));
            Assert.Equal(row.Key switch { <= 4 => "of 4", <= 6 => "of 2", 7 => null, 8 => "of 1", _ => "of 8" }, row.Note);
            Assert.Equal(row.Key == 7 ? "InvalidOperationException: seven, of 1" : null, row.Err);
        });
        await cluster.UntilEndedAsync();
        var seven = await cluster.RowAsync(7);
        Assert.Equal((true, 3), (seven.IsFailed, seven.N));
        var counters = process.Counters;
        Assert.Equal((18, 15, 2, 1, 0), (counters.Started, counters.Completed, counters.Again, counters.Failed, counters.Open));
        Assert.Contains(process.Lines, l => l.Contains("has thrown for a batch of 16 records; the 16 of which nothing was said run again in halves", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_all_are_at_fault_each_fails_with_its_own_text_and_the_calls_are_less_than_twice_as_many()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(5);
        var process = await cluster.StartAsync(job => job.ProcessBatch(5, (tasks, _) =>
            throw new InvalidOperationException(string.Join('+', tasks.Select(Value)))), workers: 1);

        await process.RoundAsync();

        Assert.Equal([5, 3, 2, 1, 1, 1, 2, 1, 1], Sizes(cluster));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((1, $"InvalidOperationException: {row.Key}"), (row.N, row.Err)));
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 3), (row.IsFailed, row.N)));
        Assert.All(cluster.Batches.Skip(9), batch => Assert.Single(batch));
    }

    [Fact]
    public async Task What_was_said_before_the_handler_throws_stands_and_is_not_run_again()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(6);
        await cluster.StartAsync(job => job.ProcessBatch(6, (tasks, _) =>
        {
            foreach (var task in tasks)
            {
                if (Value(task) == 4) throw new InvalidOperationException("four");
                task["note"] = $"of {tasks.Count}";
                task.Complete();
                Assert.True(task.HasOutcome);
            }
        }), workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal(["1+2+3+4+5+6", "4+5", "4", "5", "6", "4", "4"], cluster.Batches.Select(b => string.Join('+', b)));
        Assert.Equal(["of 6", "of 6", "of 6", null, "of 1", "of 1"], (await cluster.RowsAsync()).Select(r => r.Note));
        Assert.Equal(4, Assert.Single(await cluster.RowsAsync(), r => r.IsFailed).Key);
    }

    [Fact]
    public async Task The_only_one_of_which_nothing_was_said_is_not_at_fault_before_it_is_alone()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(3);
        await cluster.StartAsync(job => job.ProcessBatch(3, (tasks, _) =>
        {
            if (tasks.Count == 1) return;
            tasks[0].Complete();
            tasks[1].Complete();
            throw new InvalidOperationException("of the first two");
        }), workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal([3, 1], Sizes(cluster));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task What_is_said_goes_to_the_table_while_the_handler_still_runs()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var go = new TaskCompletionSource();
        var process = await cluster.StartAsync(job => job.ProcessBatch(3, async (tasks, _) =>
        {
            tasks[0].Complete();
            tasks[1].Fail("no");
            await go.Task;
        }), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        var running = process.Node.Workers[0].RunNextAsync();

        await process.FinishAsync();

        var rows = await cluster.RowsAsync();
        Assert.Equal((true, true, true), (rows[0].IsCompleted, rows[1].IsFree, rows[2].IsRunning));
        Assert.Equal(3, process.Node.Running);
        // The one that failed may come again, but not to a worker that still runs its batch.
        await process.RoundAsync();
        Assert.Single(cluster.Batches);
        go.SetResult();
        await running;
        await cluster.UntilEndedAsync();
        Assert.Equal([1, 2, 1], (await cluster.RowsAsync()).Select(r => r.N));
    }

    [Fact]
    public async Task A_snooze_that_is_thrown_puts_off_all_of_which_nothing_was_said()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(job => job.ProcessBatch(4, (tasks, _) =>
        {
            if (tasks.Any(t => t["note"] is not null)) return;
            tasks[0].Complete();
            tasks[1]["note"] = "asked";
            tasks[2]["note"] = "asked";
            throw new SnoozeException(TimeSpan.FromSeconds(20));
        }), workers: 1);

        await process.RoundAsync();

        Assert.Equal([4], Sizes(cluster));
        Assert.Equal((1, 3), (process.Counters.Completed, process.Counters.Snoozed));
        Assert.Equal([1, 0, 0, 0], (await cluster.RowsAsync()).Select(r => r.N));
        await cluster.LiveAsync(21);
        await cluster.UntilEndedAsync();
        Assert.Equal([4, 3], Sizes(cluster));
        Assert.Equal([null, "asked", "asked", null], (await cluster.RowsAsync()).Select(r => r.Note));
    }

    [Fact]
    public async Task A_permanent_failure_that_is_thrown_fails_the_one_that_it_was_thrown_for()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(4);
        await cluster.StartAsync(job => job.ProcessBatch(4, (tasks, _) =>
        {
            if (tasks.Any(t => Value(t) == 2)) throw new PermanentFailureException("two");
        }), workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal((2, 1), (Assert.Single(await cluster.RowsAsync(), r => r.IsFailed).Key, (await cluster.RowAsync(2)).N));
        Assert.Equal([4, 2, 1, 1, 2], Sizes(cluster));
    }

    private sealed record Number(long Value, bool? IsOdd, int? Note);

    private sealed class Mutable
    {
        public long Value { get; set; }

        public string? Note { get; set; }
    }

    [Fact]
    public async Task Rows_are_changed_and_one_that_does_not_fit_fails_by_itself()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(5);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET note = 'no number' WHERE value = 3");
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 2;
            job.ProcessBatch<Number>(5, (tasks, _) =>
            {
                foreach (var task in tasks) task.Row = task.Row with { IsOdd = task.Row.Value % 2 != 0, Note = tasks.Count };
            });
        }, workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal([4], Sizes(cluster));
        var others = (await cluster.RowsAsync()).Where(r => r.Key != 3);
        Assert.All(others, row => Assert.Equal((true, 1, row.Key % 2 != 0, "4"), (row.IsCompleted, row.N, row.IsOdd, row.Note)));
        var third = await cluster.RowAsync(3);
        Assert.Equal((true, 2), (third.IsFailed, third.N));
        Assert.Contains("column 'note' of record 3", third.Err, StringComparison.Ordinal);
        Assert.Equal(0, process.Counters.Open);
    }

    [Fact]
    public async Task Rows_that_are_changed_in_place_are_written_as_they_are_when_the_outcome_is_said()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        await cluster.StartAsync(job => job.ProcessBatch<Mutable>(3, async (tasks, _) =>
        {
            foreach (var task in tasks) task.Row.Note = "early";
            tasks[0].Complete();
            Assert.Throws<InvalidOperationException>(() => tasks[0].Row = new Mutable());
            Assert.Throws<InvalidOperationException>(() => tasks[0]["note"] = "later");
            Assert.Throws<InvalidOperationException>(tasks[0].Complete);
            Assert.Throws<ArgumentNullException>(() => tasks[1].Row = null!);
            await Task.Yield();
            foreach (var task in tasks) task.Row.Note = "late";
        }), workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal(["early", "late", "late"], (await cluster.RowsAsync()).Select(r => r.Note));
    }

    [Fact]
    public async Task A_value_that_cannot_be_stored_fails_only_its_task()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        await cluster.StartAsync(job => job.ProcessBatch(4, (tasks, _) =>
        {
            foreach (var task in tasks) task["note"] = Value(task) is 2 or 3 ? new object() : "fine";
            if (tasks.Count > 1) tasks[2].Complete();
        }), workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal([true, false, false, true], (await cluster.RowsAsync()).Select(r => r.IsCompleted));
        Assert.All((await cluster.RowsAsync()).Where(r => r.IsFailed), row => Assert.Contains("column 'note' cannot store a Object", row.Err, StringComparison.Ordinal));
        Assert.Equal(4, Sizes(cluster)[0]);
    }

    [Fact]
    public async Task An_error_after_all_is_said_is_told_and_changes_nothing()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        BatchTask? kept = null;
        var process = await cluster.StartAsync(job => job.ProcessBatch(3, (tasks, _) =>
        {
            kept = tasks[0];
            foreach (var task in tasks) task.Complete();
            throw new InvalidOperationException("too late");
        }), workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal((3, 3), (process.Counters.Completed, process.Counters.Started));
        Assert.Contains(process.Lines, l => l.StartsWith("Warning: Job 'numbers': the handler has thrown for a batch of 3 records after it had said what came of each; that stands (too late)", StringComparison.Ordinal));
        Assert.Throws<InvalidOperationException>(() => kept!.Fail("later still"));
    }

    [Fact]
    public async Task Nothing_can_be_said_after_the_handler_has_returned()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        BatchTask? kept = null;
        var process = await cluster.StartAsync(job => job.ProcessBatch(2, (tasks, _) => kept = tasks[0]), workers: 1);
        await cluster.UntilEndedAsync();

        Assert.Contains("Await all that it starts", Assert.Throws<InvalidOperationException>(() => kept!.Fail("later")).Message, StringComparison.Ordinal);
        Assert.False(kept!.HasOutcome);
        Assert.Equal(2, process.Counters.Completed);
    }

    [Fact]
    public async Task The_last_lines_of_a_tasks_own_log_stand_in_its_error()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 2;
            job.CaptureLog = true;
            job.ProcessBatch(3, (tasks, _) =>
            {
                foreach (var task in tasks)
                {
                    task.Log.LogInformation("loading page {Value}", Value(task));
                    if (Value(task) == 2) task.Fail("no page");
                }
            });
        }, workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal("no page\nThe log's last lines:\n  loading page 2", (await cluster.RowAsync(2)).Err);
    }

    [Fact]
    public async Task Batches_run_again_and_have_a_key_of_their_own_for_each_time()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("repeated", ", generation bigint DEFAULT 0");
        await cluster.InsertAsync(4, table: "repeated");
        var keys = new List<string>();
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job =>
        {
            job.Columns = job.Columns! with { Generation = "generation" };
            job.RelaunchAfter = TimeSpan.FromSeconds(5);
            job.RelaunchJitter = 0;
            job.ProcessBatch(4, (tasks, _) => keys.AddRange(tasks.Select(t => t.IdempotencyKey)));
        }, table: "repeated"), workers: 1);

        await cluster.UntilAsync(() => Task.FromResult(process.Counters.Completed == 12), "all have run three times");

        Assert.Equal((12, 12), (keys.Count, keys.Distinct().Count()));
        Assert.All(Sizes(cluster), size => Assert.Equal(4, size));
    }
}
