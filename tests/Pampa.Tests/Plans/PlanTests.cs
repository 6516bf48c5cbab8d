using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Npgsql;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Plans;

/// <summary>
/// What the statements cost on a large table of PostgreSQL, counted in buffers, which do not depend on the machine: linear in the batch
/// and independent of the table.
/// </summary>
public sealed class PlanTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Pending = 1_000_000;
    private const string Cluster = "test";

    private TestDatabase db = null!;
    private TaskStore store = null!;
    private LeaseTerm lease = null!;

    public async ValueTask InitializeAsync()
    {
        db = await TestDatabase.CreateAsync(Engine.PostgreSql, TableProfile.Numbers, asOwner: true);
        await db.ExecuteAsync($"CREATE TABLE big AS SELECT g::bigint AS value FROM generate_series(1, {Pending}) AS g");
        await db.ExecuteAsync("ALTER TABLE big ADD PRIMARY KEY (value), ADD odd_checking_reservation_id text, ADD odd_checking_reservation_time timestamp,"
            + " ADD odd_checking_reservation_times int, ADD odd_checking_start_time timestamp, ADD odd_checking_end_time timestamp,"
            + " ADD odd_checking_success boolean, ADD odd_checking_error_description text, ADD is_odd boolean");
        var builder = new PampaBuilder();
        builder.AddJob("job", "big", "value", job =>
        {
            job.Columns = TaskColumns.WithPrefix("odd_checking");
            job.Process(_ => { });
        });
        List<string> errors = [];
        var table = await new Schema(db.Database).ResolveAsync(builder.Build(errors).Single(), errors, TestContext.Current.CancellationToken);
        await db.ExecuteAsync(Schema.AdvisedIndex(table!));
        await db.ExecuteAsync("ANALYZE big");
        store = new TaskStore(db.Database, table!, Cluster, new Random(1));
        var cluster = new ClusterStore(db.Database, Cluster);
        lease = (await cluster.AcquireAsync("cluster", "leader", "p", TimeSpan.FromHours(1), [], TestContext.Current.CancellationToken))!;
        await cluster.RegisterAsync("a", ["a.1"], "p", TimeSpan.FromHours(1), [], TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (db is not null) await db.DisposeAsync();
    }

    [Fact]
    public async Task The_cost_of_a_batch_grows_with_the_batch_and_not_with_the_table()
    {
        // Large enough that the planner has the choice between an index and the whole table.
        var small = await ReserveAsync(500);
        Assert.Equal(500, small.Rows);
        var picking = Assert.Single(small.Nodes, n => Text(n, "Node Type") == "Limit");
        Assert.InRange(Buffers(picking), 1, 999);
        Assert.Contains(small.Nodes, n => Text(n, "Index Name")?.StartsWith("pampa_job_", StringComparison.Ordinal) == true);
        NothingIsScanned(small);
        Assert.Contains(small.Nodes, n => Has(n, "Node Type", "Tid Scan"));

        var large = await ReserveAsync(8_000);
        Assert.Equal(8_000, large.Rows);
        NothingIsScanned(large);
        output.WriteLine($"RESERVE: 500 rows {small.Buffers} buffers (picking {Buffers(picking)}), 8,000 rows {large.Buffers} buffers, {large.Milliseconds} ms");
        Assert.InRange(large.Buffers, 1, small.Buffers * 16 + 5_000);
        // A join over row numbers that compares every row with every slot.
        Assert.DoesNotContain(large.Nodes, n => Has(n, "Node Type", "Nested Loop") && Loops(n) > 1_000);
        Assert.DoesNotContain(large.Nodes, n => Removed(n) > 8_000 * 10);

        var finish = await ExplainAsync(Sql.Finish([], skipLocked: false), await StartedAsync("Completed", "0", null, null), Sql.FinishRows([]));
        KeyIsUsed(finish);
        var complete = await ExplainAsync(Sql.Complete([], skipLocked: false, tells: true), await StartedAsync(), Sql.CompleteRows([]));
        KeyIsUsed(complete);
        output.WriteLine($"FINISH: {finish.Buffers} buffers, {complete.Buffers} where all are completed");
    }

    [Fact]
    public async Task The_one_plan_that_FINISH_has_for_all_its_parameters_goes_by_the_key()
    {
        var settings = db.Database.Dialect.Preamble(new Statement("") { IsByKey = true, HasOnePlan = true })!;
        Assert.Contains("'plan_cache_mode', 'force_generic_plan'", settings, StringComparison.Ordinal);
        Assert.DoesNotContain("plan_cache_mode", db.Database.Dialect.Preamble(new Statement("") { IsByKey = true })!, StringComparison.Ordinal);
        await using var connection = await db.Source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        string[] texts =
        [
            Sql.Finish([], skipLocked: false), Sql.Finish([], skipLocked: true),
            Sql.Complete([], skipLocked: false, tells: false), Sql.Complete([], skipLocked: false, tells: true),
        ];
        foreach (var text in texts)
        {
            var names = new List<string>();
            var numbered = Regex.Replace(text, "@([a-z0-9_]+)", match =>
            {
                if (!names.Contains(match.Value)) names.Add(match.Value);
                return string.Create(CultureInfo.InvariantCulture, $"${names.IndexOf(match.Value) + 1}");
            });
            await using var command = connection.CreateCommand();
            command.CommandText = $"{settings}; PREPARE f AS {numbered}; EXPLAIN EXECUTE f ({string.Join(", ", names.Select(_ => "NULL"))}); DEALLOCATE f";
            var lines = new List<string>();
            await using (var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken))
            {
                do
                {
                    while (await reader.ReadAsync(TestContext.Current.CancellationToken)) lines.Add(reader.GetString(0));
                }
                while (await reader.NextResultAsync(TestContext.Current.CancellationToken));
            }
            output.WriteLine(string.Join(Environment.NewLine, lines));
            Assert.DoesNotContain(lines, line => line.Contains("Seq Scan on big", StringComparison.Ordinal));
            Assert.Contains(lines, line => line.Contains("big_pkey", StringComparison.Ordinal) || line.Contains("pampa_job_", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_look_for_what_stands_before_a_key_ends_there()
    {
        await db.ExecuteAsync("UPDATE big SET odd_checking_end_time = now() WHERE value <= 1000 AND value <> 200");
        var key = (await store.ReadNextAsync(1, after: null, TestContext.Current.CancellationToken))[0];
        var look = await ExplainAsync(Sql.ReserveLook(null, null, afterCursor: false, upToBound: true), statement =>
        {
            statement.With("want", 1_000);
            db.Database.Dialect.BindCursor(statement, key, "bound");
        });
        Assert.Equal(1, look.Rows);
        NothingIsScanned(look);
        Assert.DoesNotContain(look.Nodes, n => Has(n, "Node Type", "Sort"));
        // What comes after it is not filtered: it is not read.
        Assert.Contains(look.Nodes, n => Text(n, "Index Cond")?.Contains("<= '200'", StringComparison.Ordinal) == true && Number(n, "Rows Removed by Filter") < 1_000);
    }

    /// <summary>Reserves and starts 500 records. Returns their fences, with what else a row of the next statement has.</summary>
    private async Task<List<string?[]>> StartedAsync(params string?[] more)
    {
        var reserved = await store.ReserveAsync([.. Enumerable.Repeat(new Slot("a.1", "a"), 500)], lease, "a", null, TestContext.Current.CancellationToken);
        var start = await ExplainAsync(
            Sql.Start(null), reserved.ConvertAll(r => (string?[])[r.Key[0], r.Worker, r.ReservedAt, "0", "1"]), Sql.StartRows);
        KeyIsUsed(start);
        output.WriteLine($"START: {start.Buffers} buffers");
        return (await store.ReadFencesAsync([.. reserved.Select(r => r.Key)], TestContext.Current.CancellationToken))
            .ConvertAll(f => (string?[])[f.Fence.Key[0], f.Fence.Worker, "1", f.Fence.StartedAt, .. more]);
    }

    private Task<Plan> ExplainAsync(string text, List<string?[]> rows, RowSource source) =>
        ExplainAsync(text, statement => db.Database.Dialect.Bind(statement, source, rows));

    private JobSql Sql => new(store.Table);

    private async Task<Plan> ReserveAsync(int count)
    {
        var slots = Enumerable.Range(1, count).Select(i => new[] { "a.1", i % 2 == 0 ? "a" : "b", i.ToString(CultureInfo.InvariantCulture) }).ToList();
        var text = Sql.Reserve(null, null, afterCursor: false, HandOvers.Laid, locks: false);
        return await ExplainAsync(text, statement =>
        {
            statement.With("want", count).With("scope", lease.Scope).With("holder", lease.Holder).With("term", lease.Term).With("job", "job").With("own", "a")
                .With("batch", Guid.NewGuid().ToString());
            db.Database.Dialect.Bind(statement, JobSql.SlotRows, slots);
        });
    }

    private sealed record Plan(long Buffers, double Milliseconds, long Rows, List<JsonElement> Nodes);

    private async Task<Plan> ExplainAsync(string text, Action<Statement> bind)
    {
        var statement = new Statement($"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}").With("cluster", Cluster).With("max", 3);
        bind(statement);
        await using var connection = (NpgsqlConnection)await db.Source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(statement.Text, connection);
        foreach (var (name, value) in statement.Parameters) command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        using var json = JsonDocument.Parse((string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!);
        var top = json.RootElement[0].Clone();
        var nodes = new List<JsonElement>();
        Collect(top.GetProperty("Plan"), nodes);
        return new Plan(Buffers(nodes[0]), top.GetProperty("Execution Time").GetDouble(), (long)nodes[0].GetProperty("Actual Rows").GetDouble(), nodes);
    }

    private static void Collect(JsonElement node, List<JsonElement> nodes)
    {
        nodes.Add(node);
        if (!node.TryGetProperty("Plans", out var plans)) return;
        foreach (var plan in plans.EnumerateArray()) Collect(plan, nodes);
    }

    private static void NothingIsScanned(Plan plan) =>
        Assert.DoesNotContain(plan.Nodes, n => Has(n, "Node Type", "Seq Scan") && Text(n, "Relation Name") == "big");

    private static void KeyIsUsed(Plan plan)
    {
        NothingIsScanned(plan);
        Assert.Equal(500, plan.Rows);
        Assert.Contains(plan.Nodes, n => Text(n, "Index Name") is { } index && (index == "big_pkey" || index.StartsWith("pampa_job_", StringComparison.Ordinal)));
        Assert.InRange(plan.Buffers, 1, 500 * 25);
    }

    private static long Buffers(JsonElement node) => Number(node, "Shared Hit Blocks") + Number(node, "Shared Read Blocks");

    private static long Loops(JsonElement node) => Number(node, "Actual Loops");

    private static double Removed(JsonElement node) => Loops(node) * (double)Number(node, "Rows Removed by Join Filter");

    private static bool Has(JsonElement node, string property, string value) => Text(node, property) == value;

    private static string? Text(JsonElement node, string property) => node.TryGetProperty(property, out var value) ? value.GetString() : null;

    private static long Number(JsonElement node, string property) => node.TryGetProperty(property, out var value) ? (long)value.GetDouble() : 0;
}
