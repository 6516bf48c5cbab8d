using Npgsql;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.EndToEnd;
using Pampa.Tests.Fixtures;
using Pampa.Tests.Scenarios;

namespace Pampa.Tests.Conformance;

public sealed class PostgreSqlConformance : StoreConformance
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private protected override Engine Engine => Engine.PostgreSql;

    private protected override TableProfile Profile => TableProfile.Numbers;

    private static Slot[] Low(params string[] workers) => [.. Slots(workers).Select(s => s with { IsLow = true })];

    /// <summary>What all nodes are told while something is done.</summary>
    private async Task<List<(string? Node, HandOver? HandOver)>> ToldAsync(Func<Task> actAsync)
    {
        var wakeUps = new WakeUps(Db.Database, Cluster);
        var heard = new List<string>();
        await using var connection = (NpgsqlConnection)await Db.Source.OpenConnectionAsync(Stopping);
        var notifications = Db.Database.Dialect.Notifications!;
        await notifications.ListenAsync(connection, (await wakeUps.ChannelAsync(WakeUps.HandOver, Stopping))!, heard.Add, Stopping);
        await actAsync();
        // Messages come in the order of their transactions.
        await wakeUps.SendAsync(WakeUps.HandOver, ["end"], Stopping);
        while (!heard.Contains("end")) Assert.True(await connection.WaitAsync(Patience, Stopping), "the message does not come");
        await using (var command = new NpgsqlCommand("UNLISTEN *", connection)) await command.ExecuteNonQueryAsync(Stopping);
        heard.Remove("end");
        return heard.ConvertAll(HandOverMessage.Read);
    }

    [Fact]
    public async Task Nodes_that_have_next_to_nothing_are_told_at_once_what_they_got()
    {
        await InsertAsync([1, 2, 3, 4]);
        Assert.NotNull(await Ticked(Workers.RegisterAsync("c", ["c.1"], "p9", Ttl, [], Stopping)));
        List<Reservation> reserved = [];
        var told = await ToldAsync(async () =>
            reserved = await Ticked(Store.ReserveAsync([.. Low("a.1", "b.1"), .. Slots("c.1"), .. Low("b.2")], Lease, "a", null, Stopping, "first")));
        var (node, handOver) = Assert.Single(told);
        Assert.Equal(("b", "first", "job"), (node, handOver?.Batch, handOver?.Job));
        Assert.Equal([reserved[1], reserved[3]], HandOverText.Read(handOver!.Rows));
        Assert.Equal([handOver], await ExchangeAsync("b"));
        Assert.Single(await ExchangeAsync("c"));
        Assert.Empty(await ToldAsync(() => Ticked(Store.ReserveAsync(Low("b.1"), Lease, "a", null, Stopping, "second"))));
    }

    [Fact]
    public async Task Of_much_they_are_told_only_that_it_came()
    {
        await InsertAsync([.. Enumerable.Range(1, 100)]);
        var told = await ToldAsync(() => Ticked(Store.ReserveAsync(
            Low([.. Enumerable.Repeat("b.1", 100)]), Lease, "a", null, Stopping, "batch")));
        Assert.Equal(("b", null), Assert.Single(told));
        Assert.Equal(100, HandOverText.Read(Assert.Single(await ExchangeAsync("b")).Rows)!.Count);
    }

    [Fact]
    public async Task Where_no_message_can_be_sent_any_more_records_are_reserved_all_the_same()
    {
        await InsertAsync([1]);
        var faults = new Faults(text => new PostgresException(text, "ERROR", "ERROR", PostgresErrorCodes.ProgramLimitExceeded));
        faults.FailBefore("pg_notify");
        await using var source = new FaultyDataSource(Db.Source, faults);
        var store = new TaskStore(new Database(source, Db.Database.Dialect, TimeProvider.System, new Random(1)), Store.Table, Cluster, new Random(1));
        Assert.Single(await Ticked(store.ReserveAsync(Low("b.1"), Lease, "a", null, Stopping, "batch")));
        Assert.Equal(1, faults.Hits);
        Assert.Single(await ExchangeAsync("b"));
    }

    [Fact]
    public async Task Whoever_was_met_once_is_passed_by_without_another_wait()
    {
        await InsertAsync([1, 2, 3]);
        var waits = 0;
        Db.Database.Failed = e => waits += Db.Database.Dialect.Classify(e) == ErrorKind.Locked ? 1 : 0;
        await using var connection = await Db.Own.OpenConnectionAsync(Stopping);
        await using var transaction = await connection.BeginTransactionAsync(Stopping);
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT 1 FROM numbers WHERE {Profile.KeyIs(1)} FOR UPDATE";
        await command.ExecuteNonQueryAsync(Stopping);
        Assert.Equal(KeysOf(2), Shown((await ReserveAsync(1)).Select(r => r.Key)));
        Assert.Equal(1, waits);
        Assert.Equal(KeysOf(3), Shown((await ReserveAsync(1)).Select(r => r.Key)));
        Assert.Equal(1, waits);
        await transaction.RollbackAsync(Stopping);
    }

    [Theory]
    [InlineData("NULLS FIRST")]
    [InlineData("DESC NULLS LAST")]
    public async Task An_index_with_empty_ends_at_the_other_side_does_not_bring_the_order_of_the_end(string order)
    {
        await InsertEndedAsync();
        await Db.ExecuteAsync($"CREATE INDEX other_side ON {IndexedTable} ({EndColumn} {order})");
        await Db.ExecuteAsync(await RemedyAsync(new TaskFilter()));
        Assert.Equal(KeysOf(6, 5, 4, 3, 2, 1), await LatestAsync(new TaskFilter()));
    }

    [Fact]
    public async Task What_is_left_of_an_index_that_was_not_finished_is_dropped_before_it_is_made_anew()
    {
        await InsertEndedAsync();
        foreach (var filter in (TaskFilter[])[OfFailed, new TaskFilter()])
        {
            Assert.Contains("make the index outside of a transaction: CREATE INDEX CONCURRENTLY ", await RefusalAsync(filter), StringComparison.Ordinal);
            var create = await RemedyAsync(filter);
            await Db.ExecuteAsync(create);
            await LatestAsync(filter);
            await Db.ExecuteAsync($"UPDATE pg_index SET indisvalid = false WHERE indrelid = '{Profile.Table}'::regclass AND NOT indisprimary");
            var statements = (await RemedyAsync(filter)).Split("; ");
            Assert.Equal(create, statements[^1]);
            Assert.StartsWith("DROP INDEX CONCURRENTLY \"", Assert.Single(statements[..^1]), StringComparison.Ordinal);
            // Neither may stand in a transaction, and that is said.
            Assert.Contains("by two statements, first the one and then the other, each by itself outside of a transaction: DROP ", await RefusalAsync(filter), StringComparison.Ordinal);
            foreach (var statement in statements) await Db.ExecuteAsync(statement);
            await LatestAsync(filter);
        }
    }

    [Fact]
    public async Task Statements_that_come_again_are_prepared_and_outlive_a_column_that_changes_its_type()
    {
        await using var source = Db.Database.Dialect.Open(Db.Source.ConnectionString, "one", 1);
        var store = new TaskStore(new Database(source, Db.Database.Dialect, TimeProvider.System, new Random(1)), Store.Table, Cluster, new Random(1));
        for (var i = 1; i <= 4; i++) await StartedAsync(i, store: store);
        await using (var connection = await source.OpenConnectionAsync(Stopping))
        await using (var command = connection.CreateCommand())
        {
            command.CommandText = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%\\_pampa\\_%'";
            Assert.Equal(2L, await command.ExecuteScalarAsync(Stopping));
        }
        await Db.ExecuteAsync("ALTER TABLE numbers ALTER COLUMN is_odd TYPE text");
        Assert.Equal(1, (await StartedAsync(5, store: store)).Fence.Attempt);
    }

    [Fact]
    public async Task Behind_a_pooler_nothing_is_prepared()
    {
        await using var direct = (PreparingDataSource)Db.Database.Dialect.Open(Db.Source.ConnectionString, "direct", 1);
        await using (await direct.OpenConnectionAsync(Stopping)) Assert.False(direct.IsPooled);
        // A pooler takes none of these.
        var address = new NpgsqlConnectionStringBuilder(Db.Source.ConnectionString) { Options = null }.ConnectionString;
        var folder = Directory.CreateTempSubdirectory("pampa-pooler-");
        try
        {
            await using var pooler = await Pooler.StartAsync(folder.FullName);
            await using var pooled = (PreparingDataSource)Db.Database.Dialect.Open(pooler.Settings(address), "pooled", 1);
            for (var i = 0; i < 5; i++)
            {
                await using var connection = await pooled.OpenConnectionAsync(Stopping);
                await using var command = connection.CreateCommand();
                command.CommandText = "SELECT name FROM pg_prepared_statements";
                Assert.Null(await command.ExecuteScalarAsync(Stopping));
            }
            Assert.True(pooled.IsPooled);
            await using (pooled.OpenConnection()) Assert.True(pooled.IsPooled);
            // The driver hides what it met at each of several servers.
            var there = new NpgsqlConnectionStringBuilder(pooler.Settings(address));
            there.Host = $"127.0.0.1:1,{there.Host}:{there.Port}";
            await using var several = (PreparingDataSource)Db.Database.Dialect.Open(there.ConnectionString, "several", 1);
            await using (await several.OpenConnectionAsync(Stopping)) Assert.True(several.IsPooled);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
