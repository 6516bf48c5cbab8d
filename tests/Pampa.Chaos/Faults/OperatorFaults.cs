using System.Globalization;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Faults;

/// <summary>What people do to a cluster that runs: deploy, start too much, do things again.</summary>
internal static class OperatorFaults
{
    private const int Boots = 20;

    public static IEnumerable<Fault> All =>
    [
        new("deploy", Target.Process, "A process is told to stop and started again.", DeployAsync),
        new("limits", Target.Process, "A build with other limits works beside the others.", LimitsAsync),
        new("duplicate", Target.Process, "A second process is started under a name that is at work.", DuplicateAsync),
        new("relaunch", Target.Table, "Ended tasks are relaunched and retried by the verbs.", RelaunchAsync),
        new("boots", Target.Process, "Twenty processes start at once on an empty database.", BootsAsync),
    ];

    private static async Task<string> DeployAsync(World world, Random random, CancellationToken stopping)
    {
        var member = world.Take(random, _ => true);
        await world.RestartAsync(member);
        world.Give(member);
        return member.Lives[^2].Application;
    }

    private static async Task<string> LimitsAsync(World world, Random random, CancellationToken stopping)
    {
        world.LeastMaxAttempts = 2;
        var member = world.Take(random, m => m.Arguments[0] is "node" or "run");
        await world.RestartAsync(member, m =>
        {
            m.Environment[WorkerProgram.AttemptsVariable] = "2";
            m.Environment[WorkerProgram.QueueVariable] = "1";
        });
        try
        {
            await World.WaitAsync(6 + 4 * random.NextDouble(), stopping);
        }
        finally
        {
            await world.RestartAsync(member, m => m.Environment.Clear());
            world.Give(member);
        }
        return $"{member} with 2 attempts and a queue of 1";
    }

    private static async Task<string> DuplicateAsync(World world, Random random, CancellationToken stopping)
    {
        var member = world.Take(random, m => m.Arguments[0] is "node" && !m.IsIsolated);
        var lives = member.Lives.Count;
        try
        {
            // Until the first has registered, the second may be quicker, and then it is the one that works.
            var life = member.Current!;
            for (var i = 0; i < 40 && !File.ReadAllText(life.Log).Contains("Pampa[101]", StringComparison.Ordinal); i++) await World.WaitAsync(0.25, stopping);
            world.MayBeRefused[life.Application] = 0;
            var (code, said) = await world.Cluster.RunAsync(
                $"{member.Name}~twin{random.Next(1_000)}", ["node", "--name", member.Name, "--workers", "3"], TimeSpan.FromSeconds(20));
            if (code != 4 && member.Current == life) world.Complaints.Add($"duplicate: a twin of {life.Application} ended with {code}, expected 4: {said}");
            return $"{member}, refused with {code}";
        }
        finally
        {
            // A task may have ended the first meanwhile; then the twin works, and it is the next life that is refused.
            for (var i = lives; i < member.Lives.Count; i++) world.MayBeRefused[member.Lives[i].Application] = 0;
            world.Give(member);
        }
    }

    private static async Task<string> RelaunchAsync(World world, Random random, CancellationToken stopping)
    {
        var shape = world.Shape;
        var (verb, condition) = random.Next(2) == 0 ? ("relaunch", $"{shape.Et} IS NOT NULL") : ("retry", $"{shape.Et} IS NOT NULL AND {shape.Ok} = FALSE");
        var keys = await Store.InsistAsync(
            () => world.Store.QueryAsync(
                $"SELECT id FROM {shape.Table} WHERE {condition} AND kind NOT IN ('Poison', 'Stubborn', 'Recurring') ORDER BY id DESC LIMIT 15", r => r.GetInt64(0), stopping),
            stopping);
        if (keys.Count == 0) throw new NoVictimException();
        var (code, said) = await world.Cluster.RunAsync(
            $"operator~{random.Next(10_000)}", [verb, shape.Job, .. keys.Select(shape.KeyText)], TimeSpan.FromSeconds(60));
        // While something else is broken it may well say that it cannot.
        if (code != 0) return $"{verb} ended with {code}: {said.Split('\n').LastOrDefault(l => l.Length > 0)}";
        return string.Create(CultureInfo.InvariantCulture, $"{verb} of {keys.Count} tasks");
    }

    private static async Task<string> BootsAsync(World world, Random random, CancellationToken stopping)
    {
        await using var empty = await EmptyDatabase.MakeAsync(world, random.Next());
        var environment = new Dictionary<string, string> { ["PAMPA_DATABASE_URL"] = empty.Url, [WorkerProgram.BootVariable] = "1" };
        var processes = Enumerable.Range(1, Boots).Select(i => world.Cluster.Begin(
            ["run", "--workers", "1", "--drain"], Store.Invariant($"boot~{random.Next(100_000)}-{i}"), null, environment, [])).ToList();
        using var time = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        try
        {
            foreach (var process in processes) await process.WaitForExitAsync(time.Token);
            var codes = processes.GroupBy(p => p.ExitCode).Select(g => $"{g.Count()} with {g.Key}").ToList();
            if (processes.Exists(p => p.ExitCode != 0)) world.Complaints.Add($"boots: they ended {string.Join(", ", codes)}");
            var wrong = await empty.CountAsync("SELECT count(*) FROM boot WHERE total <> 1 OR success IS NOT TRUE");
            var all = await empty.CountAsync("SELECT count(*) FROM boot");
            if (wrong != 0 || all != WorkerProgram.BootTasks) world.Complaints.Add($"boots: {wrong} of {all} tasks are not done just once");
            return $"{Boots} processes ended {string.Join(", ", codes)}; {all} tasks done once each";
        }
        catch (OperationCanceledException)
        {
            world.Complaints.Add("boots: they did not come to an end in two minutes");
            return "no end";
        }
        finally
        {
            foreach (var process in processes)
            {
                if (!process.HasExited) process.Kill();
                process.Dispose();
            }
        }
    }
}
