using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Pampa.Jobs;
using static Pampa.Tests.Stretching.RosterSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Records that run again by themselves, by the job's rule.</summary>
public sealed class RelaunchTests
{
    private static readonly TaskColumns WithGeneration = TaskColumns.WithPrefix("odd_checking") with { Generation = "generation" };

    /// <summary>When each record ran, in the cluster's time.</summary>
    private sealed class Runs(TestCluster cluster)
    {
        private readonly ConcurrentQueue<(long Key, DateTimeOffset At)> all = new();

        public void Add(PampaTask task) => all.Enqueue((task.Get<long>("value"), cluster.Time.GetUtcNow()));

        public List<double> GapsOf(long key)
        {
            var at = all.Where(r => r.Key == key).Select(r => r.At).ToList();
            return [.. at.Skip(1).Select((later, i) => (later - at[i]).TotalSeconds)];
        }
    }

    private static async Task<TestCluster> ClusterAsync(Engine engine = Engine.Sqlite)
    {
        var cluster = await TestCluster.CreateAsync(engine);
        // The first attempt of each run is the first again.
        cluster.AttemptsAreGivenBack = true;
        return cluster;
    }

    private static Action<JobBuilder> Every(double seconds, Action<PampaTask>? process = null, Action<JobBuilder>? more = null) => job =>
    {
        job.Columns = WithGeneration;
        job.RelaunchAfter = TimeSpan.FromSeconds(seconds);
        job.Process(process ?? (_ => { }));
        more?.Invoke(job);
    };

    private static Task<long> GenerationsAsync(TestCluster cluster, int least, string table = "numbers") =>
        cluster.Db.ScalarAsync<long>($"SELECT count(*) FROM {table} WHERE generation >= {least} AND odd_checking_end_time IS NOT NULL");

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Every_record_runs_again_on_its_own_clock_as_often_as_it_ends(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine);
        var runs = new Runs(cluster);
        var process = await cluster.StartAsync(Every(5, runs.Add));
        await cluster.InsertAsync(2);
        await TurnAsync(cluster, 2.5, process);
        await cluster.InsertAsync(1, first: 3);
        await cluster.UntilAsync(async () => await GenerationsAsync(cluster, 3) == 3, "each has run four times");

