using System.Data.Common;
using System.Globalization;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Scenarios;

namespace Pampa.Tests.Conformance;

/// <summary>Schedules: new definitions, pauses, ticks by hand, and what their statements are.</summary>
public abstract partial class StoreConformance
{
    [Fact]
    public async Task A_new_definition_is_a_new_revision_and_new_times_begin_now()
    {
        var schedule = await KnownAsync();
        await TimeForAsync(FirstTick);
        await TickAsync(schedule);
        Assert.True(await Ticked(Schedules.PublishAsync(schedule, Lease, Stopping)));
        var row = await ScheduleRowAsync();
        Assert.Equal((1, Lease.Term, FirstTick), (row.Revision, row.Term, row.Last));
        await Ticked(Schedules.FailAsync("ten", row.LastTick, "no", TimeSpan.FromHours(1), Lease, Stopping));
        await Ticked(Schedules.PublishAsync(schedule, Lease, Stopping));
        Assert.NotNull((await ScheduleRowAsync()).RetryAt);

        // Other limits: what is due stays due, and is tried at once.
        await Ticked(Schedules.PublishAsync(schedule with { MisfireLimit = 7 }, Lease, Stopping));
        row = await ScheduleRowAsync();
        Assert.Equal((2, FirstTick, null, 1), (row.Revision, row.Last, row.RetryAt, row.Failures));
        foreach (var (changed, revision) in ((ScheduleDefinition, int)[])[
            (Schedule("*/5 * * * *"), 3), (Schedule("*/5 * * * *", s => (s.TimeZone, _) = ("Europe/Madrid", Done(s))), 4)])
        {
            var now = Clock.Now;
            Assert.True(await Ticked(Schedules.PublishAsync(changed, Lease, Stopping)));
            row = await ScheduleRowAsync();
            Assert.Equal((revision, now), (row.Revision, row.Last.UtcDateTime));
        }

        static bool Done(ScheduleBuilder s)
        {
            s.Do(tick => Work(tick));
            return true;
        }
    }

    [Theory]
    [InlineData("holder")]
    [InlineData("term")]
    [InlineData("scope")]
    [InlineData("over")]
    [InlineData("cluster")]
    [InlineData("name")]
    public async Task A_definition_of_whoever_does_not_lead_is_not_published(string why)
    {
        await KnownAsync();
        await KnownAsync(Schedule(name: "other"));
        var elsewhere = new ScheduleStore(Db.Database, "elsewhere");
        await KnownAsync(store: elsewhere);
        var lease = why switch
        {
            "holder" => Lease with { Holder = "other" },
            "term" => Lease with { Term = Lease.Term + 1 },
            "scope" => Lease with { Scope = "job:other" },
            _ => Lease,
        };
        if (why == "over") await AdvanceAsync(31);
        var changed = Schedule("@daily");
        var isPublished = await Ticked((why == "cluster" ? elsewhere : Schedules).PublishAsync(changed, lease, Stopping));
        Assert.Equal(why == "name", isPublished);
        Assert.Equal("*/10 * * * *", (await ScheduleRowAsync("other")).Expression);
        Assert.Equal("*/10 * * * *", (await ScheduleRowAsync(store: elsewhere)).Expression);
        if (why != "name") Assert.Equal("*/10 * * * *", (await ScheduleRowAsync()).Expression);
    }

    [Fact]
    public async Task A_pause_holds_and_what_passes_meanwhile_is_past()
    {
        var elsewhere = new ScheduleStore(Db.Database, "elsewhere");
        var schedule = await KnownAsync();
        await KnownAsync(Schedule(name: "other"));
        await KnownAsync(store: elsewhere);
        Assert.False(await Ticked(Schedules.PauseAsync("unknown", "", Stopping)));
        Assert.False(await Ticked(Schedules.ResumeAsync("ten", Stopping)));
        var paused = Clock.Now;
        Assert.True(await Ticked(Schedules.PauseAsync("ten", "moving", Stopping)));
        Assert.True(await Ticked(Schedules.PauseAsync("ten", "still moving", Stopping)));
        var row = await ScheduleRowAsync();
        Assert.Equal((paused, "still moving"), (row.PausedAt?.UtcDateTime, row.PauseReason));
        Assert.Null((await ScheduleRowAsync("other")).PausedAt);
        Assert.Null((await ScheduleRowAsync(store: elsewhere)).PausedAt);
        await elsewhere.PauseAsync("ten", "", Stopping);
        await Ticked(Schedules.PauseAsync("other", "", Stopping));
        await TimeForAsync(FirstTick.AddMinutes(1));
        await Ticked(Schedules.FailAsync("ten", row.LastTick, "no", TimeSpan.Zero, Lease, Stopping));
        Assert.Null(await TickAsync(schedule));
        var resumed = Clock.Now;
        Assert.True(await Ticked(Schedules.ResumeAsync("ten", Stopping)));
        row = await ScheduleRowAsync();
        Assert.Equal((null, "", resumed, 0, null), (row.PausedAt, row.PauseReason, row.Last.UtcDateTime, row.Failures, row.Error));
        Assert.NotNull((await ScheduleRowAsync("other")).PausedAt);
        Assert.NotNull((await ScheduleRowAsync(store: elsewhere)).PausedAt);
        Assert.Null(await TickAsync(schedule, FirstTick, "2030-01-01T00:00:00.000Z"));
        Assert.Empty(await WorkDoneAsync());
    }

