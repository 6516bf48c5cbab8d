using Pampa.Tests.Fixtures;
using static Pampa.Tests.Stretching.RosterSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Sequences, priorities and own times, from the insert to the end.</summary>
public sealed class SequenceTests
{
    private static async Task<TestCluster> ClusterAsync(string engine)
    {
        var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(30);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET note = CASE value % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE 'c' END");
        return cluster;
    }

    private static IEnumerable<long> Done(TestCluster cluster, int rest) => cluster.Calls.Where(c => c.Key % 3 == rest).Select(c => c.Key);

    [Theory, MemberData(nameof(Engines), MemberType = typeof(Stretching.RosterSetup))]
    public async Task Records_of_a_sequence_run_in_order_and_those_behind_a_failure_wait_for_its_next_attempt(string engine)
    {
        await using var cluster = await ClusterAsync(engine);
        var began = cluster.Time.GetUtcNow();
        await cluster.StartAsync(job =>
        {
            job.InSequenceBy("note");
            job.Process(task =>
            {
                if (task.Get<long>("value") == 7 && task.Attempt == 1) throw new InvalidOperationException("once");
            });
        }, workers: 4);
        await cluster.UntilEndedAsync();
        Assert.Equal(Enumerable.Range(1, 10).Select(i => 3L * i), Done(cluster, 0));
        Assert.Equal([1L, 4, 7, 7, 10, 13, 16, 19, 22, 25, 28], Done(cluster, 1));
        // The next one comes when the one before is written, not when it is time to look.
        Assert.InRange((cluster.Time.GetUtcNow() - began).TotalSeconds, 0, 4);
    }

    [Fact]
    public async Task A_failure_for_good_ends_its_sequence_until_it_is_retried()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite));
        var isMended = false;
        var process = await cluster.StartAsync(job =>
        {
            job.MaxAttempts = 1;
            job.InSequenceBy("note");
            job.Process(task =>
            {
                if (task.Get<long>("value") == 7 && !isMended) throw new InvalidOperationException("broken");
            });
        });
        await cluster.UntilAsync(async () => (await cluster.RowsAsync()).Count(r => r.IsCompleted) == 22, "the others are done");
        await TurnAsync(cluster, 3, process);
        Assert.Equal([1L, 4, 7], Done(cluster, 1));
        isMended = true;
        var failed = await process.Lane.Store.ReadEndedAsync(TaskState.Failed, 9, TestCluster.Stopping);
        await process.Lane.Store.RelaunchAsync(failed, TaskState.Failed, TestCluster.Stopping);
        cluster.AttemptsAreGivenBack = true;
        await cluster.UntilEndedAsync();
        Assert.Equal([1L, 4, 7, 7, 10, 13, 16, 19, 22, 25, 28], Done(cluster, 1));
    }

    [Fact]
    public async Task What_is_more_urgent_is_done_first_though_it_came_last()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ADD COLUMN priority int");
        await cluster.InsertAsync(40);
        var process = await cluster.StartAsync(job =>
        {
            job.PriorityColumn = "priority";
            job.MaxQueueSize = 5;
            job.Process(_ => { });
        }, workers: 1);
        await process.RoundAsync();
        await cluster.InsertAsync(1, 100);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET priority = -1 WHERE value = 100");
        await cluster.UntilEndedAsync();
        Assert.InRange(cluster.Calls.Select(c => c.Key).ToList().IndexOf(100), 1, 15);
    }

    [Theory, MemberData(nameof(Engines), MemberType = typeof(Stretching.RosterSetup))]
    public async Task A_record_with_a_time_of_its_own_waits_for_it(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ADD COLUMN send_at timestamp");
        await cluster.InsertAsync(3);
        await cluster.Db.ExecuteAsync($"UPDATE numbers SET send_at = {TableProfile.Literal(cluster.Db.Clock.Now.AddSeconds(10))} WHERE value = 1");
        var process = await cluster.StartAsync(job =>
        {
            job.DueColumn = "send_at";
            job.Process(_ => { });
        });
        await TurnAsync(cluster, 5, process);
        Assert.Equal([2L, 3L], cluster.Calls.Select(c => c.Key).Order());
        await TurnAsync(cluster, 8, process);
        Assert.Equal(1, cluster.Calls.Last().Key);
        await cluster.UntilEndedAsync();
    }
}
