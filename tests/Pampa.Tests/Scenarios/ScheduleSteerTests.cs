using static Pampa.Tests.Scenarios.ScheduleSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Schedules that are paused, run by hand, changed and taken out of the program.</summary>
public sealed class ScheduleSteerTests
{
    private static CancellationToken Stopping => TestCluster.Stopping;

    private static async Task<ScheduleInfo> InfoAsync(TestProcess process, string name = "numbers") =>
        Assert.Single(await process.Cluster.SchedulesAsync(Stopping), s => s.Name == name);

    private static async Task RefusedAsync(string says, Func<Task> act) =>
        Assert.Contains(says, (await Assert.ThrowsAnyAsync<ArgumentException>(act)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_pause_outlives_the_leader_and_what_passed_meanwhile_does_not_come()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var program = Program("*/10 * * * *", s => s.Misfire = Misfire.All);
        var first = await cluster.StartProgramAsync(program);
        // Nobody has led yet: it is known all the same.
        await first.Cluster.PauseScheduleAsync("numbers", "the shop moves", Stopping);
        await TurnAsync(cluster, 2, first);
        await cluster.LiveAsync(1_200);
        await TurnAsync(cluster, 2, first);
        first.Kill();
        await cluster.AdvanceAsync(20);
        var second = await cluster.StartProgramAsync(program, name: "b");
        await TurnAsync(cluster, 3, second);
        Assert.Empty(await cluster.RowsAsync());
        var paused = await InfoAsync(second);
        Assert.Equal((ScheduleState.Paused, "the shop moves", null), (paused.State, paused.PauseReason, paused.Next));

        Assert.True(await second.Cluster.ResumeScheduleAsync("numbers", Stopping));
        Assert.False(await second.Cluster.ResumeScheduleAsync("numbers", Stopping));
        await TurnAsync(cluster, 3, second);
        Assert.Empty(await cluster.RowsAsync());
        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 3, second);
        Assert.Equal([30], (await cluster.RowsAsync()).Select(r => r.Key));
        await RefusedAsync("There is no schedule 'nubmers' (did you mean 'numbers'?). Schedules are numbers.", () => second.Cluster.PauseScheduleAsync("nubmers", cancellationToken: Stopping));
        await RefusedAsync("at most 500 characters", () => second.Cluster.PauseScheduleAsync("numbers", new string('x', 501), Stopping));
        await RefusedAsync("There is no schedule 'x'", () => second.Cluster.ResumeScheduleAsync("x", Stopping));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task By_hand_it_runs_at_once_and_once_and_the_regular_ticks_come_as_ever(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        // What a schedule writes needs rights of its own.
        await cluster.Db.GrantOwnAsync("INSERT ON numbers");
        var ticks = new List<ScheduleTick>();
        var program = new Action<PampaBuilder>(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
            pampa.AddSchedule("numbers", "*/10 * * * *", schedule => schedule.Do(tick =>
            {
                if (tick.IsByHand) ticks.Add(tick);
                return $"INSERT INTO numbers (value) VALUES ({(tick.IsByHand ? 100 + ticks.Count : NumberOf(tick))})";
            }));
        });
        var leader = await cluster.StartProgramAsync(program);
        var other = await cluster.StartProgramAsync(program, name: "b");
        await TurnAsync(cluster, 2, leader, other);
        await cluster.LiveAsync(598);
        // Due, and not yet done: this is another one.
        var tick = await other.Cluster.RunScheduleAsync("numbers", Stopping);
        Assert.Equal((true, cluster.Db.Clock.Now), (tick.IsByHand, tick.At.UtcDateTime));
        Assert.StartsWith("numbers/", tick.IdempotencyKey, StringComparison.Ordinal);
        await other.Cluster.PauseScheduleAsync("numbers", cancellationToken: Stopping);
        await other.Cluster.RunScheduleAsync("numbers", Stopping);
        await other.Cluster.ResumeScheduleAsync("numbers", Stopping);
        Assert.Equal([101, 102], (await cluster.RowsAsync()).Select(r => r.Key));

        // Whatever becomes of the answers.
        other.Faults.LoseAnswer("pampa_schedule_run (");
        await UntilEndedAsync(cluster, other.Cluster.RunScheduleAsync("numbers", Stopping));
        other.Faults.FailBefore("COMMIT");
        await UntilEndedAsync(cluster, other.Cluster.RunScheduleAsync("numbers", Stopping));
        Assert.Equal(4, (await cluster.RowsAsync()).Count);
        other.Faults.FailBefore("COMMIT", times: 100);
        var inDoubt = other.Cluster.RunScheduleAsync("numbers", Stopping);
        await Assert.ThrowsAsync<TimeoutException>(() => UntilEndedAsync(cluster, inDoubt));
        other.Faults.Clear();

        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 3, leader);
        Assert.Equal(20, (await cluster.RowsAsync())[0].Key);
        Assert.Equal(5, (await cluster.RowsAsync()).Count);
    }

    private static async Task UntilEndedAsync(TestCluster cluster, Task task)
    {
        await UntilAsync(() => Task.FromResult(task.IsCompleted), cluster);
        await task;
    }

    [Fact]
    public async Task Whoever_gives_up_a_tick_that_is_done_has_it_and_it_is_in_the_audit()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(Program("*/10 * * * *"));
        await TurnAsync(cluster, 1, process);
        using var stop = new CancellationTokenSource();
        process.Faults.Note("INSERT INTO pampa_audit", stop.Cancel);
        var tick = await process.Cluster.RunScheduleAsync("numbers", stop.Token);
        Assert.True(stop.IsCancellationRequested && tick.IsByHand);
        Assert.Single(await cluster.RowsAsync());
        Assert.Equal("run schedule", Assert.Single((await process.Cluster.AuditAsync(null, Stopping)).Entries).Action);
    }

    [Fact]
    public async Task By_hand_a_tick_that_fails_is_told_to_whoever_asked()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
            pampa.AddSchedule("broken", "@daily", s =>
            {
                s.Do(_ => $"INSERT INTO numbers (value) VALUES (1)");
                s.Do(_ => $"INSERT INTO nowhere (value) VALUES (1)");
            });
            pampa.AddSchedule("unmade", "@daily", s => s.Do(_ => throw new InvalidOperationException("no idea")));
        });
        await TurnAsync(cluster, 1, process);
        var failed = await Assert.ThrowsAsync<InvalidOperationException>(() => process.Cluster.RunScheduleAsync("broken", Stopping));
        Assert.StartsWith("Schedule 'broken': the tick has failed, and nothing of it stays: ", failed.Message, StringComparison.Ordinal);
        Assert.EndsWith("no such table: nowhere'.", failed.Message, StringComparison.Ordinal);
        failed = await Assert.ThrowsAsync<InvalidOperationException>(() => process.Cluster.RunScheduleAsync("unmade", Stopping));
        Assert.Contains("the function that makes its statement throws InvalidOperationException: no idea", failed.Message, StringComparison.Ordinal);
        Assert.Empty(await cluster.RowsAsync());
        Assert.Equal((ScheduleState.Active, 0), await InfoAsync(process, "broken") is var info ? (info.State, info.Failures) : default);
        await RefusedAsync("There is no schedule 'brokne' (did you mean 'broken'?)", () => process.Cluster.RunScheduleAsync("brokne", Stopping));
    }

    [Fact]
    public async Task Of_two_versions_that_of_the_leader_has_its_way_and_says_so()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var old = await cluster.StartProgramAsync(Program("*/10 * * * *"));
        var next = await cluster.StartProgramAsync(Program("5 * * * *", s => s.TimeZone = "Europe/Madrid"), name: "b");
        await TurnAsync(cluster, 2, old, next);
        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 2, old, next);
        Assert.Equal([10], (await cluster.RowsAsync()).Select(r => r.Key));
        var info = await InfoAsync(next);
        Assert.Equal(("*/10 * * * *", "UTC", "5 * * * *", 1), (info.Expression, info.TimeZone, info.OwnExpression, info.Revision));
        Assert.Null((await InfoAsync(old)).OwnExpression);

        old.Kill();
        // What was due by the old expression and not done by then is of the old one.
        await cluster.LiveAsync(900);
        await TurnAsync(cluster, 2, next);
        Assert.Equal([10], (await cluster.RowsAsync()).Select(r => r.Key));
        info = await InfoAsync(next);
        Assert.Equal(("5 * * * *", "Europe/Madrid", null, 2, Minute(65)), (info.Expression, info.TimeZone, info.OwnExpression, info.Revision, info.Next));
        Assert.Equal(TimeSpan.FromHours(1), info.NextLocal!.Value.Offset);
        Assert.Contains("Schedule 'numbers' was '*/10 * * * *' (UTC) in ", Assert.Single(Of(next, "begins anew from now on")), StringComparison.Ordinal);
        await cluster.LiveAsync(2_400);
        await TurnAsync(cluster, 2, next);
        Assert.Equal([10, 65], (await cluster.RowsAsync()).Select(r => r.Key));
        Assert.Single(Of(next, "begins anew"));
    }

    [Fact]
    public async Task A_schedule_that_is_no_more_in_the_program_is_kept_and_idle()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var old = await cluster.StartProgramAsync(Program("*/10 * * * *"));
        Assert.Equal(ScheduleState.Idle, (await InfoAsync(old)).State);
        await TurnAsync(cluster, 2, old);
        Assert.Equal(ScheduleState.Active, (await InfoAsync(old)).State);
        old.Kill();
        await cluster.AdvanceAsync(20);
        var next = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job => job.Process(_ => { })), name: "b");
        await next.DispatchAsync();
        await TurnAsync(cluster, 2, next);
        var info = await InfoAsync(next);
        Assert.Equal((ScheduleState.Idle, false, "*/10 * * * *"), (info.State, info.IsInProgram, info.Expression));
        await RefusedAsync("There is no schedule 'numbers'", () => next.Cluster.RunScheduleAsync("numbers", Stopping));
        // It can be paused before it comes back.
        await next.Cluster.PauseScheduleAsync("numbers", cancellationToken: Stopping);
        Assert.Equal(ScheduleState.Paused, (await InfoAsync(next)).State);
        await next.Cluster.ResumeScheduleAsync("numbers", Stopping);

        await cluster.LiveAsync(600);
        var again = await cluster.StartProgramAsync(Program("*/10 * * * *"), name: "c");
        next.Kill();
        await cluster.AdvanceAsync(20);
        await TurnAsync(cluster, 2, again);
        Assert.Equal([10], (await cluster.RowsAsync()).Select(r => r.Key));
    }

    [Fact]
    public async Task A_row_that_somebody_deletes_begins_anew()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(Program("*/10 * * * *"));
        await TurnAsync(cluster, 2, process);
        await cluster.Db.ExecuteAsync("DELETE FROM pampa_schedule");
        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 3, process);
        Assert.Empty(await cluster.RowsAsync());
        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 3, process);
        Assert.Equal([20], (await cluster.RowsAsync()).Select(r => r.Key));
    }

    [Fact]
    public async Task In_a_loop_of_ones_own_it_is_a_step_like_the_others()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var leader = await cluster.StartProgramAsync(Program("*/10 * * * *"));
        var other = await cluster.StartProgramAsync(Program("*/10 * * * *"), name: "b");
        Assert.Equal(0, await leader.Cluster.TickAsync(Stopping));
        await cluster.LiveAsync(600);
        Assert.Equal(1, await leader.Cluster.TickAsync(Stopping));
        await cluster.LiveAsync(10);
        Assert.Equal(0, await other.Cluster.TickAsync(Stopping));
        Assert.Equal(0, await leader.Cluster.TickAsync(Stopping));
        Assert.True(await leader.Cluster.DispatchAsync(Stopping) >= 0);
    }

    [Fact]
    public async Task A_tick_by_hand_that_is_done_is_not_told_as_failed_where_only_the_audit_is()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(ScheduleSetup.Program("0 3 * * *"));
        await cluster.Db.ExecuteAsync("ALTER TABLE pampa_audit RENAME TO gone");
        var error = await Assert.ThrowsAsync<TimeoutException>(() => process.Cluster.RunScheduleAsync("numbers", Stopping));
        Assert.Contains("is done and stays so, do not run it again; only the line in the audit could not be written", error.Message, StringComparison.Ordinal);
        Assert.Single(await cluster.RowsAsync());
    }

    private static Action<PampaBuilder> Slow(Action? begun = null) => pampa =>
    {
        TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
        pampa.AddSchedule("slow", "@daily", schedule =>
        {
            schedule.MaxDuration = TimeSpan.FromSeconds(5);
            schedule.Do(_ => $"INSERT INTO numbers (value) VALUES (1)");
            schedule.Do((tick, _, _) =>
            {
                begun?.Invoke();
                return Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, tick.CancellationToken);
            });
        });
    };

    [Fact]
    public async Task By_hand_a_tick_has_its_time_and_no_more()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(Slow());
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => UntilEndedAsync(cluster, process.Cluster.RunScheduleAsync("slow", Stopping)));
        Assert.StartsWith("Schedule 'slow': the tick has failed, and nothing of it stays: it did not end within 00:00:05 (MaxDuration): ", error.Message, StringComparison.Ordinal);
        Assert.Empty(await cluster.RowsAsync());

        // An earlier try may be done: that this one took too long says nothing of it.
        process.Faults.FailBefore("INSERT INTO numbers", error: new Pampa.Storage.TickInDoubtException(cluster.Gone("no answer")));
        var doubt = await Assert.ThrowsAsync<TimeoutException>(() => UntilEndedAsync(cluster, process.Cluster.RunScheduleAsync("slow", Stopping)));
        Assert.Contains("whether the tick was done is not known: it did not end within 00:00:05 (MaxDuration)", doubt.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_gives_up_a_tick_by_hand_is_told_so_and_nothing_of_it_stays()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        var process = await cluster.StartProgramAsync(Slow(stop.Cancel));
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => process.Cluster.RunScheduleAsync("slow", stop.Token));
        Assert.Equal(stop.Token, error.CancellationToken);
        Assert.Empty(await cluster.RowsAsync());
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Who_gives_up_a_tick_by_hand_that_may_be_done_is_told_that(bool isBetweenTries)
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        var process = await cluster.StartProgramAsync(Program("@daily"));
        process.Faults.FailBefore("COMMIT", happening: isBetweenTries ? stop.Cancel : null, error: cluster.Gone("no answer"));
        if (!isBetweenTries) process.Faults.FailBefore("pampa_schedule_run (", spared: 1, happening: stop.Cancel);
        var error = await Assert.ThrowsAsync<TimeoutException>(() => UntilEndedAsync(cluster, process.Cluster.RunScheduleAsync("numbers", stop.Token)));
        Assert.Contains("whether the tick was done is not known: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task By_hand_a_statement_that_the_server_ends_is_a_tick_that_has_failed()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.Db.GrantOwnAsync("INSERT ON numbers");
        var process = await cluster.StartProgramAsync(Program("@daily"));
        process.Faults.FailBefore("INSERT INTO numbers", error: new Npgsql.PostgresException("canceling statement due to statement timeout", "ERROR", "ERROR", "57014"));
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => process.Cluster.RunScheduleAsync("numbers", Stopping));
        Assert.Contains("the tick has failed, and nothing of it stays: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("statement timeout", error.Message, StringComparison.Ordinal);
        Assert.Empty(await cluster.RowsAsync());
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task By_hand_a_tick_that_may_be_done_is_never_told_as_failed(bool isDone)
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(Program("@daily"));
        if (isDone) process.Faults.LoseAnswer("pampa_schedule_run (");
        else process.Faults.FailBefore("COMMIT");
        // The try after that meets something else, and be it what the first one has written.
        process.Faults.FailBefore("pampa_schedule_run (", spared: 1, error: new Microsoft.Data.Sqlite.SqliteException("a rule refuses it", 19));
        var error = await Assert.ThrowsAsync<TimeoutException>(() => UntilEndedAsync(cluster, process.Cluster.RunScheduleAsync("numbers", Stopping)));
        Assert.Contains("whether the tick was done is not known: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("a rule refuses it", error.Message, StringComparison.Ordinal);
        Assert.Equal(isDone ? 1 : 0, (await cluster.RowsAsync()).Count);
    }
}