    [Fact]
    public async Task A_tick_by_hand_is_done_once_a_command_and_moves_nothing()
    {
        var schedule = await KnownAsync();
        var before = await ScheduleRowAsync();
        Task<int?> RunAsync(string id, DbDataSource? source = null) => Ticked(Schedules.RunAsync(source ?? Db.Source, schedule,
            new ScheduleTick("ten", new DateTimeOffset(Clock.Now), schedule.Zone, Stopping) { IsByHand = true, IdempotencyKey = $"ten/{id}" }, id, Stopping));
        Assert.Equal(1, await RunAsync("a"));
        Assert.Null(await RunAsync("a"));
        Assert.Equal(1, await RunAsync("b"));
        var faults = new Faults(Gone);
        faults.LoseAnswer("pampa_schedule_run");
        await using var source = new FaultyDataSource(Db.Source, faults);
        await Assert.ThrowsAsync<TickInDoubtException>(() => RunAsync("c", source));
        Assert.Null(await RunAsync("c", source));
        Assert.Equal(["ten/a", "ten/b", "ten/c"], await WorkDoneAsync());
        Assert.Equal(before, await ScheduleRowAsync());
        // Long after it nobody asks any more.
        await Schedules.ForgetRunsAsync(Stopping);
        Assert.Equal(3, await Db.ScalarAsync<int>("SELECT count(*) FROM pampa_schedule_run"));
        await AdvanceAsync(86_401);
        await new ScheduleStore(Db.Database, "elsewhere").ForgetRunsAsync(Stopping);
        Assert.Equal(3, await Db.ScalarAsync<int>("SELECT count(*) FROM pampa_schedule_run"));
        await Schedules.ForgetRunsAsync(Stopping);
        Assert.Equal(0, await Db.ScalarAsync<int>("SELECT count(*) FROM pampa_schedule_run"));
    }

    [Theory]
    [InlineData("INSERT INTO pampa_setup (hash, tables, applied_at) VALUES ('x', '', @) ", null)]
    [InlineData("WITH v AS (SELECT 1 AS one) UPDATE pampa_setup SET tables = 'x' FROM v WHERE applied_at < @", null)]
    [InlineData("CREATE TABLE never (a int)", null)]
    [InlineData("INSERT INTO nowhere (hash) VALUES ('x')", "nowhere")]
    [InlineData("INSERT INTO pampa_setup (hahs) VALUES ('x')", "hahs")]
    [InlineData("INSERT INT pampa_setup (hash) VALUES ('x')", "INT")]
    public async Task Statements_are_looked_at_without_being_run(string text, string? wrong)
    {
        Sql Statement(ScheduleTick tick)
        {
            var parts = text.Split('@');
            return parts.Length == 1 ? Raw(text) : (Sql)$"{Raw(parts[0])}{tick.At}{Raw(parts[1])}";
        }

        var schedule = Schedule(configure: s => s.Do(Statement));
        await MayWorkAsync();
        if (wrong is null) await Schedules.ProbeAsync(schedule, Stopping);
        else
        {
            var refused = await Assert.ThrowsAnyAsync<DbException>(() => Schedules.ProbeAsync(schedule, Stopping));
            Assert.Contains(wrong, refused.Message, StringComparison.OrdinalIgnoreCase);
            Assert.Equal(ErrorKind.Schema, Db.Database.Dialect.Classify(refused));
        }
        Assert.Empty(await WorkDoneAsync());
    }

    [Fact]
    public async Task Moments_and_dates_of_a_tick_are_stored_as_such()
    {
        var schedule = await KnownAsync(Schedule(configure: s =>
        {
            s.TimeZone = "Asia/Kolkata";
            s.Do(tick => $"INSERT INTO pampa_setup (hash, tables, applied_at) VALUES ({tick.Date.ToString("O", CultureInfo.InvariantCulture)}, {tick.Schedule}, {tick.LocalTime})");
        }));
        await TimeForAsync(FirstTick);
        await TickAsync(schedule);
        var row = Assert.Single(await Db.ReadAsync("SELECT hash, applied_at FROM pampa_setup"));
        Assert.Equal("2030-01-01", row[0]);
        if (Db.IsSqlite) Assert.Equal("2030-01-01T00:10:00.000Z", row[1]);
        else Assert.Equal(FirstTick.UtcDateTime, row[1]);
    }
}
