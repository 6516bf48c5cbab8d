using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>T1.</summary>
public abstract partial class StoreConformance
{
    [Fact]
    public async Task Records_are_reserved_in_the_order_of_their_key()
    {
        await InsertAsync([5, 2, 9, 1, 7]);
        var reserved = await ReserveAsync(4);
        Assert.Equal(KeysOf(1, 2, 5, 7), Shown(reserved.Select(r => r.Key)));
        Assert.Null((await RowAsync(9)).Rid);
    }

    [Fact]
    public async Task A_reservation_sets_worker_and_time_and_clears_strays()
    {
        await InsertAsync(1, new Row { N = 1, St = Clock.Now, Ok = false, Err = "once", Note = "mine" });
        var now = Clock.Now;
        var reserved = Assert.Single(await ReserveAsync(1, "a.2"));
        Assert.Equal(("a.2", 1), (reserved.Worker, reserved.Attempts));
        Assert.Equal(new Row { Rid = "a.2", Rt = now, N = 1, Err = "once", Note = "mine" }, await RowAsync(1));
    }

    [Fact]
    public async Task More_slots_than_records_are_no_error()
    {
        await InsertAsync([1, 2]);
        Assert.Equal(2, (await ReserveAsync(10)).Count);
        Assert.Empty(await ReserveAsync(10));
    }

    [Fact]
    public async Task Records_are_dealt_in_the_order_of_the_slots()
    {
        await InsertAsync([1, 2, 3, 4, 5]);
        var reserved = await Ticked(Store.ReserveAsync(Slots("a.1", "b.1", "a.2", "a.1", "b.1"), Lease, "a", null, Stopping));
        Assert.Equal(["a.1", "b.1", "a.2", "a.1", "b.1"], reserved.Select(r => r.Worker));
        Assert.Equal(KeysOf(1, 2, 3, 4, 5), Shown(reserved.Select(r => r.Key)));
        Assert.Equal("b.1", (await RowAsync(5)).Rid);
    }

    [Fact]
    public async Task A_second_reservation_takes_none_of_the_first()
    {
        await InsertAsync([1, 2, 3, 4]);
        var first = await ReserveAsync(2, "a.1");
        var second = await ReserveAsync(4, "a.2");
        Assert.Equal(KeysOf(1, 2), Shown(first.Select(r => r.Key)));
        Assert.Equal(KeysOf(3, 4), Shown(second.Select(r => r.Key)));
    }

    [Fact]
    public async Task A_record_is_reserved_when_it_is_due_and_not_before()
    {
        await InsertAsync(1, new Row { Rt = Clock.Now.AddSeconds(10) });
        await InsertAsync(2, new Row { Rt = Clock.Now.AddHours(-1) });
        Assert.Equal(KeysOf(2), Shown((await ReserveAsync(5)).Select(r => r.Key)));
        await AdvanceAsync(9.9);
        Assert.Empty(await ReserveAsync(5));
        await AdvanceAsync(0.2);
        Assert.Equal(KeysOf(1), Shown((await ReserveAsync(5)).Select(r => r.Key)));
    }

    [Fact]
    public async Task A_record_without_attempts_left_is_not_reserved()
    {
        await InsertAsync([(1, new Row { N = 3 }), (2, new Row { N = 2 }), (3, new Row { N = 7 })]);
        Assert.Equal(KeysOf(2), Shown((await ReserveAsync(5)).Select(r => r.Key)));
    }

    [Fact]
    public async Task A_held_or_ended_record_is_not_reserved()
    {
        await InsertAsync([(1, new Row { Rid = "x.1" }), (2, new Row { Et = Clock.Now }), (3, new Row { Et = Clock.Now, Ok = true })]);
        Assert.Empty(await ReserveAsync(5));
    }

    [Theory]
    [InlineData("holder")]
    [InlineData("term")]
    [InlineData("scope")]
    public async Task A_leader_with_a_wrong_lease_reserves_nothing(string part)
    {
        await InsertAsync(1);
        var stale = part switch
        {
            "holder" => Lease with { Holder = "other" },
            "term" => Lease with { Term = Lease.Term + 1 },
            _ => Lease with { Scope = "job:other" },
        };
        Assert.Empty(await Ticked(Store.ReserveAsync(Slots(3, "b.1"), stale, "a", null, Stopping)));
        await UnchangedAsync(1, Row.Fresh);
        Assert.Empty(await HandOversAsync());
    }

    [Fact]
    public async Task A_leader_whose_term_was_taken_reserves_nothing()
    {
        await InsertAsync(1);
        Assert.NotNull(await Ticked(Workers.AcquireAsync("cluster", "leader", "p9", Ttl, ["p1"], Stopping)));
        Assert.Empty(await Ticked(Store.ReserveAsync(Slots(3, "b.1"), Lease, "a", null, Stopping)));
        Assert.Empty(await HandOversAsync());
    }

