using System.Globalization;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Plans;

/// <summary>
/// What people ask costs no more on a table of a million records than on a small one: counted in rows that the server has read, which do
/// not depend on the machine. PAMPA_TEST_RECORDS makes it another number of records, ten million for example, and tells how long each takes.
/// </summary>
public sealed class OperationPlanTests(ITestOutputHelper output) : IAsyncLifetime
{
    private static readonly int Records =
        int.TryParse(Environment.GetEnvironmentVariable("PAMPA_TEST_RECORDS"), CultureInfo.InvariantCulture, out var number) ? number : 1_000_000;
    private static readonly int Failed = Records / 10_000 - 1;
    private TestDatabase db = null!;
    private JobTable table = null!;

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    // A failed record in ten thousand, at the end of the keys ten thousand pending ones, and one that runs in the middle of those.
    public async ValueTask InitializeAsync()
    {
        db = await TestDatabase.CreateAsync(Engine.PostgreSql, TableProfile.Numbers, asOwner: true);
        await db.ExecuteAsync($"""
            CREATE TABLE big AS SELECT g::bigint AS value, 'text ' || g AS note, CASE WHEN g > {Records - 5_000} AND g <= {Records - 4_999} THEN 'a.1' END AS r_id, NULL::timestamptz AS r_time,
              1 AS r_times, CASE WHEN g <= {Records - 10_000} OR g = {Records - 4_999} THEN now() END AS st, CASE WHEN g <= {Records - 10_000} THEN now() - g * interval '1 ms' END AS et,
              CASE WHEN g <= {Records - 10_000} THEN g % 10000 <> 0 END AS ok, CASE WHEN g % 10000 = 0 THEN 'error ' || g END AS err FROM generate_series(1, {Records}) AS g
            """);
        await db.ExecuteAsync("ALTER TABLE big ADD PRIMARY KEY (value)");
        var builder = new PampaBuilder();
        builder.AddJob("job", "big", "value", job =>
        {
            job.Columns = new TaskColumns
            {
                ReservationId = "r_id",
                ReservationTime = "r_time",
                ReservationTimes = "r_times",
                StartTime = "st",
                EndTime = "et",
                Success = "ok",
                ErrorDescription = "err",
            };
            job.Process(_ => { });
        });
        List<string> errors = [];
        table = (await new Schema(db.Database).ResolveAsync(builder.Build(errors).Single(), errors, Stopping))!;
        Assert.Empty(errors);
        await db.ExecuteAsync(Schema.AdvisedIndex(table));
        await db.ExecuteAsync(Schema.FailedIndex(table));
        await db.ExecuteAsync("VACUUM ANALYZE big");
        // What making it has cost is counted before anything is asked.
        await db.ReadAsync("SELECT pg_stat_force_next_flush()");
    }

    public async ValueTask DisposeAsync()
    {
        if (db is not null) await db.DisposeAsync();
    }

    [Fact]
    public async Task What_people_ask_reads_few_records_of_a_large_table()
    {
        await CheckAsync("the first page", 500, store => store.PageAsync(new TaskQuery(), Stopping));
        await CheckAsync("a page in the middle", 500, store => store.PageAsync(new TaskQuery { After = $"{Records / 2}" }, Stopping));
        await CheckAsync("the last page", 500, store => store.PageAsync(new TaskQuery { Order = TaskOrder.KeyDescending }, Stopping));
        await CheckAsync("failed ones by key", 3 * Failed + 500, store => store.PageAsync(Of(TaskState.Failed), Stopping),
            page => Assert.Equal(Math.Min(Failed, 100), page.Tasks.Count));
        await CheckAsync("failed ones, latest first", 3 * Failed + 500, store => store.PageAsync(Of(TaskState.Failed) with { Order = TaskOrder.LatestEnd }, Stopping),
            page => Assert.Equal("10000", page.Tasks[0].Key));
        // A window of open records is measured first.
        await CheckAsync("pending ones", 12_000, store => store.PageAsync(Of(TaskState.Pending), Stopping), page => Assert.Equal(100, page.Tasks.Count));
        await CheckAsync("the running one", 30_000, store => store.PageAsync(Of(TaskState.Running), Stopping), page => Assert.Single(page.Tasks));
        // All open ones, by their index.
        await CheckAsync("the longest running", 30_000, store => store.PageAsync(new TaskQuery { Order = TaskOrder.LongestRunning }, Stopping), page => Assert.Single(page.Tasks));
        var keys = new TaskQuery { Filter = new TaskFilter { Keys = ["5", "500000", "999999"] } };
        await CheckAsync("by keys", 100, store => store.PageAsync(keys, Stopping), page => Assert.Equal(3, page.Tasks.Count));
        await CheckAsync("failures", Failed + 500, store => store.ReadFailuresAsync(10_000, 100, Stopping), failures => Assert.Equal(Failed, failures.Count));
        await CheckAsync("failed ones counted", 3 * Failed + 500, store => store.CountAsync(new TaskFilter { States = [TaskState.Failed] }, 100_000, isHurried: true, Stopping),
            count => Assert.Equal(new TaskCount(Failed, true), count));
        await CheckAsync("one in full", 10, store => store.DetailsAsync(store.RequireKey("500000"), ["note"], Stopping),
            task => Assert.Equal("text 500000", task!.Task.Values[0].Text));
        var nines = new TaskFilter { ErrorContains = "error 9" };
        await CheckAsync("failed ones chosen", 3 * Failed + 500, store => store.ChooseAsync(nines, [TaskState.Failed], null, 200, Stopping),
            choice => Assert.Equal(Enumerable.Range(1, Failed).Count(i => $"{i}".StartsWith('9')), choice.Records.Count));
        await CheckAsync("changed ones", 12_000, async store =>
        {
            var choice = await store.ChooseAsync(new TaskFilter(), [TaskState.Pending], null, 200, Stopping);
            return await store.ApplyAsync(TaskAction.Cancel, new TaskFilter(), choice.Records, "x", new AuditNote("1", "w", "cancel", "job job", ""), Stopping);
        }, changed => Assert.Equal(200, changed.Count));

        // As FINISH does that has met a lock.
        var fence = new Fence(new TaskKey($"{Records - 4_999}"), "a.1", 1, "2030-01-01 00:00:00+00");
        await CheckAsync("a result with locks passed by", 50, store => store.FinishAsync([new TaskResult(fence, Outcome.Completed)], skipLocked: true, Stopping));

        // Nothing matches: it ends all the same, and says how far it has come.
        var none = new TaskQuery { Filter = new TaskFilter { Where = [ColumnCondition.Parse("note = nothing")] } };
        await CheckAsync("nothing that matches", 2_000_000, store => store.PageAsync(none, Stopping), page =>
        {
            Assert.Empty(page.Tasks);
            Assert.True(page.Next is null || page.IsPartial);
        });
    }

