using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Scenarios;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Stretching;

/// <summary>What the tests of the stretch and of pauses begin with.</summary>
internal static class RosterSetup
{
    public static TheoryData<string> Engines => [nameof(Engine.Sqlite), nameof(Engine.PostgreSql), nameof(Engine.Portable)];

    public static async Task<TestCluster> ClusterAsync(string engine, params string[] tables)
    {
        var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        foreach (var table in tables) await cluster.CreateTableAsync(table);
        return cluster;
    }

    public static void AddJobs(PampaBuilder pampa, Action<JobBuilder>? more, params string[] tables)
    {
        foreach (var table in tables)
        {
            TestCluster.AddNumbers(pampa, job =>
            {
                job.Process(_ => { });
                more?.Invoke(job);
            }, table, table);
        }
    }

    public static async Task<Dictionary<string, string>> ServingAsync(TestCluster cluster) =>
        (await cluster.Db.ReadAsync("SELECT worker_id, job FROM pampa_assignment ORDER BY worker_id")).ToDictionary(r => (string)r[0]!, r => (string)r[1]!);

    public static async Task<int> CountAsync(TestCluster cluster, string job) => (await ServingAsync(cluster)).Values.Count(j => j == job);

    public static Task<long> DoneAsync(TestCluster cluster, string table) =>
        cluster.Db.ScalarAsync<long>($"SELECT count(*) FROM {table} WHERE odd_checking_end_time IS NOT NULL");

    public static ControlStore Control(TestCluster cluster) => new(cluster.Db.Database, TestCluster.Cluster);

    public static async Task<StretchRow> SharesAsync(TestCluster cluster, string job) =>
        (await Control(cluster).ReadSharesAsync(TestCluster.Stopping)).Single(s => s.Job == job);

    public static Task HoldAsync(TestCluster cluster, HoldKind kind, string name, DateTimeOffset? until = null) =>
        Control(cluster).HoldAsync(new Hold(kind, name), "a test", until, TestCluster.Stopping);

    /// <summary>Turns for some seconds of the cluster's time, a tenth each.</summary>
    public static async Task TurnAsync(TestCluster cluster, double seconds, params TestProcess[] processes)
    {
        for (var i = 0; i < seconds * 10; i++)
        {
            foreach (var process in processes) await process.RoundAsync();
            await cluster.AdvanceAsync(0.1);
        }
    }
}
