using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

/// <summary>T6 and T7: what dead workers held.</summary>
public abstract partial class StoreConformance
{
    /// <summary>a.1 stops beating and the leader sees it; the others go on.</summary>
    private async Task<DeadWorker> DeadAsync()
    {
        await AdvanceAsync(31);
        await BeatAsync("a.2", "b.1");
        await RenewLeaderAsync();
        return new DeadWorker("a.1", 1, await HeartbeatOfAsync("a.1"));
    }

    private Task<TakenBack> ReclaimAsync(TaskStore store, params DeadWorker[] dead) => Ticked(store.ReclaimAsync(dead, HandTimeout, Lease, Stopping));

    private static readonly TimeSpan HandTimeout = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task An_unstarted_record_of_a_dead_worker_is_released_without_cost()
    {
        await InsertAsync(1, new Row { N = 1, Err = "once" });
        await ReserveAsync(1);
        var taken = await ReclaimAsync(Store, await DeadAsync());
        Assert.Equal(new TakenBack(1, 0, 0), taken);
        Assert.Equal(new Row { N = 1, Err = "once" }, await RowAsync(1));
    }

    [Fact]
    public async Task A_started_record_of_a_dead_worker_is_charged_and_pending_again()
    {
        var store = await JobAsync(job => job.Backoff = Backoff.Fixed(TimeSpan.FromSeconds(8)));
        await StartedAsync(1, store: store);
        var dead = await DeadAsync();
        var now = Clock.Now;
        Assert.Equal(new TakenBack(0, 1, 0), await ReclaimAsync(store, dead));
        var row = await RowAsync(1);
        Assert.InRange(row.Rt!.Value - now, TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(10));
        Assert.Equal(new Row { N = 1, Ok = false, Err = "worker a.1 lost during attempt 1 of 3", Rt = row.Rt }, row);
    }

    [Fact]
    public async Task The_last_attempt_of_a_dead_worker_fails_for_good()
    {
        await StartedAsync(1, new Row { N = 2, Score = 4 });
        var before = await RowAsync(1);
        var dead = await DeadAsync();
        var now = Clock.Now;
        Assert.Equal(new TakenBack(0, 0, 1), await ReclaimAsync(Store, dead));
        Assert.Equal(before with { Et = now, Ok = false, Err = "worker a.1 lost during attempt 3 of 3" }, await RowAsync(1));
    }

