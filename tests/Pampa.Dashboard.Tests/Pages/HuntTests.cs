using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>A page that goes on by itself where little is found among much.</summary>
[Collection(BrowserTests.Name)]
public sealed class HuntTests(Browser browser)
{
    private static readonly string Search = $"#/tasks?job=price_orders&error={Uri.EscapeDataString(Haystack.Needle)}";

    /// <summary>What a page asks of the list of records.</summary>
    private sealed class Asked
    {
        private readonly Lock gate = new();
        private readonly List<string> addresses = [];
        private int open;

        public Asked(IPage page)
        {
            page.Request += (_, request) => Count(request, 1);
            page.RequestFinished += (_, request) => Count(request, -1);
            page.RequestFailed += (_, request) => Count(request, -1);
        }

        /// <summary>Each, in order.</summary>
        public string[] Addresses
        {
            get
            {
                lock (gate) return [.. addresses];
            }
        }

        /// <summary>Those that have not been answered.</summary>
        public int Open
        {
            get
            {
                lock (gate) return open;
            }
        }

        /// <summary>The most at the same time.</summary>
        public int AtOnce { get; private set; }

        private void Count(IRequest request, int change)
        {
            if (!request.Url.Contains("/api/tasks?", StringComparison.Ordinal)) return;
            lock (gate)
            {
                if (change > 0) addresses.Add(request.Url);
                open += change;
                AtOnce = Math.Max(AtOnce, open);
            }
        }
    }

    // Five hundred, or fewer where the computer has much else to do.
    private static readonly Regex Stopped = new(@"Stopped after \d+ records\. 1 found");

    private static ILocator Rows(Visit visit) => visit.Page.Locator("table.tasks tbody tr");

    private static ILocator Hunt(Visit visit) => visit.Page.Locator(".hunt");

    // The page is opened at the overview, so that nothing that it asks of the list is missed.
    private async Task<(Visit Visit, Asked Asked)> OpenAsync(Site site, string hash)
    {
        var visit = await browser.OpenAsync(site.Address);
        await visit.Page.Clock.InstallAsync();
        await visit.Page.ReloadAsync();
        var asked = new Asked(visit.Page);
        await Assertions.Expect(visit.Page.Locator(".fresh.live")).ToBeVisibleAsync();
        await visit.GoAsync(hash);
        return (visit, asked);
    }

    [Fact]
    public async Task What_is_far_away_is_shown_without_a_click_and_nothing_moves_meanwhile()
    {
        await using var site = await Haystack.StartAsync(1_700, Haystack.Last - 1, Haystack.Last);
        var (visit, asked) = await OpenAsync(site, Search);
        await using var _ = visit;
        var stop = Hunt(visit).GetByRole(AriaRole.Button);
        await Assertions.Expect(stop).ToHaveTextAsync("Stop");
        await Assertions.Expect(visit.Named(AriaRole.Button, "Next", true)).ToBeDisabledAsync();
        var before = await stop.BoundingBoxAsync();

        await Assertions.Expect(Hunt(visit)).ToContainTextAsync("Looked at all records. 3 found");

        await Assertions.Expect(Rows(visit)).ToHaveCountAsync(3);
        await Assertions.Expect(Rows(visit).Last).ToContainTextAsync(Haystack.Needle);
        await Assertions.Expect(visit.Page.Locator(".pager")).ToContainTextAsync("Page 1, the last");
        var after = await stop.BoundingBoxAsync();
        Assert.Equal((before!.X, before.Y, before.Width, before.Height), (after!.X, after.Y, after.Width, after.Height));
        Assert.True(asked.Addresses.Length >= Haystack.Records / Haystack.PerAnswer, string.Join('\n', asked.Addresses));
        Assert.Equal(1, asked.AtOnce);

        // Whoever opens what was found, and comes back, does not wait for it again.
        var until = asked.Addresses.Length;
        await Rows(visit).First.GetByRole(AriaRole.Link).ClickAsync();
        await Assertions.Expect(visit.Page.Locator("h1")).ToContainTextAsync("1700");
        await visit.Page.GoBackAsync();
        await Assertions.Expect(Rows(visit)).ToHaveCountAsync(3);
        Assert.Equal(until, asked.Addresses.Length);
        await Hunt(visit).GetByRole(AriaRole.Button).ClickAsync();
        await Assertions.Expect(stop).ToHaveTextAsync("Stop");
        Assert.True(asked.Addresses.Length > until);
    }

