using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Scenarios;

/// <summary>Processes that have different lease times.</summary>
public sealed class LeaseTimeTests
{
    public static TheoryData<string> Engines => [nameof(Engine.Sqlite), nameof(Engine.PostgreSql), nameof(Engine.Portable)];

    private static Task<TestProcess> StartAsync(TestCluster cluster, string name, double lease, bool joins) => cluster.StartProgramAsync(pampa =>
    {
        pampa.WorkerLease = TimeSpan.FromSeconds(lease);
        TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
    }, 1, name, joins);

    [Theory, MemberData(nameof(Engines))]
    public async Task A_leader_with_a_shorter_lease_time_leaves_a_node_that_beats_as_its_own_asks(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(1);
        var leader = await StartAsync(cluster, "leader", 30, joins: false);
        var node = await StartAsync(cluster, "web", 120, joins: true);
        await node.ExchangeAsync();
        var running = await cluster.UntilStartedAsync(1, leader, node);

        for (var second = 1; second <= 160; second++)
        {
            await cluster.AdvanceAsync(1);
            if (second % 40 == 0) node.TryBeat();
            await leader.DispatchAsync();
            Assert.Equal(running, await cluster.RowAsync(1));
        }

        // And it is dead when its own lease is over, not much later.
        for (var second = 1; second <= 122; second++)
        {
            await cluster.AdvanceAsync(1);
            await leader.DispatchAsync();
            if (second < 119) Assert.Equal(running, await cluster.RowAsync(1));
        }
        var row = await cluster.RowAsync(1);
        Assert.True(row is { IsFree: true, N: 1 }, $"{row}");
        Assert.Equal("worker web.1 lost during attempt 1 of 3", row.Err);
    }

    [Fact]
    public async Task A_leader_with_a_longer_lease_time_takes_a_node_for_dead_when_the_nodes_own_is_over()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var leader = await StartAsync(cluster, "leader", 600, joins: false);
        var node = await StartAsync(cluster, "web", 30, joins: true);
        await node.ExchangeAsync();
        var running = await cluster.UntilStartedAsync(1, leader, node);

        for (var second = 1; second <= 32; second++)
        {
            await cluster.AdvanceAsync(1);
            await leader.DispatchAsync();
            if (second < 29) Assert.Equal(running, await cluster.RowAsync(1));
        }
        Assert.True((await cluster.RowAsync(1)) is { IsFree: true, N: 1 });
    }
}
