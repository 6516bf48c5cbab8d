using System.Data;
using System.Data.Common;
using System.Diagnostics;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

/// <summary>
/// Two at the same record. On PostgreSQL the second meets the first one's lock before it is committed; SQLite has one writer, so
/// there the second comes between the first one's statements.
/// </summary>
public abstract partial class StoreConformance
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>A transaction of somebody else's that is open.</summary>
    private sealed class Held(DbConnection connection, DbTransaction transaction) : IAsyncDisposable
    {
        public Task CommitAsync() => transaction.CommitAsync();

        public async ValueTask DisposeAsync()
        {
            await transaction.DisposeAsync();
            await connection.DisposeAsync();
        }
    }

    private async Task<Held> HoldAsync(string statement, IsolationLevel isolation = IsolationLevel.Unspecified)
    {
        var connection = await Db.Own.OpenConnectionAsync(Stopping);
        var transaction = await connection.BeginTransactionAsync(isolation, Stopping);
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = statement;
        await command.ExecuteNonQueryAsync(Stopping);
        return new Held(connection, transaction);
    }

    /// <summary>Runs a call while somebody else has changed a record and not committed yet: an application, or another process of Pampa's.</summary>
    private async Task<T> BehindAsync<T>(string statement, Func<Task<T>> call, bool isOwn = false)
    {
        if (Db.IsSqlite)
        {
            await Db.ExecuteAsync(statement);
            return await call();
        }
        await using var held = await HoldAsync(statement, isOwn ? Db.Database.Dialect.UnitIsolation : IsolationLevel.Unspecified);
        var running = call();
        var waited = Stopwatch.StartNew();
        while (!running.IsCompleted && waited.Elapsed < Patience)
        {
            if (await Db.ScalarAsync<long>("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0) break;
        }
        await held.CommitAsync();
        return await running.WaitAsync(Patience, Stopping);
    }

    private string Change(int number, params (string Column, object? Value)[] changes) =>
        $"UPDATE {Profile.Table} SET {string.Join(", ", changes.Select(c => $"{TableProfile.Quote(c.Column)} = {TableProfile.Literal(c.Value)}"))} WHERE {Profile.KeyIs(number)}";

    [Fact]
    public async Task A_finish_behind_an_uncommitted_reclaim_changes_nothing()
    {
        var task = await StartedAsync(1);
        var settled = await BehindAsync(
            Change(1, (Profile.Columns.ReservationId, null), (Profile.Columns.StartTime, null)), () => FinishAsync(Completed(task)));
        Assert.Empty(settled);
        Assert.Equal((null, null), ((await RowAsync(1)).Et, (await RowAsync(1)).Ok));
    }

    [Fact]
    public async Task A_reclaim_behind_an_uncommitted_finish_changes_nothing()
    {
        await StartedAsync(1);
        var dead = await DeadAsync();
        var end = Clock.Now;
        Assert.Equal(default, await BehindAsync(
            Change(1, (Profile.Columns.EndTime, end), (Profile.Columns.Success, true)), () => ReclaimAsync(Store, dead)));
        Assert.Equal((end, true, "a.1"), ((await RowAsync(1)).Et!.Value, (await RowAsync(1)).Ok!.Value, (await RowAsync(1)).Rid));
    }

    [Fact]
    public async Task A_start_behind_an_uncommitted_new_reservation_changes_nothing()
    {
        await InsertAsync(1);
        var reserved = await ReserveAsync(1);
        var later = Clock.Now.AddSeconds(1);
        Assert.Empty(await BehindAsync(
            Change(1, (Profile.Columns.ReservationId, "b.1"), (Profile.Columns.ReservationTime, later)), () => StartAsync(reserved)));
        Assert.Equal(new Row { Rid = "b.1", Rt = later }, await RowAsync(1));
    }

    [Fact]
    public async Task A_release_behind_an_uncommitted_start_changes_nothing()
    {
        await InsertAsync(1);
        var reserved = await ReserveAsync(1);
        Assert.Empty(await BehindAsync(
            Change(1, (Profile.Columns.StartTime, Clock.Now), (Profile.Columns.ReservationTimes, 1)), () => Ticked(Store.ReleaseAsync(reserved, Stopping))));
        Assert.Equal("a.1", (await RowAsync(1)).Rid);
    }

    [Fact]
    public async Task A_relaunch_behind_an_uncommitted_relaunch_changes_nothing()
    {
        await InsertAsync(1, new Row { Et = Clock.Now, Ok = true });
        var seen = await Store.ReadEndedAsync(TaskState.Completed, 1, Stopping);
        Assert.Empty(await BehindAsync(
            Change(1, (Profile.Columns.EndTime, null), (Profile.Columns.Success, null), (Profile.Columns.ErrorDescription, "theirs")),
            () => Ticked(Store.RelaunchAsync(seen, TaskState.Completed, Stopping))));
        Assert.Equal("theirs", (await RowAsync(1)).Err);
    }

    [Fact]
    public async Task A_reservation_behind_an_uncommitted_one_takes_other_records()
    {
        await InsertAsync([1, 2, 3]);
        var reserved = await BehindAsync(
            Change(1, (Profile.Columns.ReservationId, "b.1"), (Profile.Columns.ReservationTime, Clock.Now)), () => ReserveAsync(2));
        // One that picked before it had to wait takes fewer than it might.
        Assert.Equal(Engine is Engine.ReadCommitted or Engine.PostgreSql ? KeysOf(2) : KeysOf(2, 3), Shown(reserved.Select(r => r.Key)));
        Assert.Equal("b.1", (await RowAsync(1)).Rid);
    }

    [Fact]
    public async Task An_end_of_the_exhausted_behind_an_uncommitted_retry_changes_nothing()
    {
        await InsertAsync(1, new Row { N = 3 });
        Assert.Equal(0, await BehindAsync(Change(1, (Profile.Columns.ReservationTimes, 0)), () => Ticked(Store.ExhaustAsync(Lease, Stopping))));
        Assert.Null((await RowAsync(1)).Et);
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("reserved at")]
    [InlineData("attempts")]
    [InlineData("start")]
    [InlineData("end")]
    public async Task A_reclaim_or_recovery_behind_an_uncommitted_change_of_what_it_saw_changes_nothing(string part)
    {
        await InsertAsync([1, 2]);
        await StartAsync(await ReserveAsync(2));
        var dead = await DeadAsync();
        (string, object?) change = part switch
        {
            // Another dead one: who holds it is not who was seen, though it may be taken back as well.
            "worker" => (Profile.Columns.ReservationId, "gone.5"),
            "reserved at" => (Profile.Columns.ReservationTime, Clock.Now),
            "attempts" => (Profile.Columns.ReservationTimes, 2),
            "start" => (Profile.Columns.StartTime, Clock.Now),
            _ => (Profile.Columns.EndTime, Clock.Now),
        };
        // On SQLite nothing can come between: what was seen is what is there.
        if (Db.IsSqlite) return;
        var reclaimed = await BehindAsync(Change(1, change), () => ReclaimAsync(Store, dead));
        if (Engine is Engine.Portable or Engine.Restarting) return;
        Assert.Equal(1, reclaimed.Again);
        Assert.Null((await RowAsync(1)).Err);
        await ChangeAsync(1, Profile.Columns.ReservationId, "b.1");
        await InsertAsync(3, new Row { Rid = "a.2", Rt = Clock.Now, St = Clock.Now, N = 1 });
        await Ticked(Workers.RegisterAsync("a", ["a.1", "a.2"], "p7", Ttl, ["p1"], Stopping));
        if (part == "worker") change = (Profile.Columns.ReservationId, "a.1");
        var recovered = await BehindAsync(Change(3, change), () => Ticked(Store.RecoverAsync([("a.1", 2), ("a.2", 2)], Stopping)));
        Assert.Equal(default, recovered);
        Assert.Null((await RowAsync(3)).Err);
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("attempts")]
    [InlineData("due")]
    [InlineData("end")]
    public async Task A_reservation_or_end_behind_an_uncommitted_change_takes_only_what_is_still_free(string part)
    {
        await InsertAsync([(1, Row.Fresh), (2, new Row { N = 3 })]);
        (string, object?) change = part switch
        {
            "worker" => (Profile.Columns.ReservationId, "b.1"),
            "attempts" => (Profile.Columns.ReservationTimes, 3),
            "due" => (Profile.Columns.ReservationTime, Clock.Now.AddHours(1)),
            _ => (Profile.Columns.EndTime, Clock.Now),
        };
        Assert.Empty(await BehindAsync(Change(1, change), () => ReserveAsync(1)));
        Assert.NotEqual("a.1", (await RowAsync(1)).Rid);
        if (part == "due") return;
        change = part == "attempts" ? (Profile.Columns.ReservationTimes, 1) : change;
        Assert.Equal(part == "attempts" ? 1 : 0, await BehindAsync(Change(2, change), () => Ticked(Store.ExhaustAsync(Lease, Stopping))));
        Assert.Null((await RowAsync(2)).Ok);
    }

    [Fact]
    public async Task A_locked_record_is_passed_by_or_reported_after_the_lock_time_out()
    {
        await InsertAsync([1, 2, 3]);
        var touch = Change(1, (Profile.Note, "touched"));
        if (Db.IsSqlite)
        {
            // The whole file is locked, and who holds it is done soon.
            await using var writer = await HoldAsync(touch);
            var waiting = Task.Run(() => ReserveAsync(2), Stopping);
            await writer.CommitAsync();
            Assert.Equal(KeysOf(1, 2), Shown((await waiting.WaitAsync(Patience, Stopping)).Select(r => r.Key)));
            return;
        }
        await using var held = await HoldAsync(touch);
        if (Db.Database.Dialect.CanSkipLocked)
        {
            Assert.Equal(KeysOf(2, 3), Shown((await ReserveAsync(2)).Select(r => r.Key)));
            Assert.Empty(await ReserveAsync(2));
        }
        else
        {
            var refused = await Assert.ThrowsAnyAsync<DbException>(() => ReserveAsync(2));
            Assert.Equal(ErrorKind.Locked, Db.Database.Dialect.Classify(refused));
        }
        await held.CommitAsync();
        Assert.Contains(KeyText(1), Shown((await ReserveAsync(3)).Select(r => r.Key)));
    }

    [Fact]
    public async Task A_finish_that_meets_a_lock_settles_the_others_when_it_passes_it_by()
    {
        // The others wait for the whole file, or settle row by row.
        if (!Db.Database.Dialect.CanSkipLocked) return;
        var first = await StartedAsync(1);
        var second = await StartedAsync(2);
        await using var held = await HoldAsync(Change(1, (Profile.Note, "touched")));
        var refused = await Assert.ThrowsAnyAsync<DbException>(() => FinishAsync(Completed(first), Completed(second)));
        Assert.Equal(ErrorKind.Locked, Db.Database.Dialect.Classify(refused));
        Assert.Null((await RowAsync(2)).Et);
        Assert.Equal(KeysOf(2), Shown(await Ticked(Store.FinishAsync([Completed(first), Completed(second)], skipLocked: true, Stopping))));
        await held.CommitAsync();
        Assert.Equal(KeysOf(1), Shown(await FinishAsync(Completed(first))));
        Assert.Equal("touched", (await RowAsync(1)).Note);
    }

    [Fact]
    public async Task Reservations_at_the_same_time_never_give_a_record_twice()
    {
        await InsertAsync(Enumerable.Range(1, 400));
        async Task<List<Reservation>> TakeAllAsync(string worker)
        {
            var all = new List<Reservation>();
            while (true)
            {
                try
                {
                    var some = await Store.ReserveAsync(Slots(15, worker), Lease, "a", null, Stopping);
                    all.AddRange(some);
                    // Fewer than asked for means that others were first, not that there are no more.
                    if (some.Count == 0 && (await Store.ReportAsync(Stopping)).Pending == 0) return all;
                }
                catch (DbException e) when (Db.Database.Dialect.Classify(e) is ErrorKind.Locked or ErrorKind.Retry)
                {
                    // Portable: whoever holds the lock is done soon.
                }
            }
        }

        var taken = await Task.WhenAll(((string[])["a.1", "a.2", "b.1"]).Select(w => Task.Run(() => TakeAllAsync(w), Stopping))).WaitAsync(Patience * 3, Stopping);
        var keys = taken.SelectMany(t => t).Select(r => r.Key).ToList();
        Assert.Equal(400, keys.Count);
        Assert.Equal(400, keys.Distinct().Count());
    }

    [Fact]
    public async Task A_lease_is_taken_by_one_of_many_who_want_it()
    {
        var terms = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(
            () => Workers.AcquireAsync("job:x", $"h{i}", "p", Ttl, [], Stopping), Stopping)));
        var won = Assert.Single(terms, t => t is not null);
        Assert.Equal(won!.Holder, (await Workers.ReadHolderAsync("job:x", Stopping))?.Holder);
    }

    [Fact]
    public async Task A_worker_id_is_given_to_one_of_many_who_want_it()
    {
        var sessions = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(
            () => Workers.RegisterAsync("c", ["c.1", "c.2"], $"p{i}", Ttl, [], Stopping), Stopping)));
        Assert.Equal(2, Assert.Single(sessions, s => s is not null)!.Count);
    }

    // As a deletion leaves it: its highest session stays where those of all that were deleted do.
    private const string Delete = """
        INSERT INTO pampa_lease (cluster, scope, holder, process, term, elected_at, expires_at)
          SELECT cluster, 'forgotten workers', '', '', session, heartbeat_at, heartbeat_at FROM pampa_worker WHERE worker_id = 'a.1';
        DELETE FROM pampa_worker WHERE worker_id = 'a.1'
        """;

    [Fact]
    public async Task A_worker_that_registers_behind_its_uncommitted_deletion_does_not_begin_at_the_first_session_again()
    {
        await AdvanceAsync(8 * 86_400);
        Assert.Equal([("a.1", 2L)], await BehindAsync(
            Delete, () => Workers.RegisterAsync("a", ["a.1"], "p9", Ttl, [], Stopping), isOwn: true));
        Assert.Equal(2L, (await Workers.ReadWorkersAsync(Stopping)).Single(w => w.Id == "a.1").Session);
    }

    [Fact]
    public async Task A_worker_whose_registration_is_not_committed_yet_is_not_forgotten()
    {
        await AdvanceAsync(8 * 86_400);
        Assert.Equal(["b.1"], await BeatAsync("b.1"));
        var seen = (await Workers.ReadWorkersAsync(Stopping)).Where(w => w.IsExpired).Select(w => new DeadWorker(w.Id, w.Session, w.Heartbeat)).ToList();
        Assert.Equal(["a.1", "a.2"], seen.Select(w => w.Id));
        await BehindAsync("""
            UPDATE pampa_worker SET session = session + 1, heartbeat_at = (SELECT heartbeat_at FROM pampa_worker WHERE worker_id = 'b.1'),
              expires_at = (SELECT expires_at FROM pampa_worker WHERE worker_id = 'b.1') WHERE worker_id = 'a.1'
            """, () => Workers.ForgetWorkersAsync(seen, Stopping), isOwn: true);
        Assert.Equal([("a.1", 2L), ("b.1", 1L)], (await Workers.ReadWorkersAsync(Stopping)).Select(w => (w.Id, w.Session)));
    }
}