        await cluster.CheckAsync();
        foreach (var key in (long[])[1, 2, 3])
        {
            Assert.True(runs.GapsOf(key).Count >= 3);
            // At most a tenth of it is added, and the leader looks once a second.
            Assert.All(runs.GapsOf(key), gap => Assert.InRange(gap, 5, 5.5 + 1.5));
        }
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((1, null), (row.N, row.Err)));
        Assert.DoesNotContain(process.Lines, line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains("relaunch", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Records_that_ended_together_do_not_stay_together()
    {
        await using var cluster = await ClusterAsync();
        var runs = new Runs(cluster);
        await cluster.StartAsync(Every(10, runs.Add, job => job.RelaunchJitter = 1), workers: 4);
        await cluster.InsertAsync(40);
        await cluster.UntilAsync(async () => await GenerationsAsync(cluster, 1) == 40, "each has run twice");

        var gaps = Enumerable.Range(1, 40).Select(key => runs.GapsOf(key)[0]).ToList();
        Assert.All(gaps, gap => Assert.InRange(gap, 10, 20 + 1.5));
        Assert.True(gaps.Max() - gaps.Min() > 5, $"{gaps.Min()} to {gaps.Max()}");
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_failed_record_runs_again_only_where_that_is_wanted_and_with_all_its_attempts(bool isWanted)
    {
        await using var cluster = await ClusterAsync();
        await cluster.StartAsync(Every(3, _ => throw new InvalidOperationException("no"), job =>
        {
            job.MaxAttempts = 2;
            job.RelaunchFailed = isWanted;
        }));
        await cluster.InsertAsync(1);
        if (isWanted) await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count >= 6), "it has failed three times");
        else await cluster.UntilEndedAsync();
        for (var i = 0; i < 3 && !isWanted; i++) await cluster.LiveAsync(5);

        Assert.Equal(isWanted ? [1, 2, 1, 2, 1, 2] : [1, 2], cluster.Calls.Take(6).Select(c => c.Attempt));
        Assert.Equal(0, await cluster.Db.ScalarAsync<long>("SELECT COALESCE(generation, 0) FROM numbers"));
    }

    [Fact]
    public async Task What_a_dead_worker_held_is_taken_back_as_ever()
    {
        await using var cluster = await ClusterAsync();
        await cluster.StartAsync(Every(5));
        await cluster.InsertAsync(3);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_id = 'gone.1', odd_checking_reservation_times = 1, "
            + "odd_checking_start_time = '2029-01-01T00:00:00.000Z' WHERE value = 2");
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 3 WHERE value = 3");
        await cluster.UntilAsync(async () => await GenerationsAsync(cluster, 2) == 2, "the two that may have run three times");

        Assert.Equal(2, cluster.Calls.First(c => c.Key == 2).Attempt);
        Assert.True((await cluster.RowAsync(3)).IsFailed);
        Assert.DoesNotContain(cluster.Calls, c => c.Key == 3);
    }

    [Fact]
    public async Task Another_leader_goes_on_where_the_first_has_died()
    {
        await using var cluster = await ClusterAsync();
        var first = await cluster.StartAsync(Every(4));
        await cluster.InsertAsync(5);
        await cluster.UntilAsync(async () => await GenerationsAsync(cluster, 1) == 5, "each has run twice");
        var second = await cluster.StartAsync(Every(4), name: "b");
        first.Kill();
        await cluster.AdvanceAsync(TestCluster.LeaderLease);
        await cluster.UntilAsync(async () => await GenerationsAsync(cluster, 4) == 5, "each has run five times", maxRounds: 900);

        Assert.True(second.Dispatcher.IsLeading);
        Assert.All(await cluster.RowsAsync(), row => Assert.InRange(row.N, 0, 2));
    }

    [Fact]
    public async Task A_paused_job_leaves_what_has_ended_as_it_is_and_catches_up_when_it_goes_on()
    {
        await using var cluster = await ClusterAsync();
        var process = await cluster.StartAsync(Every(2));
        await cluster.InsertAsync(3);
        await cluster.UntilEndedAsync();
        await HoldAsync(cluster, HoldKind.Job, "numbers");
        await TurnAsync(cluster, 8, process);
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
        Assert.Equal(0, await process.Dispatcher.RelaunchAsync(TestCluster.Stopping));

        await Control(cluster).ReleaseAsync(new Hold(HoldKind.Job, "numbers"), TestCluster.Stopping);
        await TurnAsync(cluster, 2.5, process);
        Assert.Equal(3, await GenerationsAsync(cluster, 1));
    }

    [Fact]
    public async Task Of_two_jobs_on_one_table_each_has_its_own_clock_and_its_own_columns()
    {
        await using var cluster = await ClusterAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ADD COLUMN x_generation int");
        foreach (var column in (string[])["x_reservation_id text", "x_reservation_time timestamp", "x_reservation_times int", "x_start_time timestamp", "x_end_time timestamp", "x_success boolean", "x_error_description text"])
            await cluster.Db.ExecuteAsync($"ALTER TABLE numbers ADD COLUMN {column}");
        await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "once");
            TestCluster.AddNumbers(pampa, job => Every(2, null, j => j.Columns = TaskColumns.WithPrefix("x") with { Generation = "x_generation" })(job), "often");
        });
        await cluster.InsertAsync(3);
        await cluster.UntilAsync(async () => await cluster.Db.ScalarAsync<long>("SELECT count(*) FROM numbers WHERE x_generation >= 2") == 3, "one has run three times");

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(3, cluster.Calls.Count(c => c.Job == "once"));
    }

    [Fact]
    public async Task A_pass_takes_all_that_are_due_and_a_process_that_drains_takes_none()
    {
        await using var cluster = await ClusterAsync();
        await cluster.InsertAsync(1_203);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_end_time = '2029-12-31T00:00:00.000Z', odd_checking_success = TRUE");
        var process = await cluster.StartAsync(Every(60));
        process.Dispatcher.Relauncher.IsOn = false;
        await process.DispatchAsync();
        Assert.Equal(0, await process.Dispatcher.RelaunchAsync(TestCluster.Stopping));
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));

        process.Dispatcher.Relauncher.IsOn = true;
        Assert.Equal(1_203, await process.Dispatcher.RelaunchAsync(TestCluster.Stopping));
        Assert.Equal(0, await process.Dispatcher.RelaunchAsync(TestCluster.Stopping));
    }

    [Fact]
    public async Task A_leader_that_looks_for_new_records_once_an_hour_relaunches_and_dispatches_in_time()
    {
        await using var cluster = await ClusterAsync();
        await cluster.InsertAsync(3);
        var process = await cluster.StartProgramAsync(pampa =>
        {
            pampa.PollInterval = TimeSpan.FromHours(1);
            TestCluster.AddNumbers(pampa, Every(2));
        });
        await cluster.UntilEndedAsync();
        Assert.Equal(TimeSpan.FromSeconds(1), process.Dispatcher.Pause);
        await TurnAsync(cluster, 4, process);
        Assert.Equal(3, await GenerationsAsync(cluster, 1));

        process.Faults.LoseAnswer("AS _pampa_state");
        await TurnAsync(cluster, 5, process);
        Assert.Equal(1, process.Outages);
        Assert.Equal(3, await GenerationsAsync(cluster, 2));

        process.Dispatcher.Relauncher.IsOn = false;
        await TurnAsync(cluster, 1, process);
        Assert.Equal(TimeSpan.FromHours(1), process.Dispatcher.Pause);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.Portable)]
    internal async Task A_record_that_its_table_refuses_does_not_hold_up_the_others_and_is_told_of_once(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine);
        if (engine == Engine.Sqlite)
        {
            await cluster.Db.ExecuteAsync("""
                CREATE TRIGGER stays BEFORE UPDATE ON numbers WHEN OLD.value = 2 AND OLD.odd_checking_end_time IS NOT NULL BEGIN SELECT RAISE(ABORT, 'it stays'); END
                """);
        }
        else
        {
            await cluster.Db.ExecuteAsync("""
                CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                  IF OLD.value = 2 AND OLD.odd_checking_end_time IS NOT NULL THEN RAISE EXCEPTION 'it stays'; END IF; RETURN NEW; END $$;
                CREATE TRIGGER stays BEFORE UPDATE ON numbers FOR EACH ROW EXECUTE FUNCTION stays()
                """);
        }
        var process = await cluster.StartAsync(Every(2));
        await cluster.InsertAsync(5);
        await cluster.UntilAsync(async () => await GenerationsAsync(cluster, 3) == 4, "the others have run four times");

        Assert.True((await cluster.RowAsync(2)).IsCompleted);
        Assert.Single(cluster.Calls, c => c.Key == 2);
        Assert.Contains("record 2 cannot run again", Assert.Single(process.Lines, line => line.Contains("run again", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    private static Sql Nowhere(TaskEvent about) => $"INSERT INTO nowhere (value) VALUES ({about.Get<long>("value")})";

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.Portable)]
    internal async Task Records_that_are_refused_however_many_keep_no_younger_one_from_running_again(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine);
        // A hook's statement is refused for the first thirty.
        await cluster.Db.ExecuteAsync("CREATE TABLE nowhere (value int CHECK (value > 30))");
        await cluster.Db.GrantOwnAsync("INSERT ON nowhere");
        var process = await cluster.StartAsync(Every(2, null, job => job.OnRelaunched(Nowhere)));
        await cluster.InsertAsync(30);
        await cluster.UntilEndedAsync();
        await cluster.AdvanceAsync(0.5);
        await cluster.InsertAsync(1, first: 31);
        process.Dispatcher.Wake();
        await cluster.UntilEndedAsync();
        // As if each refusal took so long that one pass finds a few.
        process.Faults.Note(TestProcess.Relaunch, () => cluster.Time.Advance(TimeSpan.FromMilliseconds(60)));
        for (var second = 0; second < 90 && await GenerationsAsync(cluster, 1) == 0; second++) await TurnAsync(cluster, 1, process);

        Assert.Equal(1, await GenerationsAsync(cluster, 1));
        Assert.Equal([31L], (await cluster.RowsAsync("numbers", "generation > 0")).Select(r => r.Key));
        Assert.Single(process.Lines, line => line.Contains("cannot run again", StringComparison.Ordinal));
        process.Faults.Clear();
        // It runs on every two seconds while the others are gone round.
        var before = cluster.Calls.Count;
        await TurnAsync(cluster, 20, process);
        Assert.InRange(cluster.Calls.Count - before, 5, 11);
    }

    [Fact]
    public async Task A_record_that_somebody_has_locked_does_not_hold_up_the_others()
    {
        await using var cluster = await ClusterAsync(Engine.Portable);
        await cluster.StartAsync(Every(2));
        await cluster.InsertAsync(4);
        await cluster.UntilEndedAsync();
        await using (await LockedRowTests.Holder.HoldAsync(cluster, "value = 2"))
            await cluster.UntilAsync(async () => await GenerationsAsync(cluster, 1) == 3, "the others have run twice");
        await cluster.UntilAsync(async () => await GenerationsAsync(cluster, 1) == 4, "all have run twice");
    }

    [Fact]
    public async Task A_condition_that_throws_is_told_of_once_and_nothing_else_rests()
    {
        await using var cluster = await ClusterAsync();
        var isBroken = true;
        var process = await cluster.StartAsync(Every(2, null, job => job.RelaunchWhereEachCycle(() =>
        {
            if (isBroken) throw new InvalidOperationException("not now");
            return $"value < {3}";
        })));
        await cluster.InsertAsync(3);
        await TurnAsync(cluster, 10, process);
        Assert.Equal(3, cluster.Calls.Count);
        Assert.Contains("its rule of relaunching fails, the next try is in 30 s; the rest of the job goes on: its RelaunchWhere throws InvalidOperationException: not now",
            Assert.Single(process.Lines, line => line.Contains("relaunching", StringComparison.Ordinal)), StringComparison.Ordinal);

        isBroken = false;
        await cluster.InsertAsync(1, first: 4);
        await cluster.UntilAsync(async () => await GenerationsAsync(cluster, 1) == 2, "what the condition says has run twice");
        Assert.Contains(process.Lines, line => line.Contains("its rule of relaunching works again", StringComparison.Ordinal));
        Assert.DoesNotContain(cluster.Calls.GroupBy(c => c.Key), g => g.Key >= 3 && g.Count() > 1);
    }

    [Fact]
    public async Task An_idempotency_key_is_refused_where_two_runs_would_have_the_same()
    {
        await using var cluster = await ClusterAsync();
        var keys = new ConcurrentQueue<string>();
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job =>
        {
            job.RelaunchAfter = TimeSpan.FromSeconds(2);
            job.Process(task => keys.Enqueue(task.IdempotencyKey));
        }));
        await cluster.InsertAsync(1);
        await cluster.UntilEndedAsync();
        var row = await cluster.RowAsync(1);
        Assert.Equal((true, 1), (row.IsFailed, row.N));
        Assert.Contains("there is no column to count them in. Name one, job.Columns = … with { Generation = \"…\" }", row.Err, StringComparison.Ordinal);
        process.Kill();
        await process.MarkDeadAsync();

        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_end_time = NULL, odd_checking_reservation_id = NULL, odd_checking_start_time = NULL, odd_checking_reservation_times = 0");
        await cluster.StartAsync(Every(2, task => keys.Enqueue(task.IdempotencyKey)), name: "b");
        await cluster.AdvanceAsync(TestCluster.LeaderLease);
        await cluster.UntilAsync(() => Task.FromResult(keys.Count >= 3), "it has run three times");
        Assert.Equal(["numbers/1/0", "numbers/1/1", "numbers/1/2"], keys.Take(3));
    }

    [Fact]
    public async Task A_look_that_takes_longer_than_it_may_is_at_a_long_table()
    {
        await using var cluster = await ClusterAsync();
        var process = await cluster.StartAsync(Every(5));
        var asked = 0;
        process.Faults.Note("LIMIT 1 OFFSET", () => asked++);
        await TurnAsync(cluster, 3, process);
        var before = asked;
        await TurnAsync(cluster, 3, process);
        Assert.Equal((true, before), (before > 0, asked));
        process.Faults.FailBefore("AS _pampa_et", error: new SqliteException("interrupted", 9));
        await TurnAsync(cluster, 3, process);
        Assert.Single(process.Lines, line => line.Contains("takes longer than the", StringComparison.Ordinal));
        await TurnAsync(cluster, 31, process);
        Assert.Equal(before + 1, asked);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_relaunch_by_hand_has_a_key_of_its_own_where_there_is_a_column_to_count_it_in(bool hasColumn)
    {
        await using var cluster = await ClusterAsync();
        var keys = new ConcurrentQueue<string>();
        var process = await cluster.StartAsync(job =>
        {
            if (hasColumn) job.Columns = WithGeneration;
            job.MaxAttempts = 1;
            job.Process(task =>
            {
                keys.Enqueue(task.IdempotencyKey);
                if (keys.Count == 2) throw new InvalidOperationException("no");
            });
        });
        await cluster.InsertAsync(1);
        await cluster.UntilEndedAsync();
        Assert.Equal(1, await process.Cluster.RelaunchAsync("numbers", ["1"], TestCluster.Stopping));
        await cluster.UntilEndedAsync();
        // What has failed is the same task, whoever says that it is to be tried again.
        Assert.Equal(1, await process.Cluster.RelaunchAsync("numbers", ["1"], TestCluster.Stopping));
        await cluster.UntilEndedAsync();
        Assert.Equal(1, await process.Cluster.RelaunchAsync("numbers", ["1"], TestCluster.Stopping));
        await cluster.UntilEndedAsync();
        Assert.Equal(hasColumn ? ["numbers/1/0", "numbers/1/1", "numbers/1/1", "numbers/1/2"] : Enumerable.Repeat("numbers/1/0", 4), keys);
    }
}
