using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Pampa.Hosting;
using Engine = Pampa.Hosting.Engine;

namespace Pampa.Tests.Life;

/// <summary>
/// A process of a cluster on the real clock, from the choice of its database to its stop, within the test's own process.
/// </summary>
internal sealed class LiveProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly CancellationTokenSource stopping = new();
    private readonly ConcurrentQueue<string> lines = new();
    private readonly Task<int> running;
    private Engine? engine;

    private LiveProcess(string address, string node, Action<PampaBuilder> configure) => running = Task.Run(() => RunAsync(address, node, configure));

    public static LiveProcess Start(string address, string node, Action<PampaBuilder> configure) => new(address, node, configure);

    /// <summary>A job that is done with numbers of a table that the program makes and fills itself.</summary>
    public static Action<PampaBuilder> Numbers(int workers, int count, Func<PampaTask, Task>? process = null) => program =>
    {
        program.Workers = workers;
        program.Setup("CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean)");
        program.Setup($"INSERT INTO numbers (value) SELECT v FROM generate_series(1, {count}) AS v ON CONFLICT DO NOTHING");
        program.AddJob("odd", "numbers", "value", job =>
        {
            job.Columns = TaskColumns.WithPrefix("odd");
            job.Process(async task =>
            {
                if (process is not null) await process(task);
                task["is_odd"] = task.Get<long>("value") % 2 != 0;
            });
        });
    };

    /// <summary>A record of that table has ended well, at its first attempt, and nothing was ever said of it.</summary>
    public const string Right = "odd_success AND odd_reservation_times = 1 AND odd_error_description IS NULL AND is_odd = (value % 2 <> 0)";

    private async Task<int> RunAsync(string address, string node, Action<PampaBuilder> configure)
    {
        var program = new PampaBuilder { NodeName = node };
        configure(program);
        var choice = await DatabaseChoice.Choose(address, null, _ => null).RecogniseAsync(stopping.Token, lines.Enqueue);
        var surroundings = new Surroundings(new Logs(lines), TimeProvider.System, Chance.Shared);
        engine = await Engine.PrepareAsync(program, choice.Address, ProcessRole.All, surroundings, stopping.Token);
        return await engine.RunAsync(null, stopping.Token);
    }

    public string[] Lines => [.. lines];

    public long Completed => engine?.Node.Lanes.Sum(l => l.Counters.Completed) ?? 0;

    public int Said(string part) => lines.Count(l => l.Contains(part, StringComparison.Ordinal));

    /// <summary>Waits until the process has said something.</summary>
    public Task HearAsync(string part) => UntilAsync(() => Task.FromResult(Said(part) > 0), part);

    /// <summary>Waits until something has come to pass while the process runs.</summary>
    public async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            if (running.IsFaulted) await running;
            Assert.True(clock.Elapsed < Patience && !running.IsCompleted, $"It has not come to this: {what}. The process said: {string.Join('\n', lines)}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Waits for the end of a process that ends by itself, or for its error.</summary>
    public Task<int> EndAsync() => running.WaitAsync(Patience);

    public async Task<int> StopAsync()
    {
        await stopping.CancelAsync();
        return await EndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await ((Task)running).WaitAsync(Patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (engine is not null) await engine.DisposeAsync();
        stopping.Dispose();
    }

    private sealed class Logs(ConcurrentQueue<string> lines) : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) lines.Enqueue($"[{eventId.Id}] {formatter(state, exception)} {exception}");
        }

        public void Dispose()
        {
        }
    }
}
