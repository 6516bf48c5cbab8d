using System.Net;
using System.Text.Json;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Serving;
using Pampa.Showing;

namespace Pampa.Dashboard.Tests.Security;

/// <summary>T4, T8, T9, T15, T18: what is sent, and how much of it.</summary>
[Trait("suite", "security")]
public sealed class ContentTests
{
    private static readonly string[] Data =
    [
        "api/session", "api/overview", "api/samples?job=price_orders", "api/errors?job=price_orders", "api/job?job=price_orders", "api/columns?job=price_orders",
        "api/nodes", "api/workers", "api/orders?job=price_orders", "api/tasks?job=price_orders",
        "api/task?job=price_orders&key=1", "api/schedules", "api/audit",
    ];

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_answer_forbids_what_it_does_not_need()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        foreach (var path in Data.Concat(Assets.Embedded.Value!.Names).Concat(["", "api/stream", "api/nothing", "nothing"]))
        {
            using var response = await caller.GetAsync(path);
            string Header(string name) => string.Join(", ", response.Headers.TryGetValues(name, out var values) ? values : []);
            // As it is written here: a rule that is loosened is to be loosened in two places.
            Assert.Equal(
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'", Header("Content-Security-Policy"));
            Assert.Equal("nosniff", Header("X-Content-Type-Options"));
            Assert.Equal("DENY", Header("X-Frame-Options"));
            Assert.Equal("no-referrer", Header("Referrer-Policy"));
            if (path.StartsWith("api/", StringComparison.Ordinal) && path != "api/stream") Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
            if (path.StartsWith("api/", StringComparison.Ordinal)) Assert.True(response.Headers.CacheControl?.NoStore);
        }
    }

    [Fact]
    public void Pages_hold_no_script_of_their_own_and_nothing_from_elsewhere()
    {
        Assert.SkipWhen(Assets.Embedded.Value is null, "This build of the dashboard has no pages: there was no Node.js.");
        var assets = Assets.Embedded.Value!;
        var page = System.Text.Encoding.UTF8.GetString(assets.Find("index.html")!.Bytes);
        Assert.DoesNotMatch("<script(?![^>]*\\ssrc=)", page);
        Assert.DoesNotMatch("\\son\\w+=|\\sstyle=|<style", page);
        Assert.DoesNotMatch("(src|href)=\"(https?:)?//", page);
        foreach (var name in assets.Names.Where(n => n.EndsWith(".css", StringComparison.Ordinal)))
            Assert.DoesNotMatch("url\\((?!data:)|@import", System.Text.Encoding.UTF8.GetString(assets.Find(name)!.Bytes));
    }

    [Fact]
    public async Task Values_of_columns_are_hidden_and_cannot_be_searched_until_they_are_allowed()
    {
        await using var site = await Site.StartAsync();
        using var caller = site.NewCaller();
        foreach (var path in Data.Append("api/tasks?job=price_orders&column=customer&column=amount"))
            Assert.DoesNotContain(Shop.Canary, await (await caller.GetAsync(path)).Content.ReadAsStringAsync(Stopping), StringComparison.Ordinal);
        using var search = await caller.GetAsync("api/tasks?job=price_orders&where=customer%20starts%20with%20c");
        Assert.Equal(HttpStatusCode.BadRequest, search.StatusCode);
        await caller.WithSessionAsync();
        using var preview = await caller.PostAsync("api/preview", """{"action":"skip","job":"price_orders","filter":{"where":["customer starts with c"]}}""");
        Assert.Equal(HttpStatusCode.BadRequest, preview.StatusCode);
    }

    [Fact]
    public async Task A_column_that_is_allowed_is_shown_and_searched_and_no_other()
    {
        await using var site = await Site.StartAsync(new SitePlan { Options = o => o.ShowsColumn = (job, column) => job == "price_orders" && column == "customer" });
        using var caller = site.NewCaller();
        var found = await caller.JsonAsync($"api/tasks?job=price_orders&column=customer&column=amount&where=customer%20%3D%20{Shop.Canary}");
        var task = Assert.Single(found.GetProperty("tasks").EnumerateArray());
        Assert.Equal(Shop.Canary, Assert.Single(task.GetProperty("values").EnumerateArray()).GetProperty("text").GetString());
        Assert.Equal(1, (await caller.JsonAsync("api/task?job=price_orders&key=1")).GetProperty("hiddenColumns").GetInt32());
        using var other = await caller.GetAsync("api/tasks?job=price_orders&where=amount%20%3D%2010");
        Assert.Equal(HttpStatusCode.BadRequest, other.StatusCode);
    }

