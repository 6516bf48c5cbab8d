using System.CommandLine;
using System.Net;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Serving;

namespace Pampa.Dashboard.Tests.Security;

/// <summary>T1 and T2: who is answered at all, by which name, and whether somebody must sign in.</summary>
[Trait("suite", "security")]
public sealed class ExposureTests
{
    private static readonly string[] Everything = ["", "theme.js", "api/session", "api/overview", "api/stream", "api/samples?job=price_orders", "api/errors?job=price_orders", "api/job?job=price_orders", "api/nodes", "api/workers", "api/columns?job=price_orders", "api/orders?job=price_orders", "api/tasks?job=price_orders", "api/task?job=price_orders&key=1", "api/schedules", "api/audit", "api/nothing", "nothing", "metrics", "scale/price_orders", "scale/nobody"];

    [Fact]
    public async Task Another_computer_is_refused_everything_while_nobody_must_sign_in()
    {
        await using var site = await Site.StartAsync(new SitePlan { Before = Site.FromElsewhere });
        using var caller = site.NewCaller();
        foreach (var path in Everything)
        {
            using var response = await caller.GetAsync(path);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }
        using var own = await caller.GetAsync(site.Root.ToString());
        Assert.Equal(HttpStatusCode.OK, own.StatusCode);
    }

    [Fact]
    public async Task Who_came_through_a_proxy_is_refused_while_nobody_must_sign_in()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        foreach (var header in new[] { "X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP" })
        {
            using var response = await caller.GetAsync("api/overview", (header, "for=203.0.113.7"));
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_name_that_is_not_this_computers_is_refused()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        foreach (var host in new[] { "evil.example", $"evil.example:{site.Root.Port}", "127.0.0.1.evil.example", "localhost.evil.example" })
        {
            foreach (var path in Everything)
            {
                using var response = await caller.GetAsync(path, ("Host", host));
                Assert.Equal(HttpStatusCode.MisdirectedRequest, response.StatusCode);
            }
        }
        using var local = await caller.GetAsync("api/session", ("Host", $"localhost:{site.Root.Port}"));
        Assert.Equal(HttpStatusCode.OK, local.StatusCode);
    }

    [Fact]
    public async Task A_name_that_is_allowed_is_the_only_one()
    {
        await using var site = await Site.StartAsync(new SitePlan { Options = o => o.AllowedHosts.Add("ops.example") });
        using var caller = site.NewCaller();
        using var allowed = await caller.GetAsync("api/session", ("Host", "OPS.example:8080"));
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
        using var other = await caller.GetAsync("api/session");
        Assert.Equal(HttpStatusCode.MisdirectedRequest, other.StatusCode);
    }

