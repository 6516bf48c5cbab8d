using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>Time columns of every precision: never rounded up, and the fence still matches.</summary>
public abstract partial class StoreConformance
{
    public static TheoryData<string> TimeTypes =>
        ["timestamp", "timestamp(0)", "timestamp(2)", "timestamp(3)", "timestamptz", "timestamptz(0)", "timestamp(6)", "timestamptz(3)"];

    [Theory]
    [MemberData(nameof(TimeTypes))]
    public async Task A_time_is_cut_to_the_columns_precision_and_never_rounded_up(string type)
    {
        await Db.ExecuteAsync($"CREATE TABLE precise (id int PRIMARY KEY, r text, rt {type}, n int, st {type}, et {type}, ok boolean, err varchar(20))");
        await Db.ExecuteAsync("INSERT INTO precise (id) VALUES (1)");
        var store = await StoreOfAsync("precise");
        await Clock.AdvanceAsync(TimeSpan.FromMilliseconds(987));
        for (var attempt = 1; attempt <= 2; attempt++)
        {
            // No tick between these: the record must be due in the very moment in which it was given back.
            var reserved = Assert.Single(await store.ReserveAsync(Slots(1), Lease, "a", null, Stopping));
            var started = Assert.Single(await store.StartAsync([(reserved, 1)], Stopping));
            Assert.Equal(attempt, started.Fence.Attempt);
            await TellsWhatTheTableSaysAsync(store, reserved.Claim, started.Fence);
            Assert.Single(await store.FinishAsync(
                [new TaskResult(started.Fence, Outcome.Again, Error: "first this, then that, then more")], skipLocked: false, Stopping));
        }
        var last = Assert.Single(await store.ReserveAsync(Slots(1), Lease, "a", null, Stopping));
        var task = Assert.Single(await store.StartAsync([(last, 1)], Stopping));
        Assert.Single(await store.FinishAsync([Completed(task)], skipLocked: false, Stopping));
        var ended = Assert.Single(await store.ReadEndedAsync(TaskState.Completed, 9, Stopping));
        var time = Time((await Db.ReadAsync("SELECT et FROM precise"))[0][0])!.Value;
        Assert.InRange(Clock.Now - time, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.Single(await store.RelaunchAsync([ended], TaskState.Completed, Stopping));
        Assert.Single(await store.ReserveAsync(Slots(1), Lease, "a", null, Stopping));
    }

    [Theory]
    [MemberData(nameof(TimeTypes))]
    public async Task A_start_with_its_reservation_tells_what_the_table_says(string type)
    {
        await Db.ExecuteAsync($"CREATE TABLE precise (id int PRIMARY KEY, r text, rt {type}, n int, st {type}, et {type}, ok boolean, err varchar(20))");
        await Db.ExecuteAsync("INSERT INTO precise (id) VALUES (1)");
        var store = await StoreOfAsync("precise");
        await Clock.AdvanceAsync(TimeSpan.FromMilliseconds(120));
        var bound = Assert.Single(await BindAsync(1, store));
        var (reservation, started) = (bound.Reservation, bound.Started);
        await TellsWhatTheTableSaysAsync(store, reservation.Claim, started!.Fence);
        Assert.Single(await store.FinishAsync([Completed(started)], skipLocked: false, Stopping));
    }

    // Who reads back what its workers have must know it again by these texts.
    private async Task TellsWhatTheTableSaysAsync(TaskStore store, Claim claim, Fence fence)
    {
        Assert.Equal(fence, Assert.Single(await store.ReadFencesAsync([fence.Key], Stopping)).Fence);
        Assert.Equal((claim, fence.StartedAt), Assert.Single(await store.ReadOwnAsync([("a.1", 1)], Stopping)) is var own ? (own.Claim, own.StartedAt) : default);
    }

    [Fact]
    public async Task An_error_is_cut_to_its_column()
    {
        await Db.ExecuteAsync($"CREATE TABLE brief (id int PRIMARY KEY, r text, rt timestamp, n int, st timestamp, et timestamp, ok boolean, err varchar(20))");
        var store = await StoreOfAsync("brief");
        var tasks = await InsertedAsync(store, "INSERT INTO brief (id) VALUES (1), (2)");
        var results = tasks.Select(t => new TaskResult(t.Fence, Outcome.Failed, Error: "🦙 first this, then that 🦙🦙🦙")).ToList();
        Assert.Equal(2, (await Ticked(store.FinishAsync(results, skipLocked: false, Stopping))).Count);
        var stored = await Db.ScalarAsync<string>("SELECT err FROM brief WHERE id = 1");
        Assert.StartsWith("🦙 first", stored, StringComparison.Ordinal);
        if (!Db.IsSqlite) Assert.InRange(stored.Length, 10, 20);
        await Db.ExecuteAsync("INSERT INTO brief (id, r, st, n) VALUES (3, 'a-worker-of-long-name.17', '2029-01-01', 1)");
        Assert.Equal(1, (await ReclaimAsync(store)).Again);
    }

    [Fact]
    public async Task Times_that_applications_write_are_understood()
    {
        // With an offset, without seconds, without an offset (UTC).
        await Db.ExecuteAsync($"CREATE TABLE due (id int PRIMARY KEY, r text, rt {(Db.IsSqlite ? "text" : "timestamptz")}, n int, st timestamp, et timestamp, ok boolean, err text)");
        await Db.ExecuteAsync("INSERT INTO due (id, rt) VALUES (1, '2029-12-31 23:59'), (2, '2030-01-01T01:59:59+02:00'), (3, '2030-01-01T02:30:00+02:00'), (4, '2030-01-01 00:10:00')");
        var store = await StoreOfAsync("due");
        Assert.Equal(["1", "2"], Shown((await ReserveAsync(9, store: store)).Select(r => r.Key)));
        await AdvanceAsync(605);
        await RenewLeaderAsync();
        Assert.Equal(["4"], Shown((await ReserveAsync(9, store: store)).Select(r => r.Key)));
        await AdvanceAsync(1200);
        await RenewLeaderAsync();
        Assert.Equal(["3"], Shown((await ReserveAsync(9, store: store)).Select(r => r.Key)));
    }
}
