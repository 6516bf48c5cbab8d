using Microsoft.Data.Sqlite;
using Pampa.Jobs;

namespace Pampa.Tests.Scenarios;

/// <summary>A task that takes long must not hold up what others could run.</summary>
public sealed class HeldUpTests
{
    [Fact]
    public async Task A_task_that_ignores_its_cancellation_is_told_of_and_its_worker_shown_as_lost_until_it_ends()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var release = new TaskCompletionSource();
        var process = await cluster.StartAsync(job =>
        {
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.Process(_ => release.Task);
        }, workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        var running = process.RunAsync();

        async Task<int> LeakedAsync()
        {
            await process.StartAsync();
            await process.ExchangeAsync();
            return Assert.Single((await process.Store.ReadAsync("cluster", TestCluster.Stopping)).Nodes).Leaked;
        }
        await cluster.LiveAsync(14);
        Assert.Equal(0, await LeakedAsync());
        // A node that leads itself tells others every five seconds.
        await cluster.LiveAsync(6);
        Assert.Equal(1, await LeakedAsync());
        Assert.Equal(1, await LeakedAsync());
        Assert.Single(process.Lines, line => line.Contains("a task of job 'numbers' has not ended although its 00:00:05 are over", StringComparison.Ordinal));

        release.SetResult();
        await running;
        await process.FinishAsync();
        await cluster.LiveAsync(6);
        Assert.Equal(0, await LeakedAsync());
        Assert.Single(process.Lines, line => line.Contains("Worker 'a.1' works again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_table_that_is_away_while_records_are_given_back_suspends_the_job_and_no_more()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var release = new TaskCompletionSource();
        var process = await cluster.StartAsync(job => job.Process(task => task.Get<long>("value") == 1 ? release.Task : Task.CompletedTask));
        await process.DispatchAsync();
        await process.StartAsync();
        var held = process.Node.Workers[0].RunNextAsync();
        while (await process.Node.Workers[1].RunNextAsync())
        {
        }
        await process.FinishAsync();
        process.Faults.FailBefore(TestProcess.Release, error: new SqliteException("no such table: numbers", 1));
        process.Faults.FailBefore(TestProcess.ReadOwn, error: new SqliteException("no such table: numbers", 1));
        for (var i = 0; i < 40 && (await cluster.RowsAsync()).Count(r => r.IsCompleted) < 3; i++)
        {
            await cluster.LiveAsync(2);
            await process.DispatchAsync();
            await process.StartAsync();
            while (await process.Node.Workers[1].RunNextAsync())
            {
            }
            await process.FinishAsync();
        }
        Assert.Equal(3, (await cluster.RowsAsync()).Count(r => r is { IsCompleted: true, N: 1 }));
        Assert.Single(process.Lines, l => l.Contains("is suspended", StringComparison.Ordinal));
        Assert.Equal((2, 0), (process.Faults.Hits, process.Outages));
        release.SetResult();
        await held;
    }

    [Fact]
    public async Task A_record_whose_handler_hangs_is_completed_by_another_worker_of_the_same_node()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var release = new TaskCompletionSource();
        var process = await cluster.StartAsync(job =>
        {
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.Process(async task =>
            {
                if (task.Get<long>("value") == 1 && task.Attempt == 1)
                {
                    await release.Task;
                    task["note"] = "late";
                }
                else
                {
                    task["note"] = "second";
                }
            });
        });
        await process.DispatchAsync();
        await process.StartAsync();
        var hung = process.Node.Workers[0].RunNextAsync();
        Assert.Equal("a.1", Assert.Single(cluster.Calls).Worker);

        for (var i = 0; i < 8; i++)
        {
            await cluster.LiveAsync(5);
            await process.DispatchAsync();
            await process.StartAsync();
            Assert.Equal(0, process.Lane.Load.Hands[0].Count);
            while (await process.Node.Workers[1].RunNextAsync())
            {
            }
            await process.FinishAsync();
        }

        Assert.False(hung.IsCompleted);
        var row = await cluster.RowAsync(1);
        Assert.Equal((true, 2, "second"), (row.IsCompleted, row.N, row.Note));
        Assert.Equal(["a.1", "a.2"], cluster.Calls.Select(c => c.Worker));
        // Nothing more comes to the one that hangs, however much there is.
        await cluster.InsertAsync(20, first: 2);
        process.Dispatcher.Wake();
        for (var i = 0; i < 40; i++)
        {
            await process.DispatchAsync();
            Assert.Equal(0, process.Lane.Load.Hands[0].Count);
            await process.StartAsync();
            await process.Node.Workers[1].RunNextAsync();
            await process.FinishAsync();
        }
        Assert.Equal((21, 0), (process.Counters.Completed, process.Counters.Fenced));

        release.SetResult();
        await hung;
        await process.FinishAsync();
        Assert.Equal((21, 1, 0), (process.Counters.Completed, process.Counters.Fenced, process.Node.Unfinished));
        Assert.Equal(row, await cluster.RowAsync(1));
        // Set free, it takes part again.
        await process.StartAsync();
        await cluster.InsertAsync(10, first: 22);
        process.Dispatcher.Wake();
        await cluster.UntilEndedAsync();
        Assert.Contains(cluster.Calls, call => call.Worker == "a.1" && call.Key >= 22);
    }

    [Fact]
    public async Task What_waits_behind_a_long_task_is_given_back_when_another_worker_is_idle()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(8);
        var release = new TaskCompletionSource();
        var process = await cluster.StartAsync(job =>
        {
            job.QueueSize = 4;
            job.Process(task => task.Get<long>("value") == 1 ? release.Task : Task.CompletedTask);
        });
        await process.DispatchAsync();
        await process.StartAsync();
        var slow = process.Node.Workers[0].RunNextAsync();
        for (var i = 0; i < 10; i++)
        {
            await process.StartAsync();
            await process.Node.Workers[1].RunNextAsync();
            await process.FinishAsync();
        }
        var waiting = (await cluster.RowsAsync()).FindAll(r => r.IsReserved);
        Assert.NotEmpty(waiting);
        Assert.All(waiting, row => Assert.Equal("a.1", row.Rid));

        await cluster.AdvanceAsync(1);
        await process.StartAsync();
        Assert.All(await cluster.RowsAsync(where: $"value IN ({string.Join(", ", waiting.Select(r => r.Key))})"),
            row => Assert.Equal((true, 0, null), (row.IsFree, row.N, row.St)));
        process.Dispatcher.Wake();
        for (var i = 0; i < 20; i++)
        {
            await process.DispatchAsync();
            await process.StartAsync();
            await process.Node.Workers[1].RunNextAsync();
            await process.FinishAsync();
        }

        Assert.Equal(7, (await cluster.RowsAsync()).Count(r => r.IsCompleted && r.N == 1));
        release.SetResult();
        await slow;
        await cluster.UntilEndedAsync();
        Assert.Equal((8, 8, 0), (process.Counters.Completed, cluster.Calls.Count, process.Counters.Fenced));
    }

