using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>T3, T4, T5, T10, T11.</summary>
public abstract partial class StoreConformance
{
    [Fact]
    public async Task Completing_sets_end_success_and_the_changed_columns()
    {
        var task = await StartedAsync(1, new Row { N = 1, Err = "once", Score = 4 });
        var before = await RowAsync(1);
        var now = Clock.Now;
        var done = await FinishAsync(Completed(task, Changes(Store, (Profile.Flag, true), (Profile.Note, "new"))));
        Assert.Equal(KeysOf(1), Shown(done));
        Assert.Equal(before with { Et = now, Ok = true, Err = null, Flag = true, Note = "new" }, await RowAsync(1));
    }

    [Fact]
    public async Task A_failure_with_attempts_left_is_pending_again_after_its_delay()
    {
        var task = await StartedAsync(1);
        var now = Clock.Now;
        await FinishAsync(new TaskResult(task.Fence, Outcome.Again, DelaySeconds: 12.5, Error: "went wrong"));
        Assert.Equal(new Row { Rt = now.AddSeconds(12.5), N = 1, Ok = false, Err = "went wrong" }, await RowAsync(1));
        await AdvanceAsync(12.4);
        Assert.Empty(await ReserveAsync(1));
        await AdvanceAsync(0.1);
        Assert.Single(await ReserveAsync(1));
    }

    [Fact]
    public async Task A_failure_for_good_ends_the_record()
    {
        var task = await StartedAsync(1);
        var before = await RowAsync(1);
        var now = Clock.Now;
        await FinishAsync(new TaskResult(task.Fence, Outcome.Failed, Error: "went wrong"));
        Assert.Equal(before with { Et = now, Ok = false, Err = "went wrong" }, await RowAsync(1));
    }

    [Fact]
    public async Task A_forgiven_attempt_does_not_count_and_keeps_the_error_of_the_last()
    {
        var task = await StartedAsync(1, new Row { N = 1, Ok = false, Err = "once" });
        var now = Clock.Now;
        await FinishAsync(new TaskResult(task.Fence, Outcome.Forgiven, DelaySeconds: 3));
        Assert.Equal(new Row { Rt = now.AddSeconds(3), N = 1, Err = "once" }, await RowAsync(1));
    }

    [Fact]
    public async Task A_snoozed_attempt_does_not_count_and_keeps_what_the_handler_set()
    {
        var task = await StartedAsync(1, new Row { N = 1, Ok = false, Err = "once", Score = 1 });
        var until = Clock.Now.AddHours(2);
        await FinishAsync(new TaskResult(task.Fence, Outcome.Snoozed, Until: until, Changes: Changes(Store, (Profile.Score, 2))));
        Assert.Equal(new Row { Rt = until, N = 1, Score = 2 }, await RowAsync(1));
    }

    [Fact]
    public async Task A_snooze_may_be_a_delay_or_a_moment_of_any_zone()
    {
        var first = await StartedAsync(1);
        var second = await StartedAsync(2);
        var now = Clock.Now;
        await FinishAsync(
            new TaskResult(first.Fence, Outcome.Snoozed, DelaySeconds: 90),
            new TaskResult(second.Fence, Outcome.Snoozed, Until: new DateTimeOffset(2030, 6, 1, 2, 30, 0, 250, TimeSpan.FromHours(2))));
        Assert.Equal(now.AddSeconds(90), (await RowAsync(1)).Rt);
        Assert.Equal(new DateTime(2030, 6, 1, 0, 30, 0, 250, DateTimeKind.Utc), (await RowAsync(2)).Rt);
    }

