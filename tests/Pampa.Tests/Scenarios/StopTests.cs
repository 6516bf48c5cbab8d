using System.Data.Common;
using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Scenarios;

/// <summary>The engine with its loops and threads, on the real clock: what a stop does.</summary>
public sealed class StopTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-stop-").FullName;
    private readonly CancellationTokenSource stopping = new();
    private DatabaseAddress address = null!;

    public ValueTask InitializeAsync()
    {
        address = DatabaseAddress.SqliteFile(Path.Combine(folder, "stop.db"));
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        stopping.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>Runs a program with two workers and ten records; once both handlers run, it is told to stop.</summary>
    private async Task<(int Code, List<Row> Rows)> RunAsync(
        TimeSpan shutdownTimeout, Func<PampaTask, Task> handler, Action? whenStopping = null, Action<PampaBuilder>? configure = null)
    {
        var program = new PampaBuilder { Workers = 2, ShutdownTimeout = shutdownTimeout };
        configure?.Invoke(program);
        program.Setup(
            "CREATE TABLE numbers (value bigint PRIMARY KEY NOT NULL, is_odd boolean, note text)",
            "INSERT INTO numbers (value) VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)");
        var started = new CountdownEvent(2);
        program.AddJob("numbers", "numbers", "value", job =>
        {
            job.Columns = TaskColumns.WithPrefix("odd_checking");
            job.Process(task =>
            {
                started.Signal();
                return handler(task);
            });
        });
        int code;
        await using (var engine = await Hosting.Engine.PrepareAsync(
            program, address, Hosting.ProcessRole.All, new Hosting.Surroundings(NullLoggerFactory.Instance, TimeProvider.System, new Random(1)),
            TestContext.Current.CancellationToken))
        {
            var running = Task.Run(() => engine.RunAsync(null, stopping.Token));
            Assert.True(await Task.Run(() => started.Wait(Patience)), "both handlers run");
            await stopping.CancelAsync();
            whenStopping?.Invoke();
            code = await running.WaitAsync(Patience);
        }
        started.Dispose();
        var rows = await ReadAsync("""
            SELECT value, odd_checking_reservation_id, odd_checking_start_time IS NOT NULL, COALESCE(odd_checking_reservation_times, 0),
              odd_checking_end_time IS NOT NULL, odd_checking_success FROM numbers ORDER BY value
            """, reader => new Row(reader.GetInt64(0), reader.IsDBNull(1) ? null : reader.GetString(1), null, reader.GetInt32(3),
                reader.GetBoolean(2) ? TestClock.Begin : null, reader.GetBoolean(4) ? TestClock.Begin : null,
                reader.IsDBNull(5) ? null : reader.GetBoolean(5), null, null, null));
        return (code, rows);
    }

    private async Task<List<T>> ReadAsync<T>(string query, Func<DbDataReader, T> map)
    {
        await using var source = new SqliteDataSource(address.ConnectionString);
        await using var connection = await source.OpenConnectionAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = query;
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync()) rows.Add(map(reader));
        return rows;
    }

    private Task<List<(string State, string Heartbeat)>> WorkersAsync() =>
        ReadAsync("SELECT state, heartbeat_at FROM pampa_worker", reader => (reader.GetString(0), reader.GetString(1)));

    private async Task<bool> IsLeaseOverAsync() =>
        (await ReadAsync("SELECT expires_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM pampa_lease WHERE scope = 'cluster'", r => r.GetBoolean(0)))[0];

    [Fact]
    public async Task Running_handlers_end_in_their_time_and_what_was_not_started_is_given_back()
    {
        var release = new TaskCompletionSource();
        // Somewhat later than the stop begins: by then an impatient one would have cancelled them.
        var (code, rows) = await RunAsync(Patience, task => release.Task.WaitAsync(task.CancellationToken), () => _ = ReleaseAsync());

        async Task ReleaseAsync()
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);
            release.SetResult();
        }

        Assert.Equal(0, code);
        Assert.Equal((2, 8), (rows.Count(r => r.IsCompleted && r.N == 1), rows.Count(r => r.IsFree && r.N == 0)));
    }

    [Fact]
    public async Task Handlers_that_take_too_long_are_cancelled_and_their_attempts_forgiven()
    {
        string? reason = null;
        var (code, rows) = await RunAsync(TimeSpan.FromMilliseconds(100), async task =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, task.CancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            reason = task.CancellationReason;
            task.CancellationToken.ThrowIfCancellationRequested();
        });

        Assert.Equal((0, "the program is stopping"), (code, reason));
        Assert.All(rows, row => Assert.Equal((true, 0), (row.IsFree, row.N)));
    }

    [Fact]
    public async Task Handlers_that_ignore_cancellation_are_abandoned_with_exit_code_3()
    {
        var never = new TaskCompletionSource();
        var (code, rows) = await RunAsync(TimeSpan.FromMilliseconds(100), _ => never.Task);

        Assert.Equal(3, code);
        Assert.Equal((2, 8), (rows.Count(r => r.IsRunning && r.N == 1), rows.Count(r => r.IsFree && r.N == 0)));
    }

    [Fact]
    public async Task Ids_are_kept_alive_until_the_last_handler_has_ended_and_then_given_up_like_the_lead()
    {
        var release = new TaskCompletionSource();
        var watching = Task.CompletedTask;
        var (code, rows) = await RunAsync(Patience, _ => release.Task, () => watching = WatchAsync(release), program =>
        {
            program.WorkerLease = TimeSpan.FromSeconds(6);
            program.LeaderLease = TimeSpan.FromHours(1);
        });
        await watching;

        Assert.Equal((0, 2), (code, rows.Count(r => r.IsCompleted)));
        Assert.All(await WorkersAsync(), worker => Assert.Equal(WorkerStates.Resigned, worker.State));
    }

    // Lets the handlers end once the stop waits for nothing but them and the ids have been renewed meanwhile.
    private async Task WatchAsync(TaskCompletionSource release)
    {
        try
        {
            await UntilAsync(IsLeaseOverAsync, "the lead is given up");
            var beats = new HashSet<string>();
            await UntilAsync(async () =>
            {
                var workers = await WorkersAsync();
                Assert.All(workers, worker => Assert.Equal(WorkerStates.Ready, worker.State));
                beats.Add(workers[0].Heartbeat);
                return beats.Count > 1;
            }, "the ids are renewed");
        }
        finally
        {
            release.SetResult();
        }
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!await isSo())
        {
            Assert.True(watch.Elapsed < Patience / 2, $"within {Patience / 2} {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }
}
