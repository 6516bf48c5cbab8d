using System.Text.Json;
using Pampa.Commands;
using Pampa.Tests.Verbs;

namespace Pampa.Tests.Scenarios;

/// <summary>
/// What stands in columns is known to whoever has nothing but the database: counts, states and actions are those of the program. What is code
/// is not, and it is said where that decides.
/// </summary>
public sealed class WithoutProgramTests() : VerbRig(Mails)
{
    private const string Ahead = "2199-01-01T00:00:00.000Z";
    private const string Past = "2020-01-01T00:00:00.000Z";

    private static void Mails(PampaBuilder pampa) => Mails(pampa, job => job.DueColumn = "send_at");

    private static void Mails(PampaBuilder pampa, Action<JobBuilder> more)
    {
        pampa.Setup(
            "CREATE TABLE IF NOT EXISTS mails (id bigint PRIMARY KEY, send_at text, customer text, urgency bigint)",
            "INSERT INTO mails (id) VALUES (0) ON CONFLICT DO NOTHING");
        pampa.AddJob("mails", "mails", "id", job =>
        {
            job.MaxAttempts = 2;
            job.Process(_ => { });
            more(job);
        });
    }

    /// <summary>The program runs once, so that its job is published, and then there are more records.</summary>
    private async Task PrepareAsync(Action<JobBuilder> more, string records)
    {
        var (code, said, errors) = await RunAsync(pampa => Mails(pampa, more), "run", "--drain");
        Assert.True(code == 0, $"{said}{errors}");
        await ExecuteAsync(records);
    }

    private Task PrepareAsync() => PrepareAsync(job => job.DueColumn = "send_at", $"""
        INSERT INTO mails (id, send_at, mails_reservation_time) VALUES
          (1, '{Past}', NULL), (2, '{Ahead}', NULL), (3, '{Ahead}', '{Ahead}'), (4, NULL, '{Ahead}'), (5, '{Past}', '{Ahead}')
        """);

