using System.Data.Common;
using System.Globalization;
using Pampa.Working;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Handlers whose writes are committed together with the completion, while nothing but the handler goes wrong.</summary>
public sealed class TransactionTests
{
    internal static async Task<TestCluster> ClusterAsync(Engine engine, int records = 1)
    {
        var cluster = await TestCluster.CreateAsync(engine);
        await cluster.Db.ExecuteAsync("CREATE TABLE effects (task bigint NOT NULL, note text)");
        await cluster.Db.GrantOwnAsync("SELECT, INSERT, UPDATE, DELETE ON effects");
        await cluster.InsertAsync(records);
        return cluster;
    }

    internal static async Task RunAsync(DbConnection connection, DbTransaction transaction, string text)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = text;
        await command.ExecuteNonQueryAsync();
    }

    internal static Task WriteAsync(PampaTask task, DbConnection connection, DbTransaction transaction) =>
        RunAsync(connection, transaction, $"INSERT INTO effects VALUES ({task.Key}, 'attempt {task.Attempt}')");

    /// <summary>Exactly one effect for each record that is completed, and none for any other.</summary>
    internal static async Task CheckEffectsAsync(TestCluster cluster)
    {
        var effects = (await cluster.Db.ReadAsync("SELECT task FROM effects ORDER BY task")).ConvertAll(r => Convert.ToInt64(r[0], CultureInfo.InvariantCulture));
        Assert.Equal((await cluster.RowsAsync()).Where(r => r.IsCompleted).Select(r => r.Key), effects);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task Writes_and_completion_are_committed_together_and_counted_once(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 20);
        var process = await cluster.StartAsync(job => job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            await WriteAsync(task, connection, transaction);
            task["is_odd"] = task.Get<long>("value") % 2 != 0;
        }), workers: 3);

        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1, row.Key % 2 != 0), (row.IsCompleted, row.N, row.IsOdd)));
        await CheckEffectsAsync(cluster);
        Assert.Equal((20, 20, 0, 0, 0, 0), (process.Counters.Started, process.Counters.Completed, process.Counters.Fenced, process.Counters.Unknown,
            process.Counters.Open, process.Lane.Finisher.Count));
        Assert.Equal(20, process.Lane.Load.Durations.Count);
        Assert.Equal(20, cluster.Calls.Count);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task What_a_handler_throws_undoes_its_writes_and_goes_the_ordinary_way(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 4);
        cluster.AttemptsAreGivenBack = true;
        await cluster.StartAsync(job => job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            await WriteAsync(task, connection, transaction);
            if (task["note"] is not null || task.Attempt > 1) return;
            task["note"] = "set";
            throw task.Key switch
            {
                "1" => new FormatException("once"),
                "2" => new PermanentFailureException("for good"),
                "3" => new SnoozeException(TimeSpan.FromSeconds(60)),
                _ => new OperationCanceledException("its own"),
            };
        }), workers: 4);

        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.Et is not null) == 3, "all but the one that snoozes have ended");
        Assert.Equal("set", (await cluster.RowAsync(3)).Note);
        await CheckEffectsAsync(cluster);
        await cluster.LiveAsync(60);
        await cluster.UntilEndedAsync();

        Assert.Equal([(true, 2, null), (false, 1, null), (true, 1, "set"), (true, 2, null)],
            (await cluster.RowsAsync()).ConvertAll(r => (r.IsCompleted, r.N, r.Note)));
        Assert.Contains("for good", (await cluster.RowAsync(2)).Err);
        await CheckEffectsAsync(cluster);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task A_record_that_is_somebody_elses_meanwhile_takes_the_writes_back(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine);
        var process = await cluster.StartAsync(job => job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            if (task.Attempt == 1)
            {
                await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_id = NULL, odd_checking_start_time = NULL, odd_checking_success = FALSE");
            }
            await WriteAsync(task, connection, transaction);
        }));

        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        Assert.Equal((1, 0, 0), (process.Counters.Fenced, process.Counters.Completed, process.Lane.Finisher.Count));
        await CheckEffectsAsync(cluster);
        await cluster.UntilEndedAsync();

        Assert.Equal((1, 1, 2), (process.Counters.Fenced, process.Counters.Completed, (await cluster.RowAsync(1)).N));
        await CheckEffectsAsync(cluster);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_stop_and_a_lost_lease_undo_the_writes_and_cost_no_attempt(Engine engine)
    {
        foreach (var why in (Interruption[])[Interruption.Shutdown, Interruption.LeaseLost])
        {
            await using var cluster = await ClusterAsync(engine);
            cluster.AttemptsAreGivenBack = true;
            var begun = new TaskCompletionSource();
            var process = await cluster.StartAsync(job => job.ProcessInTransaction(async (task, connection, transaction) =>
            {
                await WriteAsync(task, connection, transaction);
                if (cluster.Calls.Count > 1) return;
                begun.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, cluster.Time, task.CancellationToken);
            }), workers: 1);
            await process.DispatchAsync();
            await process.StartAsync();

            var running = process.RunAsync();
            await begun.Task;
            process.Node.Interrupt(why);
            await running;
            await CheckEffectsAsync(cluster);
            await cluster.UntilEndedAsync();

            Assert.Equal((1, 1, 1), (process.Counters.Forgiven, process.Counters.Completed, (await cluster.RowAsync(1)).N));
            await CheckEffectsAsync(cluster);
        }
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_handler_that_takes_longer_than_it_may_fails_and_its_writes_are_undone(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.MaxDuration = TimeSpan.FromSeconds(2);
            job.ProcessInTransaction(async (task, connection, transaction) =>
            {
                await WriteAsync(task, connection, transaction);
                cluster.Time.Advance(TimeSpan.FromSeconds(3));
                task.CancellationToken.ThrowIfCancellationRequested();
            });
        });

        await cluster.UntilAsync(async () => (await cluster.RowAsync(1)).IsFailed, "it has failed");

        Assert.Contains("MaxDuration of 00:00:02 exceeded during attempt 1 of 1", (await cluster.RowAsync(1)).Err);
        await CheckEffectsAsync(cluster);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_handler_that_ends_its_transaction_or_its_connection_is_told_what_to_do(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 4);
        await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 2;
            job.ProcessInTransaction(async (task, connection, transaction) =>
            {
                await RunAsync(connection, transaction, "SELECT 1");
                await (task.Key switch
                {
                    "1" => transaction.CommitAsync(),
                    "2" => transaction.RollbackAsync(),
                    "3" => transaction.DisposeAsync().AsTask(),
                    _ => connection.CloseAsync(),
                });
            });
        });

        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).TrueForAll(r => r.IsFailed), "all have failed");

        var rows = await cluster.RowsAsync();
        Assert.All(rows[..3], row => Assert.Contains("must leave its transaction open", row.Err));
        Assert.Contains("must leave its connection open", rows[3].Err);
        Assert.Equal([1, 1, 1, 2], rows.ConvertAll(r => r.N));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task What_the_table_or_the_commit_refuses_fails_the_attempt_with_the_databases_words(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 2);
        await cluster.Db.ExecuteAsync("CREATE TABLE parents (id bigint PRIMARY KEY)");
        await cluster.Db.ExecuteAsync("CREATE TABLE children (parent bigint NOT NULL REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)");
        await cluster.Db.GrantOwnAsync("SELECT, INSERT ON parents, children");
        await cluster.Db.ExecuteAsync("CREATE UNIQUE INDEX one_note ON numbers (note)");
        await cluster.Db.ExecuteAsync("INSERT INTO numbers (value, note, odd_checking_end_time, odd_checking_success) VALUES (9, 'taken', '2030-01-01T00:00:00.000Z', FALSE)");
        await cluster.StartAsync(job => job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            await WriteAsync(task, connection, transaction);
            if (task.Key == "1") task["note"] = "taken";
            else await RunAsync(connection, transaction, "INSERT INTO children VALUES (77)");
        }));

        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).TrueForAll(r => r.IsFailed), "all have failed");

        Assert.All((await cluster.RowsAsync())[..2], row => Assert.Equal((3, true),
            (row.N, row.Err!.Contains("does not commit what it has written", StringComparison.Ordinal))));
        Assert.Contains("one_note", engine == Engine.Sqlite ? "one_note" : (await cluster.RowAsync(1)).Err);
        await CheckEffectsAsync(cluster);
    }

    [Fact]
    public async Task A_handler_that_leaves_its_connection_in_use_or_goes_on_after_an_error_fails()
    {
        await using var cluster = await ClusterAsync(Engine.PostgreSql, 2);
        await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.ProcessInTransaction(async (task, connection, transaction) =>
            {
                await WriteAsync(task, connection, transaction);
                if (task.Key == "1") await Assert.ThrowsAnyAsync<DbException>(() => RunAsync(connection, transaction, "SELECT 1 / 0"));
                else await ReadOneAsync(connection, transaction);
            });
        });

        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).TrueForAll(r => r.IsFailed), "both have failed");

        Assert.Contains("current transaction is aborted", (await cluster.RowAsync(1)).Err);
        Assert.Contains("A command is already in progress", (await cluster.RowAsync(2)).Err);
        await CheckEffectsAsync(cluster);

        static async Task ReadOneAsync(DbConnection connection, DbTransaction transaction)
        {
            var command = connection.CreateCommand();
            command.Transaction = transaction;
            command.CommandText = "SELECT generate_series(1, 9)";
            await (await command.ExecuteReaderAsync()).ReadAsync();
        }
    }

    [Fact]
    public async Task A_task_with_a_transaction_never_starts_ahead()
    {
        await using var cluster = await ClusterAsync(Engine.Sqlite, 10);
        var process = await cluster.StartAsync(job => job.ProcessInTransaction((_, _, _) => { }), workers: 1);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));

        await process.DispatchAsync();
        await process.StartAsync();

        Assert.Equal((1, 1), (process.Node.Running, process.Lane.Load.Ahead));
        await cluster.UntilEndedAsync();
    }

    private sealed record Number(long Value, bool? IsOdd);

    [Fact]
    public async Task Handlers_of_every_shape_are_awaited_within_the_transaction()
    {
        static async Task LaterAsync(PampaTask task, DbConnection connection, DbTransaction transaction)
        {
            await Task.Yield();
            await WriteAsync(task, connection, transaction);
        }
        Action<JobBuilder>[] shapes =
        [
            job => job.ProcessInTransaction((task, connection, transaction) => WriteAsync(task, connection, transaction).Wait()),
            job => job.ProcessInTransaction(async (task, connection, transaction) => await LaterAsync(task, connection, transaction)),
            job => job.ProcessInTransaction(LaterAsync),
            job => job.ProcessInTransaction((task, connection, transaction) => new ValueTask(LaterAsync(task, connection, transaction))),
            job => job.ProcessInTransaction<Number>((n, task, connection, transaction) =>
            {
                WriteAsync(task, connection, transaction).Wait();
                return n with { IsOdd = true };
            }),
            job => job.ProcessInTransaction<Number>(async (n, task, connection, transaction) =>
            {
                await LaterAsync(task, connection, transaction);
                return n with { IsOdd = true };
            }),
        ];
        for (var i = 0; i < shapes.Length; i++)
        {
            await using var cluster = await ClusterAsync(Engine.Sqlite);
            await cluster.StartAsync(shapes[i]);
            await cluster.UntilEndedAsync();
            await CheckEffectsAsync(cluster);
            Assert.Equal((true, i >= 4 ? true : null), ((await cluster.RowAsync(1)).IsCompleted, (await cluster.RowAsync(1)).IsOdd));
        }
    }
}
