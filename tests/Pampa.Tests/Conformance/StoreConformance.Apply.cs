using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>T8, T12, T13 and T14 by what records are like: guarded by what was seen and by the filter, and written down.</summary>
public abstract partial class StoreConformance
{
    private AuditStore Audit => new(Db.Database, Cluster);

    private static AuditNote Note(string action = "cancel", string id = "1") => new(id, "anna", action, "job job", "a detail") { Job = "job", Reason = "why" };

    private async Task<List<ChosenRecord>> ChosenAsync(TaskFilter? filter = null, params TaskState[] states) =>
        [.. (await Store.ChooseAsync(filter ?? new TaskFilter(), states, null, 100, Stopping)).Records];

    private async Task<List<string>> AppliedAsync(TaskAction action, IReadOnlyList<ChosenRecord> chosen, TaskFilter? filter = null, string id = "1") =>
        [.. Shown(await Ticked(Store.ApplyAsync(action, filter ?? new TaskFilter(), chosen, "no more", Note(action.ToString(), id), Stopping)))];

    private static readonly TaskState[] Unstarted = [TaskState.Pending, TaskState.Scheduled, TaskState.Reserved];

    [Theory]
    [InlineData(TaskAction.Cancel)]
    [InlineData(TaskAction.Skip)]
    public async Task What_has_not_started_can_be_ended_and_nothing_else(TaskAction action)
    {
        await InsertEachStateAsync();
        await ChangeAsync(8, Profile.Columns.ErrorDescription, "before");
        var others = new Dictionary<int, Row>();
        foreach (var number in (int[])[4, 5, 6, 7]) others[number] = await RowAsync(number);
        var chosen = await ChosenAsync(null, Unstarted);
        var now = Clock.Now;
        Assert.Equal(KeysOf(1, 2, 3, 8), (await AppliedAsync(action, chosen)).Order(StringComparer.Ordinal));
        var ended = new Row { Et = now, Ok = action == TaskAction.Skip, Err = action == TaskAction.Skip ? null : "no more" };
        Assert.Equal(ended, await RowAsync(1));
        Assert.Equal(ended with { Rt = (await RowAsync(2)).Rt }, await RowAsync(2));
        Assert.Equal(ended, await RowAsync(3));
        Assert.Equal(ended with { N = 1 }, await RowAsync(8));
        foreach (var (number, row) in others) await UnchangedAsync(number, row);
        Assert.Empty(await AppliedAsync(action, chosen));
        var entry = Assert.Single(await Audit.ReadAsync(new AuditQuery { Job = "job", Who = "anna" }, 10, Stopping));
        Assert.Equal(("1", action.ToString(), "job job", "a detail", 4), (entry.Id, entry.Action, entry.Target, entry.Detail, entry.Count));
    }

