using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Scenarios;

/// <summary>Programs of several versions in one cluster: a job that demands a newer one, and a job that the older one does not know.</summary>
public sealed class ProgramVersionTests
{
    public static TheoryData<string> Engines => [nameof(Engine.Sqlite), nameof(Engine.PostgreSql), nameof(Engine.Portable)];

    private static Task<TestProcess> StartAsync(
        TestCluster cluster, string name, string version, string? minimum = null, bool works = true, Action<PampaBuilder>? more = null) =>
        cluster.StartProgramAsync(pampa =>
        {
            pampa.ProgramVersion = version;
            TestCluster.AddNumbers(pampa, job =>
            {
                job.MinProgramVersion = minimum;
                job.Process(task => task["is_odd"] = true);
            });
            more?.Invoke(pampa);
        }, workers: 1, name: name, joins: works);

    private static void AddOthers(PampaBuilder pampa) => TestCluster.AddNumbers(pampa, job => job.Process(task => task["is_odd"] = true), "others", "others");

    private static async Task RoundAsync(TestCluster cluster, TestProcess leader, params TestProcess[] nodes)
    {
        await leader.DispatchAsync();
        foreach (var node in nodes)
        {
            await node.ExchangeAsync();
            await node.StartAsync();
            await node.RunAsync();
            await node.FinishAsync();
        }
        await cluster.LiveAsync(0.1);
    }

