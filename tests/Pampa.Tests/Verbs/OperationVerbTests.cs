using System.Text.Json;

namespace Pampa.Tests.Verbs;

/// <summary>The verbs <c>tasks</c>, <c>errors</c>, <c>audit</c> and those that do something to records, as they are typed.</summary>
public sealed class OperationVerbTests() : VerbRig(Program)
{
    private static void Program(PampaBuilder pampa)
    {
        pampa.Setup(
            "CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, note text)",
            "INSERT INTO numbers (value, note) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 20) SELECT v, 'n' || v FROM n WHERE TRUE ON CONFLICT DO NOTHING");
        pampa.AddJob("numbers", "numbers", "value", job =>
        {
            job.MaxAttempts = 1;
            job.Process(task =>
            {
                if (task.Get<long>("value") % 4 == 0) throw new InvalidOperationException($"un\e[31mlucky {task.Key}");
            });
        });
    }

    private async Task<JsonElement> JsonAsync(params string[] args)
    {
        var (code, said, errors) = await RunAsync([.. args, "--json"]);
        Assert.Equal((0, ""), (code, errors));
        Assert.DoesNotContain('\e', said);
        return JsonDocument.Parse(said).RootElement;
    }

    private static string[] Lines(string said) => said.TrimEnd().Split(Environment.NewLine);

    [Fact]
    public async Task Records_are_listed_filtered_sorted_and_in_pages_and_nothing_in_them_is_obeyed()
    {
        Assert.Equal(1, (await RunAsync("--drain", "--workers", "2", "--plain")).Code);
        var (code, said, errors) = await RunAsync("tasks", "numbers", "--limit", "3");
        Assert.Equal((0, "There are more: --after 3"), (code, errors.TrimEnd()));
        Assert.Equal(4, Lines(said).Length);
        Assert.Equal("key\tstate\tattempts\tworker\ttime\terror", Lines(said)[0]);
        Assert.StartsWith("1\tcompleted\t1\tlocal.", Lines(said)[1], StringComparison.Ordinal);
        Assert.Equal("4", Lines((await RunAsync("tasks", "numbers", "--after", "3", "--limit", "1")).Said)[1].Split('\t')[0]);

        (_, said, errors) = await RunAsync("tasks", "numbers", "--state", "failed", "--where", "value > 4", "--where", "value<=12");
        Assert.Equal(("", 3), (errors, Lines(said).Length));
        Assert.DoesNotContain('\e', said);
        Assert.Contains("un\\u001B[31mlucky 8", said, StringComparison.Ordinal);
        Assert.DoesNotContain("n8", said, StringComparison.Ordinal);
        Assert.Contains("\tn20\t", (await RunAsync("tasks", "numbers", "--columns", "note", "--order", "last-key", "--limit", "1")).Said, StringComparison.Ordinal);
        Assert.Equal(6, Lines((await RunAsync("tasks", "numbers", "--state", "failed", "--order", "latest")).Said).Length);
        Assert.Equal(3, Lines((await RunAsync("tasks", "numbers", "1", "2", "99")).Said).Length);

        var json = await JsonAsync("tasks", "numbers", "--error", "LUCKY 8", "--columns", "note,value");
        var task = Assert.Single(json.GetProperty("tasks").EnumerateArray());
        Assert.Equal(("8", "failed"), (task.GetProperty("key").GetString(), task.GetProperty("state").GetString()));
        Assert.Equal("n8", task.GetProperty("values").GetProperty("note").GetString());
    }

