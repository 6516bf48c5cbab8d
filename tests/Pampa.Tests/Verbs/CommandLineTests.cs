using System.Text.Json;
using Microsoft.Data.Sqlite;
using Pampa.Commands;

namespace Pampa.Tests.Verbs;

/// <summary>The command line in this process, on SQLite files of its own.</summary>
public sealed class CommandLineTests() : VerbRig(Program)
{
    private static void Program(PampaBuilder pampa)
    {
        pampa.Setup(
            "CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean)",
            "INSERT INTO numbers (value) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 20) SELECT v FROM n WHERE TRUE ON CONFLICT DO NOTHING");
        pampa.AddJob("numbers", "numbers", "value", job =>
        {
            job.MaxAttempts = 1;
            job.Process(task =>
            {
                if (task.Get<long>("value") == 13) throw new InvalidOperationException("unlucky");
            });
        });
    }

    private static void Foreign(PampaBuilder pampa) => pampa.AddJob("orders", "orders", ["shop", "id"], job => job.Process(_ => { }));

    [Theory]
    [InlineData("Unknown command 'statsu'. Did you mean 'status'?", "statsu")]
    [InlineData("Unknown command 'nothing-like-it'.", "nothing-like-it")]
    [InlineData("Unknown option '--wokers'. Did you mean '--workers'?", "--wokers", "3")]
    [InlineData("Unknown option '--wrokers'. Did you mean '--workers'?", "run", "--wrokers=3")]
    [InlineData("Unknown option '--workers'.", "dispatcher", "--workers", "3")]
    [InlineData("Unknown option '--josn'. Did you mean '--json'?", "status", "--josn")]
    [InlineData("Unknown option '--al'. Did you mean '--all'?", "retry", "numbers", "--al")]
    [InlineData("--workers must be a whole number, got 'x'.", "--workers", "x")]
    [InlineData("--delay must be a number, got 'x'.", "--delay", "x")]
    [InlineData("--workers must be between 1 and 1000, got 0.", "--workers", "0")]
    [InlineData("--log must be yes, no or the path of a file or folder, got an empty text.", "node", "--log", "")]
    [InlineData("retry: say which records: give their keys, a condition such as --where, or --all.", "retry", "numbers")]
    [InlineData("relaunch: give keys or --all, not both.", "relaunch", "numbers", "1", "--all")]
    public async Task What_is_not_understood_is_told_with_what_was_meant(string complaint, params string[] args)
    {
        var (code, said, errors) = await RunAsync(args);
        Assert.Equal((2, "", $"{complaint}{Environment.NewLine}Run with --help for what there is.{Environment.NewLine}"), (code, said, errors));
    }

