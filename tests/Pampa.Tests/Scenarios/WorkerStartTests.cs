using System.Collections.Concurrent;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Scenarios;

/// <summary>What the program does at the start of its workers: when, for whom, and what becomes of them meanwhile.</summary>
public sealed class WorkerStartTests
{
    private readonly ConcurrentQueue<string> calls = new();

    private static void Quick(PampaBuilder pampa) => TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));

    private static async Task<string?> StateAsync(TestCluster cluster, string worker) =>
        WorkerStates.Of((string)(await cluster.Db.ReadAsync($"SELECT state FROM pampa_worker WHERE worker_id = '{worker}'"))[0][0]!);

    private async Task<TestProcess> WithAsync(
        TestCluster cluster, Func<string, CancellationToken, Task> start, bool joins = true, int workers = 2) =>
        await cluster.StartProgramAsync(pampa =>
        {
            Quick(pampa);
            pampa.OnWorkerStart(start);
            pampa.OnWorkerStart((id, _) =>
            {
                calls.Enqueue($"{id} second");
                return Task.CompletedTask;
            });
        }, workers, joins: joins);

    [Fact]
    public async Task Each_worker_starts_once_registered_and_not_ready_in_the_order_of_the_calls()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await WithAsync(cluster, async (id, _) => calls.Enqueue($"{id} {await StateAsync(cluster, id)}"), workers: 1);

        Assert.Equal([$"a.1 {WorkerStates.Recovering}", "a.1 second"], calls);
        Assert.Equal(WorkerStates.Ready, await StateAsync(cluster, "a.1"));
    }

    [Fact]
    public async Task A_start_that_takes_longer_than_the_lease_costs_no_lease_and_gets_no_tasks()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var goOn = new TaskCompletionSource();
        var begun = new CountdownEvent(2);
        var leader = await cluster.StartProgramAsync(Quick, name: "leader", joins: false);
        var process = await WithAsync(cluster, async (_, _) =>
        {
            begun.Signal();
            await goOn.Task;
        }, joins: false);
        var joining = process.JoinAsync();
        Assert.True(begun.Wait(TimeSpan.FromSeconds(30), TestCluster.Stopping), "all workers start at the same time");

        await cluster.LiveAsync(3 * TestCluster.WorkerLease.TotalSeconds);
        await leader.DispatchAsync();

        Assert.True(process.Membership.IsTrusted);
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsFree));
        goOn.SetResult();
        await joining;
        Assert.All(process.Membership.Workers, w => Assert.Equal(1, w.Session));
        await cluster.UntilEndedAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
    }

    [Fact]
    public async Task A_start_that_throws_names_the_worker_and_nothing_is_reserved_for_it()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(4);
        var toldToEnd = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        var process = await WithAsync(cluster, async (id, stopping) =>
        {
            if (id == "a.2")
            {
                await begun.Task;
                throw new ArgumentException("no\nbrowser.");
            }
            await using var registration = stopping.Register(toldToEnd.SetResult);
            begun.SetResult();
            await toldToEnd.Task;
        }, joins: false);

        var error = await Assert.ThrowsAsync<StartCodeException>(() => process.JoinAsync());

        Assert.StartsWith("OnWorkerStart (1 of 2) of worker 'a.2' threw ArgumentException: no browser. Nothing was reserved for it", error.Message, StringComparison.Ordinal);
        await toldToEnd.Task.WaitAsync(TimeSpan.FromSeconds(30), TestCluster.Stopping);
        Assert.False(process.Node.IsJoined);
        await process.DispatchAsync();
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsFree));
    }

    [Fact]
    public async Task A_stop_in_the_middle_is_no_error_and_waits_for_nothing()
    {
        await using var cluster = await TestCluster.CreateAsync();
        using var stopping = new CancellationTokenSource();
        var never = new TaskCompletionSource();
        var process = await WithAsync(cluster, async (_, _) =>
        {
            calls.Enqueue("began");
            await stopping.CancelAsync();
            await never.Task;
        }, joins: false, workers: 1);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => process.JoinAsync(stopping.Token));

        Assert.Equal(["began"], calls);
        Assert.Equal(WorkerStates.Recovering, await StateAsync(cluster, "a.1"));
    }

    [Fact]
    public async Task A_node_that_registers_anew_starts_only_what_has_not_started()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await WithAsync(cluster, (id, _) => Task.Run(() => calls.Enqueue(id), CancellationToken.None), workers: 1);
        await cluster.AdvanceAsync(31);
        // Somebody else has the id meanwhile, so that the next suffix is taken.
        var other = await cluster.StartProgramAsync(Quick, workers: 1, name: "a");
        Assert.Equal("a", other.Membership.Node);
        process.TryBeat();
        Assert.True(process.Membership.IsLost);
        await process.StartAsync();

        Assert.Equal(["a.1", "a.1 second", "a-2.1", "a-2.1 second"], calls);
        Assert.True(process.Node.IsJoined);
    }

    [Fact]
    public async Task A_registration_that_was_cut_short_is_completed_without_a_second_start()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await WithAsync(cluster, (id, _) => Task.Run(() => calls.Enqueue(id), CancellationToken.None), joins: false, workers: 1);
        process.Faults.FailBefore("SET state = @state");
        await Assert.ThrowsAnyAsync<Exception>(() => process.JoinAsync());
        Assert.False(process.Node.IsJoined);

        await process.StartAsync();

        Assert.True(process.Node.IsJoined);
        Assert.Equal(["a.1", "a.1 second"], calls);
    }
}
