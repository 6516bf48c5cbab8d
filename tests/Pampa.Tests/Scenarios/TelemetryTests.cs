using System.Diagnostics;
using System.Diagnostics.Metrics;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>What a listener hears of the work: spans of attempts and measurements of jobs.</summary>
public sealed class TelemetryTests
{
    private const string Inserted = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    [Fact]
    public async Task An_attempt_is_a_consumer_span_of_its_own_trace_in_which_the_handler_runs()
    {
        using var heard = new Spans("spans_one");
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        Activity? within = null;
        var process = await StartAsync(cluster, "spans_one", job => job.Process(_ => within = Activity.Current));
        using (var outside = new Activity("of whoever runs the workers").Start()) await process.RoundAsync();

        var span = Assert.Single(heard.Ended);
        Assert.Same(span, within);
        Assert.Equal("process spans_one", span.DisplayName);
        Assert.Equal(ActivityKind.Consumer, span.Kind);
        Assert.Null(span.Parent);
        Assert.Equal(default, span.ParentSpanId);
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
        Assert.Equal(
            ["messaging.destination.name=spans_one", "messaging.operation.name=process", "messaging.operation.type=process", "messaging.system=pampa",
                "pampa.job=spans_one", "pampa.node=a", "pampa.outcome=completed", "pampa.task.attempt=1", "pampa.task.key=1", "pampa.worker=a.1"],
            span.TagObjects.Select(t => $"{t.Key}={t.Value}").Order(StringComparer.Ordinal));
        Assert.Empty(span.Links);
    }

    [Fact]
    public async Task An_attempt_that_fails_is_a_span_with_the_error_and_one_that_is_put_off_is_not()
    {
        using var heard = new Spans("spans_failed");
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        var process = await StartAsync(cluster, "spans_failed", job =>
        {
            job.MaxAttempts = 1;
            job.Process(task => throw (task.Get<long>("value") == 1 ? new TimeoutException("the shop is shut") : new SnoozeException(TimeSpan.FromHours(1))));
        });
        await process.RoundAsync();

        var failed = Assert.Single(heard.Ended, s => (string?)s.GetTagItem("pampa.task.key") == "1");
        Assert.Equal(ActivityStatusCode.Error, failed.Status);
        Assert.Contains("the shop is shut", failed.StatusDescription, StringComparison.Ordinal);
        Assert.Equal("failed", failed.GetTagItem("pampa.outcome"));
        Assert.Equal("System.TimeoutException", failed.GetTagItem("error.type"));
        Assert.Equal("exception", Assert.Single(failed.Events).Name);
        var snoozed = Assert.Single(heard.Ended, s => (string?)s.GetTagItem("pampa.task.key") == "2");
        Assert.Equal(ActivityStatusCode.Unset, snoozed.Status);
        Assert.Equal("snoozed", snoozed.GetTagItem("pampa.outcome"));
    }

    [Fact]
    public async Task A_span_is_linked_to_the_trace_in_which_its_record_was_inserted_and_what_is_no_trace_does_no_harm()
    {
        using var heard = new Spans("spans_linked");
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("traced", ", traceparent text");
        await cluster.Db.ExecuteAsync($"INSERT INTO traced (value, traceparent) VALUES (1, '{Inserted}'), (2, 'nonsense'), (3, NULL), (4, '00-{new string('0', 32)}-{new string('0', 16)}-01')");
        await cluster.StartProgramAsync(pampa =>
            TestCluster.AddNumbers(pampa, job => job.Process<Plain>((row, _) => row), "spans_linked", "traced"));
        await cluster.UntilEndedAsync("traced");

        Assert.Equal(4, heard.Ended.Count);
        var links = heard.Ended.Where(s => s.Links.Any()).ToList();
        var linked = Assert.Single(links);
        Assert.Equal("1", linked.GetTagItem("pampa.task.key"));
        var link = Assert.Single(linked.Links).Context;
        Assert.Equal(("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"), (link.TraceId.ToHexString(), link.SpanId.ToHexString()));
        Assert.NotEqual(link.TraceId, linked.TraceId);
        Assert.All(await cluster.RowsAsync("traced"), row => Assert.True(row.IsCompleted));
    }

