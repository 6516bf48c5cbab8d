using System.Data.Common;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>Statements of the program's own in the transactions in which records start, end and are made pending again; and its condition on workers.</summary>
public abstract partial class StoreConformance
{
    private const string Refused = "refused";

    private static Sql Told(TaskEvent about, string what) =>
        $"INSERT INTO audit (what, task, worker, attempt, note) VALUES ({what}, {about.Key}, {about.Worker}, {about.Attempt}, {about.Error})";

    private async Task<TaskStore> AuditedAsync(Action<JobBuilder>? configure = null)
    {
        await Db.ExecuteAsync($"CREATE TABLE audit (what text NOT NULL CHECK (what <> '{Refused}'), task text, worker text, attempt int, note text)");
        await Db.GrantOwnAsync("INSERT ON audit");
        return await JobAsync(job =>
        {
            job.OnStarting(about => Told(about, about[Profile.Note] as string ?? "starting"));
            job.OnFinished(about => Told(about, about[Profile.Note] as string ?? $"{about.Outcome}"));
            job.OnRelaunched(about => Told(about, about[Profile.Note] as string ?? "again"));
            configure?.Invoke(job);
        });
    }

    private async Task<List<string>> AuditAsync() =>
        (await Db.ReadAsync("SELECT what, worker, attempt, note FROM audit")).ConvertAll(r => string.Join(' ', r.Where(cell => cell is not null)));

    private async Task<Exception> RefusedAsync(Func<Task> runAsync)
    {
        var error = await Assert.ThrowsAnyAsync<Exception>(runAsync);
        Assert.True(TaskStore.IsOfHook(error));
        Assert.Equal(ErrorKind.Data, Db.Database.Dialect.Classify(error));
        return error;
    }

    private async Task SetNoteAsync(int number, string? note) =>
        await Db.ExecuteAsync($"UPDATE {QuotedTable} SET {Fixtures.TableProfile.Quote(Profile.Note)} = {Fixtures.TableProfile.Literal(note)} WHERE {Profile.KeyIs(number)}");

    [Fact]
    public async Task A_hook_of_a_start_is_committed_with_it_or_nothing_is()
    {
        var store = await AuditedAsync();
        await InsertAsync([(1, Row.Fresh), (2, new Row { Note = Refused })]);
        var reserved = await ReserveAsync(2, store: store);
        var before = await RowAsync(2);
        var started = Assert.Single(await StartAsync([reserved[0]], store));
        Assert.Equal(KeyText(1), Shown(started.Fence.Key));
        Assert.Equal(["starting a.1 1"], await AuditAsync());

        await RefusedAsync(() => StartAsync([reserved[1]], store));
        Assert.Equal(before, await RowAsync(2));
        Assert.Single(await AuditAsync());
        // Another one's reservation starts nothing, and no hook is run for it.
        await SetNoteAsync(2, null);
        Assert.Empty(await StartAsync([reserved[1] with { Worker = "b.1" }], store));
        Assert.Single(await AuditAsync());
    }

    [Fact]
    public async Task A_start_whose_hook_is_refused_ends_in_the_same_moment_and_runs_no_hook()
    {
        var store = await AuditedAsync();
        await InsertAsync([(1, Row.Fresh), (2, new Row { N = 2 })]);
        foreach (var reservation in await ReserveAsync(2, store: store))
        {
            TaskResult End(StartedTask task) => new(task.Fence, task.Fence.Attempt < 3 ? Outcome.Again : Outcome.Failed, Error: "refused");
            Assert.Empty(await Ticked(store.StartAsync([(reservation with { Worker = "b.1" }, 1)], Stopping, End)));
            Assert.Single(await Ticked(store.StartAsync([(reservation, 1)], Stopping, End)));
        }
        var (first, second) = (await RowAsync(1), await RowAsync(2));
        Assert.Equal((null, null, 1, false, "refused", true), (first.Rid, first.St, first.N, first.Ok, first.Err, first.Et is null));
        Assert.Equal((3, false, "refused", true), (second.N, second.Ok, second.Err, second.Et is not null));
        Assert.Empty(await AuditAsync());
    }

    [Fact]
    public async Task A_hook_of_an_end_is_told_what_came_of_it_and_is_committed_with_it()
    {
        var store = await AuditedAsync();
        TaskResult[] results = [];
        foreach (var (outcome, i) in Enum.GetValues<Outcome>().Select((o, i) => (o, i)))
        {
            var task = await StartedAsync(i + 1, store: store);
            var error = outcome is Outcome.Again or Outcome.Failed ? $"why {i}" : null;
            results = [.. results, new TaskResult(task.Fence, outcome, 60, Error: error)];
        }
        await Db.ExecuteAsync("DELETE FROM audit");
        foreach (var result in results) Assert.Single(await Ticked(store.FinishAsync([result], skipLocked: false, Stopping)));
        Assert.Equal(["Completed a.1 1", "Again a.1 1 why 1", "Failed a.1 1 why 2", "GivenBack a.1 1", "Snoozed a.1 1"], await AuditAsync());
        // A second time it is somebody else's, or has ended.
        foreach (var result in results) Assert.Empty(await Ticked(store.FinishAsync([result], skipLocked: true, Stopping)));
        Assert.Equal(5, (await AuditAsync()).Count);
    }

