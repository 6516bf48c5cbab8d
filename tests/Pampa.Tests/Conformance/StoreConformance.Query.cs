using System.Globalization;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>Pages of records for people: every filter, every order, and no more work than is allowed.</summary>
public abstract partial class StoreConformance
{
    private Task<TaskPage> PageAsync(TaskQuery? query = null, TaskStore? store = null) => (store ?? Store).PageAsync(query ?? new TaskQuery(), Stopping);

    private async Task<IEnumerable<string>> FoundAsync(TaskFilter filter) => (await PageAsync(new TaskQuery { Filter = filter })).Tasks.Select(t => t.Key);

    /// <summary>The default job, whose pages look at so few records at once.</summary>
    private TaskStore Narrow(int window) => new(Db.Database, Store.Table, Cluster, new Random(1)) { Window = window };

    private async Task<List<TaskInfo>> AllPagesAsync(TaskQuery query, TaskStore? store = null)
    {
        var all = new List<TaskInfo>();
        for (var pages = 0; pages < 100; pages++)
        {
            var page = await PageAsync(query, store);
            Assert.InRange(page.Tasks.Count, 0, query.Limit);
            all.AddRange(page.Tasks);
            if (page.Next is null) return all;
            query = query with { After = page.Next };
        }
        throw new InvalidOperationException("there is no end");
    }

    [Fact]
    public async Task Records_are_listed_by_key_in_pages_and_by_state()
    {
        await InsertEachStateAsync();
        var all = (await PageAsync()).Tasks;
        Assert.Equal(KeysOf(1, 2, 3, 4, 5, 6, 7, 8), all.Select(t => t.Key));
        Assert.Equal([TaskState.Pending, TaskState.Scheduled, TaskState.Reserved, TaskState.Running, TaskState.Completed, TaskState.Failed,
            TaskState.Failed, TaskState.Pending], all.Select(t => t.State));
        Assert.Equal(all, await AllPagesAsync(new TaskQuery { Limit = 3 }));
        Assert.Equal(all.Reverse(), await AllPagesAsync(new TaskQuery { Limit = 3, Order = TaskOrder.KeyDescending }));
        foreach (var state in Enum.GetValues<TaskState>())
        {
            var query = new TaskQuery { Filter = new TaskFilter { States = [state] }, Limit = 1 };
            // What has no attempt left is listed with the failed ones when it has its end.
            var those = all.Where(t => t.State == state && t.Key != KeyText(7)).ToList();
            Assert.Equal(those, await AllPagesAsync(query));
            Assert.Equal(those, await AllPagesAsync(query, Narrow(2)));
        }
        var open = new TaskFilter { States = [TaskState.Pending, TaskState.Running] };
        Assert.Equal(KeysOf(1, 4, 8), (await AllPagesAsync(new TaskQuery { Filter = open, Limit = 2 }, Narrow(1))).Select(t => t.Key));
    }

    [Fact]
    public async Task A_listed_record_shows_what_the_table_says()
    {
        await InsertAsync([(1, new Row { Rid = "a.1", Rt = Clock.Now, N = 2, St = Clock.Now.AddSeconds(1), Err = "oh" })]);
        var task = Assert.Single((await PageAsync()).Tasks);
        var began = new DateTimeOffset(Clock.Now);
        Assert.Equal(new TaskInfo(KeysOf(1).Single(), TaskState.Running, "a.1", 2, began, began.AddSeconds(1), null, "oh"), task);
    }

