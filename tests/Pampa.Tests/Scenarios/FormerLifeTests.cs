using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>What a former life of a node's ids has left and recovery has missed: the node finds it by itself, and the attempt counts.</summary>
public sealed class FormerLifeTests
{
    private const string Left = """
        UPDATE numbers SET odd_checking_reservation_id = 'a.1', odd_checking_reservation_times = 1,
          odd_checking_reservation_time = '2030-01-01T00:00:00.000Z', odd_checking_start_time = '2030-01-01T00:00:00.000Z'
        """;

    [Theory, InlineData(Engine.Sqlite, 1), InlineData(Engine.Sqlite, 3), InlineData(Engine.PostgreSql, 1), InlineData(Engine.PostgreSql, 3)]
    internal async Task A_started_record_that_nobody_here_has_started_is_charged_when_it_is_found(Engine engine, int maxAttempts)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = maxAttempts;
            job.Process(_ => { });
        });
        await cluster.Db.ExecuteAsync(Left);

        await cluster.LiveAsync(29);
        await process.StartAsync();
        await process.FinishAsync();
        Assert.True((await cluster.RowAsync(1)).IsRunning);
        await cluster.LiveAsync(2);
        await process.StartAsync();
        await process.FinishAsync();

        var found = await cluster.RowAsync(1);
        Assert.Equal((maxAttempts == 1, 1), (found.IsFailed, found.N));
        Assert.Equal(maxAttempts > 1, found.IsFree);
        Assert.Equal($"worker a.1 lost during attempt 1 of {maxAttempts}", found.Err);
        Assert.Equal((0, 0), (process.Counters.Forgiven, process.Counters.Fenced));
        Assert.Empty(cluster.Calls);
        Assert.Contains(process.Lines, line => line.Contains("0 started ones given back, 1 lost", StringComparison.Ordinal));
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync();
        Assert.Equal(maxAttempts == 1 ? [] : [2], cluster.Calls.Select(c => c.Attempt));
        Assert.Equal((maxAttempts > 1, maxAttempts == 1 ? 1 : 2), ((await cluster.RowAsync(1)).IsCompleted, (await cluster.RowAsync(1)).N));
    }

    [Fact]
    public async Task A_node_that_comes_back_with_fewer_workers_is_dealt_nothing_for_the_others()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.Sqlite);
        await cluster.InsertAsync(100);
        void Program(PampaBuilder pampa) => TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
        var leader = await cluster.StartProgramAsync(Program, name: "leader", joins: false);
        var first = await cluster.StartProgramAsync(Program, 3, "web");
        await leader.DispatchAsync();
        first.Kill();
        // The new life sees that the former one is dead, as on its host; the leader, elsewhere, cannot.
        await cluster.Db.ExecuteAsync("UPDATE pampa_worker SET expires_at = heartbeat_at");
        var second = await cluster.StartProgramAsync(Program, 1, "web");
        for (var round = 0; round < 20; round++)
        {
            await cluster.AdvanceAsync(0.2);
            leader.Dispatcher.Wake();
            await leader.DispatchAsync();
            await second.ExchangeAsync();
            await second.StartAsync();
        }
        Assert.All(await cluster.RowsAsync(where: "odd_checking_reservation_id IS NOT NULL"), row => Assert.Equal("web.1", row.Rid));
        await cluster.UntilEndedAsync();
    }

    [Theory, InlineData(Engine.PostgreSql, 1), InlineData(Engine.PostgreSql, 3), InlineData(Engine.Portable, 1), InlineData(Engine.Portable, 3)]
    internal async Task A_started_record_that_was_locked_when_the_new_life_joined_is_charged_later(Engine engine, int maxAttempts)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.InsertAsync(2);
        void Job(JobBuilder job)
        {
            job.MaxAttempts = maxAttempts;
            job.Process(_ => { });
        }
        var first = await cluster.StartAsync(Job);
        await first.DispatchAsync();
        await first.StartAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsRunning, row.N)));
        first.Kill();
        await first.MarkDeadAsync();

        TestProcess second;
        await using (await LockedRowTests.Holder.HoldAsync(cluster, "value = 1"))
        {
            second = await cluster.StartAsync(Job);
            Assert.Equal("a", second.Membership.Node);
            Assert.True((await cluster.RowAsync(1)).IsRunning);
        }
        await cluster.LiveAsync(31);
        await second.StartAsync();
        await second.FinishAsync();

        var found = await cluster.RowAsync(1);
        Assert.Equal((maxAttempts == 1, 1), (found.IsFailed, found.N));
        Assert.Equal(maxAttempts > 1, found.IsFree);
        Assert.StartsWith("worker a.", found.Err, StringComparison.Ordinal);
        Assert.EndsWith($"lost during attempt 1 of {maxAttempts}", found.Err, StringComparison.Ordinal);
        Assert.Empty(cluster.Calls);
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync();
        Assert.Equal(maxAttempts == 1 ? 0 : 2, cluster.Calls.Count);
        Assert.All(cluster.Calls, call => Assert.Equal(2, call.Attempt));
    }

    [Fact]
    public async Task What_a_former_life_has_left_is_settled_once_however_long_that_takes()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await cluster.Db.ExecuteAsync(Left);
        process.Faults.FailBefore(TestProcess.Finish, times: 3);

        for (var i = 0; i < 3; i++)
        {
            await cluster.LiveAsync(31);
            await process.StartAsync();
            await process.FinishAsync();
            Assert.Equal(1, process.Lane.Finisher.Count);
        }
        await process.FinishAsync();

        Assert.Equal((1, 0, 0), (process.Counters.Again, process.Counters.Fenced, process.Lane.Finisher.Count));
    }

    [Fact]
    public async Task Doubt_about_one_reservation_does_not_forgive_another_attempt_of_the_record()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await cluster.AdvanceAsync(1);
        await process.DispatchAsync();
        process.Faults.FailBefore(TestProcess.Start);
        await process.StartAsync();
        Assert.True(process.Lane.Load.IsInDoubt);
        // It was not this START that has taken effect, but one of a former life.
        await cluster.Db.ExecuteAsync(Left);

        await process.StartAsync();
        await process.FinishAsync();

        Assert.Equal((1, 0), (process.Counters.Again, process.Counters.Forgiven));
        Assert.Equal((true, 1), ((await cluster.RowAsync(1)).IsFree, (await cluster.RowAsync(1)).N));
    }

    [Fact]
    public async Task An_attempt_that_was_in_doubt_once_and_has_run_since_is_charged_when_nothing_of_it_could_be_written()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.DispatchAsync();
        process.Faults.FailBefore(TestProcess.Start);
        await process.StartAsync();
        // It is read back, found unstarted, adopted and started.
        await process.StartAsync();
        await process.RunAsync();
        Assert.Single(cluster.Calls);
        await cluster.Db.ExecuteAsync("""
            CREATE TRIGGER refuse BEFORE UPDATE ON numbers WHEN OLD.odd_checking_start_time IS NOT NULL
            BEGIN SELECT RAISE(ABORT, 'it stays as it is'); END
            """);
        await process.FinishAsync();
        Assert.Equal((1, 0), (process.Counters.Unknown, process.Lane.Finisher.Count));
        await cluster.Db.ExecuteAsync("DROP TRIGGER refuse");

        await cluster.LiveAsync(31);
        await process.StartAsync();
        await process.FinishAsync();

        Assert.Equal((1, 0), (process.Counters.Again, process.Counters.Forgiven));
        Assert.Equal("worker a.1 lost during attempt 1 of 3", (await cluster.RowAsync(1)).Err);
    }
}
