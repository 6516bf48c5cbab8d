using Pampa.Jobs;

namespace Pampa.Tests.Conformance;

/// <summary>T2, and T6 as a node does it.</summary>
public abstract partial class StoreConformance
{
    [Fact]
    public async Task Starting_counts_the_attempt_and_sets_the_start()
    {
        await InsertAsync(1, new Row { N = 1, Note = "mine" });
        var reservedAt = Clock.Now;
        var reserved = await ReserveAsync(1);
        var now = Clock.Now;
        var started = Assert.Single(await StartAsync(reserved));
        Assert.Equal(("a.1", 2, 0L), (started.Fence.Worker, started.Fence.Attempt, started.Generation));
        Assert.Equal(reserved[0].Key, started.Fence.Key);
        Assert.Equal(new Row { Rid = "a.1", Rt = reservedAt, N = 2, St = now, Note = "mine" }, await RowAsync(1));
    }

    [Fact]
    public async Task Starting_brings_the_record_as_it_is_now()
    {
        await InsertAsync(1, new Row { Note = "before", Score = 1, Generation = 4 });
        var store = await JobAsync(job => job.Columns = Profile.Columns with { Generation = Profile.Generation });
        var reserved = await ReserveAsync(1, store: store);
        await ChangeAsync(1, Profile.Note, "after");
        var started = Assert.Single(await StartAsync(reserved, store));
        Assert.Equal("after", started.Values[store.Table.RecordColumn(Profile.Note)]);
        Assert.Equal(1, ValueConverter.To(typeof(int), started.Values[store.Table.RecordColumn(Profile.Score)]));
        Assert.Null(started.Values[store.Table.RecordColumn(Profile.Flag)]);
        Assert.Equal(4, started.Generation);
    }

    [Fact]
    public async Task Many_records_start_in_one_call_and_each_with_its_own_values()
    {
        await InsertAsync(Enumerable.Range(1, 450).Select(i => (i, new Row { Score = i })));
        var reserved = new List<Reservation>();
        while (await ReserveAsync(200) is { Count: > 0 } more) reserved.AddRange(more);
        var started = await StartAsync(reserved);
        Assert.Equal(450, started.Count);
        var score = Store.Table.RecordColumn(Profile.Score);
        Assert.All(started, s => Assert.Equal(KeyText((int)ValueConverter.To(typeof(int), s.Values[score])!), Shown(s.Fence.Key)));
    }

    [Fact]
    public async Task A_record_starts_once()
    {
        await InsertAsync(1);
        var reserved = await ReserveAsync(1);
        Assert.Single(await StartAsync(reserved));
        var before = await RowAsync(1);
        Assert.Empty(await StartAsync(reserved));
        // Nor does one that says it has the attempts that the start has counted.
        Assert.Empty(await StartAsync([reserved[0] with { Attempts = 1 }]));
        await UnchangedAsync(1, before);
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("reserved at")]
    [InlineData("attempts")]
    [InlineData("key")]
    [InlineData("session")]
    public async Task A_start_that_saw_something_else_changes_nothing(string part)
    {
        await InsertAsync([1, 2]);
        var reserved = Assert.Single(await ReserveAsync(1));
        var other = Key(2);
        var seen = part switch
        {
            "worker" => reserved with { Worker = "a.2" },
            "reserved at" => reserved with { ReservedAt = reserved.ReservedAt.Replace("2030", "2031", StringComparison.Ordinal) },
            "attempts" => reserved with { Attempts = 1 },
            "key" => reserved with { Key = other },
            _ => reserved,
        };
        var before = await RowAsync(1);
        Assert.Empty(await StartAsync([seen], session: part == "session" ? 2 : 1));
        await UnchangedAsync(1, before);
        await UnchangedAsync(2, Row.Fresh);
        Assert.Single(await StartAsync([reserved]));
    }

    [Fact]
    public async Task A_reservation_that_was_taken_away_and_given_anew_is_not_started_by_its_former_holder()
    {
        await InsertAsync(1);
        var first = await ReserveAsync(1);
        Assert.Single(await Ticked(Store.ReleaseAsync(first, Stopping)));
        var second = await ReserveAsync(1);
        Assert.Empty(await StartAsync(first));
        Assert.Single(await StartAsync(second));
    }

    [Fact]
    public async Task A_worker_whose_lease_is_over_starts_nothing()
    {
        await InsertAsync(1);
        var reserved = await ReserveAsync(1);
        await AdvanceAsync(31);
        Assert.Empty(await StartAsync(reserved));
        await BeatAsync();
        Assert.Single(await StartAsync(reserved));
    }

