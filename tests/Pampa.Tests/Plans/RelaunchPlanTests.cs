using System.Text.Json;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Pampa.Dispatching;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Pampa.Tests.Scenarios;

namespace Pampa.Tests.Plans;

/// <summary>
/// What it costs to look for ended records whose time has come, among a hundred thousand that have time, have failed or do not match.
/// </summary>
public sealed class RelaunchPlanTests(ITestOutputHelper output)
{
    private const int Ended = 100_000;
    private const string Cluster = "test";
    private static readonly CancellationToken Stopping = TestContext.Current.CancellationToken;

    // The newest have just ended; the oldest ended long before it is their time again.
    private static string Fill(bool onSqlite, int due) => onSqlite
        ? $"INSERT INTO big (value, odd_checking_end_time, odd_checking_success) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {Ended}) "
            + $"SELECT v, strftime('%Y-%m-%dT%H:%M:%fZ', '2030-01-01', printf('-%d seconds', CASE WHEN v <= {due} THEN 900 ELSE v % 500 END)), TRUE FROM n"
        : "INSERT INTO big (value, odd_checking_end_time, odd_checking_success) "
            + $"SELECT v, timestamp '2030-01-01' - CASE WHEN v <= {due} THEN 900 ELSE v % 500 END * interval '1 second', TRUE FROM generate_series(1, {Ended}) AS v";

    private static Task<(TestDatabase Database, TaskStore Store)> MakeAsync(Engine engine, int due) => MakeAsync(engine, onSqlite => Fill(onSqlite, due));

    private static async Task<(TestDatabase Database, TaskStore Store)> MakeAsync(Engine engine, Func<bool, string> fill, Action<JobBuilder>? configure = null)
    {
        var db = await TestDatabase.CreateAsync(engine, TableProfile.Numbers, asOwner: true);
        await db.ExecuteAsync("CREATE TABLE big (value bigint PRIMARY KEY, odd_checking_reservation_id text, odd_checking_reservation_time timestamp,"
            + " odd_checking_reservation_times int, odd_checking_start_time timestamp, odd_checking_end_time timestamp,"
            + " odd_checking_success boolean, odd_checking_error_description text)");
        await db.ExecuteAsync(fill(db.IsSqlite));
        var builder = new PampaBuilder();
        builder.AddJob("job", "big", "value", job =>
        {
            job.Columns = TaskColumns.WithPrefix("odd_checking");
            job.RelaunchAfter = TimeSpan.FromMinutes(10);
            job.Process(_ => { });
            configure?.Invoke(job);
        });
        List<string> errors = [];
        var table = await new Schema(db.Database, SchemaChanges.All).ResolveAsync(builder.Build(errors).Single(), errors, Stopping);
        Assert.Empty(errors);
        await db.ExecuteAsync(db.IsSqlite ? "ANALYZE" : "ANALYZE big");
        return (db, new TaskStore(db.Database, table!, Cluster, new Random(1)));
    }