    [Fact]
    public async Task A_page_that_has_looked_at_enough_says_how_far_it_has_come_and_loses_nothing()
    {
        await InsertAsync([.. Enumerable.Range(1, 40).Select(i => (i, new Row { Score = i % 20 == 0 ? 1 : 0 }))]);
        var query = new TaskQuery { Filter = new TaskFilter { Where = [new(Profile.Score, ColumnOperator.Equal, "1")] }, Limit = 5 };
        foreach (var order in (TaskOrder[])[TaskOrder.Key, TaskOrder.KeyDescending])
        {
            var found = await AllPagesAsync(query with { Order = order }, Narrow(3));
            Assert.Equal(order == TaskOrder.Key ? KeysOf(20, 40) : KeysOf(40, 20), found.Select(t => t.Key));
        }
        // Of what was passed by each page tells its part, but for a window that was not gone through to its end.
        var looked = 0L;
        for (var (next, isFirst) = ((string?)null, true); isFirst || next is not null; isFirst = false)
        {
            var page = await PageAsync(query with { After = next }, Narrow(10));
            (next, looked) = (page.Next, looked + page.LookedAt);
        }
        Assert.InRange(looked, 39, 40);
        Assert.Equal(40, (await PageAsync(new TaskQuery { Limit = 40 })).LookedAt);
        Assert.Equal(new TaskCount(2, true), await Narrow(3).CountAsync(query.Filter, 100, isHurried: false, Stopping));
        Assert.Equal(new TaskCount(1, false), await Narrow(3).CountAsync(query.Filter, 1, isHurried: false, Stopping));
        Assert.Equal(new TaskCount(40, true), await Narrow(3).CountAsync(new TaskFilter(), 40, isHurried: true, Stopping));
    }

