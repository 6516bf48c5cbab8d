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
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var db = cluster.Db;
        await db.ExecuteAsync("CREATE TABLE notes (id bigint PRIMARY KEY, note text NOT NULL DEFAULT '')");
        await PrepareAsync(db);
        await db.ExecuteAsync("INSERT INTO notes (id) SELECT generate_series(1, 3000)");
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
        await cluster.StartProgramAsync(AddNotes);
        await cluster.UntilAsync(
            async () => await db.ScalarAsync<int>("SELECT count(*) FROM notes WHERE notes_end_time IS NOT NULL AND notes_success") == 3000, "all are completed", 600);
        await ends.CancelAsync();
        await changing;
        Assert.Equal(3000, await db.ScalarAsync<int>("SELECT count(*) FROM notes WHERE notes_reservation_times = 1"));
    }

    [Fact]
    public async Task A_place_is_not_relied_on_where_two_records_can_have_the_same()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var db = cluster.Db;
        await db.ExecuteAsync("CREATE TABLE notes (id bigint PRIMARY KEY, note text)");
        await PrepareAsync(db);
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
