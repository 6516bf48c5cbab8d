using Pampa.Hosting;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Tables whose records are in partitions.</summary>
public sealed class PartitionTests
{
    private const string Visits = """
        CREATE TABLE visits (day date NOT NULL, id bigint NOT NULL, note text, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
        CREATE TABLE visits_old PARTITION OF visits FOR VALUES FROM ('2029-01-01') TO ('2030-01-01');
        CREATE TABLE visits_now PARTITION OF visits FOR VALUES FROM ('2030-01-01') TO ('2031-01-01') PARTITION BY HASH (id);
        CREATE TABLE "visits now 0" PARTITION OF visits_now FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE "visits now 1" PARTITION OF visits_now FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE TABLE visits_else PARTITION OF visits DEFAULT
        """;

    private static CancellationToken Stopping => TestCluster.Stopping;

    private static void AddVisits(PampaBuilder pampa, Func<PampaTask, Task> handler) => pampa.AddJob("visits", "visits", ["day", "id"], job =>
    {
        job.Backoff = Backoff.None;
        job.WakeOnInsert = true;
        job.Process(handler);
    });

    /// <summary>As the owner, who is another one than the product runs as.</summary>
    private static async Task<List<string>> PrepareAsync(TestDatabase db, SchemaChanges changes, params string[] setup)
    {
        var told = new List<string>();
        var program = new PampaBuilder();
        program.Setup(setup);
        AddVisits(program, _ => Task.CompletedTask);
        var dialect = new PostgreSqlDialect(TestClock.Sql);
        var owners = new Database(db.Own, dialect, TimeProvider.System, new Random(1));
        var address = new DatabaseAddress(dialect, db.Own.ConnectionString);
        await new Preparation(owners, address, changes, TimeProvider.System, told.Add).RunAsync(program, Stopping);
        return told;
    }