    [Fact]
    public async Task Each_attempt_waits_longer_by_its_number()
    {
        var store = await JobAsync(job =>
        {
            job.MaxAttempts = 5;
            job.Backoff = Backoff.Custom(attempt => TimeSpan.FromMinutes(attempt));
        });
        await InsertAsync([(1, Row.Fresh), (2, new Row { N = 1 }), (3, new Row { N = 3 })]);
        await StartAsync(await ReserveAsync(3, store: store), store);
        var dead = await DeadAsync();
        var now = Clock.Now;
        Assert.Equal(3, (await ReclaimAsync(store, dead)).Again);
        Assert.InRange((await RowAsync(1)).Rt!.Value - now, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1.25));
        Assert.InRange((await RowAsync(2)).Rt!.Value - now, TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(2.5));
        Assert.InRange((await RowAsync(3)).Rt!.Value - now, TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task What_others_and_live_workers_hold_is_not_touched()
    {
        await InsertAsync([1, 2, 3, 4]);
        await ReserveAsync(1);
        await StartAsync(await ReserveAsync(1, "a.2"));
        await ReserveAsync(1, "b.1");
        await InsertAsync(5, new Row { Rid = "a.1", Et = Clock.Now, Ok = true });
        var rows = await Task.WhenAll(new[] { 2, 3, 4, 5 }.Select(RowAsync));
        Assert.Equal(new TakenBack(1, 0, 0), await ReclaimAsync(Store, await DeadAsync()));
        Assert.Equal(rows, await Task.WhenAll(new[] { 2, 3, 4, 5 }.Select(RowAsync)));
    }

    [Fact]
    public async Task Without_dead_workers_nothing_is_taken()
    {
        await StartedAsync(1);
        var before = await RowAsync(1);
        Assert.Equal(default, await ReclaimAsync(Store));
        await UnchangedAsync(1, before);
    }

    [Fact]
    public async Task A_worker_that_beat_again_keeps_its_records()
    {
        await StartedAsync(1);
        var before = await RowAsync(1);
        var dead = await DeadAsync();
        await BeatAsync("a.1");
        Assert.Equal(default, await ReclaimAsync(Store, dead));
        await UnchangedAsync(1, before);
    }

    [Fact]
    public async Task A_neighbour_that_looks_as_the_worker_did_does_not_make_it_dead()
    {
        await StartedAsync(1);
        // Both were registered in one moment; only one has beaten since.
        var seen = await HeartbeatOfAsync("a.1");
        Assert.Equal(seen, await HeartbeatOfAsync("a.2"));
        await BeatAsync("a.1");
        var before = await RowAsync(1);
        Assert.Equal(default, await ReclaimAsync(Store, new DeadWorker("a.1", 1, seen)));
        await UnchangedAsync(1, before);
    }

    [Fact]
    public async Task A_former_life_recovers_nothing_though_a_neighbour_is_of_the_same_age()
    {
        await StartedAsync(1);
        await Ticked(Workers.RegisterAsync("a", ["a.1"], "p7", Ttl, ["p1"], Stopping));
        Assert.Equal(default, await Ticked(Store.RecoverAsync([("a.1", 1)], Stopping)));
        Assert.Equal("a.1", (await RowAsync(1)).Rid);
    }

    [Fact]
    public async Task A_worker_that_only_a_former_life_of_a_node_had_is_nobodys_at_once()
    {
        await InsertAsync([(1, Row.Fresh), (2, Row.Fresh)]);
        await ReserveAsync(1, "a.2");
        await ReserveAsync(1, "b.1");
        await new ClusterStore(Db.Database, "elsewhere").RegisterAsync("a", ["a.2"], "p1", Ttl, [], Stopping);
        await Ticked(Workers.RegisterAsync("a", ["a.1"], "p7", Ttl, ["p1"], Stopping));
        // A life that only was held up and goes on does not bring it back.
        await Workers.MarkReadyAsync([("a.2", 1)], Stopping);
        var lives = (await Workers.ReadWorkersAsync(Stopping)).ToDictionary(w => w.Id, w => (w.State, w.Session));
        Assert.Equal([("a.1", ("recovering", 2L)), ("a.2", ("resigned", 2L)), ("b.1", ("recovering", 1L))], lives.Select(l => (l.Key, l.Value)).Order());
        Assert.Equal("recovering", (await new ClusterStore(Db.Database, "elsewhere").ReadWorkersAsync(Stopping)).Single().State);
    }

    [Fact]
    public async Task A_worker_id_that_has_a_new_life_is_left_to_its_own_recovery()
    {
        await StartedAsync(1);
        var before = await RowAsync(1);
        var dead = await DeadAsync();
        await Ticked(Workers.RegisterAsync("elsewhere", ["a.1"], "p7", Ttl, [], Stopping));
        Assert.Equal(default, await ReclaimAsync(Store, dead));
        // Nor does the session alone decide, nor the heartbeat alone.
        Assert.Equal(default, await ReclaimAsync(Store, dead with { Session = 2 }));
        Assert.Equal(default, await ReclaimAsync(Store, dead with { Heartbeat = await HeartbeatOfAsync("a.1") }));
        await UnchangedAsync(1, before);
    }

    [Fact]
    public async Task An_owner_that_nobody_knows_loses_its_records()
    {
        await InsertAsync(1, new Row { Rid = "gone.7", Rt = Clock.Now, N = 1, St = Clock.Now });
        await InsertAsync(2, new Row { Rid = "gone.8" });
        Assert.Equal(new TakenBack(1, 1, 0), await ReclaimAsync(Store));
        Assert.Equal("worker gone.7 lost during attempt 1 of 3", (await RowAsync(1)).Err);
        Assert.Equal(Row.Fresh, await RowAsync(2));
    }

    [Fact]
    public async Task A_worker_of_another_cluster_is_nobody_here()
    {
        await InsertAsync(1, new Row { Rid = "far.1" });
        await new ClusterStore(Db.Database, "elsewhere").RegisterAsync("far", ["far.1"], "p5", Ttl, [], Stopping);
        Assert.Equal(1, (await ReclaimAsync(Store)).Released);
        // And the dead of another cluster are not the ones here.
        await InsertAsync(2, new Row { Rid = "a.2" });
        await Db.ExecuteAsync($"""
            INSERT INTO pampa_worker (cluster, worker_id, node, session, process, program, state, heartbeat_at, expires_at)
            SELECT 'third', 'a.2', node, session, process, program, state, {TableProfile.Literal(Clock.Now)}, expires_at FROM pampa_worker WHERE worker_id = 'a.2'
            """);
        var third = (await new ClusterStore(Db.Database, "third").ReadWorkersAsync(Stopping)).Single();
        Assert.Equal(default, await ReclaimAsync(Store, new DeadWorker("a.2", third.Session, third.Heartbeat)));
    }

    [Fact]
    public async Task An_attempt_past_its_deadline_is_taken_from_a_live_worker()
    {
        var store = await JobAsync(job => job.MaxDuration = TimeSpan.FromSeconds(20));
        await StartedAsync(1, store: store);
        await ReserveAsync(1, store: store);
        await InsertAsync(2);
        await ReserveAsync(1, store: store);
        await AdvanceAsync(29.5);
        await BeatAsync();
        await RenewLeaderAsync();
        Assert.Equal(default, await ReclaimAsync(store));
        await AdvanceAsync(0.6);
        Assert.Equal(new TakenBack(0, 1, 0), await ReclaimAsync(store));
        Assert.Equal("deadline of 00:00:20 exceeded during attempt 1 of 3", (await RowAsync(1)).Err);
        Assert.Equal("a.1", (await RowAsync(2)).Rid);
    }

    [Theory]
    [InlineData("holder")]
    [InlineData("term")]
    [InlineData("scope")]
    [InlineData("expired")]
    public async Task A_leader_with_a_wrong_lease_takes_nothing_back(string part)
    {
        await InsertAsync([(1, new Row { Rid = "gone.7", N = 1, St = Clock.Now }), (2, new Row { N = 3 })]);
        var stale = part switch
        {
            "holder" => Lease with { Holder = "other" },
            "term" => Lease with { Term = Lease.Term + 1 },
            "scope" => Lease with { Scope = "job:other" },
            _ => Lease,
        };
        if (part == "expired") await AdvanceAsync(31);
        Assert.Equal(default, await Ticked(Store.ReclaimAsync([], HandTimeout, stale, Stopping)));
        Assert.Equal(0, await Ticked(Store.ExhaustAsync(stale, Stopping)));
        Assert.Equal("gone.7", (await RowAsync(1)).Rid);
        Assert.Null((await RowAsync(2)).Et);
    }

    [Fact]
    public async Task A_lease_of_another_cluster_takes_nothing_back()
    {
        await InsertAsync([(1, new Row { Rid = "gone.7" }), (2, new Row { N = 3 })]);
        var elsewhere = new TaskStore(Db.Database, Store.Table, "elsewhere", new Random(1));
        Assert.Equal(default, await Ticked(elsewhere.ReclaimAsync([], HandTimeout, Lease, Stopping)));
        Assert.Equal(0, await Ticked(elsewhere.ExhaustAsync(Lease, Stopping)));
    }

    [Fact]
    public async Task The_text_of_a_lost_attempt_fits_its_column()
    {
        var worker = $"{new string('w', 90)}.1";
        await InsertAsync(1, new Row { Rid = worker, N = 1, St = Clock.Now });
        Assert.Equal(1, (await ReclaimAsync(Store)).Again);
        var text = (await RowAsync(1)).Err!;
        Assert.StartsWith("worker www", text, StringComparison.Ordinal);
        if (!Db.IsSqlite && Profile.Name == "hostile") Assert.Equal(80, text.Length);
    }

    [Fact]
    public async Task A_record_with_strange_state_columns_is_taken_back_like_any_other()
    {
        // What another program left: started without an attempt, or with more than there are.
        await InsertAsync(1, new Row { Rid = "gone.7", St = Clock.Now, N = 0 });
        await InsertAsync(2, new Row { Rid = "gone.7", St = Clock.Now });
        await InsertAsync(3, new Row { Rid = "gone.7", St = Clock.Now, N = 900 });
        await InsertAsync(4, new Row { Rid = "", Ok = true });
        Assert.Equal(new TakenBack(1, 2, 1), await ReclaimAsync(Store));
    }

    [Fact]
    public async Task One_call_takes_at_most_a_statements_rows()
    {
        var most = Db.Database.Dialect.MaxRows;
        await InsertAsync(Enumerable.Range(1, most + 3).Select(i => (i, new Row { Rid = "gone.7" })));
        Assert.Equal(most, (await ReclaimAsync(Store)).Released);
        Assert.Equal(3, (await ReclaimAsync(Store)).Released);
        await Db.ExecuteAsync(Change("ReservationId", "a.1"));
        Assert.Equal(most, (await Ticked(Store.RecoverAsync([("a.1", 1)], Stopping))).Released);
        Assert.Equal(3, (await Ticked(Store.RecoverAsync([("a.1", 1)], Stopping))).Released);
        await Db.ExecuteAsync(Change("ReservationTimes", 3));
        Assert.Equal(most, await Ticked(Store.ExhaustAsync(Lease, Stopping)));
        Assert.Equal(3, await Ticked(Store.ExhaustAsync(Lease, Stopping)));

        string Change(string part, object value) =>
            $"UPDATE {Profile.Table} SET {TableProfile.Quote(part == "ReservationId" ? Profile.Columns.ReservationId : Profile.Columns.ReservationTimes)} = {TableProfile.Literal(value)}";
    }

    [Fact]
    public async Task A_node_recovers_what_a_former_life_of_its_workers_held()
    {
        await InsertAsync([(1, Row.Fresh), (2, new Row { N = 2 }), (3, Row.Fresh), (4, Row.Fresh)]);
        await StartAsync(await ReserveAsync(2));
        await ReserveAsync(1, "a.2");
        await ReserveAsync(1, "b.1");
        await AdvanceAsync(31);
        var own = await Ticked(Workers.RegisterAsync("a", ["a.1", "a.2"], "p7", Ttl, [], Stopping));
        Assert.Equal(new TakenBack(1, 1, 1), await Ticked(Store.RecoverAsync(own!, Stopping)));
        Assert.Equal(default, await Ticked(Store.RecoverAsync(own!, Stopping)));
        Assert.Equal("b.1", (await RowAsync(4)).Rid);
        Assert.Equal("worker a.1 lost during attempt 1 of 3", (await RowAsync(1)).Err);
    }

    [Fact]
    public async Task What_a_former_life_has_died_of_is_told_where_it_is_known()
    {
        await InsertAsync([(1, Row.Fresh), (2, Row.Fresh)]);
        await StartAsync(await ReserveAsync(2));
        await AdvanceAsync(31);
        var own = await Ticked(Workers.RegisterAsync("a", ["a.1"], "p7", Ttl, [], Stopping));
        Assert.Equal(2, (await Ticked(Store.RecoverAsync(own!, Stopping, "worker a.1 over its MaxRam of 'much'"))).Again);
        foreach (var key in (int[])[1, 2]) Assert.Equal("worker a.1 over its MaxRam of 'much' during attempt 1 of 3", (await RowAsync(key)).Err);
    }

    [Theory]
    [InlineData("session")]
    [InlineData("expired")]
    [InlineData("cluster")]
    [InlineData("worker")]
    public async Task A_node_that_is_not_the_owner_recovers_nothing(string part)
    {
        await InsertAsync(1);
        await ReserveAsync(1);
        if (part == "expired") await AdvanceAsync(31);
        var store = part == "cluster" ? new TaskStore(Db.Database, Store.Table, "elsewhere", new Random(1)) : Store;
        Assert.Equal(default, await Ticked(store.RecoverAsync([(part == "worker" ? "a.2" : "a.1", part == "session" ? 2 : 1)], Stopping)));
        Assert.Equal("a.1", (await RowAsync(1)).Rid);
    }

    [Fact]
    public async Task The_open_records_of_a_nodes_workers_can_be_read()
    {
        await InsertAsync([1, 2, 3, 4]);
        var first = Assert.Single(await ReserveAsync(1));
        var second = Assert.Single(await StartAsync(await ReserveAsync(1, "a.2")));
        await ReserveAsync(1, "b.1");
        await InsertAsync(9, new Row { Rid = "a.1", Et = Clock.Now });
        var own = (await Store.ReadOwnAsync([("a.1", 1), ("a.2", 1)], Stopping)).OrderBy(o => o.Worker, StringComparer.Ordinal).ToList();
        Assert.Equal(2, own.Count);
        Assert.Equal(new OwnRecord(first.Key, "a.1", first.ReservedAt, 0, null), own[0]);
        Assert.Equal((second.Fence.Key, "a.2", 1, second.Fence.StartedAt), (own[1].Key, own[1].Worker, own[1].Attempts, own[1].StartedAt));
    }

    [Fact]
    public async Task A_record_without_attempts_that_nobody_holds_is_ended()
    {
        await InsertAsync([
            (1, new Row { N = 3, Ok = false, Err = "from before" }), (2, new Row { N = 2 }), (3, new Row { N = 3, Rid = "a.1" }),
            (4, new Row { N = 3, Et = Clock.Now.AddHours(-1), Ok = true })]);
        var rows = await Task.WhenAll(new[] { 2, 3, 4 }.Select(RowAsync));
        var now = Clock.Now;
        Assert.Equal(1, await Ticked(Store.ExhaustAsync(Lease, Stopping)));
        Assert.Equal(new Row { N = 3, Et = now, Ok = false, Err = "from before" }, await RowAsync(1));
        Assert.Equal(rows, await Task.WhenAll(new[] { 2, 3, 4 }.Select(RowAsync)));
        Assert.Equal(0, await Ticked(Store.ExhaustAsync(Lease, Stopping)));
    }
}
