using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>What people have done is found by whom, what and to what it was.</summary>
[Collection(BrowserTests.Name)]
public sealed class AuditTests(Browser browser)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Theory, InlineData(1280, ColorScheme.Light), InlineData(375, ColorScheme.Dark)]
    public async Task Entries_are_looked_for_by_action_and_by_what_they_are_about(int width, ColorScheme scheme)
    {
        await using var site = await Site.StartAsync();
        await Until.TrueAsync(async () => (await site.Cluster.InfoAsync(Stopping)).Nodes.Count == 1);
        foreach (var who in (string[])["ada", "bob"])
        {
            var cluster = site.Cluster.As(who);
            await cluster.PauseAsync(PampaTarget.Job("price_orders"), $"by {who}", null, Stopping);
            await cluster.ResumeAsync(PampaTarget.Job("price_orders"), Stopping);
            await cluster.PauseAsync(PampaTarget.Node("local"), $"by {who}", null, Stopping);
        }
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/audit"), width, scheme);
        var (page, rows) = (visit.Page, visit.Page.Locator("table.audit tbody tr"));
        await Assertions.Expect(rows).ToHaveCountAsync(6);
        await page.GetByLabel("Action").SelectOptionAsync("resume");
        await Assertions.Expect(rows).ToHaveCountAsync(2);
        await page.GetByLabel("Action").SelectOptionAsync("pause");
        await Assertions.Expect(rows).ToHaveCountAsync(4);
        await page.GetByLabel("To what").FillAsync("LOC");
        await Assertions.Expect(rows).ToHaveCountAsync(2);
        await visit.PictureAsync($"audit-filter-{width}");
        await page.GetByLabel("By whom").FillAsync("bob");
        await Assertions.Expect(rows).ToHaveCountAsync(1);
        await Assertions.Expect(rows).ToContainTextAsync("by bob");
        // All of it stands in the address, and comes back with it.
        await page.ReloadAsync();
        await Assertions.Expect(rows).ToHaveCountAsync(1);
        await page.GetByLabel("Job").SelectOptionAsync("price_orders");
        await Assertions.Expect(page.Locator(".empty")).ToContainTextAsync("Nobody has done anything that matches");
        await visit.PictureAsync($"audit-none-{width}");
        Assert.Empty(await page.EvaluateAsync<string[]>(LookTests.Faint));
    }

    [Theory, InlineData(1280, ColorScheme.Dark), InlineData(375, ColorScheme.Light)]
    public async Task What_is_searched_for_is_not_kept_up_to_date_and_says_so(int width, ColorScheme scheme)
    {
        await using var site = await Site.StartAsync();
        await site.Cluster.PauseAsync(PampaTarget.Job("price_orders"), "first", null, Stopping);
        await using var visit = await browser.OpenAsync(site.Address, width, scheme);
        await visit.Page.Clock.InstallAsync();
        await visit.Page.ReloadAsync();
        var asked = 0;
        visit.Page.Request += (_, request) => asked += request.Url.Contains("api/audit", StringComparison.Ordinal) ? 1 : 0;
        var (rows, again) = (visit.Page.Locator("table.audit tbody tr"), visit.Named(AriaRole.Button, "Search again"));
        await visit.GoAsync("#/audit?action=pause");
        await Assertions.Expect(rows).ToHaveCountAsync(1);
        await Assertions.Expect(visit.Page.Locator(".hunt")).ToContainTextAsync("Not kept up to date.");
        await visit.PictureAsync($"audit-searched-{width}");
        Assert.Empty(await visit.Page.EvaluateAsync<string[]>(LookTests.Faint));
        await site.Cluster.PauseAsync(PampaTarget.Job("price_orders"), "second", null, Stopping);
        for (var i = 0; i < 5; i++) await visit.Page.Clock.FastForwardAsync(30_000);
        // What the page asks by itself comes in its order: whatever was due in that time has been asked when this is.
        await visit.Page.RunAndWaitForRequestAsync(
            () => visit.Page.EvaluateAsync("() => new Promise(done => setTimeout(done, 1)).then(() => fetch('api/session')).then(() => null)"), "**/api/session");
        Assert.Equal(1, asked);
        // Whoever works with keys keeps his place while it is searched, and hears how it goes.
        var (status, answers) = (visit.Page.Locator(".hunt [role=status]"), new TaskCompletionSource());
        await Assertions.Expect(status).ToHaveTextAsync("The search is over, 1 found.");
        await visit.Page.RouteAsync("**/api/audit*", async route =>
        {
            await answers.Task;
            await route.ContinueAsync();
        });
        await again.FocusAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(status).ToHaveTextAsync("The search goes on.");
        await Assertions.Expect(again).ToBeFocusedAsync();
        await Assertions.Expect(again).ToBeEnabledAsync();
        answers.SetResult();
        await Assertions.Expect(rows).ToHaveCountAsync(2);
        await Assertions.Expect(status).ToHaveTextAsync("The search is over, 2 found.");
        await Assertions.Expect(again).ToBeFocusedAsync();
        await visit.Page.UnrouteAllAsync();
        // All of it is kept up to date.
        await visit.GoAsync("#/audit");
        await Assertions.Expect(again).ToHaveCountAsync(0);
        await site.Cluster.ResumeAsync(PampaTarget.Job("price_orders"), Stopping);
        await Until.TrueAsync(async () =>
        {
            await visit.Page.Clock.FastForwardAsync(10_000);
            return await rows.CountAsync() == 3;
        });
    }
}
