using Pampa.Tests.Scenarios;
using static Pampa.Tests.Stretching.RosterSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Stretching;

/// <summary>A worker in a long task stays with its job, gets nothing more, and goes to whoever waits when it is over.</summary>
public sealed class LongTaskTests
{
    [Fact]
    public async Task A_worker_that_is_held_up_does_not_keep_the_only_place_of_a_job()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        var a = await cluster.StartAsync(job =>
        {
            job.MaxAssignedWorkers = 1;
            job.Process(_ => { });
        });
        await TurnAsync(cluster, 5, a);
        a.Lane.Load.Hands[0].IsResting = true;
        await cluster.InsertAsync(1);
        a.Dispatcher.Wake();
        await a.DispatchAsync();
        Assert.Equal("a.2", (await cluster.RowAsync(1)).Rid);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_worker_in_a_long_task_stays_with_its_job_and_counts_for_the_limit_of_it(bool together)
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "others");
        var release = new TaskCompletionSource();
        await cluster.InsertAsync(1);
        void Program(PampaBuilder p)
        {
            TestCluster.AddNumbers(p, job =>
            {
                job.MaxAssignedWorkers = 1;
                job.Process(task => task.Get<long>("value") == 1 ? release.Task : Task.CompletedTask);
            }, "numbers", "numbers");
            AddJobs(p, null, "others");
        }
        var leader = await cluster.StartProgramAsync(Program, 2, joins: together);
        var node = together ? leader : await cluster.StartProgramAsync(Program, 2, "node");
        async Task LiveAsync(double seconds)
        {
            for (var i = 0; i < seconds * 10; i++)
            {
                if (i % 50 == 0) node.TryBeat();
                await node.ExchangeAsync();
                await leader.DispatchAsync();
                await node.ExchangeAsync();
                await node.StartAsync();
                foreach (var free in node.Node.Workers.Where(w => w.Running is null)) await free.RunNextAsync();
                await node.FinishAsync();
                await cluster.AdvanceAsync(0.1);
            }
        }
        while (node.Node.Running == 0)
        {
            await node.ExchangeAsync();
            await leader.DispatchAsync();
            await node.ExchangeAsync();
            await node.StartAsync();
            await cluster.AdvanceAsync(0.5);
        }
        var busy = node.Node.Workers.Single(w => w.Count == 1);
        var running = busy.RunNextAsync();
        var worker = Assert.Single(cluster.Calls).Worker;

        // There is nothing else of its job for long, and much of another one.
        await cluster.InsertAsync(2_000, table: "others");
        leader.Dispatcher.Wake();
        await LiveAsync(8);
        Assert.Equal("numbers", (await ServingAsync(cluster))[worker]);
        Assert.DoesNotContain(cluster.Calls.Skip(1), c => c.Worker == worker);
        Assert.NotEmpty(cluster.Calls.Skip(1));
        // The job may have one worker, and that one is busy.
        await cluster.InsertAsync(3, first: 2);
        leader.Dispatcher.Wake();
        await LiveAsync(5);
        Assert.Single(cluster.Calls, c => c.Job == "numbers");

        release.SetResult();
        await running;
        await LiveAsync(3);
        Assert.Equal(4, cluster.Calls.Count(c => c.Job == "numbers"));
        Assert.All(cluster.Calls.Where(c => c.Job == "numbers"), c => Assert.Equal(worker, c.Worker));
    }

    [Theory, InlineData(true, 250), InlineData(false, 250), InlineData(true, 28), InlineData(true, 29), InlineData(true, 38), InlineData(false, 28)]
    public async Task A_turn_passes_with_the_end_of_a_long_task_where_there_are_more_jobs_than_workers(bool together, int tenths)
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "others");
        await cluster.InsertAsync(40);
        await cluster.InsertAsync(40, table: "others");
        var running = new List<(TaskCompletionSource Over, Task Run, int Since)>();
        TaskCompletionSource? begun = null;
        void Program(PampaBuilder p)
        {
            foreach (var table in (string[])["numbers", "others"])
                TestCluster.AddNumbers(p, job => job.Process(_ => (begun = new TaskCompletionSource()).Task), table, table);
        }
        var leader = await cluster.StartProgramAsync(Program, 1, joins: together);
        var node = together ? leader : await cluster.StartProgramAsync(Program, 1, "node");
        for (var turn = 0; cluster.Calls.Count < (tenths > 100 ? 9 : 24); turn++)
        {
            Assert.True(turn < 10_000, "it stands still");
            if (turn % 50 == 0) node.TryBeat();
            await leader.DispatchAsync();
            await node.ExchangeAsync();
            await node.StartAsync();
            if (node.Node.Workers[0].Running is null && node.Node.Workers[0].RunNextAsync() is { IsCompleted: false } run) running.Add((begun!, run, turn));
            if (running.Count > 0 && turn - running[^1].Since >= tenths)
            {
                running[^1].Over.TrySetResult();
                await running[^1].Run;
                await node.FinishAsync();
            }
            await cluster.AdvanceAsync(0.1);
        }
        // A turn is as long as two tasks; the first may be longer, as long as it is not known how long a task takes.
        var jobs = cluster.Calls.Select(c => c.Job).ToList();
        var longest = 0;
        for (int i = 0, same = 0; i < jobs.Count; i++) longest = Math.Max(longest, same = i > 0 && jobs[i] == jobs[i - 1] ? same + 1 : 1);
        Assert.InRange(longest, 1, tenths > 100 ? 3 : 5);
        Assert.InRange(jobs.Count(j => j == "others"), jobs.Count / 3, jobs.Count * 2 / 3);
        running[^1].Over.TrySetResult();
    }

    [Fact]
    public async Task A_job_that_is_told_of_records_while_all_are_busy_does_not_count_again_and_again()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "others");
        var release = new TaskCompletionSource();
        await cluster.InsertAsync(1);
        var a = await cluster.StartProgramAsync(p =>
        {
            TestCluster.AddNumbers(p, job => job.Process(_ => release.Task));
            AddJobs(p, null, "others");
        }, 1);
        await a.DispatchAsync();
        await a.StartAsync();
        var slow = a.Node.Workers[0].RunNextAsync();
        await cluster.AdvanceAsync(1.1);
        await a.StartAsync();
        await cluster.InsertAsync(20, table: "others");
        await TurnsAsync(2);
        a.Faults.FailBefore("SELECT count(*) FROM (SELECT", times: 1_000, error: new TimeoutException());
        await TurnsAsync(30);
        // Once a second, and not with each word.
        Assert.InRange(a.Faults.Hits, 1, 7);
        release.SetResult();
        await slow;
        await cluster.UntilAsync(async () => await DoneAsync(cluster, "others") == 20, "the others are done");

        async Task TurnsAsync(int turns)
        {
            for (var i = 0; i < turns; i++)
            {
                a.Dispatcher.Wake("others");
                await a.DispatchAsync();
                await a.StartAsync();
                await cluster.LiveAsync(0.1);
            }
        }
    }

    [Fact]
    public async Task What_comes_just_before_the_end_of_a_long_task_gets_its_worker()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "others");
        await cluster.InsertAsync(5);
        TaskCompletionSource begun = new();
        var a = await cluster.StartProgramAsync(p =>
        {
            TestCluster.AddNumbers(p, job => job.Process(_ => (begun = new TaskCompletionSource()).Task));
            AddJobs(p, null, "others");
        }, 1);
        await a.DispatchAsync();
        await a.StartAsync();
        var slow = a.Node.Workers[0].RunNextAsync();
        for (var i = 0; i < 250; i++)
        {
            await cluster.LiveAsync(0.1);
            await a.DispatchAsync();
            await a.StartAsync();
        }
        await cluster.InsertAsync(1, table: "others");
        a.Dispatcher.Wake("others");
        await a.DispatchAsync();
        // It is an exception: a turn is ten seconds.
        for (var i = 0; i < 200; i++) a.Lane.Load.Durations.Add(TimeSpan.FromSeconds(1));
        begun.SetResult();
        await slow;
        await a.StartAsync();
        await a.DispatchAsync();
        Assert.Equal("a.1", await cluster.Db.ScalarAsync<string>("SELECT odd_checking_reservation_id FROM others"));
    }

    [Fact]
    public async Task A_worker_that_is_lost_for_good_does_not_keep_the_only_place_of_its_job()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        var release = new TaskCompletionSource();
        await cluster.InsertAsync(2);
        var a = await cluster.StartAsync(job =>
        {
            job.MaxAssignedWorkers = 1;
            job.MaxDuration = TimeSpan.FromSeconds(5);
            job.Process(task => task.Get<long>("value") == 1 && task.Attempt == 1 ? release.Task : Task.CompletedTask);
        });
        await a.DispatchAsync();
        await a.StartAsync();
        var lost = a.Node.Workers[0].RunNextAsync();
        for (var i = 0; i < 40; i++)
        {
            await cluster.LiveAsync(2);
            await a.DispatchAsync();
            await a.StartAsync();
            while (await a.Node.Workers[1].RunNextAsync())
            {
            }
            await a.FinishAsync();
        }
        Assert.False(lost.IsCompleted);
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
        release.SetResult();
        await lost;
    }
}
