using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>What is kept for people: the audit, the history of records, samples, and what processes say of themselves.</summary>
public abstract partial class StoreConformance
{
    private SampleStore Samples => new(Db.Database, Cluster);

    private HistoryStore Histories => new(Db.Database, Cluster);

    private NodeStore Nodes => new(Db.Database, Cluster);

    private static SampleRow Sample(long completed, long failed = 0, long pending = 5) =>
        new("job", pending, pending <= 100_000, 2, 3, new DoneCount(completed, failed, completed + failed, TimeSpan.FromSeconds(completed)));

    [Fact]
    public async Task Steering_is_written_down_if_it_changes_anything()
    {
        var control = new ControlStore(Db.Database, Cluster);
        var hold = new Hold(HoldKind.Job, "job");
        Assert.True(await Ticked(control.HoldAsync(hold, "lunch", null, Stopping, Note("pause", "1"))));
        Assert.True(await Ticked(control.ReleaseAsync(hold, Stopping, Note("resume", "2"))));
        Assert.False(await Ticked(control.ReleaseAsync(hold, Stopping, Note("resume", "3"))));
        Assert.False(await Ticked(control.HoldAsync(hold, "", Clock.Now.AddHours(-1), Stopping, Note("pause", "4"))));
        var entries = await Audit.ReadAsync(new AuditQuery(), 10, Stopping);
        Assert.Equal([("2", "resume"), ("1", "pause")], entries.Select(e => (e.Id, e.Action)));
        Assert.Equal(["1"], (await Audit.ReadAsync(new AuditQuery { Before = "2" }, 10, Stopping)).Select(e => e.Id));
        Assert.Equal(["2"], (await Audit.ReadAsync(new AuditQuery { Job = "job", Who = "anna" }, 1, Stopping)).Select(e => e.Id));
        Assert.Empty(await Audit.ReadAsync(new AuditQuery { Job = "other" }, 10, Stopping));
        Assert.Empty(await Audit.ReadAsync(new AuditQuery { Who = "'; --" }, 10, Stopping));
        Assert.Empty(await new AuditStore(Db.Database, "other").ReadAsync(new AuditQuery(), 10, Stopping));
        var (first, second) = (await Ticked(Audit.NewIdAsync(Stopping)), await Audit.NewIdAsync(Stopping));
        Assert.True(string.CompareOrdinal(first, second) < 0, $"{first} {second}");
    }

    [Fact]
    public async Task What_people_have_done_is_thrown_away_when_it_is_too_old_the_oldest_first_and_not_all_at_once()
    {
        var control = new ControlStore(Db.Database, Cluster);
        var hold = new Hold(HoldKind.Job, "job");
        for (var i = 1; i <= 4; i++)
        {
            await Ticked(control.HoldAsync(hold, "lunch", null, Stopping, Note("pause", $"{i}")));
            await Ticked(control.ReleaseAsync(hold, Stopping));
            if (i == 3) await AdvanceAsync(20 * 86_400);
        }
        await RenewAsync();
        Task<int> ThinAsync(int days, int most) => Audit.ThinAsync(TimeSpan.FromDays(days), most, Lease, Stopping);
        async Task<string[]> LeftAsync() => [.. (await Audit.ReadAsync(new AuditQuery(), 10, Stopping)).Select(e => e.Id)];
        Assert.Equal(0, await ThinAsync(21, 10));
        Assert.Equal(2, await ThinAsync(10, 2));
        Assert.Equal(["4", "3"], await LeftAsync());
        Assert.Equal(0, await new AuditStore(Db.Database, "other").ThinAsync(TimeSpan.FromDays(10), 10, Lease, Stopping));
        Assert.Equal(1, await ThinAsync(10, 10));
        Assert.Equal(["4"], await LeftAsync());
        await AdvanceAsync(20 * 86_400);
        // Whoever leads no more throws nothing away.
        Assert.Equal(0, await ThinAsync(10, 10));
        await RenewAsync();
        Assert.Equal(1, await ThinAsync(10, 10));
    }

    [Fact]
    public async Task Samples_tell_what_ended_and_are_thinned_by_their_age()
    {
        for (var i = 0; i < 130; i++)
        {
            Assert.Equal(1, await Samples.WriteAsync([Sample(i, i % 2)], Lease, Stopping));
            await AdvanceAsync(10);
            await RenewAsync();
        }
        async Task<List<StoredSample>> ReadAsync(int grain = 10, double from = -100) =>
            await Samples.ReadAsync("job", Clock.Now.AddHours(from), Clock.Now, grain, 10_000, Stopping);
        var all = await ReadAsync();
        Assert.Equal(130, all.Count);
        Assert.Equal(Enumerable.Range(0, 130).Sum(), all[^1].Completed);
        Assert.Equal((5L, true, 2L, 3, 65L), (all[^1].Pending, all[^1].IsPendingExact, all[^1].Running, all[^1].Workers, all[^1].Failed));
        Assert.Equal(22, (await ReadAsync(60)).Count);
        Assert.Equal(3, (await ReadAsync(600)).Count);
        // The last one before the range comes along.
        Assert.Equal(7, (await ReadAsync(from: -1 / 60.0)).Count);
        Assert.Equal(2, (await Samples.ReadAsync("job", Clock.Now.AddHours(-1), Clock.Now, 10, 2, Stopping)).Count);

        await AdvanceAsync(3_600);
        await RenewAsync();
        await Samples.ThinAsync(Lease, Stopping);
        Assert.Equal(22, (await ReadAsync()).Count);
        await AdvanceAsync(86_400);
        await RenewAsync();
        await Samples.ThinAsync(Lease, Stopping);
        Assert.Equal(3, (await ReadAsync()).Count);
        await Samples.WriteAsync([Sample(1, pending: 100_001)], Lease, Stopping);
        await Clock.TickAsync();
        var last = (await ReadAsync())[^1];
        Assert.False(last.IsPendingExact);
        await AdvanceAsync(31 * 86_400);
        await RenewAsync();
        await Samples.ThinAsync(Lease, Stopping);
        Assert.Empty(await ReadAsync(from: -2_000));
    }