    [Fact]
    public async Task All_that_is_not_understood_is_told_at_once()
    {
        var (_, _, errors) = await RunAsync("status", "--josn", "--exatc");
        Assert.Contains("'--josn'", errors, StringComparison.Ordinal);
        Assert.Contains("'--exatc'", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("run", "--help")]
    [InlineData("status", "--help")]
    [InlineData("migrate", "--help")]
    [InlineData("relaunch", "--help")]
    [InlineData("retry", "--help")]
    public async Task Each_verb_has_a_page_of_help(params string[] args)
    {
        var (code, said, errors) = await RunAsync(_ => throw new InvalidOperationException("the program is not asked"), [.. args, "--db", File]);
        Assert.Equal((0, ""), (code, errors));
        Assert.All((string[])["Usage:", "Options", "Examples:", "Exit codes", "--db ADDRESS"], part => Assert.Contains(part, said, StringComparison.Ordinal));
        Assert.All(said.Split(Environment.NewLine), line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact]
    public async Task Isolated_workers_need_a_name_and_a_log_of_their_own()
    {
        var (code, _, errors) = await RunAsync("node", "--isolated");
        Assert.Equal(2, code);
        Assert.Contains("--isolated needs a name", errors, StringComparison.Ordinal);
        Assert.Contains("Give --name NAME", errors, StringComparison.Ordinal);
        (code, _, errors) = await RunAsync("node", "--isolated", "--name", "a", "--log", Path.Combine(Folder, "one.log"));
        Assert.Equal(2, code);
        Assert.Contains("each worker has a log of its own", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--name must be {0}, got '.a'.", "node", "--name", ".a")]
    [InlineData("--id must be {0}, got '.a.1'.", "worker", "--id", ".a.1")]
    [InlineData("The node's name must be {0}, together with the number of a worker", "node", "--isolated", "--workers", "10", "--name", "a234567890123456789012345678901234567890123456789012345678901234")]
    public async Task What_a_name_may_be_is_told_whole(string expected, params string[] args)
    {
        var (code, _, errors) = await RunAsync(args);
        Assert.Equal(2, code);
        Assert.Contains(expected.Replace("{0}", "1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit", StringComparison.Ordinal), errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_may_begin_with_an_at_sign()
    {
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        var (_, _, errors) = await RunAsync("retry", "numbers", "@7");
        Assert.DoesNotContain("file", errors, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task What_nobody_expected_ends_with_five_and_one_line()
    {
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        await using var broken = new BrokenWriter();
        var errors = new StringWriter();
        Assert.Equal(5, await CommandLine.RunAsync(["status", "--db", File], Program, broken, errors));
        Assert.Equal($"Internal error: InvalidOperationException: no \\u001B[2J paper. With PAMPA_STACK=1 it is told where.{Environment.NewLine}", errors.ToString());
    }

    private sealed class BrokenWriter : StringWriter
    {
        public override Task WriteLineAsync(string? value) => throw new InvalidOperationException("no \e[2J paper.");
    }

    [Fact]
    public async Task A_look_from_outside_changes_nothing()
    {
        var (code, _, errors) = await RunAsync("status");
        Assert.Equal(2, code);
        Assert.StartsWith("This database has no tables of Pampa's yet", errors, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        await ExecuteAsync("CREATE TABLE seen AS SELECT count(*) AS n FROM pampa_worker");
        Assert.Equal(0, (await RunAsync("status")).Code);
        await ExecuteAsync("DELETE FROM seen WHERE n <> (SELECT count(*) FROM pampa_worker)");
        await ExecuteAsync("DELETE FROM pampa_setup; DROP TABLE numbers");
        (code, _, errors) = await RunAsync("status");
        Assert.Equal(2, code);
        Assert.Contains("there is no table 'numbers'", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_migration_is_shown_then_done_then_there_is_nothing_to_do()
    {
        var (code, planned, _) = await RunAsync("migrate", "--dry-run");
        Assert.Equal(0, code);
        Assert.Contains("CREATE TABLE IF NOT EXISTS pampa_lease", planned, StringComparison.Ordinal);
        Assert.Contains("-- Job 'numbers': table 'numbers' is not there yet", planned, StringComparison.Ordinal);
        Assert.EndsWith($"would run; nothing was changed.{Environment.NewLine}", planned, StringComparison.Ordinal);
        Assert.Equal(planned, (await RunAsync("migrate", "--dry-run")).Said);
        var (_, done, _) = await RunAsync("migrate");
        Assert.Contains("ADD COLUMN \"numbers_reservation_id\" text;", done, StringComparison.Ordinal);
        Assert.Contains("CREATE INDEX", done, StringComparison.Ordinal);
        var (_, again, _) = await RunAsync("migrate");
        Assert.EndsWith($"-- Nothing to do.{Environment.NewLine}", again, StringComparison.Ordinal);
        Assert.Equal("""{"isDryRun":true,"statements":[]}""", (await RunAsync("migrate", "--dry-run", "--json")).Said.Trim());
    }

    [Fact]
    public async Task Migrate_adds_columns_to_a_table_of_somebodys_which_run_does_not()
    {
        await ExecuteAsync("CREATE TABLE orders (shop text NOT NULL, id bigint NOT NULL, PRIMARY KEY (shop, id)); INSERT INTO orders VALUES ('a,b', 1), ('c', 2)");
        var (code, _, errors) = await RunAsync(Foreign, "run", "--drain");
        Assert.Equal(2, code);
        Assert.Contains("Let the verb 'migrate' add them", errors, StringComparison.Ordinal);
        var (_, planned, _) = await RunAsync(Foreign, "migrate", "--dry-run", "--json");
        var statements = JsonDocument.Parse(planned).RootElement.GetProperty("statements").EnumerateArray().Select(s => s.GetString()!).ToList();
        // As it is printed, so it runs.
        await ExecuteAsync(string.Join(";", statements));
        Assert.EndsWith($"-- Nothing to do.{Environment.NewLine}", (await RunAsync(Foreign, "migrate")).Said, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(Foreign, "run", "--drain")).Code);
        Assert.Contains("orders: 1 record is pending again", (await RunAsync(Foreign, "relaunch", "orders", "a\\,b,1")).Said, StringComparison.Ordinal);
        (code, _, errors) = await RunAsync(Foreign, "relaunch", "orders", "1");
        Assert.Equal((2, $"Job 'orders': a key has 2 parts (shop, id) with commas between them, got '1'. A comma inside a part is written as \\,.{Environment.NewLine}"), (code, errors));
    }

    [Fact]
    public async Task The_counts_are_shown_as_lines_and_as_json()
    {
        Assert.Equal(1, (await RunAsync("run", "--drain")).Code);
        var (code, said, _) = await RunAsync("status");
        Assert.Equal(0, code);
        Assert.Contains("numbers: 20 tasks: 19 completed, 1 failed, 0 pending, 0 scheduled, 0 reserved, 0 running", said, StringComparison.Ordinal);
        Assert.Contains("numbers: nobody works on it, ETA 00:00:00", said, StringComparison.Ordinal);
        var job = JsonDocument.Parse((await RunAsync("status", "numbers", "--json", "--exact")).Said).RootElement.GetProperty("jobs")[0];
        Assert.Equal((20, 19, 1), (job.GetProperty("total").GetInt32(), job.GetProperty("completed").GetInt32(), job.GetProperty("failed").GetInt32()));
        var retried = (await RunAsync("retry", "numbers", "--all", "--json")).Said;
        Assert.StartsWith("""{"job":"numbers","action":"retry","isDryRun":false,"count":1,"matched":1,""", retried, StringComparison.Ordinal);
        Assert.Contains("1 pending", (await RunAsync("status")).Said, StringComparison.Ordinal);
        Assert.Contains("numbers: 19 records are pending again", (await RunAsync("relaunch", "numbers", "--all", "--yes")).Said, StringComparison.Ordinal);
        (code, _, var errors) = await RunAsync("status", "number");
        Assert.Equal((2, $"There is no job 'number' (did you mean 'numbers'?). Jobs are numbers.{Environment.NewLine}"), (code, errors));
    }

    [Fact]
    public async Task Start_up_code_runs_once_for_the_dispatcher_and_once_for_each_worker()
    {
        var calls = new System.Collections.Concurrent.ConcurrentQueue<string>();
        void Started(PampaBuilder pampa)
        {
            Program(pampa);
            pampa.OnDispatcherStart(async _ => calls.Enqueue($"dispatcher, {(await CountAsync("SELECT count(*) FROM pampa_worker"))} workers, {await CountAsync("SELECT count(*) FROM numbers")} records"));
            pampa.OnDispatcherStart(_ => Task.Run(() => calls.Enqueue("dispatcher again"), CancellationToken.None));
            pampa.OnWorkerStart((id, _) => Task.Run(() => calls.Enqueue(id), CancellationToken.None));
        }
        Assert.Equal(1, (await RunAsync(Started, "run", "--drain", "--workers", "3")).Code);
        Assert.Equal(["dispatcher, 0 workers, 20 records", "dispatcher again"], calls.Take(2));
        Assert.Equal(["local.1", "local.2", "local.3"], calls.Skip(2).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(true, "OnDispatcherStart (2 of 2) threw")]
    [InlineData(false, "OnWorkerStart (2 of 2) of worker 'local.1' threw")]
    public async Task Start_up_code_that_throws_ends_the_process_before_anything_is_reserved(bool ofDispatcher, string which)
    {
        var (code, said, errors) = await RunAsync(pampa =>
        {
            Program(pampa);
            for (var i = 0; i < 2; i++)
            {
                var fails = i == 1;
                if (ofDispatcher) pampa.OnDispatcherStart(_ => fails ? throw new InvalidOperationException("no browser") : Task.CompletedTask);
                else pampa.OnWorkerStart((_, _) => fails ? throw new InvalidOperationException("no browser") : Task.CompletedTask);
            }
        }, "run", "--drain", "--workers", "1");
        Assert.Equal(2, code);
        Assert.Contains($"{which} InvalidOperationException: no browser. Nothing was reserved for it: mend that code or what it needs, and start again.", errors, StringComparison.Ordinal);
        Assert.Contains("20 pending, 0 scheduled, 0 reserved, 0 running", said, StringComparison.Ordinal);
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM numbers WHERE numbers_reservation_times > 0"));
        // It has left in good order.
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM pampa_worker WHERE state <> 'resigned'"));
    }

    [Fact]
    public async Task A_declared_node_has_its_number_of_workers_and_status_tells_when_it_is_not_there()
    {
        void Declared(PampaBuilder pampa)
        {
            Program(pampa);
            pampa.AddNode("web1", workers: 3);
            pampa.AddNode("web2");
            pampa.NodeName = "web1";
        }
        Assert.Contains("Node 'web1' has 3 workers", (await RunAsync(Declared, "run", "--drain")).Errors, StringComparison.Ordinal);
        Assert.Contains("Node 'web1' has 2 workers", (await RunAsync(Declared, "run", "--drain", "--workers", "2")).Errors, StringComparison.Ordinal);

        // Somebody else is web2, whatever its program says.
        await ExecuteAsync("UPDATE pampa_worker SET node = 'web2', worker_id = 'web2.1', state = 'ready', expires_at = '9999-01-01T00:00:00.000Z' WHERE worker_id = 'web1.1'");
        var (_, said, _) = await RunAsync(Declared, "status");
        Assert.Contains("node web1: not here; the program declares it", said, StringComparison.Ordinal);
        Assert.DoesNotContain("node web2: not here", said, StringComparison.Ordinal);
        var absent = JsonDocument.Parse((await RunAsync(Declared, "status", "--json")).Said).RootElement.GetProperty("absentNodes");
        Assert.Equal(["web1"], absent.EnumerateArray().Select(n => n.GetString()));
        Assert.DoesNotContain("not here", (await RunAsync("status")).Said, StringComparison.Ordinal);
    }

    private async Task<long> CountAsync(string query)
    {
        await using var connection = new SqliteConnection($"Data Source={File};Pooling=false");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = query;
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    [Fact]
    public async Task Many_may_migrate_at_the_same_time()
    {
        var all = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => RunAsync("migrate"))));
        Assert.All(all, one => Assert.True(one.Code == 0, one.Errors));
        Assert.EndsWith($"-- Nothing to do.{Environment.NewLine}", (await RunAsync("migrate")).Said, StringComparison.Ordinal);
    }
}
