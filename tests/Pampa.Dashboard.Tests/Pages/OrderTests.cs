using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>An order that a large table has no index for is not offered, and not begun where it is asked for all the same.</summary>
[Collection(BrowserTests.Name)]
public sealed class OrderTests(Browser browser)
{
    private const int Records = 100_001;
    private const int Failed = 10;
    private const string Latest = "api/tasks?job=price_orders&order=latestend";

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static async Task<Site> StartAsync()
    {
        var site = await Site.StartAsync(new SitePlan { Options = o => o.ShowsColumn = (_, _) => true });
        await site.WriteAsync($"""
            INSERT INTO orders (id, customer, amount, price_orders_reservation_times, price_orders_end_time, price_orders_success)
            WITH RECURSIVE n (v) AS (SELECT 11 UNION ALL SELECT v + 1 FROM n WHERE v < {Records + 10})
            SELECT v, 'x', 1, 1, strftime('%Y-%m-%d %H:%M:%f', 'now', (v - {Records + 60}) || ' seconds'), v % 10000 <> 0 FROM n
            """);
        return site;
    }

    [Fact]
    public async Task Of_a_large_table_the_order_of_the_end_is_refused_with_the_index_that_would_serve_it()
    {
        await using var site = await StartAsync();
        using var caller = site.NewCaller();
        using var refused = await caller.GetAsync(Latest);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        var why = JsonDocument.Parse(await refused.Content.ReadAsStringAsync(Stopping)).RootElement.GetProperty("error").GetString()!;
        Assert.Contains("more than 100,000 records", why, StringComparison.Ordinal);
        Assert.Equal(why, (await caller.JsonAsync("api/orders?job=price_orders&state=completed")).GetProperty("latestEnd").GetString());
        // Of one customer's somebody may have an index of his own: that is not refused.
        var filter = $"&where={Uri.EscapeDataString($"customer = {Shop.Canary}")}";
        Assert.Equal(JsonValueKind.Null, (await caller.JsonAsync($"api/orders?job=price_orders{filter}")).GetProperty("latestEnd").ValueKind);
        Assert.Empty((await caller.JsonAsync($"{Latest}{filter}")).GetProperty("tasks").EnumerateArray());
        // Failed ones have an index of their own.
        Assert.Equal(JsonValueKind.Null, (await caller.JsonAsync("api/orders?job=price_orders&state=failed")).GetProperty("latestEnd").ValueKind);
        Assert.Equal("100000", KeyOf(await caller.JsonAsync($"{Latest}&state=failed")));
        await site.WriteAsync(IndexIn(why));
        Assert.Equal(JsonValueKind.Null, (await caller.JsonAsync("api/orders?job=price_orders")).GetProperty("latestEnd").ValueKind);
        Assert.Equal($"{Records + 10}", KeyOf(await caller.JsonAsync(Latest)));
        foreach (var wrong in (string[])["job=no_such_job", "job=price_orders&where=no_such_column%20%3D%201", "job=price_orders&where=amount%20%3D%20many"])
        {
            using var none = await caller.GetAsync($"api/orders?{wrong}");
            Assert.Equal(HttpStatusCode.BadRequest, none.StatusCode);
        }
    }

    [Theory, InlineData(1280, ColorScheme.Light), InlineData(375, ColorScheme.Dark)]
    public async Task An_order_that_is_not_to_be_had_is_not_offered(int width, ColorScheme scheme)
    {
        await using var site = await StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders"), width, scheme);
        visit.IsExpected = text => text.Contains("400", StringComparison.Ordinal);
        var latest = Option(visit);
        await Assertions.Expect(latest).ToHaveTextAsync("ended last first (needs an index)");
        await Assertions.Expect(latest).ToBeDisabledAsync();
        // Why, it is read to whoever does not see it, and shown to whoever opens the rest of the filter.
        var (order, why) = (visit.Page.GetByLabel("Order", new PageGetByLabelOptions { Exact = true }), visit.Page.Locator("#no-latest"));
        await Assertions.Expect(order).ToHaveAttributeAsync("aria-describedby", "no-latest");
        await Assertions.Expect(why).ToContainTextAsync("CREATE INDEX");
        await visit.PictureAsync($"order-{width}");
        await visit.Named(AriaRole.Button, "More", true).ClickAsync();
        await Assertions.Expect(why).ToHaveClassAsync("why hush");
        Assert.Empty(await visit.Page.EvaluateAsync<string[]>(LookTests.Faint));
        await visit.PictureAsync($"order-why-{width}");
        await visit.GoAsync("#/tasks?job=price_orders&state=failed");
        await Assertions.Expect(latest).ToHaveTextAsync("ended last first");
        await Assertions.Expect(latest).ToBeEnabledAsync();
        await Assertions.Expect(why).ToHaveCountAsync(0);
        // Whoever comes by an old link reads what to do.
        await visit.GoAsync("#/tasks?job=price_orders&order=latestend");
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("CREATE INDEX");
        // What is listed no more is nothing that something is done to.
        await Assertions.Expect(visit.Named(AriaRole.Button, "Skip", true)).ToBeDisabledAsync();
        await visit.PictureAsync($"order-refused-{width}");
        Assert.Empty(await visit.Page.EvaluateAsync<string[]>(LookTests.Faint));
    }

