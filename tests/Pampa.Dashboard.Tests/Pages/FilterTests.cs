using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>What is searched for and paged through, and what is done with what was found.</summary>
[Collection(BrowserTests.Name)]
public sealed class FilterTests(Browser browser)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static ILocator Dialog(Visit visit) => visit.Page.Locator("dialog[open]");

    [Fact]
    public async Task What_is_typed_into_a_filter_stays_while_the_page_is_kept_up_to_date()
    {
        await using var site = await Site.StartAsync();
        await site.Cluster.As("ada").PauseAsync(PampaTarget.Job("price_orders"), "by ada", null, Stopping);
        await site.Cluster.As("bob").ResumeAsync(PampaTarget.Job("price_orders"), Stopping);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/audit"));
        var (page, who) = (visit.Page, visit.Page.GetByLabel("By whom"));
        await Assertions.Expect(page.Locator("table.audit tbody tr")).ToHaveCountAsync(2);
        // What the page sends of itself comes between the keys.
        await page.EvaluateAsync("() => { window.came = 0; new EventSource('api/stream').addEventListener('snapshot', () => window.came++); }");
        await who.PressSequentiallyAsync("bo");
        await page.WaitForFunctionAsync("() => window.came >= 2");
        Assert.Equal("bo", await who.InputValueAsync());
        await who.PressSequentiallyAsync("b");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("table.audit tbody tr")).ToHaveCountAsync(1);
        await Assertions.Expect(page.Locator("table.audit")).ToContainTextAsync("resume");
        Assert.Equal("bob", await who.InputValueAsync());
        await page.GetByLabel("Job").SelectOptionAsync("price_orders");
        await Assertions.Expect(page.Locator("table.audit tbody tr")).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task Pages_of_tasks_and_of_the_audit_go_on_and_back_from_their_top()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = Many });
        for (var i = 0; i < 26; i++)
        {
            await site.Cluster.PauseAsync(PampaTarget.Job("price_orders"), $"pause {i}", null, Stopping);
            await site.Cluster.ResumeAsync(PampaTarget.Job("price_orders"), Stopping);
        }
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders"));
        await TurnAsync(visit, "table.tasks", "Next", "Previous", 50, 10);
        await visit.GoAsync("#/audit");
        await TurnAsync(visit, "table.audit", "Older", "Newer", 50, 2);
    }

    [Fact]
    public async Task Failures_in_a_group_are_retried_although_a_part_of_their_text_is_hidden()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = Failing });
        await Until.TrueAsync(async () => (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Failed == 3);
        await site.Cluster.PauseAsync(PampaTarget.Job("price_orders"), "so that they stay pending", null, Stopping);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/jobs/price_orders"));
        var group = visit.Page.Locator("table.errors tbody tr").First;
        await Assertions.Expect(group).ToContainTextAsync("•••");
        Assert.DoesNotContain(Shop.Leaked, await visit.Page.ContentAsync(), StringComparison.Ordinal);
        await group.GetByRole(AriaRole.Button).ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("3 records of price_orders would change");
        await visit.Page.Keyboard.PressAsync("Escape");
        await group.Locator("a.pattern").ClickAsync();
        await Assertions.Expect(visit.Page.Locator("table.tasks tbody tr")).ToHaveCountAsync(3);
        await visit.Page.GoBackAsync();
        await group.GetByRole(AriaRole.Button).ClickAsync();
        await Dialog(visit).Locator("button[type=submit]").ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToHaveCountAsync(0);
        await Until.TrueAsync(async () => (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Pending == 3);
    }

    [Fact]
    public async Task What_was_not_counted_to_its_end_may_be_done_by_whoever_types_the_jobs_name()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders"));
        foreach (var (matched, text) in new[] { (0, "None was found in the second that counting may take"), (3_000, "3,000+ records of price_orders would change. What runs just now is left alone.") })
        {
            await visit.Page.RouteAsync("**/api/preview", route => route.FulfillAsync(new RouteFulfillOptions
            {
                ContentType = "application/json",
                Body = $$"""{"matched":{{matched}},"running":0,"isExact":false,"isRunningExact":false}""",
            }));
            await visit.Named(AriaRole.Button, "Skip", true).ClickAsync();
            await Assertions.Expect(Dialog(visit)).ToContainTextAsync(text);
            var act = Dialog(visit).GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Skip", Exact = true });
            await Assertions.Expect(act).ToBeDisabledAsync();
            await Dialog(visit).GetByLabel("Type price_orders to go on").FillAsync("price_orders");
            await Assertions.Expect(act).ToBeEnabledAsync();
            if (matched > 0) await visit.PictureAsync("many");
            await visit.Page.Keyboard.PressAsync("Escape");
            await Assertions.Expect(Dialog(visit)).ToHaveCountAsync(0);
            // The question was asked by this button, and whoever goes on by keys is there again.
            await Assertions.Expect(visit.Named(AriaRole.Button, "Skip", true)).ToBeFocusedAsync();
        }
    }

    [Fact]
    public async Task What_the_server_refuses_is_told_in_the_dialog_that_stays()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(site.Address);
        visit.IsExpected = text => text.Contains("503", StringComparison.Ordinal);
        await visit.Named(AriaRole.Button, "Pause price_orders").ClickAsync();
        await using (await site.WithoutAsync("pampa_hold"))
        {
            await Dialog(visit).Locator("button[type=submit]").ClickAsync();
            await Assertions.Expect(Dialog(visit).GetByRole(AriaRole.Alert)).ToContainTextAsync("pampa_hold");
        }
        await Dialog(visit).GetByLabel("How long").SelectOptionAsync("for 1 hour");
        await Dialog(visit).Locator("button[type=submit]").ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToHaveCountAsync(0);
        Assert.InRange(Assert.Single((await site.Cluster.InfoAsync(Stopping)).Held).EndsIn!.Value, TimeSpan.FromMinutes(58), TimeSpan.FromMinutes(60));
        await visit.GoAsync("#/tasks?job=price_orders");
        await visit.Page.GetByLabel("Choose 2").CheckAsync();
        await visit.Page.RouteAsync("**/api/preview", route => route.FulfillAsync(new RouteFulfillOptions
        {
            Status = 503,
            ContentType = "application/json",
            Body = """{"error":"the database is busy"}""",
        }));
        await visit.Named(AriaRole.Button, "Skip", true).ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("It could not be counted.");
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("the database is busy");
        await Assertions.Expect(Dialog(visit).Locator("button[type=submit]")).ToBeDisabledAsync();
    }

    [Fact]
    public async Task A_list_is_kept_up_to_date_with_what_is_chosen_in_it()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders"));
        await visit.Page.Clock.InstallAsync();
        await visit.Page.ReloadAsync();
        await visit.Page.GetByLabel("Choose 3").CheckAsync();
        await site.Cluster.As("somebody else").ApplyAsync("price_orders", TaskAction.Skip, new TaskFilter { Keys = ["1"] }, null, null, Stopping);
        await visit.Page.Clock.FastForwardAsync(10_000);
        await Assertions.Expect(visit.Page.Locator("table.tasks tbody tr").First).ToContainTextAsync("completed");
        await Assertions.Expect(visit.Page.GetByLabel("Choose 3")).ToBeCheckedAsync();
        await Assertions.Expect(visit.Page.Locator("main")).ToContainTextAsync("1 chosen");
    }

    [Fact]
    public async Task What_takes_longer_goes_on_in_the_strip_can_be_stopped_and_tells_its_end()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders"));
        var (strip, said) = (visit.Page.Locator(".operations"), visit.Page.Locator(".toasts"));
        await using (await site.LockAsync())
        {
            await ActAsync(visit, "Skip");
            await Assertions.Expect(said).ToContainTextAsync("Skip goes on; the strip at the top shows how far it is.");
            await Assertions.Expect(strip).ToContainTextAsync("Skip price_orders");
            await visit.PictureAsync("strip");
        }
        await Assertions.Expect(said).ToContainTextAsync("Skip price_orders: 3 records skipped.");
        await Assertions.Expect(strip).ToHaveCountAsync(0);
        await Assertions.Expect(visit.Page.Locator("table.tasks tbody tr").First).ToContainTextAsync("completed");
        await using (await site.LockAsync())
        {
            await ActAsync(visit, "Relaunch");
            await strip.GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Stop" }).ClickAsync();
            await Assertions.Expect(said).ToContainTextAsync("It stops; what was changed stays changed.");
        }
        await Assertions.Expect(strip).ToHaveCountAsync(0);
    }

    private static async Task ActAsync(Visit visit, string verb)
    {
        await visit.Named(AriaRole.Button, verb, true).ClickAsync();
        await Dialog(visit).Locator("button[type=submit]").ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_record_whose_key_is_the_empty_text_has_a_page()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = Nameless });
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=notes"));
        await visit.Page.Locator("table.tasks a").First.ClickAsync();
        await Assertions.Expect(visit.Page.Locator("h1 .name")).ToHaveTextAsync("(empty)");
        await visit.Named(AriaRole.Button, "Skip", true).ClickAsync();
        await Dialog(visit).Locator("button[type=submit]").ClickAsync();
        await Assertions.Expect(visit.Page.Locator("h1")).ToContainTextAsync("completed");
    }

    [Fact]
    public async Task Keys_go_to_rows_that_lead_nowhere_and_marking_a_text_leaves_the_page()
    {
        // Whoever may only look has no button in the row of a schedule.
        await using var site = await Site.StartAsync(new SitePlan { Options = o => o.IsReadOnly = true });
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/schedules"));
        await Assertions.Expect(visit.Page.Locator("table.schedules tbody tr")).ToHaveCountAsync(1);
        await visit.Page.Keyboard.PressAsync("j");
        await Assertions.Expect(visit.Page.Locator("table.schedules tbody tr")).ToBeFocusedAsync();
        await visit.GoAsync("#/tasks?job=price_orders");
        await Assertions.Expect(visit.Page.Locator("h1")).ToBeFocusedAsync();
        var box = (await visit.Page.Locator("table.tasks tbody tr").First.Locator(".time-cell, .badge").First.BoundingBoxAsync())!;
        await visit.Page.Mouse.MoveAsync(box.X + 2, box.Y + box.Height / 2);
        await visit.Page.Mouse.DownAsync();
        await visit.Page.Mouse.MoveAsync(box.X + box.Width, box.Y + box.Height / 2, new() { Steps = 4 });
        await visit.Page.Mouse.UpAsync();
        Assert.NotEqual("", await visit.Page.EvaluateAsync<string>("() => getSelection().toString()"));
        await Assertions.Expect(visit.Page.Locator("h1")).ToHaveTextAsync("Tasks");
    }

    [Fact]
    public async Task Each_condition_is_seen_changed_taken_away_and_joined_by_another()
    {
        await using var site = await Site.StartAsync(new SitePlan { Options = o => o.ShowsColumn = (_, column) => column is "amount" });
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders&where=amount%20%3E%2010&where=amount%20%3C%2030"));
        var (page, fields, rows) = (visit.Page, visit.Page.Locator(".condition input"), visit.Page.Locator("table.tasks tbody tr"));
        await Assertions.Expect(rows).ToHaveCountAsync(1);
        await Assertions.Expect(fields).ToHaveCountAsync(2);
        await Assertions.Expect(fields.Nth(0)).ToHaveValueAsync("amount > 10");
        await Assertions.Expect(fields.Nth(1)).ToHaveValueAsync("amount < 30");
        // Whoever hears them knows which is which.
        await Assertions.Expect(page.GetByLabel("Condition 1 on a column", new PageGetByLabelOptions { Exact = true })).ToHaveValueAsync("amount > 10");
        await Assertions.Expect(page.GetByLabel("Condition 2 on a column", new PageGetByLabelOptions { Exact = true })).ToHaveValueAsync("amount < 30");
        await visit.PictureAsync("conditions");
        // The second is changed, and the first stays.
        await fields.Nth(1).FillAsync("");
        await fields.Nth(1).FillAsync("amount <= 30");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(rows).ToHaveCountAsync(2);
        await visit.Named(AriaRole.Button, "Take away condition 1: amount > 10", true).ClickAsync();
        await Assertions.Expect(rows).ToHaveCountAsync(3);
        await Assertions.Expect(fields).ToHaveCountAsync(1);
        await Assertions.Expect(fields).ToHaveValueAsync("amount <= 30");
        await Assertions.Expect(page.GetByLabel("Condition on a column", new PageGetByLabelOptions { Exact = true })).ToHaveCountAsync(1);
        await visit.Named(AriaRole.Button, "Add a condition").ClickAsync();
        await Assertions.Expect(fields.Nth(1)).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("amount = 20");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(rows).ToHaveCountAsync(1);
        Assert.Equal(["amount <= 30", "amount = 20"], await page.EvaluateAsync<string[]>("() => new URLSearchParams(location.hash.split('?')[1]).getAll('where')"));
        await page.SetViewportSizeAsync(375, 780);
        await visit.Named(AriaRole.Button, "Add a condition").ClickAsync();
        await visit.PictureAsync("conditions-375");
        await visit.Named(AriaRole.Button, "Take away condition 3, which is empty").ClickAsync();
        await Assertions.Expect(fields).ToHaveCountAsync(2);
        await Assertions.Expect(rows).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task Each_state_says_how_many_records_it_has_and_nothing_moves_when_that_changes()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders"));
        visit.IsExpected = text => text.Contains("ERR_", StringComparison.Ordinal) || text.Contains("EventSource", StringComparison.Ordinal);
        var counts = visit.Page.Locator(".chips .count");
        await Assertions.Expect(counts).ToHaveTextAsync(["3", "0", "0", "0", "0", "0"]);
        var before = await PlacesAsync(visit);
        await site.Cluster.ApplyAsync("price_orders", TaskAction.Skip, new TaskFilter { Keys = ["1"] }, null, null, Stopping);
        await Assertions.Expect(counts).ToHaveTextAsync(["2", "0", "0", "0", "1", "0"]);
        // Of a large table as much as was counted.
        using var caller = site.NewCaller();
        var seen = System.Text.Json.Nodes.JsonNode.Parse((await caller.JsonAsync("api/overview")).GetRawText())!;
        var job = seen["jobs"]![0]!;
        (job["pending"], job["completed"], job["failed"], job["isExact"]) = (9_876, 250_600, 12_600, false);
        await SeenTests.ShowAsync(visit, seen.ToJsonString());
        await Assertions.Expect(counts).ToHaveTextAsync(["9,876+", "0", "0", "0", "250k+", "12k+"]);
        await Assertions.Expect(visit.Named(AriaRole.Button, "completed", true)).ToHaveAttributeAsync("title", "at least 250,600 records");
        Assert.Equal(before, await PlacesAsync(visit));
        await visit.PictureAsync("counts");
        await visit.Page.SetViewportSizeAsync(375, 780);
        await visit.PictureAsync("counts-375");
    }

    private static Task<double[][]> PlacesAsync(Visit visit) => visit.Page.EvaluateAsync<double[][]>(
        "() => [...document.querySelectorAll('.chips[aria-label=States] .chip')].map(c => { const r = c.getBoundingClientRect(); return [r.x, r.y, r.width]; })");

    private static async Task TurnAsync(Visit visit, string table, string on, string back, int first, int second)
    {
        var rows = visit.Page.Locator($"{table} tbody tr");
        await Assertions.Expect(rows).ToHaveCountAsync(first);
        await visit.Named(AriaRole.Button, on, true).ClickAsync();
        await Assertions.Expect(rows).ToHaveCountAsync(second);
        await Assertions.Expect(visit.Page.Locator($"{table} thead")).ToBeInViewportAsync();
        await Assertions.Expect(visit.Named(AriaRole.Button, on, true)).ToBeDisabledAsync();
        await visit.Named(AriaRole.Button, back, true).ClickAsync();
        await Assertions.Expect(rows).ToHaveCountAsync(first);
        await Assertions.Expect(visit.Page.Locator($"{table} thead")).ToBeInViewportAsync();
    }

    private static void Many(PampaBuilder pampa)
    {
        Shop.Small(pampa);
        pampa.Setup("INSERT INTO orders (id, customer, amount) WITH RECURSIVE n (v) AS (SELECT 4 UNION ALL SELECT v + 1 FROM n WHERE v < 60) SELECT v, 'x', 1 FROM n WHERE TRUE ON CONFLICT DO NOTHING");
    }

    private static void Nameless(PampaBuilder pampa)
    {
        pampa.RunsDispatcher = false;
        pampa.Setup("CREATE TABLE IF NOT EXISTS notes (text text PRIMARY KEY)", "INSERT INTO notes (text) VALUES ('') ON CONFLICT DO NOTHING");
        pampa.AddJob("notes", "notes", "text", job => job.Process(_ => { }));
    }

    private static void Failing(PampaBuilder pampa)
    {
        pampa.Workers = 2;
        pampa.Setup("CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY)", "INSERT INTO orders (id) VALUES (1), (2), (3) ON CONFLICT DO NOTHING");
        pampa.AddJob("price_orders", "orders", "id", job => job.Process(task =>
            throw new PermanentFailureException($"Cannot reach the tax office: Host=tax;Password={Shop.Leaked}; time-out after {task.Get<long>("id")} ms")));
    }
}
