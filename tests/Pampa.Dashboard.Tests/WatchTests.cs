using System.IO.Pipelines;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Showing;

namespace Pampa.Dashboard.Tests;

/// <summary>How the cluster is looked at: whatever one look meets, there is a next one.</summary>
public sealed class WatchTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_report_of_the_programs_own_that_is_no_number_stops_no_page()
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Program = pampa => Shop.Small(
                pampa, job => job.Report(async (context, stopping) => await context.CountAsync(stopping) with { PerSecond = double.NaN })),
        });
        using var caller = site.NewCaller();
        var seen = await caller.JsonAsync("api/overview");
        Assert.Null(seen.GetProperty("trouble").GetString());
        Assert.Equal(3, Assert.Single(seen.GetProperty("jobs").EnumerateArray()).GetProperty("pending").GetInt64());
    }

    [Fact]
    public async Task A_rule_for_secrets_that_fails_is_no_end_of_looking()
    {
        var fails = true;
        await using var site = await Site.StartAsync(new SitePlan
        {
            Options = o => o.Redact = text => fails ? throw new FormatException("the rule is wrong") : text,
        });
        using var caller = site.NewCaller();
        await using (await site.WithoutAsync("pampa_stretch"))
        {
            var seen = await caller.JsonAsync("api/overview");
            Assert.Contains("an error of its own", seen.GetProperty("trouble").GetString(), StringComparison.Ordinal);
        }
        fails = false;
        await Until.TrueAsync(async () => (await caller.JsonAsync("api/overview")).GetProperty("trouble").ValueKind == JsonValueKind.Null);
    }

    [Fact]
    public async Task A_job_that_cannot_be_counted_keeps_nothing_else_from_being_seen_and_is_not_told_to_be_empty()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        await using (await site.WithoutAsync("orders"))
        {
            var seen = await caller.JsonAsync("api/overview");
            var job = Assert.Single(seen.GetProperty("jobs").EnumerateArray());
            Assert.Null(seen.GetProperty("trouble").GetString());
            Assert.False(job.GetProperty("isCounted").GetBoolean());
            Assert.NotEmpty(job.GetProperty("trouble").GetString()!);
            using var metrics = await caller.GetAsync("metrics");
            var text = await metrics.Content.ReadAsStringAsync(Stopping);
            Assert.Contains("pampa_up 1", text, StringComparison.Ordinal);
            Assert.DoesNotContain("pampa_job_tasks{", text, StringComparison.Ordinal);
            using var scale = await caller.GetAsync("scale/price_orders");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, scale.StatusCode);
        }
        await Until.TrueAsync(async () =>
            (await caller.JsonAsync("api/overview")).GetProperty("jobs")[0] is var job && job.GetProperty("isCounted").GetBoolean() && job.GetProperty("pending").GetInt64() == 3);
    }

    [Fact]
    public async Task Old_counts_of_a_job_that_cannot_be_counted_any_more_are_no_measurements()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = pampa => Shop.Small(pampa, job => job.MaxWait = TimeSpan.FromSeconds(30)) });
        using var caller = site.NewCaller();
        string[] ofCounts = ["pampa_job_tasks{", "pampa_job_counted_exactly{", "pampa_job_workers_wanted{"];
        var counted = await MetricsOf(caller);
        Assert.All(ofCounts, name => Assert.Contains(name, counted, StringComparison.Ordinal));
        Assert.Equal(1, (await caller.JsonAsync("scale/price_orders")).GetProperty("workers").GetInt32());
        await using (await site.WithoutAsync("orders"))
        {
            await Until.TrueAsync(async () => (await JobOf(caller)).GetProperty("trouble").ValueKind == JsonValueKind.String);
            // People are shown what was, and that it is old; programs are not.
            Assert.Equal(3, (await JobOf(caller)).GetProperty("pending").GetInt64());
            var text = await MetricsOf(caller);
            Assert.Contains("pampa_job_paused{", text, StringComparison.Ordinal);
            Assert.All([.. ofCounts, "pampa_job_eta_seconds{", "pampa_job_early_seconds{"], name => Assert.DoesNotContain(name, text, StringComparison.Ordinal));
            using var scale = await caller.GetAsync("scale/price_orders");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, scale.StatusCode);
        }
        await Until.TrueAsync(async () => (await JobOf(caller)).GetProperty("trouble").ValueKind == JsonValueKind.Null);
        // With the counts, not at some later look.
        Assert.Equal(1, (await caller.JsonAsync("scale/price_orders")).GetProperty("workers").GetInt32());
    }

    [Fact]
    public async Task Samples_that_cannot_be_read_are_told_of_the_job_and_keep_nothing_else_from_being_seen()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        await using (await site.WithoutAsync("pampa_sample"))
        {
            var seen = await caller.JsonAsync("api/overview");
            var job = Assert.Single(seen.GetProperty("jobs").EnumerateArray());
            Assert.Null(seen.GetProperty("trouble").GetString());
            Assert.Equal((3L, JsonValueKind.Null), (job.GetProperty("pending").GetInt64(), job.GetProperty("trouble").ValueKind));
            Assert.Contains("samples could not be read", job.GetProperty("fault").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_wrong_with_a_report_of_the_programs_own_is_shown_without_its_secrets()
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Program = pampa => Shop.Small(pampa, job => job.Report((_, _) => throw new FormatException($"Cannot log in: Password={Shop.Leaked}"))),
        });
        using var caller = site.NewCaller();
        var job = await JobOf(caller);
        Assert.Equal(3, job.GetProperty("pending").GetInt64());
        Assert.Contains("Cannot log in: Password=•••", job.GetProperty("fault").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_condition_that_throws_is_told_at_its_job_and_keeps_nothing_else_from_being_seen()
    {
        var throws = false;
        await using var site = await Site.StartAsync(new SitePlan
        {
            Program = pampa =>
            {
                Shop.Small(pampa, job => job.MaxWait = TimeSpan.FromSeconds(30));
                pampa.Setup("CREATE TABLE IF NOT EXISTS notes (text text PRIMARY KEY)");
                pampa.AddJob("odd", "notes", "text", job =>
                {
                    job.WhereEachCycle(() =>
                    {
                        if (throws) throw new FormatException("no idea");
                        return $"text <> 'x'";
                    });
                    job.Process(_ => { });
                });
            },
        });
        throws = true;
        using var caller = site.NewCaller();
        var seen = await caller.JsonAsync("api/overview");
        Assert.Null(seen.GetProperty("trouble").GetString());
        var jobs = seen.GetProperty("jobs").EnumerateArray().ToDictionary(j => j.GetProperty("name").GetString()!);
        Assert.Equal("Job 'odd': its Where throws FormatException: no idea.", jobs["odd"].GetProperty("trouble").GetString());
        Assert.Equal((3L, JsonValueKind.Null), (jobs["price_orders"].GetProperty("pending").GetInt64(), jobs["price_orders"].GetProperty("trouble").ValueKind));
        var metrics = await MetricsOf(caller);
        Assert.Contains("pampa_up 1", metrics, StringComparison.Ordinal);
        Assert.Contains("pampa_job_tasks{job=\"price_orders\"", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain("pampa_job_tasks{job=\"odd\"", metrics, StringComparison.Ordinal);
        Assert.Equal(1, (await caller.JsonAsync("scale/price_orders")).GetProperty("workers").GetInt32());
        foreach (var (path, status) in new[] { ("scale/odd", HttpStatusCode.ServiceUnavailable), ("api/tasks?job=odd", HttpStatusCode.BadRequest) })
        {
            using var answer = await caller.GetAsync(path);
            Assert.Equal(status, answer.StatusCode);
            Assert.Contains("its Where throws FormatException: no idea", Unquoted(await answer.Content.ReadAsStringAsync(Stopping)), StringComparison.Ordinal);
        }
    }

    private static string Unquoted(string json) => JsonDocument.Parse(json).RootElement.GetProperty("error").GetString()!;

    [Fact]
    public async Task A_report_of_the_programs_own_that_takes_long_is_told_and_the_records_are_counted_without_it()
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Program = pampa => Shop.Small(pampa, job =>
            {
                job.MaxWait = TimeSpan.FromSeconds(30);
                job.Report(async (context, stopping) =>
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stopping);
                    return await context.CountAsync(stopping);
                });
            }),
        });
        using var caller = site.NewCaller();
        var job = await JobOf(caller);
        Assert.Equal((3L, JsonValueKind.Null), (job.GetProperty("pending").GetInt64(), job.GetProperty("trouble").ValueKind));
        Assert.Contains("it did not answer within 00:00:01", job.GetProperty("fault").GetString(), StringComparison.Ordinal);
        Assert.Equal(1, (await caller.JsonAsync("scale/price_orders")).GetProperty("workers").GetInt32());
    }

    [Fact]
    public async Task Of_very_many_workers_all_are_counted_and_those_told_that_somebody_would_look_for()
    {
        await using var site = await Site.StartAsync();
        await Until.TrueAsync(async () => (await site.Cluster.InfoAsync(Stopping)).Workers.Count == 2);
        await Crowd.JoinAsync(site);
        await site.Cluster.PauseAsync(PampaTarget.Worker("big.977"), "odd noises", null, Stopping);
        using var caller = site.NewCaller();
        var seen = await caller.JsonAsync("api/overview");
        var workers = seen.GetProperty("workers").EnumerateArray().Select(w => w.GetProperty("id").GetString()!).ToList();
        Assert.Equal((Excerpt.MostWorkers, Crowd.Workers + 2), (workers.Count, seen.GetProperty("workerCount").GetProperty("all").GetInt32()));
        Assert.Contains("big.977", workers);
        Assert.Contains(Crowd.Recovering, workers);
        Assert.Contains("local.2", workers);
        Assert.Equal(workers.Order(StringComparer.Ordinal), workers);
        var nodes = seen.GetProperty("nodes").EnumerateArray().ToDictionary(n => n.GetProperty("name").GetString()!);
        Assert.Equal((Crowd.Workers, Crowd.Workers - 1), (nodes["big"].GetProperty("workers").GetInt32(), nodes["big"].GetProperty("ready").GetInt32()));
    }

    private static async Task<JsonElement> JobOf(Caller caller) => Assert.Single((await caller.JsonAsync("api/overview")).GetProperty("jobs").EnumerateArray());

    private static async Task<string> MetricsOf(Caller caller)
    {
        using var response = await caller.GetAsync("metrics");
        return await response.Content.ReadAsStringAsync(Stopping);
    }

    [Fact]
    public async Task A_stream_with_nothing_new_says_so_in_a_way_that_a_page_hears()
    {
        await using var site = await Site.StartAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        var (options, real, log) = (new PampaDashboardOptions(), TimeProvider.System, NullLogger.Instance);
        var watcher = new Watcher(site.Cluster, options, new Reads(real), new Operations(options, real, log, stop.Token), real, log, stop.Token);
        var time = new FakeTimeProvider();
        var pipe = new Pipe();
        var context = new DefaultHttpContext();
        context.Response.Body = pipe.Writer.AsStream();
        var sends = new Serving.Stream(watcher, time, stop.Token).SendAsync(context);
        using var reader = new StreamReader(pipe.Reader.AsStream());
        var hears = HearAsync(reader);
        await Until.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(10));
            return Task.FromResult(hears.IsCompleted);
        });
        await hears;
        await stop.CancelAsync();
        await sends;
    }

    [Theory]
    [InlineData("no article …XK", "no article …XK", "no article")]
    [InlineData("Cannot reach it: Password=…; time-out after …ms", "Cannot reach it: Password=•••; time-out after …ms", "Cannot reach it: Password=")]
    [InlineData("token=abc, and then it could not go on", "token=•••, and then it could not go on", ", and then it could not go on")]
    [InlineData("Password=x", "•••", null)]
    [InlineData("…", "…", null)]
    [InlineData("", "", null)]
    public void What_is_searched_for_of_a_group_hides_nothing_and_stands_in_each_of_its_records(string pattern, string shown, string? core) =>
        Assert.Equal(core, Looks.Core(pattern, shown));

    private static async Task HearAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync(Stopping) is { } line)
        {
            if (line == "event: here" && await reader.ReadLineAsync(Stopping) is "data: 1") return;
        }
        Assert.Fail("The stream has ended.");
    }
}
