using System.Data.Common;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

/// <summary>T1 for records that the program itself names: it chooses, the statement decides.</summary>
public abstract partial class StoreConformance
{
    private Task<List<Reservation>> ReserveNamedAsync(TaskStore store, int count, LeaseTerm? lease, params int[] named) => Ticked(store.ReserveAsync(
        Slots(count), lease ?? Lease, "a", null, Stopping, named: [.. named.Select(Key)]));

    /// <summary>A job with a statement of its own: all records, in an order.</summary>
    private Task<TaskStore> SelectingAsync(string order, Action<JobBuilder>? more = null) => JobAsync(job =>
    {
        job.Select($"SELECT {Raw(Profile.KeyList)} FROM {Raw(Profile.Table)} WHERE {Column(Profile.Score)} >= {1} ORDER BY {Raw(order)} LIMIT @n -- the end");
        more?.Invoke(job);
    });

    private string Descending => string.Join(", ", Profile.Key.Select(k => $"{TableProfile.Quote(k)} DESC"));

    private async Task<string[]> NamedAsync(TaskStore store, int max) =>
        [.. Shown((await store.SelectAsync(max, TimeProvider.System, Stopping)).Keys)];

    [Fact]
    public async Task Named_records_are_reserved_in_their_order_and_each_once()
    {
        await InsertAsync([1, 2, 3, 4, 5]);
        var reserved = await Ticked(Store.ReserveAsync(
            Slots("a.1", "a.2", "b.1"), Lease, "a", null, Stopping, named: [Key(4), Key(9), Key(2), Key(5), Key(1)]));
        Assert.Equal(KeysOf(4, 2, 5), Shown(reserved.Select(r => r.Key)));
        Assert.Equal(["a.1", "a.2", "b.1"], reserved.Select(r => r.Worker));
        Assert.Equal(("a.2", null), ((await RowAsync(2)).Rid, (await RowAsync(1)).Rid));
        Assert.Single(await HandOversAsync());
        // What is named twice is reserved once.
        Assert.Equal(KeysOf(1), Shown((await ReserveNamedAsync(Store, 5, null, 1, 1, 4)).Select(r => r.Key)));
    }

    [Fact]
    public async Task What_cannot_be_reserved_is_not_whoever_names_it()
    {
        await InsertAsync([
            (1, new Row { Rid = "x.1" }), (2, new Row { Et = Clock.Now, Ok = true }), (3, new Row { Rt = Clock.Now.AddHours(1) }), (4, new Row { N = 3 }),
            (5, new Row { Score = 2 }), (6, new Row { Score = 1 })]);
        var store = await JobAsync(job => job.Where = $"{Column(Profile.Score)} = {1} OR {Column(Profile.Score)} IS NULL");
        Assert.Equal(KeysOf(6), Shown((await ReserveNamedAsync(store, 9, null, 1, 2, 3, 4, 5, 6, 7)).Select(r => r.Key)));
        Assert.Equal(("x.1", 3), ((await RowAsync(1)).Rid, (await RowAsync(4)).N));
        Assert.Null((await RowAsync(5)).Rid);
        Assert.Empty(await ReserveNamedAsync(store, 9, null));
    }

    [Fact]
    public async Task Who_does_not_lead_reserves_nothing_that_is_named()
    {
        await InsertAsync(1);
        Assert.Empty(await ReserveNamedAsync(Store, 1, Lease with { Term = Lease.Term + 1 }, 1));
        await UnchangedAsync(1, Row.Fresh);
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("attempts")]
    [InlineData("due")]
    [InlineData("end")]
    public async Task A_named_record_behind_an_uncommitted_change_is_taken_only_if_it_is_still_free(string part)
    {
        await InsertAsync(1);
        (string, object?) change = part switch
        {
            "worker" => (Profile.Columns.ReservationId, "b.1"),
            "attempts" => (Profile.Columns.ReservationTimes, 3),
            "due" => (Profile.Columns.ReservationTime, Clock.Now.AddHours(1)),
            _ => (Profile.Columns.EndTime, Clock.Now),
        };
        Assert.Empty(await BehindAsync(Change(1, change), () => ReserveNamedAsync(Store, 1, null, 1)));
        Assert.NotEqual("a.1", (await RowAsync(1)).Rid);
    }

    [Fact]
    public async Task A_named_record_that_is_locked_holds_up_no_other_where_it_can_be_passed_by()
    {
        if (Db.IsSqlite) return;
        await InsertAsync([1, 2]);
        await using var held = await HoldAsync(Change(1, (Profile.Note, "touched")));
        if (Db.Database.Dialect.CanSkipLocked)
        {
            Assert.Equal(KeysOf(2), Shown((await ReserveNamedAsync(Store, 2, null, 1, 2)).Select(r => r.Key)));
            return;
        }
        var refused = await Assert.ThrowsAnyAsync<DbException>(() => ReserveNamedAsync(Store, 2, null, 1, 2));
        Assert.Equal(ErrorKind.Locked, Db.Database.Dialect.Classify(refused));
    }

