using System.Text.Json;
using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>How long the last tasks of a job took.</summary>
[Collection(BrowserTests.Name)]
public sealed class DurationTests(Browser browser)
{
    private static Task SayAsync(Site site, string node, double p50, double p90) => site.WriteAsync($"""
        INSERT INTO pampa_load (cluster, node, job, in_hand, running, per_second, p50_ms, p90_ms, hands, updated_at)
        VALUES ('pampa', '{node}', 'price_orders', 0, 0, 0, {p50}, {p90}, '', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
        """);

    [Theory, InlineData(1280, ColorScheme.Dark), InlineData(375, ColorScheme.Light)]
    public async Task A_job_tells_how_long_its_last_tasks_took_on_the_slowest_node(int width, ColorScheme scheme)
    {
        await using var site = await Site.StartAsync();
        await Crowd.JoinNodesAsync(site);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/jobs/price_orders"), width, scheme);
        var took = visit.Page.Locator(".about dt:text-is('Last ones took') + dd");
        await Assertions.Expect(took).ToHaveTextAsync("none has ended");
        await SayAsync(site, "node.1001", 40, 1_200);
        // One that has ended none says nothing.
        await SayAsync(site, "node.1003", 0, 0);
        await Assertions.Expect(took).ToHaveTextAsync("p50 40 ms p90 1.2 s");
        // Of all nodes, however few are told.
        await SayAsync(site, "node.1700", 0.2, 65_000);
        await Assertions.Expect(took).ToHaveTextAsync("p50 40 ms p90 1 m 05 s");
        await Assertions.Expect(took.Locator("..")).ToHaveAttributeAsync("title", "Half of the last tasks took 40 ms at most, nine of ten 1 m 05 s, on the slowest of 2 nodes");
        await visit.PictureAsync($"durations-{width}");
        using var caller = site.NewCaller();
        var job = Assert.Single((await caller.JsonAsync("api/overview")).GetProperty("jobs").EnumerateArray());
        Assert.Equal("""{"p50":0.04,"p90":65,"nodes":2}""", JsonSerializer.Serialize(job.GetProperty("durations")));
    }
}