    [Fact]
    public async Task A_hook_that_is_refused_lets_the_record_as_it_was()
    {
        var store = await AuditedAsync();
        var task = await StartedAsync(1, store: store);
        await SetNoteAsync(1, Refused);
        var before = await RowAsync(1);
        var error = await RefusedAsync(() => store.FinishAsync([Completed(task)], skipLocked: false, Stopping));
        Assert.IsAssignableFrom<DbException>(error);
        Assert.Contains("the database refuses the statement of its OnFinished", store.Explained(error).Message, StringComparison.Ordinal);
        Assert.Equal(before, await RowAsync(1));
        Assert.Single(await Ticked(store.FinishAsync([Completed(task) with { LeavesOutHooks = true }], skipLocked: false, Stopping)));
        Assert.Equal((true, 1), ((await RowAsync(1)).Ok, (await AuditAsync()).Count));
    }

    [Fact]
    public async Task A_hook_sees_what_the_handler_has_set_and_one_that_throws_says_so()
    {
        var store = await AuditedAsync();
        var task = await StartedAsync(1, store: store);
        var changes = new Dictionary<int, object?> { [task.Table.RecordColumn(Profile.Note)] = "set" };
        var values = new RecordValues(task.Table, task.Fence.Key, task.Values).With(changes);
        var completed = Completed(task, Changes(store, (Profile.Note, "set"))) with { Values = values };
        Assert.Single(await Ticked(store.FinishAsync([completed], skipLocked: false, Stopping)));
        Assert.Equal("set a.1 1", (await AuditAsync())[^1]);

        var throwing = await JobAsync(job => job.OnFinished(about => about.Key.Length > 0 ? throw new FormatException("no") : (Sql?)null));
        var other = await StartedAsync(2, store: throwing);
        var error = await RefusedAsync(() => throwing.FinishAsync([Completed(other)], skipLocked: false, Stopping));
        Assert.Equal("OnFinished throws FormatException: no", error.Message);
        Assert.Null((await RowAsync(2)).Et);
    }

    [Fact]
    public async Task Hooks_within_a_transaction_of_the_task_end_with_it()
    {
        var store = await AuditedAsync();
        var task = await StartedAsync(1, store: store);
        var completed = Completed(task) with { Values = new RecordValues(task.Table, task.Fence.Key, task.Values) };
        await Db.ExecuteAsync("DELETE FROM audit");
        await RepeatedAsync(async () =>
        {
            await using var transaction = await BeginAsync();
            await store.RunHooksWithinAsync(transaction, completed, Stopping);
            Assert.True(await store.FinishWithinAsync(transaction, completed, Stopping));
        });
        Assert.Equal((null, 0), ((await RowAsync(1)).Et, (await AuditAsync()).Count));
        await RepeatedAsync(async () =>
        {
            await using var transaction = await BeginAsync();
            await store.RunHooksWithinAsync(transaction, completed, Stopping);
            Assert.True(await store.FinishWithinAsync(transaction, completed, Stopping));
            await transaction.CommitAsync();
        });
        Assert.Equal(["Completed a.1 1"], await AuditAsync());
    }

    [Fact]
    public async Task Hooks_of_records_that_run_again_are_committed_with_that()
    {
        var store = await AuditedAsync(job =>
        {
            job.RelaunchAfter = TimeSpan.FromMinutes(1);
            job.RelaunchJitter = 0;
        });
        await InsertAsync([(1, Done(90)), (2, Done(90) with { Note = Refused }), (3, Done(5)), (4, Done(5, ok: false))]);
        var before = await RowAsync(2);
        await RefusedAsync(() => RepeatAsync(store));
        Assert.NotNull((await RowAsync(1)).Et);
        Assert.Empty(await AuditAsync());
        var second = await SeenAsync(2);
        await RefusedAsync(() => RepeatSeenAsync(store, second));
        Assert.Equal(KeysOf(1), Shown(await RepeatSeenAsync(store, await SeenAsync(1))));
        var ended = await store.ReadEndedAsync(TaskState.Failed, 10, Stopping);
        Assert.Equal(KeysOf(4), Shown(await Ticked(store.RelaunchAsync(ended, TaskState.Failed, Stopping))));
        Assert.Equal(before, await RowAsync(2));
        await SetNoteAsync(2, null);
        Assert.Equal(1, await RepeatAsync(store));
        Assert.Equal(["again 0", "again 0", "again 0"], await AuditAsync());
    }

