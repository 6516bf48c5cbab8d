using System.Collections.Concurrent;
using Pampa.Commands;
using Pampa.Jobs;
using static Pampa.Tests.Scenarios.HookTests;

namespace Pampa.Tests.Scenarios;

/// <summary>Who waits for the code of hooks, and who does not.</summary>
public sealed class HookWaitTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static Task<T> SoonAsync<T>(Task<T> task) => task.WaitAsync(Patience, TimeProvider.System, TestCluster.Stopping);

    /// <summary>What would not wait has a moment to show that.</summary>
    private static async Task WaitsAsync(Task task)
    {
        await Task.WhenAny(task, Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, TestCluster.Stopping));
        Assert.False(task.IsCompleted);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (!await condition()) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, deadline.Token);
    }

    /// <summary>A process whose records have ended, and one call of its hooks more before a closed gate than it may have.</summary>
    private static async Task<(TestProcess Process, TaskCompletionSource Gate)> CrowdedAsync(TestCluster cluster, Action<JobBuilder>? configure = null)
    {
        cluster.AttemptsAreGivenBack = true;
        var gate = new TaskCompletionSource();
        var process = await cluster.StartAsync(job =>
        {
            job.OnRelaunched(_ => gate.Task);
            job.Process(_ => { });
            configure?.Invoke(job);
        });
        process.WaitsForHooks = false;
        await cluster.UntilEndedAsync();
        // Before their minute begins.
        await cluster.LiveAsync(65);
        Crowd(process);
        return (process, gate);
    }

    private static void Crowd(TestProcess process)
    {
        var store = process.Lane.Store;
        Assert.True(store.TryParseKey("1", out var key));
        while (store.Calls!.Count <= Limits.RelaunchRows) store.Calls.Tell(HookKind.Relaunched, new TaskEvent(store.Table, key));
    }

    [Fact]
    public async Task Who_relaunches_very_many_goes_on_as_their_hooks_are_told()
    {
        await using var cluster = await ClusterAsync(records: 3);
        var (process, gate) = await CrowdedAsync(cluster);
        var options = new TaskActionOptions { All = true, ChunkSize = 1, Pause = TimeSpan.Zero };
        var relaunched = process.Cluster.ApplyAsync("numbers", TaskAction.Relaunch, new TaskFilter(), options, null, TestCluster.Stopping);
        await UntilAsync(async () => (await cluster.RowAsync(1)).IsFree);
        await WaitsAsync(relaunched);
        Assert.Equal([2, 3], (await cluster.RowsAsync()).Where(row => row.Et is not null).Select(row => row.Key));
        // What runs no hook of relaunching has no reason to wait.
        Assert.Equal(1, (await SoonAsync(process.Cluster.ApplyAsync("numbers", TaskAction.Skip, new TaskFilter(), options, null, TestCluster.Stopping))).Changed);
        gate.SetResult();
        Assert.Equal(3, (await SoonAsync(relaunched)).Changed);
        await process.Lane.Store.Calls!.IdleAsync();
    }

    [Fact]
    public async Task Who_relaunches_behind_calls_that_never_end_is_told_so()
    {
        await using var cluster = await ClusterAsync(records: 3);
        var (process, gate) = await CrowdedAsync(cluster);
        await StickAsync(cluster, process);
        var options = new TaskActionOptions { All = true, ChunkSize = 1, Pause = TimeSpan.Zero };
        Task<TaskActionResult> RelaunchAsync(IProgress<TaskActionResult>? progress) =>
            SoonAsync(process.Cluster.ApplyAsync("numbers", TaskAction.Relaunch, new TaskFilter(), options, progress, TestCluster.Stopping));
        var fault = await Assert.ThrowsAnyAsync<InvalidOperationException>(() => RelaunchAsync(null));
        Assert.Contains("16 calls of its hooks do not end", fault.Message, StringComparison.Ordinal);
        Assert.Equal([1], (await cluster.RowsAsync()).Where(row => row.Et is null).Select(row => row.Key));

        // A verb says how far it came, and that it has not done all.
        var said = new List<long>();
        await using var errors = new StringWriter();
        Assert.Equal(1, await ActionCommand.RunAsync(RelaunchAsync, result =>
        {
            said.Add(result.Changed);
            return Task.CompletedTask;
        }, errors));
        Assert.Contains("16 calls of its hooks do not end", errors.ToString(), StringComparison.Ordinal);
        Assert.Equal([1], said);
        Assert.Equal([1, 2], (await cluster.RowsAsync()).Where(row => row.Et is null).Select(row => row.Key));
        gate.SetResult();
        await process.Lane.Store.Calls!.IdleAsync();
    }

    [Fact]
    public async Task The_step_of_relaunching_waits_for_hooks_in_a_tool_and_says_in_an_application_that_it_does_nothing()
    {
        await using var cluster = await ClusterAsync(records: 3);
        var (process, gate) = await CrowdedAsync(cluster, job =>
        {
            job.RelaunchAfter = TimeSpan.FromMinutes(1);
            job.RelaunchJitter = 0;
        });
        Assert.Equal(0, await process.Cluster.RelaunchAsync(TestCluster.Stopping));
        Assert.Equal(0, await process.Cluster.RelaunchAsync(TestCluster.Stopping));
        Assert.Contains("nothing of it is relaunched now, although that was asked for: 10001 calls of its hooks are still to be made", Assert.Single(Of(process, "is relaunched now")), StringComparison.Ordinal);

        // What is overdue has nothing to wait for.
        await cluster.InsertAsync(1, first: 50);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_id = 'a.1', odd_checking_reservation_times = 1, "
            + "odd_checking_reservation_time = '2029-12-31 23:00:00', odd_checking_start_time = '2029-12-31 23:00:00' WHERE value = 50");
        var step = process.Tool.RelaunchAsync(TestCluster.Stopping);
        await UntilAsync(async () => (await cluster.RowAsync(50)).IsFree);
        await WaitsAsync(step);
        gate.SetResult();
        Assert.Equal(4, await SoonAsync(step));
        await process.Lane.Store.Calls!.IdleAsync();
    }

    [Fact]
    public async Task Where_the_hooks_of_one_job_never_end_the_step_relaunches_the_others()
    {
        await using var cluster = await ClusterAsync(records: 2);
        cluster.AttemptsAreGivenBack = true;
        await cluster.CreateTableAsync("others");
        await cluster.InsertAsync(3, table: "others");
        var gate = new TaskCompletionSource();
        var process = await cluster.StartProgramAsync(pampa =>
        {
            foreach (var name in (string[])["numbers", "others"])
            {
                TestCluster.AddNumbers(pampa, job =>
                {
                    job.RelaunchAfter = TimeSpan.FromMinutes(1);
                    job.RelaunchJitter = 0;
                    if (name == "numbers") job.OnRelaunched(_ => gate.Task);
                    job.Process(_ => { });
                }, name, name);
            }
        });
        process.WaitsForHooks = false;
        await cluster.UntilEndedAsync();
        await cluster.UntilEndedAsync("others");
        await StickAsync(cluster, process);
        Assert.Equal(3, await SoonAsync(process.Tool.RelaunchAsync(TestCluster.Stopping)));
        Assert.All(await cluster.RowsAsync("others"), row => Assert.True(row.IsFree));
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
        Assert.Contains("Job 'numbers': nothing of it is relaunched now", Assert.Single(Of(process, "is relaunched now")), StringComparison.Ordinal);
        gate.SetResult();
        await process.Lane.Store.Calls!.IdleAsync();
    }

    /// <summary>All places are taken by calls that do not end, and more wait than may.</summary>
    private static async Task StickAsync(TestCluster cluster, TestProcess process)
    {
        Crowd(process);
        await UntilAsync(async () =>
        {
            // Each has its minute from when it is really made.
            await cluster.LiveAsync(10);
            return process.Lane.Store.Calls!.AreStuck;
        });
        Crowd(process);
    }

    [Fact]
    public async Task Who_acts_on_another_one_out_of_a_hook_waits_for_its_hooks()
    {
        await using var cluster = await ClusterAsync(records: 2);
        cluster.AttemptsAreGivenBack = true;
        var (gate, inner) = (new TaskCompletionSource(), new TaskCompletionSource<Task>());
        var told = new ConcurrentQueue<string>();
        var other = await cluster.StartAsync(
            job =>
            {
                job.Process(_ => { });
                job.OnRelaunched(async about =>
                {
                    await gate.Task;
                    told.Enqueue($"the other {about.Key}");
                });
            }, name: "b");
        var process = await cluster.StartAsync(job =>
        {
            job.Process(_ => { });
            job.OnRelaunched(async about =>
            {
                var relaunched = other.Tool.RelaunchAsync("numbers", ["2"], about.CancellationToken);
                inner.SetResult(relaunched);
                await relaunched;
                told.Enqueue($"the one {about.Key}");
            });
        });
        await cluster.UntilEndedAsync();
        var outer = process.Tool.RelaunchAsync("numbers", ["1"], TestCluster.Stopping);
        await WaitsAsync(await SoonAsync(inner.Task));
        Assert.True((await cluster.RowAsync(2)).IsFree);
        gate.SetResult();
        Assert.Equal(1, await SoonAsync(outer));
        Assert.Equal(["the other 2", "the one 1"], told);
    }
}
