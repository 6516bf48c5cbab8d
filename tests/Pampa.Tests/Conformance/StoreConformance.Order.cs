using System.Data.Common;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

/// <summary>Priorities, sequences and times of the record's own.</summary>
public abstract partial class StoreConformance
{
    private const string SendAt = "send_at";

    private async Task<string[]> ReservedAsync(TaskStore store, int count = 9) => [.. Shown((await ReserveAsync(count, store: store)).Select(r => r.Key))];

    [Fact]
    public async Task A_lower_number_goes_first_and_the_key_decides_among_equals()
    {
        await InsertAsync([
            (1, new Row { Score = 5 }), (2, Row.Fresh), (3, new Row { Score = -1 }), (4, new Row { Score = 0 }), (5, new Row { Score = 5 }),
            (6, new Row { Score = 1 })]);
        var store = await JobAsync(job => job.PriorityColumn = Profile.Score);
        Assert.Equal(KeysOf(3, 2, 4), await ReservedAsync(store, 3));
        Assert.Equal(KeysOf(6, 1, 5), await ReservedAsync(store));
    }

    [Fact]
    public async Task Among_records_of_a_priority_the_order_of_the_job_decides()
    {
        await InsertAsync([
            (1, new Row { Score = 1, Note = "a" }), (2, new Row { Score = 1, Note = "b" }), (3, new Row { Score = 0, Note = "a" }),
            (4, new Row { Score = 0, Note = "c" })]);
        var store = await JobAsync(job =>
        {
            job.PriorityColumn = Profile.Score;
            job.OrderBy = $"{Column(Profile.Note)} DESC";
        });
        Assert.Equal(KeysOf(4, 3, 2, 1), await ReservedAsync(store));
    }

    private Task<TaskStore> SequenceAsync(bool goesOn = false, Action<JobBuilder>? more = null) => JobAsync(job =>
    {
        job.InSequenceBy(Profile.Note, goesOn);
        more?.Invoke(job);
    });

    private static Row Of(string? sequence) => new() { Note = sequence };

    [Fact]
    public async Task Records_of_a_sequence_are_reserved_one_after_the_other()
    {
        await InsertAsync([(1, Of("x")), (2, Of("x")), (3, Of("y")), (4, Of(null)), (5, Of(null)), (6, Of("y"))]);
        var store = await SequenceAsync();
        var first = await ReserveAsync(9, store: store);
        Assert.Equal(KeysOf(1, 3, 4, 5), Shown(first.Select(r => r.Key)));
        Assert.Empty(await ReservedAsync(store));
        var started = await StartAsync(first[..1], store);
        Assert.Empty(await ReservedAsync(store));
        await FinishAsync(Completed(started[0]));
        Assert.Equal(KeysOf(2), await ReservedAsync(store));
        // What is given back comes first again.
        await Ticked(store.ReleaseAsync([first[1]], Stopping));
        Assert.Equal(KeysOf(3), await ReservedAsync(store));
    }

    [Fact]
    public async Task Whoever_is_held_has_its_sequence_whatever_comes_before_it()
    {
        await InsertAsync([(5, Of("x") with { Rid = "b.1", Rt = Clock.Now }), (7, Of("y") with { Rid = "b.1", Rt = Clock.Now, St = Clock.Now, N = 1 })]);
        await InsertAsync([(1, Of("x")), (2, Of("y")), (8, Of("z"))]);
        var store = await SequenceAsync();
        Assert.Equal(KeysOf(8), await ReservedAsync(store));
        await ChangeAsync(5, Profile.Columns.ReservationId, null);
        Assert.Equal(KeysOf(1), await ReservedAsync(store));
    }

    [Fact]
    public async Task One_that_waits_holds_up_those_behind_it()
    {
        await InsertAsync([(1, Of("x") with { Rt = Clock.Now.AddSeconds(10), N = 1 }), (2, Of("x")), (3, Of("y") with { N = 3 }), (4, Of("y"))]);
        var store = await SequenceAsync(goesOn: true);
        Assert.Empty(await ReservedAsync(store));
        await AdvanceAsync(11);
        Assert.Equal(KeysOf(1), await ReservedAsync(store));
        // One without an attempt left holds them up until it has its end.
        Assert.Equal(1, await Ticked(store.ExhaustAsync(Lease, Stopping)));
        Assert.Equal(KeysOf(4), await ReservedAsync(store));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(null)]
    public async Task One_that_has_failed_holds_up_its_sequence_until_it_is_retried(bool? ok)
    {
        await InsertAsync([
            (2, Of("x") with { Et = Clock.Now, Ok = ok }), (1, Of("x")), (3, Of("x")), (4, Of("y") with { Et = Clock.Now, Ok = true }), (5, Of("y"))]);
        Assert.Equal(KeysOf(5), await ReservedAsync(await SequenceAsync()));
        var failed = await Store.ReadEndedAsync(TaskState.Failed, 9, Stopping);
        await Ticked(Store.RelaunchAsync(failed, TaskState.Failed, Stopping));
        Assert.Equal(KeysOf(1), await ReservedAsync(await SequenceAsync()));
    }