    [Fact]
    public async Task A_statement_names_keys_in_its_order_and_as_many_as_are_wanted()
    {
        await InsertAsync(Enumerable.Range(1, 8).Select(i => (i, new Row { Score = i % 4 })));
        var store = await SelectingAsync(Descending);
        Assert.Equal(KeysOf(7, 6, 5), await NamedAsync(store, 3));
        Assert.Empty(await NamedAsync(store, 0));
        var reserved = await Ticked(store.ReserveAsync(
            Slots(2), Lease, "a", null, Stopping, named: (await store.SelectAsync(8, TimeProvider.System, Stopping)).Keys));
        Assert.Equal(KeysOf(7, 6), Shown(reserved.Select(r => r.Key)));
        Assert.Single(await StartAsync(reserved[..1], store));
    }

    [Theory]
    [InlineData("*")]
    [InlineData("1 AS one, t.*, 2 AS two")]
    public async Task A_statement_may_return_whole_records(string columns)
    {
        await InsertAsync([1, 2]);
        var store = await JobAsync(job => job.Select($"WITH t AS (SELECT * FROM {Raw(Profile.Table)}) SELECT {Raw(columns)} FROM t ORDER BY {Raw(Descending)} LIMIT @n"));
        await store.ProbeSelectAsync(Stopping);
        Assert.Equal(KeysOf(2, 1), await NamedAsync(store, 5));
    }

    [Fact]
    public async Task Null_and_what_is_none_of_the_key_are_no_keys()
    {
        await InsertAsync(1);
        var one = string.Join(", ", Profile.KeyLiterals(1));
        var none = string.Join(", ", Profile.KeyLiterals(1).Select((k, i) => i == 0 ? "NULL" : k));
        var store = await JobAsync(job => job.Select($"SELECT {Raw(one)} UNION ALL SELECT {Raw(none)} UNION ALL SELECT {Raw(one)} LIMIT @n"));
        var named = await store.SelectAsync(9, TimeProvider.System, Stopping);
        Assert.Equal((1, 1), (named.Keys.Count, named.Misfits.Count));
    }

    [Theory]
    [InlineData("SELECT 1, 2, 3 LIMIT @n", "must return the key")]
    [InlineData("SELECT valeu FROM nowhere LIMIT @n", "nowhere")]
    public async Task A_statement_that_does_not_fit_is_refused(string text, string expected)
    {
        var store = await JobAsync(job => job.Select(Raw(text)));
        var error = await Assert.ThrowsAnyAsync<Exception>(() => store.ProbeSelectAsync(Stopping));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, (await Assert.ThrowsAsync<SnippetException>(() => NamedAsync(store, 1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_statement_that_writes_changes_nothing()
    {
        await InsertAsync(1);
        var store = await JobAsync(job => job.Select(
            Raw($"UPDATE {Profile.Table} SET {TableProfile.Quote(Profile.Note)} = 'mine' WHERE @n > 0 RETURNING {Profile.KeyList}")));
        if (Db.IsSqlite) await NamedAsync(store, 1);
        else Assert.Contains("must only read", (await Assert.ThrowsAsync<SnippetException>(() => NamedAsync(store, 1))).Message, StringComparison.Ordinal);
        Assert.Null((await RowAsync(1)).Note);
    }

    [Fact]
    public async Task Code_names_keys_as_people_write_them()
    {
        await InsertAsync([1, 2, 3]);
        var seen = new List<(string, int)>();
        var store = await JobAsync(job => job.Select(context =>
        {
            seen.Add((context.Job, context.Max));
            return [KeyText(3), null!, KeyText(1), KeyText(3)];
        }));
        var named = await store.SelectAsync(7, TimeProvider.System, Stopping);
        Assert.Equal(KeysOf(3, 1), Shown(named.Keys));
        Assert.Equal(["null"], named.Misfits);
        Assert.Equal([("job", 7)], seen);
        Assert.Equal(KeysOf(3, 1), (await store.EligibleAsync(named.Keys, Stopping)).Select(t => t.Key));
    }

    [Fact]
    public async Task Something_is_left_while_the_selection_names_a_record_that_can_be_reserved()
    {
        var hour = TimeSpan.FromHours(1);
        var store = await SelectingAsync(Descending);
        await InsertAsync([(1, Row.Fresh), (2, new Row { Score = 1, Et = Clock.Now })]);
        Assert.False(await store.IsAnythingLeftAsync(hour, Stopping));
        await InsertAsync(3, new Row { Score = 1 });
        Assert.True(await store.IsAnythingLeftAsync(hour, Stopping));
        await ChangeAsync(3, Profile.Score, 0);
        Assert.False(await store.IsAnythingLeftAsync(hour, Stopping));
        await ChangeAsync(3, Profile.Columns.ReservationId, "a.1");
        Assert.True(await store.IsAnythingLeftAsync(hour, Stopping));
        await ChangeAsync(3, Profile.Columns.ReservationId, null);
        await ChangeAsync(3, Profile.Columns.ReservationTime, Clock.Now.AddMinutes(30));
        Assert.False(await store.IsAnythingLeftAsync(hour, Stopping));
        await ChangeAsync(3, Profile.Columns.ReservationTimes, 1);
        Assert.True(await store.IsAnythingLeftAsync(hour, Stopping));
        Assert.False(await store.IsAnythingLeftAsync(TimeSpan.FromMinutes(1), Stopping));
    }
}
