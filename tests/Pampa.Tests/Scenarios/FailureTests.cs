using Microsoft.Extensions.Logging;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Handlers that fail, and tables that refuse what handlers set.</summary>
public sealed class FailureTests
{
    [Fact]
    public async Task A_failed_task_comes_again_after_its_back_off_and_not_before()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job =>
        {
            job.Backoff = Backoff.Fixed(TimeSpan.FromSeconds(10));
            job.Process(task =>
            {
                if (task.Attempt == 1) throw new InvalidOperationException("not today");
            });
        });

        await process.RoundAsync();
        var failed = await cluster.RowAsync(1);
        Assert.True(failed.IsFree);
        Assert.Equal((1, false, "InvalidOperationException: not today"), (failed.N, failed.Ok, failed.Err));
        Assert.InRange((failed.Rt!.Value - cluster.Db.Clock.Now).TotalSeconds, 9.9, 12.6);

        await cluster.LiveAsync(9.8);
        await process.RoundAsync();
        Assert.Single(cluster.Calls);

        await cluster.LiveAsync(3);
        await process.RoundAsync();
        var done = await cluster.RowAsync(1);
        Assert.True(done.IsCompleted);
        Assert.Equal((2, null), (done.N, done.Err));
        Assert.Equal((2, 1, 1, 0), (process.Counters.Started, process.Counters.Again, process.Counters.Completed, process.Counters.Failed));
    }

    [Fact]
    public async Task A_task_that_fails_in_each_attempt_is_failed_after_MaxAttempts_with_the_last_text()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await cluster.StartAsync(job => job.Process(task =>
        {
            if (task.Get<long>("value") == 2) throw new InvalidOperationException($"attempt {task.Attempt} failed", new IOException("the cause"));
        }));

        await cluster.UntilEndedAsync();
        await cluster.LiveAsync(20);
        await process.RoundAsync();

        var failed = await cluster.RowAsync(2);
        Assert.True(failed.IsFailed);
        Assert.Equal(3, failed.N);
        Assert.Equal("InvalidOperationException: attempt 3 failed ---> IOException: the cause", failed.Err);
        Assert.NotNull(failed.St);
        Assert.Equal(3, cluster.Calls.Count(c => c.Key == 2));
        Assert.Equal((2, 2, 1), (process.Counters.Completed, process.Counters.Again, process.Counters.Failed));
    }

    [Fact]
    public async Task A_permanent_failure_leaves_the_other_attempts_unused()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        await cluster.StartAsync(job => job.Process(_ => throw new PermanentFailureException("there is no such customer")));

        await cluster.UntilEndedAsync();

        var failed = await cluster.RowAsync(1);
        Assert.True(failed.IsFailed);
        Assert.Equal((1, "PermanentFailureException: there is no such customer"), (failed.N, failed.Err));
        Assert.Single(cluster.Calls);
    }

    [Fact]
    public async Task A_snooze_writes_the_columns_and_counts_no_attempt()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(2);
        var until = new DateTimeOffset(cluster.Db.Clock.Now.AddSeconds(60)).ToOffset(TimeSpan.FromHours(3));
        var process = await cluster.StartAsync(job => job.Process(task =>
        {
            if (task["note"] is not null) return;
            task["note"] = "asked";
            throw task.Get<long>("value") == 1 ? new SnoozeException(TimeSpan.FromSeconds(30)) : new SnoozeException(until);
        }));

        await process.RoundAsync();
        var (first, second) = (await cluster.RowAsync(1), await cluster.RowAsync(2));
        Assert.All([first, second], row =>
        {
            Assert.True(row.IsFree);
            Assert.Equal((0, "asked", null, null), (row.N, row.Note, row.Ok, row.Err));
        });
        Assert.InRange((first.Rt!.Value - cluster.Db.Clock.Now).TotalSeconds, 29.9, 30);
        Assert.Equal(until.UtcDateTime, second.Rt);
        Assert.Equal(2, process.Counters.Snoozed);

        await cluster.LiveAsync(31);
        await process.RoundAsync();
        Assert.True((await cluster.RowAsync(1)).IsCompleted);
        Assert.True((await cluster.RowAsync(2)).IsFree);
        await cluster.LiveAsync(30);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((1, true), (row.N, row.IsCompleted)));
    }

    [Fact]
    public async Task Columns_set_by_a_handler_that_throws_are_not_written()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        await cluster.StartAsync(job => job.Process(task =>
        {
            task["note"] = "half done";
            if (task.Get<long>("value") == 1) throw new InvalidOperationException("too bad");
        }));

        await cluster.UntilEndedAsync();

        Assert.Equal((true, null), ((await cluster.RowAsync(1)).IsFailed, (await cluster.RowAsync(1)).Note));
        Assert.Equal((true, "half done"), ((await cluster.RowAsync(2)).IsCompleted, (await cluster.RowAsync(2)).Note));
    }

    [Fact]
    public async Task A_value_that_cannot_be_stored_fails_only_its_task()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        await cluster.StartAsync(job => job.Process(task =>
            task["note"] = task.Get<long>("value") == 2 ? new object() : "fine"));

        await cluster.UntilEndedAsync();

        var failed = await cluster.RowAsync(2);
        Assert.True(failed.IsFailed);
        Assert.Contains("column 'note' cannot store a Object", failed.Err, StringComparison.Ordinal);
        Assert.Equal(2, (await cluster.RowsAsync()).Count(r => r.IsCompleted && r.Note == "fine"));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_rule_of_the_table_that_refuses_one_row_of_a_batch_fails_only_that_row(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.CreateTableAsync("checked", ", CHECK (note <> 'bad')");
        await cluster.InsertAsync(20, table: "checked");
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job =>
        {
            job.QueueSize = 20;
            job.Process(task => task["note"] = task.Get<long>("value") is 7 or 14 ? "bad" : "good");
        }, table: "checked"), workers: 20);

        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        Assert.Equal(20, process.Lane.Finisher.Count);
        await cluster.UntilEndedAsync("checked");

        Assert.All(await cluster.RowsAsync("checked"), row =>
        {
            var isBad = row.Key is 7 or 14;
            Assert.Equal(isBad, row.IsFailed);
            Assert.Equal(isBad ? 3 : 1, row.N);
            Assert.Equal(isBad ? null : "good", row.Note);
            if (isBad) Assert.Contains("check", row.Err, StringComparison.OrdinalIgnoreCase);
        });
        Assert.Equal((18, 4, 2, 0), (process.Counters.Completed, process.Counters.Again, process.Counters.Failed, process.Counters.Fenced));
    }

    [Fact]
    public async Task The_text_of_a_trigger_that_refuses_a_result_is_stored()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(10);
        await cluster.Db.ExecuteAsync("""
            CREATE TRIGGER refuse BEFORE UPDATE ON numbers WHEN NEW.note = 'refused'
            BEGIN SELECT RAISE(ABORT, 'notes must be polite'); END
            """);
        await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.Process(task => task["note"] = task.Get<long>("value") == 5 ? "refused" : "fine");
        }, workers: 10);

        await cluster.UntilEndedAsync();

        var refused = await cluster.RowAsync(5);
        Assert.True(refused.IsFailed);
        Assert.Contains("notes must be polite", refused.Err, StringComparison.Ordinal);
        Assert.Equal(9, (await cluster.RowsAsync()).Count(r => r.IsCompleted && r.N == 1));
    }

    [Fact]
    public async Task A_trigger_that_refuses_even_the_failure_does_not_hang_the_finisher()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(10);
        await cluster.Db.ExecuteAsync("""
            CREATE TRIGGER refuse BEFORE UPDATE ON numbers WHEN OLD.value = 5 AND OLD.odd_checking_start_time IS NOT NULL
            BEGIN SELECT RAISE(ABORT, 'number five stays as it is'); END
            """);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 10);

        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 9, "nine are completed");
        for (var i = 0; i < 5; i++) await process.RoundAsync();

        Assert.Equal((0, 0), (process.Node.Unfinished, process.Lane.Finisher.Count));
        Assert.Equal((9, 1, 0), (process.Counters.Completed, process.Counters.Unknown, process.Counters.Fenced));
        Assert.True((await cluster.RowAsync(5)).IsRunning);
        // Other work of the same worker goes on.
        await cluster.InsertAsync(10, first: 11);
        process.Dispatcher.Wake();
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 19, "the new ones are completed");
    }

    [Fact]
    public async Task A_record_with_an_earlier_attempt_starts_alone_and_is_never_in_a_batch()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(600);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 1 WHERE value % 50 = 0");
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));

        await process.DispatchAsync();
        for (var i = 0; i < 200 && (await cluster.RowsAsync(where: "odd_checking_end_time IS NULL")).Count > 0; i++)
        {
            await process.DispatchAsync();
            await process.StartAsync();
            var running = (await cluster.RowsAsync()).FindAll(r => r.IsRunning);
            if (running.Exists(r => r.Key % 50 == 0)) Assert.Single(running);
            await process.RunAsync();
            await process.FinishAsync();
        }

        await cluster.CheckAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, row.Key % 50 == 0 ? 2 : 1), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task What_is_tried_again_waits_a_moment_for_the_results_that_its_process_would_take_with_it()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 1 WHERE value IN (2, 4)");
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1);
        async Task<List<long>> StartAsync()
        {
            await process.StartAsync();
            await process.RunAsync();
            return [.. cluster.Calls.Select(call => call.Key)];
        }

        await process.DispatchAsync();
        Assert.Equal([1], await StartAsync());
        Assert.Equal([1], await StartAsync());
        await process.FinishAsync();
        Assert.Equal([1, 2], await StartAsync());
        Assert.Equal([1, 2, 3], await StartAsync());
        // What cannot be written does not hold it up for good.
        Assert.Equal([1, 2, 3], await StartAsync());
        await cluster.LiveAsync(0.9);
        Assert.Equal([1, 2, 3], await StartAsync());
        await cluster.LiveAsync(0.2);
        Assert.Equal([1, 2, 3, 4], await StartAsync());
        await cluster.CheckAsync();
    }

    [Fact]
    public async Task That_two_jobs_wait_so_does_not_make_the_moment_longer()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 1 WHERE value IN (2, 3)");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            foreach (var part in (int[])[0, 1])
            {
                TestCluster.AddNumbers(pampa, job =>
                {
                    job.Where = $"value % 2 = {part}";
                    job.Process(_ => { });
                }, $"part{part}");
            }
        }, workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        var before = cluster.Calls.Count;
        Assert.InRange(before, 1, 2);
        // Nothing is written: both of what was tried before wait, and look again and again.
        for (var i = 0; i < 25; i++)
        {
            await process.StartAsync();
            await process.RunAsync();
            await cluster.LiveAsync(0.1);
        }
        Assert.Contains(cluster.Calls, call => call.Attempt == 2);
        await cluster.UntilEndedAsync();
        await cluster.CheckAsync();
    }

    [Fact]
    public async Task The_last_lines_of_a_tasks_log_stand_in_its_error_where_the_job_wants_it()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.CaptureLog = true;
            job.Process(task =>
            {
                using var step = task.Log.Step("loading the page");
                task.Log.LogInformation("number {Value}", task.Key);
                if (task.Key == "2") throw new InvalidOperationException("no page");
                step.Done();
            });
        });
        await cluster.UntilEndedAsync();
        Assert.Null((await cluster.RowAsync(1)).Err);
        var text = (await cluster.RowAsync(2)).Err!;
        Assert.StartsWith("InvalidOperationException: no page\nThe log's last lines:\n  loading the page...\n    number 2\n  loading the page... not done (", text, StringComparison.Ordinal);
    }
}
