using System.Text.Json;
using Pampa.Tests.EndToEnd;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Verbs;

/// <summary>The verbs <c>doctor</c>, <c>explain</c> and <c>preview</c> as they are typed, on SQLite and PostgreSQL.</summary>
public sealed class ExaminingVerbTests() : VerbRig(Program)
{
    private static void Program(PampaBuilder pampa)
    {
        pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean)",
            "INSERT INTO numbers (value) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 30) SELECT v FROM n WHERE TRUE ON CONFLICT DO NOTHING");
        pampa.AddJob("numbers", "numbers", "value", job =>
        {
            job.MaxAttempts = 1;
            job.Process(task =>
            {
                if (task.Get<long>("value") == 13) throw new InvalidOperationException("un\e[31mlucky");
            });
        });
    }

    private static void Foreign(PampaBuilder pampa) => pampa.AddJob("orders", "orders", ["shop", "id"], job => job.Process(_ => { }));

    [Fact]
    public async Task A_doctor_finds_nothing_worse_than_notes_where_all_is_well()
    {
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        await ExecuteAsync("UPDATE numbers SET numbers_end_time = '2026-01-01T00:00:00.000Z', numbers_success = TRUE");
        var (code, said, errors) = await RunAsync("doctor", "--strict");
        Assert.Equal((0, ""), (code, errors));
        var lines = said.TrimEnd().Split(Environment.NewLine);
        Assert.Equal(["info     cluster: No process dispatches or works. [nothing-runs]", "0 errors, 0 warnings, 1 note"], lines[1..]);
        Assert.StartsWith("Database: SQLite, file ", lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Warnings_count_only_where_that_is_asked()
    {
        await RunAsync("migrate");
        var (code, said, _) = await RunAsync("doctor");
        Assert.Equal(0, code);
        Assert.Contains("warning  cluster: No process dispatches or works, and records are due (numbers). [nothing-runs]", said, StringComparison.Ordinal);
        Assert.Contains("         Remedy: Start the program.", said, StringComparison.Ordinal);
        (code, said, _) = await RunAsync("doctor", "--strict", "--json");
        Assert.Equal(2, code);
        var finding = Assert.Single(JsonDocument.Parse(said).RootElement.GetProperty("findings").EnumerateArray());
        Assert.Equal(("warning", "nothing-runs"), (finding.GetProperty("severity").GetString(), finding.GetProperty("id").GetString()));
    }

    [Fact]
    public async Task Errors_end_with_2_and_what_they_quote_cannot_command_a_terminal()
    {
        await RunAsync("migrate");
        await ExecuteAsync("UPDATE numbers SET numbers_reservation_id = 'a' || char(27) || '[31m', numbers_reservation_time = '2026-01-01T00:00:00.000Z' WHERE value = 7");
        var (code, said, _) = await RunAsync("doctor");
        Assert.Equal(2, code);
        Assert.Contains(@"1 record (7 (worker a\u001B[31m)) carry the id of a worker that this cluster never had. [task-unowned]", said, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', said);
    }

    [Fact]
    public async Task A_doctor_tells_of_a_program_that_does_not_fit_and_of_a_database_that_is_not_there()
    {
        await ExecuteAsync("CREATE TABLE orders (shop text NOT NULL, id bigint NOT NULL, PRIMARY KEY (shop, id))");
        var (code, said, _) = await RunAsync(Foreign, "doctor");
        Assert.Equal(2, code);
        Assert.Contains("error    program: This database has no tables of Pampa's yet", said, StringComparison.Ordinal);
        Assert.Contains("error    program: Job 'orders': table 'orders' lacks state columns.", said, StringComparison.Ordinal);
        Assert.Contains("           ALTER TABLE \"main\".\"orders\" ADD COLUMN \"orders_reservation_id\" text;", said, StringComparison.Ordinal);
        (code, said, _) = await RunAsync(Foreign, "doctor", "--json", "--db", Path.Combine(Folder, "no", "such.db"));
        Assert.Equal(2, code);
        Assert.Equal("unreachable", JsonDocument.Parse(said).RootElement.GetProperty("findings")[0].GetProperty("id").GetString());
        (code, said, _) = await RunAsync(pampa => pampa.AddJob("numbers", "numbers", "value", job => job.Where = $"nowhere"), "doctor");
        Assert.Equal(2, code);
        Assert.Contains("there is no table 'numbers'", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_record_is_explained_in_lines_and_as_json()
    {
        Assert.Equal(1, (await RunAsync("run", "--drain")).Code);
        var (code, said, _) = await RunAsync("explain", "numbers", "13");
        Assert.Equal(0, code);
        Assert.StartsWith($"numbers 13: failed{Environment.NewLine}It failed ", said, StringComparison.Ordinal);
        Assert.Contains("  no   not ended: it failed ", said, StringComparison.Ordinal);
        Assert.Contains("  yes  where: the job has no condition", said, StringComparison.Ordinal);
        Assert.Contains(@"  last error: InvalidOperationException: un\u001B[31mlucky", said, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', said);
        await RunAsync("retry", "numbers", "13");
        (code, said, _) = await RunAsync("explain", "numbers", "13", "--json");
        Assert.Equal(0, code);
        var json = JsonDocument.Parse(said).RootElement;
        Assert.Equal(("13", "pending", false, 0), (json.GetProperty("key").GetString(), json.GetProperty("state").GetString(),
            json.GetProperty("willRun").GetBoolean(), json.GetProperty("before").GetInt32()));
        Assert.Equal(["a dispatcher leads", "a worker may do it"], json.GetProperty("conditions").EnumerateArray()
            .Where(c => c.GetProperty("holds").ValueKind == JsonValueKind.False).Select(c => c.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task A_key_that_is_not_there_ends_with_2()
    {
        await RunAsync("migrate");
        Assert.Equal((2, "", $"Job 'numbers': its table has no record with the key '77'.{Environment.NewLine}"), await RunAsync("explain", "numbers", "77"));
        Assert.Equal((2, "", $"There is no job 'number' (did you mean 'numbers'?). Jobs are numbers.{Environment.NewLine}"), await RunAsync("explain", "number", "7"));
        await ExecuteAsync("CREATE TABLE orders (shop text NOT NULL, id bigint NOT NULL, PRIMARY KEY (shop, id)); INSERT INTO orders VALUES ('a,b', 1)");
        await RunAsync(Foreign, "migrate");
        Assert.StartsWith(@"orders a\,b,1: pending", (await RunAsync(Foreign, "explain", "orders", @"a\,b,1")).Said, StringComparison.Ordinal);
        var (code, _, errors) = await RunAsync(Foreign, "explain", "orders", "1");
        Assert.Equal(2, code);
        Assert.Contains("a key has 2 parts (shop, id)", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_preview_shows_records_statement_and_plan()
    {
        await RunAsync("migrate");
        var (code, said, _) = await RunAsync("preview", "numbers");
        Assert.Equal(0, code);
        Assert.StartsWith($"numbers: the next 20 records, in order{Environment.NewLine}  1{Environment.NewLine}  2{Environment.NewLine}", said, StringComparison.Ordinal);
        Assert.Contains("Selected by (@max, @want):", said, StringComparison.Ordinal);
        Assert.Contains("SEARCH t USING INDEX pampa_numbers_", said, StringComparison.Ordinal);
        (code, said, _) = await RunAsync("preview", "numbers", "--count", "2", "--json");
        Assert.Equal(0, code);
        Assert.Equal(["1", "2"], JsonDocument.Parse(said).RootElement.GetProperty("tasks").EnumerateArray().Select(t => t.GetProperty("key").GetString()));
        (code, _, var errors) = await RunAsync("preview", "numbers", "--count", "0");
        Assert.Equal((2, $"--count must be between 1 and 10000, got 0.{Environment.NewLine}Run with --help for what there is.{Environment.NewLine}"), (code, errors));
    }

    [Fact]
    public async Task They_do_the_same_on_PostgreSQL()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.PostgreSql, null);
        string[] there = ["--db", NumbersDatabase.PlainUrl(db.Source.ConnectionString)];
        await RunAsync(["migrate", .. there]);
        var (code, said, errors) = await RunAsync(["doctor", .. there]);
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains("warning  server: fsync is off", said, StringComparison.Ordinal);
        Assert.Contains("LIMIT @want FOR UPDATE OF t SKIP LOCKED", (await RunAsync(["preview", "numbers", .. there])).Said, StringComparison.Ordinal);
        (code, said, _) = await RunAsync(["explain", "numbers", "3", .. there]);
        Assert.Equal(0, code);
        Assert.Contains("  yes  not locked: no other session has locked it", said, StringComparison.Ordinal);
        (code, _, errors) = await RunAsync(["explain", "numbers", "x", .. there]);
        Assert.Equal(2, code);
        Assert.Contains("the database does not take a key", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_can_examine_itself()
    {
        await RunAsync("migrate");
        await using var cluster = await PampaCluster.OpenAsync(pampa =>
        {
            Program(pampa);
            pampa.Database = File;
        }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(["nothing-runs"], (await cluster.ExamineAsync(TestContext.Current.CancellationToken)).Select(f => f.Id));
    }
}
