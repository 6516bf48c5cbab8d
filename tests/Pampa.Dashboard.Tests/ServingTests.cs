using System.Net;
using Microsoft.AspNetCore.Builder;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Serving;
using Pampa.Showing;

namespace Pampa.Dashboard.Tests;

/// <summary>What is served, and how it is mapped.</summary>
public sealed class ServingTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_files_of_the_front_end_are_there_and_are_kept_by_browsers()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        foreach (var name in Assets.Embedded.Value!.Names)
        {
            using var response = await caller.GetAsync(name);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            var bytes = await response.Content.ReadAsByteArrayAsync(Stopping);
            Assert.NotEmpty(bytes);
            Assert.Equal(bytes.Length, response.Content.Headers.ContentLength);
            Assert.Equal(name.StartsWith("assets/", StringComparison.Ordinal), response.Headers.CacheControl!.Extensions.Any(e => e.Name == "immutable"));
            using var again = await caller.GetAsync(name, ("If-None-Match", response.Headers.ETag!.ToString()));
            Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        }
    }

    [Theory, InlineData("/pampa", "pampa/"), InlineData("/ops/dash/", "dash/")]
    public async Task Without_the_slash_at_its_end_the_page_leads_to_itself(string path, string to)
    {
        await using var site = await Site.StartAsync(new SitePlan { Path = path });
        using var caller = site.NewCaller();
        using var response = await caller.GetAsync(path.TrimEnd('/'));
        Assert.Equal((HttpStatusCode.Found, to), (response.StatusCode, response.Headers.Location?.ToString()));
        using var own = await caller.GetAsync("/");
        Assert.Equal("the application's own", await own.Content.ReadAsStringAsync(Stopping));
    }

    [Theory, InlineData("/", "/ops", "ops/"), InlineData("/", "/behind/a proxy", "a%20proxy/"), InlineData("/pampa", "/ops", "pampa/")]
    public async Task Behind_a_path_base_it_does_so_too(string path, string pathBase, string to)
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Path = path,
            Before = app =>
            {
                app.UsePathBase(pathBase);
                app.UseRouting();
            },
        });
        using var caller = site.NewCaller();
        var typed = $"{pathBase}{path.TrimEnd('/')}".Replace(" ", "%20", StringComparison.Ordinal);
        using var response = await caller.GetAsync(typed);
        Assert.Equal((HttpStatusCode.Found, to), (response.StatusCode, response.Headers.Location?.OriginalString));
        using var page = await caller.GetAsync(new Uri(new Uri(site.Root, typed), to).ToString());
        Assert.Equal((HttpStatusCode.OK, "text/html"), (page.StatusCode, page.Content.Headers.ContentType?.MediaType));
    }

    [Theory, InlineData("pampa"), InlineData("/p/{job}"), InlineData("/p?x"), InlineData("")]
    public async Task A_path_that_is_none_is_refused(string path)
    {
        await using var app = WebApplication.CreateSlimBuilder().Build();
        Assert.Throws<ArgumentException>(() => app.MapPampaDashboard(path));
    }

    [Fact]
    public async Task Without_a_cluster_it_is_said_what_is_missing()
    {
        await using var app = WebApplication.CreateSlimBuilder().Build();
        Assert.Contains("AddPampa", Assert.Throws<InvalidOperationException>(() => app.MapPampaDashboard()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_limit_of_workers_is_shown_with_its_amount_and_how_well_it_is_enforced() => Assert.Equal(
        new LimitShape("MaxRam 512 MB: enforced in part, by x: y", "MaxRam", "512 MB", "partly"),
        Snapshots.LimitOf(new WorkerLimitInfo("MaxRam", 512, LimitEnforcement.Partly, "x: y")));

    [Fact]
    public async Task A_page_of_tasks_goes_on_behind_the_last_key()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        var first = await caller.JsonAsync("api/tasks?job=price_orders&limit=2");
        Assert.Equal(["1", "2"], first.GetProperty("tasks").EnumerateArray().Select(t => t.GetProperty("key").GetString()));
        var second = await caller.JsonAsync($"api/tasks?job=price_orders&limit=2&after={Uri.EscapeDataString(first.GetProperty("next").GetString()!)}");
        Assert.Equal(["3"], second.GetProperty("tasks").EnumerateArray().Select(t => t.GetProperty("key").GetString()));
        Assert.Null(second.GetProperty("next").GetString());
    }

    [Fact]
    public async Task A_record_that_is_not_there_is_not_found_and_one_that_is_not_named_is_told()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        using var missing = await caller.GetAsync("api/task?job=price_orders&key=99");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        using var odd = await caller.GetAsync("api/task?job=price_orders");
        Assert.Equal(HttpStatusCode.BadRequest, odd.StatusCode);
    }

    [Fact]
    public async Task An_application_stops_although_somebody_looks_on()
    {
        var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        using var stream = await caller.GetAsync("api/stream");
        await site.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20), Stopping);
    }

    [Fact]
    public async Task The_program_has_the_verb_because_it_references_the_package()
    {
        // The console is the process's: what a verb prints for help is all that can be looked at here.
        Assert.NotNull(Type.GetType("Pampa.Serving.DashboardVerb, Pampa.Dashboard"));
        Assert.Equal(0, await PampaApp.RunAsync(["dashboard", "--help"], Shop.Small));
        Assert.Equal(2, await PampaApp.RunAsync(["dashboard", "--listen", "0.0.0.0", "--db", Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.db")], Shop.Small));
    }
}
