using System.Net;
using System.Text.Json;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests;

/// <summary>What the dashboard says of what a job is.</summary>
public sealed class JobFactsTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    internal static void Program(PampaBuilder pampa) => Shop.Small(pampa, job =>
    {
        job.MaxAttempts = 4;
        job.MaxDuration = TimeSpan.FromMinutes(2);
        job.MaxAssignedWorkers = 6;
        job.WorkerFilter = @"\.1$";
        job.MaxWait = TimeSpan.FromSeconds(30);
        job.FinishBy(new TimeOnly(8, 0), "Europe/Madrid");
        job.Where = $"amount >= {4711} AND customer <> {Shop.Canary} AND customer <> 'Password=hunter2hunter2'";
        job.OrderBy = $"amount DESC";
    });

    [Fact]
    public async Task A_job_is_told_as_it_was_published_without_the_values_and_secrets_of_its_condition()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = Program });
        using var caller = site.NewCaller();
        var facts = await caller.JsonAsync("api/job?job=price_orders");
        Assert.Equal(("orders", "id"), (Text(facts, "table"), Assert.Single(facts.GetProperty("key").EnumerateArray()).GetString()));
        Assert.Equal((4, 120.0, 6), (facts.GetProperty("maxAttempts").GetInt32(), facts.GetProperty("maxDuration").GetDouble(), facts.GetProperty("maxWorkers").GetInt32()));
        Assert.Equal((@"\.1$", 30.0), (Text(facts, "workerFilter"), facts.GetProperty("maxWait").GetDouble()));
        Assert.Equal(("08:00", "Europe/Madrid", (string?)null), (Text(facts, "finishAt"), Text(facts, "finishAtZone"), Text(facts, "finishBy")));
        Assert.Equal("amount >= @p0 AND customer <> @p1 AND customer <> 'Password=•••'", Text(facts, "where"));
        Assert.Equal("amount DESC", Text(facts, "orderBy"));
        Assert.DoesNotContain(Shop.Canary, facts.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Shop.Leaked, facts.ToString(), StringComparison.Ordinal);
        using var none = await caller.GetAsync("api/job?job=no_such_job");
        Assert.Equal(HttpStatusCode.BadRequest, none.StatusCode);
    }

    [Fact]
    public async Task A_job_that_says_little_or_was_never_published_is_told_as_such()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        var facts = await caller.JsonAsync("api/job?job=price_orders");
        Assert.Equal((3, 900.0), (facts.GetProperty("maxAttempts").GetInt32(), facts.GetProperty("maxDuration").GetDouble()));
        foreach (var name in new[] { "maxWorkers", "workerFilter", "maxWait", "finishBy", "finishAt", "where", "orderBy" })
            Assert.Equal(JsonValueKind.Null, facts.GetProperty(name).ValueKind);
        // What somebody has spoiled by hand is not understood, and stops nothing.
        await site.WriteAsync("UPDATE pampa_job SET definition = '{\"table\":17}'");
        Assert.Null(Text(await caller.JsonAsync("api/job?job=price_orders"), "table"));
        await site.WriteAsync("DELETE FROM pampa_job");
        Assert.Null(Text(await caller.JsonAsync("api/job?job=price_orders"), "table"));
        Assert.Null(await site.Cluster.JobAsync("price_orders", Stopping));
    }

    [Fact]
    public async Task A_program_without_the_job_reads_its_condition_as_text()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = Program });
        await using var published = await site.OpenPublishedAsync(Stopping);
        var job = (await published.JobAsync("price_orders", Stopping))!;
        Assert.StartsWith("amount >= @p0 AND", job.Where, StringComparison.Ordinal);
        Assert.Equal((new TimeOnly(8, 0), "Europe/Madrid", 6), (job.FinishAt, job.FinishAtZone, job.MaxAssignedWorkers));
    }

    private static string? Text(JsonElement facts, string name) => facts.GetProperty(name).GetString();
}