    [Fact]
    public async Task Hooks_are_told_of_attempts_that_were_lost_with_their_worker_and_cannot_keep_them_lost()
    {
        var store = await AuditedAsync();
        await StartedAsync(1, store: store);
        await StartedAsync(2, new Row { N = 2 }, store);
        await InsertAsync(3);
        await ReserveAsync(1, store: store);
        await Db.ExecuteAsync("DELETE FROM audit");
        var dead = await DeadAsync();
        Assert.Equal(new TakenBack(1, 1, 1), await ReclaimAsync(store, dead));
        Assert.Equal(["Again 1 worker a.1 lost during attempt 1 of 3", "Failed a.1 3 worker a.1 lost during attempt 3 of 3"], (await AuditAsync()).Order());

        var reserved = await ReserveAsync(1, "a.2", store);
        Assert.Single(await StartAsync(reserved, store));
        foreach (var number in (int[])[1, 2, 3]) await SetNoteAsync(number, Refused);
        await AdvanceAsync(31);
        await BeatAsync("b.1");
        await RenewLeaderAsync();
        Assert.Equal(1, (await ReclaimAsync(store, new DeadWorker("a.2", 1, await HeartbeatOfAsync("a.2")))).Total);
    }

    [Fact]
    public async Task One_hook_that_is_refused_does_not_take_those_of_others_that_were_lost_with_it()
    {
        var store = await AuditedAsync();
        foreach (var number in (int[])[1, 2, 3]) await StartedAsync(number, store: store);
        await SetNoteAsync(2, Refused);
        await Db.ExecuteAsync("DELETE FROM audit");
        Assert.Equal(new TakenBack(0, 3, 0), await ReclaimAsync(store, await DeadAsync()));
        Assert.Equal(["Again 1 worker a.1 lost during attempt 1 of 3", "Again 1 worker a.1 lost during attempt 1 of 3"], await AuditAsync());
        Assert.Equal((null, "worker a.1 lost during attempt 1 of 3"), ((await RowAsync(2)).Rid, (await RowAsync(2)).Err));
    }

    [Fact]
    public async Task A_hook_that_does_not_fit_leaves_what_was_lost_until_it_does()
    {
        var store = await AuditedAsync();
        await StartedAsync(1, store: store);
        var dead = await DeadAsync();
        await Db.ExecuteAsync("ALTER TABLE audit RENAME TO elsewhere");
        var error = await Assert.ThrowsAnyAsync<DbException>(() => ReclaimAsync(store, dead));
        Assert.Equal(ErrorKind.Schema, Db.Database.Dialect.Classify(error));
        Assert.NotNull((await RowAsync(1)).St);
        await Db.ExecuteAsync("ALTER TABLE elsewhere RENAME TO audit");
        await RenewLeaderAsync();
        Assert.Equal(new TakenBack(0, 1, 0), await ReclaimAsync(store, dead));
        Assert.Equal("Again 1 worker a.1 lost during attempt 1 of 3", (await AuditAsync())[^1]);
    }

    [Fact]
    public async Task A_hook_without_a_statement_says_so()
    {
        var store = await JobAsync(job => job.OnStarting(_ => $" "));
        await InsertAsync(1);
        var reserved = await ReserveAsync(1, store: store);
        var error = await RefusedAsync(() => StartAsync(reserved, store));
        Assert.Equal("OnStarting throws InvalidOperationException: its statement is empty; return null where there is nothing to do", error.Message);
    }

    [Fact]
    public async Task A_condition_on_workers_is_asked_of_all_of_them_at_once()
    {
        var least = 1;
        var store = await JobAsync(job => job.AllowWhereEachCycle(() =>
            $"worker.node <> {"c"} AND (SELECT count(*) FROM pampa_worker AS w WHERE w.node = worker.node AND w.worker_id <> worker.id) >= {least}"));
        (string, string)[] workers = [("a.1", "a"), ("b.1", "b"), ("c.1", "c"), ("a.2", "a")];
        Assert.Equal(["a.1", "a.2"], (await store.ReadAllowedAsync(workers, TimeSpan.FromSeconds(5), Stopping)).Order());
        least = 0;
        Assert.Equal(["a.1", "a.2", "b.1"], (await store.ReadAllowedAsync(workers, TimeSpan.FromSeconds(5), Stopping)).Order());
        await store.ProbeAllowedAsync(Stopping);

        var wrong = await JobAsync(job => job.AllowWhere = $"worker.name = {"a"}");
        var error = await Assert.ThrowsAnyAsync<DbException>(() => wrong.ProbeAllowedAsync(Stopping));
        Assert.Equal(ErrorKind.Schema, Db.Database.Dialect.Classify(error));
    }
}
