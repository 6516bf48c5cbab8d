using Npgsql;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>What takes longer than it may, or stands still: nobody else waits for it.</summary>
public sealed class TimeoutTests
{
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
    public async Task A_transaction_that_stands_still_is_cut_off_by_the_server_and_begun_anew()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.PostgreSql, TableProfile.Numbers);
        var begun = 0;
        await db.Database.UnitAsync(async unit =>
        {
            begun++;
            await unit.ExecuteAsync(new Statement("INSERT INTO numbers (value) VALUES (1)"));
            if (begun > 1) return 0;
            var pid = (await unit.QueryAsync(new Statement("SELECT pg_backend_pid()"), reader => reader.GetInt32(0)))[0];
            await unit.QueryAsync(new Statement("SELECT set_config('idle_in_transaction_session_timeout', '20ms', true)"), _ => 0);
            var isGone = false;
            for (var i = 0; i < 1000 && !isGone; i++)
            {
                isGone = await db.ScalarAsync<long>($"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") == 0;
            }
            Assert.True(isGone);
            await unit.ExecuteAsync(new Statement("INSERT INTO numbers (value) VALUES (2)"));
            return 0;
        }, TestCluster.Stopping);
        Assert.Equal((2, 1L), (begun, await db.ScalarAsync<long>("SELECT count(*) FROM numbers")));
    }
}