    // The leader of these tests goes on after its lease: it takes it anew.
    private async Task RenewAsync()
    {
        if (!await Workers.RenewAsync(Lease, Ttl, Stopping)) Lease = (await Workers.AcquireAsync("cluster", "leader", "p1", Ttl, [], Stopping))!;
    }

    [Fact]
    public async Task Who_leads_no_more_neither_samples_nor_throws_away()
    {
        await Samples.WriteAsync([Sample(1)], Lease, Stopping);
        await Histories.WriteAsync("job", [new HistoryRow("r", "failed")], Stopping);
        await AdvanceAsync(40 * 86_400);
        Assert.Equal(0, await Samples.WriteAsync([Sample(1)], Lease, Stopping));
        Assert.Equal(0, await Samples.ThinAsync(Lease, Stopping));
        Assert.Equal(0, await Histories.ThinAsync(["job"], 1, Lease, Stopping));
        Assert.Single(await Histories.ReadAsync("job", "r", 10, Stopping));
        await RenewAsync();
        Assert.Equal(1, await Histories.ThinAsync(["job"], 1, Lease, Stopping));
        Assert.Equal(1, await Samples.ThinAsync(Lease, Stopping));
    }

    [Fact]
    public async Task The_history_of_a_record_is_its_own_and_not_endless()
    {
        for (var i = 1; i <= 5; i++)
        {
            await Ticked(WrittenAsync(new HistoryRow(HistoryRow.NameOf("1"), "again") { Attempt = i, Worker = "a.1", Text = i == 1 ? "\0'; --\ud800" : null }));
            await Ticked(WrittenAsync(new HistoryRow(HistoryRow.NameOf("2"), "failed") { Who = "anna" }));
        }
        var first = await Histories.ReadAsync("job", HistoryRow.NameOf("1"), 10, Stopping);
        Assert.Equal([5, 4, 3, 2, 1], first.Select(e => e.Attempt));
        Assert.Equal(("again", "a.1", "\u2400'; --\uFFFD"), (first[^1].What, first[^1].Worker, first[^1].Text));
        Assert.Equal([5, 4], (await Histories.ReadAsync("job", HistoryRow.NameOf("1"), 2, Stopping)).Select(e => e.Attempt));
        Assert.Empty(await Histories.ReadAsync("other", HistoryRow.NameOf("1"), 10, Stopping));
        await Histories.ThinAsync(["job", "other"], 3, Lease, Stopping);
        Assert.InRange((await Histories.ReadAsync("job", HistoryRow.NameOf("1"), 10, Stopping)).Count, 1, 2);

        async Task<int> WrittenAsync(HistoryRow row)
        {
            await Histories.WriteAsync("job", [row], Stopping);
            return 0;
        }
    }

    [Fact]
    public async Task A_process_says_how_it_is_until_another_life_of_it_follows()
    {
        NodeVitals Vitals(long memory) => new(memory, 0.5, [new JobDone("job", 7, 1, 8, TimeSpan.FromSeconds(2))], [new BusyTask("b.1", "job", "'\u001b", TimeSpan.FromSeconds(9))]);
        await Ticked(Nodes.SayAsync(new NodeLife("b", "b.1", 1), Vitals(1), Stopping));
        Assert.Equal(1, await Ticked(Nodes.SayAsync(new NodeLife("b", "b.1", 1), Vitals(2), Stopping)));
        Assert.Equal(0, await Ticked(Nodes.SayAsync(new NodeLife("b", "b.1", 2), Vitals(3), Stopping)));
        var said = Assert.Single(await Nodes.ReadAsync(Stopping));
        Assert.Equal(("b", 1L, 2L, 0.5), (said.Node, said.Life, said.Vitals.MemoryBytes, said.Vitals.CpuCores!.Value));
        Assert.Equal(Vitals(2).Done, said.Vitals.Done);
        Assert.Equal(Vitals(2).Tasks, said.Vitals.Tasks);
        await AdvanceAsync(150);
        Assert.Empty(await Nodes.ReadAsync(Stopping));
        await AdvanceAsync(3_600);
        await RenewAsync();
        Assert.Equal(1, await Nodes.ForgetAsync(Lease, Stopping));
    }
}
