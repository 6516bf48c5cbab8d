using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Pampa.Commands;
using Pampa.Hosting;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Stand-alone processes by their cycles, on one clock for the database and for them.</summary>
public sealed class StandAloneTests
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>A process, what it logs, and how its runs end.</summary>
    private sealed class Process : IDisposable
    {
        private readonly CancellationTokenSource stopping = new();
        private readonly ILoggerFactory logs;

        public Process(
            TestCluster cluster, bool isSingle = false, Func<StandAloneOptions, StandAloneOptions>? change = null,
            Func<StandAloneRun, CancellationToken, Task>? code = null, bool isOnce = false)
        {
            logs = LoggerFactory.Create(logging => logging.AddProvider(
                new LineLog((_, level, text, end) => Lines.Enqueue($"{level}: {text}{end?.Text}"), cluster.Time)));
            var options = new StandAloneOptions { Name = "mirror", SingleInstance = isSingle };
            options = change?.Invoke(options) ?? options;
            var process = new StandAlone(options, code ?? ((_, _) => Task.CompletedTask)) { IsOnce = isOnce };
            Instance = isSingle
                ? new SingleInstance(new ClusterStore(cluster.Db.Database, TestCluster.Cluster), options.Name, Ttl, Errors.Enqueue, cluster.Time)
                : null;
            var parts = new StandAloneParts(options.Name, Run, options.OnStart, process.Check(hasDatabase: true, cluster.Time))
            {
                Instance = Instance,
                IsOnce = isOnce,
                StopsOnError = options.StopOnError,
                Backoff = options.Backoff,
                ShutdownTimeout = options.ShutdownTimeout,
                MaxDuration = options.MaxDuration,
            };
            Machine = new StandAloneProcess(parts, new Surroundings(logs, cluster.Time, new Random(1)));

            Task Run(StandAloneRun run, CancellationToken token)
            {
                Runs.Enqueue(run);
                return process.Code(run, token);
            }
        }

        public StandAloneProcess Machine { get; }

        public SingleInstance? Instance { get; }

        public ConcurrentQueue<string> Lines { get; } = new();

        public ConcurrentQueue<Exception> Errors { get; } = new();

        public ConcurrentQueue<StandAloneRun> Runs { get; } = new();

        public Task<bool> CycleAsync() => Machine.CycleAsync(stopping.Token).WaitAsync(Patience, TestContext.Current.CancellationToken);

        public void Stop() => stopping.Cancel();

        public void Dispose()
        {
            Instance?.Dispose();
            logs.Dispose();
            stopping.Dispose();
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); await Task.Yield()) Assert.True(clock.Elapsed < Patience, "it has not come to this");
    }

    [Fact]
    public async Task Runs_come_a_delay_apart_from_start_to_start()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var process = new Process(cluster);
        Assert.True(await process.CycleAsync());
        Assert.False(await process.CycleAsync());
        Assert.Equal(TimeSpan.FromSeconds(30), process.Machine.Pause);
        await cluster.AdvanceAsync(29);
        Assert.False(await process.CycleAsync());
        await cluster.AdvanceAsync(1);
        Assert.True(await process.CycleAsync());
        Assert.Equal([1L, 2], process.Runs.Select(r => r.Number));
        Assert.All(process.Runs, r => Assert.Equal((null, null, null), (r.Term, r.ScheduledFor, r.Database)));
    }

    [Fact]
    public async Task A_schedule_is_told_and_each_run_knows_for_when_it_is()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var process = new Process(cluster, change: o =>
        {
            o.Schedule = "0 3 * * *";
            return o;
        });
        Assert.False(await process.CycleAsync());
        Assert.Equal("Information: Pampa[334] 'mirror': the next run begins at 2030-01-01 03:00:00Z", Assert.Single(process.Lines));
        // The clock may be set meanwhile.
        Assert.Equal(TimeSpan.FromSeconds(30), process.Machine.Pause);
        await cluster.AdvanceAsync(3 * 3_600);
        Assert.True(await process.CycleAsync());
        Assert.Equal(new DateTimeOffset(2030, 1, 1, 3, 0, 0, TimeSpan.Zero), Assert.Single(process.Runs).ScheduledFor);
    }

    [Fact]
    public async Task A_run_that_throws_is_told_and_the_next_ones_wait_longer_and_longer()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var fails = true;
        using var process = new Process(cluster, change: o =>
        {
            o.Delay = TimeSpan.FromSeconds(1);
            return o;
        }, code: (_, _) => fails ? throw new InvalidOperationException("the site is down") : Task.CompletedTask);
        Assert.True(await process.CycleAsync());
        Assert.Contains("Error: Pampa[335] 'mirror': run 1 failed after 0.0 s (1 in a row); the next one begins in 00:00:0", process.Lines.Single(), StringComparison.Ordinal);
        Assert.Contains("InvalidOperationException: the site is down", process.Lines.Single(), StringComparison.Ordinal);
        Assert.InRange(process.Machine.Pause.TotalSeconds, 5, 6.25);
        await cluster.AdvanceAsync(4.9);
        Assert.False(await process.CycleAsync());
        await cluster.AdvanceAsync(1.4);
        Assert.True(await process.CycleAsync());
        Assert.InRange(process.Machine.Pause.TotalSeconds, 10, 12.5);
        fails = false;
        await cluster.AdvanceAsync(13);
        Assert.True(await process.CycleAsync());
        Assert.Equal(TimeSpan.FromSeconds(1), process.Machine.Pause);
        // It begins anew with the first.
        fails = true;
        await cluster.AdvanceAsync(1);
        Assert.True(await process.CycleAsync());
        Assert.InRange(process.Machine.Pause.TotalSeconds, 5, 6.25);
        Assert.Null(process.Machine.Code);
    }

    [Theory, InlineData(true, false), InlineData(false, true)]
    public async Task A_run_that_throws_ends_the_process_where_that_is_wanted(bool isOnce, bool stops)
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var process = new Process(cluster, isOnce: isOnce, change: o =>
        {
            o.StopOnError = stops;
            return o;
        }, code: (_, _) => throw new InvalidOperationException("no"));
        Assert.Equal(1, await process.Machine.RunAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Contains("run 1 failed after 0.0 s; the process ends", Assert.Single(process.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stop_cancels_the_run_which_has_its_time_and_not_more()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var go = new CancellationTokenSource();
        var reasons = new ConcurrentQueue<string?>();
        using var obedient = new Process(cluster, code: async (run, token) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            reasons.Enqueue(run.CancellationReason);
            token.ThrowIfCancellationRequested();
        });
        var cycle = obedient.CycleAsync();
        obedient.Stop();
        Assert.True(await cycle);
        Assert.Equal("the program is stopping", Assert.Single(reasons));
        Assert.Contains(obedient.Lines, l => l.Contains("run 1 was cancelled: the program is stopping", StringComparison.Ordinal));
        Assert.Null(obedient.Machine.Code);

        using var deaf = new Process(cluster, code: (_, _) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, go.Token));
        cycle = deaf.CycleAsync();
        deaf.Stop();
        await UntilAsync(() => deaf.Lines.Any(l => l.Contains("its token is cancelled, it has 00:00:30 to end", StringComparison.Ordinal)));
        Assert.False(cycle.IsCompleted);
        // The wait may begin a moment after the line.
        await UntilAsync(() =>
        {
            cluster.Time.Advance(TimeSpan.FromSeconds(30));
            return cycle.IsCompleted;
        });
        Assert.Equal(3, deaf.Machine.Code);
        Assert.Contains(deaf.Lines, l => l.StartsWith("Error: Pampa[340] 'mirror': run 1 has not ended within 00:00:30", StringComparison.Ordinal));
        await go.CancelAsync();
    }

    [Fact]
    public async Task One_run_that_is_stopped_before_it_is_done_is_not_taken_for_done()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var stop = new CancellationTokenSource();
        using var begun = new SemaphoreSlim(0);
        using var once = new Process(cluster, isOnce: true, code: (_, token) =>
        {
            begun.Release();
            return Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        });
        var code = once.Machine.RunAsync(stop.Token);
        Assert.True(await begun.WaitAsync(Patience, TestContext.Current.CancellationToken));
        await stop.CancelAsync();
        Assert.Equal(3, await code.WaitAsync(Patience, TestContext.Current.CancellationToken));
        // Nor is one that has not even begun.
        using var never = new Process(cluster, isOnce: true);
        Assert.Equal(3, await never.Machine.RunAsync(stop.Token).WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Empty(never.Runs);
    }

    [Fact]
    public async Task A_run_that_takes_longer_than_it_may_is_cancelled_and_has_failed()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var process = new Process(cluster, change: Limited, code: (_, token) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token));
        var cycle = process.CycleAsync();
        // Its time runs from before its code does.
        cluster.Time.Advance(TimeSpan.FromSeconds(61));
        Assert.True(await cycle);
        Assert.Contains("run 1 failed after", Assert.Single(process.Lines), StringComparison.Ordinal);
        Assert.Contains("The run did not end within 00:01:00 (MaxDuration).", process.Lines.Single(), StringComparison.Ordinal);
    }

    [Theory, InlineData(true, "was told to end after 00:01:00 (MaxDuration) and is still at work"), InlineData(false, "much longer than any before it")]
    public async Task A_run_that_never_ends_is_told_of_ever_more_seldom(bool isLimited, string told)
    {
        await using var cluster = await TestCluster.CreateAsync();
        var end = new TaskCompletionSource();
        using var process = new Process(cluster, change: o => isLimited ? Limited(o) : o, code: (_, _) => end.Task);
        var cycle = process.CycleAsync();
        await UntilAsync(() =>
        {
            cluster.Time.Advance(TimeSpan.FromMinutes(1));
            return process.Lines.Any(l => l.Contains(told, StringComparison.Ordinal));
        });
        // For a day, or for much longer where the threads come late.
        for (var i = 0; i < 24 * 60; i++) cluster.Time.Advance(TimeSpan.FromMinutes(1));
        end.SetResult();
        Assert.True(await cycle);
        Assert.All(process.Lines, l => Assert.Contains(told, l, StringComparison.Ordinal));
        Assert.InRange(process.Lines.Count, 1, 50);
    }

    private static StandAloneOptions Limited(StandAloneOptions options)
    {
        options.MaxDuration = TimeSpan.FromMinutes(1);
        return options;
    }

    [Fact]
    public async Task Start_code_runs_first_and_what_it_throws_ends_the_process()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var process = new Process(cluster, isOnce: true, change: o => new StandAloneOptions
        {
            Name = o.Name,
            OnStart = (run, _) => run.Number == 0 ? throw new IOException("no scraper") : Task.CompletedTask,
        });
        Assert.Equal(2, await process.Machine.RunAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Contains("OnStart threw IOException: no scraper. Nothing was run: mend that code", Assert.Single(process.Lines), StringComparison.Ordinal);
        Assert.Empty(process.Runs);
    }

    [Theory, InlineData(nameof(Engine.Sqlite)), InlineData(nameof(Engine.PostgreSql)), InlineData(nameof(Engine.Portable))]
    public async Task One_of_a_name_runs_the_other_stands_by_and_takes_over_when_the_lease_is_over(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        using var first = new Process(cluster, isSingle: true);
        using var second = new Process(cluster, isSingle: true);
        Assert.False(await first.CycleAsync());
        first.Instance!.Beat();
        second.Instance!.Beat();
        Assert.True(await first.CycleAsync());
        Assert.False(await second.CycleAsync());
        Assert.False(await second.CycleAsync());
        Assert.Contains("Information: Pampa[330] 'mirror' runs in this process, in term 1 of its lease", first.Lines);
        Assert.Equal($"Information: Pampa[332] 'mirror' runs elsewhere ({Environment.MachineName} process {Environment.ProcessId}): this process stands by and takes over when that one ends",
            Assert.Single(second.Lines));
        await cluster.AdvanceAsync(10);
        first.Instance.Beat();
        await cluster.AdvanceAsync(10);
        second.Instance.Beat();
        Assert.False(await second.CycleAsync());
        // The first one is heard of no more.
        await cluster.AdvanceAsync(5);
        second.Instance.Beat();
        Assert.True(await second.CycleAsync());
        Assert.Equal(2, Assert.Single(second.Runs).Term);
        Assert.False(await first.CycleAsync());
        first.Instance.Beat();
        Assert.False(await first.CycleAsync());
        Assert.Single(first.Runs);
        Assert.Contains("Warning: Pampa[331] 'mirror' has lost its lease: nothing begins until this process has it again", first.Lines);
        Assert.Single(first.Lines, l => l.Contains("runs elsewhere", StringComparison.Ordinal));
        Assert.Empty(first.Errors);
    }

    [Fact]
    public async Task Who_resigns_leaves_the_lease_to_the_next_at_once()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var first = new Process(cluster, isSingle: true);
        using var second = new Process(cluster, isSingle: true);
        first.Instance!.Beat();
        second.Instance!.Beat();
        Assert.Null(second.Instance.Held);
        await first.Instance.ResignAsync(TestContext.Current.CancellationToken);
        second.Instance.Beat();
        Assert.Equal(2, second.Instance.Held!.Lease.Term);
        Assert.Null(first.Instance.Held);
    }

    [Fact]
    public async Task A_process_of_this_computer_that_is_gone_is_not_waited_for()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var first = new Process(cluster, isSingle: true);
        using var second = new Process(cluster, isSingle: true);
        first.Instance!.Beat();
        var current = ProcessIdentity.Current;
        await cluster.Db.ExecuteAsync($"UPDATE pampa_lease SET process = {TableProfile.Literal($"{current[..current.LastIndexOf('/')]}/0")}");
        second.Instance!.Beat();
        Assert.Equal(2, second.Instance.Held!.Lease.Term);
        Assert.False(first.Instance.Held!.Lost.IsCancellationRequested);
        first.Instance.Beat();
        Assert.Null(first.Instance.Held);
    }

    [Fact]
    public async Task The_run_is_cancelled_before_another_may_begin_when_the_lease_cannot_be_renewed()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var reason = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var process = new Process(cluster, isSingle: true, code: async (run, token) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            reason.TrySetResult(run.CancellationReason);
            token.ThrowIfCancellationRequested();
        });
        process.Instance!.Beat();
        var cycle = process.CycleAsync();
        await cluster.AdvanceAsync(13.9);
        Assert.False(cycle.IsCompleted);
        await cluster.AdvanceAsync(0.1);
        Assert.Equal("the process has lost its lease", await reason.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.True(await cycle);
        Assert.Contains(process.Lines, l => l.Contains("run 1 was cancelled: the process has lost its lease", StringComparison.Ordinal));
        Assert.Null(process.Instance.Held);
        // The row is its own still: it need not wait for itself, but it is another term.
        process.Instance.Beat();
        Assert.Equal(2, process.Instance.Held!.Lease.Term);
        Assert.False(process.Instance.Held.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task A_run_that_goes_on_without_the_lease_is_not_said_to_keep_others_from_theirs()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var end = new TaskCompletionSource();
        using var process = new Process(cluster, isSingle: true, change: Limited, code: (_, _) => end.Task);
        process.Instance!.Beat();
        var cycle = process.CycleAsync();
        await cluster.AdvanceAsync(15);
        await UntilAsync(() => process.Lines.Any(l => l.Contains("another process may begin although this run goes on", StringComparison.Ordinal)));
        for (var i = 0; i < 100; i++)
        {
            cluster.Time.Advance(TimeSpan.FromMinutes(1));
            await Task.Yield();
        }
        end.SetResult();
        Assert.True(await cycle);
        Assert.DoesNotContain(process.Lines, l => l.Contains("no other begins", StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_run_of_a_process_that_runs_elsewhere_is_refused()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var first = new Process(cluster, isSingle: true);
        first.Instance!.Beat();
        using var once = new Process(cluster, isSingle: true, isOnce: true);
        Assert.Equal(4, await once.Machine.RunAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Contains("this process ends without a run", Assert.Single(once.Lines), StringComparison.Ordinal);
        await first.Instance.ResignAsync(TestContext.Current.CancellationToken);
        using var again = new Process(cluster, isSingle: true, isOnce: true);
        Assert.Equal(0, await again.Machine.RunAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Equal(2, Assert.Single(again.Runs).Term);
        var store = new ClusterStore(cluster.Db.Database, TestCluster.Cluster);
        Assert.Null(await store.ReadHolderAsync(SingleInstance.ScopeOf("mirror"), TestContext.Current.CancellationToken));
    }
}
