using Microsoft.Extensions.Time.Testing;
using Pampa.Dispatching;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>T8 by the leader: what runs again by itself.</summary>
public abstract partial class StoreConformance
{
    private Task<TaskStore> RepeatingAsync(Action<JobBuilder>? configure = null) => JobAsync(job =>
    {
        job.Columns = Profile.Columns with { Generation = Profile.Generation };
        job.RelaunchAfter = TimeSpan.FromMinutes(1);
        job.RelaunchJitter = 0;
        configure?.Invoke(job);
    });

    private Row Done(double secondsAgo, bool? ok = true) =>
        new() { Rid = "a.1", N = 2, St = Clock.Now.AddHours(-9), Et = Clock.Now.AddSeconds(-secondsAgo), Ok = ok, Score = 7 };

    private Task<int> RepeatAsync(TaskStore store, LeaseTerm? lease = null) => Ticked(store.RelaunchDueAsync(lease ?? Lease, Stopping));

    private async Task<List<EndedRecord>> SeenAsync(params int[] numbers) =>
        [.. (await Store.ReadEndedAsync([.. numbers.Select(Key)], Stopping)).Select(e => new EndedRecord(e.Key, e.EndedAt, e.State))];

    private Task<List<TaskKey>> RepeatSeenAsync(TaskStore store, List<EndedRecord> seen, bool byRule = true, LeaseTerm? lease = null) =>
        Ticked(store.RelaunchSeenAsync(seen, byRule, lease ?? Lease, Stopping));

    [Fact]
    public async Task A_completed_record_runs_again_so_lastingafter_its_own_end()
    {
        var store = await RepeatingAsync();
        await InsertAsync([
            (1, Done(62) with { Generation = 4 }), (2, Done(55)), (3, Done(4_000, ok: false)), (4, Done(4_000)), (5, Row.Fresh),
            (6, new Row { Rid = "a.1", N = 1, St = Clock.Now.AddHours(-1) }), (7, Done(4_000, ok: null))]);
        var others = await Task.WhenAll(new[] { 2, 3, 5, 6, 7 }.Select(RowAsync));
        Assert.Equal(KeysOf(4, 1), Shown((await store.ReadDueAsync(10, Stopping)).Select(r => r.Key)));
        var now = Clock.Now;
        Assert.Equal(2, await RepeatAsync(store));
        Assert.Equal(new Row { Rt = now, N = 0, Score = 7, Generation = 5 }, await RowAsync(1));
        Assert.Equal(new Row { Rt = now, N = 0, Score = 7, Generation = 1 }, await RowAsync(4));
        Assert.Equal(others, await Task.WhenAll(new[] { 2, 3, 5, 6, 7 }.Select(RowAsync)));
        Assert.Equal(0, await RepeatAsync(store));
        await AdvanceAsync(7);
        Assert.Equal(1, await RepeatAsync(store));
        Assert.Null((await RowAsync(2)).Et);
    }

    [Fact]
    public async Task A_long_table_is_looked_at_from_both_ends_and_wholly_in_time()
    {
        var store = await RepeatingAsync();
        var time = new FakeTimeProvider();
        var walk = new RelaunchWalk(store, time, window: 4);
        await InsertAsync([(1, Done(900, ok: false)), (2, Done(40))]);
        Assert.True(await walk.IsShortAsync(Stopping));
        walk.Took(RelaunchWalk.LongLook / 2);
        Assert.True(await walk.IsShortAsync(Stopping));

        // Ten that have failed before one that is due; of those that have time nobody speaks.
        await InsertAsync([.. Enumerable.Range(10, 10).Select(i => (i, Done(1_000 - i, ok: false)))]);
        await InsertAsync([(30, Done(950)), (31, Done(70)), (32, Done(59)), (33, Done(1))]);
        walk.Took(RelaunchWalk.LongLook);
        Assert.False(await walk.IsShortAsync(Stopping));
        // The first look is from the youngest that is of age on.
        Assert.Equal(0, await store.RelaunchDueAsync(Lease, Stopping, await walk.YoungAsync(Stopping)));
        var seen = new List<string>();
        var windows = 0;
        do
        {
            Assert.False(await walk.IsShortAsync(Stopping));
            var old = await walk.OldAsync(Stopping);
            seen.AddRange(Shown((await store.ReadDueAsync(10, Stopping, old)).Select(r => r.Key)));
            Assert.InRange(await store.RelaunchDueAsync(Lease, Stopping, old), 0, 2);
            walk.Pass();
            windows++;
        }
        while (seen.Count < 2 && windows < 10);
        Assert.Equal(KeysOf(30, 31), seen);
        Assert.InRange(windows, 2, 4);

        // What comes of age is found by the next look, wherever the other one is.
        await AdvanceAsync(7);
        Assert.Equal(1, await store.RelaunchDueAsync(Lease, Stopping, await walk.YoungAsync(Stopping)));
        Assert.Null((await RowAsync(32)).Et);
        // And what is to run after all, with the next round.
        await Db.ExecuteAsync($"UPDATE {QuotedTable} SET {Fixtures.TableProfile.Quote(Profile.Columns.Success)} = TRUE WHERE {Fixtures.TableProfile.Quote(Profile.Columns.EndTime)} IS NOT NULL");
        var again = 0;
        for (var i = 0; i < 10 && again < 11; i++)
        {
            if (await walk.IsShortAsync(Stopping)) again += await store.RelaunchDueAsync(Lease, Stopping);
            else
            {
                again += await store.RelaunchDueAsync(Lease, Stopping, await walk.OldAsync(Stopping));
                walk.Pass();
            }
        }
        Assert.Equal(11, again);
    }