    [Fact]
    public async Task A_search_is_stopped_and_goes_on_by_keys_where_it_was()
    {
        var turnstile = new Turnstile(1);
        await using var site = await Haystack.StartAsync(turnstile, 1_010, Haystack.Last);
        var (visit, asked) = await OpenAsync(site, Search);
        await using var _ = visit;
        var stop = Hunt(visit).GetByRole(AriaRole.Button);
        await Assertions.Expect(Hunt(visit)).ToContainTextAsync("so far");
        await Until.TrueAsync(() => Task.FromResult(asked.Addresses.Length == 2));
        await stop.FocusAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(Hunt(visit)).ToContainTextAsync(Stopped);
        await Assertions.Expect(stop).ToHaveTextAsync("Go on");
        await Assertions.Expect(stop).ToBeFocusedAsync();
        await Assertions.Expect(Rows(visit)).ToHaveCountAsync(1);
        await Assertions.Expect(visit.Named(AriaRole.Button, "Next", true)).ToBeEnabledAsync();
        // Whoever does not wait any more leaves the database alone: what was being asked is given up, and nothing else is.
        await Until.TrueAsync(() => Task.FromResult(turnstile.Left == 1));
        await visit.Page.Clock.FastForwardAsync(60_000);
        Assert.Equal(2, asked.Addresses.Length);

        turnstile.Open();
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(Hunt(visit)).ToContainTextAsync("Looked at all records. 2 found");

        await Assertions.Expect(Rows(visit)).ToHaveCountAsync(2);
        Assert.All(asked.Addresses.Skip(1), address => Assert.Contains("&after=", address, StringComparison.Ordinal));
        Assert.Equal(asked.Addresses[1], asked.Addresses[2]);
        // And by the key for whatever is to be left, from anywhere on the page.
        turnstile.Close();
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(stop).ToHaveTextAsync("Stop");
        await visit.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(stop).ToHaveTextAsync("Go on");
    }

    [Fact]
    public async Task Another_filter_ends_the_search_and_begins_its_own()
    {
        await using var site = await Haystack.StartAsync(Haystack.Last);
        var (visit, asked) = await OpenAsync(site, Search);
        await using var _ = visit;
        await Assertions.Expect(Hunt(visit)).ToContainTextAsync("so far");
        var field = visit.Page.GetByLabel("Error contains");
        await field.FillAsync(Haystack.Hay);
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(Rows(visit)).ToHaveCountAsync(50);
        await Assertions.Expect(Rows(visit).First).ToContainTextAsync(Haystack.Hay);
        await Assertions.Expect(Hunt(visit)).ToHaveCountAsync(0);

        await field.FillAsync("there is none");
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(Hunt(visit)).ToContainTextAsync("Looked at all records. 0 found");

        await Assertions.Expect(visit.Page.Locator(".empty")).ToContainTextAsync("No record matches");
        string[] texts = [Haystack.Needle, Haystack.Hay, "there is none"];
        int[] turns = [.. asked.Addresses.Select(a => Array.FindIndex(texts, t => a.Contains($"error={t.Replace(' ', '+')}&", StringComparison.Ordinal)))];
        Assert.Equal([0, 1, 2], turns.Distinct());
        Assert.Equal(turns.Order(), turns);
        // What is given up may be on its way out yet when the next one is asked.
        Assert.InRange(asked.AtOnce, 1, 2);
        await Until.TrueAsync(() => Task.FromResult(asked.Open == 0));
    }

