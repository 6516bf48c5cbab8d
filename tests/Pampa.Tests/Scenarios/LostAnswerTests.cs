using System.Data.Common;
using Pampa.Storage;
using Pampa.Working;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Statements that took effect although nobody was told, and a database that is out of reach.</summary>
public sealed class LostAnswerTests
{
    private const string Register = "INSERT INTO pampa_worker";

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task Reservations_whose_answer_was_lost_are_adopted_and_each_started_once(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(10);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        process.Faults.LoseAnswer(TestProcess.Reserve);

        await process.DispatchAsync();
        Assert.Equal((1, 10), (process.Outages, (await cluster.RowsAsync()).Count(r => r.IsReserved)));
        Assert.True(process.Lane.Load.IsInDoubt);
        // Nothing more is reserved while it is in doubt.
        Assert.False(await process.DispatchAsync());
        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(10, cluster.Calls.Count);
        Assert.Equal((10, 10, 0, 0, 0),
            (process.Counters.Started, process.Counters.Completed, process.Counters.Forgiven, process.Counters.Fenced, process.Counters.Unknown));
        Assert.Contains(process.Lines, line => line.Contains("10 reservations adopted, 0 started ones given back", StringComparison.Ordinal));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task A_registration_whose_answer_was_lost_is_repeated_at_once_under_the_next_session(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(10);
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job => job.Process(_ => { })), joins: false);
        process.Faults.LoseAnswer(Register, times: 2);
        for (var i = 0; i < 2; i++) await Assert.ThrowsAnyAsync<DbException>(() => process.JoinAsync());
        Assert.Empty(process.Membership.Workers);