    [Fact]
    public async Task A_lease_of_another_cluster_reserves_nothing()
    {
        await InsertAsync(1);
        var elsewhere = new TaskStore(Db.Database, Store.Table, "elsewhere", new Random(1));
        Assert.Empty(await Ticked(elsewhere.ReserveAsync(Slots(1), Lease, "a", null, Stopping)));
    }

    [Fact]
    public async Task A_leader_whose_lease_is_over_reserves_nothing()
    {
        await InsertAsync(1);
        await AdvanceAsync(29);
        Assert.Single(await ReserveAsync(1));
        await InsertAsync(2);
        await AdvanceAsync(1.5);
        Assert.Empty(await ReserveAsync(1));
    }

    [Fact]
    public async Task Other_nodes_get_one_hand_over_row_each_and_the_own_node_none()
    {
        await InsertAsync([(1, Row.Fresh), (2, Row.Fresh), (3, new Row { N = 2 }), (4, Row.Fresh)]);
        await Ticked(Workers.RegisterAsync("c", ["c.1"], "p3", Ttl, [], Stopping));
        var reserved = await Ticked(Store.ReserveAsync(Slots("a.1", "b.1", "b.1", "c.1"), Lease, "a", null, Stopping));
        var handed = await HandOversAsync();
        Assert.Equal([("b", "job", Lease.Term), ("c", "job", Lease.Term)], handed.Select(h => (h.Node, h.Job, h.Term)));
        Assert.Equal(Handed(reserved[1], reserved[2]), handed[0].Rows);
        Assert.Equal(Handed(reserved[3]), handed[1].Rows);
        Assert.Equal("2", handed[0].Rows[1][^1]);
    }

    private static List<string[]> Handed(params Reservation[] reservations) =>
        [.. reservations.Select(r => (string[])[.. r.Key.Parts(), r.Worker, r.ReservedAt, Number(r.Attempts)])];

    [Fact]
    public async Task Picking_goes_on_behind_the_cursor()
    {
        await InsertAsync(Enumerable.Range(1, 9));
        var first = await ReserveAsync(4);
        var second = await ReserveAsync(2, cursor: first[^1].Key);
        Assert.Equal(KeysOf(5, 6), Shown(second.Select(r => r.Key)));
        Assert.Equal(KeysOf(9), Shown((await ReserveAsync(5, cursor: Key(8))).Select(r => r.Key)));
        Assert.Equal(KeysOf(7, 8), Shown((await ReserveAsync(5)).Select(r => r.Key)));
    }

    private TaskKey Key(int number)
    {
        var parts = Profile.KeyLiterals(number).Select((literal, i) =>
            literal.StartsWith('\'') ? Db.Database.Dialect.Encode(Plain(literal), Store.Table.Key[i])! : literal);
        return new TaskKey([.. parts]);
    }

    [Fact]
    public async Task A_condition_and_an_order_with_values_choose()
    {
        await InsertAsync(Enumerable.Range(1, 8).Select(i => (i, new Row { Score = i % 4, Note = i == 6 ? "no" : "yes" })));
        var store = await JobAsync(job =>
        {
            job.Where = $"{Column(Profile.Score)} >= {1} AND {Column(Profile.Note)} = {"yes"} OR FALSE";
            job.OrderBy = $"CASE WHEN {Column(Profile.Score)} = {2} THEN 0 ELSE 1 END, {Column(Profile.Score)} DESC";
        });
        var reserved = await ReserveAsync(10, store: store);
        Assert.Equal(KeysOf(2, 3, 7, 1, 5), Shown(reserved.Select(r => r.Key)));
    }

    [Fact]
    public async Task A_condition_never_means_a_name_of_the_statement()
    {
        // Names that a statement might give to its own steps belong to the user.
        foreach (var name in (string[])["slots", "picked", "numbered", "v", "c", "given", "t"])
        {
            await Db.ExecuteAsync($"CREATE TABLE {name} (mark bigint)");
            await Db.ExecuteAsync($"INSERT INTO {name} VALUES (4)");
            await Db.GrantOwnAsync($"SELECT ON {name}");
        }
        await InsertAsync(1, new Row { Score = 4 });
        await InsertAsync(2, new Row { Score = 5 });
        var store = await JobAsync(job => job.Where =
            $"{Column(Profile.Score)} IN (SELECT mark FROM slots UNION SELECT mark FROM picked UNION SELECT mark FROM numbered UNION SELECT mark FROM v UNION SELECT mark FROM c UNION SELECT mark FROM given UNION SELECT mark FROM t)");
        var reserved = await ReserveAsync(5, store: store);
        Assert.Equal(KeysOf(1), Shown(reserved.Select(r => r.Key)));
        Assert.Single(await StartAsync(reserved, store));
    }
}
