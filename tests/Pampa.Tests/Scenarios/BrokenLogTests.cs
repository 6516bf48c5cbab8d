using Microsoft.Extensions.Logging;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Scenarios;

/// <summary>A log that throws, as where the disk of its file is full: nothing comes of that but a line.</summary>
public sealed class BrokenLogTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>A provider whose disk is full; the logging of .NET hands that on to whoever logs.</summary>
    private sealed class Broken : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => throw new IOException("the disk is full");

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.Trace ? true : throw new IOException("the disk is full");

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new IOException("the disk is full");

        public void Dispose()
        {
        }
    }

    private static Task SoonAsync(Task task) => task.WaitAsync(Patience, TimeProvider.System, TestCluster.Stopping);

    private static async Task<(TestCluster Cluster, HookCalls Calls, TaskEvent About)> HooksAsync(Func<TaskEvent, Task> hook)
    {
        var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job =>
        {
            job.OnFinished(hook);
            job.Process(_ => { });
        });
        var store = process.Lane.Store;
        Assert.True(store.TryParseKey("1", out var key));
        return (cluster, new HookCalls(store, cluster.Db.Source, new Broken(), cluster.Time), new TaskEvent(store.Table, key));
    }

    [Fact]
    public async Task It_loses_no_call_of_a_hook_and_lets_nobody_wait_for_ever()
    {
        var called = 0;
        var (cluster, calls, about) = await HooksAsync(_ =>
        {
            Interlocked.Increment(ref called);
            throw new FormatException("nobody listens");
        });
        await using var _ = cluster;
        for (var i = 0; i < 50; i++) calls.Tell(HookKind.Finished, about);
        await SoonAsync(calls.IdleAsync());
        Assert.Equal((50, 0), (called, calls.Count));
    }

    [Fact]
    public async Task It_keeps_no_place_of_a_call_that_has_ended()
    {
        var gate = new TaskCompletionSource();
        var begun = 0;
        var (cluster, calls, about) = await HooksAsync(_ =>
        {
            Interlocked.Increment(ref begun);
            return gate.Task;
        });
        await using var _ = cluster;
        await StickAsync(HookCalls.MostAtOnce);
        Assert.Equal(0, calls.Awaited);
        gate.SetResult();
        await SoonAsync(UntilAsync(() => !calls.AreStuck));

        gate = new TaskCompletionSource();
        await StickAsync(HookCalls.MostAtOnce - 1);
        gate.SetResult();
        calls.Tell(HookKind.Finished, about);
        await SoonAsync(UntilAsync(() => begun == 2 * HookCalls.MostAtOnce));
        Assert.False(calls.AreStuck);

        async Task StickAsync(int count)
        {
            var before = begun;
            for (var i = 0; i < count; i++) calls.Tell(HookKind.Finished, about);
            await SoonAsync(UntilAsync(() => begun == before + count));
            await SoonAsync(UntilAsync(() =>
            {
                cluster.Time.Advance(HookCalls.Deadline);
                return calls.Count == 0 && (count < HookCalls.MostAtOnce || calls.AreStuck);
            }));
        }

        async Task UntilAsync(Func<bool> condition)
        {
            while (!condition()) await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, TestCluster.Stopping);
        }
    }

    [Fact]
    public void What_it_throws_is_said_once_and_reaches_nobody()
    {
        using var factory = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(new Broken()));
        using var errors = new StringWriter();
        using var logs = new SafeLogs(factory, errors);
        var log = logs.CreateLogger("Pampa");
        Assert.ThrowsAny<Exception>(() => factory.CreateLogger("Pampa").LogInformation("it is told"));
        log.LogInformation("it is told");
        using (log.BeginScope("a task")) log.LogWarning("and again");
        Assert.False(log.IsEnabled(LogLevel.Trace));
        Assert.Equal("The log throws IOException: what Pampa tells it may be lost, and everything else goes on; it is told once: the disk is full",
            errors.ToString().TrimEnd());

        errors.Dispose();
        using var closed = new SafeLogs(factory, errors);
        closed.CreateLogger("Pampa").LogInformation("nobody is left to be told");
    }

    [Fact]
    public void Whoever_runs_a_process_has_it_made_safe()
    {
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(new Broken()));
        var surroundings = new Surroundings(factory, TimeProvider.System, new Random(1));
        Assert.IsType<SafeLogs>(surroundings.Logs);
        Assert.Same(surroundings.Logs, (surroundings with { Random = new Random(2) }).Logs);
        var (logs, _, _) = surroundings;
        logs.CreateLogger("Pampa").LogError("nobody is ended by it");
    }
}