    private async Task<(int Code, string Said, string Errors)> LookAsync(params string[] args)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        var code = await CommandLine.RunPublishedAsync([.. args, "--db", File], "pampa", output, errors);
        return (code, output.ToString().TrimEnd(), errors.ToString().TrimEnd());
    }

    private async Task<(int Code, string Said, string Errors)> AskAsync(bool hasProgram, params string[] args)
    {
        if (!hasProgram) return await LookAsync(args);
        var (code, said, errors) = await RunAsync(args);
        return (code, said.TrimEnd(), errors.TrimEnd());
    }

    private async Task<(long Pending, long Scheduled)> CountsAsync(bool hasProgram)
    {
        var (code, said, errors) = await AskAsync(hasProgram, "status", "--json");
        Assert.Equal((0, ""), (code, errors));
        using var status = JsonDocument.Parse(said);
        var job = status.RootElement.GetProperty("jobs")[0];
        return (job.GetProperty("pending").GetInt64(), job.GetProperty("scheduled").GetInt64());
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_record_whose_own_time_has_not_come_is_not_due_and_nobody_makes_it_due(bool hasProgram)
    {
        await PrepareAsync();
        Assert.Equal((1, 4), await CountsAsync(hasProgram));
        var (_, said, _) = await AskAsync(hasProgram, "explain", "mails", "2");
        Assert.StartsWith($"mails 2: scheduled{Environment.NewLine}It is due in ", said, StringComparison.Ordinal);

        Assert.Equal("mails: 2 records would be due now", (await AskAsync(hasProgram, "run-now", "mails", "--all", "--dry-run")).Said);
        const string why = "what is scheduled of these waits for its own time, which stands in column 'send_at' (DueColumn) and is the program's: write another one there";
        Assert.Equal($"mails: 0 records would be due now: {why}", (await AskAsync(hasProgram, "run-now", "mails", "2", "3", "--dry-run")).Said);
        Assert.Equal($"mails: 0 records are due now: {why}", (await AskAsync(hasProgram, "run-now", "mails", "2", "3")).Said);
        using (var json = JsonDocument.Parse((await AskAsync(hasProgram, "run-now", "mails", "2", "--json")).Said))
            Assert.Equal((0, why), (json.RootElement.GetProperty("count").GetInt32(), json.RootElement.GetProperty("why").GetString()));
        Assert.Equal(2, await ScalarAsync($"SELECT count(*) FROM mails WHERE (id = 2 AND mails_reservation_time IS NULL) OR (id = 3 AND mails_reservation_time = '{Ahead}')"));

        Assert.Equal("mails: 2 records are due now", (await AskAsync(hasProgram, "run-now", "mails", "--all", "--yes")).Said);
        Assert.Equal((3, 2), await CountsAsync(hasProgram));
        // What waits is not pending to those who take what is.
        Assert.Equal("mails: 3 records are cancelled", (await AskAsync(hasProgram, "cancel", "mails", "--state", "pending", "--all", "--yes")).Said);
        Assert.Equal((0, 2), await CountsAsync(hasProgram));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task What_has_not_ended_is_asked_for_by_the_time_for_which_it_waits(bool hasProgram)
    {
        await PrepareAsync();
        Assert.Equal("mails: 2 records would be due now", (await AskAsync(hasProgram, "run-now", "mails", "--until", "2199-01-02", "--dry-run")).Said);
        Assert.Equal("mails: 0 records would be due now", (await AskAsync(hasProgram, "run-now", "mails", "--from", "2199-01-02", "--dry-run")).Said);
        Assert.Equal("mails: 3 records would be cancelled", (await AskAsync(hasProgram, "cancel", "mails", "--until", "2199-01-02", "--dry-run")).Said);
        foreach (var verb in (string[])["run-now", "cancel", "skip"])
        {
            var (code, said, errors) = await AskAsync(hasProgram, verb, "mails", "--until", "2199-01-02", "--moment", "ended", "--yes");
            Assert.Equal((2, ""), (code, said));
            Assert.Contains("none of those has ended", errors, StringComparison.Ordinal);
            Assert.Contains("Ask by the time reserved", errors, StringComparison.Ordinal);
        }
        // What has ended has an end, and that is what is meant of it.
        Assert.Equal("mails: 1 record would be pending again", (await AskAsync(hasProgram, "relaunch", "mails", "--from", "2020-01-01", "--dry-run")).Said);
        Assert.Equal((1, 4), await CountsAsync(hasProgram));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Of_what_has_used_its_attempts_and_has_no_end_it_is_said_why_it_is_not_retried(bool hasProgram)
    {
        await PrepareAsync();
        await ExecuteAsync("UPDATE mails SET mails_reservation_times = 2 WHERE id = 1");
        var (code, said, _) = await AskAsync(hasProgram, "retry", "mails", "1");
        Assert.Equal(0, code);
        Assert.StartsWith("mails: 0 records are pending again: what has failed of these has used all of its attempts and has no end yet: a dispatcher that leads gives it one", said, StringComparison.Ordinal);
        // Of one that is merely not failed there is nothing to say.
        Assert.Equal("mails: 0 records are pending again", (await AskAsync(hasProgram, "retry", "mails", "2")).Said);
    }

    [Fact]
    public async Task What_is_published_of_columns_must_fit_the_table_and_be_understood_and_may_not_be_there()
    {
        await PrepareAsync();
        var published = "json_extract(definition, '$.dueColumn')";
        Assert.Equal(1, await ScalarAsync($"SELECT count(*) FROM pampa_job WHERE {published} = 'send_at'"));
        await ExecuteAsync("ALTER TABLE mails RENAME COLUMN send_at TO sent_at");
        var (code, _, errors) = await LookAsync("status");
        Assert.Equal(2, code);
        Assert.Contains("table 'mails' has no column 'send_at' (DueColumn)", errors, StringComparison.Ordinal);
        foreach (var spoiled in (string[])["'$.dueColumn', 5", "'$.priorityColumn', ''", "'$.sequence', json('[1]')"])
        {
            await ExecuteAsync($"UPDATE pampa_job SET definition = json_set(json_remove(definition, '$.dueColumn'), {spoiled})");
            (code, _, errors) = await LookAsync("status");
            Assert.Equal(2, code);
            Assert.Contains("is not one that this version of Pampa understands", errors, StringComparison.Ordinal);
            await ExecuteAsync("UPDATE pampa_job SET definition = json_remove(definition, '$.priorityColumn', '$.sequence')");
        }
        // As a version of before has published it, or of a job that has none.
        await ExecuteAsync("UPDATE pampa_job SET definition = json_remove(definition, '$.dueColumn')");
        Assert.Equal((2, 3), await CountsAsync(hasProgram: false));
    }

    [Fact]
    public async Task One_that_does_not_fit_its_table_any_more_is_left_out_and_told_of_and_the_others_are_there()
    {
        var (code, said, errors) = await RunAsync(pampa =>
        {
            Mails(pampa);
            pampa.Setup("CREATE TABLE IF NOT EXISTS letters (id bigint PRIMARY KEY, send_at text)");
            pampa.AddJob("letters", "letters", "id", job =>
            {
                job.DueColumn = "send_at";
                job.Process(_ => { });
            });
        }, "run", "--drain");
        Assert.True(code == 0, $"{said}{errors}");
        await ExecuteAsync("ALTER TABLE letters RENAME COLUMN send_at TO sent_at");
        (code, said, errors) = await LookAsync("status", "--json");
        using var status = JsonDocument.Parse(said);
        Assert.Equal((0, "mails"), (code, Assert.Single(status.RootElement.GetProperty("jobs").EnumerateArray()).GetProperty("job").GetString()));
        Assert.StartsWith("Left out: Job 'letters'", errors, StringComparison.Ordinal);
        Assert.Contains("has no column 'send_at' (DueColumn)", errors, StringComparison.Ordinal);
    }

    [Theory, InlineData(false, true), InlineData(false, false), InlineData(true, false)]
    public async Task Whose_turn_it_is_in_a_sequence_is_known(bool goesOnAfterFailure, bool hasProgram)
    {
        void Sequence(JobBuilder job)
        {
            job.PriorityColumn = "urgency";
            job.InSequenceBy("customer", goesOnAfterFailure);
        }
        await PrepareAsync(Sequence, $"""
            INSERT INTO mails (id, customer, urgency, mails_end_time, mails_success) VALUES
              (1, 'ann', 1, '{Past}', FALSE), (2, 'ann', 1, NULL, NULL), (3, 'bob', 2, NULL, NULL), (4, 'bob', 1, NULL, NULL), (5, NULL, 1, NULL, NULL)
            """);
        async Task<string> TurnAsync(string key)
        {
            var (code, said, errors) = hasProgram ? await RunAsync(pampa => Mails(pampa, Sequence), "explain", "mails", key) : await LookAsync("explain", "mails", key);
            Assert.True(code == 0, errors);
            return said.Split('\n').Single(line => line.Contains("its turn:", StringComparison.Ordinal)).Trim();
        }

        Assert.Equal(goesOnAfterFailure ? "yes  its turn: no record of the same customer comes before it"
            : "no   its turn: a record of the same customer has failed, and those of its sequence wait until it is retried", await TurnAsync("2"));
        Assert.Equal("no   its turn: a record of the same customer that comes before it has not ended", await TurnAsync("3"));
        Assert.Equal("yes  its turn: no record of the same customer comes before it", await TurnAsync("4"));
        Assert.Equal("yes  its turn: it has no customer and waits for nobody", await TurnAsync("5"));
    }

    [Fact]
    public async Task What_only_the_program_knows_is_told_as_such_where_it_decides()
    {
        static void Code(JobBuilder job)
        {
            job.Where = $"urgency IS NULL";
            job.OrderBy = $"id DESC";
            job.InSequenceBy("customer");
        }
        await PrepareAsync(Code, "INSERT INTO mails (id, customer) VALUES (1, 'ann'), (2, 'ann')");
        var (_, said, _) = await LookAsync("explain", "mails", "1");
        Assert.Contains("It is due, but the job has a condition (Where) that only its own program knows, and which record of the same customer comes first, only the job's own program knows", said, StringComparison.Ordinal);
        Assert.DoesNotContain("has no condition", said, StringComparison.Ordinal);
        await ExecuteAsync("UPDATE pampa_job SET definition = json_remove(definition, '$.where', '$.sequence')");
        Assert.Null(await BeforeAsync("1"));
        await ExecuteAsync("UPDATE pampa_job SET definition = json_remove(definition, '$.orderBy')");
        Assert.Equal(0, await BeforeAsync("1"));
        await ExecuteAsync("UPDATE pampa_job SET definition = json_set(definition, '$.selectsByCode', json('true'))");
        Assert.Null(await BeforeAsync("1"));
        Assert.Contains("the job has a Select that only its own program knows", (await LookAsync("explain", "mails", "1")).Said, StringComparison.Ordinal);
    }

    private async Task<int?> BeforeAsync(string key)
    {
        using var json = JsonDocument.Parse((await LookAsync("explain", "mails", key, "--json")).Said);
        var before = json.RootElement.GetProperty("before");
        return before.ValueKind == JsonValueKind.Null ? null : before.GetInt32();
    }

    [Fact]
    public async Task What_may_be_no_task_is_made_due_by_its_key_alone()
    {
        await PrepareAsync(job => job.Where = $"urgency IS NULL", $"INSERT INTO mails (id, mails_reservation_time) VALUES (1, '{Ahead}'), (2, '{Ahead}')");
        foreach (var how in (string[][])[["--all", "--yes"], ["--all", "--dry-run"], ["--where", "id > 0", "--yes"]])
        {
            var (code, said, errors) = await LookAsync(["run-now", "mails", .. how]);
            Assert.Equal((2, ""), (code, said));
            Assert.Contains("has a condition (Where) that only its own program knows", errors, StringComparison.Ordinal);
        }
        Assert.Equal((0, 2), await CountsAsync(hasProgram: false));
        Assert.Equal("mails: 1 record is due now", (await LookAsync("run-now", "mails", "1")).Said);
        Assert.Equal((1, 1), await CountsAsync(hasProgram: false));
    }

    [Fact]
    public async Task A_worker_that_may_not_serve_the_job_is_none_that_may_do_a_record()
    {
        await PrepareAsync(_ => { }, "INSERT INTO mails (id) VALUES (1)");
        await ExecuteAsync($"""
            UPDATE pampa_job SET definition = json_set(definition, '$.workerFilter', '^big\.');
            INSERT INTO pampa_worker (cluster, worker_id, node, session, process, program, state, heartbeat_at, expires_at)
            VALUES ('pampa', 'small.1', 'small', 1, 'p', 'shop', 'ready', strftime('%Y-%m-%dT%H:%M:%fZ'), '{Ahead}')
            """);
        Assert.Contains(@"no   a worker may do it: 0 of 1 living workers may do it (WorkerFilter '^big\.')", (await LookAsync("explain", "mails", "1")).Said, StringComparison.Ordinal);
    }
}
