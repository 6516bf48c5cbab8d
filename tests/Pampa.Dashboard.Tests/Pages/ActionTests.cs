using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>Every action: asked, previewed, done, seen in the audit. Each test has a shop of its own, where nothing happens by itself.</summary>
[Collection(BrowserTests.Name)]
public sealed class ActionTests(Browser browser)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static ILocator Dialog(Visit visit) => visit.Page.Locator("dialog[open]");

    private static async Task ConfirmAsync(Visit visit, string verb, string? reason = null)
    {
        if (reason is not null) await Dialog(visit).GetByLabel("Reason").FillAsync(reason);
        await Dialog(visit).GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = verb, Exact = true }).ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_job_is_paused_with_a_reason_and_resumed()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(site.Address);
        var row = visit.Page.Locator("table.jobs tbody tr");
        await visit.Named(AriaRole.Button, "Pause price_orders").ClickAsync();
        await visit.PictureAsync("pause");
        await ConfirmAsync(visit, "Pause", "stock-taking");
        await Assertions.Expect(row).ToContainTextAsync("paused");
        // Whoever works with keys goes on where he was.
        await Assertions.Expect(visit.Named(AriaRole.Button, "Resume price_orders")).ToBeFocusedAsync();
        var held = Assert.Single((await site.Cluster.InfoAsync(Stopping)).Held);
        Assert.Equal(("job price_orders", "stock-taking"), (held.Target.ToString(), held.Reason));
        await visit.Named(AriaRole.Button, "Resume price_orders").ClickAsync();
        await ConfirmAsync(visit, "Resume");
        await Assertions.Expect(row).Not.ToContainTextAsync("paused");
        Assert.Empty((await site.Cluster.InfoAsync(Stopping)).Held);
    }

    [Fact]
    public async Task What_is_asked_and_left_is_not_done()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(site.Address);
        // No key and no picture can come in between: who presses Escape at once means the question, not the page behind it.
        Assert.True(await visit.Named(AriaRole.Button, "Pause price_orders").EvaluateAsync<bool>(
            "async button => { button.click(); for (let i = 0; i < 9; i++) await null; return document.querySelector('dialog')?.open === true; }"));
        await visit.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(Dialog(visit)).ToHaveCountAsync(0);
        await visit.Named(AriaRole.Button, "Pause price_orders").ClickAsync();
        await Dialog(visit).GetByText("Leave it").ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToHaveCountAsync(0);
        Assert.Empty((await site.Cluster.InfoAsync(Stopping)).Held);
    }

    [Fact]
    public async Task Chosen_tasks_are_skipped_and_the_rest_cancelled_by_a_filter_then_retried_and_relaunched()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders"));
        await visit.Page.GetByLabel("Choose 2").CheckAsync();
        await visit.Named(AriaRole.Button, "Skip", true).ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("1 record of price_orders would change");
        await ConfirmAsync(visit, "Skip", "doubled");
        await Assertions.Expect(visit.Page.Locator("table.tasks")).ToContainTextAsync("completed");

        await visit.Named(AriaRole.Button, "pending", true).ClickAsync();
        await Assertions.Expect(visit.Page.Locator("table.tasks tbody tr")).ToHaveCountAsync(2);
        await visit.Named(AriaRole.Button, "Cancel", true).ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("2 records of price_orders would change");
        await visit.PictureAsync("cancel");
        await ConfirmAsync(visit, "Cancel", "out of stock");
        await Assertions.Expect(visit.Page.Locator("main")).ToContainTextAsync("No record matches");
        // What takes longer than a moment goes on behind the page.
        await Until.TrueAsync(async () => await site.Cluster.ReportAsync("price_orders", exact: true, Stopping) is { Pending: 0, Completed: 1, Failed: 2 });

        await visit.GoAsync("#/jobs/price_orders");
        await visit.Named(AriaRole.Button, "Retry failed").ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("2 records");
        await ConfirmAsync(visit, "Retry");
        await Until.TrueAsync(async () => (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Pending == 2);

        await visit.GoAsync("#/jobs/price_orders/tasks/2");
        await visit.Named(AriaRole.Button, "Relaunch", true).ClickAsync();
        await ConfirmAsync(visit, "Relaunch");
        await Assertions.Expect(visit.Page.Locator("h1")).ToContainTextAsync("pending");

        await visit.GoAsync("#/audit");
        foreach (var text in new[] { "skip", "cancel", "retry", "relaunch", "doubled", "out of stock" })
            await Assertions.Expect(visit.Page.Locator("table.audit")).ToContainTextAsync(text);
    }

    [Theory, InlineData(1280, ColorScheme.Light), InlineData(375, ColorScheme.Dark)]
    public async Task What_is_scheduled_is_run_now_by_a_filter_or_alone(int width, ColorScheme scheme)
    {
        await using var site = await Site.StartAsync();
        await site.WriteAsync("UPDATE orders SET price_orders_reservation_time = '2199-01-01T00:00:00.000Z'");
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/jobs/price_orders/tasks/2"), width, scheme);
        var run = visit.Named(AriaRole.Button, "Run now", true);
        await Assertions.Expect(visit.Page.Locator("h1")).ToContainTextAsync("scheduled");
        await visit.PictureAsync($"scheduled-{width}");
        await run.ClickAsync();
        await Assertions.Expect(Dialog(visit)).ToContainTextAsync("1 record of price_orders would change");
        await ConfirmAsync(visit, "Run now");
        await Assertions.Expect(visit.Page.Locator("h1")).ToContainTextAsync("pending");
        await Assertions.Expect(run).ToBeDisabledAsync();

        await visit.GoAsync("#/tasks?job=price_orders&state=scheduled");
        await Assertions.Expect(visit.Page.Locator("table.tasks tbody tr")).ToHaveCountAsync(2);
        await visit.PictureAsync($"scheduled-list-{width}");
        var sizes = await visit.Page.EvaluateAsync<int[]>("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]");
        Assert.True(sizes[0] <= sizes[1]);
        await run.ClickAsync();
        await Assertions.Expect(Dialog(visit).Locator(".preview")).ToHaveTextAsync("2 records of price_orders would change.");
        await visit.PictureAsync($"run-now-{width}");
        Assert.Empty(await visit.Page.EvaluateAsync<string[]>(LookTests.Faint));
        await ConfirmAsync(visit, "Run now", "it is late");
        await Until.TrueAsync(async () => (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Pending == 3);
        var entries = (await site.Cluster.AuditAsync(new AuditQuery { Action = "run-now" }, Stopping)).Entries;
        Assert.Equal([2L, 1L], entries.Select(e => e.Count));
        Assert.Contains("it is late", entries[0].Detail, StringComparison.Ordinal);
    }

    [Theory, InlineData(1280, ColorScheme.Dark), InlineData(375, ColorScheme.Light)]
    public async Task Where_nothing_would_change_it_is_said_why(int width, ColorScheme scheme)
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = Shop.Timed });
        await site.WriteAsync("UPDATE orders SET due_at = '2199-01-01T00:00:00.000Z' WHERE id < 3; UPDATE orders SET price_orders_reservation_times = 3 WHERE id = 3");
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders&state=scheduled"), width, scheme);
        await Assertions.Expect(visit.Page.Locator("table.tasks tbody tr")).ToHaveCountAsync(2);
        await visit.Named(AriaRole.Button, "Run now", true).ClickAsync();
        await Assertions.Expect(Dialog(visit).Locator(".preview")).ToContainTextAsync("0 records of price_orders would change.");
        await Assertions.Expect(Dialog(visit).Locator(".why")).ToContainTextAsync("What is scheduled of these waits for its own time, which stands in column 'due_at'");
        await Assertions.Expect(Dialog(visit).Locator("button[type=submit]")).ToBeDisabledAsync();
        await visit.PictureAsync($"why-none-{width}");
        Assert.Empty(await visit.Page.EvaluateAsync<string[]>(LookTests.Faint));
        await visit.Page.Keyboard.PressAsync("Escape");
        await visit.GoAsync("#/jobs/price_orders/tasks/3");
        await visit.Named(AriaRole.Button, "Retry", true).ClickAsync();
        await Assertions.Expect(Dialog(visit).Locator(".why")).ToContainTextAsync("has used all of its attempts and has no end yet");
    }

    [Theory, InlineData("order=latestend", "order=latestend&state=pending"), InlineData("order=latestend&state=failed", "order=longestrunning&state=failed"), InlineData("state=failed", "state=pending")]
    public async Task Nothing_is_done_to_all_that_match_before_it_is_seen_what_does(string before, string after)
    {
        await using var site = await Site.StartAsync();
        await site.Cluster.ApplyAsync("price_orders", TaskAction.Cancel, new TaskFilter { Keys = ["2"] }, cancellationToken: Stopping);
        await using var visit = await browser.OpenAsync(new Uri(site.Address, $"#/tasks?job=price_orders&{before}"));
        var (cancel, rows) = (visit.Named(AriaRole.Button, "Cancel", true), visit.Page.Locator("table.tasks tbody tr"));
        await Assertions.Expect(rows).ToHaveCountAsync(1);
        await Assertions.Expect(cancel).ToBeEnabledAsync();
        var (came, answers) = (new TaskCompletionSource(), new TaskCompletionSource());
        bool IsNew(string url) => url.Contains("/api/tasks?", StringComparison.Ordinal) && after.Split('&').All(part => url.Contains(part, StringComparison.Ordinal));
        await visit.Page.RouteAsync(IsNew, async route =>
        {
            came.TrySetResult();
            await answers.Task;
            await route.ContinueAsync();
        });
        await visit.GoAsync($"#/tasks?job=price_orders&{after}");
        await came.Task.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, Stopping);
        // The old rows stand there yet.
        await Assertions.Expect(rows).ToHaveCountAsync(1);
        await Assertions.Expect(cancel).ToBeDisabledAsync();
        answers.SetResult();
        if (after.StartsWith("order", StringComparison.Ordinal)) await Assertions.Expect(rows).ToHaveCountAsync(0);
        else await Assertions.Expect(cancel).ToBeEnabledAsync();
    }

    [Fact]
    public async Task A_schedule_runs_now_is_paused_and_resumed()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/schedules"));
        await visit.Named(AriaRole.Button, "Run nightly now").ClickAsync();
        await ConfirmAsync(visit, "Run now");
        await Until.TrueAsync(async () => (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Total == 4);
        await visit.Named(AriaRole.Button, "Pause nightly").ClickAsync();
        await ConfirmAsync(visit, "Pause", "holidays");
        await Assertions.Expect(visit.Page.Locator("table.schedules")).ToContainTextAsync("holidays");
        await visit.Named(AriaRole.Button, "Resume nightly").ClickAsync();
        await ConfirmAsync(visit, "Resume");
        await Assertions.Expect(visit.Page.Locator("table.schedules")).Not.ToContainTextAsync("holidays");
    }

    [Fact]
    public async Task A_worker_is_detached_and_a_node_drained()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/nodes"));
        await visit.Named(AriaRole.Button, "Detach local.2").ClickAsync();
        await ConfirmAsync(visit, "Detach", "odd noises");
        await Assertions.Expect(visit.Named(AriaRole.Button, "Attach local.2")).ToBeVisibleAsync();
        await visit.Named(AriaRole.Button, "Attach local.2").ClickAsync();
        await ConfirmAsync(visit, "Attach");
        await visit.Named(AriaRole.Button, "Drain", true).ClickAsync();
        await ConfirmAsync(visit, "Drain", "new disk");
        await Assertions.Expect(visit.Page.Locator(".node header")).ToContainTextAsync("paused");
        Assert.Equal("node local", Assert.Single((await site.Cluster.InfoAsync(Stopping)).Held).Target.ToString());
        await visit.Named(AriaRole.Button, "Attach", true).ClickAsync();
        await ConfirmAsync(visit, "Attach");
        await Assertions.Expect(visit.Page.Locator(".node header")).Not.ToContainTextAsync("paused");
    }

    [Fact]
    public async Task Who_may_only_look_sees_no_button_to_act()
    {
        await using var site = await Site.StartAsync(new SitePlan { Options = o => o.IsReadOnly = true });
        await using var visit = await browser.OpenAsync(site.Address);
        await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToHaveCountAsync(1);
        await Assertions.Expect(visit.Page.Locator(".bar-bottom")).ToContainTextAsync("read-only");
        (string Hash, string Title, string Text)[] pages =
        [
            ("#/", "Overview", "0 of 3 done"), ("#/jobs/price_orders", "price_orders", "Nothing has failed for good"), ("#/tasks", "Tasks", "You may look, but not act."),
            ("#/jobs/price_orders/tasks/1", "1", "Nothing out of the ordinary"), ("#/nodes", "Nodes and workers", "local.1"), ("#/schedules", "Schedules", "nightly"),
        ];
        foreach (var (hash, title, text) in pages)
        {
            await visit.GoAsync(hash);
            // The page before has none of the buttons, either.
            await Assertions.Expect(visit.Page.Locator("h1")).ToContainTextAsync(title);
            await Assertions.Expect(visit.Page.Locator("main")).ToContainTextAsync(text);
            await Assertions.Expect(visit.Page.Locator("main .skeleton")).ToHaveCountAsync(0);
            var acts = new Regex(@"^(Pause|Resume|Retry|Cancel|Skip|Relaunch|Drain|Detach|Attach|Run)\b");
            await Assertions.Expect(visit.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { NameRegex = acts })).ToHaveCountAsync(0);
        }
    }

    [Fact]
    public async Task What_the_server_refuses_is_told_in_the_dialog()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await browser.OpenAsync(new Uri(site.Address, "#/tasks?job=price_orders&where=nothing%20%3D%201"));
        visit.IsExpected = text => text.Contains("400", StringComparison.Ordinal);
        await Assertions.Expect(visit.Page.Locator(".failing")).ToContainTextAsync("nothing");
        await visit.PictureAsync("refused");
    }
}
