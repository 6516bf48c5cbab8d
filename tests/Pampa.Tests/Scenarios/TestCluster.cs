using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>A record of the test's table.</summary>
internal sealed record Row(
    long Key, string? Rid, DateTime? Rt, int N, DateTime? St, DateTime? Et, bool? Ok, string? Err, bool? IsOdd, string? Note)
{
    public bool IsCompleted => Et is not null && Ok == true;

    public bool IsFailed => Et is not null && Ok != true;

    public bool IsReserved => Et is null && Rid is not null && St is null;

    public bool IsRunning => Et is null && Rid is not null && St is not null;

    /// <summary>Nobody holds it, and it is not ended.</summary>
    public bool IsFree => Et is null && Rid is null;
}

/// <summary>One call of a handler, as the test saw it.</summary>
internal sealed record Call(string Process, string Job, long Key, int Attempt, string Worker);

/// <summary>
/// A database and one clock for everything: the database's, the monotonic one and the timers move together, and only when the test says
/// so. Processes are put together from the product's parts and driven by their cycles, so that nothing runs by itself and nothing sleeps.
/// </summary>
internal sealed class TestCluster : IAsyncDisposable
{
    public static readonly TimeSpan WorkerLease = TimeSpan.FromSeconds(30);
    public static readonly TimeSpan LeaderLease = TimeSpan.FromSeconds(15);
    public const string Cluster = "test";
    private readonly List<TestProcess> processes = [];

    private TestCluster(TestDatabase db)
    {
        Db = db;
        Time.SetUtcNow(new DateTimeOffset(TestClock.Begin));
    }

    public static async Task<TestCluster> CreateAsync(Engine engine = Engine.Sqlite) =>
        new(await TestDatabase.CreateAsync(engine, TableProfile.Numbers));

    public TestDatabase Db { get; }

    public FakeTimeProvider Time { get; } = new();

    /// <summary>What processes that are made from now on go by in the midst of their statements, as between two tries.</summary>
    public TimeProvider DatabaseTime { get; set; } = TimeProvider.System;

    /// <summary>All calls of handlers, in order.</summary>
    public ConcurrentQueue<Call> Calls { get; } = new();

    /// <summary>The keys of all batches that handlers were called with, in order.</summary>
    public ConcurrentQueue<long[]> Batches { get; } = new();

    public static CancellationToken Stopping => TestContext.Current.CancellationToken;

    public async Task AdvanceAsync(TimeSpan time)
    {
        await Db.Clock.AdvanceAsync(time);
        Time.Advance(time);
    }

    public Task AdvanceAsync(double seconds) => AdvanceAsync(TimeSpan.FromSeconds(seconds));

    /// <summary>Lets time pass while everybody alive beats, so that no lease ends by it.</summary>
    public async Task LiveAsync(double seconds)
    {
        for (var left = seconds; left > 0; left -= 5)
        {
            await AdvanceAsync(Math.Min(left, 5));
            foreach (var process in processes.Where(p => p.IsAlive)) process.TryBeat();
        }
    }

    /// <summary>An error as the driver reports a server that is gone.</summary>
    public Exception Gone(string text) => Db.IsSqlite
        ? new SqliteException(text, 10)
        : new NpgsqlException(text, new IOException(text));

    /// <summary>A process with one job on the table <c>numbers</c>.</summary>
    public Task<TestProcess> StartAsync(Action<JobBuilder> job, int workers = 2, string name = "a") =>
        StartProgramAsync(pampa => AddNumbers(pampa, job), workers, name);

    public static void AddNumbers(PampaBuilder pampa, Action<JobBuilder> job, string name = "numbers", string table = "numbers") =>
        pampa.AddJob(name, table, "value", j =>
        {
            j.Columns = TaskColumns.WithPrefix("odd_checking");
            j.Backoff = Backoff.None;
            job(j);
        });

    public async Task<TestProcess> StartProgramAsync(Action<PampaBuilder> configure, int workers = 2, string name = "a", bool joins = true)
    {
        var program = new PampaBuilder { Cluster = Cluster, Workers = workers, WorkerLease = WorkerLease };
        configure(program);
        var process = await TestProcess.MakeAsync(this, program, name);
        processes.Add(process);
        if (joins) await process.JoinAsync();
        return process;
    }

    /// <summary>A second table of the same shape.</summary>
    public Task CreateTableAsync(string name, string more = "") => Db.ExecuteAsync($"""
        CREATE TABLE {name} (value bigint PRIMARY KEY, odd_checking_reservation_id text, odd_checking_reservation_time timestamp,
          odd_checking_reservation_times int, odd_checking_start_time timestamp, odd_checking_end_time timestamp, is_odd boolean,
          odd_checking_success boolean, odd_checking_error_description text, note text{more})
        """);

