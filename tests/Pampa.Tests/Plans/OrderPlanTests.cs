using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Plans;

/// <summary>What is reserved next is found by the advised indexes, in their order, however the job says it.</summary>
public sealed class OrderPlanTests(ITestOutputHelper output)
{
    private static readonly CancellationToken Stopping = TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Orders
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var engine in (string[])[nameof(Engine.Sqlite), nameof(Engine.PostgreSql)])
            {
                foreach (var order in (string[])["priority", "urgency", "due", "planned", "priority due", "sequence", "priority sequence"]) all.Add(engine, order);
            }
            return all;
        }
    }

    private static void Configure(JobBuilder job, string order)
    {
        job.Columns = TaskColumns.WithPrefix("odd_checking");
        job.Process(_ => { });
        if (order.Contains("priority", StringComparison.Ordinal)) job.PriorityColumn = "priority";
        if (order == "urgency") job.PriorityColumn = "urgency";
        if (order.Contains("due", StringComparison.Ordinal)) job.DueColumn = "send_at";
        if (order == "planned") job.DueColumn = "planned_at";
        if (order.Contains("sequence", StringComparison.Ordinal)) job.InSequenceBy("customer");
    }

    private static async Task<(TestDatabase Database, TaskStore Store)> MakeAsync(string engine, string order)
    {
        var db = await TestDatabase.CreateAsync(Enum.Parse<Engine>(engine), TableProfile.Numbers, asOwner: true);
        await db.ExecuteAsync("CREATE TABLE big (value bigint PRIMARY KEY, odd_checking_reservation_id text, odd_checking_reservation_time timestamp,"
            + " odd_checking_reservation_times int, odd_checking_start_time timestamp, odd_checking_end_time timestamp,"
            + " odd_checking_success boolean, odd_checking_error_description text,"
            + " priority int, urgency int NOT NULL, send_at timestamp, planned_at timestamp NOT NULL, customer int)");
        var numbers = db.IsSqlite
            ? "WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 60000) SELECT v FROM n"
            : "SELECT v FROM generate_series(1, 60000) AS v";
        var past = db.IsSqlite ? "'2029-01-01 00:00:00'" : "timestamp '2029-01-01'";
        await db.ExecuteAsync("INSERT INTO big (value, odd_checking_end_time, odd_checking_success, priority, urgency, send_at, planned_at, customer) "
            + $"SELECT v, CASE WHEN v % 2 = 0 THEN {past} END, TRUE, v % 9, v % 7, {past}, {past}, v % 20000 FROM ({numbers}) AS n");
        var builder = new PampaBuilder();
        builder.AddJob("job", "big", "value", job => Configure(job, order));
        List<string> errors = [];
        var table = await new Schema(db.Database, SchemaChanges.All).ResolveAsync(builder.Build(errors).Single(), errors, Stopping);
        Assert.Empty(errors);
        await db.ExecuteAsync(db.IsSqlite ? "ANALYZE" : "ANALYZE big");
        return (db, new TaskStore(db.Database, table!, "test", new Random(1)));
    }

    [Theory, MemberData(nameof(Orders))]
    public async Task Nothing_is_scanned_and_nothing_is_sorted(string engine, string order)
    {
        var (db, store) = await MakeAsync(engine, order);
        await using var _ = db;
        var plan = await db.Database.LookAsync(unit => store.PlanAsync(unit), Stopping, LookFor.Keys);
        output.WriteLine(string.Join(Environment.NewLine, plan.Lines));
        Assert.False(plan.Scans);
        Assert.False(plan.Sorts);
        Assert.Contains(plan.Lines, line => line.Contains("pampa_job_", StringComparison.Ordinal));
        if (order.Contains("sequence", StringComparison.Ordinal)) Assert.Contains(plan.Lines, line => line.Contains("_sequence", StringComparison.Ordinal));
        if (db.IsSqlite) return;

        // Prepared, it has one plan for all values.
        var text = store.PickStatement().Text.Replace("@max", "$1", StringComparison.Ordinal).Replace("@want", "$2", StringComparison.Ordinal);
        await using var connection = await db.Source.OpenConnectionAsync(Stopping);
        await using var command = connection.CreateCommand();
        string[] off = ["enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_sort", "jit"];
        var settings = string.Join("; ", off.Select(s => $"SET {s} = off"));
        command.CommandText = $"{settings}; SET plan_cache_mode = force_generic_plan; PREPARE pick (int, int) AS {text}; EXPLAIN EXECUTE pick (3, 500)";
        var lines = new List<string>();
        await using (var reader = await command.ExecuteReaderAsync(Stopping))
        {
            do
            {
                while (await reader.ReadAsync(Stopping)) lines.Add(reader.GetString(0));
            }
            while (await reader.NextResultAsync(Stopping));
        }
        output.WriteLine(string.Join(Environment.NewLine, lines));
        Assert.DoesNotContain(lines, line => line.Contains("Seq Scan", StringComparison.Ordinal) || line.Contains("Sort Key", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("pampa_job_", StringComparison.Ordinal));
    }
}
