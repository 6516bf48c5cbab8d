using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>What leader and nodes tell each other.</summary>
public abstract partial class StoreConformance
{
    private ExchangeStore Meeting => new(Db.Database, Cluster);

    private static NodeLoad Load(double rate, params WorkerWord[] hands) =>
        new("job", 2, rate, TimeSpan.FromMilliseconds(1.5), TimeSpan.FromMilliseconds(2), hands);

    private static NodeLife Life(string node, long session = 1) => new(node, $"{node}.1", session);

    private protected async Task<List<HandOver>> ExchangeAsync(string node, NodeLoad? said = null, params string[] taken) =>
        (await Ticked(Meeting.ExchangeAsync(Life(node), said is null ? null : [said], taken, Stopping))).HandOvers;

    [Fact]
    public async Task A_node_gets_what_was_handed_over_to_it_until_it_says_that_it_has_it()
    {
        await InsertAsync([1, 2, 3]);
        var first = await Ticked(Store.ReserveAsync(Slots("a.1", "b.1"), Lease, "a", null, Stopping, "first"));
        var second = await Ticked(Store.ReserveAsync(Slots("b.1"), Lease, "a", null, Stopping, "second"));
        Assert.Empty(await ExchangeAsync("a"));
        var messages = await ExchangeAsync("b");
        Assert.Equal([("first", "job"), ("second", "job")], messages.Select(m => (m.Batch, m.Job)));
        Assert.Equal(first[1], Assert.Single(HandOverText.Read(messages[0].Rows)!));
        Assert.Equal(second[0], Assert.Single(HandOverText.Read(messages[1].Rows)!));

        Assert.Equal(["second"], (await ExchangeAsync("b", Load(1), "first", "unknown")).Select(m => m.Batch));
        Assert.Empty(await ExchangeAsync("b", null, "second"));
        Assert.Single(await StartAsync(HandOverText.Read(messages[1].Rows)!));
    }

    [Fact]
    public async Task The_leader_sees_what_other_nodes_have_in_hand_and_what_is_under_way()
    {
        await InsertAsync([1, 2]);
        await ExchangeAsync("a", Load(1, new WorkerWord("a.1", 7, false)));
        await ExchangeAsync("b", Load(2, new WorkerWord("b.1", 5, false), new WorkerWord("b.2", 0, true)));
        await ExchangeAsync("b", Load(2, new WorkerWord("b.1", 4, false), new WorkerWord("b.2", 0, true)));
        await Ticked(Store.ReserveAsync(Slots("b.1", "b.1"), Lease, "a", null, Stopping, "batch"));

        var words = await Ticked(Meeting.ReadNodesAsync("a", Stopping));
        var said = Assert.Single(words, w => w.Batch is null);
        Assert.Equal(("b", "job", TimeSpan.FromMilliseconds(2)), (said.Node, said.Job, said.P90));
        Assert.Equal([new WorkerWord("b.1", 4, false), new WorkerWord("b.2", 0, true)], said.Hands!.Values.OrderBy(h => h.Worker));
        Assert.Equal(("b", "job", "batch"), Assert.Single(words.Where(w => w.Batch is not null).Select(w => (w.Node, w.Job, w.Batch))));
        await Meeting.ForgetNodeAsync(Life("b"), Stopping);
        Assert.Equal(["batch"], (await Meeting.ReadNodesAsync("a", Stopping)).Select(w => w.Batch));
    }

    [Fact]
    public async Task Only_nodes_without_a_living_worker_are_forgotten()
    {
        await InsertAsync([1, 2]);
        await ExchangeAsync("a", Load(1));
        await ExchangeAsync("b", Load(1));
        await Ticked(Store.ReserveAsync(Slots("a.1", "b.1"), Lease, "x", null, Stopping, "batch"));
        await Meeting.ForgetDeadNodesAsync(Stopping);
        Assert.Equal(4, (await Meeting.ReadNodesAsync("x", Stopping)).Count);

        await Workers.ResignAsync([("b.1", 1)], Stopping);
        await Meeting.ForgetDeadNodesAsync(Stopping);
        Assert.Equal(["a", "a"], (await Meeting.ReadNodesAsync("x", Stopping)).Select(w => w.Node));
        // Its lease is over, and it may still come back.
        await AdvanceAsync(60);
        await Meeting.ForgetDeadNodesAsync(Stopping);
        Assert.Equal(2, (await Meeting.ReadNodesAsync("x", Stopping)).Count);
        await AdvanceAsync(600);
        await Meeting.ForgetDeadNodesAsync(Stopping);
        Assert.Empty(await Meeting.ReadNodesAsync("x", Stopping));
    }

    [Fact]
    public async Task A_registration_throws_away_what_a_former_life_was_handed_or_said()
    {
        await InsertAsync([1, 2]);
        await ExchangeAsync("a", Load(1));
        await ExchangeAsync("b", Load(1));
        await Ticked(Store.ReserveAsync(Slots("a.1", "b.1"), Lease, "x", null, Stopping, "batch"));
        await Workers.ResignAsync([("b.1", 1)], Stopping);
        Assert.Null(await Ticked(Workers.RegisterAsync("a", ["a.1"], "p9", Ttl, [], Stopping)));
        Assert.NotNull(await Ticked(Workers.RegisterAsync("b", ["b.1"], "p9", Ttl, [], Stopping)));
        Assert.Equal(["a", "a"], (await Meeting.ReadNodesAsync("x", Stopping)).Select(w => w.Node));
    }