        // The clock stands: nobody's lease ends.
        await process.JoinAsync();
        Assert.Equal([("a.1", 3), ("a.2", 3)], process.Membership.Workers);
        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        // Whoever else comes under this name does not get it by that.
        Assert.Null(await process.Store.RegisterAsync("a", ["a.1", "a.2"], ProcessIdentity.Current, TestCluster.WorkerLease, [], TestCluster.Stopping));
    }

    [Fact]
    public async Task A_chosen_name_is_not_waited_for_where_it_was_this_node_itself_that_registered_it()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job => job.Process(_ => { })), joins: false);
        var membership = new Membership(process.Store, process.Store, TestCluster.WorkerLease, cluster.Time);
        Task RegisterAsync() => membership.RegisterAsync(new NodeName("web1") { IsFixed = true }, 2, id => Assert.Fail($"It waits for the lease of {id}."), TestCluster.Stopping);
        process.Faults.LoseAnswer(Register);
        await Assert.ThrowsAnyAsync<DbException>(RegisterAsync);
        await RegisterAsync();
        Assert.Equal(("web1", 2L, true), (membership.Node, membership.Workers[0].Session, membership.IsTrusted));
    }

    [Fact]
    public async Task However_many_tries_come_after_it_a_registration_whose_answer_was_lost_is_known_again()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job => job.Process(_ => { })), joins: false);
        var membership = new Membership(process.Store, process.Store, TestCluster.WorkerLease, cluster.Time);
        Task RegisterAsync() => membership.RegisterAsync(new NodeName("web1") { IsFixed = true }, 2, id => Assert.Fail($"It waits for the lease of {id}."), TestCluster.Stopping);
        process.Faults.LoseAnswer(Register);
        await Assert.ThrowsAnyAsync<DbException>(RegisterAsync);
        process.Faults.FailBefore(Register, times: 20);
        for (var i = 0; i < 20; i++) await Assert.ThrowsAnyAsync<DbException>(RegisterAsync);
        await RegisterAsync();
        Assert.Equal((21, 2L), (process.Faults.Hits, membership.Workers[0].Session));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task Starts_whose_answer_was_lost_are_forgiven_and_each_task_is_completed(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(10);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 4);
        process.Faults.LoseAnswer(TestProcess.Start);

        await process.DispatchAsync();
        await process.StartAsync();
        Assert.Equal((0, 4), (process.Node.Running, (await cluster.RowsAsync()).Count(r => r.IsRunning)));
        Assert.Empty(cluster.Calls);
        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal(10, cluster.Calls.Count);
        Assert.Equal((10, 4, 0, 0),
            (process.Counters.Completed, process.Counters.Forgiven, process.Counters.Fenced, process.Counters.Unknown));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_start_that_arrives_after_its_reservation_was_read_back_costs_nothing(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1);
        await process.DispatchAsync();
        process.Faults.FailBefore(TestProcess.Start);
        await process.StartAsync();
        Assert.Equal((1, true), (process.Outages, process.Lane.Load.IsInDoubt));

        // The server gets it when the node has seen that it has not been started, and before it is asked for again.
        process.Faults.Meanwhile(TestProcess.ReadOwn, () => cluster.Db.ExecuteAsync(
            "UPDATE numbers SET odd_checking_start_time = odd_checking_reservation_time, odd_checking_reservation_times = 1").GetAwaiter().GetResult());
        await process.StartAsync();
        Assert.Equal((1, true), ((await cluster.RowAsync(1)).N, (await cluster.RowAsync(1)).IsRunning));
        Assert.True(process.Lane.Load.IsInDoubt);
        await cluster.UntilEndedAsync();

        Assert.Equal((true, 1), ((await cluster.RowAsync(1)).IsCompleted, (await cluster.RowAsync(1)).N));
        Assert.Equal((1, 1), (cluster.Calls.Count, process.Counters.Forgiven));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_column_that_is_away_while_a_lost_result_is_looked_for_is_waited_for(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        process.Faults.LoseAnswer(TestProcess.Finish);
        process.Faults.Note("IS TRUE, t.\"odd_checking_error_description\"", () =>
            cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME COLUMN odd_checking_error_description TO mislaid").GetAwaiter().GetResult());

        await process.FinishAsync();
        await process.FinishAsync();
        Assert.Equal((true, 1), (process.Lane.Load.IsSuspended, process.Lane.Finisher.Count));
        process.Faults.Clear();

        await cluster.Db.ExecuteAsync("ALTER TABLE numbers RENAME COLUMN mislaid TO odd_checking_error_description");
        await cluster.LiveAsync(31);
        await process.FinishAsync();
        Assert.Equal((1, 0, 0, 0), (process.Counters.Completed, process.Counters.Fenced, process.Lane.Finisher.Count, process.Outages - 1));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task Results_whose_answer_was_lost_are_not_run_again_and_never_counted_as_fenced(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        cluster.AttemptsAreGivenBack = true;
        await cluster.InsertAsync(12);
        var process = await cluster.StartAsync(job =>
        {
            job.Backoff = Backoff.Fixed(TimeSpan.FromSeconds(60));
            job.Process(task =>
            {
                if (task.Attempt > 1 || task["note"] is not null) return;
                if (task.Get<long>("value") % 3 == 1) throw new InvalidOperationException("again");
                if (task.Get<long>("value") % 3 == 2)
                {
                    task["note"] = "snoozed";
                    throw new SnoozeException(TimeSpan.FromSeconds(60));
                }
            });
        }, workers: 12);
        process.Faults.LoseAnswer(TestProcess.Finish, times: 2);

        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        for (var i = 0; i < 5; i++) await process.FinishAsync();

        Assert.Equal(2, process.Faults.Hits);
        Assert.Equal((0, 12, 0), (process.Lane.Finisher.Count, cluster.Calls.Count, process.Counters.Fenced));
        Assert.Equal(12, process.Counters.Completed + process.Counters.Again + process.Counters.Snoozed + process.Counters.Unknown);
        Assert.Equal(4, process.Counters.Completed);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal(
            (row.Key % 3) switch { 0 => (true, 1, null), 1 => (false, 1, null), _ => (false, 0, (string?)"snoozed") },
            (row.IsCompleted, row.N, row.Note)));

        await cluster.LiveAsync(80);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, row.Key % 3 == 1 ? 2 : 1), (row.IsCompleted, row.N)));
        Assert.Equal(0, process.Counters.Fenced);
    }

    [Fact]
    public async Task A_result_that_comes_after_the_leader_has_failed_its_record_is_fenced()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.Process(_ => { });
        });
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        process.Faults.FailBefore(TestProcess.Finish);
        await process.FinishAsync();
        // It leaves the fence of the attempt as it is.
        await cluster.Db.ExecuteAsync("""
            UPDATE numbers SET odd_checking_end_time = '2030-01-01T00:00:09.000Z', odd_checking_success = FALSE,
              odd_checking_error_description = 'worker a.1 lost during attempt 1 of 1'
            """);

        await process.FinishAsync();

        Assert.Equal((1, 0, 0), (process.Counters.Fenced, process.Counters.Completed, process.Counters.Unknown));
    }

    [Fact]
    public async Task A_statement_that_never_arrived_is_simply_sent_again()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(10);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        process.Faults.FailBefore(TestProcess.Reserve, times: 2);
        process.Faults.FailBefore(TestProcess.Start, times: 2);
        process.Faults.FailBefore(TestProcess.Finish, times: 3);

        await cluster.UntilEndedAsync();

        Assert.Equal(7, process.Faults.Hits);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal((10, 0, 0), (cluster.Calls.Count, process.Counters.Fenced, process.Counters.Unknown));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task An_outage_loses_nothing_and_intake_stops_meanwhile(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(2_000);
        var process = await cluster.StartAsync(job => job.Process(task => task["is_odd"] = task.Get<long>("value") % 2 != 0), workers: 2);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));
        await process.DispatchAsync();
        await process.StartAsync();
        process.Faults.IsDown = true;

        for (var i = 0; i < 30; i++)
        {
            await process.RoundAsync();
            await cluster.AdvanceAsync(0.1);
        }
        Assert.True(process.Outages > 20);
        Assert.Equal(100, process.Lane.Finisher.Count);
        Assert.Equal(100, cluster.Calls.Count);
        Assert.Equal(100, (await cluster.RowsAsync()).Count(r => r.IsRunning));
        process.Faults.IsDown = false;
        await cluster.UntilEndedAsync(maxRounds: 100);

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1, row.Key % 2 != 0), (row.IsCompleted, row.N, row.IsOdd)));
        Assert.Equal((2_000, 2_000, 0, 0), (cluster.Calls.Count, process.Counters.Completed, process.Counters.Fenced, process.Counters.Unknown));
    }

    [Fact]
    public async Task Nothing_new_starts_while_too_many_results_wait_for_the_table()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(8_000);
        var process = await cluster.StartAsync(job => job.Process(_ => { }), workers: 4);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));
        process.Faults.FailBefore(TestProcess.Finish, times: int.MaxValue);

        for (var i = 0; i < 60; i++)
        {
            await process.RoundAsync();
            await cluster.AdvanceAsync(0.1);
        }

        // Twice what one statement writes, or what the workers may have started, and what was started just before.
        var ahead = process.Lane.Load.Ahead;
        var most = Math.Max(2 * Pampa.Jobs.Limits.StatementRows, 2 * 4 * ahead);
        Assert.InRange(process.Lane.Finisher.Count, most, most + 4 * ahead);
        Assert.Equal(process.Lane.Finisher.Count, cluster.Calls.Count);
    }
}