    [Fact]
    public async Task One_call_settles_different_outcomes()
    {
        await InsertAsync(Enumerable.Range(1, 5).Select(i => (i, new Row { Score = i })));
        var tasks = (await StartAsync(await ReserveAsync(5))).OrderBy(t => Shown(t.Fence.Key), StringComparer.Ordinal).ToList();
        var done = await FinishAsync(
            Completed(tasks[0], Changes(Store, (Profile.Score, 10))),
            new TaskResult(tasks[1].Fence, Outcome.Again, Error: "e2", Changes: Changes(Store, (Profile.Score, 20))),
            new TaskResult(tasks[2].Fence, Outcome.Failed, Error: "e3", Changes: Changes(Store, (Profile.Score, 30))),
            new TaskResult(tasks[3].Fence, Outcome.Forgiven, Error: "e4", Changes: Changes(Store, (Profile.Score, 40))),
            new TaskResult(tasks[4].Fence, Outcome.Snoozed, Error: "e5", Changes: Changes(Store, (Profile.Score, 50))));
        Assert.Equal(5, done.Count);
        var rows = await Task.WhenAll(Enumerable.Range(1, 5).Select(RowAsync));
        // What a handler set before it failed, or was interrupted, is not written.
        Assert.Equal([10, 2, 3, 4, 50], rows.Select(r => r.Score));
        Assert.Equal([true, false, false, null, null], rows.Select(r => r.Ok));
        Assert.Equal([null, "e2", "e3", null, null], rows.Select(r => r.Err));
        Assert.Equal([1, 1, 1, 0, 0], rows.Select(r => r.N));
        Assert.Equal([true, false, true, false, false], rows.Select(r => r.Et is not null));
        Assert.Equal([true, false, true, false, false], rows.Select(r => r.Rid is not null));
        Assert.Equal([true, false, true, false, false], rows.Select(r => r.St is not null));
    }

    public static TheoryData<string, string> FencesAndOutcomes()
    {
        var data = new TheoryData<string, string>();
        foreach (var part in (string[])["key", "worker", "attempt", "start"])
        {
            foreach (var outcome in Enum.GetValues<Outcome>()) data.Add(part, outcome.ToString());
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(FencesAndOutcomes))]
    public async Task A_finish_with_a_wrong_fence_changes_nothing(string part, string outcome)
    {
        await InsertAsync(2);
        var task = await StartedAsync(1);
        var rows = (First: await RowAsync(1), Second: await RowAsync(2));
        var fence = part switch
        {
            "key" => task.Fence with { Key = Key(2) },
            "worker" => task.Fence with { Worker = "a.2" },
            "attempt" => task.Fence with { Attempt = 2 },
            _ => task.Fence with { StartedAt = task.Fence.StartedAt.Replace("2030", "2031", StringComparison.Ordinal) },
        };
        Assert.Empty(await FinishAsync(new TaskResult(fence, Enum.Parse<Outcome>(outcome), Changes: Changes(Store, (Profile.Score, 9)))));
        await UnchangedAsync(1, rows.First);
        await UnchangedAsync(2, rows.Second);
    }

    [Fact]
    public async Task A_finish_is_accepted_once()
    {
        var task = await StartedAsync(1);
        Assert.Single(await FinishAsync(Completed(task)));
        var before = await RowAsync(1);
        Assert.Empty(await FinishAsync(Completed(task)));
        Assert.Empty(await FinishAsync(new TaskResult(task.Fence, Outcome.Failed, Error: "late")));
        Assert.Empty(await FinishAsync(new TaskResult(task.Fence, Outcome.Again, Error: "late")));
        await UnchangedAsync(1, before);
    }

    [Fact]
    public async Task Of_many_that_are_completed_at_once_those_are_told_that_were_settled_now()
    {
        var tasks = new List<StartedTask>();
        for (var id = 1; id <= 5; id++) tasks.Add(await StartedAsync(id));
        Assert.Equal(KeysOf(1, 3), Shown(await FinishAsync(Completed(tasks[0]), Completed(tasks[2]))));
        await Clock.AdvanceAsync(TimeSpan.FromSeconds(1));
        var stale = Completed(tasks[4]) with { Fence = tasks[4].Fence with { Attempt = 7 } };
        Assert.Equal(KeysOf(2, 4), Shown(await FinishAsync([.. tasks[..4].Select(task => Completed(task)), stale])).Order(StringComparer.Ordinal));
        Assert.Empty(await FinishAsync([.. tasks[..4].Select(task => Completed(task)), stale]));
        Assert.Equal(KeysOf(5), Shown(await FinishAsync([.. tasks.Select(task => Completed(task))])));
    }