    [Fact]
    public async Task A_batch_is_one_span_with_links_to_all_of_its_records()
    {
        using var heard = new Spans("spans_batch");
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("traced", ", traceparent text");
        await cluster.Db.ExecuteAsync($"INSERT INTO traced (value, traceparent) VALUES (1, '{Inserted}'), (2, '{Inserted}'), (3, '00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')");
        var process = await cluster.StartProgramAsync(
            pampa => TestCluster.AddNumbers(pampa, job => job.ProcessBatch(10, (_, _) => { }), "spans_batch", "traced"), workers: 1);
        await process.RoundAsync();

        var span = Assert.Single(heard.Ended);
        Assert.Equal(3, span.GetTagItem("pampa.batch.size"));
        Assert.Equal((3, "spans_batch"), (span.GetTagItem("messaging.batch.message_count"), span.GetTagItem("messaging.destination.name")));
        Assert.Equal("completed", span.GetTagItem("pampa.outcome"));
        // Two of them were inserted in the same trace, and each has a link of its own.
        Assert.Equal(
            [("1", "0af7651916cd43dd8448eb211c80319c"), ("2", "0af7651916cd43dd8448eb211c80319c"), ("3", "1af7651916cd43dd8448eb211c80319c")],
            span.Links.Select(l => ((string)l.Tags!.First(t => t.Key == "pampa.task.key").Value!, l.Context.TraceId.ToHexString())).Order());
        Assert.All(span.Links, l => Assert.Equal(1, l.Tags!.First(t => t.Key == "pampa.task.attempt").Value));
        Assert.Empty(span.Events);
    }

    [Fact]
    public async Task The_span_of_a_batch_tells_which_of_its_records_were_not_completed()
    {
        using var heard = new Spans("spans_parted");
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await StartAsync(cluster, "spans_parted", job =>
        {
            job.ProcessBatch(10, (tasks, _) => tasks.FirstOrDefault(t => t.Get<long>("value") == 2)?.Fail("the shop is shut", permanently: true));
        });
        await process.RoundAsync();

        var events = heard.Ended.SelectMany(s => s.Events).Where(e => e.Name == "pampa.task").ToList();
        var told = Assert.Single(events).Tags.ToDictionary(t => t.Key, t => t.Value);
        Assert.Equal(("2", 1, "failed"), (told["pampa.task.key"], told["pampa.task.attempt"], told["pampa.outcome"]));
        Assert.Contains("the shop is shut", (string)told["exception.message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_listener_that_throws_costs_no_task()
    {
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == PampaTelemetry.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.Name == "process spans_thrown" ? ActivitySamplingResult.AllData : ActivitySamplingResult.None,
            ActivityStarted = _ => throw new InvalidOperationException("the listener's own"),
        };
        ActivitySource.AddActivityListener(listener);
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await StartAsync(cluster, "spans_thrown", job => job.Process(_ => Assert.Null(Activity.Current)));
        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
        Assert.Single(process.Lines, l => l.Contains("the listener's own", StringComparison.Ordinal));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task Attempts_times_and_batches_are_measured_for_the_job_and_the_node(Engine engine)
    {
        using var heard = new Measurements("meter_all");
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(4);
        var isPutOff = false;
        var process = await StartAsync(cluster, "meter_all", job =>
        {
            job.MaxAttempts = 2;
            job.Process(async task =>
            {
                var value = task.Get<long>("value");
                await cluster.AdvanceAsync(0.5);
                if (value == 1) throw new PermanentFailureException("no");
                if (value == 2 && task.Attempt == 1) throw new TimeoutException("not now");
                if (value != 3 || isPutOff) return;
                isPutOff = true;
                throw new SnoozeException(TimeSpan.Zero);
            });
        });
        await process.DispatchAsync();
        await cluster.AdvanceAsync(3);
        await process.StartAsync();
        await process.RunAsync();
        await process.FinishAsync();
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).TrueForAll(r => r.Et is not null), "all have ended");

        Assert.Equal(1, heard.Sum("pampa.task.attempts", "pampa.outcome=failed"));
        Assert.Equal(1, heard.Sum("pampa.task.attempts", "pampa.outcome=retry"));
        Assert.Equal(1, heard.Sum("pampa.task.attempts", "pampa.outcome=snoozed"));
        Assert.Equal(3, heard.Sum("pampa.task.attempts", "pampa.outcome=completed"));
        Assert.Equal(6, heard.Of("pampa.task.duration").Count);
        Assert.All(heard.Of("pampa.task.duration"), d => Assert.InRange(d.Value, 0.5, 0.6));
        Assert.Equal(
            ["completed", "completed", "completed", "failed", "retry", "snoozed"],
            heard.Of("pampa.task.duration").SelectMany(d => d.Tags).Where(t => t.StartsWith("pampa.outcome=", StringComparison.Ordinal)).Select(t => t[14..]).Order());
        Assert.Equal(6, heard.Of("pampa.task.wait").Count);
        Assert.InRange(heard.Of("pampa.task.wait")[0].Value, 3, 3.1);
        Assert.Equal(6, heard.Sum("pampa.batch.size", "pampa.step=reserve"));
        Assert.Equal(6, heard.Sum("pampa.batch.size", "pampa.step=start"));
        Assert.Equal(6, heard.Sum("pampa.batch.size", "pampa.step=finish"));
        Assert.All(heard.All, m => Assert.Contains("pampa.node=a", m.Tags));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task How_long_a_task_waited_in_all_is_measured_where_its_record_says_when_it_was_due(Engine engine)
    {
        using var heard = new Measurements("meter_due");
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.CreateTableAsync("timed", $", send_at {(engine == Engine.Sqlite ? "text" : "timestamptz")}");
        var due = cluster.Db.Clock.Now.AddSeconds(-30).ToString("yyyy-MM-ddTHH:mm:ss.fffZ", System.Globalization.CultureInfo.InvariantCulture);
        await cluster.Db.ExecuteAsync($"INSERT INTO timed (value, send_at) VALUES (1, '{due}'), (2, NULL)");
        var isTried = false;
        await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job =>
        {
            job.DueColumn = "send_at";
            job.Process<Plain>((row, _) => row.Value == 1 && !isTried && (isTried = true) ? throw new TimeoutException("not now") : row);
        }, "meter_due", "timed"));
        await cluster.UntilEndedAsync("timed");

        // Once, although it was tried twice; the other one has no time.
        Assert.InRange(Assert.Single(heard.Of("pampa.task.queue")).Value, 30, 31);
        Assert.Equal(3, heard.Of("pampa.task.wait").Count);
    }

