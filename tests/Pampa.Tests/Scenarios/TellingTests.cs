using Pampa.Working;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>What a cluster tells of its work: samples, histories, who runs what; and what is done to records from outside.</summary>
public sealed class TellingTests
{
    private static CancellationToken Stopping => TestCluster.Stopping;

    private static async Task TellAsync(TestProcess process)
    {
        Assert.False(await process.Vitals.CycleAsync(Stopping));
        Assert.False(await process.Sampler.CycleAsync(Stopping));
    }

    // Twelve seconds, in which the leader does not rest.
    private static async Task PassAsync(TestCluster cluster, TestProcess process)
    {
        for (var i = 0; i < 2; i++)
        {
            await cluster.LiveAsync(6);
            await process.RoundAsync();
        }
        await TellAsync(process);
    }

    private static async Task<IReadOnlyList<JobSample>> SamplesAsync(TestCluster cluster, TestProcess process, int points = 500) =>
        await process.Cluster.SamplesAsync("numbers", new DateTimeOffset(cluster.Db.Clock.Now).AddHours(-1), points: points, cancellationToken: Stopping);

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.PostgreSql)]
    [InlineData(Engine.Portable)]
    public async Task A_task_whose_record_is_cancelled_is_told_to_stop_and_the_others_are_not(object engine)
    {
        await using var cluster = await TestCluster.CreateAsync((Engine)engine);
        await cluster.InsertAsync(2);
        var tokens = new System.Collections.Concurrent.ConcurrentDictionary<long, CancellationToken>();
        var process = await cluster.StartAsync(job => job.Process(async task =>
        {
            tokens[task.Get<long>("value")] = task.CancellationToken;
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, task.CancellationToken);
        }));
        await process.DispatchAsync();
        await process.StartAsync();
        var running = process.Node.Workers.Select(w => w.RunNextAsync()).ToList();
        await UntilAsync(() => tokens.Count == 2);

        var left = await process.Cluster.ApplyAsync("numbers", TaskAction.Cancel, new TaskFilter { Keys = ["1"] }, null, null, Stopping);
        Assert.Equal((0L, 1L), (left.Changed, left.Running));
        var done = await process.Cluster.ApplyAsync(
            "numbers", TaskAction.Cancel, new TaskFilter { Keys = ["1"] }, new TaskActionOptions { Running = true, Reason = "wrong file" }, null, Stopping);
        Assert.Equal((1L, 1L, 0L), (done.Matched, done.Changed, done.Running));
        await process.Vitals.CycleAsync(Stopping);
        Assert.All(tokens.Values, token => Assert.False(token.IsCancellationRequested));
        await cluster.LiveAsync(6);
        await process.Vitals.CycleAsync(Stopping);

        await Task.WhenAny(running);
        Assert.Equal((true, false), (tokens[1].IsCancellationRequested, tokens[2].IsCancellationRequested));
        Assert.Contains(process.Lines, l => l.Contains("was cancelled or taken back meanwhile", StringComparison.Ordinal));
        await process.FinishAsync();
        var row = await cluster.RowAsync(1);
        Assert.EndsWith(": wrong file", row.Err, StringComparison.Ordinal);
        Assert.Equal((false, 1), (row.Ok, row.N));
        Assert.Equal(1, process.Counters.Fenced);
        process.Node.Interrupt(Interruption.Shutdown);
        await Task.WhenAll(running);
    }

    // A worker's call may go on on another thread before its handler is called.
    private static async Task UntilAsync(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition()) await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, deadline.Token);
    }

    [Fact]
    public async Task A_task_that_has_just_ended_and_one_that_has_moved_its_record_away_are_not_told_to_stop()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        var tokens = new System.Collections.Concurrent.ConcurrentDictionary<long, CancellationToken>();
        var (ends, moves) = (new TaskCompletionSource(), new TaskCompletionSource());
        var process = await cluster.StartAsync(job => job.Process(async task =>
        {
            var key = task.Get<long>("value");
            tokens[key] = task.CancellationToken;
            await (key == 1 ? ends : moves).Task;
        }));
        await process.DispatchAsync();
        await process.StartAsync();
        var running = process.Node.Workers.Select(w => w.RunNextAsync()).ToList();
        await UntilAsync(() => tokens.Count == 2);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_end_time = '2030-01-01T00:00:01Z', odd_checking_success = FALSE WHERE value = 1");
        await cluster.Db.ExecuteAsync("DELETE FROM numbers WHERE value = 2");
        await cluster.LiveAsync(6);
        var looks = 0;
        process.Faults.Meanwhile("IS TRUE, t.\"odd_checking_error_description\"", () =>
        {
            looks++;
            ends.SetResult();
            SpinWait.SpinUntil(() => process.Node.Workers.Count(w => w.Current is not null) == 1, TimeSpan.FromSeconds(30));
        });

        await process.Vitals.CycleAsync(Stopping);

        Assert.Equal(1, looks);
        Assert.DoesNotContain(process.Lines, l => l.Contains("was cancelled or taken back", StringComparison.Ordinal));
        Assert.All(tokens.Values, token => Assert.False(token.IsCancellationRequested));
        moves.SetResult();
        await Task.WhenAll(running);
    }

    [Fact]
    public async Task What_runs_is_cancelled_only_where_nobody_is_promised_the_end_of_each_attempt()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartAsync(job =>
        {
            job.OnFinished(_ => Task.CompletedTask);
            job.Process(_ => { });
        });
        var keys = new TaskFilter { Keys = ["1"] };
        var running = new TaskActionOptions { Running = true };
        var refused = await Assert.ThrowsAsync<ArgumentException>(() => process.Cluster.ApplyAsync("numbers", TaskAction.Cancel, keys, running, null, Stopping));
        Assert.Contains("has an OnFinished", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<ArgumentException>(() => process.Cluster.ApplyAsync("numbers", TaskAction.Skip, keys, running, null, Stopping));
        Assert.Contains("only cancel can take it", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.PostgreSql)]
    [InlineData(Engine.Portable)]
    public async Task Samples_tell_how_a_job_went_and_survive_its_leader(object engine)
    {
        await using var cluster = await TestCluster.CreateAsync((Engine)engine);
        await cluster.InsertAsync(30);
        var first = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.Process(task =>
            {
                if (task.Get<long>("value") > 25) throw new InvalidOperationException("no");
            });
        });
        await first.DispatchAsync();
        await TellAsync(first);
        await cluster.UntilEndedAsync();
        await PassAsync(cluster, first);
        await PassAsync(cluster, first);
        var samples = await SamplesAsync(cluster, first);
        Assert.Equal(3, samples.Count);
        Assert.Equal((20, true), (samples[0].Pending, samples[0].IsPendingExact));
        var seconds = samples.Zip(samples.Skip(1), (a, b) => (b.At - a.At).TotalSeconds).ToList();
        Assert.Equal(25, Math.Round(samples[1].CompletedPerSecond * seconds[0] + samples[2].CompletedPerSecond * seconds[1]));
        Assert.Equal(5, Math.Round(samples[1].FailedPerSecond * seconds[0] + samples[2].FailedPerSecond * seconds[1]));
        Assert.Equal((0, 0), (samples[2].Pending, samples[2].Running));
        Assert.NotNull(samples[1].MeanDuration);

        first.Kill();
        await cluster.InsertAsync(4, first: 101);
        await cluster.LiveAsync(31);
        var second = await cluster.StartAsync(job => job.Process(_ => { }), name: "b");
        await second.DispatchAsync();
        Assert.True(second.Dispatcher.IsLeading);
        await TellAsync(second);
        await cluster.UntilEndedAsync();
        await PassAsync(cluster, second);
        var later = await SamplesAsync(cluster, second);
        Assert.Equal(5, later.Count);
        Assert.Equal(4, Math.Round(later[4].CompletedPerSecond * (later[4].At - later[3].At).TotalSeconds));
        Assert.Equal(0, later[3].CompletedPerSecond);
        Assert.InRange((await SamplesAsync(cluster, second, points: 2)).Count, 1, 2);
        Assert.Empty(await second.Cluster.SamplesAsync("numbers", later[4].At.AddHours(1), cancellationToken: Stopping));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => SamplesAsync(cluster, second, points: 1));
    }

    [Fact]
    public async Task A_process_that_does_not_lead_samples_nothing()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var first = await cluster.StartAsync(job => job.Process(_ => { }));
        var second = await cluster.StartAsync(job => job.Process(_ => { }), name: "b");
        await first.DispatchAsync();
        await second.DispatchAsync();
        await TellAsync(second);
        Assert.Empty(await SamplesAsync(cluster, first));
        await TellAsync(first);
        // Not again within the same ten seconds.
        await TellAsync(first);
        Assert.Single(await SamplesAsync(cluster, first));
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.PostgreSql)]
    public async Task A_record_has_a_history_of_what_went_wrong_and_of_what_people_did(object engine)
    {
        await using var cluster = await TestCluster.CreateAsync((Engine)engine);
        await cluster.InsertAsync(2);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 2;
            job.Process(task =>
            {
                if (task.Get<long>("value") == 1) throw new InvalidOperationException($"attempt {task.Attempt}\e[31m");
            });
        });
        await cluster.UntilEndedAsync();
        await TellAsync(process);
        Assert.Equal(1, await process.Cluster.As("anna").RetryAsync("numbers", ["1", "2"], Stopping));
        var details = (await process.Cluster.TaskAsync("numbers", "1", ["note", "is_odd"], Stopping))!;
        Assert.Equal([("retry", null, "anna"), ("failed", 2, null), ("again", 1, null)], details.History.Select(e => (e.What, e.Attempt, e.Who)));
        Assert.EndsWith("attempt 1\e[31m", details.History[2].Text, StringComparison.Ordinal);
        Assert.Equal((2, null, TaskState.Pending), (details.MaxAttempts, details.Generation, details.Task.State));
        Assert.Equal(["is_odd", "note"], details.Task.Values.Select(v => v.Column));
        Assert.Empty((await process.Cluster.TaskAsync("numbers", "2", cancellationToken: Stopping))!.History);
        Assert.Null(await process.Cluster.TaskAsync("numbers", "99", cancellationToken: Stopping));
        Assert.Equal(0, (await process.Cluster.ErrorsAsync("numbers", cancellationToken: Stopping)).Examined);
    }

    [Fact]
    public async Task What_was_taken_back_stands_in_the_history()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var dead = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1);
        await dead.DispatchAsync();
        await dead.StartAsync();
        dead.Kill();
        await cluster.LiveAsync(40);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), name: "b");
        await cluster.UntilEndedAsync();
        await TellAsync(process);
        var happened = Assert.Single((await process.Cluster.TaskAsync("numbers", "1", cancellationToken: Stopping))!.History);
        Assert.Equal("reclaimed", happened.What);
    }

    [Fact]
    public async Task Whoever_asks_is_told_what_keeps_a_worker()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var release = new TaskCompletionSource();
        var process = await cluster.StartAsync(job => job.Process(_ => new ValueTask(release.Task)), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        var running = process.Node.Workers[0].RunNextAsync();
        await cluster.LiveAsync(5);
        await process.Vitals.CycleAsync(Stopping);
        await cluster.LiveAsync(2);
        var info = await process.Cluster.InfoAsync(Stopping);
        var worker = Assert.Single(info.Workers);
        Assert.Equal(("numbers", "1", 7), (worker.Running!.Job, worker.Running.Key, Math.Round(worker.Running.For.TotalSeconds)));
        Assert.NotEqual("", worker.Program);
        Assert.InRange(Assert.Single(info.Nodes).MemoryBytes!.Value, 1_000_000, long.MaxValue);
        release.SetResult();
        await running;
        await cluster.LiveAsync(5);
        await process.Vitals.CycleAsync(Stopping);
        Assert.Null(Assert.Single((await process.Cluster.InfoAsync(Stopping)).Workers).Running);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.PostgreSql)]
    [InlineData(Engine.Portable)]
    public async Task Actions_change_what_matches_in_chunks_and_say_how_far_they_are(object engine)
    {
        await using var cluster = await TestCluster.CreateAsync((Engine)engine);
        await cluster.InsertAsync(1_000);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        var pampa = process.Cluster.As("anna");
        var options = new TaskActionOptions { Pause = TimeSpan.Zero, ChunkSize = 100, Reason = "a reason" };
        var upper = new TaskFilter { Where = [ColumnCondition.Parse("value > 500")] };
        var counted = await pampa.ApplyAsync("numbers", TaskAction.Cancel, upper, options with { DryRun = true }, null, Stopping);
        Assert.Equal(new TaskActionResult(500, 0, 0, true, null), counted);
        Assert.Empty((await pampa.AuditAsync(cancellationToken: Stopping)).Entries);

        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_id = 'x.1', odd_checking_start_time = '2030-01-01T00:00:00Z' WHERE value = 777");
        var told = new List<TaskActionResult>();
        var done = await pampa.ApplyAsync("numbers", TaskAction.Cancel, upper, options, new Told(told), Stopping);
        Assert.Equal((499, 499, 1), (done.Matched, done.Changed, done.Running));
        Assert.InRange(told.Count, 5, 6);
        Assert.Equal(done, told[^1]);
        var cancelled = await cluster.RowAsync(501);
        Assert.Equal("cancelled by anna: a reason", cancelled.Err);

        await cluster.AdvanceAsync(0.01);
        var cancelledOnes = new TaskFilter { ErrorContains = "a reason" };
        var retried = await pampa.ApplyAsync("numbers", TaskAction.Retry, cancelledOnes, options with { Limit = 150 }, null, Stopping);
        Assert.Equal(150, retried.Changed);
        var page = await pampa.AuditAsync(new AuditQuery { Limit = 1, Job = "numbers" }, Stopping);
        Assert.Equal((retried.AuditId, "anna", "retry", "job numbers", "error contains 'a reason'; because: a reason", 150L),
            page.Entries.Select(e => (e.Id, e.Who, e.Action, e.Target, e.Detail, e.Count)).Single());
        var older = await pampa.AuditAsync(new AuditQuery { Before = page.Next }, Stopping);
        Assert.Equal((499L, null), (Assert.Single(older.Entries).Count, older.Next));
        await pampa.As("bob").PauseAsync(PampaTarget.Job("numbers"), "repair", null, Stopping);
        // The clock stands still: those of one moment come in any order.
        async Task<IEnumerable<string>> DoneAsync(AuditQuery asked) => (await pampa.AuditAsync(asked, Stopping)).Entries.Select(e => e.Action).Order();
        Assert.Equal(["cancel"], await DoneAsync(new AuditQuery { Action = "cancel" }));
        Assert.Equal(["cancel", "pause", "retry"], await DoneAsync(new AuditQuery { TargetContains = "B NUMB" }));
        Assert.Equal(["retry"], await DoneAsync(new AuditQuery { TargetContains = "numbers", Action = "retry", Who = "anna" }));
        Assert.Empty(await DoneAsync(new AuditQuery { Action = "pause", Who = "anna" }));
        Assert.Empty(await DoneAsync(new AuditQuery { TargetContains = "j_b%" }));
        await pampa.ResumeAsync(PampaTarget.Job("numbers"), Stopping);

        // The rest, by the calls without a filter: what was retried is due, the others come again.
        Assert.Equal(349, await pampa.RetryAsync("numbers", cancellationToken: Stopping));
        Assert.Equal(0, await pampa.RelaunchAsync("numbers", ["777"], Stopping));
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.PostgreSql)]
    public async Task What_waits_for_its_next_attempt_is_tried_at_once_where_somebody_says_so(object engine)
    {
        await using var cluster = await TestCluster.CreateAsync((Engine)engine);
        await cluster.InsertAsync(2);
        var process = await cluster.StartAsync(job =>
        {
            job.Backoff = Backoff.Fixed(TimeSpan.FromDays(1));
            job.Process(task =>
            {
                if (task.Attempt == 1) throw new InvalidOperationException("not yet");
            });
        });
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).All(r => r is { IsFree: true, N: 1 }), "both have failed once");
        await TellAsync(process);
        var done = await process.Cluster.As("anna").ApplyAsync("numbers", TaskAction.RunNow, new TaskFilter { Keys = ["1"] }, null, null, Stopping);
        Assert.Equal((1, 1), (done.Matched, done.Changed));
        await cluster.UntilAsync(async () => (await cluster.RowAsync(1)).IsCompleted, "it is tried again");
        Assert.Equal((2, 1), ((await cluster.RowAsync(1)).N, (await cluster.RowAsync(2)).N));
        var history = (await process.Cluster.TaskAsync("numbers", "1", cancellationToken: Stopping))!.History;
        Assert.Equal([("run-now", "anna"), ("again", null)], history.Select(e => (e.What, e.Who)));
    }

    private sealed class Told(List<TaskActionResult> results) : IProgress<TaskActionResult>
    {
        public void Report(TaskActionResult value) => results.Add(value);
    }

    [Fact]
    public async Task What_must_not_be_done_is_refused_before_anything_is_done()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(3);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        async Task RefusedAsync(string why, TaskAction action, TaskFilter filter, TaskActionOptions? options = null)
        {
            var refused = await Assert.ThrowsAsync<ArgumentException>(() => process.Cluster.ApplyAsync("numbers", action, filter, options, null, Stopping));
            Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        }

        await RefusedAsync("without a condition takes all records", TaskAction.Cancel, new TaskFilter());
        await RefusedAsync("without a condition takes all records", TaskAction.Skip, new TaskFilter { States = [TaskState.Pending] });
        var pending = new TaskFilter { States = [TaskState.Pending] };
        await RefusedAsync("retry takes records that are failed, and the filter wants such that are pending", TaskAction.Retry, pending);
        await RefusedAsync("skip takes records", TaskAction.Skip, new TaskFilter { States = [TaskState.Running] });
        var all = new TaskActionOptions { All = true };
        await RefusedAsync("ChunkSize must be between 1 and 500, got 501", TaskAction.Cancel, new TaskFilter(), all with { ChunkSize = 501 });
        await RefusedAsync("Pause must be between", TaskAction.Cancel, new TaskFilter(), all with { Pause = TimeSpan.FromHours(1) });
        await RefusedAsync("Limit must be at least 1", TaskAction.Cancel, new TaskFilter(), all with { Limit = 0 });
        await RefusedAsync("at most 500 characters", TaskAction.Cancel, new TaskFilter(), all with { Reason = new string('x', 501) });
        Assert.Throws<ArgumentException>(() => process.Cluster.As(" "));
        Assert.Throws<ArgumentException>(() => process.Cluster.As(new string('x', 201)));
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsFree));
        Assert.Equal(3, (await process.Cluster.ApplyAsync("numbers", TaskAction.Skip, new TaskFilter(), all, null, Stopping)).Changed);
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
    }
}