    [Fact]
    public async Task A_late_finish_of_a_reclaimed_attempt_changes_nothing()
    {
        var task = await StartedAsync(1);
        await AdvanceAsync(31);
        await BeatAsync("a.2", "b.1");
        await RenewLeaderAsync();
        await Ticked(Store.ReclaimAsync([new("a.1", 1, await HeartbeatOfAsync("a.1"))], HandTimeout, Lease, Stopping));
        Assert.Null((await RowAsync(1)).Rid);
        var before = await RowAsync(1);
        Assert.Empty(await FinishAsync(Completed(task)));
        await UnchangedAsync(1, before);
        // Nor when the record runs again, in the very same worker.
        await BeatAsync("a.1");
        var again = Assert.Single(await StartAsync(await ReserveAsync(1)));
        before = await RowAsync(1);
        Assert.Empty(await FinishAsync(Completed(task)));
        await UnchangedAsync(1, before);
        Assert.Single(await FinishAsync(Completed(again)));
    }

    private async Task RenewLeaderAsync() =>
        Lease = (await Ticked(Workers.AcquireAsync("cluster", "leader", "p1", Ttl, ["p1"], Stopping)))!;

    [Fact]
    public async Task A_forgiven_attempt_is_told_from_the_next_of_the_same_number()
    {
        var first = await StartedAsync(1);
        await FinishAsync(new TaskResult(first.Fence, Outcome.Forgiven));
        var second = Assert.Single(await StartAsync(await ReserveAsync(1)));
        Assert.Equal(first.Fence.Attempt, second.Fence.Attempt);
        Assert.Empty(await FinishAsync(Completed(first)));
        Assert.Single(await FinishAsync(Completed(second)));
    }

    [Fact]
    public async Task The_last_attempt_cannot_be_pending_again()
    {
        var task = await StartedAsync(1, new Row { N = 2 });
        var before = await RowAsync(1);
        Assert.Empty(await FinishAsync(new TaskResult(task.Fence, Outcome.Again, Error: "x")));
        await UnchangedAsync(1, before);
        Assert.Single(await FinishAsync(new TaskResult(task.Fence, Outcome.Failed, Error: "x")));
    }

    [Fact]
    public async Task An_end_that_somebody_else_wrote_stays()
    {
        var task = await StartedAsync(1);
        await ChangeAsync(1, Profile.Columns.EndTime, Clock.Now.AddHours(-1));
        var before = await RowAsync(1);
        Assert.Empty(await FinishAsync(Completed(task)));
        await UnchangedAsync(1, before);
    }

    [Fact]
    public async Task A_finish_that_passes_locked_rows_by_is_guarded_all_the_same()
    {
        var first = await StartedAsync(1);
        var second = await StartedAsync(2);
        var changes = Changes(Store, (Profile.Note, "set"));
        var done = await Ticked(Store.FinishAsync(
            [Completed(first, changes), Completed(second with { Fence = second.Fence with { Attempt = 2 } }, changes)], skipLocked: true, Stopping));
        Assert.Equal(KeysOf(1), Shown(done));
        Assert.Equal("set", (await RowAsync(1)).Note);
        Assert.Null((await RowAsync(2)).Et);
    }

    [Fact]
    public async Task A_task_without_a_delay_is_due_at_once()
    {
        await AdvanceAsync(0.987);
        var task = await StartedAsync(1);
        await Ticked(Store.FinishAsync([new TaskResult(task.Fence, Outcome.Again, Error: "x")], skipLocked: false, Stopping));
        Assert.Single(await ReserveAsync(1));
    }

