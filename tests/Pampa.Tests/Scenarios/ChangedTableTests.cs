using static Pampa.Tests.Stretching.RosterSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>A table that changes while programs are at work on it: by a migration, or for a moment.</summary>
public sealed class ChangedTableTests
{
    private static void SetNote(JobBuilder job) => job.Process(task => task["note"] = "x");

    [Theory, MemberData(nameof(Engines), MemberType = typeof(Stretching.RosterSetup))]
    public async Task A_program_that_starts_while_a_column_is_away_fails_nothing_once_it_is_back(string engine)
    {
        await using var cluster = await ClusterAsync(engine);
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME COLUMN note TO mislaid");
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            SetNote(job);
        });
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME COLUMN mislaid TO note");
        await cluster.InsertAsync(10);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1, "x"), (row.IsCompleted, row.N, row.Note)));
        Assert.Single(process.Lines, l => l.Contains("table 'numbers' has changed", StringComparison.Ordinal));
        Assert.Equal(0, process.Counters.Failed);
    }

    [Fact]
    public async Task A_column_that_comes_later_is_there_for_handlers_that_name_it()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 5;
            job.Process(task => task["rank"] = 7L);
        });
        await process.RoundAsync();
        var row = await cluster.RowAsync(1);
        Assert.Equal((1, false), (row.N, row.IsCompleted));
        Assert.Contains("table 'numbers' has no column 'rank'", row.Err, StringComparison.Ordinal);

        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ADD COLUMN rank bigint");
        await cluster.Db.GrantOwnAsync("UPDATE ON numbers");
        // The attempt in which the column was missed although it is there does not count.
        await cluster.UntilAsync(async () => await DoneAsync(cluster, "numbers") == 1, "it is done");
        Assert.Equal(1, process.Counters.Forgiven);
        Assert.Equal(2, (await cluster.RowAsync(1)).N);
        Assert.Equal(7, await cluster.Db.ScalarAsync<long>("SELECT rank FROM numbers WHERE value = 1"));
    }

    [Theory, MemberData(nameof(Engines), MemberType = typeof(Stretching.RosterSetup))]
    public async Task A_column_that_nobody_needs_may_be_dropped_under_load(string engine)
    {
        await using var cluster = await ClusterAsync(engine);
        await cluster.CreateTableAsync("results", ", extra text, later text");
        await cluster.InsertAsync(30, table: "results");
        var process = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job =>
        {
            job.QueueSize = 2;
            job.Process(task => task["later"] = "x");
        }, table: "results"), workers: 1);
        await process.RoundAsync();
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE results DROP COLUMN extra");
        // Its result was made before, from the table as it was.
        Assert.Equal(1, process.Lane.Finisher.Count);
        await cluster.UntilEndedAsync("results", maxRounds: 100);
        Assert.All(await cluster.RowsAsync("results"), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(30, await cluster.Db.ScalarAsync<long>("SELECT count(*) FROM results WHERE later = 'x'"));
        Assert.Single(process.Lines, l => l.Contains("table 'results' has changed", StringComparison.Ordinal));
        Assert.DoesNotContain(process.Lines, l => l.Contains("is suspended", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_column_that_handlers_have_named_is_waited_for()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        await cluster.InsertAsync(20);
        var process = await cluster.StartAsync(job =>
        {
            job.QueueSize = 2;
            SetNote(job);
        }, workers: 1);
        await process.RoundAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME COLUMN note TO mislaid");
        for (var i = 0; i < 10; i++)
        {
            await process.RoundAsync();
            await cluster.LiveAsync(10);
        }
        Assert.Single(process.Lines, l => l.Contains("is suspended", StringComparison.Ordinal));
        Assert.DoesNotContain(process.Lines, l => l.Contains("has changed", StringComparison.Ordinal));
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME COLUMN mislaid TO note");
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1, "x"), (row.IsCompleted, row.N, row.Note)));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_column_that_is_away_for_a_moment_costs_no_attempt_although_nobody_had_named_it_before(bool isStartedBefore)
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        await cluster.InsertAsync(10);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            SetNote(job);
        }, workers: 1);
        await process.DispatchAsync();
        if (isStartedBefore) await process.StartAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME COLUMN note TO mislaid");
        for (var i = 0; i < 12; i++)
        {
            await process.RoundAsync();
            await cluster.LiveAsync(10);
        }
        Assert.Equal(0, await DoneAsync(cluster, "numbers"));
        Assert.Contains(process.Lines, l => l.Contains("is suspended", StringComparison.Ordinal));
        // It is tried now and then, and not again and again.
        Assert.InRange(cluster.Calls.Count, 1, 6);
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME COLUMN mislaid TO note");
        await cluster.UntilAsync(async () => await DoneAsync(cluster, "numbers") == 10, "all are done", 1_000);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1, "x"), (row.IsCompleted, row.N, row.Note)));
    }

    [Fact]
    public async Task A_result_whose_column_is_gone_for_good_waits_no_longer_than_its_task_might_have_run()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        await cluster.CreateTableAsync("results", ", extra text");
        await cluster.InsertAsync(2, table: "results");
        var process = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job =>
        {
            job.QueueSize = 1;
            job.MaxDuration = TimeSpan.FromMinutes(2);
            job.Process(task =>
            {
                if (task.Get<long>("value") == 1) task["extra"] = "x";
            });
        }, table: "results"), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        // That it could not be written before is another matter.
        await cluster.LiveAsync(130);
        await cluster.Db.ExecuteAsync("ALTER TABLE results DROP COLUMN extra");
        for (var i = 0; i < 11; i++)
        {
            await process.FinishAsync();
            await cluster.LiveAsync(10);
        }
        Assert.Equal(1, process.Lane.Finisher.Count);
        Assert.Single(process.Lines, l => l.Contains("is suspended", StringComparison.Ordinal));
        await cluster.LiveAsync(31);
        await process.FinishAsync();
        var row = await cluster.RowAsync(1, "results");
        Assert.Equal((0, 1, true), (process.Lane.Finisher.Count, row.N, row.IsFree));
        Assert.Contains("extra", row.Err, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Engines), MemberType = typeof(Stretching.RosterSetup))]
    public async Task A_state_column_that_vanishes_suspends_its_job_alone_and_is_looked_for_every_half_minute(string engine)
    {
        await using var cluster = await ClusterAsync(engine, "results", "others");
        await cluster.InsertAsync(20, table: "results");
        var process = await cluster.StartProgramAsync(p => AddJobs(p, job => job.QueueSize = 2, "results", "others"), workers: 4);
        await process.RoundAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE results RENAME COLUMN odd_checking_start_time TO mislaid");
        for (var i = 1; i <= 9; i++)
        {
            // Of each of these ten seconds the other job has something to do, and does it.
            await cluster.InsertAsync(5, first: 100 * i, table: "others");
            await cluster.UntilAsync(async () => await DoneAsync(cluster, "others") == 5 * i, "the other job goes on", 60);
            await cluster.LiveAsync(10);
        }
        var suspended = process.Lines.Where(l => l.Contains("is suspended", StringComparison.Ordinal)).ToList();
        Assert.Contains("'results'", Assert.Single(suspended), StringComparison.Ordinal);
        await cluster.Db.ExecuteAsync("ALTER TABLE results RENAME COLUMN mislaid TO odd_checking_start_time");
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync("results", maxRounds: 100);
        Assert.All(await cluster.RowsAsync("results"), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Single(process.Lines, l => l.Contains("Job 'results' goes on", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_column_may_get_another_type_under_load()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.PostgreSql));
        await cluster.InsertAsync(30);
        var process = await cluster.StartAsync(job =>
        {
            job.QueueSize = 2;
            job.Process(task => task["note"] = "7");
        }, workers: 1);
        await process.RoundAsync();
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ALTER COLUMN note TYPE integer USING note::integer");
        await cluster.UntilAsync(async () => await DoneAsync(cluster, "numbers") == 30, "all are done");
        Assert.Equal(30, await cluster.Db.ScalarAsync<long>("SELECT count(*) FROM numbers WHERE note = 7 AND odd_checking_reservation_times = 1"));
        Assert.DoesNotContain(process.Lines, l => l.Contains("is suspended", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_error_that_a_handler_has_kept_from_another_time_counts()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        await cluster.InsertAsync(1);
        Exception? kept = null;
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 2;
            job.Process(task =>
            {
                if (kept is not null) throw kept;
                try
                {
                    task["rank"] = 7L;
                }
                catch (ArgumentException e)
                {
                    kept = e;
                    throw;
                }
            });
        });
        await process.RoundAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ADD COLUMN rank bigint");
        await cluster.UntilAsync(async () => await DoneAsync(cluster, "numbers") == 1, "it has ended", 1_000);
        Assert.Equal((1, 2), (process.Counters.Failed, (await cluster.RowAsync(1)).N));
    }

    [Fact]
    public async Task A_column_that_is_gone_for_good_fails_the_tasks_that_name_it_after_a_while_and_the_others_go_on()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        await cluster.CreateTableAsync("results", ", extra text");
        await cluster.InsertAsync(20, table: "results");
        var process = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job =>
        {
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.Process(task =>
            {
                if (task.Get<long>("value") == 1) task["extra"] = "x";
            });
        }, table: "results"), workers: 1);
        await process.DispatchAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE results DROP COLUMN extra");
        await cluster.UntilAsync(async () => await DoneAsync(cluster, "results") == 20, "all have ended", 3_000);
        var row = await cluster.RowAsync(1, "results");
        Assert.Equal((true, 3), (row.IsFailed, row.N));
        Assert.Contains("has no column 'extra'", row.Err, StringComparison.Ordinal);
        Assert.All(await cluster.RowsAsync("results", "value > 1"), r => Assert.Equal((true, 1), (r.IsCompleted, r.N)));
        // First it was waited for.
        Assert.NotEqual(0, process.Counters.Forgiven);
    }
}