    public Task InsertAsync(int count, int first = 1, string table = "numbers") => Db.ExecuteAsync(
        $"INSERT INTO {table} (value) WITH RECURSIVE n (v) AS (SELECT {first} UNION ALL SELECT v + 1 FROM n WHERE v < {first + count - 1}) SELECT v FROM n");

    public async Task<List<Row>> RowsAsync(string table = "numbers", string where = "TRUE")
    {
        var rows = await Db.ReadAsync($"""
            SELECT value, odd_checking_reservation_id, odd_checking_reservation_time, COALESCE(odd_checking_reservation_times, 0), odd_checking_start_time,
              odd_checking_end_time, odd_checking_success, odd_checking_error_description, is_odd, note
            FROM {table} WHERE {where} ORDER BY value
            """);
        return rows.ConvertAll(r => new Row(
            Convert.ToInt64(r[0], CultureInfo.InvariantCulture), (string?)r[1], Moment(r[2]), Convert.ToInt32(r[3], CultureInfo.InvariantCulture),
            Moment(r[4]), Moment(r[5]), Flag(r[6]), (string?)r[7], Flag(r[8]), (string?)r[9]));
    }

    public async Task<Row> RowAsync(long key, string table = "numbers") =>
        Assert.Single(await RowsAsync(table, $"value = {key.ToString(CultureInfo.InvariantCulture)}"));

    private static bool? Flag(object? cell) => cell is null ? null : Convert.ToBoolean(cell, CultureInfo.InvariantCulture);

    private static DateTime? Moment(object? cell) => cell switch
    {
        null => null,
        DateTime time => DateTime.SpecifyKind(time, DateTimeKind.Utc),
        string text => DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal),
        _ => throw new InvalidOperationException(cell.GetType().Name),
    };

    /// <summary>Rounds of all living processes, a tenth of a second each, until the condition holds.</summary>
    public async Task UntilAsync(Func<Task<bool>> isDone, string what, int maxRounds = 400)
    {
        for (var round = 0; round < maxRounds; round++)
        {
            foreach (var process in processes.Where(p => p.IsAlive)) await process.RoundAsync();
            if (await isDone()) return;
            await AdvanceAsync(0.1);
        }
        var rows = string.Join(Environment.NewLine, (await RowsAsync()).Take(20));
        Assert.Fail($"After {maxRounds} rounds it is not so that {what}.{Environment.NewLine}{rows}");
    }

    /// <summary>Lets a leader deal to a node until it has started a record, which it does not run.</summary>
    public async Task<Row> UntilStartedAsync(long key, TestProcess leader, TestProcess node)
    {
        for (var round = 0; round < 50; round++)
        {
            await leader.DispatchAsync();
            await node.ExchangeAsync();
            await node.StartAsync();
            if (await RowAsync(key) is { IsRunning: true } row) return row;
            await AdvanceAsync(0.1);
        }
        throw new InvalidOperationException($"After 50 rounds it is not started: {await RowAsync(key)}");
    }

    /// <summary>Rounds until every record has ended; then looks whether everything is sound.</summary>
    public async Task UntilEndedAsync(string table = "numbers", int maxRounds = 400)
    {
        await UntilAsync(async () => await Db.ScalarAsync<long>($"SELECT count(*) FROM {table} WHERE odd_checking_end_time IS NULL") == 0,
            $"all records of {table} have ended", maxRounds);
        await CheckAsync(table);
    }

    /// <summary>What must hold of every record at every moment.</summary>
    public async Task CheckAsync(string table = "numbers", int maxAttempts = 3)
    {
        foreach (var row in await RowsAsync(table))
        {
            Assert.InRange(row.N, 0, maxAttempts);
            if (row.St is not null) Assert.NotNull(row.Rid);
            if (row.Et is null) continue;
            Assert.NotNull(row.Ok);
            Assert.True(row.Ok == false || row.Err is null, $"{row}");
            if (row.St is not null) Assert.True(row.Rt <= row.St && row.St <= row.Et, $"{row}");
        }
        // Whoever ran it: one call for each attempt of a record but where an attempt was given back.
        var twice = Calls.GroupBy(c => (c.Job, c.Key, c.Attempt)).Where(g => g.Count() > 1).Select(g => g.Key).ToList();
        if (!AttemptsAreGivenBack) Assert.Empty(twice);
    }

    /// <summary>Set where handlers are interrupted or snooze: then the same attempt may be called again.</summary>
    public bool AttemptsAreGivenBack { get; set; }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in processes) await process.DisposeAsync();
        await Db.DisposeAsync();
    }
}