    [Fact]
    public async Task A_failed_record_runs_again_where_that_is_wanted_in_the_same_generation()
    {
        var store = await RepeatingAsync(job => job.RelaunchFailed = true);
        await InsertAsync([(1, Done(90, ok: false) with { Generation = 4, Err = "once" }), (2, Done(90, ok: null)), (3, Done(5, ok: false)), (4, Done(90))]);
        var now = Clock.Now;
        Assert.Equal(3, await RepeatAsync(store));
        Assert.Equal(new Row { Rt = now, N = 0, Score = 7, Generation = 4 }, await RowAsync(1));
        Assert.Equal(1, (await RowAsync(4)).Generation);
        Assert.NotNull((await RowAsync(3)).Et);
    }

    [Fact]
    public async Task The_oldest_ends_are_first_and_one_call_takes_at_most_a_statements_rows()
    {
        var store = await RepeatingAsync();
        var most = Db.Database.Dialect.MaxRows;
        await InsertAsync(Enumerable.Range(1, most + 3).Select(i => (i, Done(100 + i))));
        Assert.Equal(most, await RepeatAsync(store));
        foreach (var number in (int[])[1, 2, 3]) Assert.NotNull((await RowAsync(number)).Et);
        Assert.Equal(3, await RepeatAsync(store));
        Assert.Equal(0, await RepeatAsync(store));
    }

    [Fact]
    public async Task What_is_added_at_random_spreads_records_that_ended_together()
    {
        const int Count = 150;
        var store = await RepeatingAsync(job => job.RelaunchJitter = 1);
        var lasting = (await Ticked(Workers.AcquireAsync("job:x", "leader", "p1", TimeSpan.FromHours(1), [], Stopping)))!;
        await InsertAsync(Enumerable.Range(1, Count).Select(i => (i, Done(0))));
        await AdvanceAsync(58);
        Assert.Equal(0, await RepeatAsync(store, lasting));
        var quarters = new List<int>();
        for (var quarter = 0; quarter < 4; quarter++)
        {
            await AdvanceAsync(quarter == 0 ? 17 : 15);
            quarters.Add(await RepeatAsync(store, lasting));
        }
        await AdvanceAsync(2);
        quarters[^1] += await RepeatAsync(store, lasting);
        Assert.Equal(Count, quarters.Sum());
        Assert.All(quarters, q => Assert.InRange(q, Count / 10, Count / 2));
    }

    [Fact]
    public async Task Only_records_of_the_condition_run_again_and_only_as_long_as_they_are_tasks()
    {
        await InsertAsync([(1, Done(90)), (2, Done(90) with { Score = 3 }), (3, Done(90) with { Note = "no" }), (4, Done(90) with { Note = "yes" })]);
        var store = await RepeatingAsync(job =>
        {
            job.Where = $"{Column(Profile.Score)} > {5}";
            job.RelaunchWhere = $"{Column(Profile.Note)} = {"yes"}";
        });
        var due = await store.ReadDueAsync(10, Stopping);
        Assert.Equal(KeysOf(4), Shown(due.Select(d => d.Key)));
        // What is no longer so when it is to be changed.
        await ChangeAsync(4, Profile.Note, "no");
        Assert.Empty(await RepeatSeenAsync(store, due));
        await ChangeAsync(4, Profile.Note, "yes");
        await ChangeAsync(4, Profile.Score, 5);
        Assert.Empty(await RepeatSeenAsync(store, due));
        await ChangeAsync(4, Profile.Score, 6);
        Assert.Equal(1, await RepeatAsync(store));
        Assert.Equal(0, await RepeatAsync(store));
    }

    [Fact]
    public async Task A_condition_alone_decides_without_an_age_and_takes_its_values_anew()
    {
        var note = "no";
        var store = await JobAsync(job => job.RelaunchWhereEachCycle(() => $"{Column(Profile.Note)} = {note}"));
        await InsertAsync([(1, Done(0) with { Note = "yes" }), (2, Done(0, ok: false) with { Note = "yes" }), (3, Done(0)), (4, new Row { Note = "yes" })]);
        Assert.Equal(0, await RepeatAsync(store));
        note = "yes";
        var due = await store.ReadDueAsync(10, Stopping);
        note = "no";
        Assert.Empty(await RepeatSeenAsync(store, due));
        note = "yes";
        Assert.Equal(1, await RepeatAsync(store));
        Assert.Null((await RowAsync(1)).Et);
        var throwing = await JobAsync(job => job.RelaunchWhereEachCycle(() => throw new InvalidOperationException("not now")));
        var error = await Assert.ThrowsAsync<SnippetException>(() => throwing.RelaunchDueAsync(Lease, Stopping));
        Assert.Equal("its RelaunchWhere throws InvalidOperationException: not now", error.Message);
    }

