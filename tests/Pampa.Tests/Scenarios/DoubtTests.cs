using Microsoft.Data.Sqlite;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>What one failure must not do to what has no part in it.</summary>
public sealed class DoubtTests
{
    [Fact]
    public async Task A_lost_start_of_one_job_does_not_lose_the_other_jobs_tasks()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("others");
        await cluster.InsertAsync(4);
        await cluster.InsertAsync(4, table: "others");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job =>
            {
                job.WorkerFilter = @"\.1$";
                job.Process(_ => { });
            }, "first");
            TestCluster.AddNumbers(pampa, job =>
            {
                job.WorkerFilter = @"\.2$";
                job.Process(_ => { });
            }, "second", "others");
        });
        process.Faults.LoseAnswer(TestProcess.Start);

        await cluster.UntilEndedAsync();
        await cluster.UntilEndedAsync("others");

        Assert.All(await cluster.RowsAsync("others"), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal((0, 8), (process.Node.Unfinished, cluster.Calls.Count));
    }

    [Fact]
    public async Task A_node_whose_registration_is_cut_short_completes_it_later()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(20);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.RoundAsync();
        await cluster.Db.ExecuteAsync("UPDATE pampa_worker SET session = session + 1, expires_at = '2030-01-01T00:00:00.000Z'");
        process.TryBeat();
        Assert.True(process.Membership.IsLost);
        process.Faults.FailBefore(TestProcess.Recover, times: 3);

        await cluster.UntilEndedAsync();

        Assert.Equal(3, process.Outages);
        Assert.All(await cluster.Db.ReadAsync("SELECT state FROM pampa_worker"), row => Assert.Equal("ready", row[0]));
    }

    [Theory, InlineData(TestProcess.Reserve), InlineData(TestProcess.Start)]
    public async Task A_statement_that_a_stop_cuts_short_leaves_nothing_held(string statement)
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(10);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 4);
        using var stopping = new CancellationTokenSource();
        process.Faults.Meanwhile(statement, stopping.Cancel);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await process.Dispatcher.CycleAsync(stopping.Token);
            await process.Node.CycleAsync(stopping.Token);
        });
        await process.Node.ReleaseAllAsync(TestCluster.Stopping);
        await process.FinishAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0), (row.IsFree, row.N)));
        Assert.Empty(cluster.Calls);
    }

    [Fact]
    public async Task Doubt_that_arises_while_the_node_reads_back_is_not_forgotten()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        var load = process.Lane.Load;
        load.Doubt();
        process.Faults.Meanwhile(TestProcess.ReadOwn, () => load.Doubt());

        await process.StartAsync();
        Assert.True(load.IsInDoubt);
        await process.StartAsync();
        Assert.False(load.IsInDoubt);
    }

    [Fact]
    public async Task Nothing_is_started_in_doubt_that_arises_while_the_node_reads_back()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.DispatchAsync();
        var load = process.Lane.Load;
        load.Doubt();
        process.Faults.Meanwhile(TestProcess.ReadOwn, load.Doubt);

        await process.StartAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsReserved));
        await process.StartAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsRunning));
    }

    [Fact]
    public async Task What_was_refused_its_start_and_could_not_be_given_back_is_found_again_at_once()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET score = 1");
        var process = await cluster.StartAsync(job =>
        {
            job.Where = $"score = {1}";
            job.Process(_ => { });
        });
        await process.DispatchAsync();
        await cluster.Db.ExecuteAsync("UPDATE numbers SET score = 0 WHERE value = 1");
        process.Faults.FailBefore(TestProcess.Release);

        await process.StartAsync();
        Assert.Equal((1, true), (process.Outages, (await cluster.RowAsync(1)).IsReserved));
        await process.StartAsync();

        Assert.Equal((true, 0), ((await cluster.RowAsync(1)).IsFree, (await cluster.RowAsync(1)).N));
        Assert.True((await cluster.RowAsync(2)).IsRunning);
    }

    [Fact]
    public async Task Results_written_before_a_bad_row_was_met_are_not_counted_as_fenced()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.Portable);
        await cluster.CreateTableAsync("checked", ", CHECK (note <> 'bad')");
        await cluster.InsertAsync(300, table: "checked");
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job =>
        {
            job.Process(task => task["note"] = task.Get<long>("value") == 299 ? "bad" : "good");
        }, table: "checked"), workers: 10);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));
        for (var i = 0; i < 5; i++) await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        Assert.Equal(300, process.Lane.Finisher.Count);

        await process.FinishAsync();

        Assert.Equal((299, 0, 0), (process.Counters.Completed, process.Counters.Fenced, process.Counters.Unknown));
    }

    [Fact]
    public async Task A_trigger_with_an_error_code_of_its_own_fails_only_its_row()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.InsertAsync(10);
        await cluster.Db.ExecuteAsync("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
              $$BEGIN IF NEW.note = 'refused' THEN RAISE EXCEPTION 'no such note' USING ERRCODE = 'SHOP1'; END IF; RETURN NEW; END$$;
            CREATE TRIGGER refuse BEFORE UPDATE ON numbers FOR EACH ROW EXECUTE FUNCTION refuse();
            """);
        await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.Process(task => task["note"] = task.Get<long>("value") == 5 ? "refused" : "fine");
        }, workers: 10);

        await cluster.UntilEndedAsync();

        Assert.Contains("no such note", (await cluster.RowAsync(5)).Err, StringComparison.Ordinal);
        Assert.Equal(9, (await cluster.RowsAsync()).Count(r => r.IsCompleted));
    }

    [Fact]
    public async Task A_record_of_a_dead_worker_that_was_locked_is_taken_back_later()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.InsertAsync(4);
        var first = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await first.DispatchAsync();
        first.Kill();
        await first.MarkDeadAsync();
        await cluster.AdvanceAsync(16);
        var second = await cluster.StartAsync(job => job.Process(_ => { }), name: "b");
        await using (await LockedRowTests.Holder.HoldAsync(cluster, "value = 2"))
        {
            for (var i = 0; i < 30; i++)
            {
                await second.RoundAsync();
                await cluster.AdvanceAsync(0.1);
            }
            Assert.True((await cluster.RowAsync(2)).IsReserved);
        }

        await cluster.LiveAsync(10);
        await cluster.UntilEndedAsync(maxRounds: 50);

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task A_bad_row_and_an_outage_together_lose_no_result()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("checked", ", CHECK (note <> 'bad')");
        await cluster.InsertAsync(8, table: "checked");
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job =>
            job.Process(task => task["note"] = task.Get<long>("value") == 2 ? "bad" : "good"), table: "checked"), workers: 8);
        process.Faults.FailBefore(TestProcess.Finish, spared: 1);

        await cluster.UntilEndedAsync("checked");

        Assert.Equal((1, 0), (process.Faults.Hits, process.Node.Unfinished));
        Assert.Equal((7, 1), (process.Counters.Completed, process.Counters.Failed));
    }

    [Fact]
    public async Task Reading_back_does_not_say_that_a_job_goes_on_whose_records_cannot_be_started()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(10);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        process.Faults.FailBefore(TestProcess.Start, times: 1_000, error: new SqliteException("no such column: mislaid", 1));
        for (var i = 0; i < 12; i++)
        {
            await process.RoundAsync();
            await cluster.LiveAsync(10);
        }
        Assert.InRange(process.Faults.Hits, 3, 10);
        Assert.Single(process.Lines, line => line.Contains("is suspended", StringComparison.Ordinal));
        Assert.DoesNotContain(process.Lines, line => line.Contains("goes on", StringComparison.Ordinal));

        process.Faults.Clear();
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync();
        Assert.Single(process.Lines, line => line.Contains("goes on", StringComparison.Ordinal));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task A_column_that_goes_missing_suspends_the_job_whoever_meets_it_first()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(10);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.DispatchAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME COLUMN odd_checking_reservation_id TO mislaid");
        await cluster.LiveAsync(31);

        await process.StartAsync();
        Assert.True(process.Lane.Load.IsSuspended);
        for (var i = 0; i < 5; i++) await process.RoundAsync();
        Assert.True(process.Lane.Load.IsSuspended);
        Assert.Single(process.Lines, line => line.Contains("is suspended", StringComparison.Ordinal));

        await cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME COLUMN mislaid TO odd_checking_reservation_id");
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync();
        Assert.Contains(process.Lines, line => line.Contains("goes on", StringComparison.Ordinal));
        Assert.Equal(10, cluster.Calls.Count);
    }
}
