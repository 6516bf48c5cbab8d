using System.Collections.Concurrent;
using static Pampa.Tests.Scenarios.HookTests;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Statements of hooks while things go wrong: answers are lost, workers die, tables and rows are locked or gone.</summary>
public sealed class HookFaultTests
{
    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task Lost_answers_do_not_run_a_statement_twice_for_one_attempt(Engine engine)
    {
        foreach (var part in (string[])[TestProcess.Start, TestProcess.Finish, "INSERT INTO audit"])
        {
            foreach (var isLost in (bool[])[false, true])
            {
                await using var cluster = await ClusterAsync(engine, 4);
                cluster.AttemptsAreGivenBack = true;
                var process = await cluster.StartAsync(job =>
                {
                    AuditAll(job);
                    job.Process(_ => { });
                });
                if (isLost) process.Faults.LoseAnswer(part);
                else process.Faults.FailBefore(part);
                await cluster.UntilEndedAsync();
                Assert.True(process.Faults.Hits > 0);
                await CheckPairsAsync(cluster);
                Assert.Equal(4, (await AuditAsync(cluster, "what = 'Completed'")).Distinct().Count());
                Assert.Equal(4, (await AuditAsync(cluster, "what = 'Completed'")).Count);
            }
        }
    }

    /// <summary>What has started has ended, and nothing twice.</summary>
    private static async Task CheckPairsAsync(TestCluster cluster)
    {
        var audit = await AuditAsync(cluster);
        foreach (var attempt in audit.GroupBy(a => a.Split(' ')[0]))
            Assert.Equal(attempt.Count(a => a.EndsWith(" starting", StringComparison.Ordinal)), attempt.Count(a => !a.EndsWith(" starting", StringComparison.Ordinal)));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task An_attempt_that_is_lost_with_its_process_has_its_end(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 2);
        var told = new ConcurrentQueue<TaskEvent>();
        void Job(JobBuilder job)
        {
            AuditAll(job);
            job.OnFinished(told.Enqueue);
            job.Process(_ => { });
        }
        var a = await cluster.StartAsync(Job, workers: 1);
        await a.DispatchAsync();
        await a.StartAsync();
        a.Kill();
        var b = await cluster.StartAsync(Job, workers: 1, name: "b");
        for (var i = 0; i < 8; i++)
        {
            await cluster.LiveAsync(5);
            await b.RoundAsync();
        }
        await cluster.UntilEndedAsync();
        await CheckPairsAsync(cluster);
        Assert.Single(await AuditAsync(cluster, "what = 'Again' AND note LIKE 'worker a.1 lost%'"));
        Assert.Equal(1, told.Count(t => t is { Outcome: TaskOutcome.Again, Attempt: 1 } && t.Error!.StartsWith("worker a.1 lost", StringComparison.Ordinal)));
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
    }

    [Theory, InlineData(Engine.Sqlite, true), InlineData(Engine.Sqlite, false), InlineData(Engine.PostgreSql, true), InlineData(Engine.PostgreSql, false)]
    internal async Task A_connection_that_breaks_does_not_leave_out_the_end_of_what_was_lost(Engine engine, bool isLost)
    {
        await using var cluster = await ClusterAsync(engine, 1);
        void Job(JobBuilder job)
        {
            AuditAll(job);
            job.Process(_ => { });
        }
        var a = await cluster.StartAsync(Job, workers: 1);
        await a.DispatchAsync();
        await a.StartAsync();
        a.Kill();
        var b = await cluster.StartAsync(Job, workers: 1, name: "b");
        // Its first hook is that of the end.
        if (isLost) b.Faults.LoseAnswer("INSERT INTO audit");
        else b.Faults.FailBefore("INSERT INTO audit");
        await cluster.UntilEndedAsync();
        Assert.Equal(1, b.Faults.Hits);
        Assert.Equal(["1.1 starting", "1.1 Again", "1.2 starting", "1.2 Completed"], await AuditAsync(cluster));
    }