    [Fact]
    public async Task A_leader_relaunches_only_what_still_is_as_it_was_seen()
    {
        var store = await RepeatingAsync();
        await InsertAsync([(1, Done(90)), (2, Done(90)), (3, Done(30))]);
        var before = await Task.WhenAll(new[] { 1, 2, 3 }.Select(RowAsync));
        var seen = await SeenAsync(1);
        Assert.Empty(await RepeatSeenAsync(store, [seen[0] with { State = TaskState.Failed }]));
        Assert.Empty(await RepeatSeenAsync(store, [seen[0] with { EndedAt = seen[0].EndedAt.Replace("20", "19", StringComparison.Ordinal) }]));
        Assert.Empty(await RepeatSeenAsync(store, await SeenAsync(3)));
        Assert.Empty(await RepeatSeenAsync(store, []));
        Assert.Equal(before, await Task.WhenAll(new[] { 1, 2, 3 }.Select(RowAsync)));
        Assert.Equal(KeysOf(1), Shown(await RepeatSeenAsync(store, seen)));
        await UnchangedAsync(2, before[1]);
        Assert.Empty(await RepeatSeenAsync(store, seen));
    }

    [Fact]
    public async Task A_record_that_is_named_runs_again_whenever_and_however_it_ended_if_it_is_a_task()
    {
        var store = await RepeatingAsync(job => job.Where = $"{Column(Profile.Score)} > {5}");
        await InsertAsync([(1, Done(0)), (2, Done(0, ok: false) with { Generation = 4 }), (3, Done(0) with { Score = 3 })]);
        var seen = await SeenAsync(1, 2, 3);
        Assert.Equal(3, seen.Count);
        Assert.Empty(await RepeatSeenAsync(store, seen));
        var again = await RepeatSeenAsync(store, seen, byRule: false);
        Assert.Equal(KeysOf(1, 2), Shown(again).OrderBy(k => k, StringComparer.Ordinal));
        Assert.Equal((1, 4), ((await RowAsync(1)).Generation, (await RowAsync(2)).Generation));
        Assert.NotNull((await RowAsync(3)).Et);
    }

    [Theory]
    [InlineData("holder")]
    [InlineData("term")]
    [InlineData("scope")]
    [InlineData("cluster")]
    [InlineData("over")]
    public async Task A_leader_with_a_wrong_lease_relaunches_nothing(string part)
    {
        var store = await RepeatingAsync();
        await InsertAsync(1, Done(90));
        var before = await RowAsync(1);
        var seen = await SeenAsync(1);
        var lease = part switch
        {
            "holder" => Lease with { Holder = "other" },
            "term" => Lease with { Term = Lease.Term + 1 },
            "scope" => Lease with { Scope = "job:other" },
            _ => Lease,
        };
        if (part == "cluster") store = new TaskStore(Db.Database, store.Table, "elsewhere", new Random(1));
        if (part == "over") await AdvanceAsync(31);
        Assert.Equal(0, await RepeatAsync(store, lease));
        Assert.Empty(await RepeatSeenAsync(store, seen, lease: lease));
        Assert.Empty(await RepeatSeenAsync(store, seen, byRule: false, lease: lease));
        await UnchangedAsync(1, before);
    }

    [Fact]
    public async Task A_table_that_setup_made_gets_an_index_of_its_ends_if_its_job_runs_again_by_age()
    {
        var (empty, schema) = await EmptyAsync();
        await using var _ = empty;
        await schema.RunSetupAsync([Make], [Made], Stopping);
        foreach (var (configure, expected) in ((Action<JobBuilder>, string[])[])[
            (job => job.RelaunchWhere = $"note = {"x"}", ["IS NULL"]),
            (job => job.RelaunchAfter = TimeSpan.FromMinutes(1), ["IS NOT NULL", "IS NULL"])])
        {
            var errors = new List<string>();
            var job = MadeJob(j =>
            {
                j.Columns = TaskColumns.WithPrefix("x");
                configure(j);
            });
            for (var i = 0; i < 2; i++) Assert.NotNull(await schema.ResolveAsync(job, errors, Stopping));
            Assert.Empty(errors);
            var indexes = await empty.ReadAsync(empty.IsSqlite
                ? "SELECT sql FROM sqlite_schema WHERE tbl_name = 'made' AND name LIKE 'pampa%'"
                : "SELECT indexdef FROM pg_indexes WHERE tablename = 'made' AND indexname LIKE 'pampa%'");
            // And one of the failed ones, whatever the job is like.
            Assert.Equal(1, indexes.RemoveAll(i => ((string)i[0]!).Contains("_failed", StringComparison.Ordinal)));
            var ends = indexes.Select(i => ((string)i[0]!).TrimEnd(')'))
                .Select(i => expected.FirstOrDefault(e => i.EndsWith($" {e}", StringComparison.Ordinal)));
            Assert.Equal(expected, ends.Order(StringComparer.Ordinal));
        }
    }
}