    [Fact]
    public async Task A_result_that_is_refused_and_what_is_taken_back_from_the_dead_are_counted()
    {
        using var heard = new Measurements("meter_lost");
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        var first = await StartAsync(cluster, "meter_lost", job => job.Process(_ => { }));
        await first.DispatchAsync();
        await first.StartAsync();
        var second = await StartAsync(cluster, "meter_lost", job => job.Process(_ => { }), "b");
        for (var i = 0; i < 10 && heard.Of("pampa.task.reclaimed").Count == 0; i++)
        {
            await cluster.AdvanceAsync(10);
            second.TryBeat();
            await second.DispatchAsync();
        }
        await first.RunAsync();
        await first.FinishAsync();

        Assert.Equal(2, heard.Sum("pampa.task.reclaimed", "pampa.outcome=retry", "pampa.node=b"));
        Assert.Equal(2, heard.Sum("pampa.task.attempts", "pampa.outcome=fenced", "pampa.node=a"));
    }

    [Fact]
    public async Task The_leader_tells_how_its_jobs_stand_and_nobody_does_when_it_leads_no_more()
    {
        using var heard = new Measurements("meter_standing");
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(50);
        await cluster.Db.ExecuteAsync($"UPDATE numbers SET odd_checking_reservation_time = '{cluster.Db.Clock.Now.AddSeconds(-90):yyyy-MM-dd HH:mm:ss.fff}' WHERE value = 50");
        var process = await StartAsync(cluster, "meter_standing", job =>
        {
            job.MaxQueueSize = job.QueueSize = 1;
            job.Process(_ => { });
        });
        await process.DispatchAsync();
        await process.Sampler.CycleAsync(TestCluster.Stopping);

        heard.Observe();
        Assert.Equal(48, Assert.Single(heard.Of("pampa.job.pending")).Value);
        Assert.Equal(2, Assert.Single(heard.Of("pampa.job.workers")).Value);
        Assert.InRange(Assert.Single(heard.Of("pampa.job.oldest_pending")).Value, 89, 91);

        process.Sampler.Forget();
        heard.Observe();
        Assert.Single(heard.Of("pampa.job.pending"));
    }

    [Fact]
    public async Task To_become_the_leader_is_counted_for_the_node()
    {
        using var heard = new Measurements(null);
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartAsync(job => job.Process(_ => { }), name: "node-of-leader");
        await process.DispatchAsync();
        await process.DispatchAsync();

        Assert.Equal(1, heard.Sum("pampa.leader.changes", "pampa.node=node-of-leader"));
    }

    [Fact]
    public void Every_instrument_is_on_the_page_about_them()
    {
        var page = File.ReadAllText(Path.Combine(EndToEnd.ProgramFixture.Root, "docs", "telemetry.md"));
        var names = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == PampaTelemetry.MeterName) names.Add(instrument.Name);
            },
        };
        _ = Jobs.Instruments.Source;
        listener.Start();
        Assert.Equal(11, names.Count);
        Assert.All(names, name => Assert.Contains($"| `{name}` |", page, StringComparison.Ordinal));
    }

    private static Task<TestProcess> StartAsync(TestCluster cluster, string job, Action<JobBuilder> configure, string name = "a") =>
        cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, configure, job), name: name);

    private sealed record Plain(long Value);
}