    private static async Task ReadAsync(params TestProcess[] processes)
    {
        foreach (var process in processes) await process.Limits.CycleAsync(TestCluster.Stopping);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_node_below_the_minimum_gets_none_of_the_jobs_tasks_from_whatever_leader(string engine)
    {
        foreach (var leads in (string[])["1.9", "2.0"])
        {
            await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
            await cluster.CreateTableAsync("others");
            await cluster.InsertAsync(20);
            await cluster.InsertAsync(20, table: "others");
            var minimum = leads == "2.0" ? "2.0.0-rc.1" : null;
            var leader = await StartAsync(cluster, "leader", leads, minimum, works: false, more: AddOthers);
            var old = await StartAsync(cluster, "old", "1.9", more: AddOthers);
            var fresh = await StartAsync(cluster, "new", "2.0", "2.0.0-rc.1", more: AddOthers);
            Assert.True(await leader.PublishAsync());
            Assert.Equal(minimum is null, await old.PublishAsync());
            Assert.True(await fresh.PublishAsync());
            await ReadAsync(leader, old, fresh);

            for (var round = 0; round < 200 && !(await cluster.RowsAsync()).TrueForAll(r => r.IsCompleted); round++)
                await RoundAsync(cluster, leader, old, fresh);

            Assert.All(await cluster.RowsAsync(), row => Assert.True(row is { IsCompleted: true, Rid: "new.1", N: 1 }, $"{row}"));
            Assert.Contains(cluster.Calls, call => call is { Process: "old", Job: "others" });
            Assert.Contains(old.Lines, line => line.Contains("Job 'numbers' demands version 2.0.0-rc.1 of the program", StringComparison.Ordinal)
                && line.Contains("and this is 1.9", StringComparison.Ordinal));
        }
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_an_old_node_has_in_hand_is_given_back_unstarted(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.InsertAsync(5);
        var old = await StartAsync(cluster, "old", "1.9");
        var leader = await StartAsync(cluster, "leader", "1.9", works: false);
        await old.PublishAsync();
        for (var round = 0; round < 50 && !(await cluster.RowsAsync()).Exists(r => r.IsReserved); round++)
        {
            await old.ExchangeAsync();
            await leader.DispatchAsync();
            await cluster.LiveAsync(0.1);
        }
        Assert.Contains(await cluster.RowsAsync(), row => row is { Rid: "old.1", IsReserved: true });

        var fresh = await StartAsync(cluster, "new", "2.0", "2.0", works: false);
        await fresh.PublishAsync();
        await ReadAsync(old, leader);
        for (var round = 0; round < 20; round++) await RoundAsync(cluster, leader, old);

        Assert.All(await cluster.RowsAsync(), row => Assert.True(row is { IsFree: true, N: 0 }, $"{row}"));
        Assert.Empty(cluster.Calls);
        Assert.Single(leader.Lines, line => line.Contains("no worker of the cluster serves it: 1 run a program below version 2.0", StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task An_older_program_that_comes_back_takes_no_minimum_away(string engine)
    {
        await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        var oldest = await StartAsync(cluster, "oldest", "1.9", works: false);
        var admitted = await StartAsync(cluster, "admitted", "2.5", works: false);
        var newest = await StartAsync(cluster, "newest", "3.0", "2.0", works: false);
        var next = await StartAsync(cluster, "next", "3.1", works: false);

        Assert.True(await oldest.PublishAsync());
        Assert.True(await newest.PublishAsync());
        Assert.False(await oldest.PublishAsync());
        // As each worker of an isolated node does.
        for (var start = 0; start < 2; start++) Assert.True(await admitted.PublishAsync());
        await ReadAsync(oldest, admitted);
        Assert.Equal((false, "2.0"), (oldest.Lane.Job.AdmitsThis, oldest.Lane.Job.Minimum?.ToString()));
        Assert.True(admitted.Lane.Job.AdmitsThis);
        // A newer one may have found that it can do without.
        Assert.True(await next.PublishAsync());
        await ReadAsync(oldest, newest);
        Assert.True(oldest.Lane.Job.AdmitsThis);
        // What it demands itself it goes on demanding.
        Assert.Equal("2.0", newest.Lane.Job.Minimum?.ToString());
        Assert.Contains(oldest.Lines, line => line.StartsWith("Information: Job 'numbers' takes version 1.9 of the program again", StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_job_that_a_program_does_not_know_it_never_touches(string engine)
    {
        foreach (var leads in (string[])["old", "new"])
        {
            await using var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
            await cluster.CreateTableAsync("others");
            await cluster.InsertAsync(10);
            await cluster.InsertAsync(10, table: "others");
            // What a former, newer life of the node held: it stays as it is, too.
            await cluster.Db.ExecuteAsync("UPDATE others SET odd_checking_reservation_id = 'old.1', odd_checking_reservation_time = '2026-01-01 00:00:00' WHERE value = 1");
            var old = await StartAsync(cluster, "old", "1.9");
            var fresh = await StartAsync(cluster, "new", "2.0", works: false, more: AddOthers);
            await fresh.PublishAsync();
            await old.PublishAsync();
            var before = leads == "old" ? await cluster.RowsAsync("others") : null;
            var leader = leads == "old" ? old : fresh;
            await ReadAsync(old, fresh);

            for (var round = 0; round < 100 && !(await cluster.RowsAsync()).TrueForAll(r => r.IsCompleted); round++) await RoundAsync(cluster, leader, old);

            Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsCompleted));
            if (before is not null) Assert.Equal(before, await cluster.RowsAsync("others"));
            else Assert.All((await cluster.RowsAsync("others"))[1..], row => Assert.True(row is { IsFree: true, N: 0 }, $"{row}"));
            Assert.All(cluster.Calls, call => Assert.Equal("numbers", call.Job));
            if (leads == "old") continue;
            // Who knows it does it, when he comes.
            var worker = await StartAsync(cluster, "late", "2.0", more: AddOthers);
            for (var round = 0; round < 100 && (await cluster.RowsAsync("others", "value > 1")).Exists(r => !r.IsCompleted); round++)
                await RoundAsync(cluster, leader, old, worker);
            Assert.All((await cluster.RowsAsync("others"))[1..], row => Assert.True(row is { IsCompleted: true, Rid: "late.1" }, $"{row}"));
        }
    }
}
