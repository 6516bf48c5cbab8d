using Microsoft.Data.Sqlite;
using Npgsql;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Transactions of handlers whose statements or commits meet others, or get no answer.</summary>
public sealed class TransactionFaultTests
{
    private const string Effect = "INSERT INTO effects";

    /// <summary>An error by which the database says that others were first, and that nothing has happened.</summary>
    internal static Exception Conflict(TestCluster cluster) => cluster.Db.IsSqlite
        ? new SqliteException("the test's conflict", 5)
        : new PostgresException("the test's conflict", "ERROR", "ERROR", PostgresErrorCodes.SerializationFailure);

    private static Task<TestProcess> StartAsync(TestCluster cluster, int workers = 2) => cluster.StartAsync(job =>
        job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            await TransactionTests.WriteAsync(task, connection, transaction);
            if (task["note"] is null) task["note"] = "set";
            else task["note"] = "set before";
        }), workers);

    internal static async Task RunOnceAsync(TestProcess process)
    {
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
    }

    internal static async Task CheckCompletedAsync(TestCluster cluster, int attempts = 1)
    {
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, attempts, "set"), (row.IsCompleted, row.N, row.Note)));
        await TransactionTests.CheckEffectsAsync(cluster);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task A_commit_that_took_effect_without_an_answer_is_found_in_the_record(Engine engine)
    {
        await using var cluster = await TransactionTests.ClusterAsync(engine);
        var process = await StartAsync(cluster);
        process.Faults.LoseAnswer(TestProcess.Finish);

        await RunOnceAsync(process);
        Assert.Equal((1, 0, 1), (process.Faults.Hits, process.Counters.Completed, process.Lane.Finisher.Count));
        await cluster.UntilEndedAsync();
        await process.FinishAsync();

        await CheckCompletedAsync(cluster);
        Assert.Equal((1, 1, 0, 0, 0), (cluster.Calls.Count, process.Counters.Completed, process.Counters.Forgiven,
            process.Counters.Fenced, process.Counters.Unknown));
        Assert.Equal((0, 0), (process.Counters.Open, process.Lane.Finisher.Count));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task A_commit_that_never_arrived_is_given_back_and_the_task_runs_again(Engine engine)
    {
        await using var cluster = await TransactionTests.ClusterAsync(engine);
        cluster.AttemptsAreGivenBack = true;
        var process = await StartAsync(cluster);
        process.Faults.FailBefore(TestProcess.Commit);

        await cluster.UntilEndedAsync();

        await CheckCompletedAsync(cluster);
        Assert.Equal((2, 1, 1, 0, 0), (cluster.Calls.Count, process.Counters.Completed, process.Counters.Forgiven,
            process.Counters.Fenced, process.Counters.Unknown));
        Assert.Contains(process.Lines, line => line.Contains("no answer to the commit", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_commit_that_is_still_under_way_is_waited_for()
    {
        await using var cluster = await TransactionTests.ClusterAsync(Engine.PostgreSql);
        var process = await StartAsync(cluster);
        process.Faults.FailBefore(TestProcess.Commit);
        await RunOnceAsync(process);
        // The server's side of the lost connection: it has all statements of the transaction, and commits at its leisure.
        await using var connection = await cluster.Db.Source.OpenConnectionAsync(TestCluster.Stopping);
        await using (var server = await connection.BeginTransactionAsync(TestCluster.Stopping))
        {
            await TransactionTests.RunAsync(connection, server,
                "UPDATE numbers SET odd_checking_end_time = now(), odd_checking_success = TRUE, note = 'set'; INSERT INTO effects VALUES (1, 'late')");
            for (var i = 0; i < 5; i++)
            {
                await process.FinishAsync();
                await cluster.AdvanceAsync(0.3);
            }
            Assert.Equal((0, 0, 1), (process.Counters.Completed, process.Counters.Forgiven, process.Lane.Finisher.Count));
            await server.CommitAsync(TestCluster.Stopping);
        }
        await process.FinishAsync();

        await CheckCompletedAsync(cluster);
        Assert.Equal((1, 1, 0, 0), (cluster.Calls.Count, process.Counters.Completed, process.Counters.Forgiven, process.Lane.Finisher.Count));
    }

    [Theory, InlineData(true, 1, 0), InlineData(false, 0, 1)]
    internal async Task A_doubt_about_a_record_that_the_leader_has_taken_meanwhile_ends_without_a_run(bool failsIt, int fenced, int unknown)
    {
        await using var cluster = await TransactionTests.ClusterAsync(Engine.Sqlite);
        var process = await StartAsync(cluster);
        process.Faults.FailBefore(TestProcess.Commit);
        await RunOnceAsync(process);
        await cluster.Db.ExecuteAsync(failsIt
            ? "UPDATE numbers SET odd_checking_end_time = '2030-01-01T00:00:09.000Z', odd_checking_success = FALSE, odd_checking_error_description = 'lost'"
            : "UPDATE numbers SET odd_checking_reservation_id = NULL, odd_checking_start_time = NULL, odd_checking_reservation_time = '2031-01-01T00:00:00.000Z'");

        await process.FinishAsync();

        Assert.Equal((fenced, unknown, 0, 1), (process.Counters.Fenced, process.Counters.Unknown, process.Counters.Completed, cluster.Calls.Count));
        Assert.Equal(0, process.Lane.Finisher.Count);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task A_handler_that_meets_others_runs_again_at_once_and_from_the_beginning(Engine engine)
    {
        foreach (var where in (string[])[Effect, TestProcess.Finish, TestProcess.Commit])
        {
            await using var cluster = await TransactionTests.ClusterAsync(engine);
            cluster.AttemptsAreGivenBack = true;
            var process = await StartAsync(cluster);
            // On SQLite a handler is overtaken once at most.
            var times = engine == Engine.Sqlite && where == Effect ? 1 : 3;
            process.Faults.FailBefore(where, times, error: Conflict(cluster));

            await RunOnceAsync(process);

            Assert.Equal((times, times + 1, 1, 0), (process.Faults.Hits, cluster.Calls.Count, process.Counters.Completed, process.Lane.Finisher.Count));
            await CheckCompletedAsync(cluster);
        }
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_handler_that_always_meets_others_is_given_back_and_its_attempt_does_not_count(Engine engine)
    {
        await using var cluster = await TransactionTests.ClusterAsync(engine);
        cluster.AttemptsAreGivenBack = true;
        var process = await StartAsync(cluster);
        process.Faults.FailBefore(TestProcess.Finish, times: 10, error: Conflict(cluster));

        await RunOnceAsync(process);
        Assert.Equal((10, 1), (cluster.Calls.Count, process.Lane.Finisher.Count));
        await cluster.UntilEndedAsync();

        Assert.Equal((11, 1, 1), (cluster.Calls.Count, process.Counters.Forgiven, process.Counters.Completed));
        await CheckCompletedAsync(cluster);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task Whose_lease_is_not_to_be_trusted_does_not_run_again(Engine engine)
    {
        await using var cluster = await TransactionTests.ClusterAsync(engine);
        cluster.AttemptsAreGivenBack = true;
        var process = await cluster.StartAsync(job => job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            await TransactionTests.WriteAsync(task, connection, transaction);
            if (cluster.Calls.Count == 1) cluster.Time.Advance(TimeSpan.FromSeconds(40));
        }));
        process.Faults.FailBefore(TestProcess.Finish, error: Conflict(cluster));

        await RunOnceAsync(process);

        Assert.Equal((1, 1), (cluster.Calls.Count, process.Lane.Finisher.Count));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_database_that_goes_away_before_the_commit_costs_no_attempt(Engine engine)
    {
        foreach (var where in (string[])[Effect, TestProcess.Finish])
        {
            await using var cluster = await TransactionTests.ClusterAsync(engine);
            cluster.AttemptsAreGivenBack = true;
            var process = await StartAsync(cluster);
            process.Faults.FailBefore(where);

            await cluster.UntilEndedAsync();

            Assert.Equal((2, 1, 1, 0), (cluster.Calls.Count, process.Counters.Forgiven, process.Counters.Completed, process.Counters.Again));
            await CheckCompletedAsync(cluster);
        }
    }

    [Fact]
    public async Task A_connection_that_the_server_ends_costs_no_attempt()
    {
        await using var cluster = await TransactionTests.ClusterAsync(Engine.PostgreSql);
        cluster.AttemptsAreGivenBack = true;
        var process = await cluster.StartAsync(job => job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            await TransactionTests.WriteAsync(task, connection, transaction);
            if (cluster.Calls.Count == 1) await TransactionTests.RunAsync(connection, transaction, "SELECT pg_terminate_backend(pg_backend_pid())");
        }));

        await cluster.UntilEndedAsync();

        Assert.Equal((2, 1, 1, 1), (cluster.Calls.Count, process.Counters.Forgiven, process.Counters.Completed, (await cluster.RowAsync(1)).N));
        await TransactionTests.CheckEffectsAsync(cluster);
    }

    [Fact]
    public async Task On_sqlite_a_handler_that_waits_for_itself_fails()
    {
        await using var cluster = await TransactionTests.ClusterAsync(Engine.Sqlite);
        cluster.AttemptsAreGivenBack = true;
        await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.ProcessInTransaction(async (task, connection, transaction) =>
            {
                await TransactionTests.WriteAsync(task, connection, transaction);
                await using var other = await cluster.Db.Source.OpenConnectionAsync(TestCluster.Stopping);
                await using var command = other.CreateCommand();
                command.CommandText = "PRAGMA busy_timeout = 50";
                await command.ExecuteNonQueryAsync();
                command.CommandText = "INSERT INTO effects VALUES (1, 'over another connection')";
                await command.ExecuteNonQueryAsync();
            });
        });

        await cluster.UntilAsync(async () => (await cluster.RowAsync(1)).IsFailed, "it has failed");

        Assert.Contains("database is locked", (await cluster.RowAsync(1)).Err);
        Assert.Equal(2, cluster.Calls.Count);
        await TransactionTests.CheckEffectsAsync(cluster);
    }

    [Fact]
    public async Task A_transaction_that_cannot_be_begun_costs_no_attempt_and_runs_nothing()
    {
        await using var cluster = await TransactionTests.ClusterAsync(Engine.PostgreSql);
        cluster.AttemptsAreGivenBack = true;
        var process = await StartAsync(cluster);
        await process.DispatchAsync();
        await process.StartAsync();
        process.Faults.IsDown = true;
        await process.RunAsync();
        Assert.Empty(cluster.Calls);
        process.Faults.IsDown = false;

        await cluster.UntilEndedAsync();

        Assert.Equal((1, 1, 1), (cluster.Calls.Count, process.Counters.Forgiven, process.Counters.Completed));
        await CheckCompletedAsync(cluster);
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task A_locked_record_is_run_again_only_when_it_is_free(Engine engine)
    {
        await using var cluster = await TransactionTests.ClusterAsync(engine);
        cluster.AttemptsAreGivenBack = true;
        var process = await StartAsync(cluster);
        await process.DispatchAsync();
        await process.StartAsync();
        await using (await LockedRowTests.Holder.HoldAsync(cluster, "value = 1"))
        {
            await process.RunAsync();
            for (var i = 0; i < 10; i++)
            {
                await cluster.AdvanceAsync(0.3);
                await process.RoundAsync();
            }
            Assert.Equal((1, 0, 1), (cluster.Calls.Count, process.Counters.Forgiven, process.Lane.Finisher.Count));
        }

        await cluster.UntilEndedAsync();

        Assert.Equal((2, 1, 1), (cluster.Calls.Count, process.Counters.Forgiven, process.Counters.Completed));
        await CheckCompletedAsync(cluster);
    }

    [Fact]
    public async Task On_sqlite_a_handler_that_was_overtaken_between_reading_and_writing_runs_again_and_is_not_overtaken_twice()
    {
        await using var cluster = await TransactionTests.ClusterAsync(Engine.Sqlite);
        cluster.AttemptsAreGivenBack = true;
        var process = await cluster.StartAsync(job => job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            await TransactionTests.RunAsync(connection, transaction, "SELECT count(*) FROM effects");
            if (cluster.Calls.Count == 1) await cluster.Db.ExecuteAsync("INSERT INTO effects VALUES (77, 'by somebody else')");
            await TransactionTests.WriteAsync(task, connection, transaction);
        }));

        await RunOnceAsync(process);

        Assert.Equal((2, 1), (cluster.Calls.Count, process.Counters.Completed));
        await cluster.Db.ExecuteAsync("DELETE FROM effects WHERE task = 77");
        await TransactionTests.CheckEffectsAsync(cluster);
    }

    [Fact]
    public async Task On_sqlite_a_handler_that_only_reads_does_not_wait_for_what_can_never_succeed()
    {
        await using var cluster = await TransactionTests.ClusterAsync(Engine.Sqlite);
        cluster.AttemptsAreGivenBack = true;
        var process = await cluster.StartAsync(job => job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            await TransactionTests.RunAsync(connection, transaction, "SELECT count(*) FROM effects");
            if (cluster.Calls.Count == 1) await cluster.Db.ExecuteAsync("INSERT INTO effects VALUES (77, 'by somebody else')");
            task["note"] = "read";
        }));

        // Its completion is its first write, and the driver would try that for 35 s on a snapshot that is too old.
        await RunOnceAsync(process).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal((2, 1), (cluster.Calls.Count, process.Counters.Completed));
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_commit_that_the_server_refuses_for_a_reason_of_its_own_is_a_failed_attempt(Engine engine)
    {
        await using var cluster = await TransactionTests.ClusterAsync(engine);
        await cluster.Db.ExecuteAsync("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1 FROM nowhere; RETURN NULL; END'");
        await cluster.Db.ExecuteAsync("CREATE CONSTRAINT TRIGGER refuses AFTER INSERT ON effects DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()");
        var process = await StartAsync(cluster);

        await RunOnceAsync(process);
        await process.FinishAsync();

        var row = Assert.Single(await cluster.RowsAsync(where: "value = 1"));
        Assert.Equal((1, false), (row.N, row.IsCompleted));
        Assert.Contains("does not commit what it has written", row.Err, StringComparison.Ordinal);
    }

    [Theory, InlineData(Engine.Sqlite, 1), InlineData(Engine.Sqlite, 2), InlineData(Engine.Sqlite, 3), InlineData(Engine.PostgreSql, 4),
        InlineData(Engine.Portable, 5), InlineData(Engine.ReadCommitted, 6)]
    internal async Task Whatever_goes_wrong_each_completed_record_has_one_effect_and_no_other_has_any(Engine engine, int seed)
    {
        var random = new Random(seed);
        await using var cluster = await TransactionTests.ClusterAsync(engine, 40);
        cluster.AttemptsAreGivenBack = true;
        var process = await cluster.StartAsync(job => job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            await TransactionTests.WriteAsync(task, connection, transaction);
            var draw = random.Next(10);
            if (draw == 0) throw new FormatException("drawn");
            if (draw == 1 && !cluster.Db.IsSqlite)
            {
                // The leader takes it away.
                await cluster.Db.ExecuteAsync($"""
                    UPDATE numbers SET odd_checking_reservation_id = NULL, odd_checking_start_time = NULL, odd_checking_success = FALSE WHERE value = {task.Key}
                    """);
            }
        }), workers: 4);

        for (var round = 0; round < 300 && (await cluster.RowsAsync()).Exists(r => r.Et is null); round++)
        {
            Plan(cluster, process.Faults, random);
            await process.RoundAsync();
            await cluster.LiveAsync(1);
        }
        process.Faults.Clear();
        await cluster.UntilEndedAsync();

        await TransactionTests.CheckEffectsAsync(cluster);
        var counters = process.Counters;
        Assert.Equal((await cluster.RowsAsync()).Count(r => r.IsCompleted), counters.Completed);
        Assert.Equal((0, counters.Started), (counters.Open,
            counters.Ended + counters.Again + counters.Forgiven + counters.Snoozed + counters.Fenced + counters.Unknown));
        Assert.True(process.Faults.Hits > 10, $"{process.Faults.Hits} faults");
    }

    private static void Plan(TestCluster cluster, Faults faults, Random random)
    {
        faults.Clear();
        switch (random.Next(6))
        {
            case 0: faults.LoseAnswer(TestProcess.Finish); break;
            case 1: faults.FailBefore(TestProcess.Commit); break;
            case 2: faults.FailBefore(Effect); break;
            case 3: faults.FailBefore(TestProcess.Finish); break;
            case 4: faults.FailBefore(random.Next(2) == 0 ? TestProcess.Commit : Effect, times: 2, error: Conflict(cluster)); break;
            default: break;
        }
    }
}
