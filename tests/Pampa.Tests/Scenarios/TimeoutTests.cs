using Npgsql;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>What takes longer than it may, or stands still: nobody else waits for it.</summary>
public sealed class TimeoutTests
{
    private static PostgresException TooLong => new("canceling statement due to statement timeout", "ERROR", "ERROR", "57014");

    private static async Task<(TestCluster Cluster, TestProcess Process)> TwoJobsAsync()
    {
        var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.CreateTableAsync("others");
        await cluster.InsertAsync(1);
        await cluster.InsertAsync(1, table: "others");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "others", "others");
        });
        return (cluster, process);
    }

    private static int Count(TestProcess process, string part) => process.Lines.Count(line => line.Contains(part, StringComparison.Ordinal));

    [Fact]
    public async Task A_pass_that_takes_too_long_keeps_nobody_from_dispatching_and_comes_seldom()
    {
        var (cluster, process) = await TwoJobsAsync();
        await using var _ = cluster;
        process.Faults.FailBefore(TestProcess.Recover, times: 4, error: TooLong);
        await process.RoundAsync();
        await process.RoundAsync();
        Assert.Equal((2, 2, 0), (cluster.Calls.Count, process.Faults.Hits, process.Outages));
        Assert.Equal(2, Count(process, "`migrate` shows the index of open records that is missing"));
    }

    [Fact]
    public async Task Picking_that_takes_too_long_keeps_no_other_job_from_being_dispatched()
    {
        var (cluster, process) = await TwoJobsAsync();
        await using var _ = cluster;
        // Once more with locks, for it may have been somebody's.
        process.Faults.FailBefore(TestProcess.Reserve, times: 2, error: TooLong);
        await process.RoundAsync();
        Assert.Equal(("others", 0), (Assert.Single(cluster.Calls).Job, process.Outages));
        await cluster.LiveAsync(5);
        await cluster.UntilEndedAsync();
        Assert.Equal(2, cluster.Calls.Count);
    }

    [Fact]
    public async Task A_rule_of_relaunching_that_takes_too_long_keeps_nobody_from_dispatching_and_rests()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        cluster.AttemptsAreGivenBack = true;
        await cluster.CreateTableAsync("others");
        await cluster.InsertAsync(1);
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job =>
            {
                job.RelaunchAfter = TimeSpan.FromSeconds(2);
                job.RelaunchJitter = 0;
                // What it may take the server says.
                job.RelaunchWhere = $"current_setting('statement_timeout') = {"5s"}";
                job.Process(_ => { });
            });
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "others", "others");
        });
        await cluster.UntilEndedAsync();
        process.Faults.FailBefore(TestProcess.Relaunch, times: 3, error: TooLong);
        for (var second = 0; second < 20; second++)
        {
            await cluster.LiveAsync(1);
            if (process.Faults.Hits == 1 && second < 10) await cluster.InsertAsync(1, first: second + 1, table: "others");
            await process.RoundAsync();
        }
        Assert.Equal((1, 0, 1), (process.Faults.Hits, process.Outages, Count(process, "its rule of relaunching takes longer than the 5 s")));
        var others = cluster.Calls.Count(c => c.Job == "others");
        Assert.InRange(others, 5, 10);
        Assert.Single(cluster.Calls, c => c.Job == "numbers");

        process.Faults.Clear();
        await cluster.LiveAsync(15);
        await cluster.UntilAsync(() => Task.FromResult(cluster.Calls.Count(c => c.Job == "numbers") == 2), "it has run again", 50);
        Assert.Equal((1, 1), (Count(process, "relaunching works again"), Count(process, "relaunching takes longer")));
    }

    [Fact]
    public async Task Reading_back_that_takes_too_long_keeps_no_other_job_from_being_started()
    {
        var (cluster, process) = await TwoJobsAsync();
        await using var _ = cluster;
        await process.DispatchAsync();
        process.Lane.Load.Doubt();
        process.Faults.FailBefore(TestProcess.ReadOwn, error: TooLong);
        for (var i = 0; i < 3; i++)
        {
            await process.StartAsync();
            await process.RunAsync();
        }
        Assert.Equal(("others", 1, 0), (Assert.Single(cluster.Calls).Job, process.Faults.Hits, process.Outages));
        Assert.Equal(1, Count(process, "to read back what this node's workers hold takes longer"));
        await cluster.LiveAsync(5);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task A_node_joins_although_taking_back_takes_too_long()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.InsertAsync(1);
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, job => job.Process(_ => { })), joins: false);
        process.Faults.FailBefore(TestProcess.Recover, error: TooLong);
        await process.JoinAsync();
        await cluster.UntilEndedAsync();
    }

    [Fact]
    public async Task What_dead_nodes_have_said_may_be_locked_and_the_leader_goes_on()
    {
        var (cluster, process) = await TwoJobsAsync();
        await using var _ = cluster;
        process.Faults.FailBefore("DELETE FROM pampa_load", error: new PostgresException("canceling statement due to lock timeout", "ERROR", "ERROR", "55P03"));
        await process.RoundAsync();
        Assert.Equal((2, 1, 0), (cluster.Calls.Count, process.Faults.Hits, process.Outages));
    }

    [Fact]
    public async Task A_transaction_of_several_statements_has_limits_of_its_own_and_leaves_none()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.PostgreSql, TableProfile.Numbers);
        const string Ask = "SELECT concat_ws(' ', current_setting('lock_timeout'), current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'))";
        var (first, second) = await db.Database.UnitAsync(async unit => (await AskAsync(unit), await AskAsync(unit)), TestCluster.Stopping);
        Assert.Equal(("5s 30s 10s", "5s 30s 10s"), (first, second));
        Assert.Equal("0", (await db.Database.QueryAsync(new Statement("SELECT current_setting('idle_in_transaction_session_timeout')"),
            reader => reader.GetString(0), TestCluster.Stopping))[0]);

        static async Task<string> AskAsync(Database.Unit unit) => (await unit.QueryAsync(new Statement(Ask), reader => reader.GetString(0)))[0];
    }

    [Fact]
    public async Task What_pages_ask_is_ended_by_the_database_itself_after_two_seconds()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.PostgreSql, TableProfile.Numbers);
        var ask = new Statement("SELECT concat_ws(' ', current_setting('lock_timeout'), current_setting('statement_timeout'))");
        Task<List<string>> AskAsync(LookFor what) =>
            db.Database.LookAsync(unit => unit.QueryAsync(ask, reader => reader.GetString(0)), TestCluster.Stopping, what);
        Assert.Equal(["1s 2s"], await AskAsync(LookFor.Page));
        Assert.Equal(["1s 5s"], await AskAsync(LookFor.Any));
    }

    [Fact]
    public async Task A_transaction_that_stands_still_is_cut_off_by_the_server_and_begun_anew()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.PostgreSql, TableProfile.Numbers);
        var begun = 0;
        await db.Database.UnitAsync(async unit =>
        {
            begun++;
            await unit.QueryAsync(new Statement("SELECT 1"), _ => 0);
            if (begun > 1) return 0;
            var pid = (await unit.QueryAsync(new Statement("SELECT pg_backend_pid()"), reader => reader.GetInt32(0)))[0];
            await unit.QueryAsync(new Statement("SELECT set_config('idle_in_transaction_session_timeout', '20ms', true)"), _ => 0);
            var isGone = false;
            for (var i = 0; i < 1000 && !isGone; i++)
            {
                isGone = await db.ScalarAsync<long>($"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") == 0;
            }
            Assert.True(isGone);
            await unit.QueryAsync(new Statement("SELECT 1"), _ => 0);
            return 0;
        }, TestCluster.Stopping);
        Assert.Equal(2, begun);
    }
}
