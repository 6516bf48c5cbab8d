using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Serving;

namespace Pampa.Dashboard.Tests.Security;

/// <summary>T3: nothing is changed but by the dashboard's own page, and by nobody who may only look.</summary>
[Trait("suite", "security")]
public sealed class ChangeTests
{
    private const string Pause = """{"action":"pause","kind":"job","name":"price_orders"}""";

    private static readonly (string Path, string Body)[] Changes =
    [
        ("api/steer", Pause),
        ("api/records", """{"action":"cancel","job":"price_orders","keys":["1"]}"""),
        ("api/records", """{"action":"cancel","job":"price_orders","filter":{},"running":true}"""),
        ("api/records", """{"action":"skip","job":"price_orders","filter":{}}"""),
        ("api/schedule", """{"action":"run","name":"nightly"}"""),
        ("api/schedule", """{"action":"pause","name":"nightly"}"""),
        ("api/stop", """{"id":"x"}"""),
    ];

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static async Task AssertNothingChangedAsync(Site site)
    {
        Assert.Empty((await site.Cluster.InfoAsync(Stopping)).Held);
        var report = await site.Cluster.ReportAsync("price_orders", exact: true, Stopping);
        Assert.Equal((3, 3), (report.Pending, report.Total));
        Assert.Empty((await site.Cluster.AuditAsync(null, Stopping)).Entries);
        Assert.All(await site.Cluster.SchedulesAsync(Stopping), s => Assert.Null(s.PausedAt));
    }

    [Fact]
    public async Task Nothing_that_is_got_changes_anything()
    {
        await using var site = await Site.StartAsync();
        using var caller = await site.NewCaller().WithSessionAsync();
        foreach (var (path, _) in Changes.Append(("api/signin", "")).Append(("api/preview", "")))
        {
            foreach (var method in new[] { HttpMethod.Get, HttpMethod.Head })
            {
                using var response = await caller.SendAsync(method, $"{path}?action=pause&kind=job&name=price_orders&job=price_orders", null, ("X-Pampa-Token", caller.Token));
                Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            }
        }
        foreach (var method in new[] { HttpMethod.Put, HttpMethod.Delete, HttpMethod.Patch, HttpMethod.Options, HttpMethod.Trace })
        {
            using var response = await caller.SendAsync(method, "api/steer", null, ("X-Pampa-Token", caller.Token), ("Sec-Fetch-Site", "same-origin"));
            Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        }
        await AssertNothingChangedAsync(site);
    }

    [Fact]
    public async Task A_change_needs_the_own_page_the_token_and_json()
    {
        await using var site = await Site.StartAsync();
        using var caller = await site.NewCaller().WithSessionAsync();
        using var stranger = await site.NewCaller().WithSessionAsync();
        var token = ("X-Pampa-Token", caller.Token);
        var own = ("Sec-Fetch-Site", "same-origin");
        foreach (var (path, body) in Changes)
        {
            (string, string)[][] wrong =
            [
                [], [token], [own], [token, ("Sec-Fetch-Site", "cross-site")], [token, ("Sec-Fetch-Site", "same-site")], [token, ("Sec-Fetch-Site", "none")],
                [token, ("Origin", "http://evil.example")], [token, ("Origin", "null")], [own, ("X-Pampa-Token", stranger.Token)], [own, ("X-Pampa-Token", "")],
            ];
            foreach (var headers in wrong)
            {
                using var response = await caller.PostAsync(path, body, headers);
                Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
            }
            foreach (var type in new[] { "application/x-www-form-urlencoded", "text/plain", "multipart/form-data" })
            {
                using var form = new StringContent(body, Encoding.UTF8, type);
                using var response = await caller.SendAsync(HttpMethod.Post, path, form, own, token);
                Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
            }
        }
        await AssertNothingChangedAsync(site);
        // A browser that does not tell where a request comes from tells the origin.
        using var old = await caller.PostAsync("api/steer", Pause, token, ("Origin", site.Root.GetLeftPart(UriPartial.Authority)));
        Assert.Equal(HttpStatusCode.OK, old.StatusCode);
    }

