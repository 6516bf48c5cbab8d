namespace Pampa.Tests.Scenarios;

/// <summary>From when and for how long a process trusts its leases, whatever happens while it asks for them.</summary>
public sealed class TrustTests
{
    private const string Heartbeat = "SET heartbeat_at";
    private const string Register = "INSERT INTO pampa_worker";
    private const string Acquire = "INSERT INTO pampa_lease";
    private const string Renew = "UPDATE pampa_lease";

    private static void Quick(JobBuilder job) => job.Process(_ => { });

    [Fact]
    public async Task A_beat_whose_answer_is_slow_is_trusted_from_before_it_was_sent()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartAsync(Quick);
        process.Faults.Meanwhile(Heartbeat, () => cluster.AdvanceAsync(20).GetAwaiter().GetResult());

        process.TryBeat();

        Assert.True(process.Membership.IsTrusted);
        await cluster.AdvanceAsync(8.9);
        Assert.True(process.Membership.IsTrusted);
        // A second less than it lasts.
        await cluster.AdvanceAsync(0.2);
        Assert.False(process.Membership.IsTrusted);
    }

    [Fact]
    public async Task A_registration_whose_answer_is_slow_is_trusted_from_before_it_was_sent()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartProgramAsync(pampa => TestCluster.AddNumbers(pampa, Quick), joins: false);
        process.Faults.Meanwhile(Register, () => cluster.AdvanceAsync(20).GetAwaiter().GetResult());

        await process.JoinAsync();

        Assert.True(process.Membership.IsTrusted);
        await cluster.AdvanceAsync(9.1);
        Assert.False(process.Membership.IsTrusted);
    }

    [Theory, InlineData(Acquire), InlineData(Renew)]
    public async Task An_election_whose_answer_is_slow_is_trusted_from_before_it_was_asked_for(string statement)
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartAsync(Quick);
        if (statement == Renew)
        {
            await process.DispatchAsync();
            await cluster.LiveAsync(5);
        }
        process.Faults.Meanwhile(statement, () => cluster.AdvanceAsync(10).GetAwaiter().GetResult());
        Assert.NotNull(await process.Leadership.EnsureAsync(TestCluster.Stopping));
        await cluster.AdvanceAsync(4.1);

        // Its own lease is not over yet, but nobody who asked for it so long ago may rely on that, or renew it.
        Assert.Null(await process.Leadership.EnsureAsync(TestCluster.Stopping));
    }

    [Fact]
    public async Task A_beat_that_comes_back_after_the_node_has_registered_anew_says_nothing_of_it()
    {
        await using var cluster = await TestCluster.CreateAsync(Fixtures.Engine.PostgreSql);
        var process = await cluster.StartAsync(Quick);
        process.Faults.Meanwhile(Heartbeat, () =>
        {
            cluster.AdvanceAsync(40).GetAwaiter().GetResult();
            process.JoinAsync().GetAwaiter().GetResult();
        });

        process.TryBeat();

        Assert.Equal(("a", 2), (process.Membership.Node, process.Membership.Workers[0].Session));
        Assert.True(process.Membership.IsTrusted);
    }

    [Fact]
    public async Task Nothing_is_started_under_ids_that_are_found_taken_over_within_the_same_cycle()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.InsertAsync(2);
        var process = await cluster.StartAsync(Quick);
        await process.DispatchAsync();
        await cluster.LiveAsync(31);
        process.Faults.Meanwhile(TestProcess.ReadOwn, () =>
        {
            cluster.Db.ExecuteAsync("UPDATE pampa_worker SET session = session + 1").GetAwaiter().GetResult();
            process.TryBeat();
            Assert.True(process.Membership.IsLost);
        });
        process.Faults.FailBefore(TestProcess.Start);

        await process.StartAsync();

        Assert.Equal((0, 0), (process.Faults.Hits, process.Node.Running));
    }
}