    [Fact]
    public async Task What_waits_behind_a_long_task_is_given_back_although_nobody_of_the_node_is_idle_and_nothing_more_comes_until_it_ends()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var release = new TaskCompletionSource();
        void Job(JobBuilder job) => job.Process(task => task.Get<long>("value") == 1 ? release.Task : Task.CompletedTask);
        var process = await cluster.StartAsync(Job, workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        var slow = process.Node.Workers[0].RunNextAsync();
        await cluster.LiveAsync(0.9);
        await process.StartAsync();
        Assert.Equal(3, process.Lane.Load.Hands[0].Count);
        await cluster.LiveAsync(0.2);
        await process.StartAsync();
        Assert.Equal([false, true, true, true], (await cluster.RowsAsync()).Select(r => r.IsFree));
        for (var i = 0; i < 3; i++)
        {
            await process.DispatchAsync();
            await cluster.LiveAsync(1);
        }
        Assert.Equal(0, process.Lane.Load.Hands[0].Count);

        // Somebody else can run them, of another node.
        var other = await cluster.StartAsync(Job, workers: 1, name: "b");
        for (var i = 0; i < 10; i++)
        {
            await other.ExchangeAsync();
            await process.DispatchAsync();
            await other.ExchangeAsync();
            await other.StartAsync();
            await other.RunAsync();
            await other.FinishAsync();
            await cluster.LiveAsync(1);
        }
        Assert.Equal((3, 0), (other.Counters.Completed, process.Counters.Completed));

        // When it is over, whoever deals is told at once, in this process and in another one.
        foreach (var signal in (Signal[])[process.Node.HandIsLow, process.Node.HandsChanged])
            await signal.WaitAsync(TimeSpan.Zero, TimeProvider.System, TestCluster.Stopping);
        release.SetResult();
        await slow;
        await process.StartAsync();
        Assert.True(await process.Node.HandIsLow.WaitAsync(TimeSpan.Zero, TimeProvider.System, TestCluster.Stopping));
        Assert.True(await process.Node.HandsChanged.WaitAsync(TimeSpan.Zero, TimeProvider.System, TestCluster.Stopping));
        await cluster.InsertAsync(10, first: 5);
        process.Dispatcher.Wake();
        await process.DispatchAsync();
        Assert.NotEqual(0, process.Lane.Load.Hands[0].Count);
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
    }