    [Fact]
    public async Task A_long_error_keeps_its_head_and_its_tail()
    {
        var task = await StartedAsync(1);
        var text = $"first {new string('x', 9_000)} \0 \ud800 last";
        await FinishAsync(new TaskResult(task.Fence, Outcome.Failed, Error: text));
        var stored = (await RowAsync(1)).Err!;
        Assert.StartsWith("first x", stored, StringComparison.Ordinal);
        Assert.EndsWith("x ␀ � last", stored, StringComparison.Ordinal);
        Assert.InRange(stored.Length, 60, Store.Table.ErrorLength);
    }

    [Fact]
    public async Task A_fence_is_read_back_to_tell_a_repeated_finish_from_a_fenced_one()
    {
        var first = await StartedAsync(1);
        var second = await StartedAsync(2);
        var fourth = await StartedAsync(4);
        await InsertAsync(3);
        var failure = new TaskResult(fourth.Fence, Outcome.Failed, Error: "no \0 such page");
        await FinishAsync(Completed(first), failure);
        var fences = (await Store.ReadFencesAsync([first.Fence.Key, second.Fence.Key, Key(3), Key(4)], Stopping)).ToDictionary(f => f.Fence.Key);
        Assert.Equal(4, fences.Count);
        FenceNow FoundOf(int id) => fences[Key(id)];
        Assert.Equal(new FenceNow(first.Fence, FoundOf(1).EndedAt, Succeeded: true, Error: null), FoundOf(1));
        Assert.Equal(new FenceNow(second.Fence, EndedAt: null, Succeeded: false, Error: null), FoundOf(2));
        Assert.Equal(new FenceNow(new Fence(Key(3), "", 0, ""), EndedAt: null, Succeeded: false, Error: null), FoundOf(3));
        Assert.Equal(new FenceNow(fourth.Fence, FoundOf(4).EndedAt, Succeeded: false, Error: "no ␀ such page"), FoundOf(4));
        Assert.Equal([true, false, false, true], Enumerable.Range(1, 4).Select(id => FoundOf(id).Ended));
    }

    [Fact]
    public async Task An_end_is_taken_for_ones_own_only_if_it_says_the_same()
    {
        var first = await StartedAsync(1);
        var second = await StartedAsync(2);
        await FinishAsync(Completed(first), new TaskResult(second.Fence, Outcome.Failed, Error: "worker a.1 lost"));
        var ends = (await Store.ReadFencesAsync([first.Fence.Key, second.Fence.Key], Stopping)).ToDictionary(f => f.Fence.Key);
        var (done, failed) = (ends[first.Fence.Key], ends[second.Fence.Key]);
        Assert.True(Store.HasEnded(done, Completed(first)));
        Assert.False(Store.HasEnded(done, new TaskResult(first.Fence, Outcome.Failed)));
        Assert.False(Store.HasEnded(done, new TaskResult(first.Fence, Outcome.Again)));
        Assert.True(Store.HasEnded(failed, new TaskResult(second.Fence, Outcome.Failed, Error: "worker a.1 lost")));
        Assert.False(Store.HasEnded(failed, new TaskResult(second.Fence, Outcome.Failed, Error: "HTTP 404")));
        Assert.False(Store.HasEnded(failed, Completed(second)));
        Assert.False(Store.HasEnded(done, Completed(first with { Fence = first.Fence with { Attempt = 2 } })));
        Assert.False(Store.HasEnded(done with { EndedAt = null }, Completed(first)));
    }

    [Fact]
    public async Task Hundreds_of_results_are_settled_in_one_call()
    {
        await InsertAsync(Enumerable.Range(1, 700));
        var tasks = new List<StartedTask>();
        while (await ReserveAsync(200) is { Count: > 0 } more) tasks.AddRange(await StartAsync(more));
        Assert.Equal(700, (await FinishAsync([.. tasks.Select(t => Completed(t))])).Count);
        Assert.Equal(700, (await Store.ReportAsync(Stopping)).Completed);
    }
}