    [Fact]
    public async Task Their_indexes_are_built_beside_writers_one_by_one_and_a_new_partition_gets_one_by_itself()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.PostgreSql, null);
        await db.ExecuteAsync(Visits);
        var planned = await PrepareAsync(db, SchemaChanges.Planned);
        Assert.Equal(planned, await PrepareAsync(db, SchemaChanges.All));
        Assert.Empty(await PrepareAsync(db, SchemaChanges.All));
        // Those of what has failed are made in the same way.
        Assert.Equal(2 * 5, planned.Count(s => s.Contains("CREATE INDEX", StringComparison.Ordinal)));
        var indexes = planned.FindAll(s => s.Contains("CREATE INDEX", StringComparison.Ordinal) && s.EndsWith("IS NULL", StringComparison.Ordinal));
        Assert.Equal(5, indexes.Count);
        Assert.All(indexes[..4], s => Assert.StartsWith("CREATE INDEX CONCURRENTLY IF NOT EXISTS \"pampa_part_", s, StringComparison.Ordinal));
        Assert.All((string[])["visits now 0", "visits now 1", "visits_else", "visits_old"],
            part => Assert.Contains(indexes, s => s.Contains($"ON \"public\".\"{part}\" (\"day\", \"id\") WHERE ", StringComparison.Ordinal)));
        Assert.StartsWith("CREATE INDEX IF NOT EXISTS \"pampa_visits_", indexes[4], StringComparison.Ordinal);
        // Six tables, one index each: those that were there have been taken over.
        await AllHaveOneAsync(6);
        await db.ExecuteAsync("CREATE TABLE visits_new PARTITION OF visits FOR VALUES FROM ('2031-01-01') TO ('2032-01-01')");
        await AllHaveOneAsync(7);

        // What was cut short is made anew.
        await db.ExecuteAsync("UPDATE pg_index SET indisvalid = false WHERE indexrelid = (SELECT oid FROM pg_class WHERE relname LIKE 'pampa\\_visits\\_%' AND relname NOT LIKE '%failed')");
        Assert.Equal(1 + 5 + 1, (await PrepareAsync(db, SchemaChanges.All)).Count);
        await AllHaveOneAsync(7);

        async Task AllHaveOneAsync(int tables) => Assert.Equal((tables, tables), (
            await db.ScalarAsync<int>("SELECT count(*) FROM pg_index WHERE indisvalid AND pg_get_expr(indpred, indrelid) LIKE '%end_time IS NULL%' AND indrelid::regclass::text LIKE '%visits%'"),
            await db.ScalarAsync<int>("SELECT count(DISTINCT indrelid) FROM pg_index WHERE pg_get_expr(indpred, indrelid) LIKE '%end_time IS NULL%' AND indrelid::regclass::text LIKE '%visits%'")));
    }

    [Fact]
    public async Task Their_records_are_done_relaunched_and_found_where_they_have_moved_to()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        var db = cluster.Db;
        await db.ExecuteAsync(Visits);
        await PrepareAsync(db, SchemaChanges.All);
        await db.ExecuteAsync("INSERT INTO visits SELECT d::date, n FROM unnest(ARRAY['2028-05-05', '2029-05-05', '2030-05-05']) AS d, generate_series(1, 20) AS n");
        var moves = true;
        var process = await cluster.StartProgramAsync(pampa => AddVisits(pampa, async task =>
        {
            task["note"] = task["day"]?.ToString();
            if (moves && task.Get<long>("id") == 7 && task.Get<DateOnly>("day").Year == 2029) await db.ExecuteAsync("UPDATE visits SET day = '2030-06-06' WHERE day = '2029-05-05' AND id = 7");
        }));
        Task DoneAsync() => cluster.UntilAsync(
            async () => await db.ScalarAsync<int>("SELECT count(*) FROM visits WHERE visits_end_time IS NOT NULL AND visits_success") == 60, "all visits are completed", 600);

        await DoneAsync();
        moves = false;
        // The one that moved has another key: what its handler set is refused, and the record is done anew where it is.
        Assert.Equal(1, process.Counters.Fenced);
        Assert.Equal("2030-06-06/2", await db.ScalarAsync<string>("SELECT day || '/' || visits_reservation_times FROM visits WHERE id = 7 AND day > '2030-05-05'"));
        Assert.Equal(59, await db.ScalarAsync<int>("SELECT count(*) FROM visits WHERE visits_reservation_times = 1"));

        var ended = await process.Lane.Store.ReadEndedAsync(TaskState.Completed, 100, Stopping);
        Assert.Equal(60, (await process.Lane.Store.RelaunchAsync(ended, TaskState.Completed, Stopping)).Count);
        process.Dispatcher.Wake();
        await DoneAsync();

        Assert.True(await db.Database.LookAsync(unit => db.Database.Dialect.Examiner.HasIndexOfOpenAsync(unit, process.Lane.Store.Table), Stopping));
        await AdvisesAsync(db, new TaskStore(db.Database, process.Lane.Store.Table, "pampa", new Random(1)) { SortedRows = 5 });
    }

    // On the whole no index can be built beside writers.
    private static async Task AdvisesAsync(TestDatabase db, TaskStore store)
    {
        async Task<string> RefusedAsync(params TaskState[] states) => (await Assert.ThrowsAsync<ArgumentException>(
            () => store.PageAsync(new TaskQuery { Order = TaskOrder.LatestEnd, Filter = new TaskFilter { States = states } }, Stopping))).Message;
        await db.ExecuteAsync($"DROP INDEX {Dialect.Quote(Schema.FailedIndexName(store.Table))}");
        Assert.Contains("let the verb 'migrate' make the index, beside writers; or make the index. On the whole of a partitioned table", await RefusedAsync(TaskState.Failed), StringComparison.Ordinal);
        var refusal = await RefusedAsync();
        Assert.DoesNotContain("migrate", refusal, StringComparison.Ordinal);
        Assert.Contains("keeps all writers waiting until it is built, but for partitions that have one like it already: make it on each of them by CREATE INDEX CONCURRENTLY before", refusal, StringComparison.Ordinal);
        await db.ExecuteAsync(refusal[refusal.LastIndexOf("CREATE INDEX", StringComparison.Ordinal)..].TrimEnd('.'));
        Assert.Equal(60, (await store.PageAsync(new TaskQuery { Order = TaskOrder.LatestEnd }, Stopping)).Tasks.Count);
    }

    [Fact]
    public async Task A_setup_may_make_one()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.PostgreSql, null);
        var told = await PrepareAsync(db, SchemaChanges.Own, Visits, "INSERT INTO visits (day, id) VALUES ('2030-02-02', 1)");
        Assert.DoesNotContain(told, s => s.Contains("fillfactor", StringComparison.Ordinal));
        Assert.Equal(1, await db.ScalarAsync<int>("SELECT count(*) FROM visits WHERE visits_end_time IS NULL"));
        Assert.Empty(await PrepareAsync(db, SchemaChanges.All, Visits, "INSERT INTO visits (day, id) VALUES ('2030-02-02', 1)"));
    }
}