    [Theory, InlineData(0), InlineData(600)]
    public async Task On_PostgreSQL_a_look_reads_what_is_due_and_no_more(int due)
    {
        var (db, store) = await MakeAsync(Engine.PostgreSql, due);
        await using var _ = db;
        var lease = (await new ClusterStore(db.Database, Cluster).AcquireAsync("cluster", "leader", "p", TimeSpan.FromHours(1), [], Stopping))!;
        var (plan, rows, buffers) = await ExplainAsync(db, store, lease);
        output.WriteLine($"{rows} of {due} in {buffers} buffers");
        Assert.Equal(Math.Min(due, db.Database.Dialect.MaxRows), rows);
        Assert.Contains("_ended\"", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("\"Seq Scan\", \"Parent Relationship\": \"Outer\", \"Parallel Aware\": false, \"Async Capable\": false, \"Relation Name\": \"big\"",
            plan.Replace("\n", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.InRange(buffers, 1, due == 0 ? 50 : 500 * 25);
    }

    private static async Task<(string Plan, long Rows, long Buffers)> ExplainAsync(TestDatabase db, TaskStore store, LeaseTerm lease)
    {
        await using var connection = (NpgsqlConnection)await db.Source.OpenConnectionAsync(Stopping);
        await using var command = new NpgsqlCommand($"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {new JobSql(store.Table).RelaunchDue(null, ofAge: true, failedToo: false)}", connection);
        foreach (var (name, value) in Parameters(lease)) command.Parameters.AddWithValue(name, value);
        var text = (string)(await command.ExecuteScalarAsync(Stopping))!;
        using var json = JsonDocument.Parse(text);
        var top = json.RootElement[0].GetProperty("Plan");
        return (text, (long)top.GetProperty("Actual Rows").GetDouble(), top.GetProperty("Shared Hit Blocks").GetInt64() + top.GetProperty("Shared Read Blocks").GetInt64());
    }

    private static IEnumerable<(string Name, object Value)> Parameters(LeaseTerm lease) =>
    [
        ("cluster", Cluster), ("max", 3), ("want", 500), ("age", 600.0), ("jitter", 0.1), ("scope", lease.Scope), ("holder", lease.Holder), ("term", lease.Term),
    ];

    [Fact]
    public async Task On_SQLite_the_index_tells_what_is_due()
    {
        var (db, store) = await MakeAsync(Engine.Sqlite, 600);
        await using var _ = db;
        var lease = (await new ClusterStore(db.Database, Cluster).AcquireAsync("cluster", "leader", "p", TimeSpan.FromHours(1), [], Stopping))!;
        await using var connection = await db.Source.OpenConnectionAsync(Stopping);
        await using var command = connection.CreateCommand();
        command.CommandText = $"EXPLAIN QUERY PLAN {new JobSql(store.Table).RelaunchDue(null, ofAge: true, failedToo: false)}";
        foreach (var (name, value) in Parameters(lease))
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = ($"@{name}", value);
            command.Parameters.Add(parameter);
        }
        var steps = new List<string>();
        await using (var reader = await command.ExecuteReaderAsync(Stopping))
        {
            while (await reader.ReadAsync(Stopping)) steps.Add(reader.GetString(3));
        }
        output.WriteLine(string.Join(Environment.NewLine, steps));
        Assert.Contains(steps, s => s.Contains("SEARCH t USING INDEX pampa_job_", StringComparison.Ordinal) && s.EndsWith("_ended (odd_checking_end_time>? AND odd_checking_end_time<?)", StringComparison.Ordinal));
        Assert.DoesNotContain(steps, s => s.StartsWith("SCAN t", StringComparison.Ordinal) || s.Contains("TEMP B-TREE", StringComparison.Ordinal));
        Assert.Equal(500, await store.RelaunchDueAsync(lease, Stopping));
        Assert.Equal(100, await store.RelaunchDueAsync(lease, Stopping));
        Assert.Equal(0, await store.RelaunchDueAsync(lease, Stopping));
    }

    // All but ten are old enough and do not run again; each has an end of its own. The ten are the youngest, and have a few seconds left.
    private static string FillOld(bool onSqlite) => onSqlite
        ? $"INSERT INTO big (value, odd_checking_end_time, odd_checking_success) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {Ended}) "
            + $"SELECT v, strftime('%Y-%m-%dT%H:%M:%fZ', '2030-01-01', printf('-%.3f seconds', CASE WHEN v > {Ended} - 10 THEN 595 ELSE 700 + ({Ended} - v) / 10.0 END)), v > {Ended} - 10 FROM n"
        : "INSERT INTO big (value, odd_checking_end_time, odd_checking_success) "
            + $"SELECT v, timestamp '2030-01-01' - CASE WHEN v > {Ended} - 10 THEN 595 ELSE 700 + ({Ended} - v) / 10.0 END * interval '1 second', v > {Ended} - 10 FROM generate_series(1, {Ended}) AS v";

    public static TheoryData<string, bool> Kinds => new()
    {
        { nameof(Engine.Sqlite), true }, { nameof(Engine.Sqlite), false }, { nameof(Engine.PostgreSql), true }, { nameof(Engine.PostgreSql), false },
    };

    [Theory, MemberData(nameof(Kinds))]
    public async Task What_has_failed_or_does_not_match_costs_a_look_no_more_than_a_window(string engine, bool haveFailed)
    {
        var (db, store) = await MakeAsync(Enum.Parse<Engine>(engine), FillOld, job =>
        {
            if (haveFailed) return;
            job.RelaunchFailed = true;
            job.RelaunchWhere = $"value > {Ended - 10} OR value = {70_000}";
        });
        await using var _ = db;
        var lease = (await new ClusterStore(db.Database, Cluster).AcquireAsync("cluster", "leader", "p", TimeSpan.FromHours(1), [], Stopping))!;
        var time = new FakeTimeProvider();
        var lines = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var log = new TestProcess.ListLogger(lines);
        var job = new JobDispatch(store, new JobLoad(store.Job, log, time), _ => { }, TimeSpan.FromSeconds(1), time);
        var relaunch = new JobRelaunch(job, store.Job.Relaunching!, log, time);
        if (haveFailed) await db.ExecuteAsync("UPDATE big SET odd_checking_success = TRUE WHERE value = 70000");
        async Task<List<long>> AgainAsync() => (await db.ReadAsync("SELECT value FROM big WHERE odd_checking_end_time IS NULL ORDER BY value"))
            .ConvertAll(row => Convert.ToInt64(row[0], System.Globalization.CultureInfo.InvariantCulture));

        // The youngest, as soon as their time has come, although nothing else was looked at yet; and one of the others when it is its turn.
        Assert.Equal(0, await relaunch.PassAsync(lease, isAsked: false, Stopping));
        await db.Clock.AdvanceAsync(TimeSpan.FromSeconds(70));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(10, await relaunch.PassAsync(lease, isAsked: false, Stopping));
        var looks = 2;
        for (; looks < 20 && (await AgainAsync()).Count < 11; looks++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await relaunch.PassAsync(lease, isAsked: false, Stopping);
        }
        Assert.InRange(looks, 3, 5);
        Assert.Equal(70_000, (await AgainAsync())[0]);
        Assert.DoesNotContain(lines, line => line.StartsWith("Warning", StringComparison.Ordinal));
        if (!db.IsSqlite) await CheckWindowAsync(db, store, lease);
    }

    [Theory, InlineData(9, 0), InlineData(10, 1)]
    public async Task A_window_is_passed_by_where_it_takes_too_long_and_not_where_the_connection_is_lost(int code, int again)
    {
        var (db, made) = await MakeAsync(Engine.Sqlite, FillOld);
        await using var _ = db;
        await db.ExecuteAsync("UPDATE big SET odd_checking_success = TRUE WHERE value = 1");
        var lease = (await new ClusterStore(db.Database, Cluster).AcquireAsync("cluster", "leader", "p", TimeSpan.FromHours(1), [], Stopping))!;
        var faults = new Faults(text => new SqliteException(text, code));
        await using var database = new Database(new FaultyDataSource(db.Source, faults), db.Database.Dialect, TimeProvider.System, new Random(1));
        var store = new TaskStore(database, made.Table, Cluster, new Random(1));
        var time = new FakeTimeProvider();
        var log = new TestProcess.ListLogger(new());
        var job = new JobDispatch(store, new JobLoad(store.Job, log, time), _ => { }, TimeSpan.FromSeconds(1), time);
        var relaunch = new JobRelaunch(job, store.Job.Relaunching!, log, time);

        // The look at the youngest is well, the one at the first window is not.
        faults.FailBefore("AS _pampa_et", spared: 1);
        if (code == 9) Assert.Equal(0, await relaunch.PassAsync(lease, isAsked: false, Stopping));
        else await Assert.ThrowsAsync<SqliteException>(() => relaunch.PassAsync(lease, isAsked: false, Stopping));
        Assert.Equal(1, faults.Hits);
        time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(again, await relaunch.PassAsync(lease, isAsked: false, Stopping));
    }

    // The windows are found by the index, whatever the rest of the condition.
    private async Task CheckWindowAsync(TestDatabase db, TaskStore store, LeaseTerm lease)
    {
        var sql = new JobSql(store.Table);
        var after = await store.ReadEndAheadAsync(30_000, EndWindow.All, Stopping);
        var window = new EndWindow(after, await store.ReadEndAheadAsync(50_000, EndWindow.All, Stopping));
        foreach (var text in (string[])[sql.RelaunchDue(null, ofAge: true, failedToo: false, window), sql.ReadEndAhead(window), sql.ReadEndOfAge])
        {
            await using var connection = (NpgsqlConnection)await db.Source.OpenConnectionAsync(Stopping);
            await using var command = new NpgsqlCommand($"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", connection);
            foreach (var (name, value) in Parameters(lease).Append(("endedAfter", window.After!)).Append(("endedUpTo", window.UpTo!)).Append(("window", RelaunchWalk.Window)))
            {
                if (text.Contains($"@{name}", StringComparison.Ordinal)) command.Parameters.AddWithValue(name, value);
            }
            var plan = (string)(await command.ExecuteScalarAsync(Stopping))!;
            Assert.Contains("_ended\"", plan, StringComparison.Ordinal);
            Assert.DoesNotMatch("\"Seq Scan\"[^{}]*\"Relation Name\": \"big\"", plan);
            using var json = JsonDocument.Parse(plan);
            var top = json.RootElement[0].GetProperty("Plan");
            var buffers = top.GetProperty("Shared Hit Blocks").GetInt64() + top.GetProperty("Shared Read Blocks").GetInt64();
            output.WriteLine($"{buffers} buffers");
            Assert.InRange(buffers, 1, 2_500);
        }
    }
}
