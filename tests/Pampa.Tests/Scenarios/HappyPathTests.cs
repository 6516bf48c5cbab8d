namespace Pampa.Tests.Scenarios;

/// <summary>One process, nothing goes wrong.</summary>
public sealed class HappyPathTests
{
    [Fact]
    public async Task A_timer_that_is_over_a_little_early_costs_no_interval_more()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.DispatchAsync();
        await cluster.InsertAsync(1);
        await cluster.AdvanceAsync(0.4);
        await process.DispatchAsync();
        Assert.True((await cluster.RowAsync(1)).IsFree);
        await cluster.AdvanceAsync(0.099);
        await process.DispatchAsync();

        Assert.True((await cluster.RowAsync(1)).IsReserved);
    }

    [Fact]
    public async Task A_wake_up_that_comes_while_a_look_is_under_way_is_not_lost()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        // With the first look comes a full pass, which picks records, too.
        await process.DispatchAsync();
        process.Dispatcher.Wake();
        process.Faults.Meanwhile("LIMIT @want", () => process.Dispatcher.Wake("numbers"));
        await process.DispatchAsync();
        await cluster.InsertAsync(1);
        await process.DispatchAsync();

        Assert.True((await cluster.RowAsync(1)).IsReserved);
    }

    [Fact]
    public async Task All_records_of_a_job_are_completed_with_the_right_columns()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1_000);
        var process = await cluster.StartAsync(job => job.Process(task => task["is_odd"] = task.Get<long>("value") % 2 != 0));

        await cluster.UntilEndedAsync();

        Assert.All(await cluster.RowsAsync(), row =>
        {
            Assert.True(row.IsCompleted);
            Assert.Equal(row.Key % 2 != 0, row.IsOdd);
            Assert.Equal(1, row.N);
            Assert.Null(row.Err);
            Assert.Contains(row.Rid, (string[])["a.1", "a.2"]);
            Assert.True(row.Rt <= row.St && row.St <= row.Et);
        });
        Assert.Equal(1_000, cluster.Calls.Count);
        Assert.Equal((1_000, 1_000, 0), (process.Counters.Started, process.Counters.Completed, process.Counters.Fenced));
        Assert.Equal(0, process.Node.Unfinished);
    }

    [Fact]
    public async Task Records_that_come_later_are_found_by_polling_and_at_once_by_a_wake_up()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        await process.RoundAsync();
        await cluster.InsertAsync(1);

        await process.RoundAsync();
        Assert.True((await cluster.RowAsync(1)).IsFree);
        await cluster.AdvanceAsync(0.5);
        await process.RoundAsync();
        Assert.True((await cluster.RowAsync(1)).IsCompleted);

        await cluster.AdvanceAsync(0.6);
        await process.RoundAsync();
        await cluster.InsertAsync(1, first: 2);
        process.Dispatcher.Wake();
        await process.RoundAsync();
        Assert.True((await cluster.RowAsync(2)).IsCompleted);
    }

    [Fact]
    public async Task A_slow_job_is_not_starved_by_a_quick_one()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.CreateTableAsync("slow");
        await cluster.InsertAsync(20_000);
        await cluster.InsertAsync(20, table: "slow");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            TestCluster.AddNumbers(pampa, job => job.Process(_ => { }), "quick");
            TestCluster.AddNumbers(pampa, job => job.Process(_ => cluster.AdvanceAsync(1)), "slow", "slow");
        });

        var waits = new List<int>();
        var waited = 0;
        for (var round = 0; round < 200 && process.Lanes[1].Counters.Completed < 20; round++)
        {
            var slow = process.Lanes[1].Counters.Completed;
            await process.RoundAsync();
            waited++;
            if (process.Lanes[1].Counters.Completed > slow)
            {
                waits.Add(waited);
                waited = 0;
            }
            await cluster.AdvanceAsync(0.1);
        }

        // Each worker goes to the other job after every start, however many quick tasks wait.
        Assert.Equal(20, process.Lanes[1].Counters.Completed);
        Assert.InRange(waits.Max(), 1, 2);
        Assert.InRange(process.Lanes[0].Counters.Completed, 15, 19_999);
        await cluster.CheckAsync("slow");
    }

    [Fact]
    public async Task No_more_workers_than_MaxAssignedWorkers_serve_a_job()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(500);
        await cluster.StartAsync(job =>
        {
            job.MaxAssignedWorkers = 2;
            job.Process(_ => { });
        }, workers: 5);

        await cluster.UntilEndedAsync();

        Assert.Equal(2, cluster.Calls.Select(c => c.Worker).Distinct().Count());
        Assert.Equal(2, (await cluster.RowsAsync()).Select(r => r.Rid).Distinct().Count());
    }

    [Fact]
    public async Task Only_workers_that_match_the_WorkerFilter_serve_a_job()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(200);
        await cluster.StartAsync(job =>
        {
            job.WorkerFilter = @"\.[23]$";
            job.Process(_ => { });
        }, workers: 4);

        await cluster.UntilEndedAsync();

        Assert.Equal(["a.2", "a.3"], cluster.Calls.Select(c => c.Worker).Distinct().Order());
    }

    [Fact]
    public async Task Tasks_start_in_the_order_of_OrderBy()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(300);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET score = value % 10");
        await cluster.StartAsync(job =>
        {
            job.OrderBy = $"score DESC";
            job.Process(_ => { });
        }, workers: 1);

        await cluster.UntilEndedAsync();

        var expected = Enumerable.Range(1, 300).OrderByDescending(v => v % 10).ThenBy(v => v).Select(v => (long)v);
        Assert.Equal(expected, cluster.Calls.Select(c => c.Key));
    }

    [Fact]
    public async Task Only_records_that_match_Where_are_tasks_and_one_that_stops_matching_is_given_back_unstarted()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(10);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET score = value");
        var process = await cluster.StartAsync(job =>
        {
            job.Where = $"score > {5}";
            job.Process(_ => { });
        });
        await process.DispatchAsync();
        await cluster.Db.ExecuteAsync("UPDATE numbers SET score = 0 WHERE value = 10");

        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsFree) == 6, "nothing is held any more");

        Assert.All(await cluster.RowsAsync(), row => Assert.Equal(row.Key is >= 6 and <= 9, row.IsCompleted));
        var changed = await cluster.RowAsync(10);
        Assert.True(changed.IsFree, $"{changed}");
        Assert.Equal(0, changed.N);
        Assert.DoesNotContain(cluster.Calls, c => c.Key == 10);
    }
}
