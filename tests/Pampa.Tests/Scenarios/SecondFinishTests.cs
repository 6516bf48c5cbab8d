using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Pampa.Jobs;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>A second statement that writes results beside the first: the easy ones only.</summary>
public sealed class SecondFinishTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Has tasks run and not written, until at least so many results wait.</summary>
    private static async Task<TestProcess> WaitingAsync(TestCluster cluster, int results, Action<PampaTask>? handler = null, int workers = 4)
    {
        await cluster.InsertAsync(results);
        var process = await cluster.StartAsync(job => job.Process(handler ?? (_ => { })), workers);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(0.05));
        for (var i = 0; i < 20 && process.Lane.Finisher.Count < results; i++)
        {
            await process.DispatchAsync();
            await process.StartAsync();
            await process.RunAsync();
        }
        Assert.Equal(results, process.Lane.Finisher.Count);
        return process;
    }

    private static Task<bool> AssistAsync(TestProcess process) => process.Lane.Finisher.AssistAsync(TestCluster.Stopping);

    private static async Task EndsWellAsync(TestCluster cluster, TestProcess process, int all)
    {
        await cluster.UntilEndedAsync(maxRounds: 100);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal((all, all, 0, 0, 0),
            (cluster.Calls.Count, process.Counters.Completed, process.Counters.Fenced, process.Counters.Unknown, process.Lane.Finisher.Count));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task What_was_written_counts_where_it_could_not_be_read_which(bool bySecond)
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var process = await WaitingAsync(cluster, 500);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_id = NULL, odd_checking_start_time = NULL WHERE value = 3");
        // Somebody locks the table just between the two.
        process.Faults.FailBefore("IS TRUE, t.", error: new PostgresException("canceling statement due to lock timeout", "ERROR", "ERROR", PostgresErrorCodes.LockNotAvailable));
        if (bySecond) Assert.False(await AssistAsync(process));
        else await Assert.ThrowsAsync<PostgresException>(() => process.Lane.Finisher.CycleAsync(TestCluster.Stopping));
        Assert.Equal((499, 500), (await cluster.Db.ScalarAsync<int>("SELECT count(*) FROM numbers WHERE odd_checking_success"), process.Lane.Finisher.Count));

        await cluster.UntilEndedAsync(maxRounds: 100);
        // Of the one that was taken back nobody can tell any more what the first try came to; it was done again.
        Assert.Equal((501, 500, 0, 1), (cluster.Calls.Count, process.Counters.Completed, process.Counters.Fenced, process.Counters.Unknown));
    }

    [Fact]
    public async Task It_writes_while_the_first_has_no_answer_yet()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var process = await WaitingAsync(cluster, 1_200);
        using var reached = new ManualResetEventSlim();
        using var held = new ManualResetEventSlim();
        process.Faults.Meanwhile(TestProcess.Finish, () =>
        {
            reached.Set();
            Assert.True(held.Wait(Patience));
        });
        var first = Task.Run(() => process.Lane.Finisher.CycleAsync(TestCluster.Stopping), TestCluster.Stopping);
        Assert.True(reached.Wait(Patience, TestCluster.Stopping));

        Assert.True(await AssistAsync(process).WaitAsync(Patience, TestCluster.Stopping));
        Assert.Equal((700, 500, false), (process.Lane.Finisher.Count, process.Counters.Completed, first.IsCompleted));
        // Less than a whole statement is left for the first.
        Assert.False(await AssistAsync(process));
        held.Set();
        Assert.True(await first.WaitAsync(Patience, TestCluster.Stopping));
        Assert.Equal(200, process.Lane.Finisher.Count);
        await EndsWellAsync(cluster, process, 1_200);
    }

    [Fact]
    public async Task It_is_called_only_where_a_whole_statement_waits()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var process = await WaitingAsync(cluster, Limits.StatementRows - 1);
        var finisher = process.Lane.Finisher;
        Assert.False(await finisher.Full.WaitAsync(TimeSpan.Zero, cluster.Time, TestCluster.Stopping));
        Assert.False(await AssistAsync(process));
        await process.FinishAsync();

        await cluster.InsertAsync(Limits.StatementRows + 1, first: 10_000);
        for (var i = 0; i < 20 && finisher.Count <= Limits.StatementRows; i++)
        {
            await cluster.LiveAsync(1);
            await process.DispatchAsync();
            await process.StartAsync();
            await process.RunAsync();
        }
        Assert.True(await finisher.Full.WaitAsync(TimeSpan.Zero, cluster.Time, TestCluster.Stopping));
        Assert.True(await AssistAsync(process));
        Assert.Equal(1, finisher.Count);
        await EndsWellAsync(cluster, process, 2 * Limits.StatementRows);
    }

    [Fact]
    public async Task What_is_refused_goes_back_to_the_first_which_finds_the_row()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ADD CONSTRAINT no_seven CHECK (value <> 7 OR odd_checking_success IS NOT TRUE)");
        var process = await WaitingAsync(cluster, 600);
        Assert.False(await AssistAsync(process));
        // Nothing is charged or parked by that, and nothing is lost.
        Assert.Equal((600, 0, 0), (process.Lane.Finisher.Count, process.Counters.Completed, process.Counters.Again));

        await process.FinishAsync();
        Assert.Equal((599, 1, 0), (process.Counters.Completed, process.Counters.Again, process.Lane.Finisher.Count));
        Assert.Equal(7, Assert.Single(await cluster.RowsAsync(), row => !row.IsCompleted).Key);
    }

    [Fact]
    public async Task A_lost_answer_is_read_back_by_the_first()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var process = await WaitingAsync(cluster, 600);
        process.Faults.LoseAnswer(TestProcess.Finish);
        await Assert.ThrowsAnyAsync<Exception>(() => AssistAsync(process));
        Assert.Equal((600, 0), (process.Lane.Finisher.Count, process.Counters.Completed));
        await EndsWellAsync(cluster, process, 600);
    }

    [Fact]
    public async Task Where_it_cannot_be_read_what_has_become_of_some_no_other_is_lost()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        // Two sets of columns, two statements.
        var process = await WaitingAsync(cluster, 600, task =>
        {
            if (task.Get<long>("value") % 2 == 0) task["is_odd"] = false;
        });
        // The first one's answer is lost; it is sent again beside others, and what has become of it cannot be read.
        process.Faults.LoseAnswer(TestProcess.Finish);
        await Assert.ThrowsAnyAsync<Exception>(() => process.Lane.Finisher.CycleAsync(TestCluster.Stopping));
        process.Faults.FailBefore("_pampa_v AS v ON t.\"value\"", times: 1);
        await Assert.ThrowsAnyAsync<Exception>(() => AssistAsync(process));
        Assert.Equal(600, process.Lane.Finisher.Count + process.Counters.Completed);
        await EndsWellAsync(cluster, process, 600);
    }

    private static async Task<(TestCluster Cluster, TestProcess Process, Func<int> Sent)> CountedAsync(int results)
    {
        var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        // Between two tries of a statement nobody waits.
        cluster.DatabaseTime = new HastyTime();
        var process = await WaitingAsync(cluster, results);
        var sent = 0;
        process.Faults.Each(text => text.Contains(TestProcess.Finish, StringComparison.Ordinal), _ => sent++);
        return (cluster, process, () => sent);
    }

    private sealed class HastyTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? TimeSpan.Zero : dueTime, period);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task It_rests_while_the_table_is_locked_or_the_job_suspended(bool isLocked)
    {
        var (cluster, process, sent) = await CountedAsync(600);
        await using var _ = cluster;
        if (isLocked) process.Lane.Load.TableLock.Meet();
        else process.Lane.Load.Suspend(JobStep.Finish, new InvalidOperationException("does not fit"));
        Assert.False(await AssistAsync(process));
        Assert.Equal((0, 600), (sent(), process.Lane.Finisher.Count));
        await cluster.LiveAsync(31);
        await EndsWellAsync(cluster, process, 600);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task What_has_to_begin_anew_too_often_is_not_written_for_certain_and_the_second_rests_for_it(bool assists)
    {
        var (cluster, process, sent) = await CountedAsync(1_200);
        await using var _ = cluster;
        Assert.Equal(0, sent());
        process.Faults.Clear();
        var tries = 0;
        process.Faults.Each(text => text.Contains(TestProcess.Finish, StringComparison.Ordinal), _ =>
        {
            // As often as it is repeated by itself.
            if (++tries <= 50) throw new Npgsql.PostgresException("could not serialize access due to concurrent update", "ERROR", "ERROR", "40001");
        });
        if (assists) Assert.False(await AssistAsync(process));
        else await Assert.ThrowsAnyAsync<Exception>(() => process.Lane.Finisher.CycleAsync(TestCluster.Stopping));
        Assert.Equal((50, 1_200), (tries, process.Lane.Finisher.Count));
        if (assists) Assert.False(await AssistAsync(process));
        Assert.Equal(50, tries);

        // Somebody else has it by now, and what was not written is not in question.
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 2 WHERE value = 7");
        for (var i = 0; i < 5; i++) await process.FinishAsync();
        Assert.Equal((1_199, 1, 0, 0), (process.Counters.Completed, process.Counters.Fenced, process.Counters.Unknown, process.Lane.Finisher.Count));
    }

    [Fact]
    public async Task Where_it_meets_a_lock_the_first_passes_that_by_and_there_is_no_second_for_a_while()
    {
        var (cluster, process, sent) = await CountedAsync(1_200);
        await using var _ = cluster;
        await using (await LockedRowTests.Holder.HoldAsync(cluster, "value = 7"))
        {
            Assert.False(await AssistAsync(process));
            Assert.Equal((1, 1_200), (sent(), process.Lane.Finisher.Count));
            // It has waited for that record already: the others pass it by with the next statement.
            Assert.True(await process.Lane.Finisher.CycleAsync(TestCluster.Stopping));
            Assert.Equal((2, 701, 499), (sent(), process.Lane.Finisher.Count, process.Counters.Completed));
            Assert.False(await AssistAsync(process));
            Assert.Equal(2, sent());
        }
        await cluster.LiveAsync(61);
        Assert.True(await AssistAsync(process));
        await EndsWellAsync(cluster, process, 1_200);
    }

    [Fact]
    public async Task Where_a_statement_takes_few_it_writes_up_to_the_one_in_doubt_and_leaves_the_rest_to_the_first()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.Portable);
        var process = await WaitingAsync(cluster, 600);
        process.Faults.LoseAnswer(TestProcess.Finish, spared: 1);
        await Assert.ThrowsAnyAsync<Exception>(() => AssistAsync(process));
        Assert.Equal((400, 200), (process.Lane.Finisher.Count, process.Counters.Completed));
        // Those of two hundred whose answer is lost, a hundred that were never sent, and those that it had not taken.
        await EndsWellAsync(cluster, process, 600);
    }

    [Fact]
    public async Task A_stop_in_its_midst_loses_no_result()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var process = await WaitingAsync(cluster, 1_200);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestCluster.Stopping);
        process.Faults.Each(text => text.Contains(TestProcess.Finish, StringComparison.Ordinal) && !stop.IsCancellationRequested, _ =>
        {
            stop.Cancel();
            throw new OperationCanceledException("nobody waits for the answer", stop.Token);
        }, after: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => process.Lane.Finisher.AssistAsync(stop.Token));
        Assert.Equal((1_200, 0), (process.Lane.Finisher.Count, process.Counters.Completed));
        await EndsWellAsync(cluster, process, 1_200);
    }

    [Fact]
    public async Task A_process_that_ends_waits_for_what_came_back_from_it()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var process = await WaitingAsync(cluster, 1_200);
        process.Faults.LoseAnswer(TestProcess.Finish);
        using var work = CancellationTokenSource.CreateLinkedTokenSource(TestCluster.Stopping);
        Task assisted = AssistAsync(process);
        var writing = Task.Run(async () =>
        {
            await assisted.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (!work.IsCancellationRequested) await process.FinishAsync();
        }, TestCluster.Stopping);
        var shutdown = new Hosting.Shutdown(process.Node, process.Exchange, process.Leadership, Patience, NullLogger.Instance, TimeProvider.System);
        Assert.Equal(0, await shutdown.RunAsync([], work, hurry: TestCluster.Stopping));
        await writing;
        Assert.True(assisted.IsFaulted);
        Assert.Equal((1_200, 0, 0), (process.Counters.Completed, process.Counters.Unknown, process.Lane.Finisher.Count));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Whoever_is_told_may_fail_and_no_result_is_waited_for_that_is_written(bool assists)
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var process = await WaitingAsync(cluster, 600);
        var told = 0;
        process.Lane.Settled = () =>
        {
            if (++told == 17) throw new InvalidOperationException("a listener of the program's");
        };
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(
            () => assists ? AssistAsync(process) : process.Lane.Finisher.CycleAsync(TestCluster.Stopping));
        Assert.Contains("listener", fault.Message, StringComparison.Ordinal);
        Assert.Equal((500, 100), (told, process.Lane.Finisher.Count));
        await cluster.UntilEndedAsync(maxRounds: 100);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(0, process.Lane.Finisher.Count);
    }

    [Fact]
    public async Task One_writer_at_a_time_has_no_second()
    {
        await using var cluster = await TestCluster.CreateAsync();
        Assert.False((await cluster.StartAsync(job => job.Process(_ => { }))).Lane.Finisher.CanAssist);
    }
}