    [Theory]
    [InlineData(TaskAction.Cancel)]
    [InlineData(TaskAction.Skip)]
    public async Task What_was_tried_before_or_is_in_a_hand_with_all_its_attempts_used_can_be_ended_too(TaskAction action)
    {
        // Who has tried one before has left the time of its start; and whoever lowers MaxAttempts takes nothing out of hands.
        await InsertAsync([(1, new Row { St = Clock.Now.AddMinutes(-1), N = 1, Err = "once" }), (2, new Row { Rid = "a.1", Rt = Clock.Now, N = 3 })]);
        var ended = await AppliedAsync(action, await ChosenAsync(null, Unstarted));
        Assert.Equal(KeysOf(1, 2).Order(StringComparer.Ordinal), ended.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_record_that_was_cancelled_in_a_workers_hand_does_not_start()
    {
        await InsertAsync([1]);
        var reserved = await ReserveAsync(1);
        Assert.Single(await AppliedAsync(TaskAction.Cancel, await ChosenAsync(null, Unstarted)));
        Assert.Empty(await StartAsync(reserved));
        Assert.Equal((null, false), ((await RowAsync(1)).Rid, (await RowAsync(1)).Ok!.Value));
        // And may be tried again.
        Assert.Single(await AppliedAsync(TaskAction.Retry, await ChosenAsync(null, TaskState.Failed)));
        Assert.Single(await StartAsync(await ReserveAsync(1)));
    }

    [Fact]
    public async Task A_record_that_has_moved_on_since_it_was_seen_is_left_alone()
    {
        await InsertAsync([.. Enumerable.Range(1, 6).Select(i => (i, new Row { Score = 1 }))]);
        var filter = new TaskFilter { Where = [new(Profile.Score, ColumnOperator.Equal, "1")] };
        var chosen = await ChosenAsync(filter, Unstarted);
        var reserved = await ReserveAsync(1);
        await ChangeAsync(2, Profile.Columns.EndTime, Clock.Now);
        await ChangeAsync(3, Profile.Columns.ReservationTimes, 1);
        await ChangeAsync(4, Profile.Columns.ReservationTime, Clock.Now.AddHours(1));
        await ChangeAsync(5, Profile.Score, 2);
        Assert.Equal(KeysOf(6), await AppliedAsync(TaskAction.Cancel, chosen, filter));
        await StartAsync(reserved);
        var running = await RowAsync(1);
        var seen = await ChosenAsync(filter, TaskState.Running);
        Assert.Equal(KeysOf(1), Shown(seen.Select(c => c.Key)));
        Assert.Empty(await AppliedAsync(TaskAction.Skip, seen, filter));
        await UnchangedAsync(1, running);
    }

    [Fact]
    public async Task A_record_that_runs_is_cancelled_only_with_the_whole_fence_as_it_was_seen_and_what_its_worker_writes_is_refused()
    {
        await InsertAsync([.. Enumerable.Range(1, 7).Select(i => (i, new Row { Score = 1 }))]);
        var started = await StartAsync(await ReserveAsync(7));
        // All is alike, but for the key.
        await ChangeAsync(7, Profile.Columns.StartTime, (await RowAsync(1)).St);
        var filter = new TaskFilter { Where = [new(Profile.Score, ColumnOperator.Equal, "1")] };
        var seen = (await ChosenAsync(filter, TaskState.Running)).Where(c => !Shown([c.Key]).SequenceEqual(KeysOf(7))).ToList();
        Assert.Equal(6, seen.Count);
        Assert.All(seen, c => Assert.NotNull(c.StartedAt));
        await ChangeAsync(2, Profile.Columns.StartTime, Clock.Now.AddMinutes(-1));
        await ChangeAsync(3, Profile.Columns.ReservationTimes, 2);
        await ChangeAsync(4, Profile.Score, 2);
        await ChangeAsync(5, Profile.Columns.ReservationId, "a.2");
        await ChangeAsync(6, Profile.Columns.EndTime, Clock.Now);
        Assert.Equal(KeysOf(1), await AppliedAsync(TaskAction.Cancel, seen, filter));
        Assert.Empty(await AppliedAsync(TaskAction.Cancel, seen, filter));
        Assert.Null((await RowAsync(7)).Et);
        var row = await RowAsync(1);
        Assert.Equal((true, (bool?)false, (string?)"no more", (int?)1), (row.Et is not null, row.Ok, row.Err, row.N));
        Assert.Null(row.Rid);
        var first = started.Single(t => Shown([t.Fence.Key]).SequenceEqual(KeysOf(1)));
        var now = Assert.Single(await Ticked(Store.ReadFencesAsync([first.Fence.Key], Stopping)));
        Assert.NotEqual(first.Fence, now.Fence);
        Assert.Empty(await Ticked(Store.FinishAsync([new TaskResult(first.Fence, Outcome.Completed)], false, Stopping)));
        await UnchangedAsync(1, row);
    }

    [Fact]
    public async Task A_record_that_went_to_another_worker_since_it_was_seen_is_left_alone()
    {
        await InsertAsync(1, new Row { Rid = "a.1", Rt = Clock.Now });
        var chosen = await ChosenAsync(null, Unstarted);
        await ChangeAsync(1, Profile.Columns.ReservationId, "a.2");
        var now = await RowAsync(1);
        Assert.Empty(await AppliedAsync(TaskAction.Cancel, chosen));
        await UnchangedAsync(1, now);
    }

    [Fact]
    public async Task A_record_without_an_attempt_left_has_failed_and_is_not_to_be_ended()
    {
        await InsertAsync([1]);
        var chosen = await ChosenAsync(null, Unstarted);
        var other = await JobAsync(job => job.MaxAttempts = 1);
        await ChangeAsync(1, Profile.Columns.ReservationTimes, 1);
        var seen = Assert.Single(await ChosenAsync(null, Unstarted));
        Assert.Empty(await Ticked(other.ApplyAsync(TaskAction.Skip, new TaskFilter(), [seen], null, Note(), Stopping)));
        Assert.Empty(await AppliedAsync(TaskAction.Skip, chosen));
    }

    [Theory]
    [InlineData(TaskAction.Retry)]
    [InlineData(TaskAction.Relaunch)]
    public async Task Ended_records_that_still_match_are_pending_again(TaskAction action)
    {
        await InsertAsync([(1, new Row { Et = Clock.Now, Ok = false, Err = "HTTP 429", N = 3 }), (2, new Row { Et = Clock.Now, Ok = false, Err = "HTTP 500", N = 3 }),
            (3, new Row { Et = Clock.Now, Ok = false, Err = "http 429", N = 3 }), (4, new Row { Et = Clock.Now, Ok = true, N = 1 }), (5, Row.Fresh)]);
        var filter = new TaskFilter { ErrorContains = "429" };
        var chosen = await ChosenAsync(filter, TaskState.Failed);
        Assert.Equal(KeysOf(1, 3), Shown(chosen.Select(c => c.Key)));
        await ChangeAsync(3, Profile.Columns.ErrorDescription, "HTTP 500");
        Assert.Equal(KeysOf(1), await AppliedAsync(action, chosen, filter));
        Assert.Equal((null, null, 0), ((await RowAsync(1)).Et, (await RowAsync(1)).Err, (await RowAsync(1)).N!.Value));
        Assert.Equal("HTTP 500", (await RowAsync(3)).Err);
        Assert.Empty(await AppliedAsync(action, chosen, filter));
    }

    [Fact]
    public async Task Choosing_goes_on_where_it_has_stopped()
    {
        await InsertAsync(Enumerable.Range(1, 10));
        var store = Narrow(4);
        var found = new List<string>();
        TaskKey? cursor = null;
        while (true)
        {
            var choice = await store.ChooseAsync(new TaskFilter(), Unstarted, cursor, 3, Stopping);
            found.AddRange(Shown(choice.Records.Select(r => r.Key)));
            if (choice.IsLast) break;
            cursor = choice.Cursor;
        }
        Assert.Equal(KeysOf([.. Enumerable.Range(1, 10)]), found);
    }

    [Fact]
    public async Task Each_chunk_adds_to_the_entry_and_a_chunk_that_is_undone_adds_nothing()
    {
        await InsertAsync(Enumerable.Range(1, 3));
        var chosen = await ChosenAsync(null, Unstarted);
        await AppliedAsync(TaskAction.Cancel, [chosen[0]], id: "a");
        await AppliedAsync(TaskAction.Cancel, [chosen[1]], id: "a");
        await AppliedAsync(TaskAction.Cancel, [chosen[0]], id: "b");
        Assert.Equal([("a", 2L)], (await Audit.ReadAsync(new AuditQuery(), 10, Stopping)).Select(e => (e.Id, e.Count)));
        // What cannot be written down is not done.
        await Assert.ThrowsAnyAsync<Exception>(() => Store.ApplyAsync(
            TaskAction.Cancel, new TaskFilter(), [chosen[2]], null, Note() with { Who = null! }, Stopping));
        await UnchangedAsync(3, Row.Fresh);
    }

    [Fact]
    public async Task What_was_done_to_named_records_stands_in_their_history()
    {
        await InsertAsync(Enumerable.Range(1, 2));
        var filter = new TaskFilter { Keys = [KeyText(1)] };
        Assert.Single(await AppliedAsync(TaskAction.Cancel, await ChosenAsync(filter, Unstarted), filter));
        await AppliedAsync(TaskAction.Cancel, await ChosenAsync(null, Unstarted), id: "2");
        var history = new HistoryStore(Db.Database, Cluster);
        var happened = Assert.Single(await history.ReadAsync("job", HistoryRow.NameOf(KeyText(1)), 10, Stopping));
        Assert.Equal(("Cancel", "anna", "why"), (happened.What, happened.Who, happened.Text));
        Assert.Empty(await history.ReadAsync("job", HistoryRow.NameOf(KeyText(2)), 10, Stopping));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_has_no_attempt_left_and_no_end_yet_is_neither_listed_nor_counted_nor_chosen_as_failed(bool hasIndex)
    {
        if (hasIndex) await Db.ExecuteAsync(Schema.FailedIndex(Store.Table));
        await InsertEachStateAsync();
        Assert.Equal(TaskState.Failed, (await Store.DetailsAsync(Parsed(KeyText(7)), null, Stopping))!.Task.State);
        foreach (var (states, numbers) in new (TaskState[], int[])[]
        {
            ([TaskState.Failed], [6]), ([TaskState.Completed, TaskState.Failed], [5, 6]), ([TaskState.Pending, TaskState.Failed], [1, 6, 8]),
        })
        {
            foreach (var keys in (string[]?[])[null, [.. KeysOf(1, 2, 3, 4, 5, 6, 7, 8)]])
            {
                var filter = new TaskFilter { States = states, Keys = keys };
                Assert.Equal(KeysOf(numbers), (await AllPagesAsync(new TaskQuery { Filter = filter })).Select(t => t.Key));
                Assert.Equal(KeysOf([.. numbers.Where(n => n is 5 or 6)]).Order(StringComparer.Ordinal),
                    (await AllPagesAsync(new TaskQuery { Filter = filter, Order = TaskOrder.LatestEnd })).Select(t => t.Key).Order(StringComparer.Ordinal));
                Assert.Equal(new TaskCount(numbers.Length, true), await Store.CountAsync(filter, 100, isHurried: false, Stopping));
                Assert.Equal(KeysOf(numbers), Shown((await ChosenAsync(filter with { States = [] }, states)).Select(c => c.Key)));
            }
        }
        // Once the leader has given it its end it is one of them.
        await ChangeAsync(7, Profile.Columns.EndTime, Clock.Now);
        Assert.Equal(KeysOf(6, 7), (await AppliedAsync(TaskAction.Retry, await ChosenAsync(null, TaskState.Failed))).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_waits_for_its_time_is_due_now_with_the_attempts_that_it_has_and_nothing_else_is_touched()
    {
        await InsertEachStateAsync();
        await InsertAsync([(9, new Row { Rt = Clock.Now.AddHours(1), N = 2, Ok = false, Err = "not yet" }), (10, new Row { Rt = Clock.Now.AddHours(1), N = 3 })]);
        var others = new Dictionary<int, Row>();
        foreach (var number in (int[])[1, 3, 4, 5, 6, 7, 8, 10]) others[number] = await RowAsync(number);
        // Whatever a record was taken for, the statement alone decides.
        var all = await ChosenAsync(null, Enum.GetValues<TaskState>());
        Assert.Equal(10, all.Count);
        Assert.Equal(KeysOf(2, 9), Shown((await ChosenAsync(null, TaskState.Scheduled)).Select(c => c.Key)));
        Assert.Equal(KeysOf(2, 9).Order(StringComparer.Ordinal), (await AppliedAsync(TaskAction.RunNow, all)).Order(StringComparer.Ordinal));
        foreach (var (number, row) in others) await UnchangedAsync(number, row);
        Assert.Equal((2, (bool?)false, "not yet", null), ((await RowAsync(9)).N, (await RowAsync(9)).Ok, (await RowAsync(9)).Err, (await RowAsync(9)).Et));
        Assert.InRange((await RowAsync(9)).Rt!.Value, Clock.Now.AddMinutes(-1), Clock.Now);
        Assert.Empty(await ChosenAsync(null, TaskState.Scheduled));
        Assert.Empty(await AppliedAsync(TaskAction.RunNow, all));
        var entry = Assert.Single(await Audit.ReadAsync(new AuditQuery { Job = "job" }, 10, Stopping));
        Assert.Equal((nameof(TaskAction.RunNow), 2L), (entry.Action, entry.Count));
        Assert.Equal(KeysOf(1, 2, 8, 9).Order(StringComparer.Ordinal), Shown((await ReserveAsync(9)).Select(r => r.Key)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_waits_for_another_time_than_was_seen_or_was_taken_since_is_not_made_due()
    {
        await InsertAsync([.. Enumerable.Range(1, 7).Select(i => (i, new Row { Rt = Clock.Now.AddHours(1), Score = 1 }))]);
        var filter = new TaskFilter { Where = [new(Profile.Score, ColumnOperator.Equal, "1")] };
        var chosen = await ChosenAsync(filter, TaskState.Scheduled);
        await ChangeAsync(1, Profile.Columns.ReservationTime, Clock.Now.AddHours(2));
        await ChangeAsync(2, Profile.Columns.ReservationTimes, 1);
        await ChangeAsync(3, Profile.Score, 2);
        // Somebody else was first, and a worker has it by now.
        await ChangeAsync(4, Profile.Columns.ReservationId, "a.1");
        await ChangeAsync(4, Profile.Columns.StartTime, Clock.Now);
        // Whoever has cancelled it leaves the time for which it waited where it is.
        await ChangeAsync(6, Profile.Columns.EndTime, Clock.Now);
        var (running, cancelled, alike) = (await RowAsync(4), await RowAsync(6), await RowAsync(7));
        Assert.Equal(KeysOf(5), await AppliedAsync(TaskAction.RunNow, chosen[..6], filter));
        await UnchangedAsync(4, running);
        await UnchangedAsync(6, cancelled);
        await UnchangedAsync(7, alike);
    }
}
