using System.Collections.Concurrent;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using static Pampa.Tests.Stretching.RosterSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Jobs whose records are named by the program itself.</summary>
public sealed class SelectTests
{
    private const string FreeOnes = "odd_checking_reservation_id IS NULL AND odd_checking_end_time IS NULL";

    private static List<string> Of(TestProcess process, string part) => [.. process.Lines.Where(line => line.Contains(part, StringComparison.Ordinal))];

    private static Action<JobBuilder> Doing(Action<JobBuilder> select) => job =>
    {
        job.Process(_ => { });
        select(job);
    };

    [Theory, MemberData(nameof(Engines), MemberType = typeof(Stretching.RosterSetup))]
    public async Task A_statement_says_the_order(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.StartAsync(Doing(job => job.Select($"SELECT value FROM numbers WHERE {Raw(FreeOnes)} AND value <> {7} ORDER BY value DESC LIMIT @n")), workers: 1);
        await cluster.InsertAsync(40);
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 39, "all but one are done");
        await cluster.CheckAsync();
        Assert.Equal(Enumerable.Range(1, 40).Reverse().Where(v => v != 7), cluster.Calls.Select(c => (int)c.Key));
        Assert.True((await cluster.RowAsync(7)).IsFree);
    }

    private static Sql Raw(string text)
    {
        var sql = new Sql(text.Length, 0);
        sql.AppendLiteral(text);
        return sql;
    }

    [Theory, MemberData(nameof(Engines), MemberType = typeof(Stretching.RosterSetup))]
    public async Task Code_says_the_order_and_may_ask_the_database(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        var contexts = new ConcurrentQueue<SelectContext>();
        await cluster.StartAsync(Doing(job => job.Select(async (context, stopping) =>
        {
            contexts.Enqueue(context);
            var keys = new List<string>();
            await using var command = context.Database.CreateCommand($"SELECT CAST(value AS text) FROM numbers WHERE {FreeOnes} AND note = 'now' ORDER BY value DESC LIMIT {context.Max}");
            await using var reader = await command.ExecuteReaderAsync(stopping);
            while (await reader.ReadAsync(stopping)) keys.Add(reader.GetString(0));
            return keys;
        })), workers: 1);
        await cluster.InsertAsync(20);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET note = 'now' WHERE value > 10");
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 10, "those are done");
        Assert.Equal(Enumerable.Range(11, 10).Reverse(), cluster.Calls.Select(c => (int)c.Key));
        Assert.All(contexts, c => Assert.Equal("numbers", c.Job));
        Assert.All(contexts, c => Assert.InRange(c.Max, 1, 8_000));
        await cluster.Db.ExecuteAsync("UPDATE numbers SET note = 'now'");
        await cluster.UntilEndedAsync();
    }

    /// <summary>Each record three times, as a join with its tags names it.</summary>
    private const string Tagged = "numbers CROSS JOIN (SELECT 1 AS tag UNION ALL SELECT 2 UNION ALL SELECT 3) tags";

    [Theory, MemberData(nameof(Engines), MemberType = typeof(Stretching.RosterSetup))]
    public async Task Records_that_are_named_several_times_each_are_no_fewer_at_a_time(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        var process = await cluster.StartAsync(Doing(job => job.Select($"SELECT value FROM {Raw(Tagged)} WHERE {Raw(FreeOnes)} ORDER BY value LIMIT @n")), workers: 4);
        await cluster.InsertAsync(120);
        // Four tasks a round. Where a full answer is taken for all that there is, the rest waits for the poll interval, and is asked for in small numbers.
        await cluster.UntilEndedAsync(maxRounds: 40);
        Assert.Equal(Enumerable.Range(1, 120), cluster.Calls.Select(c => (int)c.Key).Order());
        Assert.Empty(Of(process, "can be reserved"));
    }

    [Theory, InlineData(nameof(Engine.Sqlite), "numbers"), InlineData(nameof(Engine.Sqlite), Tagged)]
    [InlineData(nameof(Engine.PostgreSql), "numbers"), InlineData(nameof(Engine.Portable), "numbers")]
    public async Task Records_that_are_held_may_come_first_and_no_worker_stands_idle(string engine, string source)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        var gates = Enumerable.Range(1, 40).ToDictionary(i => (long)i, _ => new TaskCompletionSource());
        var running = new ConcurrentDictionary<long, bool>();
        var process = await cluster.StartAsync(
            job =>
            {
                job.QueueSize = 1;
                job.MaxQueueSize = 1;
                // It names what it has named before until that has ended.
                job.Select($"SELECT value FROM {Raw(source)} WHERE odd_checking_end_time IS NULL ORDER BY value LIMIT @n");
                job.Process(async task =>
                {
                    var key = task.Get<long>("value");
                    running[key] = true;
                    await gates[key].Task;
                    running.TryRemove(key, out _);
                });
            }, workers: 6);
        var runs = Enumerable.Repeat(Task.FromResult(true), 6).ToArray();
        await cluster.InsertAsync(40);
        try
        {
            await LiveUntilAsync(() => running.Count == 6, "all workers are busy");
            // Those that come first are held on.
            foreach (var key in running.Keys.Order().TakeLast(2)) gates[key].SetResult();
            await LiveUntilAsync(() => running.Count == 4, "two have ended");
            await LiveUntilAsync(() => running.Count == 6, "all workers are busy again");
        }
        finally
        {
            foreach (var gate in gates.Values) gate.TrySetResult();
        }

        async Task LiveUntilAsync(Func<bool> isSo, string what)
        {
            for (var i = 0; i < 200 && !isSo(); i++)
            {
                process.TryBeat();
                await process.DispatchAsync();
                await process.StartAsync();
                foreach (var (worker, at) in process.Node.Workers.Select((w, at) => (w, at)))
                {
                    if (runs[at].IsCompleted) runs[at] = worker.RunNextAsync();
                }
                await process.FinishAsync();
                await cluster.AdvanceAsync(0.2);
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, TestCluster.Stopping);
            }
            Assert.True(isSo(), what);
        }
    }

    [Theory, MemberData(nameof(Engines), MemberType = typeof(Stretching.RosterSetup))]
    public async Task Ineligible_keys_block_no_other_and_are_asked_for_ever_more_seldom(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        var asked = 0;
        string?[] keys = ["1", "99", "x", null, "1,2", "2", "2", "3"];
        var process = await cluster.StartAsync(Doing(job =>
        {
            job.MaxAttempts = 1;
            job.Select(_ =>
            {
                asked++;
                return keys!;
            });
        }));
        await cluster.InsertAsync(3);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_end_time = '2029-01-01 00:00:00', odd_checking_success = FALSE WHERE value = 1");
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 2, "the others are done");
        Assert.Single(Of(process, "are no keys of the table"));

        // They are the same for ever.
        await TurnAsync(cluster, 5, process);
        Assert.Contains("its Select names 7 records and none of them can be reserved", Assert.Single(Of(process, "can be reserved")), StringComparison.Ordinal);
        var before = asked;
        await TurnAsync(cluster, 40, process);
        Assert.InRange(asked - before, 1, 5);
        Assert.Single(Of(process, "can be reserved"));
        Assert.Equal("its Select names only records that cannot be reserved", (await SharesAsync(cluster, "numbers")).Reason);

        // Told of something new it is asked after a second at most, and says so.
        await cluster.InsertAsync(1, 4);
        keys = ["1", "4"];
        await TurnAsync(cluster, 1, process);
        process.Dispatcher.Wake();
        await TurnAsync(cluster, 2, process);
        Assert.True((await cluster.RowAsync(4)).IsCompleted);
        Assert.Single(Of(process, "names records again"));
    }

    [Fact]
    public async Task What_it_throws_is_told_once_and_other_jobs_go_on()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "others");
        var asked = 0;
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, Doing(job => job.Select((_, _) => asked++ switch
            {
                0 => throw new InvalidOperationException("not now"),
                1 => Task.FromResult<IEnumerable<string>>(null!),
                _ => Task.FromResult<IEnumerable<string>>(["1"]),
            })));
            AddJobs(pampa, null, "others");
        });
        await cluster.InsertAsync(1);
        await cluster.InsertAsync(20, table: "others");
        await TurnAsync(cluster, 5, process);
        Assert.Equal(1, asked);
        Assert.Equal(20, await DoneAsync(cluster, "others"));
        Assert.EndsWith("its Select throws InvalidOperationException: not now", Assert.Single(Of(process, "is suspended")), StringComparison.Ordinal);
        await cluster.LiveAsync(30);
        await TurnAsync(cluster, 3, process);
        Assert.Equal(2, asked);
        await cluster.LiveAsync(30);
        await cluster.UntilAsync(async () => (await cluster.RowAsync(1)).IsCompleted, "it is done");
        Assert.Single(Of(process, "is suspended"));
        Assert.Single(Of(process, "'numbers' goes on"));
    }

    [Fact]
    public async Task A_statement_that_fails_suspends_its_job_and_is_tried_again()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("wanted");
        var process = await cluster.StartAsync(Doing(job => job.Select($"SELECT value FROM wanted LIMIT @n")));
        await cluster.InsertAsync(2);
        await cluster.Db.ExecuteAsync("ALTER TABLE wanted RENAME TO gone");
        await TurnAsync(cluster, 3, process);
        Assert.Contains("its Select fails: ", Assert.Single(Of(process, "is suspended")), StringComparison.Ordinal);
        await cluster.Db.ExecuteAsync("ALTER TABLE gone RENAME TO wanted");
        await cluster.InsertAsync(1, 2, "wanted");
        await cluster.LiveAsync(30);
        await cluster.UntilAsync(async () => (await cluster.RowAsync(2)).IsCompleted, "it is done");
        Assert.True((await cluster.RowAsync(1)).IsFree);
    }

    [Fact]
    public async Task A_paused_job_is_not_asked()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var asked = 0;
        var process = await cluster.StartAsync(Doing(job => job.Select(_ =>
        {
            asked++;
            return ["1"];
        })));
        await HoldAsync(cluster, HoldKind.Job, "numbers");
        await cluster.InsertAsync(1);
        await TurnAsync(cluster, 5, process);
        Assert.Equal(0, asked);
        await Control(cluster).ReleaseAsync(new Hold(HoldKind.Job, "numbers"), TestCluster.Stopping);
        await cluster.UntilEndedAsync();
    }

    [Fact]
    public async Task A_record_that_is_locked_or_refused_holds_up_no_other()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.Portable);
        await cluster.Db.ExecuteAsync("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.value = 2 AND NEW.odd_checking_reservation_id IS NOT NULL THEN RAISE EXCEPTION ''two is not wanted''; END IF; RETURN NEW; END'");
        await cluster.Db.ExecuteAsync("CREATE TRIGGER refuse BEFORE UPDATE ON numbers FOR EACH ROW EXECUTE FUNCTION refuse()");
        await cluster.InsertAsync(5);
        await using var connection = await cluster.Db.Own.OpenConnectionAsync(TestCluster.Stopping);
        await using var transaction = await connection.BeginTransactionAsync(TestCluster.Stopping);
        await using (var command = connection.CreateCommand())
        {
            command.Transaction = transaction;
            command.CommandText = "UPDATE numbers SET note = 'mine' WHERE value = 4";
            await command.ExecuteNonQueryAsync(TestCluster.Stopping);
        }
        var process = await cluster.StartAsync(Doing(job => job.Select($"SELECT value FROM numbers WHERE {Raw(FreeOnes)} ORDER BY value LIMIT @n")));
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 3, "the others are done");
        await transaction.RollbackAsync(TestCluster.Stopping);
        await cluster.LiveAsync(10);
        await cluster.UntilAsync(async () => (await cluster.RowAsync(4)).IsCompleted, "the locked one is done");
        Assert.True((await cluster.RowAsync(2)).IsFree);
        Assert.Single(Of(process, "is gone round for 10 s"));
    }

    [Fact]
    public async Task What_is_gone_round_is_not_said_to_be_named_in_vain()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.Db.ExecuteAsync("CREATE TRIGGER refuse BEFORE UPDATE ON numbers WHEN NEW.odd_checking_reservation_id IS NOT NULL BEGIN SELECT RAISE(ABORT, 'not wanted'); END");
        await cluster.InsertAsync(1);
        var asked = 0;
        var process = await cluster.StartAsync(Doing(job => job.Select(_ =>
        {
            asked++;
            return ["1"];
        })));
        await TurnAsync(cluster, 8, process);
        Assert.InRange(asked, 3, 9);
        Assert.Empty(Of(process, "can be reserved"));
        Assert.Single(Of(process, "is gone round for 10 s"));
    }

    [Fact]
    public async Task One_that_takes_long_holds_up_nobody()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "others");
        var answer = new TaskCompletionSource<IEnumerable<string>>();
        var asked = 0;
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, Doing(job => job.Select((_, stopping) =>
            {
                asked++;
                return answer.Task;
            })));
            AddJobs(pampa, null, "others");
        });
        await cluster.InsertAsync(2);
        await cluster.InsertAsync(5, table: "others");
        await process.PatientRoundsAsync(2);
        Assert.Equal((1, 5L), (asked, await DoneAsync(cluster, "others")));
        answer.SetResult(["2", "1"]);
        await process.PatientRoundsAsync(2);
        Assert.Equal([2, 1], cluster.Calls.Where(c => c.Job == "numbers").Select(c => c.Key).Take(2));
    }

    private static async Task<List<string>> PrepareAsync(TestDatabase db, Action<JobBuilder> select)
    {
        var program = new PampaBuilder();
        TestCluster.AddNumbers(program, Doing(select));
        var address = new DatabaseAddress(db.Database.Dialect, db.Source.ConnectionString);
        try
        {
            await new Preparation(db.Database, address, SchemaChanges.Own, TimeProvider.System).RunAsync(program, TestCluster.Stopping);
            return [];
        }
        catch (PampaConfigurationException e)
        {
            return [.. e.Errors];
        }
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task That_somebody_has_locked_the_table_says_nothing_of_a_statement(Engine engine)
    {
        await using var db = await TestDatabase.CreateAsync(engine, TableProfile.Numbers);
        await using var connection = await db.Own.OpenConnectionAsync(TestCluster.Stopping);
        await using var transaction = await connection.BeginTransactionAsync(TestCluster.Stopping);
        await using var command = connection.CreateCommand();
        command.CommandText = "LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE";
        await command.ExecuteNonQueryAsync(TestCluster.Stopping);
        Assert.Empty(await PrepareAsync(db, job => job.Select($"SELECT * FROM numbers ORDER BY value DESC LIMIT @n")));
        Assert.Empty(await PrepareAsync(db, job =>
        {
            job.Where = $"value > 0";
            job.RelaunchAfter = TimeSpan.FromMinutes(1);
            job.RelaunchWhere = $"value > 1";
        }));
    }

    [Theory, MemberData(nameof(Engines), MemberType = typeof(Stretching.RosterSetup))]
    public async Task A_statement_that_does_not_fit_is_an_error_before_the_start(string engine)
    {
        await using var db = await TestDatabase.CreateAsync(Enum.Parse<Engine>(engine), TableProfile.Numbers);
        Assert.Empty(await PrepareAsync(db, job => job.Select($"SELECT * FROM numbers ORDER BY value DESC LIMIT @n")));
        Assert.Contains("must return the key (value), got note, score", Assert.Single(await PrepareAsync(db, job => job.Select($"SELECT note, score FROM numbers LIMIT @n"))), StringComparison.Ordinal);
        Assert.Contains("does not accept Select", Assert.Single(await PrepareAsync(db, job => job.Select($"SELECT valeu FROM numbers LIMIT @n"))), StringComparison.Ordinal);
        if (!db.IsSqlite)
            Assert.Contains("is no value of the key's column 'value' (bigint)", Assert.Single(await PrepareAsync(db, job => job.Select($"SELECT is_odd FROM numbers LIMIT @n"))), StringComparison.Ordinal);
        Assert.Contains("must say how many keys are wanted", Assert.Single(await PrepareAsync(db, job => job.Select($"SELECT value FROM numbers"))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_statement_without_an_end_is_ended_on_SQLite()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Sqlite, TableProfile.Numbers);
        var program = new PampaBuilder();
        TestCluster.AddNumbers(program, Doing(job => job.Select(
            $"WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n) SELECT max(v) AS value FROM n LIMIT @n")));
        var table = await new Schema(db.Database).ResolveAsync(program.Build([]).Single(), [], TestCluster.Stopping);
        var store = new TaskStore(db.Database, table!, TestCluster.Cluster, new Random(1));
        using var stopping = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Run(() => store.SelectAsync(1, TimeProvider.System, stopping.Token)));
    }
}
