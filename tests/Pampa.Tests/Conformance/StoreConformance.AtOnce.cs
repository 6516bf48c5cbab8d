using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>T1 and T2 with one write.</summary>
public abstract partial class StoreConformance
{
    private protected async Task<List<Bound>> BindAsync(int count, TaskStore? store = null, long? session = 1, LeaseTerm? lease = null, string worker = "a.1") =>
        await Ticked((store ?? Store).BindAsync(
            [.. Enumerable.Repeat(new Slot(worker, worker.Split('.')[0], Session: session), count)], lease ?? Lease, "a", null, Stopping));

    [Fact]
    public async Task What_was_never_tried_starts_as_it_is_reserved()
    {
        await InsertAsync(1, new Row { St = Clock.Now, Ok = false, Err = "stray", Note = "mine", Score = 7, Generation = 4 });
        var store = await JobAsync(job => job.Columns = Profile.Columns with { Generation = Profile.Generation });
        var now = Clock.Now;
        var bound = Assert.Single(await BindAsync(1, store));
        var (reservation, started) = (bound.Reservation, bound.Started);
        Assert.Equal((reservation.Key, "a.1", 1), (started!.Fence.Key, started.Fence.Worker, started.Fence.Attempt));
        Assert.Equal((0, 4L), (reservation.Attempts, started.Generation));
        Assert.Equal(reservation.Claim, started.Claim);
        Assert.Equal("mine", started.Values[store.Table.RecordColumn(Profile.Note)]);
        Assert.Equal(7, ValueConverter.To(typeof(int), started.Values[store.Table.RecordColumn(Profile.Score)]));
        var row = await RowAsync(1);
        Assert.Equal(new Row { Rid = "a.1", Rt = now, N = 1, St = row.St, Err = "stray", Note = "mine", Score = 7, Generation = 4 }, row);
        Assert.True(row.St >= now && row.St < Clock.Now, $"{row.St}");
        // Its fence is that of any other start.
        Assert.Equal(KeysOf(1), Shown(await FinishAsync(Completed(started))));
        Assert.True((await RowAsync(1)) is { Ok: true, N: 1 });
    }

    [Fact]
    public async Task What_was_tried_before_is_reserved_and_not_started()
    {
        await InsertAsync([(1, new Row { N = 1 }), (2, Row.Fresh)]);
        var bound = await BindAsync(2);
        Assert.Equal([(1, false), (0, true)], bound.Select(b => (b.Reservation.Attempts, b.Started is not null)));
        var row = await RowAsync(1);
        Assert.True(row is { Rid: "a.1", N: 1, St: null }, $"{row}");
        Assert.Single(await StartAsync([bound[0].Reservation]));
        Assert.Equal(2, (await RowAsync(1)).N);
    }

    [Fact]
    public async Task Of_several_slots_those_with_a_session_start()
    {
        await InsertAsync([1, 2, 3]);
        var bound = await Ticked(Store.BindAsync(
            [new Slot("a.1", "a", Session: 1), new Slot("b.1", "b"), new Slot("a.2", "a", Session: 1)], Lease, "a", null, Stopping, "lot"));
        Assert.Equal([("a.1", true), ("b.1", false), ("a.2", true)], bound.Select(b => (b.Reservation.Worker, b.Started is not null)));
        Assert.Equal(KeysOf(1, 2, 3), Shown(bound.Select(b => b.Reservation.Key)));
        Assert.Equal([1, 0, 1], bound.Select(b => b.Started?.Fence.Attempt ?? 0));
        Assert.Null((await RowAsync(2)).St);
        Assert.Single(await StartAsync([bound[1].Reservation]));
    }

    [Theory, InlineData(2), InlineData(0)]
    public async Task A_former_life_of_a_worker_gets_nothing_at_once(long session)
    {
        await InsertAsync(1);
        Assert.Empty(await BindAsync(1, session: session));
        await UnchangedAsync(1, Row.Fresh);
        Assert.Single(await BindAsync(1));
    }

    [Fact]
    public async Task A_worker_whose_lease_is_over_or_that_nobody_knows_gets_nothing_at_once()
    {
        await InsertAsync(1);
        Assert.Empty(await BindAsync(1, worker: "z.9"));
        await AdvanceAsync(31);
        var lease = (await Ticked(Workers.AcquireAsync("cluster", "leader", "p1", Ttl, [], Stopping)))!;
        Assert.Empty(await BindAsync(1, lease: lease));
        await UnchangedAsync(1, Row.Fresh);
        await BeatAsync();
        Assert.Single(await BindAsync(1, lease: lease));
    }

