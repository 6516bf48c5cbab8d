using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Serving;
using Pampa.Showing;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>What happens is seen without asking; a lost connection is told and comes back; below any path.</summary>
[Collection(BrowserTests.Name)]
public sealed class StreamTests(Browser browser)
{
    // The page takes a stream for lost only when several of its snapshots are missing.
    private const float Patience = 20_000;

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_happens_is_seen_without_asking()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(site.Address);
        var row = visit.Page.Locator("table.jobs tbody tr");
        await Assertions.Expect(row).ToContainTextAsync("0 of 3 done");
        await site.Cluster.As("somebody else").ApplyAsync("price_orders", TaskAction.Skip, new TaskFilter { Keys = ["1", "2"] }, null, null, Stopping);
        await Assertions.Expect(row).ToContainTextAsync("2 of 3 done");
        await site.Cluster.PauseAsync(PampaTarget.Job("price_orders"), "from elsewhere", null, Stopping);
        await Assertions.Expect(row).ToContainTextAsync("paused");
    }

    [Fact]
    public async Task A_lost_connection_is_told_with_the_age_of_what_is_shown_and_comes_back()
    {
        var outage = new Outage();
        await using var site = await Site.StartAsync(new SitePlan { Before = outage.Use });
        await using var visit = await browser.OpenAsync(site.Address);
        visit.IsExpected = text => text.Contains("ERR_", StringComparison.Ordinal);
        await Assertions.Expect(visit.Page.Locator(".fresh.live")).ToBeVisibleAsync();
        outage.Begin();
        await Assertions.Expect(visit.Page.Locator(".banner")).ToContainTextAsync("Not connected.", new() { Timeout = Patience });
        await Assertions.Expect(visit.Page.Locator(".banner")).ToContainTextAsync("old.");
        await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToContainTextAsync("price_orders");
        await visit.PictureAsync("lost");
        outage.End();
        await Assertions.Expect(visit.Page.Locator(".fresh.live")).ToBeVisibleAsync(new() { Timeout = Patience });
        await Assertions.Expect(visit.Page.Locator(".banner")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Where_too_many_look_on_a_page_says_that_it_asks_instead_until_there_is_a_place()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        var open = new List<HttpResponseMessage>();
        for (var i = 0; i < Watcher.MostViewers; i++) open.Add(await caller.GetAsync("api/stream"));
        await using var visit = await browser.OpenAsync(site.Address);
        visit.IsExpected = text => text.Contains("503", StringComparison.Ordinal);
        var banner = visit.Page.Locator(".banner");
        await Assertions.Expect(banner).ToContainTextAsync("No live updates.");
        await Assertions.Expect(banner).Not.ToContainTextAsync("Not connected");
        await site.Cluster.PauseAsync(PampaTarget.Job("price_orders"), "from elsewhere", null, Stopping);
        await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToContainTextAsync("paused");
        await visit.PictureAsync("asked");
        foreach (var response in open) response.Dispose();
        await Assertions.Expect(visit.Page.Locator(".fresh.live")).ToBeVisibleAsync(new() { Timeout = Patience });
        await Assertions.Expect(banner).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_stream_sends_what_is_seen_again_and_again()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        using var response = await caller.GetAsync("api/stream");
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Stopping));
        var snapshots = 0;
        while (snapshots < 2)
        {
            if (await reader.ReadLineAsync(Stopping) is { } line && line.StartsWith("data: {", StringComparison.Ordinal)) snapshots++;
        }
    }

    [Theory, InlineData("/ops/dash", ""), InlineData("/", ""), InlineData("/", "/ops"), InlineData("/pampa", "/behind/a/proxy"), InlineData("/pampa", "", "/admin"), InlineData("/pampa", "", null, "/PAMPA")]
    public async Task It_works_below_any_path(string path, string pathBase, string? group = null, string? spelling = null)
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Path = path,
            Group = group,
            Before = app =>
            {
                app.UsePathBase(pathBase);
                app.UseRouting();
            },
        });
        // Without the slash at its end, as people type it.
        var typed = new Uri(site.Root, $"{pathBase}{group}{spelling ?? (pathBase.Length > 0 ? path.TrimEnd('/') : path)}");
        await using var visit = await browser.OpenAsync(typed);
        await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToContainTextAsync("price_orders");
        // Where the application answers at its root, too, that is not where it was asked for.
        Assert.StartsWith($"{typed.ToString().TrimEnd('/')}/", visit.Page.Url, StringComparison.Ordinal);
        await visit.Named(AriaRole.Button, "Pause price_orders").ClickAsync();
        await visit.Page.Locator("dialog[open] button[type=submit]").ClickAsync();
        await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToContainTextAsync("paused");
    }

    [Fact]
    public async Task Behind_a_proxy_with_TLS_people_sign_in_and_act()
    {
        const string secret = "a-secret-that-is-long-enough";
        await using var site = await Site.StartAsync();
        var plan = new ServePlan(IPAddress.Loopback, 0, [], false, []) { Auth = new AuthPlan(AuthKind.Token) { Secret = secret } };
        await using var app = new Server(site.Cluster, plan, TextWriter.Null, TextWriter.Null).Build();
        await app.StartAsync(Stopping);
        await using (var proxy = await TlsProxy.StartAsync(new Uri(app.Urls.First())))
        {
            await using var visit = await browser.OpenAsync(proxy.Address);
            await visit.Page.Locator("input[type=password]").FillAsync(secret);
            await visit.Page.Keyboard.PressAsync("Enter");
            await visit.Named(AriaRole.Button, "Pause price_orders").ClickAsync();
            await visit.Page.Locator("dialog[open] button[type=submit]").ClickAsync();
            await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToContainTextAsync("paused");
            Assert.True(Assert.Single(await visit.Page.Context.CookiesAsync()).Secure);
        }
        await app.StopAsync(Stopping);
    }

    [Fact]
    public async Task The_link_that_was_printed_signs_in_and_leaves_nothing_in_the_address()
    {
        const string secret = "a-secret-that-is-long-enough";
        await using var site = await Site.StartAsync();
        var plan = new ServePlan(IPAddress.Loopback, 0, [], false, []) { Auth = new AuthPlan(AuthKind.Token) { Secret = secret } };
        await using var app = new Server(site.Cluster, plan, TextWriter.Null, TextWriter.Null).Build();
        await app.StartAsync(Stopping);
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        await using (var visit = await browser.OpenAsync(new Uri($"{address}/#secret={secret}")))
        {
            await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToContainTextAsync("price_orders");
            Assert.DoesNotContain(secret, visit.Page.Url, StringComparison.Ordinal);
            await visit.Named(AriaRole.Button, "Sign out").ClickAsync();
            await Assertions.Expect(visit.Page.Locator("input[type=password]")).ToBeVisibleAsync();
            await visit.PictureAsync("signin");
            visit.IsExpected = text => text.Contains("403", StringComparison.Ordinal);
            await visit.Page.Locator("input[type=password]").FillAsync("a guess that is wrong");
            await visit.Page.Keyboard.PressAsync("Enter");
            await Assertions.Expect(visit.Page.Locator(".error")).ToContainTextAsync("not the secret");
        }
        await app.StopAsync(Stopping);
    }
}