    [Fact]
    public async Task A_secret_in_an_error_cannot_be_found_out_by_searching()
    {
        await using var site = await Site.StartAsync();
        // What a page has of an error is its beginning; the end is looked for in the record.
        var text = $"Cannot log in: Password={Shop.Leaked}; {new string('x', 600)} the end";
        await site.WriteAsync($"UPDATE orders SET price_orders_end_time = '2026-01-01T00:00:00.000Z', price_orders_success = 0, price_orders_error_description = '{text}'");
        using var caller = site.NewCaller();
        async Task<System.Text.Json.JsonElement> SearchAsync(string error) => await caller.JsonAsync($"api/tasks?job=price_orders&limit=1&error={Uri.EscapeDataString(error)}");
        foreach (var guess in new[] { "Password=h", "hunter2", Shop.Leaked })
        {
            var (right, wrong) = (await SearchAsync(guess), await SearchAsync("there is none"));
            Assert.Equal(wrong.ToString(), right.ToString());
        }
        foreach (var seen in new[] { "cannot log IN: password=", "the end" })
        {
            var found = await SearchAsync(seen);
            Assert.Single(found.GetProperty("tasks").EnumerateArray());
            Assert.NotNull(found.GetProperty("next").GetString());
        }
        await AssertNoConditionAsync(caller, "price_orders_error_description");
    }

