namespace Pampa.Tests.Verbs;

/// <summary>What hooks do when a verb causes them.</summary>
public sealed class HookVerbTests() : VerbRig(Program)
{
    private static void Program(PampaBuilder pampa)
    {
        pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY)", "INSERT INTO numbers (value) VALUES (1), (2) ON CONFLICT DO NOTHING");
        pampa.AddJob("numbers", "numbers", "value", job =>
        {
            job.Process(_ => { });
            job.OnRelaunched(about =>
            {
                if (about.Key == "2") throw new InvalidOperationException("nobody\e[2J listens");
            });
        });
    }

    [Fact]
    public async Task What_they_throw_is_told()
    {
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        Assert.Equal(0, (await RunAsync("skip", "numbers", "--all", "--yes")).Code);
        var (code, said, errors) = await RunAsync("relaunch", "numbers", "1");
        Assert.Equal((0, "numbers: 1 record is pending again", ""), (code, said.TrimEnd(), errors));
        (code, said, errors) = await RunAsync("relaunch", "numbers", "2", "--json");
        Assert.Equal((0, '{'), (code, said[0]));
        Assert.EndsWith(@"warn: Pampa[121] Job 'numbers': its OnRelaunched fails for record 2, and nothing else comes of it: InvalidOperationException: nobody\u001B[2J listens",
            errors.TrimEnd(), StringComparison.Ordinal);
    }
}