    [Theory]
    [InlineData("--state must be pending, scheduled, reserved, running, completed or failed, got 'faild' (did you mean 'failed'?).", "tasks", "numbers", "--state", "faild")]
    [InlineData("--order must be key, last-key, latest, started, got 'size'.", "tasks", "numbers", "--order", "size")]
    [InlineData("--limit must be between 1 and 10000, got 0.", "tasks", "numbers", "--limit", "0")]
    [InlineData("--moment must be reserved, started or ended, got 'x'.", "tasks", "numbers", "--moment", "x")]
    [InlineData("--window must be between 1 and 100000, got 0.", "errors", "numbers", "--window", "0")]
    [InlineData("--limit must be between 1 and 1000, got 1001.", "audit", "--limit", "1001")]
    [InlineData("cancel: say which records: give their keys, a condition such as --where, or --all.", "cancel", "numbers")]
    [InlineData("skip: give keys or --all, not both.", "skip", "numbers", "1", "--all")]
    [InlineData("--limit must be at least 1.", "retry", "numbers", "--all", "--limit", "0")]
    [InlineData("--limit must be a whole number, got 'few'.", "tasks", "numbers", "--limit", "few")]
    [InlineData("--window must be a whole number, got '1h'.", "errors", "numbers", "--window", "1h")]
    [InlineData("--limit must be a whole number, got 'few'.", "audit", "--limit", "few")]
    [InlineData("--limit must be a whole number, got 'few'.", "retry", "numbers", "--all", "--limit", "few")]
    [InlineData("--count must be a whole number, got '1.5'.", "preview", "numbers", "--count", "1.5")]
    [InlineData("--for must be a time as hours:minutes:seconds, got '2h'.", "pause", "job", "numbers", "--for", "2h")]
    [InlineData("pause: --for must be more than 00:00:00.", "pause", "job", "numbers", "--for", "00:00:00")]
    [InlineData("pause: give --for or --until, not both.", "pause", "job", "numbers", "--for", "01:00:00", "--until", "2099-01-01")]
    [InlineData("--timeout must be a time as hours:minutes:seconds, got 'long'.", "drain", "job", "numbers", "--timeout", "long")]
    [InlineData("drain: --timeout must be more than 00:00:00.", "drain", "job", "numbers", "--timeout", "-00:00:01")]
    [InlineData("--until must be a moment such as 2026-12-24T18:00Z, got 'noon'.", "pause", "job", "numbers", "--until", "noon")]
    public async Task What_is_not_understood_is_told(string complaint, params string[] args)
    {
        var (code, said, errors) = await RunAsync(args);
        Assert.Equal((2, "", $"{complaint}{Environment.NewLine}Run with --help for what there is.{Environment.NewLine}"), (code, said, errors));
    }

