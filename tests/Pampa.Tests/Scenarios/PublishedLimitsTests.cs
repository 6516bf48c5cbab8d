using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Scenarios;

/// <summary>A leader and a node of builds that have other limits.</summary>
public sealed class PublishedLimitsTests
{
    public static TheoryData<string> Engines => [nameof(Engine.Sqlite), nameof(Engine.PostgreSql), nameof(Engine.Portable)];

    public static TheoryData<string, int, int> EnginesAndLimits
    {
        get
        {
            var data = new TheoryData<string, int, int>();
            foreach (var engine in (string[])[nameof(Engine.Sqlite), nameof(Engine.PostgreSql)])
            {
                data.Add(engine, 5, 3);
                data.Add(engine, 3, 5);
            }
            return data;
        }
    }

    private static async Task<(TestProcess Leader, TestProcess Node)> StartAsync(
        TestCluster cluster, Action<JobBuilder> leading, Action<JobBuilder> working, Action<PampaTask> handler)
    {
        var leader = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job =>
        {
            leading(job);
            job.Process(handler);
        }), name: "leader", joins: false);
        var node = await cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job =>
        {
            working(job);
            job.Process(handler);
        }), 1, "web");
        await node.ExchangeAsync();
        return (leader, node);
    }

    private static async Task RoundAsync(TestCluster cluster, TestProcess leader, TestProcess node)
    {
        await leader.DispatchAsync();
        await node.ExchangeAsync();
        await node.StartAsync();
        await node.RunAsync();
        await node.FinishAsync();
        await cluster.LiveAsync(0.1);
    }

    private static async Task ReadAsync(params TestProcess[] processes)
    {
        foreach (var process in processes) Assert.False(await process.Limits.CycleAsync(TestCluster.Stopping));
    }

    [Theory, MemberData(nameof(EnginesAndLimits))]
    public async Task A_task_is_tried_as_often_as_the_program_says_that_has_started_last(string engine, int leading, int working)
    {
        foreach (var leaderIsLast in (bool[])[true, false])
        {
            await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
            await cluster.InsertAsync(3);
            var (leader, node) = await StartAsync(cluster, job => job.MaxAttempts = leading, job => job.MaxAttempts = working,
                _ => throw new InvalidOperationException("no"));
            foreach (var process in leaderIsLast ? (TestProcess[])[node, leader] : [leader, node]) await process.PublishAsync();
            await ReadAsync(leader, node);

            for (var round = 0; round < 200 && !(await cluster.RowsAsync()).TrueForAll(r => r.IsFailed); round++) await RoundAsync(cluster, leader, node);

            var max = leaderIsLast ? leading : working;
            Assert.All(await cluster.RowsAsync(), row => Assert.Equal((true, max), (row.IsFailed, row.N)));
            Assert.Equal(3 * max, cluster.Calls.Count);
            var (other, own) = leaderIsLast ? (node, working) : (leader, leading);
            Assert.Single(other.Lines, l => l.StartsWith(
                $"Warning: Job 'numbers' goes by MaxAttempts {max} and MaxDuration 00:15:00, as ", StringComparison.Ordinal)
                && l.Contains($"this program says {own} and 00:15:00", StringComparison.Ordinal));
            await cluster.CheckAsync(maxAttempts: max);
        }
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_a_node_may_not_start_any_more_does_not_come_back_at_once(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(2);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_times = 3 WHERE value = 1");
        var (leader, node) = await StartAsync(cluster, job => job.MaxAttempts = 5, job => job.MaxAttempts = 3, _ => { });
        await node.PublishAsync();
        await leader.PublishAsync();

        // Nobody has read anything yet.
        var reserved = new HashSet<DateTime?>();
        for (var round = 0; round < 100; round++)
        {
            await RoundAsync(cluster, leader, node);
            reserved.Add((await cluster.RowAsync(1)).Rt);
        }
        Assert.Single(reserved);
        Assert.True((await cluster.RowAsync(1)) is { IsReserved: true, N: 3 });
        Assert.True((await cluster.RowAsync(2)).IsCompleted);
        Assert.Single(node.Lines, l => l.Contains("1 records were dealt to this node although they have had 3 attempts", StringComparison.Ordinal));

        await ReadAsync(leader, node);
        for (var round = 0; round < 250; round++) await RoundAsync(cluster, leader, node);
        Assert.True((await cluster.RowAsync(1)) is { IsCompleted: true, N: 4 });
        await cluster.CheckAsync(maxAttempts: 5);
    }

    [Theory, InlineData(15, 60), InlineData(60, 15)]
    public async Task An_attempt_is_overdue_by_the_time_that_was_published_last(int leading, int working)
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(1);
        var (leader, node) = await StartAsync(cluster, job => job.MaxDuration = TimeSpan.FromMinutes(leading),
            job => job.MaxDuration = TimeSpan.FromMinutes(working), _ => { });
        await leader.PublishAsync();
        await node.PublishAsync();
        await ReadAsync(leader, node);
        var running = await cluster.UntilStartedAsync(1, leader, node);

        for (var minute = 0; minute < working; minute++)
        {
            await cluster.LiveAsync(60);
            await leader.DispatchAsync();
            Assert.Equal(running, await cluster.RowAsync(1));
        }
        await cluster.LiveAsync(30);
        await leader.DispatchAsync();
        Assert.Equal($"deadline of {TimeSpan.FromMinutes(working):c} exceeded during attempt 1 of 3", (await cluster.RowAsync(1)).Err);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_failure_that_is_written_after_the_limit_has_fallen_is_the_last(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(1);
        var process = await cluster.StartAsync(job => job.Process(_ => throw new InvalidOperationException("no")));
        await process.DispatchAsync();
        await process.StartAsync();
        await process.RunAsync();
        process.Lane.Job.Obey(process.Lane.Job.Declared with { MaxAttempts = 1 });
        await process.FinishAsync();
        var row = await cluster.RowAsync(1);
        Assert.True(row is { IsFailed: true, N: 1 }, $"{row}");
        Assert.Contains("no", row.Err, StringComparison.Ordinal);
        Assert.Equal(1, process.Counters.Failed);
    }

    [Fact]
    public async Task A_program_goes_by_its_own_limits_again_and_by_none_that_it_cannot_read()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var (leader, node) = await StartAsync(cluster, job => job.MaxAttempts = 5, job => job.MaxAttempts = 3, _ => { });
        await node.PublishAsync();
        await leader.PublishAsync();
        await ReadAsync(node, node);
        Assert.Equal(5, node.Lane.Job.MaxAttempts);
        Assert.Single(node.Lines, l => l.Contains("goes by MaxAttempts 5", StringComparison.Ordinal));

        await cluster.Db.ExecuteAsync("UPDATE pampa_job SET definition = '{\"maxAttempts\":0,\"maxDurationSeconds\":900}'");
        await ReadAsync(node, node);
        Assert.Equal(5, node.Lane.Job.MaxAttempts);
        Assert.Single(node.Lines, l => l.Contains("it is ignored; MaxAttempts 5 and MaxDuration 00:15:00 stay", StringComparison.Ordinal));

        await node.PublishAsync();
        await ReadAsync(node, node);
        Assert.Equal(3, node.Lane.Job.MaxAttempts);
        Assert.Single(node.Lines, l => l.Contains("goes by this program's own limits again: MaxAttempts 3", StringComparison.Ordinal));

        await cluster.Db.ExecuteAsync("DROP TABLE pampa_job");
        await ReadAsync(node, node);
        Assert.Equal(3, node.Lane.Job.MaxAttempts);
        Assert.Single(node.Lines, l => l.Contains("cannot be read from pampa_job", StringComparison.Ordinal));
    }
}