    [Fact]
    public async Task A_page_that_nobody_looks_at_does_not_search()
    {
        var turnstile = new Turnstile(1);
        await using var site = await Haystack.StartAsync(turnstile, Haystack.Last);
        var (visit, asked) = await OpenAsync(site, Search);
        await using var _ = visit;
        await Until.TrueAsync(() => Task.FromResult(asked.Addresses.Length == 2));
        await SeenTests.LookAwayAsync(visit.Page, true);
        turnstile.Open();
        await Until.TrueAsync(() => Task.FromResult(asked.Open == 0));
        await visit.Page.Clock.FastForwardAsync(60_000);
        Assert.Equal(2, asked.Addresses.Length);
        await SeenTests.LookAwayAsync(visit.Page, false);
        await Assertions.Expect(Hunt(visit)).ToContainTextAsync("Looked at all records. 1 found");
        await Assertions.Expect(Rows(visit)).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task A_search_that_meets_an_error_keeps_what_it_has_found_and_goes_on_from_there()
    {
        await using var site = await Haystack.StartAsync(1_010, Haystack.Last);
        await using var visit = await browser.OpenAsync(site.Address);
        visit.IsExpected = text => text.Contains("503", StringComparison.Ordinal);
        var asked = new Asked(visit.Page);
        await visit.Page.RouteAsync("**/api/tasks?**&after=**", route => route.FulfillAsync(new RouteFulfillOptions
        {
            Status = 503,
            ContentType = "application/json",
            Body = """{"error":"the database is busy"}""",
        }));
        await visit.GoAsync(Search);
        await Assertions.Expect(Hunt(visit)).ToContainTextAsync(Stopped);
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("the database is busy");
        await Assertions.Expect(Rows(visit)).ToHaveCountAsync(1);
        await visit.Page.UnrouteAllAsync();
        await visit.Page.RouteAsync("**/api/tasks?**", async route =>
        {
            // What was said of the last answer is not said any more when the next one has come.
            if (asked.Addresses.Length > 3) await Assertions.Expect(visit.Page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);
            await route.ContinueAsync();
        });
        await visit.Named(AriaRole.Button, "Try again").ClickAsync();
        await Assertions.Expect(Hunt(visit)).ToContainTextAsync("Looked at all records. 2 found");
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);
        Assert.Single(asked.Addresses, address => !address.Contains("&after=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_database_has_worked_on_in_vain_is_not_asked_again_soon()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(site.Address);
        visit.IsExpected = text => text.Contains("503", StringComparison.Ordinal);
        await visit.Page.Clock.InstallAsync();
        await visit.Page.ReloadAsync();
        await Assertions.Expect(visit.Page.Locator(".fresh.live")).ToBeVisibleAsync();
        var asked = new Asked(visit.Page);
        await visit.Page.RouteAsync("**/api/tasks?**", async route =>
        {
            // As long as the database may work on it.
            await visit.Page.Clock.FastForwardAsync(2_000);
            await route.FulfillAsync(new RouteFulfillOptions { Status = 503, ContentType = "application/json", Body = """{"error":"it takes too long"}""" });
        });
        await visit.GoAsync("#/tasks?job=price_orders&order=latestend");
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("it takes too long");
        await visit.Page.Clock.FastForwardAsync(15_000);
        Assert.Single(asked.Addresses);
        await visit.Page.Clock.FastForwardAsync(60_000);
        await Until.TrueAsync(() => Task.FromResult(asked.Addresses.Length == 2));
    }

    [Theory, InlineData(504, "order=latestend", true), InlineData(504, "order=longestrunning", true), InlineData(400, "where=x", true), InlineData(504, "order=key", false)]
    public async Task What_would_go_wrong_again_is_asked_again_by_its_button_alone(int status, string query, bool isOver)
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(site.Address);
        visit.IsExpected = text => text.Contains($"{status}", StringComparison.Ordinal);
        await visit.Page.Clock.InstallAsync();
        await visit.Page.ReloadAsync();
        await Assertions.Expect(visit.Page.Locator(".fresh.live")).ToBeVisibleAsync();
        var asked = new Asked(visit.Page);
        await visit.Page.RouteAsync("**/api/tasks?**", async route =>
        {
            await visit.Page.Clock.FastForwardAsync(2_000);
            await route.FulfillAsync(new RouteFulfillOptions { Status = status, ContentType = "application/json", Body = """{"error":"it takes too long"}""" });
        });
        await visit.GoAsync($"#/tasks?job=price_orders&{query}");
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("it takes too long");
        for (var i = 0; i < 5; i++) await visit.Page.Clock.FastForwardAsync(30_000);
        if (!isOver)
        {
            await Until.TrueAsync(() => Task.FromResult(asked.Addresses.Length > 1));
            return;
        }
        // What the page asks by itself comes in its order: whatever was due in that time has been asked when this is.
        await visit.Page.RunAndWaitForRequestAsync(
            () => visit.Page.EvaluateAsync("() => new Promise(done => setTimeout(done, 1)).then(() => fetch('api/session')).then(() => null)"), "**/api/session");
        Assert.Single(asked.Addresses);
        await visit.Page.UnrouteAllAsync();
        await visit.Named(AriaRole.Button, "Try again").ClickAsync();
        await Until.TrueAsync(() => Task.FromResult(asked.Addresses.Length == 2));
        if (status == 504) await Assertions.Expect(visit.Page.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_list_that_came_late_once_is_kept_up_to_date_all_the_same()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(site.Address);
        await visit.Page.Clock.InstallAsync();
        await visit.Page.ReloadAsync();
        await Assertions.Expect(visit.Page.Locator(".fresh.live")).ToBeVisibleAsync();
        var asked = new Asked(visit.Page);
        await visit.Page.RouteAsync("**/api/tasks?**", async route =>
        {
            if (asked.Addresses.Length == 1) await visit.Page.Clock.FastForwardAsync(2_100);
            await route.ContinueAsync();
        });
        await visit.GoAsync("#/tasks?job=price_orders");
        await Assertions.Expect(Rows(visit).First).ToBeVisibleAsync();
        await visit.Page.Clock.FastForwardAsync(15_000);
        await Until.TrueAsync(() => Task.FromResult(asked.Addresses.Length == 2));
    }

    [Fact]
    public async Task A_group_of_failures_leads_to_where_they_are()
    {
        await using var site = await Haystack.StartAsync([.. Enumerable.Range(Haystack.Last - 4, 5)]);
        var (visit, asked) = await OpenAsync(site, "#/jobs/price_orders");
        await using var _ = visit;
        var first = visit.Page.WaitForResponseAsync(response => response.Url.Contains("/api/tasks?", StringComparison.Ordinal));
        await visit.Page.Locator("table.errors a.pattern", new PageLocatorOptions { HasText = Haystack.Needle }).ClickAsync();
        var answer = await (await first).JsonAsync();
        Assert.Equal(5, answer!.Value.GetProperty("tasks").GetArrayLength());
        await Assertions.Expect(visit.Page.GetByLabel("Order")).ToHaveValueAsync("latestend");
        await Assertions.Expect(Rows(visit)).ToHaveCountAsync(5);
        await Assertions.Expect(Rows(visit).First).ToContainTextAsync($"{Haystack.Last}");
        Assert.Contains("state=failed", asked.Addresses[0], StringComparison.Ordinal);
    }

    [Theory, InlineData(ColorScheme.Light, 1280), InlineData(ColorScheme.Dark, 1280), InlineData(ColorScheme.Light, 375), InlineData(ColorScheme.Dark, 375)]
    public async Task A_search_fits_can_be_read_and_is_kept_as_a_picture(ColorScheme scheme, int width)
    {
        await using var site = await Haystack.StartAsync(1_010, 1_020, Haystack.Last);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, Search), width, scheme);
        await CheckAsync("so far", "going");
        await Hunt(visit).GetByRole(AriaRole.Button).ClickAsync();
        await CheckAsync("Stopped after", "stopped");
        await Hunt(visit).GetByRole(AriaRole.Button).ClickAsync();
        await CheckAsync("Looked at all records.", "over");
        await visit.GoAsync("#/tasks?job=price_orders&error=there%20is%20none");
        await CheckAsync("0 found", "none");

        async Task CheckAsync(string text, string name)
        {
            await Assertions.Expect(Hunt(visit)).ToContainTextAsync(text);
            await Assertions.Expect(visit.Page.Locator(".skeleton, .waiting")).ToHaveCountAsync(0);
            var sizes = await visit.Page.EvaluateAsync<int[]>("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]");
            Assert.True(sizes[0] <= sizes[1], $"{name} at {width}: {sizes[0]} wide");
            Assert.Empty(await visit.Page.EvaluateAsync<string[]>(LookTests.Faint));
            await visit.PictureAsync($"hunt-{name}-{scheme.ToString().ToLowerInvariant()}-{width}");
        }
    }
}