    [Fact]
    public async Task Where_the_job_says_so_a_failed_one_holds_up_nobody()
    {
        await InsertAsync([(1, Of("x") with { Et = Clock.Now, Ok = false }), (2, Of("x")), (3, Of("x"))]);
        Assert.Equal(KeysOf(2), await ReservedAsync(await SequenceAsync(goesOn: true)));
    }

    [Fact]
    public async Task A_sequence_has_the_order_of_the_job_and_only_its_tasks()
    {
        await InsertAsync([
            (1, Of("x") with { Score = 1 }), (2, Of("x") with { Score = 9 }), (3, Of("x") with { Score = 99 }), (4, Of("y") with { Score = 1 })]);
        var ordered = await SequenceAsync(more: job =>
        {
            job.Where = $"{Column(Profile.Score)} < {50}";
            job.OrderBy = $"{Column(Profile.Score)} DESC";
        });
        Assert.Equal(KeysOf(2, 4), await ReservedAsync(ordered));
        await Db.ExecuteAsync($"UPDATE {QuotedTable} SET {TableProfile.Quote(Profile.Columns.ReservationId)} = NULL");
        var urgent = await SequenceAsync(more: job =>
        {
            job.PriorityColumn = Profile.Score;
            job.OrderBy = $"{Column(Profile.Score)} DESC";
        });
        Assert.Equal(KeysOf(1, 4), await ReservedAsync(urgent));
    }

    [Fact]
    public async Task A_sequence_may_have_several_columns()
    {
        await InsertAsync([
            (1, Of("x") with { Score = 1 }), (2, Of("x") with { Score = 2 }), (3, Of("x") with { Score = 1 }), (4, Of("x")), (5, Of("x"))]);
        var store = await JobAsync(job => job.InSequenceBy([Profile.Note, Profile.Score]));
        Assert.Equal(KeysOf(1, 2, 4, 5), await ReservedAsync(store));
    }

    [Fact]
    public async Task What_is_named_waits_for_its_turn_as_well()
    {
        await InsertAsync([(1, Of("x")), (2, Of("x")), (3, Of("y"))]);
        var store = await SequenceAsync(more: job => job.Select(_ => []));
        Assert.Equal(KeysOf(3, 1), Shown((await ReserveNamedAsync(store, 9, null, 3, 2, 1)).Select(r => r.Key)));
    }

    [Fact]
    public async Task Leaders_at_the_same_time_never_have_two_of_a_sequence_in_hand()
    {
        // There a statement may see what was before another one that it waited for; sequences are for the default, serializable.
        if (Engine == Engine.ReadCommitted) return;
        const int Records = 60;
        var store = await SequenceAsync();
        var left = Records;
        var twice = 0;
        async Task LeadAsync(string worker)
        {
            while (Volatile.Read(ref left) > 0)
            {
                try
                {
                    var some = await store.ReserveAsync(Slots(3, worker), Lease, "a", null, Stopping);
                    if (some.Count == 0) continue;
                    var held = await Db.ReadAsync($"""
                        SELECT 1 FROM {QuotedTable} WHERE {TableProfile.Quote(Profile.Columns.ReservationId)} IS NOT NULL AND {TableProfile.Quote(Profile.Columns.EndTime)} IS NULL
                        GROUP BY {TableProfile.Quote(Profile.Note)} HAVING count(*) > 1
                        """);
                    Interlocked.Add(ref twice, held.Count);
                    var started = await store.StartAsync([.. some.Select(r => (r, 1L))], Stopping);
                    var done = await store.FinishAsync([.. started.Select(s => Completed(s))], skipLocked: false, Stopping);
                    Interlocked.Add(ref left, -done.Count);
                }
                catch (DbException e) when (Db.Database.Dialect.Classify(e) is ErrorKind.Locked or ErrorKind.Retry)
                {
                    // Whoever has the turn is done soon.
                }
            }
        }

        // Each one comes before those that are there.
        async Task FillAsync()
        {
            for (var i = Records; i > 0; i--) await InsertAsync(i, Of(i % 3 == 0 ? "x" : "y"));
        }

        await Task.WhenAll(
            Task.Run(FillAsync, Stopping), Task.Run(() => LeadAsync("a.1"), Stopping), Task.Run(() => LeadAsync("a.2"), Stopping),
            Task.Run(() => LeadAsync("b.1"), Stopping)).WaitAsync(Patience * 3, Stopping);
        Assert.Equal(0, twice);
    }

    private async Task<TaskStore> DueAsync(Action<JobBuilder>? more = null, string type = "timestamp")
    {
        await Db.ExecuteAsync($"ALTER TABLE {QuotedTable} ADD COLUMN {SendAt} {type}");
        return await JobAsync(job =>
        {
            job.DueColumn = SendAt;
            more?.Invoke(job);
        });
    }