    [Theory, InlineData(1280, ColorScheme.Dark), InlineData(375, ColorScheme.Light)]
    public async Task Failures_are_reached_from_their_job_in_one_step_with_an_index_or_without(int width, ColorScheme scheme)
    {
        await using var site = await StartAsync();
        await site.WriteAsync("UPDATE orders SET price_orders_error_description = 'no article ' || id WHERE price_orders_success = 0");
        const string Index = "FROM sqlite_master WHERE type = 'index' AND name LIKE 'pampa\\_price\\_orders%\\_failed' ESCAPE '\\'";
        var (name, create) = (await site.ReadAsync($"SELECT name {Index}"), await site.ReadAsync($"SELECT sql {Index}"));
        await site.WriteAsync($"DROP INDEX \"{name}\"");
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/jobs/price_orders"), width, scheme);
        var (group, all) = (visit.Page.Locator("table.errors a.pattern"), visit.Named(AriaRole.Link, "All failed tasks"));
        var (keys, alert) = (visit.Page.Locator("table.tasks a.key"), visit.Page.GetByRole(AriaRole.Alert));
        await Assertions.Expect(all).ToBeVisibleAsync();
        await visit.PictureAsync($"job-failures-{width}");
        foreach (var link in (ILocator[])[group, all])
        {
            await visit.GoAsync("#/jobs/price_orders");
            await link.ClickAsync();
            await Assertions.Expect(keys).ToHaveCountAsync(Failed);
            await Assertions.Expect(keys.First).ToHaveTextAsync("10000");
            await Assertions.Expect(alert).ToHaveCountAsync(0);
        }
        await site.WriteAsync(create!);
        await visit.GoAsync("#/jobs/price_orders");
        await Assertions.Expect(all).ToBeVisibleAsync();
        await visit.Page.ReloadAsync();
        await Assertions.Expect(all).ToBeVisibleAsync();
        foreach (var link in (ILocator[])[group, all])
        {
            await visit.GoAsync("#/jobs/price_orders");
            await Assertions.Expect(link).ToHaveAttributeAsync("href", new Regex("order=latestend"));
            await link.ClickAsync();
            await Assertions.Expect(keys).ToHaveCountAsync(Failed);
            await Assertions.Expect(keys.First).ToHaveTextAsync("100000");
        }
    }

    [Fact]
    public async Task An_index_that_somebody_makes_meanwhile_is_noticed()
    {
        await using var site = await StartAsync();
        await using var visit = await browser.OpenAsync(site.Address);
        await visit.Page.Clock.InstallAsync();
        await visit.Page.ReloadAsync();
        await visit.GoAsync("#/tasks?job=price_orders");
        await Assertions.Expect(Option(visit)).ToBeDisabledAsync();
        using var caller = site.NewCaller();
        await site.WriteAsync(IndexIn((await caller.JsonAsync("api/orders?job=price_orders")).GetProperty("latestEnd").GetString()!));
        await visit.Page.Clock.FastForwardAsync(60_000);
        await Assertions.Expect(Option(visit)).ToBeEnabledAsync();
    }

    private static ILocator Option(Visit visit) =>
        visit.Page.GetByLabel("Order", new PageGetByLabelOptions { Exact = true }).Locator("option[value=latestend]");

    private static string IndexIn(string refusal) => refusal[refusal.IndexOf("CREATE INDEX", StringComparison.Ordinal)..].TrimEnd('.');

    private static string? KeyOf(JsonElement page) => page.GetProperty("tasks")[0].GetProperty("key").GetString();
}
