using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Examining;

public sealed class SqliteClusterFindingTests : ClusterFindingTests
{
    private protected override Engine Engine => Engine.Sqlite;
}

public sealed class PostgreSqlClusterFindingTests : ClusterFindingTests
{
    private protected override Engine Engine => Engine.PostgreSql;
}

/// <summary>What is found of who dispatches and who works.</summary>
public abstract class ClusterFindingTests : Examined
{
    private protected override TableProfile Profile => TableProfile.Numbers;

    [Fact]
    public async Task A_cluster_in_which_nothing_waits_is_in_order_but_for_the_tests_clock()
    {
        var clock = Assert.Single(await FindAsync(), f => f.Where == "cluster");
        Assert.Equal(("clock", FindingSeverity.Warning), (clock.Id, clock.Severity));
    }

    [Fact]
    public void Only_a_difference_of_clocks_that_is_seen_is_told()
    {
        Assert.Empty(ClusterFindings.OfClocks(TimeSpan.FromMilliseconds(-900)));
        Assert.Equal(FindingSeverity.Info, Assert.Single(ClusterFindings.OfClocks(TimeSpan.FromSeconds(3))).Severity);
        var behind = Assert.Single(ClusterFindings.OfClocks(TimeSpan.FromSeconds(-6)));
        Assert.Equal(FindingSeverity.Warning, behind.Severity);
        Assert.StartsWith("The database's clock is 00:00:06 behind this computer's.", behind.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Workers_without_a_leader_are_told()
    {
        await Tables.Cluster.ResignAsync(Lease, Stopping);
        Assert.Equal(FindingSeverity.Warning, (await OneAsync("no-leader")).Severity);
    }

    [Fact]
    public async Task A_leader_without_workers_is_told_when_something_is_due()
    {
        await Tables.Cluster.ResignAsync([("a.1", 1), ("a.2", 1)], Stopping);
        None("no-workers", await FindAsync());
        await InsertAsync(1);
        Assert.Equal(FindingSeverity.Warning, (await OneAsync("no-workers")).Severity);
    }

    [Fact]
    public async Task That_nothing_runs_matters_when_something_is_due()
    {
        await Db.Clock.AdvanceAsync(Ttl * 2);
        Assert.Equal(FindingSeverity.Info, (await OneAsync("nothing-runs")).Severity);
        await InsertAsync(1);
        Assert.Equal(FindingSeverity.Warning, (await OneAsync("nothing-runs")).Severity);
        await Tables.Control.HoldAsync(new Hold(HoldKind.Job, "job"), "", null, Stopping);
        Assert.Equal(FindingSeverity.Info, (await OneAsync("nothing-runs")).Severity);
    }

    [Fact]
    public async Task A_record_that_waits_while_workers_are_idle_is_told()
    {
        await InsertAsync(1, rt: Now.AddMinutes(-4));
        None("due-waits", await FindAsync());
        await InsertAsync(2, rt: Now.AddMinutes(-20));
        var waits = await OneAsync("due-waits");
        Assert.Equal("The oldest due record waits for 00:20:00, while 2 of 2 workers have nothing to do.", waits.What);
        await Tables.Exchange.ExchangeAsync(new NodeLife("a", "a.1", 1), [new NodeLoad("job", 2, 1, TimeSpan.Zero, TimeSpan.Zero, [])], [], Stopping);
        None("due-waits", await FindAsync());
        await Tables.Control.HoldAsync(new Hold(HoldKind.Job, "job"), "", null, Stopping);
        None("due-waits", await FindAsync());
    }

    [Fact]
    public async Task A_job_that_no_worker_may_serve_is_told()
    {
        await InsertAsync(1, rt: Now.AddMinutes(-20));
        var unfit = await OneAsync("no-worker-fits", job => job.WorkerFilter = "^gpu");
        Assert.Contains("WorkerFilter '^gpu'", unfit.What, StringComparison.Ordinal);
        await Tables.Control.HoldAsync(new Hold(HoldKind.Node, "a"), "", null, Stopping);
        await OneAsync("no-worker-fits");
    }

    [Fact]
    public async Task Nodes_with_several_programs_are_told()
    {
        await Tables.Cluster.RegisterAsync("b", ["b.1"], "p2", Ttl, [], Stopping);
        None("several-programs", await FindAsync());
        await Db.ExecuteAsync("UPDATE pampa_worker SET program = 'shop 2.0.0.0' WHERE worker_id = 'b.1'");
        var several = await OneAsync("several-programs");
        Assert.Equal(FindingSeverity.Info, several.Severity);
        Assert.Contains("shop 2.0.0.0 on b", several.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_definition_other_than_the_published_one_is_told()
    {
        await Tables.Cluster.PublishAsync(Definition(), "shop 1.0.0.0", Stopping);
        None("definition-differs", await FindAsync());
        Assert.Contains("revision 1 that shop 1.0.0.0 has published", (await OneAsync("definition-differs", job => job.MaxAttempts = 7)).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_report_of_the_jobs_own_that_fails_is_told_and_one_that_does_not_counts()
    {
        await InsertAsync(1, rt: Now.AddMinutes(-20));
        var fails = await OneAsync("report", job => job.Report((_, _) => throw new InvalidOperationException("no such view.")));
        Assert.Equal((FindingSeverity.Warning, "job job"), (fails.Severity, fails.Where));
        Assert.Equal("Its own Report fails, and the table is counted instead: it throws InvalidOperationException: no such view.", fails.What);
        await OneAsync("due-waits");
        None("due-waits", await FindAsync(job => job.Report(async (context, stopping) => (await context.CountAsync(stopping)) with { Pending = 0 })));
    }

    [Fact]
    public async Task Workers_that_tasks_do_not_let_go_are_told()
    {
        await Tables.Exchange.ExchangeAsync(new NodeLife("a", "a.1", 1),
            [new NodeLoad("job", 1, 0, TimeSpan.Zero, TimeSpan.Zero, [new WorkerWord("a.2", 0, false, IsLeaked: true)])], [], Stopping);
        var leaked = await OneAsync("leaked-workers");
        Assert.Equal("node a", leaked.Where);
        Assert.Contains("1 of its 2 workers", leaked.What, StringComparison.Ordinal);
    }
}
