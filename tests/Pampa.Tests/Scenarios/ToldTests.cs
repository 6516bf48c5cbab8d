using Pampa.Storage;

namespace Pampa.Tests.Scenarios;

/// <summary>Processes that are told of something need not look for it; and those that are not told find it all the same.</summary>
public sealed class ToldTests
{
    private static Task<TestProcess> LeaderAsync(TestCluster cluster) =>
        cluster.StartProgramAsync(p => TestCluster.AddNumbers(p, job => job.Process(_ => { })), name: "leader", joins: false);

    /// <summary>A leader that has looked and found nothing, and a node that waits.</summary>
    private static async Task<(TestProcess Leader, TestProcess Node)> IdleAsync(TestCluster cluster, int workers = 2)
    {
        var leader = await LeaderAsync(cluster);
        var node = await cluster.StartAsync(job => job.Process(_ => { }), workers, "a");
        await node.ExchangeAsync();
        await leader.DispatchAsync();
        Assert.True(leader.Dispatcher.IsIdle);
        return (leader, node);
    }

    /// <summary>Records come in, and the leader hands them over.</summary>
    private static async Task HandOverAsync(TestCluster cluster, TestProcess leader, int records)
    {
        await cluster.InsertAsync(records);
        leader.Dispatcher.Wake();
        await leader.DispatchAsync();
    }

    private static async Task<HandOver> MailAsync(TestCluster cluster)
    {
        var row = Assert.Single(await cluster.Db.ReadAsync("SELECT id, job, rows FROM pampa_handover"));
        return new HandOver((string)row[0]!, (string)row[1]!, (string)row[2]!);
    }

    // Well written, and none of this node's.
    private const string ForNobody = """[["9", "z.9", "2030-01-01T00:00:00.000Z", 0]]""";

    private static int InHand(TestProcess node) => node.Lane.Load.Hands.Sum(h => h.Count);

    [Fact]
    public async Task A_node_that_is_told_what_it_got_need_not_read_it_and_does_not_take_it_twice()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var (leader, node) = await IdleAsync(cluster);
        await HandOverAsync(cluster, leader, 3);
        var mail = await MailAsync(cluster);

        node.Exchange.Wake(mail);
        // At once, by whoever hears of it, and not when the loop turns.
        Assert.Equal(3, InHand(node));
        node.Exchange.Wake(mail);
        node.Faults.IsDown = true;
        await node.ExchangeAsync();
        Assert.Equal((3, 0), (InHand(node), node.Outages));
        // It says so a little later: at once, that would hold up the start.
        await cluster.AdvanceAsync(0.05);
        await node.ExchangeAsync();
        Assert.Equal(0, node.Outages);
        node.Faults.IsDown = false;
        await cluster.AdvanceAsync(0.05);
        await node.ExchangeAsync();
        Assert.Equal(3, InHand(node));
        await node.ExchangeAsync();
        Assert.Equal(0, await cluster.Db.ScalarAsync<long>("SELECT count(*) FROM pampa_handover"));