    [Fact]
    public async Task What_was_started_behind_a_long_task_is_forgiven()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(50);
        var release = new TaskCompletionSource();
        var process = await cluster.StartAsync(job => job.Process(task => task.Get<long>("value") == 1 ? release.Task : Task.CompletedTask), workers: 2);
        for (var i = 0; i < 250; i++) process.Lane.Load.Durations.Add(TimeSpan.FromMilliseconds(1));
        await process.DispatchAsync();
        await process.StartAsync();
        var behind = (await cluster.RowsAsync()).FindAll(r => r.IsRunning && r.Rid == "a.1" && r.Key != 1).ConvertAll(r => r.Key);
        Assert.NotEmpty(behind);
        var slow = process.Node.Workers[0].RunNextAsync();
        while (await process.Node.Workers[1].RunNextAsync())
        {
        }
        await process.FinishAsync();

        await cluster.AdvanceAsync(1);
        await process.StartAsync();
        await process.FinishAsync();

        Assert.All(await cluster.RowsAsync(where: $"value IN ({string.Join(", ", behind)})"), row => Assert.Equal((true, 0, null), (row.IsFree, row.N, row.Err)));
        Assert.Equal((behind.Count, 1), (process.Counters.Forgiven, process.Node.Workers[0].Count));
        for (var i = 0; i < 10; i++)
        {
            await cluster.LiveAsync(1);
            await process.DispatchAsync();
            await process.StartAsync();
            while (await process.Node.Workers[1].RunNextAsync())
            {
            }
            await process.FinishAsync();
        }
        Assert.All(await cluster.RowsAsync(where: "value > 1"), row => Assert.Equal((true, 1), (row.IsCompleted, row.N)));
        release.SetResult();
        await slow;
        await cluster.UntilEndedAsync();
        Assert.Equal((50, 0), (cluster.Calls.Count, process.Counters.Fenced));
    }

    [Fact]
    public async Task A_busy_worker_gives_back_what_another_one_with_nothing_to_do_can_run()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(5);
        var process = await cluster.StartAsync(job => job.Process(async _ => await cluster.AdvanceAsync(0.4)));
        process.Lane.Load.Hands[1].IsResting = true;
        await process.DispatchAsync();
        Assert.Equal((5, 0), (process.Lane.Load.Hands[0].Count, process.Lane.Load.Hands[1].Count));
        await process.StartAsync();
        Assert.Equal(4, process.Lane.Load.Hands[0].Count);
        await process.Node.Workers[0].RunNextAsync();

        await process.StartAsync();
        Assert.Equal(1, process.Lane.Load.Hands[0].Count);
        Assert.Equal(2, (await cluster.RowsAsync()).Count(r => r.IsFree));
        // At once, not when the poll interval is over; and first to the one that has nothing.
        await process.DispatchAsync();
        Assert.Equal((2, 1), (process.Lane.Load.Hands[0].Count, process.Lane.Load.Hands[1].Count));
        await cluster.UntilEndedAsync();
        Assert.Equal(5, cluster.Calls.Count);
    }

    [Fact]
    public async Task What_could_not_be_given_back_is_found_again_at_once()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(5);
        var process = await cluster.StartAsync(job => job.Process(async _ => await cluster.AdvanceAsync(0.4)));
        process.Lane.Load.Hands[1].IsResting = true;
        await process.DispatchAsync();
        await process.StartAsync();
        await process.Node.Workers[0].RunNextAsync();
        process.Faults.FailBefore(TestProcess.Release);

        await process.StartAsync();
        Assert.Equal((1, 1), (process.Outages, process.Lane.Load.Hands[0].Count));
        Assert.DoesNotContain(await cluster.RowsAsync(), row => row.IsFree);
        await cluster.UntilEndedAsync(maxRounds: 20);

        Assert.Equal((5, 5), (cluster.Calls.Count, process.Counters.Completed));
    }

    [Fact]
    public async Task A_worker_whose_tasks_become_slow_gives_its_surplus_back()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(300);
        var takes = 0.001;
        var process = await cluster.StartAsync(job => job.Process(async _ => await cluster.AdvanceAsync(takes)), workers: 1);
        async Task RunAsync(int tasks)
        {
            for (var i = 0; i < tasks; i++)
            {
                await cluster.AdvanceAsync(0.1);
                await process.DispatchAsync();
                await process.StartAsync();
                await process.Node.Workers[0].RunNextAsync();
                await process.FinishAsync();
            }
        }
        await RunAsync(20);
        Assert.InRange(process.Lane.Load.Hands[0].Count, 100, 200);
        takes = 0.5;
        await RunAsync(5);
        Assert.InRange(process.Lane.Load.Hands[0].Count, 1, 10);
        Assert.Equal(process.Lane.Load.Hands[0].Count, (await cluster.RowsAsync()).Count(r => r.IsReserved));
        await cluster.CheckAsync();
    }
}
