using System.Data.Common;
using static Pampa.Tests.Scenarios.ScheduleSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Schedules in a cluster: leaders come and go, statements fail, and each tick is done once.</summary>
public sealed class ScheduleTests
{
    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.Restarting)]
    internal async Task At_each_time_there_are_new_records_and_they_are_worked_on(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        // What a schedule writes needs rights of its own.
        await cluster.Db.GrantOwnAsync("INSERT ON numbers");
        var process = await cluster.StartProgramAsync(Program("*/10 * * * *"));
        await TurnAsync(cluster, 3, process);
        Assert.Empty(await cluster.RowsAsync());
        await cluster.LiveAsync(600 - 3);
        await cluster.UntilAsync(async () => await cluster.RowsAsync() is [{ IsCompleted: true }], "the first tick's record has been worked on");
        await cluster.LiveAsync(600);
        await cluster.UntilEndedAsync();
        Assert.Equal([10, 20], (await cluster.RowsAsync()).Select(r => r.Key));
        var info = Assert.Single(await process.Cluster.SchedulesAsync(TestCluster.Stopping));
        Assert.Equal((ScheduleState.Active, Minute(20), Minute(30), 0), (info.State, info.LastTick, info.Next, info.Missed));
        Assert.InRange(info.NextIn!.Value, TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(10));
    }

    [Theory, InlineData(Misfire.Once), InlineData(Misfire.Skip), InlineData(Misfire.All)]
    public async Task A_tick_during_a_change_of_the_leader_is_done_by_the_next_one_whatever_the_policy(Misfire misfire)
    {
        await using var cluster = await TestCluster.CreateAsync();
        var program = Program("*/10 * * * *", s => s.Misfire = misfire);
        var first = await cluster.StartProgramAsync(program);
        var second = await cluster.StartProgramAsync(program, name: "b");
        await TurnAsync(cluster, 2, first, second);
        await cluster.LiveAsync(595);
        await first.TickAsync();
        Assert.True(first.Dispatcher.IsLeading);
        first.Kill();
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count == 1, "the tick is done");
        Assert.True(second.Dispatcher.IsLeading);
        Assert.InRange(cluster.Db.Clock.Now, Minute(10).UtcDateTime.AddSeconds(5), Minute(10).UtcDateTime.AddSeconds(30));
        await cluster.UntilEndedAsync();
        Assert.Equal(0, Assert.Single(await second.Cluster.SchedulesAsync(TestCluster.Stopping)).Missed);
    }

    [Theory]
    [InlineData(Misfire.Once, "60", 5, "5 ticks before the one of 2030-01-01 01:00:00Z were missed; it stands for them")]
    [InlineData(Misfire.Skip, "", 6, "6 ticks up to the one of 2030-01-01 01:00:00Z were missed and are left out")]
    [InlineData(Misfire.All, "10 20 30 40 50 60", 0, null)]
    public async Task What_was_missed_while_nobody_led_is_made_up_for_as_the_policy_says(Misfire misfire, string done, int missed, string? told)
    {
        await using var cluster = await TestCluster.CreateAsync();
        var program = Program("*/10 * * * *", s => s.Misfire = misfire);
        var first = await cluster.StartProgramAsync(program);
        await TurnAsync(cluster, 2, first);
        first.Kill();
        await cluster.AdvanceAsync(TimeSpan.FromMinutes(65));
        var second = await cluster.StartProgramAsync(program, name: "b");
        await TurnAsync(cluster, 10, second);
        Assert.Equal(done, string.Join(' ', (await cluster.RowsAsync()).Select(r => r.Key)));
        Assert.Equal(missed, Assert.Single(await second.Cluster.SchedulesAsync(TestCluster.Stopping)).Missed);
        Assert.Equal(told, Of(second, "missed").Select(line => line[(line.IndexOf("': ", StringComparison.Ordinal) + 3)..]).SingleOrDefault());
        // And goes on with the next.
        await cluster.LiveAsync(300);
        await TurnAsync(cluster, 3, second);
        Assert.Equal(70, (await cluster.RowsAsync())[^1].Key);
    }

    [Fact]
    public async Task A_statement_that_fails_is_told_once_tried_again_and_holds_up_no_other_schedule()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(pampa =>
        {
            Program("*/10 * * * *")(pampa);
            pampa.AddSchedule("broken", "*/10 * * * *", s => s.Do(tick => $"INSERT INTO others (value) VALUES ({NumberOf(tick)})"));
        });
        await TurnAsync(cluster, 2, process);
        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 5, process);
        Assert.Equal([10], (await cluster.RowsAsync()).Select(r => r.Key));
        var broken = (await process.Cluster.SchedulesAsync(TestCluster.Stopping))[0];
        Assert.Equal(("broken", ScheduleState.Failing, 1, null), (broken.Name, broken.State, broken.Failures, broken.LastTick));
        Assert.Contains("no such table: others", broken.Error, StringComparison.Ordinal);
        Assert.Equal(Minute(10), broken.Next);
        await cluster.LiveAsync(300);
        await TurnAsync(cluster, 5, process);
        await cluster.LiveAsync(300);
        await TurnAsync(cluster, 5, process);
        Assert.Equal([10, 20], (await cluster.RowsAsync()).Select(r => r.Key));
        Assert.Contains("Schedule 'broken': the tick of 2030-01-01 00:10:00Z has failed, nothing of it stays, and it is tried again in 00:00:0", Assert.Single(Of(process, "broken")), StringComparison.Ordinal);
        Assert.InRange((await process.Cluster.SchedulesAsync(TestCluster.Stopping))[0].Failures, 3, 5);

        await cluster.CreateTableAsync("others");
        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 5, process);
        Assert.Contains("the tick of 2030-01-01 00:30:00Z is done, after ", Assert.Single(Of(process, "is done, after")), StringComparison.Ordinal);
        Assert.Equal([30], (await cluster.RowsAsync("others")).Select(r => r.Key));
        var mended = (await process.Cluster.SchedulesAsync(TestCluster.Stopping))[0];
        Assert.Equal((ScheduleState.Active, 0, null, 2), (mended.State, mended.Failures, mended.Error, mended.Missed));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task An_answer_to_a_commit_that_is_lost_neither_loses_nor_doubles_a_tick(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        // What a schedule writes needs rights of its own.
        await cluster.Db.GrantOwnAsync("INSERT ON numbers");
        var process = await cluster.StartProgramAsync(Program("*/10 * * * *", s => s.Do(tick => $"INSERT INTO numbers (value) VALUES ({NumberOf(tick) + 1})")));
        await TurnAsync(cluster, 2, process);
        process.Faults.LoseAnswer("done_tick = ");
        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 4, process);
        process.Faults.FailBefore("COMMIT");
        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 15, process);
        Assert.Equal([10, 11, 20, 21], (await cluster.RowsAsync()).Select(r => r.Key));
        Assert.Equal(2, process.Faults.Hits);
        // Only what was not done has failed.
        Assert.Contains("00:20:00Z has failed", Assert.Single(Of(process, "has failed")), StringComparison.Ordinal);
        Assert.Equal(ScheduleState.Active, Assert.Single(await process.Cluster.SchedulesAsync(TestCluster.Stopping)).State);
    }

    [Fact]
    public async Task Code_that_takes_long_holds_up_no_other_schedule_and_is_not_run_beside_itself()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var release = new TaskCompletionSource();
        var calls = 0;
        var process = await cluster.StartProgramAsync(pampa =>
        {
            Program("* * * * *")(pampa);
            pampa.AddSchedule("slow", "* * * * *", s =>
            {
                s.Misfire = Misfire.All;
                s.Do(async (tick, connection, transaction) =>
                {
                    if (++calls == 1) await release.Task;
                    await InsertAsync(connection, transaction, NumberOf(tick) + 100);
                });
            });
        });
        await TurnAsync(cluster, 2, process);
        await cluster.LiveAsync(58);
        await LiveBesideAsync(cluster, 75, process);
        Assert.Equal([1, 2], (await cluster.RowsAsync()).Select(r => r.Key));
        Assert.Equal(1, calls);
        Assert.Contains("the code of its tick of 2030-01-01 00:01:00Z goes on although its MaxDuration is over", Assert.Single(Of(process, "goes on")), StringComparison.Ordinal);
        release.SetResult();
        await UntilAsync(async () =>
        {
            await process.TickAsync();
            return (await cluster.RowsAsync()).Count == 4;
        }, cluster);
        Assert.Equal([1, 2, 101, 102], (await cluster.RowsAsync()).Select(r => r.Key));
    }

    [Fact]
    public async Task Code_that_throws_or_takes_too_long_is_undone_and_tried_again()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var calls = 0;
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
            pampa.AddSchedule("coded", "*/10 * * * *", s => s.Do(async (tick, connection, transaction) =>
            {
                await InsertAsync(connection, transaction, NumberOf(tick) + calls);
                calls++;
                // An error that might as well be the database's.
                if (calls == 1) throw new IOException("the disk is full");
                if (calls == 2) await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, tick.CancellationToken);
            }));
        });
        await TurnAsync(cluster, 2, process);
        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 2, process);
        Assert.Contains("its code throws IOException: the disk is full", Assert.Single(Of(process, "has failed")), StringComparison.Ordinal);
        await cluster.LiveAsync(10);
        var cycle = process.TickAsync();
        await UntilAsync(() => Task.FromResult(calls == 2 && cycle.IsCompleted), cluster);
        ScheduleInfo info;
        do
        {
            await LiveBesideAsync(cluster, 1, process);
            info = Assert.Single(await process.Cluster.SchedulesAsync(TestCluster.Stopping));
        }
        while (info.Failures == 1);
        Assert.Contains("it did not end within 00:01:00 (MaxDuration)", info.Error, StringComparison.Ordinal);
        await TurnAsync(cluster, 20, process);
        Assert.Equal((3, 12L), (calls, Assert.Single(await cluster.RowsAsync()).Key));
    }

    [Fact]
    public async Task A_program_that_ends_in_the_middle_of_a_tick_undoes_it()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var begun = new TaskCompletionSource();
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
            pampa.AddSchedule("coded", "*/10 * * * *", s => s.Do(async (tick, connection, transaction) =>
            {
                await InsertAsync(connection, transaction, 1);
                begun.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, tick.CancellationToken);
            }));
        });
        await TurnAsync(cluster, 2, process);
        await cluster.LiveAsync(600);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestCluster.Stopping);
        var cycle = process.Scheduler.CycleAsync(stop.Token);
        await begun.Task;
        await stop.CancelAsync();
        Assert.False(await cycle);
        await process.Scheduler.EndAsync();
        Assert.Empty(await cluster.RowsAsync());
        Assert.Empty(Of(process, "has failed"));
        Assert.Null(Assert.Single(await process.Cluster.SchedulesAsync(TestCluster.Stopping)).LastTick);
    }

    [Fact]
    public async Task While_the_database_is_away_nothing_is_lost()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(Program("*/10 * * * *", s => s.Misfire = Misfire.All));
        await TurnAsync(cluster, 2, process);
        process.Faults.IsDown = true;
        for (var i = 0; i < 30; i++)
        {
            await cluster.AdvanceAsync(50);
            await process.TickAsync();
        }
        Assert.True(process.Outages > 0);
        process.Faults.IsDown = false;
        await TurnAsync(cluster, 10, process);
        Assert.Equal([10, 20], (await cluster.RowsAsync()).Select(r => r.Key));
        Assert.Empty(Of(process, "has failed"));
    }

    [Fact]
    public async Task Ticks_of_every_second_that_take_a_moment_do_not_fall_behind()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var late = new List<TimeSpan>();
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
            pampa.AddSchedule("seconds", "* * * * * *", s => s.Do(async (tick, _, _) =>
            {
                late.Add(cluster.Time.GetUtcNow() - tick.At);
                await cluster.AdvanceAsync(0.02);
            }));
        });
        var began = cluster.Time.GetTimestamp();
        while (cluster.Time.GetElapsedTime(began) < TimeSpan.FromSeconds(120))
        {
            if (!await process.TickAsync()) await cluster.AdvanceAsync(process.Scheduler.Pause);
        }
        Assert.InRange(late.Count, 115, 120);
        Assert.InRange(late.Max() - late.Min(), TimeSpan.Zero, TimeSpan.FromSeconds(0.5));
    }

    [Fact]
    public async Task What_one_tick_throws_is_no_reason_to_let_the_records_of_another_wait()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(pampa =>
        {
            pampa.AddSchedule("failing", "* * * * *", s => s.Do((_, _, _) => throw new InvalidOperationException("no")));
            Program("* * * * *")(pampa);
        });
        await TurnAsync(cluster, 2, process);
        var told = process.Ticks;
        // Its failure cannot be written down.
        process.Faults.FailBefore("SET failures = failures + 1", times: 100);
        await cluster.LiveAsync(58);
        await UntilAsync(async () =>
        {
            await process.TickAsync();
            return (await cluster.RowsAsync()).Count == 1;
        }, cluster);
        await process.TickAsync();
        Assert.True(process.Outages > 0);
        Assert.Equal(told + 1, process.Ticks);
    }

    [Fact]
    public async Task A_drain_has_no_ticks()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(Program("*/10 * * * *"));
        await TurnAsync(cluster, 1, process);
        process.Scheduler.IsOn = false;
        await cluster.LiveAsync(600);
        await TurnAsync(cluster, 2, process);
        Assert.Empty(await cluster.RowsAsync());
    }

    private static async Task InsertAsync(DbConnection connection, DbTransaction transaction, long number)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = System.FormattableString.Invariant($"INSERT INTO numbers (value) VALUES ({number})");
        await command.ExecuteNonQueryAsync(TestCluster.Stopping);
    }
}