    [Fact]
    public async Task What_does_not_fit_is_told_in_one_line()
    {
        await RunAsync("migrate");
        foreach (var (says, args) in new (string, string[])[]
        {
            ("its operator is none of these", ["tasks", "numbers", "--where", "value ~ 1"]),
            ("has no column 'valeu' (did you mean 'value'?)", ["tasks", "numbers", "--where", "valeu = 1"]),
            ("column 'value' (bigint) does not take 'x'", ["cancel", "numbers", "--where", "value = x", "--dry-run"]),
            ("retry takes records that are failed, and the filter wants such that are completed", ["retry", "numbers", "--state", "completed", "--yes"]),
            ("There is no job 'nmbers' (did you mean 'numbers'?)", ["errors", "nmbers"]),
        })
        {
            var (code, said, errors) = await RunAsync(args);
            Assert.Equal((2, ""), (code, said));
            Assert.Contains(says, errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Failures_come_in_groups()
    {
        await RunAsync("--drain", "--workers", "2", "--plain");
        var (code, said, _) = await RunAsync("errors", "numbers");
        Assert.Equal((0, 2), (code, Lines(said).Length));
        Assert.StartsWith("5\t", Lines(said)[1], StringComparison.Ordinal);
        Assert.DoesNotContain('\e', said);
        Assert.Contains("the latest 2 failures; there are more", (await RunAsync("errors", "numbers", "--window", "2")).Errors, StringComparison.Ordinal);
        var json = await JsonAsync("errors", "numbers");
        var group = Assert.Single(json.GetProperty("groups").EnumerateArray());
        Assert.Equal((5, true, 5), (json.GetProperty("examined").GetInt32(), json.GetProperty("isComplete").GetBoolean(), group.GetProperty("count").GetInt32()));
    }

    [Fact]
    public async Task Many_are_changed_only_when_that_is_meant_and_it_stands_in_the_audit()
    {
        await RunAsync("migrate");
        var (code, said, errors) = await RunAsync("cancel", "numbers", "--where", "value > 10");
        Assert.Equal((2, ""), (code, said));
        Assert.Contains("Count them with --dry-run, then say --yes", errors, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("skip", "numbers", "--all")).Code);
        Assert.Equal(2, (await RunAsync("relaunch", "numbers", "--all")).Code);
        Assert.Equal("numbers: 10 records would be cancelled", (await RunAsync("cancel", "numbers", "--where", "value > 10", "--dry-run")).Said.TrimEnd());
        // So many are meant, and it ends with them: not 3+, and not all that there are.
        foreach (var (limit, would) in new[] { ("3", 3), ("10", 10), ("11", 10) })
        {
            Assert.Equal($"numbers: {would} records would be cancelled", (await RunAsync("cancel", "numbers", "--where", "value > 10", "--dry-run", "--limit", limit)).Said.TrimEnd());
            var counted = await JsonAsync("cancel", "numbers", "--where", "value > 10", "--dry-run", "--limit", limit);
            Assert.Equal((would, true), (counted.GetProperty("matched").GetInt32(), counted.GetProperty("isExact").GetBoolean()));
        }
        Assert.Equal("at\twho\taction\ttarget\trecords\tdetail", (await RunAsync("audit")).Said.TrimEnd());

        await ExecuteAsync("UPDATE numbers SET numbers_reservation_id = 'x.1', numbers_start_time = '2026-01-01T00:00:00.000Z' WHERE value = 11");
        Assert.Equal("numbers: 9 records are cancelled; 1 is running and left alone",
            (await RunAsync("cancel", "numbers", "--where", "value > 10", "--yes", "--reason", "bad\e]0;x\alot")).Said.TrimEnd());
        Assert.Equal("numbers: 2 records are skipped", (await RunAsync("skip", "numbers", "1", "2", "11", "99")).Said.TrimEnd()[..30]);
        var retried = await JsonAsync("retry", "numbers", "--error", "cancelled by", "--limit", "4", "--yes");
        Assert.Equal(("retry", false), (retried.GetProperty("action").GetString(), retried.GetProperty("isDryRun").GetBoolean()));
        Assert.Equal((4, 4), (retried.GetProperty("count").GetInt64(), retried.GetProperty("matched").GetInt64()));
        Assert.Equal("numbers: 7 records are pending again", (await RunAsync("relaunch", "numbers", "--all", "--yes")).Said.TrimEnd());

        var entries = (await JsonAsync("audit")).GetProperty("entries").EnumerateArray().ToList();
        Assert.Equal(["relaunch", "retry", "skip", "cancel"], entries.Select(e => e.GetProperty("action").GetString()));
        Assert.Equal([7, 4, 2, 9], entries.Select(e => e.GetProperty("count").GetInt32()));
        Assert.Equal(retried.GetProperty("auditId").GetString(), entries[1].GetProperty("id").GetString());
        Assert.Contains("value > 10; because: bad\e]0;x\alot", entries[3].GetProperty("detail").GetString(), StringComparison.Ordinal);
        (_, said, errors) = await RunAsync("audit", "--limit", "1", "--job", "numbers");
        Assert.Equal(2, Lines(said).Length);
        Assert.Contains("There are more: --before ", errors, StringComparison.Ordinal);
        said = (await RunAsync("audit", "--before", errors.Trim().Split(' ')[^1])).Said;
        Assert.Equal(4, Lines(said).Length);
        Assert.Contains("bad\\u001B]0;x\\u0007lot", said, StringComparison.Ordinal);
        Assert.Single(Lines((await RunAsync("audit", "--who", "nobody")).Said));
        var skipped = Assert.Single((await JsonAsync("audit", "--action", "skip")).GetProperty("entries").EnumerateArray());
        Assert.Equal(2, skipped.GetProperty("count").GetInt32());
        Assert.Equal(5, Lines((await RunAsync("audit", "--target", "OB NUM")).Said).Length);
        Assert.Single(Lines((await RunAsync("audit", "--target", "OB NUM", "--action", "drain")).Said));
    }

    [Fact]
    public async Task What_is_scheduled_is_run_now_when_that_is_meant()
    {
        await RunAsync("migrate");
        await ExecuteAsync("UPDATE numbers SET numbers_reservation_time = '2199-01-01T00:00:00.000Z' WHERE value > 17");
        Assert.Equal("numbers: 3 records would be due now", (await RunAsync("run-now", "numbers", "--all", "--dry-run")).Said.TrimEnd());
        Assert.Equal(2, (await RunAsync("run-now", "numbers", "--all")).Code);
        Assert.Equal("numbers: 1 record is due now", (await RunAsync("run-now", "numbers", "1", "18")).Said.TrimEnd());
        var done = await JsonAsync("run-now", "numbers", "--where", "value > 0", "--reason", "it is late", "--yes");
        Assert.Equal(("run-now", 2, 2), (done.GetProperty("action").GetString(), done.GetProperty("count").GetInt32(), done.GetProperty("matched").GetInt32()));
        var entries = (await JsonAsync("audit", "--action", "run-now")).GetProperty("entries").EnumerateArray().ToList();
        Assert.Equal([2, 1], entries.Select(e => e.GetProperty("count").GetInt32()));
        Assert.Equal(0, await ScalarAsync("SELECT count(*) FROM numbers WHERE numbers_reservation_time > '2100-01-01'"));
        Assert.Equal(2, (await RunAsync("run-now", "numbers", "--state", "pending", "--yes")).Code);
    }

    [Fact]
    public async Task Steering_stands_in_the_audit()
    {
        await RunAsync("migrate");
        await RunAsync("pause", "job", "numbers", "--reason", "lunch");
        await RunAsync("resume", "job", "numbers");
        var entries = (await JsonAsync("audit", "--job", "numbers")).GetProperty("entries").EnumerateArray().ToList();
        Assert.Equal([("resume", "job numbers", ""), ("pause", "job numbers", "lunch")], entries.Select(e => (
            e.GetProperty("action").GetString(), e.GetProperty("target").GetString(), e.GetProperty("detail").GetString())));
        Assert.EndsWith($"@{Environment.MachineName}", entries[0].GetProperty("who").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Steering_is_told_as_json()
    {
        await RunAsync("migrate");
        await ExecuteAsync("""
            INSERT INTO pampa_worker (cluster, worker_id, node, session, process, program, state, heartbeat_at, expires_at)
            VALUES ('pampa', 'web1.1', 'web1', 1, 'p', 'shop', 'ready', strftime('%Y-%m-%dT%H:%M:%fZ'), '2099-01-01T00:00:00.000Z')
            """);
        async Task SaysAsync(string json, params string[] args)
        {
            var (code, said, errors) = await RunAsync([.. args, "--json"]);
            Assert.Equal((0, json, ""), (code, said.TrimEnd(), errors));
        }

        await SaysAsync(
            """{"action":"pause","target":"job numbers","isPaused":true,"reason":"lunch","until":"2199-12-31T00:00:00+00:00"}""",
            "pause", "job", "numbers", "--reason", "lunch", "--until", "2199-12-31T01:00+01:00");
        Assert.Equal(1, await ScalarAsync("SELECT count(*) FROM pampa_hold WHERE reason = 'lunch'"));
        await SaysAsync("""{"action":"resume","target":"job numbers","isPaused":false,"wasPaused":true}""", "resume", "job", "numbers");
        await SaysAsync("""{"action":"resume","target":"job numbers","isPaused":false,"wasPaused":false}""", "resume", "job", "numbers");
        await SaysAsync("""{"action":"detach","target":"node web1","isPaused":true}""", "detach", "node", "web1");
        await SaysAsync("""{"action":"attach","target":"node web1","isPaused":false,"wasPaused":true}""", "attach", "node", "web1");
        // By the node all of it is found, by whichever word it was done.
        await SaysAsync("""{"action":"drain","target":"node web1","isPaused":true,"left":0}""", "drain", "node", "web1");
        Assert.Equal(["drain", "resume", "pause"], Lines((await RunAsync("audit", "--target", "node web1")).Said).Skip(1).Select(line => line.Split('\t')[2]));
        await SaysAsync("""{"action":"drain","target":"job numbers","isPaused":true,"left":0}""", "drain", "job", "numbers");

        await ExecuteAsync("UPDATE numbers SET numbers_reservation_id = 'x.1', numbers_start_time = '2026-01-01T00:00:00.000Z' WHERE value = 11");
        var running = Lines((await RunAsync("tasks", "numbers", "--order", "started")).Said);
        Assert.Equal(["key", "11"], running.Select(line => line.Split('\t')[0]));
        var (ended, told, why) = await RunAsync("drain", "job", "numbers", "--timeout", "00:00:01", "--json");
        Assert.Equal((3, """{"action":"drain","target":"job numbers","isPaused":true,"left":1}"""), (ended, told.TrimEnd()));
        Assert.StartsWith("job numbers is not drained within 00:00:01", why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pause")]
    [InlineData("resume")]
    [InlineData("detach")]
    [InlineData("attach")]
    [InlineData("drain")]
    [InlineData("tasks")]
    [InlineData("errors")]
    [InlineData("audit")]
    [InlineData("cancel")]
    [InlineData("skip")]
    [InlineData("retry")]
    [InlineData("relaunch")]
    [InlineData("run-now")]
    public async Task Each_has_a_page_of_help(string verb)
    {
        var (code, said, errors) = await RunAsync(verb, "--help");
        Assert.Equal((0, ""), (code, errors));
        Assert.All((string[])["Usage:", "Options", "Examples:", "Exit codes", "--json"], part => Assert.Contains(part, said, StringComparison.Ordinal));
        Assert.All(said.Split(Environment.NewLine), line => Assert.InRange(line.Length, 0, 80));
    }
}
