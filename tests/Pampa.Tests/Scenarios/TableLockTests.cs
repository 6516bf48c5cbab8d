using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>A table that somebody locks as a whole, as ALTER TABLE, CREATE INDEX and VACUUM FULL do: its job waits, at nobody's cost.</summary>
public sealed class TableLockTests
{
    private const string Told = "somebody has locked table 'numbers' as a whole";
    private const string StillTold = "table 'numbers' has been locked as a whole for";
    private const string FreeTold = "table 'numbers' is free again";

    private static async Task<(TestCluster Cluster, TestProcess Process)> TwoJobsAsync(int workers = 2, Action<JobBuilder>? more = null)
    {
        var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.CreateTableAsync("others");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job =>
            {
                job.Process(_ => { });
                more?.Invoke(job);
            });
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "others", "others");
        }, workers);
        return (cluster, process);
    }

    private static Task<long> CompletedAsync(TestCluster cluster, string table) =>
        cluster.Db.ScalarAsync<long>($"SELECT count(*) FROM {table} WHERE odd_checking_success");

    private static int Count(TestProcess process, string part) => process.Lines.Count(line => line.Contains(part, StringComparison.Ordinal));

    [Fact]
    public async Task Reading_back_meets_it_and_the_tasks_of_other_jobs_are_started()
    {
        var (cluster, process) = await TwoJobsAsync();
        await using var _ = cluster;
        await cluster.InsertAsync(2);
        await cluster.InsertAsync(2, table: "others");
        await process.DispatchAsync();
        await using (await LockedRowTests.Holder.LockAsync(cluster, "numbers", "ACCESS EXCLUSIVE"))
        {
            // The regular look is due.
            await cluster.LiveAsync(31);
            for (var i = 0; i < 4; i++)
            {
                await process.StartAsync();
                await process.RunAsync();
                await process.FinishAsync();
            }
            Assert.Equal(2, await CompletedAsync(cluster, "others"));
            Assert.Equal((0, 1), (process.Outages, Count(process, Told)));
            // It is asked seldom, and told once a minute.
            for (var i = 0; i < 14; i++)
            {
                await cluster.LiveAsync(5);
                await process.StartAsync();
            }
            Assert.Equal((1, 1), (Count(process, Told), Count(process, StillTold)));
        }
        await cluster.LiveAsync(2);
        await cluster.UntilEndedAsync();
        Assert.Equal((1, 2, 0), (Count(process, FreeTold), process.Counters.Completed, process.Counters.Forgiven));
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task A_stop_meets_it_and_what_the_other_jobs_have_in_hand_is_given_back()
    {
        var (cluster, process) = await TwoJobsAsync();
        await using var _ = cluster;
        await cluster.InsertAsync(2);
        await cluster.InsertAsync(2, table: "others");
        await process.DispatchAsync();
        foreach (var lane in process.Lanes) lane.Load.Doubt();
        await using (await LockedRowTests.Holder.LockAsync(cluster, "numbers", "ACCESS EXCLUSIVE"))
        {
            await process.Node.ReleaseAllAsync(TestCluster.Stopping);
            Assert.All(await cluster.RowsAsync("others"), row => Assert.Equal((true, 0), (row.IsFree, row.N)));
        }
    }

    [Fact]
    public async Task Starts_that_meet_it_stay_in_hand_and_each_record_is_not_tried_by_itself()
    {
        var (cluster, process) = await TwoJobsAsync(workers: 8);
        await using var _ = cluster;
        await cluster.InsertAsync(8);
        await process.DispatchAsync();
        await using (await LockedRowTests.Holder.LockAsync(cluster, "numbers", "SHARE"))
        {
            var starts = 0;
            process.Faults.Note(TestProcess.Start, () => starts++);
            await process.StartAsync();
            await process.StartAsync();
            Assert.Equal(1, starts);
            await cluster.LiveAsync(2);
            await process.StartAsync();
            Assert.Equal((2, 1, 0), (starts, Count(process, Told), Count(process, "cannot be started")));
        }
        await cluster.LiveAsync(2);
        await cluster.UntilEndedAsync(maxRounds: 20);
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal((8, 0, 0), (process.Counters.Completed, process.Counters.Forgiven, process.Counters.Fenced));
    }

    [Fact]
    public async Task Results_that_meet_it_wait_together_and_are_written_when_it_is_over()
    {
        var (cluster, process) = await TwoJobsAsync(workers: 16);
        await using var _ = cluster;
        await cluster.InsertAsync(16);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        Assert.Equal(16, process.Lane.Finisher.Count);
        await using (await LockedRowTests.Holder.LockAsync(cluster, "numbers", "SHARE"))
        {
            var tries = 0;
            process.Faults.Note(TestProcess.Finish, () => tries++);
            await process.FinishAsync();
            // As it is, past locked records, and whether it is the table.
            Assert.Equal((3, 16), (tries, process.Lane.Finisher.Count));
            await cluster.LiveAsync(2);
            await process.FinishAsync();
            Assert.Equal((6, 16, 1), (tries, process.Lane.Finisher.Count, Count(process, Told)));
        }
        await cluster.LiveAsync(2);
        await process.FinishAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal((16, 0, 0, 1), (process.Counters.Completed, process.Counters.Fenced, process.Counters.Unknown, Count(process, FreeTold)));
    }

    [Theory, InlineData("ACCESS EXCLUSIVE"), InlineData("SHARE")]
    internal async Task The_leader_rests_its_job_says_so_once_and_goes_on_with_the_others(string mode)
    {
        var (cluster, process) = await TwoJobsAsync(workers: 4);
        await using var _ = cluster;
        await cluster.InsertAsync(4);
        await cluster.InsertAsync(4, table: "others");
        await using (await LockedRowTests.Holder.LockAsync(cluster, "numbers", mode))
        {
            for (var i = 0; i < 10; i++)
            {
                await process.RoundAsync();
                await cluster.AdvanceAsync(0.5);
            }
            Assert.Equal((4L, 0), (await CompletedAsync(cluster, "others"), process.Outages));
            Assert.Equal((1, 0, 0), (Count(process, Told), Count(process, "is gone round"), Count(process, "could not be taken back")));
        }
        await cluster.LiveAsync(2);
        await cluster.UntilEndedAsync();
        Assert.Equal((8, 1), (cluster.Calls.Count, Count(process, FreeTold)));
    }

    [Fact]
    public async Task The_leader_charges_nobody_whose_result_has_waited_for_it_beyond_his_time()
    {
        var (cluster, process) = await TwoJobsAsync(more: job => job.MaxDuration = TimeSpan.FromSeconds(5));
        await using var _ = cluster;
        await cluster.InsertAsync(2);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        await using (await LockedRowTests.Holder.LockAsync(cluster, "numbers", "SHARE"))
        {
            for (var i = 0; i < 6; i++)
            {
                await cluster.LiveAsync(5);
                await process.FinishAsync();
                await process.DispatchAsync();
            }
        }
        await cluster.LiveAsync(1.5);
        await process.DispatchAsync();
        Assert.Equal(2, (await cluster.RowsAsync()).Count(r => r.IsRunning && r.N == 1));
        await cluster.LiveAsync(1);
        await process.FinishAsync();
        await cluster.LiveAsync(15);
        await process.DispatchAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        Assert.Equal((2, 0), (process.Counters.Completed, process.Counters.Fenced));
    }

    [Fact]
    public async Task A_result_that_waits_for_a_lock_beside_its_record_is_found_and_its_neighbours_are_written()
    {
        await using var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.Db.ExecuteAsync("""
            CREATE TABLE kinds (kind text PRIMARY KEY);
            INSERT INTO kinds VALUES ('a'), ('b');
            ALTER TABLE numbers ADD COLUMN kind text REFERENCES kinds
            """);
        await cluster.InsertAsync(8);
        var process = await cluster.StartAsync(job => job.Process(task => task["kind"] = task.Get<long>("value") == 5 ? "b" : "a"), workers: 8);
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        await using (await LockedRowTests.Holder.RunAsync(cluster, "DELETE FROM kinds WHERE kind = 'b'"))
        {
            await process.FinishAsync();
            Assert.Equal((7L, 0), (await CompletedAsync(cluster, "numbers"), Count(process, Told)));
        }
        await cluster.AdvanceAsync(3);
        await process.FinishAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }
}
