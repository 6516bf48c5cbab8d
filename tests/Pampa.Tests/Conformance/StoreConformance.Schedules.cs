using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Scenarios;

namespace Pampa.Tests.Conformance;

/// <summary>Schedules: a tick and its work are one, and happen once.</summary>
public abstract partial class StoreConformance
{
    private static readonly DateTimeOffset FirstTick = new(2030, 1, 1, 0, 10, 0, TimeSpan.Zero);

    private ScheduleStore Schedules => new(Db.Database, Cluster);

    // What the tests' ticks do: any table will do that is emptied after each test.
    private static Sql Work(ScheduleTick tick, string more = "") =>
        $"INSERT INTO pampa_setup (hash, tables, applied_at) VALUES ({tick.IdempotencyKey + more}, {tick.Schedule}, {tick.At})";

    private static ScheduleDefinition Schedule(string expression = "*/10 * * * *", Action<ScheduleBuilder>? configure = null, string name = "ten")
    {
        var program = new PampaBuilder();
        program.AddSchedule(name, expression, schedule =>
        {
            if (configure is null) schedule.Do(tick => Work(tick));
            else configure(schedule);
        });
        program.Build([]);
        return program.Schedules.Single();
    }

    private async Task<ScheduleDefinition> KnownAsync(ScheduleDefinition? schedule = null, ScheduleStore? store = null)
    {
        schedule ??= Schedule();
        await MayWorkAsync();
        await Ticked(AddedAsync(store ?? Schedules, schedule));
        return schedule;
    }

    // What ticks write needs rights of its own.
    private Task MayWorkAsync() => Db.GrantOwnAsync("INSERT, UPDATE, DELETE ON pampa_setup");

    private async Task<bool> AddedAsync(ScheduleStore store, ScheduleDefinition schedule)
    {
        await store.AddAsync(schedule, Stopping);
        return true;
    }

    private async Task<ScheduleRow> ScheduleRowAsync(string name = "ten", ScheduleStore? store = null) =>
        Assert.Single((await (store ?? Schedules).ReadAsync("cluster", Stopping)).Rows, r => r.Name == name);

    // Then nothing but their names tells which of them was seen.
    private Task SeeAllAtOneTickAsync() => Db.ExecuteAsync("UPDATE pampa_schedule SET last_tick = (SELECT min(last_tick) FROM pampa_schedule)");

    private async Task<List<string>> WorkDoneAsync() =>
        [.. (await Db.ReadAsync("SELECT hash FROM pampa_setup ORDER BY hash")).Select(r => (string)r[0]!)];

    private async Task<int?> TickAsync(
        ScheduleDefinition schedule, DateTimeOffset? at = null, string? seen = null, LeaseTerm? lease = null, ScheduleStore? store = null,
        DbDataSource? source = null)
    {
        seen ??= (await ScheduleRowAsync(schedule.Name, store)).LastTick;
        var tick = new ScheduleTick(schedule.Name, at ?? FirstTick, schedule.Zone, Stopping);
        return await Ticked((store ?? Schedules).TickAsync(source ?? Db.Source, schedule, tick, seen, lease ?? Lease, Stopping));
    }

    private async Task TimeForAsync(DateTimeOffset moment)
    {
        await Clock.AdvanceAsync(moment.UtcDateTime - Clock.Now);
        Lease = (await Ticked(Workers.AcquireAsync("cluster", "leader", "p1", Ttl, ["p1"], Stopping)))!;
    }

    [Fact]
    public async Task A_schedule_is_made_known_once_and_begins_with_now()
    {
        Assert.Empty((await Schedules.ReadAsync("cluster", Stopping)).Rows);
        var began = Clock.Now;
        await KnownAsync();
        await KnownAsync(Schedule("@hourly"));
        var row = await ScheduleRowAsync();
        Assert.Equal(("*/10 * * * *", "UTC", 1, 0, began), (row.Expression, row.Zone, row.Revision, row.Term, row.Last.UtcDateTime));
        Assert.Equal((null, null, 0, 0, null, null), (row.DoneTick, row.DoneAt, row.Missed, row.Failures, row.Error, row.PausedAt));
        var look = await Schedules.ReadAsync("cluster", Stopping);
        Assert.Equal((Clock.Now, Lease.Term), (look.Now.UtcDateTime, look.LeaderTerm));
        Assert.Null((await Schedules.ReadAsync("nowhere", Stopping)).LeaderTerm);
        Assert.Equal(Clock.Now, (await Schedules.NowAsync(Stopping)).UtcDateTime);
        Assert.Empty((await new ScheduleStore(Db.Database, "elsewhere").ReadAsync("cluster", Stopping)).Rows);
        await AdvanceAsync(31);
        Assert.Null((await Schedules.ReadAsync("cluster", Stopping)).LeaderTerm);
    }