    [Fact]
    public async Task A_row_that_somebody_has_locked_keeps_what_was_lost_until_it_is_free()
    {
        await using var cluster = await ClusterAsync(Engine.PostgreSql);
        await cluster.CreateTableAsync("clients");
        await cluster.Db.GrantOwnAsync("SELECT, UPDATE ON clients");
        await cluster.InsertAsync(1, table: "clients");
        await cluster.InsertAsync(1);
        void Job(JobBuilder job)
        {
            job.OnFinished(about => $"UPDATE clients SET note = {$"{about.Outcome}"} WHERE value = {1L}");
            job.Process(_ => { });
        }
        var a = await cluster.StartAsync(Job, workers: 1);
        await a.DispatchAsync();
        await a.StartAsync();
        a.Kill();
        var b = await cluster.StartAsync(Job, workers: 1, name: "b");
        await using var other = await cluster.Db.Own.OpenConnectionAsync(TestCluster.Stopping);
        await using (var holder = await other.BeginTransactionAsync(TestCluster.Stopping))
        {
            await TransactionTests.RunAsync(other, holder, "UPDATE clients SET note = 'held'");
            for (var i = 0; i < 10; i++)
            {
                await cluster.LiveAsync(5);
                await b.RoundAsync();
            }
            Assert.Equal((false, 1), ((await cluster.RowAsync(1)).IsFree, (await cluster.RowAsync(1)).N));
            Assert.NotEmpty(Of(b, "what dead workers held could not be taken back"));
        }
        await cluster.UntilEndedAsync();
        Assert.Equal((true, 2), ((await cluster.RowAsync(1)).IsCompleted, (await cluster.RowAsync(1)).N));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_stop_gives_back_with_the_statement_of_the_end(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 2);
        cluster.AttemptsAreGivenBack = true;
        var process = await cluster.StartAsync(job =>
        {
            AuditAll(job);
            job.Process(_ => { });
        }, workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.Node.ReleaseAllAsync(TestCluster.Stopping);
        await process.FinishAsync();
        Assert.Equal(["1.1 starting", "1.1 GivenBack"], await AuditAsync(cluster));
        Assert.Equal((true, 0), ((await cluster.RowAsync(1)).IsFree, (await cluster.RowAsync(1)).N));
    }

    [Fact]
    public async Task A_row_that_somebody_has_locked_is_waited_for_and_costs_no_attempt()
    {
        await using var cluster = await ClusterAsync(Engine.PostgreSql);
        await cluster.CreateTableAsync("clients");
        await cluster.Db.GrantOwnAsync("SELECT, UPDATE ON clients");
        await cluster.InsertAsync(1, table: "clients");
        await cluster.InsertAsync(2);
        var process = await cluster.StartAsync(job =>
        {
            job.OnStarting(_ => $"UPDATE clients SET note = {"charged"} WHERE value = {1L}");
            job.OnFinished(_ => $"UPDATE clients SET note = {"done"} WHERE value = {1L}");
            job.Process(_ => { });
        }, workers: 1);
        await using var other = await cluster.Db.Own.OpenConnectionAsync(TestCluster.Stopping);
        await using (var holder = await other.BeginTransactionAsync(TestCluster.Stopping))
        {
            await TransactionTests.RunAsync(other, holder, "UPDATE clients SET note = 'held'");
            for (var i = 0; i < 3; i++) await process.RoundAsync();
            Assert.Empty(cluster.Calls);
            Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 0), (row.IsReserved, row.N)));
        }
        await process.StartAsync();
        await process.RunAsync();
        await using (var holder = await other.BeginTransactionAsync(TestCluster.Stopping))
        {
            await TransactionTests.RunAsync(other, holder, "UPDATE clients SET note = 'held'");
            await process.FinishAsync();
            Assert.Null((await cluster.RowAsync(1)).Et);
        }
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_statement_that_does_not_fit_suspends_the_job_until_it_does(Engine engine)
    {
        await using var cluster = await ClusterAsync(engine, 2);
        await cluster.Db.ExecuteAsync("ALTER TABLE audit RENAME TO elsewhere");
        cluster.AttemptsAreGivenBack = true;
        var process = await cluster.StartAsync(job =>
        {
            AuditAll(job);
            job.Process(_ => { });
        });
        for (var i = 0; i < 20; i++)
        {
            await process.RoundAsync();
            await cluster.AdvanceAsync(0.1);
        }
        Assert.Empty(cluster.Calls);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal(0, row.N));
        Assert.Single(Of(process, "is suspended"));

        await cluster.Db.ExecuteAsync("ALTER TABLE elsewhere RENAME TO audit");
        await cluster.LiveAsync(31);
        await process.StartAsync();
        await process.RunAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE audit RENAME TO elsewhere");
        await process.FinishAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Null(row.Et));
        await cluster.Db.ExecuteAsync("ALTER TABLE elsewhere RENAME TO audit");
        await cluster.LiveAsync(31);
        await cluster.UntilEndedAsync();
        await CheckPairsAsync(cluster);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }
}
