using System.Diagnostics.CodeAnalysis;
using Pampa.Jobs;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Rules of the table and code of the user that refuse one record: no other has a part in it.</summary>
public sealed class RefusalTests
{
    private const string Trigger = """
        CREATE TRIGGER refuse BEFORE UPDATE ON numbers WHEN NEW.value = 5 AND NEW.odd_checking_reservation_id IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'nobody gets number five'); END
        """;

    [Fact]
    public async Task A_record_whose_reservation_a_trigger_refuses_is_gone_round()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(20);
        await cluster.Db.ExecuteAsync(Trigger);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));

        // The cycle throws nothing: UntilAsync would not catch it.
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 19, "its neighbours are completed", 100);

        await cluster.CheckAsync();
        Assert.Equal((true, 0, null), ((await cluster.RowAsync(5)).IsFree, (await cluster.RowAsync(5)).N, (await cluster.RowAsync(5)).Err));
        Assert.Equal((0, false), (process.Outages, process.Lane.Load.IsSuspended));
        Assert.Contains(process.Lines, line => line.Contains("record 5 is gone round", StringComparison.Ordinal));
        // New ones are found while it is gone round, and it is found itself when the rule is gone.
        await cluster.InsertAsync(10, first: 21);
        process.Dispatcher.Wake();
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 29, "the new ones are completed", 100);
        await cluster.Db.ExecuteAsync("DROP TRIGGER refuse");
        await cluster.LiveAsync(11);
        await cluster.UntilEndedAsync(maxRounds: 100);
        Assert.Equal((30, 30), (process.Counters.Completed, cluster.Calls.Count));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_rule_that_refuses_every_record_costs_a_few_lines_and_no_haste(Engine engine)
    {
        const int records = 120;
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(records);
        await cluster.Db.ExecuteAsync(cluster.Db.IsSqlite
            ? "CREATE TRIGGER refuse BEFORE UPDATE ON numbers WHEN NEW.odd_checking_reservation_id IS NOT NULL BEGIN SELECT RAISE(ABORT, 'nobody gets any'); END"
            : "ALTER TABLE numbers ENABLE ROW LEVEL SECURITY; CREATE POLICY refuse ON numbers USING (true) WITH CHECK (odd_checking_reservation_id IS NULL)");
        var process = await cluster.StartAsync(job => job.Process(_ => { }));

        var busy = 0;
        for (var second = 0; second < 100; second++)
        {
            for (var i = 0; i < 2_000 && await process.DispatchAsync(); i++) busy++;
            await cluster.LiveAsync(1);
        }

        // Each was tried once; the next try of them all is two minutes away.
        Assert.InRange(busy, records, 12 * records);
        Assert.Equal(3, process.Lines.Count(line => line.Contains("is gone round for 10 s", StringComparison.Ordinal)));
        Assert.Equal(2, process.Lines.Count(line => line.Contains("records are refused by a rule of its table by now", StringComparison.Ordinal)));
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsFree));
        await cluster.Db.ExecuteAsync(cluster.Db.IsSqlite ? "DROP TRIGGER refuse" : "DROP POLICY refuse ON numbers; ALTER TABLE numbers DISABLE ROW LEVEL SECURITY");
        await cluster.LiveAsync(records);
        await cluster.UntilEndedAsync(maxRounds: 200);
    }

    [Fact]
    public async Task A_condition_that_throws_is_told_once_and_not_said_to_go_on()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var asked = 0;
        var process = await cluster.StartAsync(job =>
        {
            job.WhereEachCycle(() =>
            {
                asked++;
                throw new InvalidOperationException("no such customer");
            });
            job.Process(_ => { });
        });
        for (var i = 0; i < 130; i++)
        {
            await process.DispatchAsync();
            await cluster.LiveAsync(1);
        }

        Assert.Single(process.Lines, line => line.Contains("is suspended", StringComparison.Ordinal));
        Assert.DoesNotContain(process.Lines, line => line.Contains("goes on", StringComparison.Ordinal));
        // Every half minute, and not every second.
        Assert.Equal(5, asked);
    }

    [Fact]
    public async Task A_job_whose_table_is_away_tries_again_after_half_a_minute_whatever_its_passes_would_meet()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME TO away");
        await process.DispatchAsync();
        Assert.True(process.Lane.Load.IsSuspended);
        for (var i = 0; i < 25; i++)
        {
            await cluster.LiveAsync(1);
            await process.DispatchAsync();
        }
        await cluster.Db.ExecuteAsync("ALTER TABLE away RENAME TO numbers");
        await cluster.LiveAsync(5.5);
        await process.DispatchAsync();

        Assert.True((await cluster.RowAsync(1)).IsReserved);
        Assert.Single(process.Lines, line => line.Contains("is suspended", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_record_whose_reservation_is_refused_does_not_hold_up_another_job()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("others");
        await cluster.InsertAsync(20);
        await cluster.InsertAsync(20, table: "others");
        await cluster.Db.ExecuteAsync(Trigger);
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "first");
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "second", "others");
        });

        await cluster.UntilEndedAsync("others", maxRounds: 100);
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 19, "its neighbours are completed", 100);

        Assert.All(await cluster.RowsAsync("others"), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.All(process.Lanes, lane => Assert.False(lane.Load.IsSuspended));
        Assert.True((await cluster.RowAsync(5)).IsFree);
    }

    [Fact]
    public async Task A_result_that_an_index_on_an_expression_refuses_fails_only_its_task()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("pages", ", payload text");
        await cluster.Db.ExecuteAsync("CREATE INDEX pages_url ON pages (json_extract(payload, '$.url'))");
        await cluster.InsertAsync(10, table: "pages");
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job =>
        {
            job.MaxAttempts = 2;
            job.Process(task => task["payload"] = task.Get<long>("value") == 5 ? "no JSON" : """{"url": "x"}""");
        }, table: "pages"), workers: 10);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        Assert.Equal(10, process.Lane.Finisher.Count);

        await process.FinishAsync();

        Assert.Equal((9, 1, 0), (process.Counters.Completed, process.Counters.Again, process.Lane.Finisher.Count));
        await cluster.UntilEndedAsync("pages");
        Assert.All(await cluster.RowsAsync("pages"), row => Assert.Equal((row.Key != 5, row.Key == 5 ? 2 : 1), (row.IsCompleted, row.N)));
        Assert.Contains("malformed JSON", (await cluster.RowAsync(5, "pages")).Err, StringComparison.Ordinal);
        Assert.False(process.Lane.Load.IsSuspended);
        Assert.DoesNotContain(process.Lines, line => line.Contains("suspended", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_exception_whose_own_text_throws_is_a_failed_attempt()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 2;
            job.Process(task =>
            {
                if (task.Get<long>("value") == 2) throw new MuteException();
            });
        });

        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((row.Key != 2, row.Key == 2 ? 2 : 1), (row.IsCompleted, row.N)));
        Assert.StartsWith("MuteException", (await cluster.RowAsync(2)).Err, StringComparison.Ordinal);
        Assert.Equal((2, 1, 1, 0), (process.Counters.Completed, process.Counters.Again, process.Counters.Failed, process.Node.Unfinished));
    }

    [Fact]
    public async Task A_snooze_with_a_value_that_cannot_be_stored_is_a_failed_attempt()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 2;
            job.Process(task =>
            {
                if (task.Get<long>("value") != 2) return;
                task["score"] = ulong.MaxValue;
                throw new SnoozeException(TimeSpan.FromSeconds(1));
            });
        });

        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((row.Key != 2, row.Key == 2 ? 2 : 1), (row.IsCompleted, row.N)));
        Assert.NotNull((await cluster.RowAsync(2)).Err);
        Assert.Equal((2, 1, 1, 0), (process.Counters.Completed, process.Counters.Again, process.Counters.Failed, process.Node.Unfinished));
        Assert.Equal([null], (await cluster.Db.ReadAsync("SELECT score FROM numbers WHERE value = 2"))[0]);
    }

    [Fact]
    public async Task A_job_whose_FINISH_does_not_fit_goes_on_only_after_a_FINISH_that_works()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("results", ", extra text");
        await cluster.InsertAsync(6, table: "results");
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job =>
        {
            // A little in hand, so that there is something to reserve and to start when it ought not to be.
            job.QueueSize = 1;
            job.Process(task => task["note"] = "x");
        }, table: "results"), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE results RENAME COLUMN note TO former_note");
        await process.FinishAsync();
        Assert.True(process.Lane.Load.IsSuspended);

        // Long past the rest: neither of the others tries in its place.
        for (var i = 0; i < 8; i++)
        {
            await cluster.LiveAsync(10);
            Assert.False(await process.DispatchAsync());
            await process.StartAsync();
            Assert.Equal(0, process.Node.Running);
            Assert.True(process.Lane.Load.IsSuspendedFor(JobStep.Dispatch));
            Assert.True(process.Lane.Load.IsSuspendedFor(JobStep.Start));
            // It probes every half minute, and it still does not fit.
            await process.FinishAsync();
        }
        Assert.Single(process.Lines, line => line.Contains("is suspended", StringComparison.Ordinal));
        Assert.DoesNotContain(process.Lines, line => line.Contains("goes on", StringComparison.Ordinal));
        Assert.Equal((1, 1), (cluster.Calls.Count, process.Lane.Finisher.Count));

        await cluster.Db.ExecuteAsync("ALTER TABLE results RENAME COLUMN former_note TO note");
        await cluster.LiveAsync(31);
        await process.FinishAsync();
        Assert.Equal((1, false), (process.Counters.Completed, process.Lane.Load.IsSuspendedFor(JobStep.Dispatch)));
        await cluster.UntilEndedAsync("results");
        Assert.All(await cluster.RowsAsync("results"), row => Assert.Equal((true, 1, "x"), (row.IsCompleted, row.N, row.Note)));
        Assert.Single(process.Lines, line => line.Contains("is suspended", StringComparison.Ordinal));
        Assert.Single(process.Lines, line => line.Contains("goes on", StringComparison.Ordinal));
    }

    [Theory, InlineData(JobStep.Dispatch), InlineData(JobStep.Start)]
    internal async Task A_job_whose_condition_throws_rests_until_it_does_so_no_more(JobStep step)
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var isBroken = false;
        var process = await cluster.StartAsync(job =>
        {
            job.WhereEachCycle(() =>
            {
                if (isBroken) throw new InvalidOperationException("no prices today");
                return $"value > {0}";
            });
            job.Process(_ => { });
        });
        if (step == JobStep.Start) await process.DispatchAsync();
        isBroken = true;

        for (var i = 0; i < 25; i++)
        {
            await process.RoundAsync();
            Assert.True(process.Lane.Load.IsSuspendedFor(step));
            await cluster.LiveAsync(1);
        }
        Assert.Single(process.Lines, line => line.Contains("no prices today", StringComparison.Ordinal));
        isBroken = false;
        await cluster.LiveAsync(6);
        await cluster.UntilEndedAsync();

        Assert.Single(process.Lines, line => line.Contains("goes on", StringComparison.Ordinal));
        Assert.Equal(4, cluster.Calls.Count);
    }

    [Fact]
    public async Task What_is_in_hand_of_a_suspended_job_is_not_started()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.DispatchAsync();
        var load = process.Lane.Load;
        load.Suspend(JobStep.Finish, new Pampa.Storage.SnippetException("refused", new InvalidOperationException()));

        for (var i = 0; i < 8; i++)
        {
            await process.StartAsync();
            Assert.Equal((0, 4), (process.Node.Running, load.Hands.Sum(h => h.Count)));
            await cluster.LiveAsync(10);
        }
        load.Resume(JobStep.Finish);
        await cluster.UntilEndedAsync();

        Assert.Equal(4, cluster.Calls.Count);
    }

    [Fact]
    public async Task Results_of_a_suspended_job_are_not_sent_before_its_rest_is_over()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        process.Lane.Load.Suspend(JobStep.Finish, new Pampa.Storage.SnippetException("refused", new InvalidOperationException()));
        process.Faults.FailBefore(TestProcess.Finish);

        await cluster.LiveAsync(25);
        await process.FinishAsync();
        Assert.Equal((0, 1), (process.Faults.Hits, process.Lane.Finisher.Count));
        await cluster.LiveAsync(6);
        await process.FinishAsync();
        await process.FinishAsync();

        Assert.Equal((1, 1), (process.Faults.Hits, process.Counters.Completed));
    }

    [Fact]
    public async Task A_failure_for_good_whose_text_the_table_refuses_is_one_without_it()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("polite", ", CHECK (odd_checking_error_description NOT LIKE '%rude%')");
        await cluster.InsertAsync(1, table: "polite");
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa,
            job => job.Process(_ => throw new PermanentFailureException("a rude word")), table: "polite"));

        await cluster.UntilEndedAsync("polite");

        var failed = await cluster.RowAsync(1, "polite");
        Assert.Equal((true, 1, null), (failed.IsFailed, failed.N, failed.Err));
        Assert.Equal((0, 1, 0), (process.Counters.Again, process.Counters.Failed, process.Counters.Unknown));
        Assert.Single(cluster.Calls);
    }

    [SuppressMessage("Design", "CA1064:Exceptions should be public", Justification = "Nobody but this test meets it.")]
    private sealed class MuteException : Exception
    {
        public override string Message => throw new InvalidOperationException("nothing to say");
    }
}
