using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Showing;

namespace Pampa.Dashboard.Tests;

/// <summary>What goes on behind the pages: ticks by hand, and how all of it ends.</summary>
public sealed class OperationTests
{
    private const string RunSlow = """{"action":"run","name":"slow"}""";

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    /// <summary>A schedule whose tick takes as long as the test wants.</summary>
    private sealed class Slow
    {
        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Whoever has asked for it is gone.</summary>
        public TaskCompletionSource Gone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Site> StartAsync() => Site.StartAsync(new SitePlan
        {
            Program = pampa =>
            {
                Shop.Small(pampa);
                pampa.AddSchedule("slow", "0 3 * * *", schedule => schedule.Do(async (tick, connection, transaction) =>
                {
                    Begun.TrySetResult();
                    await Go.Task.WaitAsync(tick.CancellationToken);
                    await using var command = connection.CreateCommand();
                    command.Transaction = transaction;
                    command.CommandText = "INSERT INTO orders (id, customer, amount) VALUES (99, 'slow', 1)";
                    await command.ExecuteNonQueryAsync(tick.CancellationToken);
                }));
            },
            Before = app => app.Use((HttpContext context, RequestDelegate next) =>
            {
                if (HttpMethods.IsPost(context.Request.Method)) context.RequestAborted.Register(() => Gone.TrySetResult());
                return next(context);
            }),
        });
    }

    private static async Task<long> OrdersAsync(Site site) => (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Total;

    private static async Task<JsonElement> OperationAsync(Caller caller) =>
        Assert.Single((await caller.JsonAsync("api/overview")).GetProperty("operations").EnumerateArray());

    [Fact]
    public async Task A_tick_by_hand_goes_on_although_its_page_is_closed()
    {
        var slow = new Slow();
        await using var site = await slow.StartAsync();
        var caller = await site.NewCaller().WithSessionAsync();
        var asks = caller.PostAsync("api/schedule", RunSlow);
        await slow.Begun.Task.WaitAsync(Stopping);
        caller.Dispose();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asks);
        await slow.Gone.Task.WaitAsync(TimeSpan.FromSeconds(30), Stopping);

        slow.Go.SetResult();

        await Until.TrueAsync(async () => await OrdersAsync(site) == 4);
        await Until.TrueAsync(async () => (await site.Cluster.AuditAsync(null, Stopping)).Entries is [{ Action: "run schedule" }]);
    }

    [Fact]
    public async Task A_tick_by_hand_that_takes_long_is_answered_soon_and_seen_and_stopped()
    {
        var slow = new Slow();
        await using var site = await slow.StartAsync();
        using var caller = await site.NewCaller().WithSessionAsync();
        using var answer = await caller.PostAsync("api/schedule", RunSlow);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var said = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Stopping)).RootElement;
        Assert.Contains("goes on", said.GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, said.GetProperty("ended").ValueKind);
        var going = await OperationAsync(caller);
        Assert.Equal(("tick", "slow"), (going.GetProperty("kind").GetString(), going.GetProperty("job").GetString()));
        Assert.False(going.GetProperty("isDone").GetBoolean());

        using var stopped = await caller.PostAsync("api/stop", $$"""{"id":"{{going.GetProperty("id").GetString()}}"}""");
        Assert.Contains("nothing of the tick stays", await stopped.Content.ReadAsStringAsync(Stopping), StringComparison.Ordinal);

        await Until.TrueAsync(async () => (await OperationAsync(caller)).GetProperty("isDone").GetBoolean());
        Assert.Equal("stopped", (await OperationAsync(caller)).GetProperty("error").GetString());
        Assert.Equal(3, await OrdersAsync(site));
    }

    [Fact]
    public async Task A_tick_by_hand_that_is_done_in_a_moment_is_answered_with_its_end_and_one_that_fails_with_why()
    {
        await using var site = await Site.StartAsync(new SitePlan
        {
            Program = pampa =>
            {
                Shop.Small(pampa);
                pampa.AddSchedule("broken", "@yearly", schedule => schedule.Do((_, _, _) => throw new FormatException($"Password={Shop.Leaked}")));
            },
        });
        using var caller = await site.NewCaller().WithSessionAsync();
        using var done = await caller.PostAsync("api/schedule", """{"action":"run","name":"nightly"}""");
        var said = JsonDocument.Parse(await done.Content.ReadAsStringAsync(Stopping)).RootElement;
        Assert.Equal(("schedule nightly has had a tick.", JsonValueKind.String), (said.GetProperty("text").GetString(), said.GetProperty("ended").ValueKind));
        Assert.Equal(4, await OrdersAsync(site));
        using var failed = await caller.PostAsync("api/schedule", """{"action":"run","name":"broken"}""");
        Assert.Equal(HttpStatusCode.BadRequest, failed.StatusCode);
        var why = await failed.Content.ReadAsStringAsync(Stopping);
        Assert.Contains("the tick has failed", why, StringComparison.Ordinal);
        Assert.DoesNotContain(Shop.Leaked, why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_stops_what_ends_just_then_is_told_one_or_the_other()
    {
        var told = new Told();
        var operations = new Operations(new PampaDashboardOptions(), TimeProvider.System, told, Stopping);
        for (var i = 0; i < 300; i++)
        {
            var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var begun = operations.BeginTickAsync("slow", "ada", _ => end.Task);
            var id = operations.List()[0].Id;
            using var both = new Barrier(2);
            var ends = Task.Run(() =>
            {
                both.SignalAndWait(Stopping);
                end.SetResult();
            }, Stopping);
            both.SignalAndWait(Stopping);
            Assert.True(operations.Stop(id) is OperationKind.Tick or null);
            await ends;
            Assert.True((await begun).IsDone);
        }
        // What the program's own code throws when it is told to stop is not for whoever has pressed the button.
        var hears = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var last = operations.BeginTickAsync("slow", "ada", async t =>
        {
            await using var registration = t.Register(() => throw new FormatException("plum"));
            await hears.Task;
        });
        Assert.Equal(OperationKind.Tick, operations.Stop(operations.List()[0].Id));
        await Until.TrueAsync(() => Task.FromResult(told.Lines.Count == 1));
        hears.SetResult();
        Assert.True((await last).IsDone);
        Assert.Contains("plum", Assert.Single(told.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_stops_an_operation_is_told_by_the_programs_own_rule_for_secrets_on_pages_and_in_the_log()
    {
        var told = new Told();
        var options = new PampaDashboardOptions { Redact = text => text.Replace("plum", "(hidden)", StringComparison.Ordinal) };
        var operations = new Operations(options, TimeProvider.System, told, Stopping);
        var end = await operations.BeginAsync("j", "retry", "ada", (_, _) => throw new TimeoutException("no answer from plum"));
        Assert.Equal((true, "no answer from (hidden)"), (end.IsDone, end.Error));
        Assert.EndsWith("no answer from (hidden)", Assert.Single(told.Lines), StringComparison.Ordinal);
        // A rule that fails itself lets it end all the same.
        options.Redact = _ => throw new FormatException("the rule is wrong");
        end = await operations.BeginAsync("j", "retry", "ada", (_, _) => throw new TimeoutException("no answer from plum"));
        Assert.Equal((true, "It has met an error; the log tells which."), (end.IsDone, end.Error));
        Assert.DoesNotContain(told.Lines, line => line.Contains("plum", StringComparison.Ordinal));
    }
}
