using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Pampa.Hosting;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Units;

/// <summary>The listener on a real PostgreSQL whose messages a test can swallow.</summary>
public sealed class ListenerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Faster, and the answer of a busy server would come too late.
    private static readonly TimeSpan AsItPasses = TimeSpan.FromMilliseconds(10);

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private sealed class Notes : ILogger
    {
        public ConcurrentQueue<int> Events { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Events.Enqueue(eventId.Id);
    }

    /// <summary>Gives messages on, or swallows them as a pooler does that lends the connection to somebody else.</summary>
    private sealed class Wire(INotifications inner) : INotifications
    {
        public volatile bool Swallows;

        public DbDataSource Open(string connectionString, string applicationName) => inner.Open(connectionString, applicationName);

        public string Channel(string topic) => inner.Channel(topic);

        public Task ListenAsync(DbConnection connection, string channel, Action<string> heard, CancellationToken stopping) =>
            inner.ListenAsync(connection, channel, message =>
            {
                if (!Swallows) heard(message);
            }, stopping);

        public Task WaitAsync(DbConnection connection, CancellationToken stopping) => inner.WaitAsync(connection, stopping);

        public bool IsFull(Exception error) => inner.IsFull(error);

        public string TriggerFunction => inner.TriggerFunction;

        public Task<bool> HasTriggerFunctionAsync(IReader database, CancellationToken stopping) => inner.HasTriggerFunctionAsync(database, stopping);

        public string Trigger(TableInfo table, string name, string channel, string message) => inner.Trigger(table, name, channel, message);

        public Task<bool> HasTriggerAsync(IReader database, TableInfo table, string name, CancellationToken stopping) =>
            inner.HasTriggerAsync(database, table, name, stopping);
    }

    /// <summary>A listener at work, and what it has heard.</summary>
    private sealed class Rig : IAsyncDisposable
    {
        private readonly CancellationTokenSource stop = new();
        private readonly DbDataSource source;
        private readonly TestDatabase db;
        private readonly Task running;
        private int opened;

        public Rig(TestDatabase db, bool swallows = false)
        {
            this.db = db;
            Wire = new Wire(db.Database.Dialect.Notifications!) { Swallows = swallows };
            source = Wire.Open(db.Source.ConnectionString, "listener");
            WakeUps = new WakeUps(db.Database, "c");
            var topics = new Dictionary<string, Action<string>>
            {
                [WakeUps.Due] = message => Heard.Enqueue($"due {message}"),
                [WakeUps.HandOver] = message => Heard.Enqueue($"hand {message}"),
            };
            running = new Listener(WakeUps, OpenAsync, Wire, topics, () => false, Notes, Time).RunAsync(stop.Token);
        }

        public FakeTimeProvider Time { get; } = new();

        public Wire Wire { get; }

        public WakeUps WakeUps { get; }

        public Database Database => db.Database;

        public Notes Notes { get; } = new();

        public ConcurrentQueue<string> Heard { get; } = [];

        public int Opened => Volatile.Read(ref opened);

        private async ValueTask<DbConnection> OpenAsync(CancellationToken stopping)
        {
            var connection = await source.OpenConnectionAsync(stopping);
            Interlocked.Increment(ref opened);
            return connection;
        }

        /// <summary>Waits, and lets the listener's time pass meanwhile.</summary>
        public async Task UntilAsync(Func<bool> condition, TimeSpan step)
        {
            var began = TimeProvider.System.GetTimestamp();
            while (!condition())
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < Patience, $"Heard: {string.Join("; ", Heard)}. Events: {string.Join(", ", Notes.Events)}.");
                Time.Advance(step);
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Stopping);
            }
        }

        public async Task SayUntilHeardAsync(string topic, string message)
        {
            var heard = Heard.Count;
            var began = TimeProvider.System.GetTimestamp();
            while (Heard.Count == heard)
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < Patience, $"{topic} {message} is not heard.");
                await WakeUps.SendAsync(topic, [message], Stopping);
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Stopping);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            await running.WaitAsync(Patience);
            await source.DisposeAsync();
            await db.DisposeAsync();
            stop.Dispose();
        }
    }

    private static Task<TestDatabase> DatabaseAsync() => TestDatabase.CreateAsync(Engine.PostgreSql, null);

    [Fact]
    public async Task It_hears_what_is_said_to_its_cluster_and_nothing_else()
    {
        await using var rig = new Rig(await DatabaseAsync());
        await rig.SayUntilHeardAsync(WakeUps.Due, "orders");
        rig.Heard.Clear();
        await new WakeUps(rig.Database, "other").SendAsync(WakeUps.Due, ["theirs"], Stopping);
        await rig.WakeUps.SendAsync(WakeUps.HandOver, ["a", "b"], Stopping);
        await rig.UntilAsync(() => rig.Heard.Contains("hand b"), TimeSpan.Zero);
        Assert.Equal(["hand a", "hand b"], rig.Heard.Where(h => h != "due orders"));
        Assert.Empty(rig.Notes.Events);
    }

    [Fact]
    public async Task A_connection_over_which_nothing_comes_is_told_once_and_replaced_until_something_comes()
    {
        await using var rig = new Rig(await DatabaseAsync(), swallows: true);
        await rig.UntilAsync(() => rig.Opened >= 3, TimeSpan.FromSeconds(1));
        Assert.Equal([312], rig.Notes.Events);
        rig.Wire.Swallows = false;
        await rig.UntilAsync(() => rig.Notes.Events.Count > 1, AsItPasses);
        Assert.Equal([312, 313], rig.Notes.Events);
        await rig.SayUntilHeardAsync(WakeUps.Due, "orders");
    }

    [Fact]
    public async Task A_connection_that_the_server_has_cut_is_replaced_without_a_word()
    {
        await using var rig = new Rig(await DatabaseAsync());
        for (var round = 1; round <= 3; round++)
        {
            await rig.SayUntilHeardAsync(WakeUps.Due, "orders");
            var opened = rig.Opened;
            await rig.Database.QueryAsync(
                new Statement("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"), _ => true, Stopping);
            await rig.UntilAsync(() => rig.Opened > opened, AsItPasses);
        }
        Assert.Empty(rig.Notes.Events);
    }
}
