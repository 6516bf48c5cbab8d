using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>What people see of tasks that run, and do to them.</summary>
[Collection(BrowserTests.Name)]
public sealed class RunningTaskTests(Browser browser)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static ILocator Dialog(Visit visit) => visit.Page.Locator("dialog[open]");

    private static async Task<Site> StartAsync()
    {
        var site = await Site.StartAsync(new SitePlan { Program = Shop.Running });
        await Until.TrueAsync(async () => (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Running == 3);
        return site;
    }

    [Fact]
    public async Task A_task_that_runs_is_cancelled_on_its_page_where_the_box_is_ticked_already()
    {
        await using var site = await StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/jobs/price_orders/tasks/1"));
        await Assertions.Expect(visit.Page.Locator("h1")).ToContainTextAsync("running");
        await visit.Named(AriaRole.Button, "Cancel", true).ClickAsync();
        var (box, act) = (Dialog(visit).GetByRole(AriaRole.Checkbox), Dialog(visit).Locator("button[type=submit]"));
        await Assertions.Expect(box).ToBeCheckedAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("1 record of price_orders would change.");
        await box.UncheckAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("0 records of price_orders would change. 1 more runs just now and is left alone.");
        await Assertions.Expect(act).ToBeDisabledAsync();
        await box.CheckAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("1 record of price_orders would change.");
        foreach (var (scheme, width) in new[] { (ColorScheme.Light, 1280), (ColorScheme.Dark, 375) })
        {
            await visit.Page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = scheme });
            await visit.Page.SetViewportSizeAsync(width, 780);
            await visit.PictureAsync($"cancel-running-{width}");
        }
        await Dialog(visit).GetByLabel("Reason").FillAsync("wrong file");
        await act.ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToHaveCountAsync(0);
        await Assertions.Expect(visit.Page.Locator("h1")).ToContainTextAsync("failed");
        await Assertions.Expect(visit.Page.Locator(".error-text")).ToContainTextAsync("wrong file");
    }

    [Fact]
    public async Task A_task_that_runs_says_for_how_long_and_where()
    {
        await using var site = await StartAsync();
        // A large node of another program comes first.
        await Crowd.JoinAsync(site);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/jobs/price_orders/tasks/1"));
        var facts = visit.Page.Locator(".facts").First;
        await Assertions.Expect(facts).ToContainTextAsync("Running for");
        var since = facts.Locator("dt:text-is('Running for') + dd");
        var before = await since.TextContentAsync();
        Assert.Matches(@"^\d+ s$", before);
        await Assertions.Expect(since).Not.ToHaveTextAsync(before!);
        await visit.PictureAsync("running-for");
        await facts.GetByRole(AriaRole.Link, new LocatorGetByRoleOptions { Name = "node local" }).ClickAsync();
        await Assertions.Expect(visit.Page.Locator("h1")).ToHaveTextAsync("Nodes and workers");
        await Assertions.Expect(visit.Page.Locator("h2", new PageLocatorOptions { HasText = "local" })).ToBeInViewportAsync();
        await Assertions.Expect(visit.Page.Locator("main")).ToContainTextAsync($"… and {Crowd.Workers + 3 - Showing.Excerpt.MostWorkers} more workers");
        await Assertions.Expect(visit.Page.Locator(".title")).ToContainTextAsync("2 nodes, 1,003 workers");
        await visit.PictureAsync("crowd");
    }

    [Fact]
    public async Task In_the_order_of_what_runs_nothing_is_done_to_what_is_not_listed()
    {
        await using var site = await StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders&order=longestrunning"));
        await Assertions.Expect(visit.Page.Locator("tbody tr")).ToHaveCountAsync(3);
        await visit.Named(AriaRole.Button, "Skip", true).ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("0 records of price_orders would change. 3 more run just now and are left alone.");
        await visit.Page.Keyboard.PressAsync("Escape");
        await visit.Named(AriaRole.Button, "Cancel", true).ClickAsync();
        await Assertions.Expect(Dialog(visit).GetByRole(AriaRole.Checkbox)).ToBeCheckedAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("3 records of price_orders would change.");
        await Dialog(visit).Locator("button[type=submit]").ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToHaveCountAsync(0);
        await Until.TrueAsync(async () => (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)) is { Failed: 3 });
        // The fourth, which was not listed, is not cancelled: it runs now, or waits.
        Assert.NotEqual(TaskState.Failed, (await site.Cluster.TaskAsync("price_orders", "4", cancellationToken: Stopping))!.Task.State);
    }

    [Fact]
    public async Task All_that_match_are_cancelled_with_what_runs_where_that_is_chosen()
    {
        await using var site = await StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders"));
        await visit.Named(AriaRole.Button, "Skip", true).ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("1 record of price_orders would change. 3 more run just now and are left alone.");
        await Assertions.Expect(Dialog(visit).GetByRole(AriaRole.Checkbox)).ToHaveCountAsync(0);
        await visit.Page.Keyboard.PressAsync("Escape");
        await visit.Named(AriaRole.Button, "Cancel", true).ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("1 record of price_orders would change. 3 more run just now and are left alone.");
        await Assertions.Expect(Dialog(visit).GetByRole(AriaRole.Checkbox)).Not.ToBeCheckedAsync();
        await Dialog(visit).GetByText("Also what runs").ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("4 records of price_orders would change.");
        await Dialog(visit).Locator("button[type=submit]").ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToHaveCountAsync(0);
        await Until.TrueAsync(async () => await site.Cluster.ReportAsync("price_orders", exact: true, Stopping) is { Running: 0, Failed: 4 });
    }
}