    [Fact]
    public async Task A_worker_that_nobody_knows_starts_nothing()
    {
        await InsertAsync(1);
        Assert.Empty(await StartAsync(await ReserveAsync(1, "z.9")));
        Assert.Null((await RowAsync(1)).St);
    }

    [Fact]
    public async Task A_worker_of_another_cluster_starts_nothing()
    {
        await InsertAsync(1);
        var reserved = await ReserveAsync(1);
        var elsewhere = new Storage.TaskStore(Db.Database, Store.Table, "elsewhere", new Random(1));
        Assert.Empty(await StartAsync(reserved, elsewhere));
    }

    [Fact]
    public async Task A_record_without_attempts_left_is_not_started()
    {
        await InsertAsync(1, new Row { N = 1 });
        var reserved = await ReserveAsync(1);
        var stricter = await JobAsync(job => job.MaxAttempts = 1);
        Assert.Empty(await StartAsync(reserved, stricter));
        Assert.Single(await StartAsync(reserved));
    }

    [Fact]
    public async Task An_ended_record_is_not_started()
    {
        await InsertAsync(1);
        var reserved = await ReserveAsync(1);
        await ChangeAsync(1, Profile.Columns.EndTime, Clock.Now);
        Assert.Empty(await StartAsync(reserved));
    }

    [Fact]
    public async Task A_record_that_no_longer_meets_the_condition_is_not_started()
    {
        await InsertAsync([(1, new Row { Score = 5 }), (2, new Row { Score = 5 }), (3, new Row { Score = 5 })]);
        var store = await JobAsync(job => job.Where = $"{Column(Profile.Score)} = {5} OR {Column(Profile.Note)} = {"also"}");
        var reserved = await ReserveAsync(3, store: store);
        await ChangeAsync(1, Profile.Score, 6);
        await ChangeAsync(2, Profile.Score, null);
        await ChangeAsync(2, Profile.Note, "also");
        Assert.Equal(KeysOf(2, 3), Shown((await StartAsync(reserved, store)).Select(s => s.Fence.Key)).Order());
        Assert.Null((await RowAsync(1)).St);
    }

    [Fact]
    public async Task Releasing_gives_back_what_is_not_started()
    {
        await InsertAsync(1, new Row { N = 2, Ok = false, Err = "once" });
        var reserved = await ReserveAsync(1);
        Assert.Equal(KeysOf(1), Shown(await Ticked(Store.ReleaseAsync(reserved, Stopping))));
        Assert.Equal(new Row { N = 2, Err = "once" }, await RowAsync(1));
        Assert.Single(await ReserveAsync(1, "a.2"));
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("reserved at")]
    [InlineData("key")]
    public async Task A_release_that_saw_something_else_changes_nothing(string part)
    {
        await InsertAsync([1, 2]);
        var reserved = Assert.Single(await ReserveAsync(1));
        var seen = part switch
        {
            "worker" => reserved with { Worker = "a.2" },
            "reserved at" => reserved with { ReservedAt = reserved.ReservedAt.Replace("2030", "2031", StringComparison.Ordinal) },
            _ => reserved with { Key = Key(2) },
        };
        var before = await RowAsync(1);
        Assert.Empty(await Ticked(Store.ReleaseAsync([seen], Stopping)));
        await UnchangedAsync(1, before);
        await UnchangedAsync(2, Row.Fresh);
    }

    [Fact]
    public async Task What_was_started_or_ended_is_not_released()
    {
        await InsertAsync([1, 2]);
        var reserved = await ReserveAsync(2);
        Assert.Single(await StartAsync([reserved[0]]));
        await ChangeAsync(2, Profile.Columns.EndTime, Clock.Now);
        Assert.Empty(await Ticked(Store.ReleaseAsync(reserved, Stopping)));
        Assert.Equal("a.1", (await RowAsync(1)).Rid);
        Assert.Equal("a.1", (await RowAsync(2)).Rid);
    }

    [Fact]
    public async Task A_release_of_a_former_reservation_leaves_the_later_one()
    {
        await InsertAsync(1);
        var first = await ReserveAsync(1);
        await Ticked(Store.ReleaseAsync(first, Stopping));
        await ReserveAsync(1);
        var before = await RowAsync(1);
        Assert.Empty(await Ticked(Store.ReleaseAsync(first, Stopping)));
        await UnchangedAsync(1, before);
    }
}
