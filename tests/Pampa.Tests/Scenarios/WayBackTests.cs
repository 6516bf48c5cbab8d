using Npgsql;
using Pampa.Dispatching;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Records that come to stand before the place where picking goes on: they are looked for beside it, and hold it up nowhere.</summary>
public sealed class WayBackTests
{
    private static PostgresException TooLong => new("canceling statement due to statement timeout", "ERROR", "ERROR", "57014");

    private static PostgresException Locked => new("canceling statement due to lock timeout", "ERROR", "ERROR", "55P03");

    /// <summary>More than its one worker takes in a round, of which the first are done; a look is due.</summary>
    private static async Task<(TestCluster Cluster, TestProcess Process)> BacklogAsync(
        int records, int queue = 2, Engine engine = Engine.PostgreSql, Action<JobBuilder>? more = null)
    {
        var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(records, first: 10_001);
        var process = await cluster.StartAsync(
            job =>
            {
                (job.QueueSize, job.MaxQueueSize) = (queue, queue);
                job.Backoff = Backoff.None;
                more?.Invoke(job);
                if (queue > 2) job.ProcessBatch(queue, (_, _) => { });
                else job.Process(_ => { });
            }, workers: 1);
        await process.RoundAsync();
        await cluster.AdvanceAsync(2);
        return (cluster, process);
    }

    private static bool Holds(string text, string part) => text.Contains(part, StringComparison.Ordinal);

    private static int Called(TestCluster cluster, Func<long, bool> which) => cluster.Calls.Count(call => which(call.Key));

    [Fact]
    public async Task While_it_is_looked_for_them_the_rounds_go_on_and_then_they_come_next()
    {
        var (cluster, process) = await BacklogAsync(records: 100);
        await using var _ = cluster;
        await cluster.InsertAsync(2, first: 1);
        var looks = 0;
        process.Faults.Note(TestProcess.LookBehind, () => looks++);
        var look = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.Faults.Delay(TestProcess.LookBehind, look.Task);
        await process.PatientRoundsAsync(1);
        var before = cluster.Calls.Count;
        Assert.InRange(before, 10, 12);
        Assert.Equal(0, Called(cluster, key => key <= 2));

        // However long it takes, there is one of them.
        await process.PatientRoundsAsync(1);
        Assert.InRange(cluster.Calls.Count, before + 10, before + 12);
        look.SetResult();
        await process.Dispatcher.EndPassesAsync().WaitAsync(TimeSpan.FromMinutes(1), TestCluster.Stopping);
        Assert.Equal(1, looks);
        // As soon as what was reserved before them is done.
        for (var i = 0; i < 4; i++) await process.RoundAsync();
        Assert.Equal(2, Called(cluster, key => key <= 2));
        await cluster.UntilEndedAsync();
        Assert.Equal(102, cluster.Calls.Count);
    }

