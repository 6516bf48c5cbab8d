using Pampa.Hosting;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Where records stand in the table: how RESERVE finds again what it has picked, and how much room a page has for it.</summary>
public sealed class PlaceTests
{
    private static CancellationToken Stopping => TestCluster.Stopping;

    [Fact]
    public async Task Records_that_others_have_changed_or_moved_meanwhile_are_all_done_once()
    {
        await using var cluster = await WithNotesAsync("note text NOT NULL DEFAULT ''");
        var db = cluster.Db;
        await db.ExecuteAsync("INSERT INTO notes (id) SELECT generate_series(1, 3000)");
        // Its rights are given before anything is rewritten: the catalog has one change at a time.
        await cluster.StartProgramAsync(AddNotes);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        // Each UPDATE gives a record another place; to rewrite the table gives it to all of them.
        var changing = Task.Run(async () =>
        {
            for (var i = 0; !ends.IsCancellationRequested; i++)
            {
                await db.ExecuteAsync($"UPDATE notes SET note = note || 'x' WHERE id % 7 = {i % 7} AND notes_end_time IS NULL");
                if (i % 20 == 19) await db.ExecuteAsync("VACUUM FULL notes");
            }
        }, Stopping);
        await cluster.UntilAsync(
            async () => await db.ScalarAsync<int>("SELECT count(*) FROM notes WHERE notes_end_time IS NOT NULL AND notes_success") == 3000, "all are completed", 600);
        await ends.CancelAsync();
        await changing;
        Assert.Equal(3000, await db.ScalarAsync<int>("SELECT count(*) FROM notes WHERE notes_reservation_times = 1"));
    }

    private static void Quick(JobBuilder job)
    {
        job.QueueSize = 5;
        job.Process(_ => { });
    }