    [Fact]
    public async Task RequireAuthorization_covers_pages_data_and_stream_alike()
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Services = services =>
            {
                services.AddAuthorization();
                services.AddAuthentication("test").AddScheme<AuthenticationSchemeOptions, HeaderScheme>("test", _ => { });
            },
            Before = app =>
            {
                Site.FromElsewhere(app);
                app.UseAuthentication();
                app.UseRouting();
                app.UseAuthorization();
            },
            Endpoint = endpoint => endpoint.RequireAuthorization(),
        });
        using var caller = site.NewCaller();
        foreach (var path in Everything)
        {
            using var response = await caller.GetAsync(path);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }
        foreach (var path in new[] { "api/session", "api/overview", "api/stream", "" })
        {
            using var response = await caller.GetAsync(path, ("X-User", "ada"));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Fact]
    public async Task An_endpoint_that_lets_everybody_in_after_all_answers_only_this_computer()
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Services = services =>
            {
                services.AddAuthorization();
                services.AddAuthentication("test").AddScheme<AuthenticationSchemeOptions, HeaderScheme>("test", _ => { });
            },
            Before = app =>
            {
                Site.FromElsewhere(app);
                app.UseAuthentication();
                app.UseRouting();
                app.UseAuthorization();
            },
            Endpoint = endpoint => endpoint.RequireAuthorization().AllowAnonymous(),
        });
        using var caller = site.NewCaller();
        foreach (var path in Everything)
        {
            using var response = await caller.GetAsync(path);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_program_of_its_own_takes_so_many_connections_and_so_long_a_body_and_no_more()
    {
        await using var site = await Site.StartAsync();
        await using var app = new Server(site.Cluster, Plan(_ => null, "--port", "0"), TextWriter.Null, TextWriter.Null).Build();
        var limits = app.Services.GetRequiredService<IOptions<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>>().Value.Limits;
        Assert.Equal((500L, 1024L * 1024), (limits.MaxConcurrentConnections, limits.MaxRequestBodySize));
    }

    [Fact]
    public async Task The_applications_own_check_decides_over_every_request()
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Before = Site.FromElsewhere,
            Options = o => o.Authorize = context => ValueTask.FromResult(context.Request.Headers["X-Key"] == "right"),
        });
        using var caller = site.NewCaller();
        foreach (var path in Everything)
        {
            using var response = await caller.GetAsync(path);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }
        using var right = await caller.GetAsync("api/overview", ("X-Key", "right"));
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
    }

    [Theory, InlineData("0.0.0.0"), InlineData("::"), InlineData("192.0.2.1")]
    public void An_address_that_others_reach_is_refused_without_sign_in(string address)
    {
        var error = Assert.Single(Assert.Throws<PampaConfigurationException>(() => Plan(_ => null, "--listen", address)).Errors);
        Assert.Contains("--auth", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_that_is_short_is_refused()
    {
        var error = Assert.Throws<PampaConfigurationException>(() => Plan(_ => "short", "--auth", "basic"));
        Assert.All(error.Errors, e => Assert.Contains("16 characters", e, StringComparison.Ordinal));
        Assert.DoesNotContain(error.Errors, e => e.Contains("got short", StringComparison.Ordinal));
    }

    [Fact]
    public void A_header_is_believed_of_no_one_but_a_proxy()
    {
        Assert.Contains("--proxy", Assert.Single(Assert.Throws<PampaConfigurationException>(() => Plan(_ => null, "--auth", "header:X-User")).Errors), StringComparison.Ordinal);
        var signIn = new HeaderSignIn("X-User", [IPAddress.Parse("10.0.0.1")], ["ada"]);
        Assert.False(signIn.Recognise(From("10.0.0.2", ("X-User", "ada")), null).IsIn);
        Assert.False(signIn.Recognise(From("10.0.0.1"), null).IsIn);
        Assert.Equal((true, true, "ada"), signIn.Recognise(From("::ffff:10.0.0.1", ("X-User", "ada")), null));
        Assert.Equal((true, false, "bob"), signIn.Recognise(From("10.0.0.1", ("X-User", "bob")), null));
    }

    [Fact]
    public async Task A_program_of_its_own_asks_for_the_secret_and_remembers_who_may_act()
    {
        const string acting = "acting-secret-0123456789";
        const string looking = "looking-secret-0123456789";
        await using var site = await Site.StartAsync();
        var plan = Plan(name => name == "PAMPA_DASHBOARD_SECRET" ? acting : looking, "--port", "0", "--auth", "token");
        await using var app = new Server(site.Cluster, plan, TextWriter.Null, TextWriter.Null).Build();
        await app.StartAsync(TestContext.Current.CancellationToken);
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

        using var nobody = await new Caller(address).WithSessionAsync();
        foreach (var path in Everything.Where(IsData))
        {
            using var response = await nobody.GetAsync(path);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }
        foreach (var path in Everything.Where(IsData))
        {
            using var guessed = await nobody.GetAsync(path, ("Authorization", "Bearer a guess that is wrong"));
            Assert.Equal(HttpStatusCode.Unauthorized, guessed.StatusCode);
        }
        foreach (var secret in new[] { acting, looking })
        {
            // A program has no page: it shows the secret itself, and may only look.
            using var scraped = await nobody.GetAsync("metrics", ("Authorization", $"Bearer {secret}"));
            Assert.Equal(HttpStatusCode.OK, scraped.StatusCode);
            using var steered = await nobody.PostAsync(
                "api/steer", """{"action":"pause","kind":"job","name":"price_orders"}""", ("Authorization", $"Bearer {secret}"),
                ("Sec-Fetch-Site", "same-origin"), ("X-Pampa-Token", nobody.Token));
            Assert.Equal(HttpStatusCode.Forbidden, steered.StatusCode);
        }
        using var wrong = await nobody.PostAsync("api/signin", """{"secret":"a guess that is wrong"}""");
        Assert.Equal(HttpStatusCode.Forbidden, wrong.StatusCode);

        using var reader = await new Caller(address).WithSessionAsync();
        using var let = await reader.PostAsync("api/signin", $$"""{"secret":"{{looking}}"}""");
        Assert.Equal(HttpStatusCode.OK, let.StatusCode);
        await reader.WithSessionAsync();
        using var page = await reader.GetAsync("api/tasks?job=price_orders");
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        using var act = await reader.PostAsync("api/steer", """{"action":"pause","kind":"job","name":"price_orders"}""");
        Assert.Equal(HttpStatusCode.Forbidden, act.StatusCode);
        Assert.Empty((await site.Cluster.InfoAsync(TestContext.Current.CancellationToken)).Held);

        using var actor = await new Caller(address).WithSessionAsync();
        using var letIn = await actor.PostAsync("api/signin", $$"""{"secret":"{{acting}}"}""");
        await actor.WithSessionAsync();
        using var acted = await actor.PostAsync("api/steer", """{"action":"pause","kind":"job","name":"price_orders"}""");
        Assert.Equal(HttpStatusCode.OK, acted.StatusCode);
        await app.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task With_name_and_password_the_browser_asks_and_the_name_stands_in_the_audit()
    {
        await using var site = await Site.StartAsync();
        const string secret = "a-secret-that-is-long-enough";
        await using var app = new Server(site.Cluster, Plan(name => name == "PAMPA_DASHBOARD_SECRET" ? secret : null, "--port", "0", "--auth", "basic"), TextWriter.Null, TextWriter.Null).Build();
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var caller = new Caller(new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()));
        foreach (var path in new[] { "", "theme.js", "api/session", "api/overview", "metrics" })
        {
            using var nobody = await caller.GetAsync(path);
            Assert.Equal((HttpStatusCode.Unauthorized, "Basic"), (nobody.StatusCode, nobody.Headers.WwwAuthenticate.Single().Scheme));
            using var wrong = await caller.GetAsync(path, ("Authorization", Basic("ada", "a guess that is wrong")));
            Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        }
        using var session = await caller.GetAsync("api/session", ("Authorization", Basic("ada", secret)));
        var text = await session.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var token = System.Text.Json.JsonDocument.Parse(text).RootElement.GetProperty("token").GetString()!;
        using var paused = await caller.PostAsync(
            "api/steer", """{"action":"pause","kind":"job","name":"price_orders"}""", ("Authorization", Basic("ada", secret)), ("Sec-Fetch-Site", "same-origin"), ("X-Pampa-Token", token));
        Assert.Equal(HttpStatusCode.OK, paused.StatusCode);
        Assert.Equal("ada", Assert.Single((await site.Cluster.AuditAsync(null, TestContext.Current.CancellationToken)).Entries).Who);
        await app.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_session_ends_after_twelve_hours()
    {
        var time = new FakeTimeProvider();
        var sessions = new Sessions(time);
        var context = new DefaultHttpContext();
        var begun = sessions.Begin(context, SessionRole.Operator);
        context.Request.Headers.Cookie = context.Response.Headers.SetCookie.ToString().Split(';')[0];
        time.Advance(TimeSpan.FromHours(12) - TimeSpan.FromSeconds(1));
        Assert.Equal(begun, sessions.Read(context));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(sessions.Read(context));
    }

    [Fact]
    public async Task Who_has_signed_out_is_out_with_every_copy_of_the_cookie_and_sees_nothing_more()
    {
        const string secret = "a-secret-that-is-long-enough";
        await using var site = await Site.StartAsync();
        await using var app = new Server(site.Cluster, Plan(_ => secret, "--port", "0", "--auth", "token"), TextWriter.Null, TextWriter.Null).Build();
        await app.StartAsync(TestContext.Current.CancellationToken);
        var cookies = new CookieContainer();
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        using var caller = await new Caller(address, cookies).WithSessionAsync();
        using var let = await caller.PostAsync("api/signin", $$"""{"secret":"{{secret}}"}""");
        await caller.WithSessionAsync();
        var copied = Assert.Single(cookies.GetAllCookies());
        using var thief = new Caller(address);
        using var before = await thief.GetAsync("api/overview", ("Cookie", $"{copied.Name}={copied.Value}"));
        Assert.Equal(HttpStatusCode.OK, before.StatusCode);
        using var stream = await thief.GetAsync("api/stream", ("Cookie", $"{copied.Name}={copied.Value}"));
        Assert.Equal(HttpStatusCode.OK, stream.StatusCode);

        using var left = await caller.PostAsync("api/signout", "{}");
        Assert.Equal(HttpStatusCode.OK, left.StatusCode);

        using var after = await thief.GetAsync("api/overview", ("Cookie", $"{copied.Name}={copied.Value}"));
        Assert.Equal(HttpStatusCode.Unauthorized, after.StatusCode);
        // It ends with what it would have sent next.
        var stopping = TestContext.Current.CancellationToken;
        await stream.Content.CopyToAsync(System.IO.Stream.Null, stopping).WaitAsync(TimeSpan.FromSeconds(30), stopping);
        await app.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Who_tries_secrets_is_told_of_with_his_address_and_once_a_minute()
    {
        var time = new FakeTimeProvider();
        var told = new Told();
        var secrets = new SecretPair("a-secret-that-is-long-enough", null, told, time);
        for (var i = 0; i < 1_000; i++) Assert.Equal(SessionRole.Visitor, secrets.Check($"guess {i}", From("203.0.113.7")));
        Assert.Equal(SessionRole.Operator, secrets.Check("a-secret-that-is-long-enough", From("10.0.0.1")));
        Assert.Contains("from 203.0.113.7 (0 more", Assert.Single(told.Lines), StringComparison.Ordinal);
        time.Advance(TimeSpan.FromMinutes(1));
        secrets.Check("another guess", From("203.0.113.8"));
        Assert.Equal(2, told.Lines.Count);
        Assert.Contains("from 203.0.113.8 (999 more times", told.Lines[1], StringComparison.Ordinal);
    }

    private static string Basic(string name, string secret) => $"Basic {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{name}:{secret}"))}";

    [Fact]
    public async Task A_program_of_its_own_tells_of_wrong_secrets_and_of_its_own_errors_on_a_line_each()
    {
        await using var site = await Site.StartAsync();
        await using var errors = new StringWriter();
        var plan = Plan(_ => "a-secret-that-is-long-enough", "--port", "0", "--auth", "token");
        await using var app = new Server(site.Cluster, plan, TextWriter.Null, errors).Build();
        await app.StartAsync(TestContext.Current.CancellationToken);
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        using var caller = await new Caller(address).WithSessionAsync();
        for (var i = 0; i < 3; i++) (await caller.PostAsync("api/signin", """{"secret":"a guess that is wrong"}""")).Dispose();
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(Log.Category);
        Log.Fault(log, "GET", "/x\u001b[2J", new InvalidOperationException("one\ntwo"));
        app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Microsoft.AspNetCore").LogError("of the framework");
        await app.StopAsync(TestContext.Current.CancellationToken);
        var lines = errors.ToString().TrimEnd().Split(Environment.NewLine);
        Assert.Collection(
            lines, l => Assert.Matches(@"warn: Pampa\.Dashboard\[903\] Somebody tries to sign in .* from (::ffff:)?127\.0\.0\.1 \(", l),
            l => Assert.Matches(@"fail: Pampa\.Dashboard\[901\] .*\\u001B\[2J.*one two", l));
    }

    private static bool IsData(string path) => path is "metrics" || path.StartsWith("scale/", StringComparison.Ordinal)
        || (path.StartsWith("api/", StringComparison.Ordinal) && path != "api/session");

    private static ServePlan Plan(Func<string, string?> environment, params string[] arguments)
    {
        var options = new ServeOptions(environment);
        var root = new RootCommand();
        options.AddTo(root);
        return options.Read(root.Parse(arguments));
    }

    private static DefaultHttpContext From(string address, params (string Name, string Value)[] headers)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(address);
        foreach (var (name, value) in headers) context.Request.Headers[name] = value;
        return context;
    }

    /// <summary>Whoever says who he is, is.</summary>
    public sealed class HeaderScheme(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logs, System.Text.Encodings.Web.UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logs, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            if (Request.Headers["X-User"] is not [{ Length: > 0 } who]) return Task.FromResult(AuthenticateResult.NoResult());
            var identity = new System.Security.Claims.ClaimsIdentity([new(System.Security.Claims.ClaimTypes.Name, who)], Scheme.Name);
            return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(new(identity), Scheme.Name)));
        }
    }
}