    [Fact]
    public async Task It_takes_turns_with_whatever_else_takes_seconds_and_the_rounds_wait_for_neither()
    {
        var (cluster, process) = await BacklogAsync(records: 100);
        await using var _ = cluster;
        await cluster.InsertAsync(1, first: 1);
        var looks = 0;
        process.Faults.Note(TestProcess.LookBehind, () => looks++);
        var counting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var scan = process.Lane.Store.Database.InTurnAsync(() => counting.Task, TestCluster.Stopping);
        for (var i = 0; i < 5; i++) await process.RoundAsync().WaitAsync(TimeSpan.FromMinutes(1), TestCluster.Stopping);
        Assert.Equal((0, 0), (looks, Called(cluster, key => key == 1)));
        Assert.InRange(cluster.Calls.Count, 5, 7);
        counting.SetResult();
        await scan;
        await process.Dispatcher.EndPassesAsync().WaitAsync(TimeSpan.FromMinutes(1), TestCluster.Stopping);
        for (var i = 0; i < 3; i++) await process.RoundAsync();
        Assert.Equal((1, 1), (looks, Called(cluster, key => key == 1)));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task What_it_is_told_of_in_the_middle_of_a_backlog_is_found_at_once_where_the_way_is_short(Engine engine)
    {
        var (cluster, process) = await BacklogAsync(records: 100, engine: engine);
        await using var _ = cluster;
        await process.RoundAsync();
        await process.RoundAsync();
        await cluster.InsertAsync(1, first: 1);
        process.Dispatcher.Wake();
        await process.RoundAsync();
        Assert.False((await cluster.RowAsync(1)).IsFree);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task Behind_a_full_number_of_them_it_looks_on(Engine engine)
    {
        var (cluster, process) = await BacklogAsync(records: 1_000, queue: 200, engine);
        await using var _ = cluster;
        await cluster.InsertAsync(WayBack.Most + 500, first: 1);
        var looks = new List<int>();
        process.Faults.Note(TestProcess.LookBehind, () => looks.Add(Called(cluster, key => key <= 10_000)));
        for (var i = 0; i < 30 && Called(cluster, key => key <= 10_000) < WayBack.Most + 500; i++) await process.RoundAsync();
        Assert.Equal(WayBack.Most + 500, Called(cluster, key => key <= 10_000));
        // They come before what stands behind them, but for what was reserved before they were found.
        Assert.InRange(Called(cluster, key => key > 10_000), 200, 600);
        Assert.Equal(2, looks.Count);
        Assert.InRange(looks[1], 600, WayBack.Most);
        await cluster.UntilEndedAsync();
        Assert.Equal(WayBack.Most + 1_500, cluster.Calls.Count);
    }

    [Theory, InlineData(1, 0.3), InlineData(3, 1)]
    public async Task Behind_thousands_that_somebody_holds_locked_others_are_found_and_picking_stays_where_it_was(int thousands, double pause)
    {
        var (cluster, process) = await BacklogAsync(records: 1_000);
        await using var _ = cluster;
        var locked = thousands * WayBack.Most;
        await cluster.InsertAsync(locked + 1, first: 1);
        await using var other = await cluster.Db.Source.OpenConnectionAsync(TestCluster.Stopping);
        await using var transaction = await other.BeginTransactionAsync(TestCluster.Stopping);
        await using (var command = other.CreateCommand())
        {
            command.Transaction = transaction;
            command.CommandText = $"SELECT value FROM numbers WHERE value <= {locked} FOR UPDATE";
            await command.ExecuteNonQueryAsync(TestCluster.Stopping);
        }
        var walks = 0;
        process.Faults.Each(text => Holds(text, TestProcess.Reserve) && !Holds(text, "@named") && !Holds(text, "@cursor0"), _ => walks++);
        // So slowly that it begins at the first again before all of them were tried.
        var rounds = 12 * thousands;
        for (var i = 0; i < rounds; i++)
        {
            await process.RoundAsync();
            await cluster.LiveAsync(pause);
        }
        // Those that come later have been done meanwhile.
        Assert.Equal(locked + 1, Assert.Single(cluster.Calls, call => call.Key <= 10_000).Key);
        Assert.InRange(cluster.Calls.Count, rounds - 1, rounds + 1);
        await transaction.RollbackAsync(TestCluster.Stopping);
        for (var i = 0; i < 20; i++)
        {
            await process.RoundAsync();
            await cluster.LiveAsync(0.5);
        }
        Assert.Equal(0, walks);
        Assert.InRange(Called(cluster, key => key <= locked), 10, 20);
    }

    [Fact]
    public async Task What_is_gone_round_it_does_not_find_again()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.InsertAsync(60, first: 10_001);
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ENABLE ROW LEVEL SECURITY; CREATE POLICY refuse ON numbers USING (true) WITH CHECK (value <> 10001 OR odd_checking_reservation_id IS NULL)");
        var process = await cluster.StartAsync(
            job =>
            {
                (job.QueueSize, job.MaxQueueSize) = (2, 2);
                job.Process(_ => { });
            }, workers: 1);
        for (var i = 0; i < 4; i++) await process.RoundAsync();
        Assert.Single(process.Lines, line => line.Contains("record 10001 is gone round", StringComparison.Ordinal));
        var named = 0;
        process.Faults.Note("@named", () => named++);
        for (var i = 0; i < 7; i++)
        {
            await process.RoundAsync();
            await cluster.LiveAsync(1);
        }
        // Behind it there is nothing, and it is looked for nothing else.
        Assert.Equal(0, named);
        Assert.InRange(cluster.Calls.Count, 6, 12);
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task One_that_a_rule_refuses_is_left_out_for_a_while_and_keeps_no_other_away(Engine engine)
    {
        var (cluster, process) = await BacklogAsync(records: 600, engine: engine);
        await using var _ = cluster;
        await cluster.Db.ExecuteAsync(cluster.Db.IsSqlite
            ? "CREATE TRIGGER refuse BEFORE UPDATE ON numbers WHEN NEW.value = 3 AND NEW.odd_checking_reservation_id IS NOT NULL BEGIN SELECT RAISE(ABORT, 'nobody gets three'); END"
            : "ALTER TABLE numbers ENABLE ROW LEVEL SECURITY; CREATE POLICY refuse ON numbers USING (true) WITH CHECK (value <> 3 OR odd_checking_reservation_id IS NULL)");
        await cluster.InsertAsync(5, first: 1);
        var (looks, refused) = (0, 0);
        process.Faults.Note(TestProcess.LookBehind, () => looks++);
        process.Faults.Note("@named", () => refused++);
        for (var i = 0; i < 90; i++)
        {
            await process.RoundAsync();
            await cluster.LiveAsync(0.1);
        }
        Assert.Equal([1, 2, 4, 5], cluster.Calls.Select(call => call.Key).Where(key => key <= 5));
        Assert.True((await cluster.RowAsync(3)).IsFree);
        Assert.Equal((0, false), (process.Outages, process.Lane.Load.IsSuspended));
        Assert.Single(process.Lines, line => line.Contains("record 3 is gone round", StringComparison.Ordinal));
        // It was looked for them each second, and the one that is refused was tried with its neighbours, which was halved, and alone.
        Assert.InRange(looks, 7, 10);
        Assert.InRange(refused, 4, 10);
        await cluster.Db.ExecuteAsync(cluster.Db.IsSqlite ? "DROP TRIGGER refuse" : "DROP POLICY refuse ON numbers; ALTER TABLE numbers DISABLE ROW LEVEL SECURITY");
        await cluster.LiveAsync(5);
        for (var i = 0; i < 5 && Called(cluster, key => key == 3) == 0; i++) await process.RoundAsync();
        Assert.Equal(1, Called(cluster, key => key == 3));
    }

    [Fact]
    public async Task Many_that_a_rule_refuses_do_not_hide_one_behind_them()
    {
        const int refused = 300;
        var (cluster, process) = await BacklogAsync(records: 200);
        await using var _ = cluster;
        await cluster.Db.ExecuteAsync(
            $"ALTER TABLE numbers ENABLE ROW LEVEL SECURITY; CREATE POLICY refuse ON numbers USING (true) WITH CHECK (value > {refused} OR odd_checking_reservation_id IS NULL)");
        await cluster.InsertAsync(refused + 1, first: 1);
        for (var i = 0; i < 12; i++) await process.RoundAsync();
        Assert.Equal(1, Called(cluster, key => key == refused + 1));
        Assert.InRange(Called(cluster, key => key > 10_000), 8, 12);
        // Later ones are found at once, with nobody having tried the others again.
        var tried = 0;
        process.Faults.Note("@named", () => tried++);
        await cluster.InsertAsync(1, first: refused + 2);
        process.Dispatcher.Wake();
        for (var i = 0; i < 5; i++) await process.RoundAsync();
        Assert.Equal((1, 1), (tried, Called(cluster, key => key == refused + 2)));
    }

    [Fact]
    public async Task Where_the_condition_fails_for_one_of_them_that_is_told_and_picking_goes_on()
    {
        var (cluster, process) = await BacklogAsync(records: 200, more: job => job.Where = $"10 / (value - 3) IS NOT NULL");
        await using var _ = cluster;
        await cluster.InsertAsync(5, first: 1);
        var looks = 0;
        process.Faults.Note(TestProcess.LookBehind, () =>
        {
            looks++;
            cluster.Time.Advance(TimeSpan.FromSeconds(0.1));
        });
        for (var i = 0; i < 40; i++)
        {
            process.Dispatcher.Wake();
            await process.RoundAsync();
            await cluster.LiveAsync(0.1);
        }
        Assert.Equal(0, Called(cluster, key => key <= 5));
        Assert.InRange(cluster.Calls.Count, 38, 42);
        Assert.Equal((0, false), (process.Outages, process.Lane.Load.IsSuspended));
        Assert.Single(process.Lines, line => Holds(line, "to look for due records before") && Holds(line, "division by zero"));
        // It takes its time as any other does.
        Assert.InRange(looks, 3, 6);
    }

    [Fact]
    public async Task Where_it_takes_too_long_it_is_given_up_and_comes_seldom()
    {
        var (cluster, process) = await BacklogAsync(records: 400);
        await using var _ = cluster;
        process.Faults.FailBefore(
            TestProcess.LookBehind, times: int.MaxValue, error: TooLong, happening: () => cluster.Time.Advance(TimeSpan.FromSeconds(0.5)));
        for (var round = 0; round < 50; round++)
        {
            await process.RoundAsync();
            await cluster.AdvanceAsync(0.1);
        }
        Assert.InRange(process.Faults.Hits, 1, 3);
        Assert.InRange(cluster.Calls.Count, 45, 52);
        Assert.Single(process.Lines, line => Holds(line, "to look for due records before the one that was reserved last has failed"));
        process.Faults.Clear();
        await cluster.LiveAsync(60);
        await cluster.InsertAsync(1, first: 1);
        process.Dispatcher.Wake();
        for (var round = 0; round < 5; round++)
        {
            await process.RoundAsync();
            await cluster.LiveAsync(1);
        }
        Assert.False((await cluster.RowAsync(1)).IsFree);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task However_often_it_is_told_of_records_looking_takes_a_share_of_its_time(bool isTold)
    {
        var (cluster, process) = await BacklogAsync(records: 400);
        await using var _ = cluster;
        var looks = 0;
        process.Faults.Note(TestProcess.LookBehind, () =>
        {
            looks++;
            cluster.Time.Advance(TimeSpan.FromSeconds(0.1));
        });
        for (var round = 0; round < 100; round++)
        {
            if (isTold) process.Dispatcher.Wake();
            else process.Lane.Load.GiveBack();
            await process.RoundAsync();
            await cluster.AdvanceAsync(0.1);
        }
        Assert.InRange(looks, 4, 9);
        Assert.InRange(cluster.Calls.Count, 95, 102);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task What_is_told_while_it_looks_it_looks_for_again(bool isTold)
    {
        var (cluster, process) = await BacklogAsync(records: 100);
        await using var _ = cluster;
        var looks = 0;
        process.Faults.Note(TestProcess.LookBehind, () => looks++);
        var counting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var scan = process.Lane.Store.Database.InTurnAsync(() => counting.Task, TestCluster.Stopping);
        await process.RoundAsync();
        if (isTold) process.Dispatcher.Wake();
        for (var i = 0; i < 2; i++) await process.RoundAsync();
        counting.SetResult();
        await scan;
        await process.Dispatcher.EndPassesAsync().WaitAsync(TimeSpan.FromMinutes(1), TestCluster.Stopping);
        Assert.Equal(1, looks);
        for (var i = 0; i < 4; i++) await process.RoundAsync();
        Assert.Equal(isTold ? 2 : 1, looks);
    }

    [Theory, InlineData("slow"), InlineData("too long"), InlineData("locked")]
    public async Task Nothing_that_it_meets_is_taken_for_somebodys_locks(string what)
    {
        var (cluster, process) = await BacklogAsync(records: 100);
        await using var _ = cluster;
        var (sent, looks) = (new List<string>(), 0);
        process.Faults.Each(text => Holds(text, TestProcess.Reserve), sent.Add);
        process.Faults.Each(text => Holds(text, TestProcess.LookBehind), _ =>
        {
            looks++;
            cluster.Time.Advance(TimeSpan.FromSeconds(0.2));
            if (what != "slow") throw what == "locked" ? Locked : TooLong;
        });
        for (var i = 0; i < 20; i++)
        {
            await process.RoundAsync();
            await cluster.AdvanceAsync(0.5);
        }
        Assert.InRange(looks, 2, 10);
        // Each round has reserved as if nothing were.
        Assert.Equal(20, sent.Count);
        Assert.Equal(what == "slow" ? 0 : 1, process.Lines.Count(line => Holds(line, "to look for due records before the one that was reserved last has failed")));
        Assert.DoesNotContain(sent, text => Holds(text, "SKIP LOCKED"));
    }

    [Theory, InlineData("lost"), InlineData("refused"), InlineData("gone")]
    public async Task Whatever_goes_wrong_with_them_they_are_found_again_and_picking_goes_on_from_where_it_was(string what)
    {
        var (cluster, process) = await BacklogAsync(records: 100);
        await using var _ = cluster;
        await cluster.InsertAsync(2, first: 1);
        if (what == "lost") process.Faults.LoseAnswer("@named");
        else process.Faults.FailBefore("@named", error: what == "gone" ? cluster.Gone("no answer") : TooLong);
        for (var i = 0; i < 10 && process.Faults.Hits == 0; i++) await process.RoundAsync();
        Assert.Equal(1, process.Faults.Hits);
        Assert.Equal(what == "refused" ? 0 : 1, process.Outages);
        var sent = new List<string>();
        process.Faults.Each(text => Holds(text, TestProcess.Reserve) && !Holds(text, "@named"), sent.Add);
        for (var i = 0; i < 30 && Called(cluster, key => key <= 2) < 2; i++)
        {
            await process.RoundAsync();
            // As long as it takes until what was lost is read back; else at once.
            if (what == "lost") await cluster.LiveAsync(0.1);
        }
        Assert.Equal(2, Called(cluster, key => key <= 2));
        Assert.All(sent, text => Assert.Contains("@cursor0", text, StringComparison.Ordinal));
        await cluster.UntilEndedAsync();
        Assert.Equal(102, cluster.Calls.Count);
    }

    [Fact]
    public async Task What_a_look_of_a_former_term_has_met_is_nothing_to_the_new_one()
    {
        var (cluster, process) = await BacklogAsync(records: 100);
        await using var _ = cluster;
        var counting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var scan = process.Lane.Store.Database.InTurnAsync(() => counting.Task, TestCluster.Stopping);
        process.Faults.FailBefore(TestProcess.LookBehind, error: cluster.Gone("no answer"));
        await process.RoundAsync();
        await cluster.Db.ExecuteAsync("UPDATE pampa_lease SET term = term + 1, holder = 'other', expires_at = '2030-01-01T00:00:00Z' WHERE scope = 'cluster'");
        await cluster.LiveAsync(10);
        for (var i = 0; i < 3; i++) await process.RoundAsync();
        counting.SetResult();
        await scan;
        await process.Dispatcher.EndPassesAsync().WaitAsync(TimeSpan.FromMinutes(1), TestCluster.Stopping);
        Assert.Equal(1, process.Faults.Hits);
        var before = cluster.Calls.Count;
        for (var i = 0; i < 10; i++) await process.RoundAsync();
        Assert.InRange(cluster.Calls.Count, before + 9, before + 10);
        Assert.Equal(0, process.Outages);
        Assert.DoesNotContain(process.Lines, line => Holds(line, "to look for due records"));
    }
}