    // What has ended is nearly all of the table: in the order of the end it is listed by an index only, and then by little of that.
    [Fact]
    public async Task What_ended_last_is_refused_at_once_or_found_by_the_index_that_somebody_has_made()
    {
        Assert.SkipUnless(Records > 100_000, "So few records are sorted in a moment.");
        var latest = new TaskQuery { Order = TaskOrder.LatestEnd };
        var store = new TaskStore(db.Database, table, "test", new Random(1));
        var began = TimeProvider.System.GetTimestamp();
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => store.PageAsync(latest, Stopping));
        output.WriteLine($"refused: {TimeProvider.System.GetElapsedTime(began).TotalMilliseconds:N0} ms, {refusal.Message}");
        await db.ExecuteAsync(refusal.Message[refusal.Message.IndexOf("CREATE INDEX", StringComparison.Ordinal)..].TrimEnd('.'));
        await db.ReadAsync("SELECT pg_stat_force_next_flush()");
        foreach (var query in (TaskQuery[])[latest, Of(TaskState.Completed) with { Order = TaskOrder.LatestEnd }])
        {
            string? next = null;
            await CheckAsync("ended ones, latest first", 500, store => store.PageAsync(query, Stopping), page =>
            {
                next = page.Next;
                Assert.Equal("1", page.Tasks[0].Key);
            });
            await CheckAsync("and those behind", 500, store => store.PageAsync(query with { After = next }, Stopping), page => Assert.Equal("101", page.Tasks[0].Key));
        }
    }

    private static TaskQuery Of(TaskState state) => new() { Filter = new TaskFilter { States = [state] } };

    // The statistics of a session are there when it has ended.
    private async Task CheckAsync<T>(string what, long most, Func<TaskStore, Task<T>> askAsync, Action<T>? check = null)
    {
        var before = await ReadAsync();
        var source = db.Database.Dialect.Open(db.Own.ConnectionString, "ops", 2);
        await using (var database = new Database(source, db.Database.Dialect, TimeProvider.System, new Random(1)))
        {
            var began = TimeProvider.System.GetTimestamp();
            var answer = await askAsync(new TaskStore(database, table, "test", new Random(1)));
            check?.Invoke(answer);
            output.WriteLine($"{what}: {TimeProvider.System.GetElapsedTime(began).TotalMilliseconds:N0} ms");
        }
        (long Whole, long ByIndex) after;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while ((after = await ReadAsync()) == before || after != await ReadAsync())
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience.Token);
        output.WriteLine($"{what}: {after.ByIndex - before.ByIndex} rows by an index, {after.Whole - before.Whole} scans of the whole table");
        Assert.Equal((what, 0), (what, after.Whole - before.Whole));
        Assert.InRange(after.ByIndex - before.ByIndex, 1, most);
    }

    private async Task<(long Whole, long ByIndex)> ReadAsync()
    {
        var rows = await db.ReadAsync("""
            SELECT t.seq_scan, (SELECT sum(i.idx_tup_read)::bigint FROM pg_stat_user_indexes AS i WHERE i.relname = 'big') FROM pg_stat_user_tables AS t WHERE t.relname = 'big'
            """);
        return ((long)rows[0][0]!, (long)rows[0][1]!);
    }
}
