using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>More nodes and workers than a page is told by itself.</summary>
[Collection(BrowserTests.Name)]
public sealed class NodeTests(Browser browser)
{
    private static ILocator Nodes(Visit visit) => visit.Page.Locator(".panel.node h2");

    [Theory, InlineData(1280, ColorScheme.Light), InlineData(375, ColorScheme.Dark)]
    public async Task All_workers_of_a_large_node_are_there_for_who_wants_them(int width, ColorScheme scheme)
    {
        await using var site = await Site.StartAsync();
        await Crowd.JoinAsync(site);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/nodes"), width, scheme);
        var (big, show) = (visit.Page.GetByRole(AriaRole.Group, new PageGetByRoleOptions { Name = "All workers of big" }), visit.Named(AriaRole.Button, "Show all workers of big"));
        await show.FocusAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(big).ToBeFocusedAsync();
        await Assertions.Expect(big.Locator("tbody tr")).ToHaveCountAsync(100);
        await Assertions.Expect(big.Locator("tbody tr").First.Locator(".name")).ToHaveTextAsync("big.1");
        await big.GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Next" }).ClickAsync();
        await Assertions.Expect(big.Locator(".pager")).ToContainTextAsync("Page 2");
        await Assertions.Expect(big.Locator("tbody tr").First.Locator(".name")).ToHaveTextAsync("big.189");
        await big.GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Previous" }).ClickAsync();
        await Assertions.Expect(big.Locator("tbody tr").First.Locator(".name")).ToHaveTextAsync("big.1");
        await visit.PictureAsync($"workers-all-{width}");
    }

    [Theory, InlineData(1280, ColorScheme.Dark), InlineData(375, ColorScheme.Light)]
    public async Task Of_many_nodes_each_is_found_by_its_name_or_by_turning_pages(int width, ColorScheme scheme)
    {
        await using var site = await Site.StartAsync();
        await Crowd.JoinNodesAsync(site);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/nodes"), width, scheme);
        await Assertions.Expect(visit.Page.Locator(".title")).ToContainTextAsync($"{Crowd.Nodes + 1} nodes");
        await Assertions.Expect(Nodes(visit)).ToHaveCountAsync(300);
        foreach (var (page, count) in new[] { (2, 100), (3, 100), (4, 100), (5, 100), (6, 6) })
        {
            await visit.Named(AriaRole.Button, "Next nodes").ClickAsync();
            await Assertions.Expect(visit.Page.Locator(".pager")).ToContainTextAsync(count == 6 ? $"Page {page}, the last" : $"Page {page}");
            await Assertions.Expect(Nodes(visit)).ToHaveCountAsync(count);
            // The button may be gone, or closed: whoever turns pages by keys is at the begin of the new one.
            await Assertions.Expect(visit.Page.Locator("h1")).ToBeFocusedAsync();
        }
        await Assertions.Expect(Nodes(visit).Last).ToHaveTextAsync($"node.{1000 + Crowd.Nodes}");
        await visit.PictureAsync($"nodes-last-{width}");
        var field = visit.Page.GetByLabel("Find a node");
        await field.FillAsync("node.15");
        await Assertions.Expect(Nodes(visit)).ToHaveCountAsync(100);
        await Assertions.Expect(visit.Page.Locator(".title [role=status]")).ToHaveTextAsync("100 nodes found");
        await field.FillAsync("node.150");
        await Assertions.Expect(Nodes(visit)).ToHaveCountAsync(10);
        await visit.PictureAsync($"nodes-found-{width}");
        await field.FillAsync("nobody");
        await Assertions.Expect(visit.Page.Locator(".empty")).ToContainTextAsync("No node’s name contains “nobody”");
        await visit.PictureAsync($"nodes-none-{width}");
    }

    [Fact]
    public async Task A_link_to_a_node_leads_eyes_and_keys_to_it_wherever_it_is()
    {
        await using var site = await Site.StartAsync();
        await Crowd.JoinNodesAsync(site);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/audit"));
        await Assertions.Expect(visit.Page.Locator("h1")).ToHaveTextAsync("Audit");
        foreach (var name in (string[])["node.1200", $"node.{1000 + Crowd.Nodes}"])
        {
            await visit.GoAsync($"#/nodes?node={name}");
            var title = Nodes(visit).GetByText(name, new LocatorGetByTextOptions { Exact = true });
            await Assertions.Expect(title).ToBeFocusedAsync();
            await Assertions.Expect(title).ToBeInViewportAsync();
        }
    }

    [Theory, InlineData(1280, ColorScheme.Light), InlineData(375, ColorScheme.Dark)]
    public async Task Of_many_declared_nodes_that_are_not_there_some_are_named_and_all_are_counted(int width, ColorScheme scheme)
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Program = pampa =>
            {
                Shop.Small(pampa);
                for (var i = 101; i <= 230; i++) pampa.AddNode($"web{i}");
            },
        });
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/nodes"), width, scheme);
        var note = visit.Page.Locator(".note.warn");
        await Assertions.Expect(note).ToContainTextAsync("130 declared nodes are not there: web101, web102, ");
        await Assertions.Expect(note).ToContainTextAsync("web120 and 110 more");
        await visit.PictureAsync($"nodes-absent-{width}");
        await visit.GoAsync("#/");
        await Assertions.Expect(visit.Page.Locator(".findings")).ToContainTextAsync("130 declared nodes are not there: web101, web102, web103, web104, web105 and 125 more");
        await visit.PictureAsync($"overview-absent-{width}");
        Assert.Empty(await visit.Page.EvaluateAsync<string[]>(LookTests.Faint));
    }
}