    [Fact]
    public async Task A_life_that_another_one_has_followed_reads_says_and_throws_away_nothing()
    {
        await InsertAsync([1]);
        await ExchangeAsync("b", Load(1, new WorkerWord("b.1", 5, false)));
        await Workers.ResignAsync([("b.1", 1)], Stopping);
        Assert.Equal([("b.1", 2L)], await Ticked(Workers.RegisterAsync("b", ["b.1"], "p9", Ttl, [], Stopping)));
        await Ticked(Meeting.ExchangeAsync(Life("b", 2), [Load(1, new WorkerWord("b.1", 2, false))], [], Stopping));
        await Ticked(Store.ReserveAsync(Slots("b.1"), Lease, "x", null, Stopping, "batch"));

        Assert.Empty(await ExchangeAsync("b"));
        Assert.Empty(await ExchangeAsync("b", Load(9, new WorkerWord("b.1", 9, false)), "batch"));
        await Meeting.ForgetNodeAsync(Life("b"), Stopping);
        var words = await Meeting.ReadNodesAsync("x", Stopping);
        Assert.Equal(2, Assert.Single(words, w => w.Batch is null).Hands!["b.1"].Count);
        Assert.Equal("batch", Assert.Single((await Ticked(Meeting.ExchangeAsync(Life("b", 2), null, [], Stopping))).HandOvers).Batch);
    }

    [Fact]
    public async Task What_a_living_worker_does_not_start_in_time_is_taken_back()
    {
        await InsertAsync([1, 2]);
        var lost = Assert.Single(await ReserveAsync(1));
        await AdvanceAsync(25);
        await BeatAsync();
        Lease = (await Ticked(Workers.AcquireAsync("cluster", "leader", "p1", TimeSpan.FromHours(1), ["p1"], Stopping)))!;
        await StartAsync(await ReserveAsync(1));
        await AdvanceAsync(25);
        await BeatAsync();
        Assert.Equal(default, await ReclaimAsync(Store));
        await AdvanceAsync(11);
        Assert.Equal(new TakenBack(1, 0, 0), await ReclaimAsync(Store));
        Assert.Equal((null, null), ((await RowAsync(1)).Rid, (await RowAsync(1)).Rt));
        Assert.Empty(await StartAsync([lost]));
        Assert.NotNull((await RowAsync(2)).St);
    }

    [Fact]
    public async Task The_cluster_tells_who_leads_and_who_works()
    {
        await ExchangeAsync("b", Load(2.5, new WorkerWord("b.1", 5, false)));
        await Workers.MarkReadyAsync([("a.1", 1)], Stopping);
        await AdvanceAsync(7);
        await BeatAsync("b.1");
        await AdvanceAsync(3);
        var info = await Workers.ReadAsync("cluster", Stopping);
        Assert.Equal(("leader", Lease.Term), (info.Leader!.Node, info.Leader.Term));
        Assert.InRange(info.Leader.LeadsFor, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(11));
        Assert.Equal([("a", 2, 1), ("b", 1, 0)], info.Nodes.Select(n => (n.Name, n.Workers, n.Ready)));
        Assert.InRange(info.Nodes[0].LastHeard, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(11));
        Assert.InRange(info.Nodes[1].LastHeard, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(4));
        var (median, p90) = (TimeSpan.FromMilliseconds(1.5), TimeSpan.FromMilliseconds(2));
        Assert.Equal([new NodeJobInfo("job", 5, 2, 2.5) { MedianDuration = median, P90Duration = p90 }], info.Nodes[1].Jobs);
        Assert.Equal([("a.1", Ttl), ("a.2", Ttl), ("b.1", Ttl)], info.Workers.Select(w => (w.Id, w.Lease)));

        await Workers.ResignAsync(Lease, Stopping);
        await Workers.ResignAsync([("a.1", 1), ("a.2", 1)], Stopping);
        info = await Workers.ReadAsync("cluster", Stopping);
        Assert.Null(info.Leader);
        Assert.Equal(["b"], info.Nodes.Select(n => n.Name));
    }

    [Fact]
    public async Task The_rates_of_all_nodes_add_up_until_they_are_old()
    {
        await Ticked(Workers.ReadRatesAsync(Stopping));
        await Meeting.ExchangeAsync(Life("a"), [Load(1), Load(7) with { Job = "other" }], [], Stopping);
        await Meeting.ExchangeAsync(Life("a"), [Load(2.25)], [], Stopping);
        await Meeting.ExchangeAsync(Life("b"), [Load(3)], [], Stopping);
        Assert.Equal([("job", 5.25), ("other", 7)], (await Workers.ReadRatesAsync(Stopping)).Order());
        await Clock.AdvanceAsync(TimeSpan.FromSeconds(31));
        Assert.Empty(await Workers.ReadRatesAsync(Stopping));
    }
}