        node.Exchange.Wake(mail);
        await cluster.UntilEndedAsync();
        Assert.Equal(3, cluster.Calls.Count);
    }

    [Fact]
    public async Task What_a_former_life_was_told_is_not_taken_in()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var (leader, node) = await IdleAsync(cluster);
        await HandOverAsync(cluster, leader, 1);
        var mail = await MailAsync(cluster);
        await cluster.AdvanceAsync(60);
        await node.JoinAsync();
        node.Exchange.Wake(mail);
        Assert.Equal(0, InHand(node));
        await node.ExchangeAsync();
        Assert.Equal(0, InHand(node));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("of another version")]
    [InlineData("[[1, 2], {}]")]
    public async Task What_is_told_in_a_way_that_says_nothing_is_looked_up_and_not_believed(string rows)
    {
        await using var cluster = await TestCluster.CreateAsync();
        var (leader, node) = await IdleAsync(cluster);
        await HandOverAsync(cluster, leader, 1);
        node.Exchange.Wake(await MailAsync(cluster) with { Rows = rows });
        await node.ExchangeAsync();
        Assert.Equal(1, InHand(node));
    }

    [Fact]
    public async Task A_hand_over_in_the_words_of_another_version_is_read_from_the_records()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var (leader, node) = await IdleAsync(cluster);
        await HandOverAsync(cluster, leader, 1);
        await cluster.Db.ExecuteAsync("UPDATE pampa_handover SET rows = 'of another version'");
        node.Exchange.Wake();
        await node.ExchangeAsync();
        await node.StartAsync();
        await cluster.AdvanceAsync(0.1);
        await node.ExchangeAsync();
        await node.StartAsync();
        await node.RunAsync();
        await node.FinishAsync();
        Assert.True((await cluster.RowAsync(1)).IsCompleted);
        Assert.Equal(0, await cluster.Db.ScalarAsync<long>("SELECT count(*) FROM pampa_handover"));
    }

    [Fact]
    public async Task A_thread_that_hears_and_the_loop_that_looks_lose_no_message_between_them()
    {
        const int Messages = 300;
        await using var cluster = await TestCluster.CreateAsync();
        var (_, node) = await IdleAsync(cluster);
        var own = node.Node.Membership.Workers[0].Worker;
        var mail = Enumerable.Range(1, Messages).Select(i =>
            new HandOver($"batch {i:000}", node.Lane.Job.Name, HandOverText.Write([new Jobs.Reservation(new Jobs.TaskKey([$"{i}"]), own, "2030-01-01T00:00:00.000Z", 0)]))).ToList();
        foreach (var one in mail)
            await cluster.Db.ExecuteAsync($"INSERT INTO pampa_handover (cluster, node, id, job, term, created_at, rows) VALUES ('{TestCluster.Cluster}', 'a', '{one.Batch}', '{one.Job}', 1, '2030-01-01T00:00:00.000Z', '{one.Rows}')");

        var hearing = Task.Run(() =>
        {
            foreach (var one in mail)
            {
                node.Exchange.Wake(one);
                node.Exchange.Wake(one);
            }
        }, TestCluster.Stopping);
        while (!hearing.IsCompleted || await cluster.Db.ScalarAsync<long>("SELECT count(*) FROM pampa_handover") > 0)
        {
            cluster.Time.Advance(TimeSpan.FromMilliseconds(10));
            node.Exchange.Wake();
            await node.ExchangeAsync();
        }
        await hearing;

        Assert.Equal(Messages, InHand(node));
    }

    [Theory]
    [InlineData(false, 0.6)]
    [InlineData(true, 2.1)]
    public async Task A_node_that_hears_looks_more_seldom(bool isHeard, double seconds)
    {
        await using var cluster = await TestCluster.CreateAsync();
        var (leader, node) = await IdleAsync(cluster);
        node.IsHeard = isHeard;
        await cluster.AdvanceAsync(3);
        await node.ExchangeAsync();
        await HandOverAsync(cluster, leader, 1);
        await cluster.AdvanceAsync(0.4);
        await node.ExchangeAsync();
        Assert.Equal(0, InHand(node));
        await cluster.AdvanceAsync(seconds - 0.4);
        await node.ExchangeAsync();
        Assert.Equal(1, InHand(node));
    }

    [Fact]
    public async Task A_leader_that_is_told_looks_for_records_before_it_asks_the_nodes_but_not_twice_running()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var (leader, _) = await IdleAsync(cluster);
        await cluster.InsertAsync(2);
        leader.Faults.FailBefore("FROM pampa_load", times: 1);
        leader.Dispatcher.Wake();
        await leader.DispatchAsync();
        Assert.Equal(0, leader.Outages);
        Assert.Equal(2, (await cluster.RowsAsync()).Count(r => r.IsReserved));
        leader.Dispatcher.Wake();
        await leader.DispatchAsync();
        Assert.Equal(1, leader.Outages);
    }

    [Fact]
    public async Task What_a_leader_left_out_in_its_haste_it_does_before_the_next_wake_up_is_likely()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var (leader, node) = await IdleAsync(cluster);
        var regular = leader.Dispatcher.Pause;
        for (var i = 0; i < 3; i++)
        {
            await cluster.InsertAsync(1, first: i + 1);
            // Each of them is looked for before anything else is asked: the node's word is read in between.
            leader.Faults.FailBefore("FROM pampa_load", times: 1);
            leader.Dispatcher.Wake();
            await leader.DispatchAsync();
            Assert.Equal(0, leader.Outages);
            Assert.True(leader.Dispatcher.Pause < TimeSpan.FromMilliseconds(20));
            leader.Faults.Clear();
            await cluster.AdvanceAsync(leader.Dispatcher.Pause);
            await leader.DispatchAsync();
            Assert.True(leader.Dispatcher.Pause >= TimeSpan.FromMilliseconds(50));
        }
        Assert.Equal(3, (await cluster.RowsAsync()).Count(r => r.IsReserved));
        Assert.Equal(TimeSpan.FromMilliseconds(500), regular);
        Assert.Equal(0, InHand(node));
    }

    [Fact]
    public async Task A_node_answers_in_a_quiet_moment_and_not_when_the_next_message_comes()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var (leader, node) = await IdleAsync(cluster);
        Assert.Equal(0.1, node.Exchange.Pause.TotalSeconds);
        await HandOverAsync(cluster, leader, 1);
        node.Exchange.Wake(await MailAsync(cluster));
        await node.ExchangeAsync();
        await cluster.AdvanceAsync(0.06);
        // So long until it answers by itself.
        Assert.InRange(node.Exchange.Pause.TotalSeconds, 0.035, 0.041);

        await cluster.AdvanceAsync(0.06);
        Assert.Equal(0.001, node.Exchange.Pause.TotalSeconds);
        // One that has just come may be followed by the next.
        node.Exchange.Wake(new HandOver("one more", node.Lane.Job.Name, ForNobody));
        Assert.InRange(node.Exchange.Pause.TotalSeconds, 0.0045, 0.005);
        node.Exchange.Wake(new HandOver("another", node.Lane.Job.Name, ForNobody));
        node.Faults.IsDown = true;
        await node.ExchangeAsync();
        Assert.Equal(0, node.Outages);
        // Where messages come without a pause it answers between them.
        await cluster.AdvanceAsync(0.1);
        node.Exchange.Wake(new HandOver("a third", node.Lane.Job.Name, ForNobody));
        await node.ExchangeAsync();
        Assert.Equal(1, node.Outages);
    }

    [Fact]
    public async Task A_leader_that_found_little_names_few_workers_when_it_looks_again()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var (leader, _) = await IdleAsync(cluster, workers: 60);
        await cluster.InsertAsync(80);
        leader.Dispatcher.Wake();
        Assert.True(await leader.DispatchAsync());
        Assert.Equal(16, (await cluster.RowsAsync()).Count(r => r.IsReserved));
        await leader.DispatchAsync();
        Assert.Equal(80, (await cluster.RowsAsync()).Count(r => r.IsReserved));
    }
}
