using Pampa.Working;
using static Pampa.Tests.Scenarios.BatchTests;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Batches while processes die, leases end, time runs out and others get in the way.</summary>
public sealed class BatchFaultTests
{
    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_process_that_dies_in_a_batch_costs_each_of_it_one_attempt_and_they_go_on_alone(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(12);
        static void Batches(JobBuilder job)
        {
            job.MaxAttempts = 2;
            job.ProcessBatch(8, (_, _) => { });
        }
        var first = await cluster.StartAsync(Batches, workers: 1, name: "a");
        await first.DispatchAsync();
        await first.StartAsync();
        Assert.Equal(8, first.Node.Running);
        first.Kill();
        await first.MarkDeadAsync();

        var second = await cluster.StartAsync(Batches, workers: 1, name: "b");
        await cluster.AdvanceAsync(16);
        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, row.Key <= 8 ? 2 : 1), (row.IsCompleted, row.N)));
        Assert.Equal((12, 0), (second.Counters.Completed, second.Dispatcher.Failed));
        Assert.All(cluster.Batches, batch => Assert.True(batch.Length == 1 || batch.All(key => key > 8)));
    }

    [Fact]
    public async Task One_that_kills_its_process_each_time_charges_its_neighbours_once()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(6);
        for (var life = 0; life < 3; life++)
        {
            TestProcess? process = null;
            process = await cluster.StartAsync(job => job.ProcessBatch(6, async (tasks, _) =>
            {
                if (!tasks.Any(t => Value(t) == 3)) return;
                process!.Kill();
                await new TaskCompletionSource().Task;
            }), workers: 1, name: ((char)('a' + life)).ToString());
            await cluster.AdvanceAsync(16);
            for (var i = 0; i < 20 && process.IsAlive; i++)
            {
                await process.DispatchAsync();
                await process.StartAsync();
                _ = process.RunAsync();
                if (process.IsAlive) await process.FinishAsync();
                await cluster.AdvanceAsync(0.1);
            }
            Assert.False(process.IsAlive);
            await process.MarkDeadAsync();
        }

        await cluster.StartAsync(job => job.ProcessBatch(6, (_, _) => { }), workers: 1, name: "z");
        await cluster.AdvanceAsync(16);
        await cluster.UntilEndedAsync();

        var rows = await cluster.RowsAsync();
        Assert.Equal((true, 3, "worker c.1 lost during attempt 3 of 3"), (rows[2].IsFailed, rows[2].N, rows[2].Err));
        Assert.All(rows.Where(r => r.Key != 3), row => Assert.Equal((true, 2), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task A_stop_gives_back_all_of_which_nothing_was_said_at_no_cost()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(4);
        string? reason = null;
        var process = await cluster.StartAsync(job => job.ProcessBatch(4, async (tasks, stopping) =>
        {
            if (reason is not null) return;
            tasks[0]["note"] = "done";
            tasks[0].Complete();
            tasks[1].Fail("its own fault");
            tasks[2]["note"] = "half done";
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            reason = tasks[2].CancellationReason;
            tasks[2].Fail(new OperationCanceledException());
            stopping.ThrowIfCancellationRequested();
        }), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        var running = process.Node.Workers[0].RunNextAsync();

        process.Node.Interrupt(Interruption.Shutdown);
        await running;
        await process.FinishAsync();

        Assert.Equal("the program is stopping", reason);
        Assert.Equal([(1, "done"), (1, null), (0, null), (0, null)], (await cluster.RowsAsync()).Select(r => (r.N, r.Note)));
        Assert.Equal((1, 1, 2, 0), (process.Counters.Completed, process.Counters.Again, process.Counters.Forgiven, process.Node.Unfinished));
        await cluster.UntilEndedAsync();
    }

    [Fact]
    public async Task A_stop_in_the_middle_of_the_halves_ends_them()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(8);
        TestProcess process = null!;
        process = await cluster.StartAsync(job => job.ProcessBatch(8, (tasks, _) =>
        {
            if (tasks.Count == 2) process.Node.Interrupt(Interruption.Shutdown);
            throw new InvalidOperationException("all of them");
        }), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        await process.FinishAsync();

        Assert.Equal([8, 4, 2], cluster.Batches.Select(b => b.Length));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0, null), (row.IsFree, row.N, row.Err)));
    }

    [Fact]
    public async Task What_was_started_and_not_run_is_forgiven_at_a_stop()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(6);
        var process = await cluster.StartAsync(job => job.ProcessBatch(6, (_, _) => { }), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        Assert.Equal(6, process.Node.Running);

        await process.Node.ReleaseAllAsync(TestCluster.Stopping);
        await process.FinishAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0), (row.IsFree, row.N)));
        Assert.Equal((0, 6), (process.Node.Unfinished, process.Counters.Forgiven));
    }

    [Fact]
    public async Task With_a_lease_that_is_not_to_be_trusted_no_half_is_run_again()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(job => job.ProcessBatch(4, async (_, _) =>
        {
            await cluster.AdvanceAsync(TestCluster.WorkerLease);
            throw new InvalidOperationException("thrown");
        }), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        await process.FinishAsync();

        Assert.Equal([4], cluster.Batches.Select(b => b.Length));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0), (row.IsFree, row.N)));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Records_that_are_somebody_elses_meanwhile_are_fenced_and_the_rest_is_not(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(5);
        var process = await cluster.StartAsync(job => job.ProcessBatch(5, async (tasks, _) =>
        {
            if (tasks.Count > 1)
            {
                await cluster.Db.ExecuteAsync("""
                    UPDATE numbers SET odd_checking_reservation_id = NULL, odd_checking_start_time = NULL, odd_checking_success = FALSE WHERE value IN (2, 4)
                    """);
            }
            foreach (var task in tasks) task["note"] = $"attempt {task.Attempt}";
            if (tasks.Count > 1) tasks[3].Complete();
        }), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        await process.FinishAsync();
        Assert.Equal((3, 2, 0), (process.Counters.Completed, process.Counters.Fenced, process.Counters.Open));

        await cluster.UntilEndedAsync();

        Assert.Equal(["attempt 1", "attempt 2", "attempt 1", "attempt 2", "attempt 1"], (await cluster.RowsAsync()).Select(r => r.Note));
    }

    [Fact]
    public async Task A_batch_that_exceeds_MaxDuration_is_charged_once_and_they_go_on_alone()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        await cluster.StartAsync(job =>
        {
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.ProcessBatch(4, async (tasks, stopping) =>
            {
                if (tasks.Count > 1) tasks[0].Complete();
                if (tasks.Any(t => Value(t) == 3)) await cluster.AdvanceAsync(6);
                stopping.ThrowIfCancellationRequested();
            });
        }, workers: 1);

        await cluster.UntilEndedAsync();

        Assert.Equal(["1+2+3+4", "2", "3", "4", "3"], cluster.Batches.Select(b => string.Join('+', b)));
        var rows = await cluster.RowsAsync();
        Assert.Equal([(true, 1), (true, 2), (false, 3), (true, 2)], rows.Select(r => (r.IsCompleted, r.N)));
        Assert.StartsWith("MaxDuration of 00:00:05 exceeded during attempt 3 of 3: OperationCanceledException", rows[2].Err, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_text_of_a_batch_that_took_too_long_says_how_many_they_were()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await cluster.StartAsync(job =>
        {
            job.Backoff = Backoff.Fixed(TimeSpan.FromHours(1));
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.ProcessBatch(3, async (_, stopping) =>
            {
                await cluster.AdvanceAsync(6);
                stopping.ThrowIfCancellationRequested();
            });
        }, workers: 1);
        await process.RoundAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.StartsWith(
            "MaxDuration of 00:00:05 exceeded by a batch of 3 records during attempt 1 of 3: OperationCanceledException", row.Err, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_time_is_for_all_halves_together_and_whose_turn_does_not_come_is_charged_nothing()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.ProcessBatch(4, async (tasks, stopping) =>
            {
                await cluster.AdvanceAsync(3);
                stopping.ThrowIfCancellationRequested();
                throw new InvalidOperationException("thrown");
            });
        }, workers: 1);

        await process.RoundAsync();

        Assert.Equal(["1+2+3+4", "1+2"], cluster.Batches.Select(b => string.Join('+', b)));
        Assert.Equal([1, 1, 0, 0], (await cluster.RowsAsync()).Select(r => r.N));
        Assert.Equal((2, 2), (process.Counters.Again, process.Counters.Forgiven));
        Assert.Contains(process.Lines, l => l.EndsWith("a batch of 2 records is given back and tried again later: MaxDuration of 00:00:05 exceeded by others of the same start", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_batch_that_ignores_cancellation_is_given_up_at_the_deadline_and_its_late_results_fenced()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var release = new TaskCompletionSource();
        var process = await cluster.StartAsync(job =>
        {
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.ProcessBatch(3, async (tasks, _) =>
            {
                if (tasks[0].Attempt > 1) return;
                await release.Task;
                foreach (var task in tasks) task["note"] = "late";
            });
        }, workers: 2);
        await process.DispatchAsync();
        await process.StartAsync();
        var running = process.Node.Workers.Select(w => w.RunNextAsync()).ToList();
        Assert.Equal(3, process.Node.Running);

        await cluster.LiveAsync(14);
        await process.DispatchAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsRunning));
        await cluster.LiveAsync(11);
        await process.DispatchAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((false, "deadline of 00:00:05 exceeded during attempt 1 of 3"), (row.IsRunning, row.Err)));

        release.SetResult();
        await Task.WhenAll(running);
        await process.FinishAsync();
        Assert.Equal((3, 0), (process.Counters.Fenced, process.Counters.Completed));
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 2, null), (row.IsCompleted, row.N, row.Note)));
    }

    [Fact]
    public async Task A_batch_whose_start_took_so_long_that_the_leader_would_give_it_up_is_not_run()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await cluster.StartAsync(job => job.ProcessBatch(3, (_, _) => { }), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        await cluster.AdvanceAsync(5.5);

        await process.RunAsync();
        await process.FinishAsync();

        Assert.Empty(cluster.Batches);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0), (row.IsFree, row.N)));
        Assert.Contains(process.Lines, l => l.Contains("a batch of 3 records is given back and tried again later: to start it took 00:00:05.5", StringComparison.Ordinal));
        await cluster.UntilEndedAsync();
    }

    [Fact]
    public async Task A_column_that_is_away_for_a_moment_costs_none_of_a_batch_an_attempt()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.CreateTableAsync("wide", ", extra text");
        await cluster.InsertAsync(1, table: "wide");
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job => job.ProcessBatch(4, (tasks, _) =>
        {
            foreach (var task in tasks.Where(t => Value(t) > 1)) task["extra"] = "set";
        }), table: "wide"), workers: 1);
        await cluster.UntilEndedAsync("wide");

        await cluster.Db.ExecuteAsync("ALTER TABLE wide DROP COLUMN extra");
        await cluster.InsertAsync(4, first: 2, table: "wide");
        process.Dispatcher.Wake();
        await cluster.UntilAsync(() => Task.FromResult(cluster.Batches.Count == 2), "the batch has met what is missing");
        Assert.All((await cluster.RowsAsync("wide")).Skip(1), row => Assert.Equal((true, 0), (row.IsFree, row.N)));

        await cluster.Db.ExecuteAsync("ALTER TABLE wide ADD COLUMN extra text");
        await cluster.LiveAsync(35);
        await cluster.UntilEndedAsync("wide");
        Assert.All(await cluster.RowsAsync("wide"), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.All(cluster.Batches.Skip(1), batch => Assert.Equal(4, batch.Length));
    }

    [Fact]
    public async Task What_is_started_in_doubt_is_given_back_and_comes_as_a_batch_again()
    {
        await using var cluster = await TestCluster.CreateAsync();
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(5);
        var process = await cluster.StartAsync(job => job.ProcessBatch(5, (_, _) => { }), workers: 1);
        await process.DispatchAsync();
        process.Faults.LoseAnswer(TestProcess.Start);
        await process.StartAsync();
        Assert.Equal((0, 5), (process.Node.Running, (await cluster.RowsAsync()).Count(r => r.IsRunning)));

        await cluster.UntilEndedAsync();

        Assert.Equal("1+2+3+4+5", Assert.Single(cluster.Batches.Select(b => string.Join('+', b))));
        Assert.Equal((5, 5), (process.Counters.Forgiven, process.Counters.Completed));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal(1, row.N));
    }
}
