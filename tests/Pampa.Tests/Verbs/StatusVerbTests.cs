using System.Text.Json;

namespace Pampa.Tests.Verbs;

/// <summary>The verb <c>status</c> where something is wrong with one of several jobs.</summary>
public sealed class StatusVerbTests() : VerbRig(pampa => Program(pampa))
{
    // Some verbs ask the condition once when they begin, to see whether the database takes it.
    private static void Program(PampaBuilder pampa, int throwsFrom = int.MaxValue)
    {
        pampa.Setup(
            "CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY)", "INSERT INTO numbers VALUES (1), (2) ON CONFLICT DO NOTHING",
            "CREATE TABLE IF NOT EXISTS letters (value bigint PRIMARY KEY)");
        pampa.AddJob("numbers", "numbers", "value", job => job.Process(_ => { }));
        var asked = 0;
        pampa.AddJob("letters", "letters", "value", job =>
        {
            job.WhereEachCycle(() =>
            {
                if (++asked >= throwsFrom) throw new FormatException("no idea");
                return $"value > 0";
            });
            job.Process(_ => { });
        });
    }

    [Fact]
    public async Task A_job_whose_condition_throws_is_told_beside_the_others()
    {
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        var (code, said, errors) = await RunAsync(pampa => Program(pampa, throwsFrom: 1), "status");
        Assert.Equal((2, ""), (code, errors));
        Assert.Contains("numbers: 2 tasks: 0 completed", said, StringComparison.Ordinal);
        Assert.Contains("letters: cannot be counted: its Where throws FormatException: no idea.", said, StringComparison.Ordinal);
        Assert.Contains("leader: none", said, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(pampa => Program(pampa, throwsFrom: 1), "status", "numbers")).Code);
        // Each question of it says so, and none of them is a fault of Pampa's.
        foreach (var verb in new[] { "tasks", "preview" })
        {
            (code, _, errors) = await RunAsync(pampa => Program(pampa, throwsFrom: 2), verb, "letters");
            Assert.Equal(2, code);
            Assert.Contains("its Where throws FormatException: no idea", errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task One_node_is_looked_at_and_whether_it_takes_tasks()
    {
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        await ExecuteAsync("""
            INSERT INTO pampa_worker (cluster, worker_id, node, session, process, program, state, heartbeat_at, expires_at)
            SELECT 'pampa', id, node, 1, 'p', 'shop', state, strftime('%Y-%m-%dT%H:%M:%fZ'), until
            FROM (SELECT 'web1.1' AS id, 'web1' AS node, 'ready' AS state, '2099-01-01T00:00:00.000Z' AS until
              UNION ALL SELECT 'web2.1', 'web2', 'ready', '2099-01-01T00:00:00.000Z'
              UNION ALL SELECT 'begins.1', 'begins', 'recovering', '2099-01-01T00:00:00.000Z'
              UNION ALL SELECT 'dead.1', 'dead', 'ready', '2001-01-01T00:00:00.000Z')
            """);
        var (code, said, errors) = await RunAsync("top", "--json", "--node", "web1");
        Assert.Equal((0, ""), (code, errors));
        using var one = JsonDocument.Parse(said);
        Assert.Equal("web1", Assert.Single(one.RootElement.GetProperty("nodes").EnumerateArray()).GetProperty("name").GetString());
        foreach (var name in (string[])["begins", "dead", "web"])
        {
            (code, said, errors) = await RunAsync("top", "--json", "--node", name);
            Assert.Equal((2, $"No worker of the node '{name}' takes tasks."), (code, errors.TrimEnd()));
            using var none = JsonDocument.Parse(said);
            Assert.Equal(name == "begins" ? 1 : 0, none.RootElement.GetProperty("nodes").GetArrayLength());
        }
        Assert.Equal((0, ""), await CodeAndErrorAsync("top", "--once"));
    }

    private async Task<(int Code, string Error)> CodeAndErrorAsync(params string[] args)
    {
        var (code, _, errors) = await RunAsync(args);
        return (code, errors);
    }

    [Fact]
    public async Task A_job_whose_table_is_gone_is_told_beside_the_others()
    {
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        await ExecuteAsync("DROP TABLE letters");
        var (code, said, errors) = await RunAsync("status");
        Assert.Equal((2, ""), (code, errors));
        Assert.Contains("numbers: 2 tasks: 0 completed", said, StringComparison.Ordinal);
        Assert.Contains("letters: cannot be counted: there is no table 'letters'", said, StringComparison.Ordinal);
        (code, said, _) = await RunAsync("status", "letters");
        Assert.Equal(2, code);
        Assert.Contains("letters: cannot be counted", said, StringComparison.Ordinal);
        Assert.DoesNotContain("numbers:", said, StringComparison.Ordinal);
        (code, said, _) = await RunAsync("status", "--json");
        using var status = JsonDocument.Parse(said);
        Assert.Equal((2, "numbers"), (code, Assert.Single(status.RootElement.GetProperty("jobs").EnumerateArray()).GetProperty("job").GetString()));
        Assert.Equal("letters", Assert.Single(status.RootElement.GetProperty("uncounted").EnumerateArray()).GetProperty("job").GetString());
        Assert.DoesNotContain("uncounted", (await RunAsync("status", "numbers", "--json")).Said, StringComparison.Ordinal);
    }
}
