using System.Globalization;
using System.Text.RegularExpressions;

namespace Pampa.Tests.EndToEnd;

/// <summary>Less than a minute of the chaos program with a fixed seed: everything around the cluster breaks, and every check holds.</summary>
public sealed class ChaosTests(ProgramFixture programs)
{
    /// <summary>What a minute has room for; a run of its own takes all faults.</summary>
    private const string OnPostgres =
        "kill-node,kill-worker,kill-leader,freeze-node,deploy,duplicate,relaunch,cut,blackhole,lose-reserve,lose-start,lose-finish,late-finish,late-start,error-40001,error-40003,error-57P01,stop-server,terminate,lock-rows,lock-all,deaf";

    private const string OnSqlite = "kill-node,kill-worker,kill-leader,kill-all,freeze-node,freeze-leader,deploy,duplicate,relaunch,lock-file,lock-all,log-disk-full";

    [Theory, InlineData("sqlite", 1, OnSqlite), InlineData("pg", 1, OnPostgres)]
    public async Task Every_check_holds(string profile, int seed, string faults)
    {
        await PostgresOrSkipAsync(profile);
        var program = Path.Combine(Path.GetDirectoryName(typeof(Pampa.Chaos.Options).Assembly.Location)!, "Pampa.Chaos.dll");
        var child = Child.Start("dotnet", programs.NewFolder(),
            [program, "--profile", profile, "--seed", $"{seed}", "--minutes", "0.9", "--faults", faults], []);
        await using var ending = child;
        var code = await child.EndAsync(TimeSpan.FromMinutes(6));
        Assert.True(code == 0, child.Said);
        // A run in which nothing was broken, or nothing done, would hold as well.
        var injected = Regex.Match(child.Said, @"faults injected / survived \| (\d+) / (\d+), (\d+) kinds");
        Assert.True(injected.Success && injected.Groups[1].Value == injected.Groups[2].Value, child.Said);
        Assert.True(int.Parse(injected.Groups[3].Value, CultureInfo.InvariantCulture) >= 5, child.Said);
        Assert.Matches(@"\| tasks \| [1-9][\d,]*: [1-9][\d,]* completed, [1-9]", child.Said);
        TestContext.Current.TestOutputHelper?.WriteLine(child.Said);
    }

    private static async Task PostgresOrSkipAsync(string profile)
    {
        if (profile == "pg") await Fixtures.PostgresCluster.GetAsync();
    }
}
