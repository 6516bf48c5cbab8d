using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>What a page says of what it has not seen, and of what it has seen a while ago.</summary>
[Collection(BrowserTests.Name)]
public sealed class SeenTests(Browser browser)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_database_that_fails_is_told_with_what_was_seen_and_without_if_there_is_nothing()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(site.Address);
        var page = visit.Page;
        await Assertions.Expect(page.Locator(".fresh.live")).ToBeVisibleAsync();
        await using (await site.WithoutAsync("pampa_stretch"))
        {
            await Assertions.Expect(page.Locator(".banner")).ToContainTextAsync("The database does not answer.");
            // What was seen before stays.
            await Assertions.Expect(page.Locator("table.jobs tbody tr")).ToContainTextAsync("price_orders");
        }
        await Assertions.Expect(page.Locator(".fresh.live")).ToBeVisibleAsync();

        await using var other = await Site.StartAsync();
        var away = await other.WithoutAsync("pampa_stretch");
        await using var blind = await browser.OpenAsync(other.Address);
        foreach (var (hash, title) in new[] { ("#/", "Overview"), ("#/nodes", "Nodes"), ("#/health", "Health"), ("#/tasks", "Tasks"), ("#/jobs/price_orders", "Overview"), ("#/", "Overview") })
        {
            await blind.GoAsync(hash);
            await Assertions.Expect(blind.Page.Locator("main h1")).ToHaveTextAsync(title);
            await Assertions.Expect(blind.Page.Locator("main")).ToContainTextAsync("Nothing was seen yet.");
            await Assertions.Expect(blind.Page.Locator("main")).Not.ToContainTextAsync("No node is at work");
        }
        await blind.PictureAsync("blind");
        await away.DisposeAsync();
        await Assertions.Expect(blind.Page.Locator("main")).ToContainTextAsync("0 of 3 done");
    }

    [Fact]
    public async Task A_question_that_is_not_answered_for_twenty_seconds_is_given_up_and_told()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/schedules"));
        await visit.Page.Clock.InstallAsync();
        await visit.Page.RouteAsync("**/api/audit*", _ => { });
        await visit.GoAsync("#/audit");
        await Assertions.Expect(visit.Page.Locator("h1")).ToHaveTextAsync("Audit");
        await visit.Page.Clock.FastForwardAsync(19_000);
        await Assertions.Expect(visit.Page.Locator("main")).Not.ToContainTextAsync("20 seconds");
        await visit.Page.Clock.FastForwardAsync(1_500);
        await Assertions.Expect(visit.Page.Locator("main")).ToContainTextAsync("The server has not answered for 20 seconds.");
    }

    [Fact]
    public async Task A_job_that_was_never_counted_is_not_shown_as_an_empty_one()
    {
        await using var site = await Site.StartAsync();
        var away = await site.WithoutAsync("orders");
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/jobs/price_orders"));
        visit.IsExpected = text => text.Contains("503", StringComparison.Ordinal);
        await Assertions.Expect(visit.Page.Locator("main")).ToContainTextAsync("The records could not be counted.");
        await Assertions.Expect(visit.Page.Locator(".stats")).Not.ToContainTextAsync("nothing waits");
        await Assertions.Expect(visit.Named(AriaRole.Button, "Retry failed")).ToBeEnabledAsync();
        await visit.PictureAsync("uncounted");
        await visit.GoAsync("#/");
        await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToContainTextAsync("not counted");
        await away.DisposeAsync();
        await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToContainTextAsync("0 of 3 done");
    }

    [Fact]
    public async Task A_page_that_nobody_looks_at_leaves_the_connections_to_the_others()
    {
        var open = new ConcurrentDictionary<HttpContext, bool>();
        await using var site = await Site.StartAsync(new SitePlan { Before = app => Count(app, open) });
        await using var visit = await browser.OpenAsync(site.Address);
        await using var other = await browser.OpenAsync(site.Address);
        foreach (var page in new[] { visit.Page, other.Page }) await Assertions.Expect(page.Locator(".fresh.live")).ToBeVisibleAsync();
        await LookAwayAsync(visit.Page, isAway: true);
        await Until.TrueAsync(() => Task.FromResult(open.Count == 1));
        await site.Cluster.PauseAsync(PampaTarget.Job("price_orders"), "seen by one", null, Stopping);
        await Assertions.Expect(other.Page.Locator("table.jobs tbody tr")).ToContainTextAsync("paused");
        await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).Not.ToContainTextAsync("paused");
        await LookAwayAsync(visit.Page, isAway: false);
        await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToContainTextAsync("paused");
        await Assertions.Expect(visit.Page.Locator(".fresh.live")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task An_answer_to_another_question_is_not_shown_as_one_to_this()
    {
        await using var site = await Site.StartAsync();
        await site.Cluster.As("ada").PauseAsync(PampaTarget.Job("price_orders"), "by ada", null, Stopping);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/audit"));
        visit.IsExpected = text => text.Contains("503", StringComparison.Ordinal);
        await Assertions.Expect(visit.Page.Locator("table.audit")).ToContainTextAsync("by ada");
        await visit.Page.RouteAsync("**/api/audit?*", route => route.FulfillAsync(new RouteFulfillOptions
        {
            Status = 503,
            ContentType = "application/json",
            Body = """{"error":"the database is away"}""",
        }));
        await visit.GoAsync("#/audit?who=bob");
        await Assertions.Expect(visit.Page.Locator(".failing")).ToContainTextAsync("the database is away");
        await Assertions.Expect(visit.Page.Locator("table.audit")).ToHaveCountAsync(0);
        await visit.PictureAsync("audit-failing");
        await visit.Page.UnrouteAsync("**/api/audit?*");
        await visit.Page.Locator(".failing button").ClickAsync();
        await Assertions.Expect(visit.Page.Locator("main")).ToContainTextAsync("Nobody has done anything that matches");
    }

    [Fact]
    public async Task Times_are_the_viewers_or_the_databases_as_he_likes()
    {
        await using var site = await Site.StartAsync();
        await site.Cluster.As("ada").PauseAsync(PampaTarget.Job("price_orders"), "by ada", null, Stopping);
        var at = Assert.Single((await site.Cluster.AuditAsync(null, Stopping)).Entries).At.ToUniversalTime();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/audit"));
        var time = visit.Page.Locator("table.audit time");
        var madrid = TimeZoneInfo.ConvertTime(at, TimeZoneInfo.FindSystemTimeZoneById("Europe/Madrid"));
        await Assertions.Expect(time).ToContainTextAsync($"{madrid:HH:mm:ss}");
        await visit.Named(AriaRole.Button, "Show the database’s times").ClickAsync();
        await Assertions.Expect(time).ToContainTextAsync($"{at:HH:mm:ss}");
        await visit.Page.ReloadAsync();
        await Assertions.Expect(time).ToContainTextAsync($"{at:HH:mm:ss}");
        await visit.GoAsync("#/tasks?job=price_orders&from=2026-01-01T00:00:00.000Z");
        await Assertions.Expect(visit.Page.Locator("input[type=datetime-local]").First).ToHaveValueAsync("2026-01-01T00:00");
        await Assertions.Expect(visit.Page.Locator(".filters .more")).ToContainTextAsync("from UTC");
        await visit.Named(AriaRole.Button, "Show the database’s times").ClickAsync();
        await Assertions.Expect(visit.Page.Locator("input[type=datetime-local]").First).ToHaveValueAsync("2026-01-01T01:00");
    }

    [Fact]
    public async Task A_heartbeat_is_late_by_what_its_process_has_set_for_it()
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Program = pampa =>
            {
                Shop.Small(pampa);
                pampa.WorkerLease = TimeSpan.FromMinutes(2);
            },
        });
        using var caller = site.NewCaller();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/nodes"));
        visit.IsExpected = text => text.Contains("ERR_", StringComparison.Ordinal) || text.Contains("EventSource", StringComparison.Ordinal);
        await Assertions.Expect(visit.Page.Locator(".node")).ToHaveCountAsync(1);
        foreach (var (lastHeard, isLate) in new[] { (50, false), (90, true) })
        {
            var seen = JsonNode.Parse((await caller.JsonAsync("api/overview")).GetRawText())!;
            // As the workers themselves have told.
            Assert.Equal(120, seen["nodes"]![0]!["lease"]!.GetValue<double>(), 0.1);
            Assert.All(seen["workers"]!.AsArray(), w => Assert.Equal(120, w!["lease"]!.GetValue<double>(), 0.1));
            seen["nodes"]![0]!["lastHeard"] = lastHeard;
            seen["workers"]![0]!["lastHeard"] = lastHeard;
            await ShowAsync(visit, seen.ToJsonString());
            await Assertions.Expect(visit.Page.Locator(".node .strip dd").First).ToHaveTextAsync(lastHeard == 50 ? "50 s ago" : "1 m 30 s ago");
            await Assertions.Expect(visit.Page.Locator(".node .strip dd.bad")).ToHaveCountAsync(isLate ? 1 : 0);
            await Assertions.Expect(visit.Page.Locator(".workers .meter.low")).ToHaveCountAsync(isLate ? 1 : 0);
            // What is left of it: 70 of 120 seconds, or 30.
            Assert.Equal(isLate ? "width: 25%;" : "width: 58.3%;", await visit.Page.Locator(".workers .meter i").First.GetAttributeAsync("style"));
            await visit.PictureAsync($"heartbeat-{lastHeard}");
        }
    }

    [Fact]
    public async Task What_goes_on_stands_before_what_has_failed_since()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        await using var visit = await browser.OpenAsync(site.Address);
        visit.IsExpected = text => text.Contains("ERR_", StringComparison.Ordinal) || text.Contains("EventSource", StringComparison.Ordinal);
        var seen = JsonNode.Parse((await caller.JsonAsync("api/overview")).GetRawText())!;
        var at = DateTimeOffset.Parse(seen["at"]!.GetValue<string>(), CultureInfo.InvariantCulture);
        // The newest first, as the server tells them.
        (string Id, string Action, bool IsDone)[] all = [("d", "retry", true), ("c", "retry", true), ("b", "relaunch", true), ("a", "cancel", false)];
        seen["operations"] = new JsonArray([.. all.Select((o, i) => (JsonNode)new JsonObject
        {
            ["id"] = o.Id,
            ["kind"] = "records",
            ["job"] = "price_orders",
            ["action"] = o.Action,
            ["who"] = "ada",
            ["began"] = at.AddMinutes(-i).ToString("O", CultureInfo.InvariantCulture),
            ["changed"] = 400,
            ["running"] = 0,
            ["isDone"] = o.IsDone,
            ["error"] = o.IsDone ? "the database is busy" : null,
        })]);
        await ShowAsync(visit, seen.ToJsonString());
        var rows = visit.Page.Locator(".operations p");
        await Assertions.Expect(rows).ToHaveCountAsync(3);
        await Assertions.Expect(rows.First).ToContainTextAsync("Cancel price_orders");
        await Assertions.Expect(rows.First.GetByRole(AriaRole.Button)).ToHaveTextAsync("Stop");
        await Assertions.Expect(rows.Nth(1)).ToContainTextAsync("Retry price_orders");
        await visit.PictureAsync("strip-order");
    }

    /// <summary>Lets the page see this and nothing else from now on.</summary>
    internal static async Task ShowAsync(Visit visit, string snapshot)
    {
        await visit.Page.UnrouteAllAsync();
        await visit.Page.RouteAsync("**/api/stream", route => route.FulfillAsync(new RouteFulfillOptions { ContentType = "text/event-stream", Body = $"event: snapshot\ndata: {snapshot}\n\n" }));
        await visit.Page.RouteAsync("**/api/overview", route => route.FulfillAsync(new RouteFulfillOptions { ContentType = "application/json", Body = snapshot }));
        await visit.Page.ReloadAsync();
    }

    [Fact]
    public async Task What_workers_of_a_node_may_take_is_shown_with_how_well_it_is_enforced()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/nodes"));
        visit.IsExpected = text => text.Contains("ERR_", StringComparison.Ordinal) || text.Contains("EventSource", StringComparison.Ordinal);
        await Assertions.Expect(visit.Page.Locator(".node")).ToHaveCountAsync(1);
        var seen = JsonNode.Parse((await caller.JsonAsync("api/overview")).GetRawText())!;
        seen["nodes"]![0]!["limits"] = JsonNode.Parse("""
            [{"text":"MaxRam 512 MB: enforced by systemd: the kernel ends it","name":"MaxRam","amount":"512 MB","enforcement":"full"},
             {"text":"MaxCpu 150 %: enforced in part, by nice: <b>it is less wanted</b>","name":"MaxCpu","amount":"150 %","enforcement":"partly"},
             {"text":"MaxDisk 9 GB: not enforced","name":"MaxDisk","amount":"9 GB","enforcement":"none"}]
            """);
        await ShowAsync(visit, seen.ToJsonString());
        await Assertions.Expect(visit.Page.Locator(".limits li")).ToHaveTextAsync(["MaxRam 512 MBenforced", "MaxCpu 150 %in part", "MaxDisk 9 GBnot enforced"]);
        Assert.Equal("MaxCpu 150 %: enforced in part, by nice: <b>it is less wanted</b>", await visit.Page.Locator(".limits li").Nth(1).GetAttributeAsync("title"));
        foreach (var width in new[] { 1280, 375 })
        {
            await visit.Page.SetViewportSizeAsync(width, 800);
            var sizes = await visit.Page.EvaluateAsync<int[]>("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]");
            Assert.True(sizes[0] <= sizes[1], $"{sizes[0]} wide at {width}");
            await visit.PictureAsync($"limits-{width}");
        }
    }

    private static void Count(WebApplication app, ConcurrentDictionary<HttpContext, bool> open) => app.Use(async (HttpContext context, RequestDelegate next) =>
    {
        if (!context.Request.Path.Value!.EndsWith("/api/stream", StringComparison.Ordinal))
        {
            await next(context);
            return;
        }
        open[context] = true;
        try
        {
            await next(context);
        }
        finally
        {
            open.TryRemove(context, out _);
        }
    });

    // A browser without a window looks at all of its pages.
    internal static async Task LookAwayAsync(IPage page, bool isAway) => await page.EvaluateAsync(
        "isAway => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => isAway }); document.dispatchEvent(new Event('visibilitychange')); }", isAway);
}