    [Fact]
    public async Task A_tick_and_its_work_are_done_together_and_once()
    {
        var schedule = await KnownAsync();
        var seen = (await ScheduleRowAsync()).LastTick;
        await TimeForAsync(FirstTick);
        var done = Clock.Now;
        Assert.Equal(1, await TickAsync(schedule));
        var row = await ScheduleRowAsync();
        Assert.Equal((FirstTick, FirstTick, done), (row.Last, row.DoneTick, row.DoneAt?.UtcDateTime));
        Assert.Equal(["ten/2030-01-01T00:10:00Z"], await WorkDoneAsync());
        // Whoever saw the same before is late, and runs nothing: the key of what he would insert is taken.
        Assert.Null(await TickAsync(schedule, seen: seen));
        Assert.Equal(["ten/2030-01-01T00:10:00Z"], await WorkDoneAsync());
        Assert.Equal(row, await ScheduleRowAsync());
    }

    [Theory]
    [InlineData("holder")]
    [InlineData("term")]
    [InlineData("scope")]
    [InlineData("taken")]
    [InlineData("over")]
    [InlineData("early")]
    [InlineData("paused")]
    [InlineData("seen")]
    [InlineData("name")]
    public async Task A_tick_that_may_not_be_does_nothing(string why)
    {
        var schedule = await KnownAsync();
        await KnownAsync(Schedule(name: "other"));
        await SeeAllAtOneTickAsync();
        var seen = (await ScheduleRowAsync()).LastTick;
        await TimeForAsync(why == "early" ? FirstTick.AddSeconds(-0.01) : FirstTick);
        var lease = why switch
        {
            "holder" => Lease with { Holder = "other" },
            "term" => Lease with { Term = Lease.Term - 1 },
            "scope" => Lease with { Scope = "job:other" },
            _ => Lease,
        };
        if (why == "taken") Assert.NotNull(await Ticked(Workers.AcquireAsync("cluster", "leader", "p9", Ttl, ["p1"], Stopping)));
        if (why == "over") await AdvanceAsync(31);
        if (why == "paused") Assert.True(await Ticked(Schedules.PauseAsync("ten", "moving", Stopping)));
        if (why == "seen") seen = "2029-12-31T23:50:00.000Z";
        var before = await ScheduleRowAsync();
        var other = await ScheduleRowAsync("other");
        // Without the guard on the name it would be both.
        if (why == "name") Assert.Equal(1, await TickAsync(schedule));
        else
        {
            Assert.Null(await TickAsync(schedule, seen: seen, lease: lease));
            Assert.False(await Ticked(Schedules.LeaveOutAsync("ten", seen, FirstTick, 1, lease, Stopping)));
            Assert.Empty(await WorkDoneAsync());
            Assert.Equal(before, await ScheduleRowAsync());
        }
        Assert.Equal(other, await ScheduleRowAsync("other"));
    }

    [Fact]
    public async Task A_tick_of_another_cluster_is_another_tick()
    {
        var elsewhere = new ScheduleStore(Db.Database, "elsewhere");
        var schedule = await KnownAsync();
        await KnownAsync(store: elsewhere);
        var seen = (await ScheduleRowAsync()).LastTick;
        await TimeForAsync(FirstTick);
        // A lease counts in its own cluster only.
        Assert.Null(await TickAsync(schedule, store: elsewhere));
        Assert.False(await Ticked(elsewhere.LeaveOutAsync("ten", seen, FirstTick, 1, Lease, Stopping)));
        Assert.Equal(1, await TickAsync(schedule));
        Assert.Null((await ScheduleRowAsync(store: elsewhere)).DoneTick);
    }