    [Fact]
    public async Task Behind_a_proxy_that_takes_the_encryption_away_the_own_page_may_act()
    {
        await using var site = await Site.StartAsync();
        using var caller = await site.NewCaller().WithSessionAsync();
        var (token, page) = (("X-Pampa-Token", caller.Token), $"https://{site.Root.Authority}");
        // The browser compares what it has asked; the proxy may have made another name of that.
        foreach (var origin in new[] { page, "https://ops.example" })
        {
            using var said = await caller.PostAsync("api/steer", Pause, token, ("Sec-Fetch-Site", "same-origin"), ("Origin", origin));
            Assert.Equal(HttpStatusCode.OK, said.StatusCode);
        }
        using var old = await caller.PostAsync("api/steer", Pause, token, ("Origin", page));
        Assert.Equal(HttpStatusCode.OK, old.StatusCode);
    }

    [Fact]
    public async Task A_page_without_encryption_may_not_act_on_one_with()
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Before = app => app.Use((HttpContext context, RequestDelegate next) =>
            {
                context.Request.Scheme = "https";
                return next(context);
            }),
        });
        using var caller = site.NewCaller();
        using var response = await caller.GetAsync("api/session", ("Origin", site.Root.GetLeftPart(UriPartial.Authority)));
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        using var own = await caller.GetAsync("api/session", ("Origin", $"https://{site.Root.Authority}"));
        Assert.Equal(HttpStatusCode.OK, own.StatusCode);
    }

    [Theory, InlineData("Origin"), InlineData("X-Forwarded-Proto")]
    public async Task The_cookie_of_a_page_that_came_encrypted_never_goes_otherwise(string header)
    {
        await using var site = await Site.StartAsync(new SitePlan { Options = o => o.Authorize = _ => ValueTask.FromResult(true) });
        using var caller = site.NewCaller();
        using var response = await caller.GetAsync("api/session", header == "Origin" ? (header, $"https://{site.Root.Authority}") : (header, "https, http"));
        Assert.Contains("secure", Assert.Single(response.Headers.GetValues("Set-Cookie")), StringComparison.OrdinalIgnoreCase);
        using var plain = await site.NewCaller().GetAsync("api/session");
        Assert.DoesNotContain("secure", Assert.Single(plain.Headers.GetValues("Set-Cookie")), StringComparison.OrdinalIgnoreCase);
    }

    [Theory, InlineData("/admin", "/pampa", "/admin/pampa/"), InlineData(null, "/PamPa", "/PamPa/")]
    public async Task The_cookie_is_for_the_path_that_the_browser_knows(string? group, string asked, string path)
    {
        await using var site = await Site.StartAsync(new SitePlan { Group = group });
        using var caller = new Caller(new Uri(site.Root, $"{group}{asked}/"));
        using var response = await caller.GetAsync("api/session");
        Assert.Contains($"path={path};", Assert.Single(response.Headers.GetValues("Set-Cookie")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_of_another_site_gets_nothing_but_a_link()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        foreach (var path in new[] { "api/session", "api/overview", "api/stream", "api/tasks?job=price_orders", "theme.js" })
        {
            foreach (var from in new[] { "cross-site", "same-site" })
            {
                using var response = await caller.GetAsync(path, ("Sec-Fetch-Site", from));
                Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
            }
        }
        using var link = await caller.GetAsync("", ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"));
        Assert.Equal(HttpStatusCode.OK, link.StatusCode);
        using var frame = await caller.GetAsync("", ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe"));
        Assert.Equal(HttpStatusCode.Forbidden, frame.StatusCode);
    }

    [Fact]
    public async Task Sites_that_the_application_lets_ask_get_nothing_of_the_dashboard()
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Services = services => services.AddCors(cors =>
                cors.AddDefaultPolicy(policy => policy.SetIsOriginAllowed(_ => true).AllowCredentials().AllowAnyHeader())),
            Before = app =>
            {
                app.UseRouting();
                app.UseCors();
            },
        });
        using var caller = site.NewCaller();
        foreach (var path in new[] { "api/session", "api/overview", "api/stream" })
        {
            using var response = await caller.GetAsync(path, ("Origin", "https://friend.example"));
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }
    }

    [Fact]
    public async Task The_cookie_is_for_this_server_alone()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        using var response = await caller.GetAsync("api/session");
        var cookie = Assert.Single(response.Headers.GetValues("Set-Cookie"));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("path=/pampa/", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(response.Headers, h => h.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_cookie_that_this_server_has_not_made_is_none()
    {
        await using var site = await Site.StartAsync();
        using var caller = await site.NewCaller().WithSessionAsync();
        using var forged = new Caller(site.Address);
        using var given = await forged.GetAsync("api/session");
        var name = Assert.Single(given.Headers.GetValues("Set-Cookie")).Split('=')[0];
        using var other = new Caller(site.Address);
        using var response = await other.PostAsync("api/steer", Pause, ("Sec-Fetch-Site", "same-origin"), ("X-Pampa-Token", caller.Token), ("Cookie", $"{name}=x.Operator.99999999999.AAAA"));
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        await AssertNothingChangedAsync(site);
    }

    [Fact]
    public void A_cookie_that_somebody_has_changed_is_none()
    {
        var sessions = new Sessions(TimeProvider.System);
        var context = new DefaultHttpContext();
        var begun = sessions.Begin(context, SessionRole.Reader);
        var cookie = context.Response.Headers.SetCookie.ToString().Split(';')[0];
        var parts = cookie.Split('.');
        Session? With(int part, string text)
        {
            context.Request.Headers.Cookie = string.Join('.', parts.Select((p, i) => i == part ? text : p));
            return sessions.Read(context);
        }
        Assert.Equal(begun, With(0, parts[0]));
        Assert.Null(With(0, $"{parts[0]}x"));
        Assert.Null(With(1, nameof(SessionRole.Operator)));
        Assert.Null(With(2, $"{parts[2]}0"));
        Assert.Null(With(3, ""));
        Assert.Null(With(3, new string('A', parts[3].Length)));
        // Another process has another key.
        context.Request.Headers.Cookie = cookie;
        Assert.Null(new Sessions(TimeProvider.System).Read(context));
    }

    [Fact]
    public async Task Two_dashboards_of_a_computer_leave_each_others_sessions_alone()
    {
        await using var one = await Site.StartAsync();
        await using var two = await Site.StartAsync();
        // A browser tells cookies by the computer, and not by the port.
        var cookies = new CookieContainer();
        using var first = await new Caller(one.Address, cookies).WithSessionAsync();
        using var second = await new Caller(two.Address, cookies).WithSessionAsync();
        foreach (var caller in new[] { first, second, first })
        {
            using var done = await caller.PostAsync("api/steer", Pause);
            Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Who_may_only_look_changes_nothing(bool isForAll)
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Options = options =>
            {
                if (isForAll) options.IsReadOnly = true;
                else options.IsOperator = _ => false;
            },
        });
        using var caller = await site.NewCaller().WithSessionAsync();
        foreach (var (path, body) in Changes.Append(("api/preview", """{"action":"retry","job":"price_orders","filter":{}}""")))
        {
            using var response = await caller.PostAsync(path, body);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }
        await AssertNothingChangedAsync(site);
        Assert.False((await caller.JsonAsync("api/session")).GetProperty("mayAct").GetBoolean());
        Assert.Equal(3, (await caller.JsonAsync("api/tasks?job=price_orders")).GetProperty("tasks").GetArrayLength());
    }

    [Fact]
    public async Task What_is_done_is_in_the_audit_under_the_name_of_who_did_it()
    {
        await using var site = await Site.StartAsync();
        using var caller = await site.NewCaller().WithSessionAsync();
        using var paused = await caller.PostAsync("api/steer", """{"action":"pause","kind":"job","name":"price_orders","reason":"stock-taking"}""");
        using var skipped = await caller.PostAsync("api/records", """{"action":"skip","job":"price_orders","keys":["2"],"reason":"doubled"}""");
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (paused.StatusCode, skipped.StatusCode));
        var entries = (await site.Cluster.AuditAsync(null, Stopping)).Entries;
        Assert.All(entries, e => Assert.StartsWith("dashboard (", e.Who, StringComparison.Ordinal));
        Assert.Contains(entries, e => e is { Action: "pause", Target: "job price_orders" } && e.Detail.Contains("stock-taking", StringComparison.Ordinal));
        Assert.Contains(entries, e => e is { Action: "skip", Count: 1 } && e.Detail.Contains("doubled", StringComparison.Ordinal));
        Assert.Equal(1, (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Completed);
    }
}
