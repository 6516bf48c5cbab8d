using System.Data.Common;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Rows that somebody else's transaction holds, on databases that lock rows.</summary>
public sealed class LockedRowTests
{
    /// <summary>Another program's transaction that holds rows until it is disposed of.</summary>
    internal sealed class Holder(DbConnection connection, DbTransaction transaction) : IAsyncDisposable
    {
        public static Task<Holder> HoldAsync(TestCluster cluster, string where) => RunAsync(cluster, $"SELECT value FROM numbers WHERE {where} FOR UPDATE");

        public static Task<Holder> LockAsync(TestCluster cluster, string table, string mode) => RunAsync(cluster, $"LOCK TABLE {table} IN {mode} MODE");

        public static async Task<Holder> RunAsync(TestCluster cluster, string text)
        {
            var connection = await cluster.Db.Own.OpenConnectionAsync(TestCluster.Stopping);
            var transaction = await connection.BeginTransactionAsync(TestCluster.Stopping);
            await using var command = connection.CreateCommand();
            command.Transaction = transaction;
            command.CommandText = text;
            await command.ExecuteNonQueryAsync(TestCluster.Stopping);
            return new Holder(connection, transaction);
        }

        public async ValueTask DisposeAsync()
        {
            await transaction.RollbackAsync();
            await transaction.DisposeAsync();
            await connection.DisposeAsync();
        }
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Neighbours_of_a_locked_record_are_reserved_and_it_comes_later(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(12);
        await cluster.StartAsync(job => job.Process(_ => { }));

        await using (await Holder.HoldAsync(cluster, "value = 5"))
        {
            await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 11, "its neighbours are completed", 60);
            Assert.True((await cluster.RowAsync(5)).IsFree);
        }
        await cluster.AdvanceAsync(1);
        await cluster.UntilEndedAsync(maxRounds: 200);

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_snapshot_that_somebody_holds_open_changes_nothing(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(30);
        await using var connection = await cluster.Db.Own.OpenConnectionAsync(TestCluster.Stopping);
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, TestCluster.Stopping);
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = "SELECT count(*) FROM numbers WHERE odd_checking_end_time IS NULL";
        Assert.Equal(30L, await command.ExecuteScalarAsync(TestCluster.Stopping));
        await cluster.StartAsync(job => job.Process(_ => { }));
        await cluster.UntilEndedAsync();
        // What it sees is of long ago, and nobody waits for it or works by it.
        Assert.Equal(30L, await command.ExecuteScalarAsync(TestCluster.Stopping));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(30, cluster.Calls.Count);
    }

    [Fact]
    public async Task What_a_former_life_held_and_somebody_has_locked_is_taken_back_as_soon_as_it_is_free()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.InsertAsync(3);
        var first = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
        await first.DispatchAsync();
        await first.StartAsync();
        first.Kill();
        await first.MarkDeadAsync();
        TestProcess second;
        await using (await Holder.HoldAsync(cluster, "value = 2"))
        {
            second = await cluster.StartAsync(job => job.Process(_ => { }), name: "a");
            Assert.Contains(second.Lines, line => line.Contains("1 are locked by somebody else", StringComparison.Ordinal));
            Assert.True((await cluster.RowAsync(2)).IsRunning);
        }
        await second.StartAsync();
        await second.FinishAsync();
        Assert.Equal((false, 1), ((await cluster.RowAsync(2)).IsRunning, (await cluster.RowAsync(2)).N));
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Neighbours_of_a_locked_record_are_started_and_it_comes_later(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(8);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 8);
        await process.DispatchAsync();

        await using (await Holder.HoldAsync(cluster, "value = 5"))
        {
            await process.StartAsync();
            await process.RunAsync();
            await process.FinishAsync();
            Assert.Equal(7, (await cluster.RowsAsync()).Count(r => r.IsCompleted));
            Assert.True((await cluster.RowAsync(5)).IsReserved);
            Assert.DoesNotContain(process.Lines, line => line.Contains("as a whole", StringComparison.Ordinal));
        }
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync(maxRounds: 50);

        Assert.Equal((1, 8), ((await cluster.RowAsync(5)).N, cluster.Calls.Count));
        Assert.Equal((8, 0), (process.Counters.Completed, process.Counters.Fenced));
    }

    [Fact]
    public async Task Many_locked_records_are_told_of_with_one_line_and_searched_for_a_while_only()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.InsertAsync(8);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 8);
        await process.DispatchAsync();
        await using (await Holder.HoldAsync(cluster, "value <= 6"))
        {
            // As if each wait for a lock took a second.
            var starts = 0;
            process.Faults.Note(TestProcess.Start, () =>
            {
                starts++;
                cluster.Time.Advance(TimeSpan.FromSeconds(1));
            });
            await process.StartAsync();
            Assert.Equal(3, starts);
            await process.StartAsync();
            Assert.Single(process.Lines, line => line.Contains("cannot be started", StringComparison.Ordinal));
            process.Faults.Clear();
            for (var i = 0; i < 4; i++) await process.StartAsync();
            await process.RunAsync();
            await process.FinishAsync();
            Assert.Equal(2, (await cluster.RowsAsync()).Count(r => r.IsCompleted));
        }
        await cluster.LiveAsync(61);
        await cluster.UntilEndedAsync();
        Assert.Equal((8, 0, 0), (process.Counters.Completed, process.Counters.Forgiven, process.Counters.Fenced));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task What_was_started_beside_a_locked_record_is_known_when_the_node_reads_back(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(8);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 8);
        await process.DispatchAsync();
        await using (await Holder.HoldAsync(cluster, "value = 5")) await process.StartAsync();
        // They run for longer than it takes to the next reading.
        await cluster.LiveAsync(31);
        await process.StartAsync();
        await process.FinishAsync();
        Assert.Equal(8, (await cluster.RowsAsync()).Count(r => r.IsRunning && r.N == 1));

        await cluster.UntilEndedAsync(maxRounds: 50);
        Assert.Equal((8, 0, 8), (process.Counters.Completed, process.Counters.Forgiven, cluster.Calls.Count));
    }

    [Theory, InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Results_of_a_locked_records_neighbours_are_written_and_its_own_later(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(8);
        var process = await cluster.StartAsync(job => job.Process(task => task["note"] = "done"), workers: 8);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();

        await using (await Holder.HoldAsync(cluster, "value IN (3, 5)"))
        {
            await process.FinishAsync();
            Assert.Equal(6, (await cluster.RowsAsync()).Count(r => r.IsCompleted));
            Assert.Equal(2, process.Lane.Finisher.Count);
            // Still held at the next try.
            await cluster.AdvanceAsync(0.3);
            await process.FinishAsync();
            Assert.Equal(2, process.Lane.Finisher.Count);
            // New work of the job is not held up by them.
            await cluster.InsertAsync(4, first: 9);
            process.Dispatcher.Wake();
            for (var i = 0; i < 3; i++) await process.RoundAsync();
            Assert.Equal(10, (await cluster.RowsAsync()).Count(r => r.IsCompleted));
        }
        await cluster.AdvanceAsync(0.3);
        await process.FinishAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1, "done"), (row.IsCompleted, row.N, row.Note)));
        Assert.Equal((12, 0, 0, 0), (process.Counters.Completed, process.Counters.Fenced, process.Counters.Unknown, process.Lane.Finisher.Count));
    }
}