    [Theory]
    [InlineData("timestamp")]
    [InlineData("timestamp NOT NULL DEFAULT '2020-01-01 00:00:00'")]
    public async Task A_record_is_due_when_both_of_its_times_are_past_and_comes_in_their_order(string type)
    {
        var store = await DueAsync(type: type);
        await InsertAsync([(1, Row.Fresh), (2, Row.Fresh), (3, Row.Fresh), (4, new Row { Rt = Clock.Now.AddSeconds(20) }), (5, Row.Fresh)]);
        await ChangeAsync(1, SendAt, Clock.Now.AddSeconds(10));
        await ChangeAsync(2, SendAt, Clock.Now.AddSeconds(-1));
        await ChangeAsync(3, SendAt, Clock.Now.AddSeconds(-5));
        await ChangeAsync(4, SendAt, Clock.Now.AddSeconds(-9));
        Assert.Equal((3L, 2L), ((await store.ReportAsync(Stopping)).Pending, (await store.ReportAsync(Stopping)).Scheduled));
        Assert.Equal(3, await store.CountDueAsync(9, null, Stopping));
        Assert.Equal(KeysOf(5, 3, 2), await ReservedAsync(store));
        await AdvanceAsync(11);
        Assert.Equal(KeysOf(1), await ReservedAsync(store));
        await AdvanceAsync(10);
        Assert.Equal(KeysOf(4), await ReservedAsync(store));
    }

    [Fact]
    public async Task What_waits_for_a_time_of_its_own_is_not_made_due_by_anybody_else()
    {
        var store = await DueAsync();
        await InsertAsync([.. Enumerable.Range(1, 4).Select(i => (i, new Row { Rt = i == 2 ? null : Clock.Now.AddHours(1) }))]);
        await ChangeAsync(2, SendAt, Clock.Now.AddHours(1));
        await ChangeAsync(3, SendAt, Clock.Now.AddHours(1));
        await ChangeAsync(4, SendAt, Clock.Now.AddHours(-1));
        Assert.Equal(4, (await store.ReportAsync(Stopping)).Scheduled);
        // As the cluster asks for what it is to take.
        var filter = new TaskFilter { IsOwnTimePast = true };
        Assert.Equal(new TaskCount(2, true), await store.CountAsync(filter with { States = [TaskState.Scheduled] }, 100, isHurried: false, Stopping));
        var all = (await store.ChooseAsync(new TaskFilter(), [TaskState.Scheduled], null, 100, Stopping)).Records;
        Assert.Equal(4, all.Count);
        var note = new AuditNote("1", "anna", "run-now", "job job", "");
        Assert.Equal(KeysOf(1, 4), Shown(await Ticked(store.ApplyAsync(TaskAction.RunNow, filter, all, null, note, Stopping))).Order(StringComparer.Ordinal));
        Assert.Equal(KeysOf(1, 4), (await ReservedAsync(store)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_record_that_is_put_off_after_it_was_reserved_does_not_start()
    {
        var store = await DueAsync();
        await InsertAsync([1, 2]);
        var reserved = await ReserveAsync(2, store: store);
        await ChangeAsync(1, SendAt, Clock.Now.AddHours(1));
        Assert.Equal(KeysOf(2), Shown((await StartAsync(reserved, store)).Select(s => s.Fence.Key)));
        Assert.Equal(KeysOf(1), Shown(await Ticked(store.ReleaseAsync(reserved, Stopping))));
        Assert.Empty(await ReservedAsync(store));
    }

    [Fact]
    public async Task Behind_an_uncommitted_change_that_puts_it_off_a_record_is_not_reserved()
    {
        var store = await DueAsync();
        await InsertAsync(1);
        Assert.Empty(await BehindAsync(Change(1, (SendAt, Clock.Now.AddHours(1))), () => ReserveAsync(1, store: store)));
        Assert.Null((await RowAsync(1)).Rid);
    }

    [Fact]
    public async Task Something_is_left_while_its_own_time_is_within_the_horizon()
    {
        var store = await DueAsync();
        await InsertAsync(1);
        await ChangeAsync(1, SendAt, Clock.Now.AddMinutes(30));
        Assert.False(await store.IsAnythingLeftAsync(TimeSpan.FromMinutes(10), Stopping));
        Assert.True(await store.IsAnythingLeftAsync(TimeSpan.FromHours(1), Stopping));
    }

    [Fact]
    public async Task Columns_of_the_order_that_do_not_fit_are_reported_all_at_once()
    {
        var errors = await ErrorsAsync($"CREATE TABLE odd (id bigint PRIMARY KEY, customer_id text, sent int, {State})", ["id"], job =>
        {
            job.PriorityColumn = "customer_id";
            job.DueColumn = "sent";
            job.InSequenceBy(["custmer_id", "x_success"]);
        });
        Assert.Equal(4, errors.Count);
        Assert.Contains(errors, e => e.Contains("column 'customer_id' of table 'odd' (PriorityColumn) must be a whole number, got ", StringComparison.Ordinal));
        Assert.Contains(errors, e => e.Contains("column 'sent' of table 'odd' (DueColumn) must be of type timestamp", StringComparison.Ordinal));
        Assert.Contains(errors, e => e.Contains("has no column 'custmer_id' (InSequenceBy) (did you mean 'customer_id'?)", StringComparison.Ordinal));
        Assert.Contains(errors, e => e.Contains("column 'x_success' of table 'odd' (InSequenceBy) is a state column", StringComparison.Ordinal));
    }
}