    /// <summary>Changes a record in a transaction that ends when a statement waits for it, or has ended.</summary>
    private static async Task ChangeUnderAsync(TestDatabase db, long value, Func<Task> actAsync)
    {
        await using var connection = await db.Own.OpenConnectionAsync(Stopping);
        await using var transaction = await connection.BeginTransactionAsync(Stopping);
        await using var command = connection.CreateCommand();
        command.CommandText = $"UPDATE numbers SET is_odd = NULL WHERE value = {value}";
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Stopping));
        var acting = actAsync();
        await using var look = db.Own.CreateCommand("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
        while (!acting.IsCompleted && await look.ExecuteScalarAsync(Stopping) is 0L)
        {
            // Each look is a round trip of its own.
        }
        await transaction.CommitAsync(Stopping);
        await acting;
    }

    [Fact]
    public async Task What_others_change_while_it_is_picked_is_looked_for_again_at_once()
    {
        // On a computer that is busy the statement may give up waiting before the change is committed; then another one shows it.
        for (var tries = 1; ; tries++)
        {
            await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
            await cluster.InsertAsync(5);
            var process = await cluster.StartAsync(Quick, workers: 1);
            var store = process.Lane.Store;
            var did = false;
            await ChangeUnderAsync(cluster.Db, 2, async () => did = await process.DispatchAsync());
            if (!store.HasMissed && tries < 5) continue;
            Assert.True(store.HasMissed && did);
            Assert.Equal([1, 3, 4, 5], (await cluster.RowsAsync()).FindAll(r => !r.IsFree).ConvertAll(r => r.Key));
            await cluster.UntilEndedAsync();
            Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));

            // Of one alone nothing comes back that could tell: that somebody has told of it does.
            await cluster.InsertAsync(1, first: 6);
            process.Dispatcher.Wake();
            did = false;
            await ChangeUnderAsync(cluster.Db, 6, async () => did = await process.DispatchAsync());
            if (!(await cluster.RowAsync(6)).IsFree && tries < 5) continue;
            Assert.True(did);
            Assert.True((await cluster.RowAsync(6)).IsFree);
            await process.DispatchAsync();
            Assert.False((await cluster.RowAsync(6)).IsFree);
            return;
        }
    }

    [Fact]
    public async Task A_place_is_not_relied_on_where_two_records_can_have_the_same()
    {
        await using var cluster = await WithNotesAsync("note text");
        var db = cluster.Db;
        async Task<bool> HasPlacesAsync() => (await db.Database.Dialect.ReadTableAsync(db.Database, TableName.Parse("notes")!, Stopping))!.HasPlaces;
        await db.GrantOwnAsync("SELECT ON notes");
        Assert.True(await HasPlacesAsync());
        // Nor by who may only see some of the columns, for the place is none of those.
        var user = (await db.Database.QueryAsync(new Statement("SELECT current_user::text"), row => row.GetString(0), Stopping))[0];
        await db.ExecuteAsync($"REVOKE SELECT ON notes FROM {Dialect.Quote(user)}; GRANT SELECT (id, note) ON notes TO {Dialect.Quote(user)}");
        Assert.False(await HasPlacesAsync());
        await db.ExecuteAsync($"GRANT SELECT ON notes TO {Dialect.Quote(user)}");
        Assert.True(await HasPlacesAsync());
        await db.ExecuteAsync("CREATE TABLE old_notes (PRIMARY KEY (id)) INHERITS (notes)");
        Assert.False(await HasPlacesAsync());
        // The first of each stands at the same place of its table.
        await db.ExecuteAsync("INSERT INTO notes (id) VALUES (1), (2); INSERT INTO old_notes (id) VALUES (11), (12)");
        Assert.Equal(2, await db.ScalarAsync<int>("SELECT count(DISTINCT ctid) FROM notes"));
        await cluster.StartProgramAsync(AddNotes);
        await cluster.UntilAsync(
            async () => await db.ScalarAsync<int>("SELECT count(*) FROM notes WHERE notes_success AND notes_reservation_times = 1") == 4, "all four are completed", 600);
    }

    [Theory]
    [InlineData("value bigint PRIMARY KEY, is_odd boolean", 30)]
    [InlineData("id uuid PRIMARY KEY, customer bigint, due timestamptz, note text", 35)]
    [InlineData("id bigint PRIMARY KEY, a text, b text, c text, d text, e text, f text, g text, h text", 45)]
    public async Task A_table_that_Setup_makes_has_room_for_a_second_version_of_each_record(string columns, int filled)
    {
        await using var db = await TestDatabase.CreateAsync(Engine.PostgreSql, null);
        await PrepareAsync(db, $"CREATE TABLE notes ({columns})");
        Assert.Equal($"{{fillfactor={filled}}}", await db.ScalarAsync<string>("SELECT reloptions::text FROM pg_class WHERE relname = 'notes'"));
    }

    private static async Task<TestCluster> WithNotesAsync(string column)
    {
        var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.Db.ExecuteAsync($"CREATE TABLE notes (id bigint PRIMARY KEY, {column})");
        await PrepareAsync(cluster.Db);
        return cluster;
    }

    private static void AddNotes(PampaBuilder pampa) => pampa.AddJob("notes", "notes", "id", job => job.Process(_ => { }));

    private static async Task PrepareAsync(TestDatabase db, params string[] setup)
    {
        var program = new PampaBuilder();
        program.Setup(setup);
        var key = setup is [{ } made] && made.Contains("(value ", StringComparison.Ordinal) ? "value" : "id";
        program.AddJob("notes", "notes", key, job => job.Process(_ => { }));
        var dialect = new PostgreSqlDialect(TestClock.Sql);
        var owners = new Database(db.Own, dialect, TimeProvider.System, new Random(1));
        var address = new DatabaseAddress(dialect, db.Own.ConnectionString);
        await new Preparation(owners, address, SchemaChanges.All, TimeProvider.System).RunAsync(program, Stopping);
    }
}