    [Fact]
    public async Task Who_leads_no_more_starts_nothing_at_once()
    {
        await InsertAsync(1);
        foreach (var stale in (LeaseTerm[])[Lease with { Term = Lease.Term + 1 }, Lease with { Holder = "another" }, Lease with { Scope = "another" }])
            Assert.Empty(await BindAsync(1, lease: stale));
        await UnchangedAsync(1, Row.Fresh);
    }

    [Fact]
    public async Task A_leader_whose_lease_is_over_starts_nothing_at_once()
    {
        await InsertAsync(1);
        await AdvanceAsync(31);
        await BeatAsync();
        Assert.Empty(await BindAsync(1));
        await UnchangedAsync(1, Row.Fresh);
    }

    [Fact]
    public async Task A_lease_and_a_worker_of_another_cluster_start_nothing_at_once()
    {
        await InsertAsync([1, 2]);
        var elsewhere = new TaskStore(Db.Database, Store.Table, "elsewhere", new Random(1));
        // The second needs no worker.
        Assert.Empty(await Ticked(elsewhere.BindAsync([new Slot("a.1", "a", Session: 1), new Slot("b.1", "b")], Lease, "a", null, Stopping)));
        var lease = (await Ticked(new ClusterStore(Db.Database, "elsewhere").AcquireAsync("cluster", "leader", "p1", Ttl, [], Stopping)))!;
        Assert.Empty(await BindAsync(1, elsewhere, lease: lease));
        await UnchangedAsync(1, Row.Fresh);
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("attempts")]
    [InlineData("due")]
    [InlineData("end")]
    public async Task A_start_with_its_reservation_behind_an_uncommitted_change_takes_only_what_is_still_free(string part)
    {
        await InsertAsync(1);
        (string, object?) change = part switch
        {
            "worker" => (Profile.Columns.ReservationId, "b.1"),
            "attempts" => (Profile.Columns.ReservationTimes, 3),
            "due" => (Profile.Columns.ReservationTime, Clock.Now.AddHours(1)),
            _ => (Profile.Columns.EndTime, Clock.Now),
        };
        Assert.Empty(await BehindAsync(Change(1, change), () => BindAsync(1)));
        Assert.NotEqual("a.1", (await RowAsync(1)).Rid);
        Assert.Null((await RowAsync(1)).St);
    }

    [Fact]
    public async Task What_the_programs_condition_no_longer_allows_does_not_start_behind_an_uncommitted_change()
    {
        await InsertAsync([(1, new Row { Score = 1 }), (2, new Row { Score = 1 })]);
        var store = await JobAsync(job => job.Where = $"{Column(Profile.Score)} < {10}");
        var bound = await BehindAsync(Change(1, (Profile.Score, 50)), () => BindAsync(2, store));
        Assert.Equal(KeysOf(2), Shown(bound.Select(b => b.Reservation.Key)));
        Assert.True((await RowAsync(1)) is { Rid: null, St: null });
    }

    [Fact]
    public async Task What_is_held_ended_scheduled_or_used_up_does_not_start_at_once()
    {
        await InsertAsync(
        [
            (1, new Row { Rid = "a.2", Rt = Clock.Now }), (2, new Row { Et = Clock.Now, Ok = true }), (3, new Row { Rt = Clock.Now.AddMinutes(1) }),
            (4, new Row { N = 3 }), (5, Row.Fresh),
        ]);
        Assert.Equal(KeysOf(5), Shown((await BindAsync(10)).Select(b => b.Reservation.Key)));
    }

    [Fact]
    public async Task Many_start_at_once_each_with_its_own_values()
    {
        await InsertAsync(Enumerable.Range(1, 150).Select(i => (i, new Row { Score = i })));
        var bound = await BindAsync(150);
        var score = Store.Table.RecordColumn(Profile.Score);
        Assert.Equal(150, bound.Count);
        Assert.All(bound, b => Assert.Equal(KeyText((int)ValueConverter.To(typeof(int), b.Started!.Values[score])!), Shown(b.Started.Fence.Key)));
        Assert.Equal(bound.Select(b => Shown(b.Reservation.Key)), KeysOf([.. Enumerable.Range(1, 150)]));
    }
}