    [Fact]
    public async Task However_many_records_hide_a_text_a_search_for_it_ends_as_one_for_what_is_nowhere()
    {
        const string shown = "Cannot log in";
        await using var site = await Site.StartAsync();
        await site.WriteAsync($"""
            INSERT INTO orders (id, customer, amount) WITH RECURSIVE n (v) AS (SELECT 4 UNION ALL SELECT v + 1 FROM n WHERE v < 25) SELECT v, 'x', 1 FROM n;
            UPDATE orders SET price_orders_end_time = '2026-01-01T00:00:00.000Z', price_orders_success = 0, price_orders_error_description = '{shown}: Password={Shop.Leaked};'
            """);
        using var caller = await site.NewCaller().WithSessionAsync();
        foreach (var how in new[] { "limit=1", "limit=5", "limit=1&state=failed", "limit=1&order=keydescending", "limit=1&order=latestend" })
        {
            async Task<string> SearchAsync(string error) => (await caller.JsonAsync($"api/tasks?job=price_orders&{how}&error={Uri.EscapeDataString(error)}")).ToString();
            var wrong = await SearchAsync("Password=q");
            Assert.Equal("""{"tasks":[],"next":null,"isPartial":false,"lookedAt":25}""", wrong);
            Assert.Equal(wrong, await SearchAsync("Password=h"));
            Assert.Contains("\"next\":\"", await SearchAsync(shown), StringComparison.Ordinal);
        }
        // Nor does what is counted, or done, tell of it.
        foreach (var (error, count) in new[] { ("Password=h", 0), (shown, 25) })
        {
            var order = $$$"""{"action":"retry","job":"price_orders","filter":{"error":"{{{error}}}"}}""";
            using var preview = await caller.PostAsync("api/preview", order);
            var would = JsonDocument.Parse(await preview.Content.ReadAsStringAsync(Stopping)).RootElement;
            Assert.Equal((count, true), (would.GetProperty("matched").GetInt32(), would.GetProperty("isExact").GetBoolean()));
            using var done = await caller.PostAsync("api/records", order);
            Assert.Equal(HttpStatusCode.OK, done.StatusCode);
            await Until.TrueAsync(async () => (await caller.JsonAsync("api/overview")).GetProperty("operations").EnumerateArray().All(o => o.GetProperty("isDone").GetBoolean()));
            Assert.Equal(count, (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Pending);
        }
    }

    // By no operator, in no spelling, in no question: each would tell a letter more.
    private static async Task AssertNoConditionAsync(Caller caller, string column)
    {
        await caller.WithSessionAsync();
        foreach (var rest in new[]
        {
            "contains 'Password=h'", "starts with 'Cannot log in: Password=h'", "= 'x'", "<> 'x'", "< 'x'", "<= 'x'", "> 'x'", ">= 'x'", "is null", "is not null",
        })
        {
            foreach (var name in new[] { column, column.ToUpperInvariant(), $"\"{column}\"" })
            {
                var where = $"{name} {rest}";
                using var page = await caller.GetAsync($"api/tasks?job=price_orders&where={Uri.EscapeDataString(where)}");
                await AssertRefusedAsync(page);
                var filter = $$"""{"where":[{{JsonSerializer.Serialize(where)}}]}""";
                using var preview = await caller.PostAsync("api/preview", $$"""{"action":"retry","job":"price_orders","filter":{{filter}}}""");
                await AssertRefusedAsync(preview);
                using var done = await caller.PostAsync("api/records", $$"""{"action":"retry","job":"price_orders","filter":{{filter}}}""");
                await AssertRefusedAsync(done);
            }
        }

        static async Task AssertRefusedAsync(HttpResponseMessage response)
        {
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Contains("Error contains", await response.Content.ReadAsStringAsync(Stopping), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_column_is_asked_by_the_very_name_that_was_looked_at()
    {
        await using var site = await Site.StartAsync();
        var options = new PampaDashboardOptions { ShowsColumn = (_, column) => column == "amount" };
        var read = await Filters.ReadAsync(site.Cluster, options, "price_orders", new FilterOrder(Where: ["AMOUNT = 10"]), Stopping);
        Assert.Equal("amount", Assert.Single(read.Where).Column);
    }

    [Fact]
    public async Task The_columns_that_are_offered_for_searching_are_those_that_can_be_searched()
    {
        await using var site = await Site.StartAsync(new SitePlan { Options = o => o.ShowsColumn = (_, _) => true });
        using var caller = site.NewCaller();
        var columns = (await caller.JsonAsync("api/columns?job=price_orders")).GetProperty("columns").EnumerateArray().ToList();
        Assert.Equal(10, columns.Count);
        Assert.Equal(["price_orders_error_description"], columns.Where(c => !c.GetProperty("isSearchable").GetBoolean()).Select(c => c.GetProperty("name").GetString()));
    }

    [Theory]
    [InlineData("Host=db;Username=shop;Password=hunter2;Timeout=3", "hunter2")]
    [InlineData("password = 'two words'; user=x", "two", "words")]
    [InlineData("""{"api_key": "abc123", "x": 1}""", "abc123")]
    [InlineData("GET /x Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", "eyJhbGci", "e30")]
    [InlineData("access_token: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", "eyJhbGci", "e30")]
    [InlineData("postgres://shop:hunter2@db.example:5432/shop", "hunter2")]
    [InlineData("postgres://shop:hun@ter2@db.example:5432/shop, redis://:other-one@cache", "hun", "ter2", "other-one")]
    [InlineData("PGPASSWORD=hunter2 psql; DB_PASSWORD=other-one; MYSQL_PASS=third", "hunter2", "other-one", "third")]
    [InlineData("AWS_SECRET_ACCESS_KEY=wJalr/XUtn+FEMI AWS_SESSION_TOKEN=FwoGZX", "wJalr", "FEMI", "FwoGZX")]
    [InlineData("client_secret=s3cr3t&grant=1", "s3cr3t")]
    [InlineData("clientSecret=s3cr3t, userPassword: hunter2", "s3cr3t", "hunter2")]
    [InlineData("""{"accessToken":"abc.def","refreshToken":"ghi","user":"ada"}""", "abc", "def", "ghi")]
    [InlineData("Endpoint=sb://bus/;SharedAccessKeyName=Root;SharedAccessKey=q1w2e3==;EntityPath=p", "q1w2e3")]
    [InlineData("DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=abc123/x+y==;EndpointSuffix=core", "abc123", "x+y")]
    [InlineData("https://shop.blob/x?sv=2024&sig=abc%2Fdef%3D&se=1", "abc", "def")]
    [InlineData("Cannot log in with Password=\"hunter2 and more", "hunter2", "more")]
    [InlineData("Cannot log in with Password='hunter2 and more", "hunter2", "more")]
    [InlineData("Cannot reach postgres://shop:hunter2", "hunter2")]
    [InlineData("""{"body":"{\"password\":\"hunter2\",\"token\" : \"a\\\"b\",\"x\":1}"}""", "hunter2", @"a\", "b")]
    [InlineData("""{"deep":"{\"body\":\"{\\\"password\\\":\\\"hunter2\\\"}\"}"}""", "hunter2")]
    [InlineData("""{"body":"{\"password\":\"hunter2 and""", "hunter2", "and")]
    [InlineData("""{"password":"hun\"ter2","x":1} password='hun''ter3'""", "hun", "ter2", "ter3")]
    [InlineData("{'password' => 'hunter2'}, config['secret'] = other-one", "hunter2", "other-one")]
    [InlineData("cache:6379,password=hun,t)e}r,ssl=True", "hun", "t)e")]
    [InlineData("user=shop pass=hunter2", "hunter2")]
    [InlineData("""{"pass":"hunter2"}, dbPass = other-one""", "hunter2", "other-one")]
    [InlineData("user,\"password=\"\"hunter2\"\"\",x; \"\"password\"\":\"\"two words\"\"", "hunter2", "two", "words")]
    [InlineData("psql --password hunter2 --db-token 'two words' -Password other-one", "hunter2", "two", "words", "other-one")]
    [InlineData("<db><password>hunter2</password><ApiKey kind='x'>other-one</ApiKey><secret><![CDATA[third]]></secret></db>", "hunter2", "other-one", "third")]
    [InlineData("<add key=\"dbPassword\" value=\"hunter2\" />", "hunter2")]
    [InlineData("GET /x Authorization: 9f8e7d6c5b4a, \"authorization\": \"abcdefghijklmnopq\"", "9f8e", "abcd")]
    [InlineData("Authorization: Digest hun", "hun")]
    [InlineData("Authorization: Token token=\"hunter2secret\"", "hunter2")]
    [InlineData("Authorization: Digest username=\"shop\", response=\"6629fae4\"", "6629")]
    [InlineData("Authorization: Bearer \"abcdefghijk\"", "abcdef")]
    [InlineData("<password>\n<![CDATA[hun]ter2]]></password>", "hun", "ter2")]
    [InlineData("PGPASSWORD=)hunter2 password=,other-one", "hunter2", "other-one")]
    [InlineData("Cannot open Password=my secret p…", "secret", " p…")]
    [InlineData("X-Auth-Key: hunter2, Ocp-Apim-Subscription-Key: other-one", "hunter2", "other-one")]
    [InlineData("Host=db;Password=hun\"ter2;Timeout=3", "hun", "ter2")]
    [InlineData("Host=db;Password=two words;Timeout=3", "two", "words")]
    [InlineData("Cannot open 'Password=two words;Host=db'", "two", "words")]
    [InlineData("Driver=x;Password={hun;ter2};Port=1", "hun", "ter2")]
    [InlineData("postgres://shop:hun/ter2@db", "hun", "ter2")]
    [InlineData("https://shop:hun/ter2@shop.example/x", "hun", "ter2")]
    [InlineData("Authorization: Bearer eyJhbG…", "eyJ")]
    [InlineData("Bearer eyJhbG … and so on", "eyJ")]
    [InlineData("Cannot reach postgres://shop:1234567…", "123")]
    [InlineData("Cannot reach https://shop:1234567…", "123")]
    [InlineData("Cannot reach postgres://shop:12 … and so on", "12")]
    public void A_secret_in_a_text_is_taken_out(string text, params string[] secrets)
    {
        var masked = Secrets.Mask(text);
        // What is beside the secrets may have letters of them.
        var rest = masked.Replace("body", "", StringComparison.Ordinal);
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, rest, StringComparison.Ordinal));
        Assert.Contains("•••", masked, StringComparison.Ordinal);
    }

    [Theory, InlineData("The token bucket of node web1 is empty"), InlineData("https://example.com/a:b@c is fine"), InlineData("No price for 'XK-12'")]
    [InlineData("Cannot reach https://example.com:8443"), InlineData("3 tests pass: one fails, the key: value"), InlineData("SharedAccessKeyName=Root")]
    [InlineData("passed=3, failed=1"), InlineData("compass=north"), InlineData("passenger: 12"), InlineData("Authorization: denied"), InlineData("bypass = true")]
    [InlineData("<tokens>5</tokens>"), InlineData("user-token expired"), InlineData("https://example.com:8443/a@b"), InlineData("postgres://db:5432/shop is away")]
    [InlineData("postgres://db:… is away"), InlineData("Host=db;Username=shop;Timeout=3"), InlineData("""{"text":"no word","next":1}""")]
    public void A_text_without_a_secret_stays_as_it_is(string text) => Assert.Equal(text, Secrets.Mask(text));

    [Fact]
    public void No_text_makes_the_search_for_secrets_slow()
    {
        var began = TimeProvider.System.GetTimestamp();
        foreach (var text in new[] { "password=\"", "password='x", "token=\\\"", "secret=\\\\\"x\\", "a://b:c", "a://b:c@", "pwd=a,", "bearer ", "token \\", "password=a ", ";password=a;", "<password>", "--token ", "postgres://a:b", "pass=\"\"a", "authorization: " })
            Secrets.Mask(string.Concat(Enumerable.Repeat(text, 20_000)));
        Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task What_is_asked_for_is_bounded()
    {
        await using var site = await Site.StartAsync();
        using var caller = await site.NewCaller().WithSessionAsync();
        foreach (var path in new[]
        {
            "api/tasks?job=price_orders&limit=201", "api/tasks?job=price_orders&limit=0", "api/samples?job=price_orders&points=1000000", "api/samples?job=price_orders&seconds=99999999",
            "api/audit?limit=9999", $"api/tasks?job=price_orders&error={new string('x', 3_000)}", $"api/tasks?job=price_orders{string.Concat(Enumerable.Repeat("&where=id=1", 60))}",
            "api/tasks?job=nothing", "api/tasks", "api/tasks?job=price_orders&state=odd", "api/tasks?job=price_orders&order=1", "api/tasks?job=price_orders&from=soon",
        })
        {
            using var response = await caller.GetAsync(path);
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        }
        foreach (var (count, status) in new[] { (1_000, HttpStatusCode.OK), (1_001, HttpStatusCode.BadRequest), (0, HttpStatusCode.BadRequest) })
        {
            var keys = JsonSerializer.Serialize(Enumerable.Range(0, count).Select(i => $"{i}"));
            using var named = await caller.PostAsync("api/preview", $$"""{"action":"skip","job":"price_orders","keys":{{keys}}}""");
            Assert.Equal(status, named.StatusCode);
        }
        using var large = await caller.PostAsync("api/steer", $$"""{"action":"pause","kind":"job","name":"price_orders","reason":"{{new string('x', 300_000)}}"}""");
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
        var none = """{"action":null,"kind":"job","name":"x"}""";
        var more = """{"action":"pause","kind":"job","name":"price_orders","more":1}""";
        foreach (var body in new[] { "", "[]", "null", "{}", none, more, new string('[', 1_000) })
        {
            using var response = await caller.PostAsync("api/steer", body);
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        }
    }

    [Fact]
    public async Task Many_who_look_on_are_refused_and_let_in_again()
    {
        await using var site = await Site.StartAsync();
        var open = new List<HttpResponseMessage>();
        using var caller = site.NewCaller();
        for (var i = 0; i < Watcher.MostViewers; i++) open.Add(await caller.GetAsync("api/stream"));
        Assert.All(open, r => Assert.Equal(HttpStatusCode.OK, r.StatusCode));
        using (var more = await caller.GetAsync("api/stream")) Assert.Equal(HttpStatusCode.ServiceUnavailable, more.StatusCode);
        foreach (var response in open) response.Dispose();
        await Until.TrueAsync(async () =>
        {
            using var again = await caller.GetAsync("api/stream");
            return again.StatusCode == HttpStatusCode.OK;
        });
    }

    [Fact]
    public async Task Questions_wait_for_their_turn_and_are_given_up_in_time()
    {
        var reads = new Reads(TimeProvider.System);
        var hold = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = reads.RunAsync(t => hold.Task.WaitAsync(t), Stopping);
        var second = reads.RunAsync(t => hold.Task.WaitAsync(t), Stopping);
        var third = reads.RunAsync(_ => Task.FromResult(3), Stopping);
        foreach (var slow in new[] { first, second }) await Assert.ThrowsAsync<GivenUpException>(() => slow);
        await Assert.ThrowsAsync<GivenUpException>(() => third);
        Assert.Equal(4, await reads.RunAsync(_ => Task.FromResult(4), Stopping));
    }

    [Fact]
    public async Task Every_question_waits_for_its_turn()
    {
        // Two that do not end have all the turns.
        using var go = new ManualResetEventSlim();
        var held = 0;
        await using var site = await Site.StartAsync(new SitePlan
        {
            Options = o => o.ShowsColumn = (_, _) => Interlocked.Increment(ref held) > 0 && go.Wait(TimeSpan.FromSeconds(30), Stopping),
        });
        using var caller = await site.NewCaller().WithSessionAsync();
        try
        {
            Task<HttpResponseMessage>[] holders = [.. Enumerable.Range(0, 2).Select(_ => caller.GetAsync("api/tasks?job=price_orders&column=amount"))];
            await Until.TrueAsync(() => Task.FromResult(Volatile.Read(ref held) == 2));
            async Task<HttpStatusCode> AskAsync(string path)
            {
                using var response = await caller.GetAsync(path);
                return response.StatusCode;
            }
            // These ask the database nothing.
            var routes = Data.Except(["api/session", "api/overview", "api/nodes", "api/workers"]).ToList();
            var statuses = await Task.WhenAll(routes.Select(AskAsync));
            Assert.All(routes.Zip(statuses), r => Assert.Equal((r.First, HttpStatusCode.ServiceUnavailable), r));
            using var preview = await caller.PostAsync("api/preview", """{"action":"retry","job":"price_orders","filter":{}}""");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, preview.StatusCode);
            Assert.Contains("Too many questions", (await caller.JsonAsync("api/overview")).GetProperty("trouble").GetString(), StringComparison.Ordinal);
            go.Set();
            // These have taken too long themselves, and it was not the database that said so: they may be asked again.
            foreach (var holder in holders)
            {
                using var late = await holder;
                Assert.Equal(HttpStatusCode.ServiceUnavailable, late.StatusCode);
                Assert.Contains("within two seconds", await late.Content.ReadAsStringAsync(Stopping), StringComparison.Ordinal);
            }
        }
        finally
        {
            go.Set();
        }
    }

    [Fact]
    public async Task A_fourth_action_on_many_records_is_refused_until_one_of_the_others_has_ended()
    {
        var operations = new Operations(new PampaDashboardOptions(), new Microsoft.Extensions.Time.Testing.FakeTimeProvider(), new Told(), Stopping);
        var ends = Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource<TaskActionResult>(TaskCreationOptions.RunContinuationsAsynchronously)).ToList();
        Task<OperationShape> Begin(TaskCompletionSource<TaskActionResult> end) => operations.BeginAsync("j", "retry", "ada", (_, t) => end.Task.WaitAsync(t));
        var begun = ends.ConvertAll(Begin);
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => Begin(ends[0]));
        Assert.Contains("under way already", refused.Message, StringComparison.Ordinal);
        foreach (var end in ends) end.SetResult(new TaskActionResult(1, 1, 0, true, null));
        Assert.All(await Task.WhenAll(begun), o => Assert.True(o.IsDone));
        Assert.True((await Begin(ends[0])).IsDone);
    }

    [Fact]
    public async Task An_error_of_the_dashboards_own_tells_nothing_of_itself()
    {
        await using var site = await Site.StartAsync(new SitePlan { Options = o => o.ShowsColumn = (_, _) => throw new FormatException("Password=hunter2 in the code") });
        using var caller = site.NewCaller();
        using var response = await caller.GetAsync("api/columns?job=price_orders");
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        var text = await response.Content.ReadAsStringAsync(Stopping);
        Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
        Assert.DoesNotContain("FormatException", text, StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.String, JsonDocument.Parse(text).RootElement.GetProperty("error").ValueKind);
    }
}
