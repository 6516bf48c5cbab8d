using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>Where the figures of the overview lead to, and what a job is.</summary>
[Collection(BrowserTests.Name)]
public sealed class OverviewTests(Browser browser)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_failures_of_all_jobs_lead_to_the_job_that_has_the_most_and_each_row_to_its_own()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = ThreeJobs });
        await using var visit = await browser.OpenAsync(site.Address);
        var stat = visit.Page.Locator(".stat", new PageLocatorOptions { HasText = "Failed" });
        await Assertions.Expect(stat).ToContainTextAsync("none for good");
        await Assertions.Expect(stat).Not.ToHaveAttributeAsync("href", new System.Text.RegularExpressions.Regex("."));

        await FailAsync(site, "second", "1");
        await Assertions.Expect(stat).ToContainTextAsync("for good, of second");
        await FailAsync(site, "third", "1", "2");
        await Assertions.Expect(stat).ToContainTextAsync("for good, most of third");
        await stat.ClickAsync();
        await Assertions.Expect(visit.Page.GetByLabel("Job")).ToHaveValueAsync("third");
        await Assertions.Expect(visit.Page.Locator("table.tasks tbody tr")).ToHaveCountAsync(2);

        await visit.GoAsync("#/");
        await visit.Page.Locator("table.jobs tbody tr", new PageLocatorOptions { HasText = "second" }).Locator("a.failed").ClickAsync();
        await Assertions.Expect(visit.Page.GetByLabel("Job")).ToHaveValueAsync("second");
        await Assertions.Expect(visit.Page.Locator("table.tasks tbody tr")).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task The_page_of_a_job_says_what_it_is()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = JobFactsTests.Program });
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/jobs/price_orders"));
        var about = visit.Page.Locator(".panel", new PageLocatorOptions { HasText = "What it is" });
        string[] says = ["orders", "4 at most", "2 m 00 s at most", "6 at most", @"\.1$", "each day by 08:00 Europe/Madrid, within 30 s", "amount >= @p0", "amount DESC"];
        foreach (var text in says) await Assertions.Expect(about).ToContainTextAsync(text);
        foreach (var (scheme, width) in new[] { (ColorScheme.Light, 1280), (ColorScheme.Dark, 375) })
        {
            await visit.Page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = scheme });
            await visit.Page.SetViewportSizeAsync(width, 780);
            var sizes = await visit.Page.EvaluateAsync<int[]>("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]");
            Assert.True(sizes[0] <= sizes[1], $"{sizes[0]} wide at {width}");
            await visit.PictureAsync($"about-{width}");
        }
    }

    [Fact]
    public async Task What_was_done_leads_to_the_job_and_to_the_record_that_it_was_done_to()
    {
        await using var site = await Site.StartAsync();
        await site.Cluster.ApplyAsync("price_orders", TaskAction.Skip, new TaskFilter { Keys = ["2"] }, new TaskActionOptions { Reason = "doubled; twice" }, null, Stopping);
        await Until.TrueAsync(async () => (await site.Cluster.InfoAsync(Stopping)).Nodes.Count == 1);
        await site.Cluster.PauseAsync(PampaTarget.Node("local"), "new disk", null, Stopping);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/audit"));
        var rows = visit.Page.Locator("table.audit tbody tr");
        await Assertions.Expect(rows).ToHaveCountAsync(2);
        await Assertions.Expect(rows.First.GetByRole(AriaRole.Link)).ToHaveTextAsync("local");
        await Assertions.Expect(rows.Nth(1)).ToContainTextAsync("1 key: 2; because: doubled; twice");
        await visit.PictureAsync("audit-links");
        await rows.Nth(1).GetByRole(AriaRole.Link, new LocatorGetByRoleOptions { Name = "2", Exact = true }).ClickAsync();
        await Assertions.Expect(visit.Page.Locator("h1")).ToContainTextAsync("completed");
        await visit.GoAsync("#/audit");
        await rows.Nth(1).GetByRole(AriaRole.Link, new LocatorGetByRoleOptions { Name = "price_orders" }).ClickAsync();
        await Assertions.Expect(visit.Page.Locator("h1 .name")).ToHaveTextAsync("price_orders");
    }

    private static Task<TaskActionResult> FailAsync(Site site, string job, params string[] keys) =>
        site.Cluster.ApplyAsync(job, TaskAction.Cancel, new TaskFilter { Keys = keys }, null, null, Stopping);

    private static void ThreeJobs(PampaBuilder pampa)
    {
        pampa.RunsDispatcher = false;
        foreach (var name in new[] { "first", "second", "third" })
        {
            pampa.Setup($"CREATE TABLE IF NOT EXISTS {name}_records (id bigint PRIMARY KEY)", $"INSERT INTO {name}_records (id) VALUES (1), (2), (3) ON CONFLICT DO NOTHING");
            pampa.AddJob(name, $"{name}_records", "id", job => job.Process(_ => { }));
        }
    }
}