    [Fact]
    public async Task Two_that_take_themselves_for_the_leader_do_a_tick_once()
    {
        var schedule = await KnownAsync();
        var seen = (await ScheduleRowAsync()).LastTick;
        await TimeForAsync(FirstTick);
        Task<int?> RaceAsync() => Task.Run(() => Schedules.TickAsync(
            Db.Source, schedule, new ScheduleTick("ten", FirstTick, schedule.Zone, Stopping), seen, Lease, Stopping));
        var all = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => RaceAsync()));
        Assert.Equal(1, Assert.Single(all, a => a is not null));
        Assert.Single(await WorkDoneAsync());
    }

    [Fact]
    public async Task Code_of_two_leaders_commits_once()
    {
        var schedule = await KnownAsync(Schedule(configure: s => s.Do(WriteAsync)));
        var seen = (await ScheduleRowAsync()).LastTick;
        await TimeForAsync(FirstTick);
        Task<int?> RaceAsync() => Task.Run(() => Schedules.TickAsync(
            Db.Source, schedule, new ScheduleTick("ten", FirstTick, schedule.Zone, Stopping), seen, Lease, Stopping));
        var all = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => RaceAsync()));
        Assert.Single(all, a => a is not null);
        Assert.Single(await WorkDoneAsync());
    }

    // With a key of its own, so that only the mark of the tick keeps the second one from it.
    private static async Task WriteAsync(ScheduleTick tick, DbConnection connection, DbTransaction transaction)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = $"INSERT INTO pampa_setup (hash, tables, applied_at) VALUES ('{Guid.NewGuid():N}', '', '2030-01-01T00:00:00.000Z')";
        await command.ExecuteNonQueryAsync(tick.CancellationToken);
    }

    [Fact]
    public async Task Of_a_tick_that_fails_half_way_nothing_stays()
    {
        var schedule = await KnownAsync(Schedule(configure: s =>
        {
            s.Do(tick => Work(tick));
            s.Do(tick => Work(tick, " again"));
            s.Do(tick => Work(tick));
        }));
        await TimeForAsync(FirstTick);
        var before = await ScheduleRowAsync();
        await Assert.ThrowsAnyAsync<DbException>(() => TickAsync(schedule));
        Assert.Empty(await WorkDoneAsync());
        Assert.Equal(before, await ScheduleRowAsync());
    }

    [Theory]
    [InlineData("throws", "its code throws InvalidOperationException: not today")]
    [InlineData("commits", "its code must leave its connection and its transaction open")]
    [InlineData("closes", "its code must leave its connection and its transaction open")]
    public async Task Of_code_that_throws_or_ends_the_transaction_nothing_is_marked(string what, string told)
    {
        var schedule = await KnownAsync(Schedule(configure: s => s.Do(async (tick, connection, transaction) =>
        {
            await WriteAsync(tick, connection, transaction);
            if (what == "throws") throw new InvalidOperationException("not today");
            if (what == "commits") await transaction.CommitAsync();
            else await connection.CloseAsync();
        })));
        await TimeForAsync(FirstTick);
        var before = await ScheduleRowAsync();
        Assert.StartsWith(told, (await Assert.ThrowsAsync<TickCodeException>(() => TickAsync(schedule))).Message, StringComparison.Ordinal);
        Assert.Equal(before, await ScheduleRowAsync());
        if (what != "commits") Assert.Empty(await WorkDoneAsync());
    }

    private Exception Gone(string text) => Db.IsSqlite ? new SqliteException(text, 10) : new NpgsqlException(text, new IOException(text));

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_commit_that_is_not_answered_is_found_out_about(bool isDone)
    {
        var schedule = await KnownAsync();
        var seen = (await ScheduleRowAsync()).LastTick;
        await TimeForAsync(FirstTick);
        var faults = new Faults(Gone);
        if (isDone) faults.LoseAnswer("done_tick = ");
        else faults.FailBefore("COMMIT");
        await using var source = new FaultyDataSource(Db.Source, faults);
        await Assert.ThrowsAsync<TickInDoubtException>(() => TickAsync(schedule, source: source));
        Assert.Equal(1, faults.Hits);
        // Whoever would say that it has failed is told so, and whoever tries again does nothing.
        Assert.Equal(!isDone, await Ticked(Schedules.FailAsync("ten", seen, "gone", TimeSpan.Zero, Lease, Stopping)));
        Assert.Equal(isDone ? null : 1, await TickAsync(schedule, seen: seen));
        Assert.Single(await WorkDoneAsync());
        Assert.Equal((FirstTick, 0, null), (await ScheduleRowAsync()) is var row ? (row.DoneTick, row.Failures, row.Error) : default);
    }

    [Fact]
    public async Task What_is_left_out_is_counted_and_not_done()
    {
        var elsewhere = new ScheduleStore(Db.Database, "elsewhere");
        await KnownAsync();
        await KnownAsync(Schedule(name: "other"));
        await KnownAsync(store: elsewhere);
        await SeeAllAtOneTickAsync();
        await TimeForAsync(FirstTick.AddHours(1));
        // Nobody leads there.
        Assert.False(await Ticked(elsewhere.LeaveOutAsync("ten", (await ScheduleRowAsync(store: elsewhere)).LastTick, FirstTick, 1, Lease, Stopping)));
        Assert.True(await Ticked(Schedules.LeaveOutAsync("ten", (await ScheduleRowAsync()).LastTick, FirstTick.AddMinutes(50), 6, Lease, Stopping)));
        var row = await ScheduleRowAsync();
        Assert.Equal((FirstTick.AddMinutes(50), 6, null), (row.Last, row.Missed, row.DoneTick));
        Assert.True(await Ticked(Schedules.LeaveOutAsync("ten", row.LastTick, FirstTick.AddHours(1), 1, Lease, Stopping)));
        Assert.Equal((7, 0), ((await ScheduleRowAsync()).Missed, (await ScheduleRowAsync("other")).Missed));
        Assert.Empty(await WorkDoneAsync());
    }

    [Fact]
    public async Task A_failure_is_kept_until_the_tick_is_done_and_is_of_this_tick_and_this_leader_only()
    {
        var schedule = await KnownAsync();
        await KnownAsync(Schedule(name: "other"));
        await KnownAsync(store: new ScheduleStore(Db.Database, "elsewhere"));
        await SeeAllAtOneTickAsync();
        await TimeForAsync(FirstTick);
        var seen = (await ScheduleRowAsync()).LastTick;
        Task<bool> FailAsync(string tick, LeaseTerm? lease = null, ScheduleStore? store = null) =>
            Ticked((store ?? Schedules).FailAsync("ten", tick, "no such table", TimeSpan.FromSeconds(40), lease ?? Lease, Stopping));
        Assert.False(await FailAsync("2030-01-01T00:00:30.000Z"));
        Assert.False(await FailAsync(seen, Lease with { Term = Lease.Term - 1 }));
        Assert.False(await FailAsync(seen, Lease with { Holder = "other" }));
        Assert.False(await FailAsync(seen, Lease with { Scope = "job:other" }));
        var elsewhere = new ScheduleStore(Db.Database, "elsewhere");
        Assert.False(await FailAsync((await ScheduleRowAsync(store: elsewhere)).LastTick, store: elsewhere));
        Assert.Equal(0, (await ScheduleRowAsync()).Failures);
        var failed = Clock.Now;
        Assert.True(await FailAsync(seen));
        var row = await ScheduleRowAsync();
        Assert.Equal((1, "no such table", failed.AddSeconds(40)), (row.Failures, row.Error, row.RetryAt?.UtcDateTime));
        Assert.True(await FailAsync(seen));
        Assert.Equal(2, (await ScheduleRowAsync()).Failures);
        Assert.Equal(0, (await ScheduleRowAsync("other")).Failures + (await ScheduleRowAsync(store: elsewhere)).Failures);
        Assert.Equal(1, await TickAsync(schedule));
        Assert.Equal((0, null, null), await ScheduleRowAsync() is var done ? (done.Failures, done.Error, done.RetryAt) : default);
        await AdvanceAsync(31);
        Assert.False(await FailAsync((await ScheduleRowAsync()).LastTick));
    }
}
