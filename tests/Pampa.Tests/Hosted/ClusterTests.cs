using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pampa.Tests.EndToEnd;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Hosted;

/// <summary><see cref="PampaCluster"/> beside an application that works, on each kind of database.</summary>
public sealed class ClusterTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static string AddressOf(TestDatabase db) => db.IsSqlite
        ? new SqliteConnectionStringBuilder(db.Source.ConnectionString).DataSource
        : NumbersDatabase.PlainUrl(db.Source.ConnectionString);

    private static void Pages(PampaBuilder pampa, Func<PampaTask, ValueTask> handler)
    {
        pampa.Workers = 2;
        // Whoever waits for this interval waits for ever.
        pampa.PollInterval = TimeSpan.FromHours(1);
        pampa.Setup("CREATE TABLE IF NOT EXISTS pages (url text PRIMARY KEY)",
            "INSERT INTO pages (url) VALUES ('a'), ('b'), ('c,1'), ('d') ON CONFLICT DO NOTHING");
        pampa.AddJob("visit", "pages", "url", job =>
        {
            job.MaxAttempts = 1;
            job.Process(handler);
        });
    }

    private static async Task<IHost> StartAsync(TestDatabase db, Func<PampaTask, ValueTask> handler)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration["Pampa:Database"] = AddressOf(db);
        builder.Services.AddPampa(pampa => Pages(pampa, handler));
        var host = builder.Build();
        await host.StartAsync(Stopping);
        return host;
    }

    private static async Task<Report> UntilAsync(PampaCluster cluster, Func<Report, bool> condition)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (true)
        {
            var report = await cluster.ReportAsync("visit", exact: true, deadline.Token);
            if (condition(report)) return report;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, deadline.Token);
        }
    }

    public static TheoryData<bool> Databases => [true, false];

    [Theory, MemberData(nameof(Databases))]
    public async Task It_pauses_resumes_and_drains(bool onSqlite)
    {
        await using var db = await TestDatabase.CreateAsync(onSqlite ? Engine.Sqlite : Engine.PostgreSql, null);
        var release = new TaskCompletionSource();
        using var host = await StartAsync(db, async task =>
        {
            if (task.Get<string>("url") is "a" or "b") await release.Task;
        });
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        await UntilAsync(cluster, r => r.Running == 2);
        // Two run; the two that wait may not have been given back yet.
        Assert.InRange(await cluster.DrainAsync(PampaTarget.Job("visit"), TimeSpan.FromMilliseconds(1), "the shop moves", cancellationToken: Stopping), 2, 4);
        var held = Assert.Single((await cluster.InfoAsync(Stopping)).Held);
        Assert.Equal((PampaTarget.Job("visit"), "the shop moves", null), (held.Target, held.Reason, held.EndsIn));

        // Its node hears of the pause with its next exchange, and gives back what it has not begun; until then it may begin it.
        await UntilAsync(cluster, r => (r.Reserved, r.Running) == (0, 2));
        release.SetResult();
        Assert.Equal(0, await cluster.DrainAsync(PampaTarget.Job("visit"), Patience, cancellationToken: Stopping));
        var drained = await cluster.ReportAsync("visit", exact: true, Stopping);
        Assert.Equal((2, 2, 0), (drained.Completed, drained.Pending, drained.Running + drained.Reserved));

        Assert.True(await cluster.ResumeAsync(PampaTarget.Job("visit"), Stopping));
        Assert.False(await cluster.ResumeAsync(PampaTarget.Job("visit"), Stopping));
        await UntilAsync(cluster, r => r.Completed == 4);
        await cluster.DetachAsync(PampaTarget.Node("local"), until: TimeProvider.System.GetUtcNow().AddHours(1), cancellationToken: Stopping);
        Assert.InRange(Assert.Single((await cluster.InfoAsync(Stopping)).Held).EndsIn!.Value, TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(61));
        Assert.True(await cluster.AttachAsync(PampaTarget.Node("local"), Stopping));
        Assert.Empty((await cluster.InfoAsync(Stopping)).Held);

        async Task RefusedAsync(string says, Func<Task> act) =>
            Assert.Contains(says, (await Assert.ThrowsAnyAsync<ArgumentException>(act)).Message, StringComparison.Ordinal);
        await RefusedAsync("by the database's clock", () => cluster.PauseAsync(PampaTarget.Job("visit"), until: TimeProvider.System.GetUtcNow().AddMinutes(-1), cancellationToken: Stopping));
        await RefusedAsync("at most 500 characters", () => cluster.PauseAsync(PampaTarget.Job("visit"), new string('x', 501), cancellationToken: Stopping));
        await RefusedAsync("did you mean 'visit'", () => cluster.PauseAsync(PampaTarget.Job("vist"), cancellationToken: Stopping));
        await RefusedAsync("a job is paused", () => cluster.DetachAsync(PampaTarget.Job("visit"), cancellationToken: Stopping));
        await RefusedAsync("timeout", () => cluster.DrainAsync(PampaTarget.Job("visit"), TimeSpan.Zero, cancellationToken: Stopping));
        Assert.Empty((await cluster.InfoAsync(Stopping)).Held);
        await host.StopAsync(Stopping);
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task It_reports_lists_relaunches_and_retries(bool onSqlite)
    {
        await using var db = await TestDatabase.CreateAsync(onSqlite ? Engine.Sqlite : Engine.PostgreSql, null);
        var isBroken = true;
        using var host = await StartAsync(db, task => isBroken && task.Get<string>("url") == "c,1"
            ? throw new PermanentFailureException("no such page")
            : ValueTask.CompletedTask);
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        Assert.Equal(["visit"], await cluster.JobsAsync(Stopping));

        var first = await UntilAsync(cluster, r => r.Completed + r.Failed == 4);
        Assert.Equal((3, 1), (first.Completed, first.Failed));
        var failed = Assert.Single((await cluster.TasksAsync("visit", new TaskQuery { Filter = new TaskFilter { States = [TaskState.Failed] } }, Stopping)).Tasks);
        Assert.Equal(("c,1", "no such page", 1), (failed.Key, failed.Error!.Split(": ")[^1], failed.Attempts));
        Assert.Equal(["c,1", "d"], (await cluster.TasksAsync("visit", new TaskQuery { After = "b", Limit = 2 }, Stopping)).Tasks.Select(t => t.Key));

        isBroken = false;
        Assert.Equal(0, await cluster.RetryAsync("visit", ["a"], Stopping));
        Assert.Equal(1, await cluster.RetryAsync("visit", cancellationToken: Stopping));
        await UntilAsync(cluster, r => r.Completed == 4);
        Assert.Equal(2, await cluster.RelaunchAsync("visit", ["a", failed.Key], Stopping));
        await UntilAsync(cluster, r => r.Completed == 4);
        await host.StopAsync(Stopping);
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task A_new_record_comes_when_the_dispatcher_is_woken_and_not_before(bool onSqlite)
    {
        await using var db = await TestDatabase.CreateAsync(onSqlite ? Engine.Sqlite : Engine.PostgreSql, null);
        using var host = await StartAsync(db, _ => ValueTask.CompletedTask);
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        await UntilAsync(cluster, r => r.Completed == 4);
        // The dispatcher's look that found nothing more comes after the last end, or finds the new record itself.
        await db.ExecuteAsync("INSERT INTO pages (url) VALUES ('e')");
        await cluster.WakeAsync(Stopping);
        await UntilAsync(cluster, r => r.Completed == 5);
        await host.StopAsync(Stopping);
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task A_stop_leaves_nothing_of_the_process_in_the_control_tables(bool onSqlite)
    {
        await using var db = await TestDatabase.CreateAsync(onSqlite ? Engine.Sqlite : Engine.PostgreSql, null);
        var goOn = new TaskCompletionSource();
        using var host = await StartAsync(db, async _ => await goOn.Task.WaitAsync(Patience, TimeProvider.System));
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        await UntilAsync(cluster, r => r.Running > 0);
        using (var deadline = new CancellationTokenSource(Patience))
        {
            while (await db.ScalarAsync<long>("SELECT count(*) FROM pampa_load WHERE running > 0") == 0)
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, deadline.Token);
        }
        var stop = host.StopAsync(Stopping);
        goOn.SetResult();
        await stop;

        Assert.Equal(0, await db.ScalarAsync<long>("SELECT count(*) FROM pampa_load"));
        Assert.Equal(0, await db.ScalarAsync<long>("SELECT count(*) FROM pampa_worker WHERE state <> 'resigned'"));
        Assert.Equal(0, await db.ScalarAsync<long>($"SELECT count(*) FROM pampa_lease WHERE expires_at > {(onSqlite ? "strftime('%Y-%m-%dT%H:%M:%fZ')" : "now()")}"));
        Assert.Equal(0, await db.ScalarAsync<long>("SELECT count(*) FROM pages WHERE visit_reservation_id IS NOT NULL AND visit_end_time IS NULL"));
    }

    [Fact]
    public async Task A_job_may_count_its_records_itself_and_status_tells_where_it_cannot()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Sqlite, null);
        var isBroken = false;
        var builder = new PampaBuilder { Database = AddressOf(db) };
        Pages(builder, _ => default);
        builder.Jobs[0].Report(async (context, stopping) =>
            isBroken ? throw new InvalidOperationException("no such view") : (await context.CountAsync(stopping)) with { Failed = 7 });
        var choice = Pampa.Hosting.DatabaseChoice.Choose(null, builder.Database, _ => null);
        await using var cluster = await PampaCluster.OpenAsync(builder, choice.Address, Pampa.Storage.SchemaChanges.Own, Stopping);
        var report = await cluster.ReportAsync("visit", cancellationToken: Stopping);
        Assert.Equal((4L, 7L, true, null), (report.Pending, report.Failed, report.IsOwn, report.Fault));
        var page = new Pampa.Commands.StatusPage(cluster, "visit", isExact: false, explains: false, showsWorkers: false);
        Assert.DoesNotContain(await page.LinesAsync(null, Stopping), line => line.Contains("Report fails", StringComparison.Ordinal));

        isBroken = true;
        Assert.Equal(0, (await cluster.ReportAsync("visit", exact: true, Stopping)).Failed);
        Assert.Contains("visit: its own Report fails, these are the table's counts: it throws InvalidOperationException: no such view", await page.LinesAsync(null, Stopping));
        Assert.Contains("\"fault\":\"it throws InvalidOperationException", await page.JsonAsync("db", Stopping), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tool_is_closed_when_the_hooks_of_its_steps_have_been_told_and_tells_what_they_throw()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.Sqlite, null);
        var gate = new TaskCompletionSource();
        var lines = new ConcurrentQueue<string>();
        var told = new ConcurrentQueue<string>();
        using var logs = LoggerFactory.Create(logging =>
            logging.AddProvider(new Pampa.Commands.LineLog((_, level, text, _) => lines.Enqueue($"{level}: {text}"), TimeProvider.System)));
        var cluster = await PampaCluster.OpenAsync(
            pampa =>
            {
                pampa.Database = AddressOf(db);
                Pages(pampa, _ => default);
                pampa.Jobs[0].RelaunchAfter = TimeSpan.FromSeconds(1);
                pampa.Jobs[0].RelaunchJitter = 0;
                pampa.Jobs[0].OnRelaunched(async about =>
                {
                    await gate.Task;
                    if (about.Key == "a") throw new FormatException("not that one");
                    told.Enqueue(about.Key);
                });
            }, logs, Stopping);
        await db.ExecuteAsync("UPDATE pages SET visit_end_time = '2020-01-01 00:00:00', visit_success = TRUE WHERE url IN ('a', 'b')");
        Assert.Equal(2, await cluster.RelaunchAsync(Stopping));
        var closed = cluster.DisposeAsync().AsTask();
        await Task.WhenAny(closed, Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Stopping));
        Assert.False(closed.IsCompleted);
        gate.SetResult();
        await closed.WaitAsync(Patience, Stopping);
        Assert.Equal("b", Assert.Single(told));
        Assert.EndsWith("Job 'visit': its OnRelaunched fails for record a, and nothing else comes of it: FormatException: not that one",
            Assert.Single(lines, line => line.StartsWith("Warning", StringComparison.Ordinal)), StringComparison.Ordinal);
    }
}