    [Fact]
    public async Task A_part_of_an_error_that_is_hidden_is_found_by_nobody_and_ends_no_page()
    {
        var room = Math.Min(Store.Table.ErrorLength, 700);
        var text = $"{new string('x', room - 20)} shown";
        Row FailedBy(int i) => new() { Et = Clock.Now, Ok = false, Err = i % 4 == 0 ? $"secret {text}" : "secret" };
        await InsertAsync([.. Enumerable.Range(1, 12).Select(i => (i, FailedBy(i))), (13, new Row())]);
        static TaskFilter Of(string text) => new() { ErrorContains = text, Redact = error => error.Replace("secret", "(hidden)", StringComparison.Ordinal) };
        foreach (var store in (TaskStore[])[Store, Narrow(10)])
        {
            // None of them runs.
            Assert.Empty(await AllPagesAsync(new TaskQuery { Filter = Of("shown"), Order = TaskOrder.LongestRunning, Limit = 1 }, store));
            foreach (var order in Enum.GetValues<TaskOrder>().Where(o => o != TaskOrder.LongestRunning))
            {
                foreach (var states in (TaskState[][])[[], [TaskState.Failed], [TaskState.Failed, TaskState.Pending]])
                {
                    var query = new TaskQuery { Filter = Of("secret") with { States = states }, Order = order, Limit = 1 };
                    Assert.Empty(await AllPagesAsync(query, store));
                    // Where it goes on although it has nothing to show, it has not looked at all of them, and says so.
                    Assert.True(await PageAsync(query, store) is { Next: null } or { IsPartial: true });
                    var shown = await AllPagesAsync(query with { Filter = query.Filter with { ErrorContains = "SHOWN" } }, store);
                    Assert.Equal(order == TaskOrder.Key ? KeysOf(4, 8, 12) : KeysOf(12, 8, 4), shown.Select(t => t.Key));
                    Assert.All(shown, t => Assert.Equal(Math.Min(room - 7, 500), t.Error!.Length));
                }
            }
            Assert.Equal(12, (await PageAsync(new TaskQuery { Filter = Of("secret"), Order = TaskOrder.LatestEnd }, store)).LookedAt);
            Assert.Equal(new TaskCount(0, true), await store.CountAsync(Of("secret"), 100, isHurried: false, Stopping));
            Assert.Equal(new TaskCount(3, true), await store.CountAsync(Of("shown"), 100, isHurried: true, Stopping));
            Assert.Equal(new TaskCount(2, false), await store.CountAsync(Of("shown"), 2, isHurried: false, Stopping));
        }
        var choice = await Store.ChooseAsync(Of("secret"), [TaskState.Failed], null, 100, Stopping);
        Assert.Equal((0, true), (choice.Records.Count, choice.IsLast));
        choice = await Store.ChooseAsync(Of("shown"), [TaskState.Failed], null, 6, Stopping);
        Assert.Equal((1, false), (choice.Records.Count, choice.IsLast));
        choice = await Store.ChooseAsync(Of("shown"), [TaskState.Failed], choice.Cursor, 100, Stopping);
        Assert.Equal((2, true), (choice.Records.Count, choice.IsLast));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 3)]
    [InlineData(7, 100)]
    public async Task What_is_shown_of_errors_is_searched_in_slices_in_every_order(int slice, int limit)
    {
        // More of a time than a slice has, so that it ends in the midst of them.
        static string Text(int i) => i % 3 == 1 ? "secret and shown" : "secret";
        Row Running(int i) => new() { Rid = "a.1", Rt = Clock.Now, N = 2, St = Clock.Now.AddSeconds(-(i / 5)), Err = Text(i) };
        Row Ended(int i) => new() { Et = Clock.Now.AddSeconds(-(i / 5)), Ok = false, Err = Text(i) };
        int[] running = [.. Enumerable.Range(11, 22)];
        int[] ended = [.. Enumerable.Range(41, 22)];
        await InsertAsync([.. running.Select(i => (i, Running(i))), .. ended.Select(i => (i, Ended(i))), (70, new Row { Rid = "a.1", N = 1, St = Clock.Now })]);
        var store = new TaskStore(Db.Database, Store.Table, Cluster, new Random(1)) { SiftedRows = slice };
        foreach (var order in Enum.GetValues<TaskOrder>())
        {
            int[] all = order switch
            {
                TaskOrder.LongestRunning => [.. running.OrderByDescending(i => i / 5).ThenBy(i => i)],
                TaskOrder.LatestEnd => [.. ended.OrderBy(i => i / 5).ThenByDescending(i => i)],
                TaskOrder.KeyDescending => [.. ended.Reverse(), .. running.Reverse()],
                _ => [.. running, .. ended],
            };
            foreach (var keys in (string[]?[])[null, [.. KeysOf([.. running, .. ended])]])
            {
                var filter = new TaskFilter { Keys = keys, ErrorContains = "Shown", Redact = e => e.Replace("secret", "", StringComparison.Ordinal) };
                var query = new TaskQuery { Filter = filter, Order = order, Limit = limit };
                Assert.Equal(KeysOf([.. all.Where(i => i % 3 == 1)]), (await AllPagesAsync(query, store)).Select(t => t.Key));
                Assert.Empty(await AllPagesAsync(query with { Filter = filter with { ErrorContains = "secret" } }, store));
                Assert.Equal(new TaskCount(14, true), await store.CountAsync(filter, 100, isHurried: false, Stopping));
            }
        }
    }

    [Fact]
    public async Task Records_are_found_by_all_that_they_are_like()
    {
        await InsertAsync([
            (1, new Row { Note = "Anna's 50%", Score = 9, Flag = true }), (2, new Row { Note = "anna_s", Score = 10 }),
            (3, new Row { Score = -5, Flag = false }),
            (4, new Row { Et = Clock.Now, Ok = false, Err = "HTTP 429: too many", Note = "" }),
            (5, new Row { Et = Clock.Now.AddHours(1), Ok = false, Err = "http 500", Rid = "b.1" })]);
        ColumnCondition On(string column, ColumnOperator what, string? value = null) => new(column, what, value);
        async Task FindsAsync(ColumnCondition condition, params int[] numbers)
        {
            var found = await FoundAsync(new TaskFilter { Where = [condition] });
            Assert.Equal((condition, string.Join('|', KeysOf(numbers))), (condition, string.Join('|', found)));
        }

        await FindsAsync(On(Profile.Score, ColumnOperator.Equal, "10"), 2);
        await FindsAsync(On(Profile.Score, ColumnOperator.NotEqual, "10"), 1, 3, 4, 5);
        await FindsAsync(On(Profile.Score, ColumnOperator.Less, "9"), 3);
        await FindsAsync(On(Profile.Score, ColumnOperator.LessOrEqual, "9"), 1, 3);
        await FindsAsync(On(Profile.Score, ColumnOperator.Greater, "9"), 2);
        await FindsAsync(On(Profile.Score, ColumnOperator.GreaterOrEqual, "9"), 1, 2);
        await FindsAsync(On(Profile.Score, ColumnOperator.IsNull), 4, 5);
        await FindsAsync(On(Profile.Score, ColumnOperator.IsNotNull), 1, 2, 3);
        await FindsAsync(On(Profile.Score, ColumnOperator.StartsWith, "1"), 2);
        await FindsAsync(On(Profile.Flag, ColumnOperator.Equal, "true"), 1);
        await FindsAsync(On(Profile.Note, ColumnOperator.Contains, "ANNA"), 1, 2);
        await FindsAsync(On(Profile.Note, ColumnOperator.Contains, "0%"), 1);
        await FindsAsync(On(Profile.Note, ColumnOperator.Contains, "a_s"), 2);
        await FindsAsync(On(Profile.Note, ColumnOperator.StartsWith, "anna"), 2);
        await FindsAsync(On(Profile.Note, ColumnOperator.StartsWith, "%"));
        await FindsAsync(On(Profile.Note, ColumnOperator.Equal, ""), 4);
        await FindsAsync(On(Profile.Columns.ReservationId, ColumnOperator.Equal, "b.1"), 5);
        var later = Clock.Now.AddMinutes(1).ToString("yyyy-MM-dd HH:mm:ssZ", CultureInfo.InvariantCulture);
        await FindsAsync(On(Profile.Columns.EndTime, ColumnOperator.GreaterOrEqual, later), 5);
        await FindsAsync(On(Profile.Score.ToUpperInvariant(), ColumnOperator.Equal, "10"), 2);

        Assert.Equal(KeysOf(4), await FoundAsync(new TaskFilter { ErrorContains = "Too MANY" }));
        Assert.Equal(KeysOf(5), await FoundAsync(new TaskFilter { Worker = "b.1" }));
        Assert.Equal(KeysOf(5), await FoundAsync(new TaskFilter { From = Clock.Now.AddSeconds(1) }));
        Assert.Equal(KeysOf(4), await FoundAsync(new TaskFilter { From = Clock.Now.AddSeconds(-1), Until = Clock.Now.AddHours(1) }));
        Assert.Empty(await FoundAsync(new TaskFilter { Moment = TaskMoment.Started, From = Clock.Now.AddDays(-1) }));
        Assert.Equal(KeysOf(2, 3), await FoundAsync(new TaskFilter { Keys = [KeyText(3), KeyText(2), KeyText(3), KeyText(77)] }));
        Assert.Equal(KeysOf(2), await FoundAsync(new TaskFilter { Keys = [KeyText(3), KeyText(2)], Where = [On(Profile.Score, ColumnOperator.Equal, "10")] }));
        var both = new TaskFilter { Where = [On(Profile.Note, ColumnOperator.Contains, "anna"), On(Profile.Score, ColumnOperator.Greater, "9")] };
        Assert.Equal(KeysOf(2), await FoundAsync(both));
    }

    [Fact]
    public async Task Records_are_found_by_the_beginning_of_their_key()
    {
        await InsertAsync([(1, Row.Fresh), (10, Row.Fresh), (11, Row.Fresh), (20, Row.Fresh)]);
        var first = Profile.Key.Length == 1 ? "1" : Plain(Profile.KeyLiterals(10)[0]);
        Assert.Equal(Profile.Key.Length == 1 ? KeysOf(1, 10, 11) : KeysOf(10, 11), await FoundAsync(new TaskFilter { KeyPrefix = first }));
        Assert.Empty(await FoundAsync(new TaskFilter { KeyPrefix = $"{first}%" }));
    }

    [Theory]
    [InlineData("'; DROP TABLE numbers; --")]
    [InlineData("\" OR 1=1 --")]
    [InlineData("\\'; SELECT pg_sleep(9)")]
    [InlineData("@max $1 :a {0} %s")]
    [InlineData("\u001b]0;pwn\a\u202e")]
    [InlineData("%_\\%")]
    public async Task What_somebody_types_is_never_anything_but_a_value(string text)
    {
        await InsertAsync([(1, new Row { Note = text, Err = text, Rid = text, N = 1 }), (2, new Row { Note = "x" })]);
        foreach (var what in (ColumnOperator[])[ColumnOperator.Equal, ColumnOperator.Contains, ColumnOperator.StartsWith])
        {
            var condition = new ColumnCondition(Profile.Note, what, text);
            Assert.Equal(condition, ColumnCondition.Parse(condition.ToString()));
            Assert.Equal(KeysOf(1), await FoundAsync(new TaskFilter { Where = [condition] }));
        }
        Assert.Equal(KeysOf(1), await FoundAsync(new TaskFilter { ErrorContains = text, Worker = text }));
        Assert.Empty(await FoundAsync(new TaskFilter { KeyPrefix = text }));
        var unknown = new TaskFilter { Where = [new ColumnCondition(text, ColumnOperator.IsNull)] };
        var refused = await Assert.ThrowsAsync<ArgumentException>(() => FoundAsync(unknown));
        Assert.Contains("has no column", refused.Message, StringComparison.Ordinal);
        var details = await Store.DetailsAsync(Parsed(KeyText(1)), [Profile.Note], Stopping);
        Assert.Equal((text, text), (details!.Task.Values.Single().Text, details.Task.Error));
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("1; DROP TABLE numbers")]
    [InlineData("")]
    public async Task A_value_that_is_none_of_its_column_is_told_and_its_column_with_it(string text)
    {
        await InsertAsync([1]);
        var condition = new ColumnCondition(Profile.Score, ColumnOperator.Equal, text);
        var filter = new TaskFilter { Where = [new(Profile.Note, ColumnOperator.IsNull), condition] };
        var refused = await Assert.ThrowsAsync<ArgumentException>(() => FoundAsync(filter));
        Assert.Contains(Profile.Score, refused.Message, StringComparison.OrdinalIgnoreCase);
        Assert.True(refused.Data.Contains(PampaCluster.CallersFault));
        await Assert.ThrowsAsync<ArgumentException>(() => FoundAsync(new TaskFilter { Where = [new(Profile.Columns.EndTime, ColumnOperator.Less, text)] }));
    }

    [Fact]
    public async Task What_cannot_be_asked_is_told()
    {
        async Task ToldAsync(string why, TaskQuery query) =>
            Assert.Contains(why, (await Assert.ThrowsAsync<ArgumentException>(() => PageAsync(query))).Message, StringComparison.Ordinal);
        TaskQuery With(params ColumnCondition[] conditions) => new() { Filter = new TaskFilter { Where = conditions } };
        await ToldAsync("needs a value", With(new ColumnCondition(Profile.Score, ColumnOperator.Equal)));
        await ToldAsync("takes no value", With(new ColumnCondition(Profile.Score, ColumnOperator.IsNull, "1")));
        await ToldAsync("did you mean", With(new ColumnCondition($"{Profile.Score}x", ColumnOperator.IsNull)));
        await ToldAsync("at most 20 conditions", With([.. Enumerable.Repeat(new ColumnCondition(Profile.Score, ColumnOperator.IsNull), 21)]));
        await ToldAsync("no NUL character", With(new ColumnCondition(Profile.Note, ColumnOperator.Equal, "a\0b")));
        await ToldAsync("no NUL character", new TaskQuery { Filter = new TaskFilter { ErrorContains = "\ud800" } });
        await ToldAsync("at most 4000 characters", new TaskQuery { Filter = new TaskFilter { KeyPrefix = new string('x', 4_001) } });
        await ToldAsync("has no column 'nix'", new TaskQuery { Columns = ["nix"] });
        await ToldAsync("is no place in this order", new TaskQuery { Order = TaskOrder.LatestEnd, After = "x" });
        await ToldAsync("at most 10000 keys", new TaskQuery { Filter = new TaskFilter { Keys = [.. Enumerable.Range(1, 10_001).Select(KeyText)] } });
        if (Profile.Key.Length > 1) await ToldAsync("a key has 2 parts", new TaskQuery { After = "one" });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_latest_failures_come_first_with_an_index_or_without(bool hasIndex)
    {
        if (hasIndex) await Db.ExecuteAsync(Schema.FailedIndex(Store.Table));
        Row Ended(int i) => new() { Et = Clock.Now.AddSeconds(-(i / 2)), Ok = i % 3 == 0 ? true : i % 3 == 1 ? false : null, Err = $"e{i}" };
        await InsertAsync([.. Enumerable.Range(1, 20).Select(i => (i, Ended(i)))]);
        await InsertAsync([30]);
        var failed = new TaskFilter { States = [TaskState.Failed] };
        int[] numbers = [1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20];
        var latest = numbers.OrderBy(i => i / 2).ThenByDescending(i => i).ToArray();
        Assert.Equal(KeysOf(latest), (await AllPagesAsync(new TaskQuery { Filter = failed, Order = TaskOrder.LatestEnd, Limit = 3 })).Select(t => t.Key));
        Assert.Equal(KeysOf(numbers), (await AllPagesAsync(new TaskQuery { Filter = failed, Limit = 4 })).Select(t => t.Key));
        var last = await AllPagesAsync(new TaskQuery { Filter = failed, Limit = 4, Order = TaskOrder.KeyDescending });
        Assert.Equal(KeysOf([.. numbers.Reverse()]), last.Select(t => t.Key));
        Assert.Equal(20, (await AllPagesAsync(new TaskQuery { Order = TaskOrder.LatestEnd, Limit = 7 })).Count);
        Assert.Equal(new TaskCount(14, true), await Store.CountAsync(failed, 100, isHurried: true, Stopping));
        var failures = await Store.ReadFailuresAsync(5, 2, Stopping);
        Assert.Equal(KeysOf(latest[..5]).Order(StringComparer.Ordinal), failures.Select(f => f.Key).Order(StringComparer.Ordinal));
        Assert.All(failures, f => Assert.Equal(2, f.Error!.Length));
    }

    [Fact]
    public async Task What_has_been_running_the_longest_comes_first()
    {
        Row Running(int i) => new() { Rid = $"a.{i}", Rt = Clock.Now, N = 1, St = Clock.Now.AddSeconds(-(i / 2)) };
        await InsertEachStateAsync();
        var before = (await PageAsync(new TaskQuery { Order = TaskOrder.LongestRunning })).Tasks.Select(t => t.Key).ToList();
        Assert.Equal(KeysOf(4), before);
        await InsertAsync([.. Enumerable.Range(11, 9).Select(i => (i, Running(i)))]);
        var longest = Enumerable.Range(11, 9).OrderByDescending(i => i / 2).ThenBy(i => i).Append(4).ToArray();
        foreach (var store in (TaskStore[])[Store, Narrow(2)])
        {
            foreach (var states in (TaskState[][])[[], [TaskState.Running], [TaskState.Failed, TaskState.Running]])
            {
                var query = new TaskQuery { Filter = new TaskFilter { States = states }, Order = TaskOrder.LongestRunning, Limit = 2 };
                Assert.Equal(KeysOf(longest), (await AllPagesAsync(query, store)).Select(t => t.Key));
            }
            var failed = new TaskQuery { Filter = new TaskFilter { States = [TaskState.Failed] }, Order = TaskOrder.LongestRunning };
            Assert.Empty((await PageAsync(failed, store)).Tasks);
        }
        var some = new TaskQuery { Filter = new TaskFilter { Worker = "a.13" }, Order = TaskOrder.LongestRunning };
        Assert.Equal(KeysOf(13), (await PageAsync(some)).Tasks.Select(t => t.Key));
    }

    [Fact]
    public async Task Values_come_only_where_they_are_asked_for_and_are_cut()
    {
        var store = await WithGenerationAsync();
        var note = new string('n', 5_000);
        await InsertAsync(1, new Row { Note = note, Score = 7, Flag = true, Et = Clock.Now, Ok = false, Err = new string('e', 80), Generation = 3 });
        Assert.Empty(Assert.Single((await PageAsync()).Tasks).Values);
        var values = Assert.Single((await PageAsync(new TaskQuery { Columns = [Profile.Score, Profile.Note, Profile.Generation] })).Tasks).Values;
        Assert.Equal([Profile.Note, Profile.Score, Profile.Generation], values.Select(v => v.Column));
        Assert.Equal([1_000, 1, 1], values.Select(v => v.Text!.Length));
        Assert.Equal([true, false, false], values.Select(v => v.IsCut));
        var details = (await store.DetailsAsync(Parsed(KeyText(1)), [Profile.Note, Profile.Columns.StartTime], Stopping))!;
        Assert.Equal((3, 3, TaskState.Failed), (details.Generation, details.MaxAttempts, details.Task.State));
        Assert.Equal(80, details.Task.Error!.Length);
        TaskValue Value(string column) => details.Task.Values.Single(v => v.Column == column);
        Assert.Equal((null, false), (Value(Profile.Columns.StartTime).Text, Value(Profile.Columns.StartTime).IsCut));
        Assert.Equal((4_000, true), (Value(Profile.Note).Text!.Length, Value(Profile.Note).IsCut));
        Assert.Null(await store.DetailsAsync(Parsed(KeyText(2)), null, Stopping));
        Assert.Null((await Store.DetailsAsync(Parsed(KeyText(1)), null, Stopping))!.Generation);
    }
}
