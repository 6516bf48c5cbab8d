using Pampa.Chaos.Cluster;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Faults;

/// <summary>Processes die, freeze and stutter.</summary>
internal static class ProcessFaults
{
    public static IEnumerable<Fault> All =>
    [
        new("kill-node", Target.Process, "kill -9 of a process that works.", KillNodeAsync),
        new("kill-worker", Target.Process, "kill -9 of one worker of an isolated node.", KillWorkerAsync),
        new("kill-leader", Target.Process, "kill -9 of the process that leads.", KillLeaderAsync),
        new("kill-all", Target.Process, "kill -9 of all processes at once.", KillAllAsync),
        new("freeze-node", Target.Process, "SIGSTOP of a process that works, past its lease; then SIGCONT.", FreezeNodeAsync),
        new("freeze-leader", Target.Process, "SIGSTOP of the process that leads, past its lease; then SIGCONT.", FreezeLeaderAsync),
        new("stutter", Target.Process, "A process is stopped for 200 ms in every 300 ms.", StutterAsync),
    ];

    // It may have ended by itself since it was chosen.
    private static Life Living(World world, Member member)
    {
        if (member.Current is { } life) return life;
        world.Give(member);
        throw new NoVictimException();
    }

    private static Task<string> KillNodeAsync(World world, Random random, CancellationToken stopping)
    {
        var member = world.Take(random, m => m.Works);
        var life = Living(world, member);
        ProcessCluster.Kill(life);
        world.Give(member);
        return Task.FromResult(life.Application);
    }

    private static Task<string> KillWorkerAsync(World world, Random random, CancellationToken stopping)
    {
        var member = world.Take(random, m => m.IsIsolated);
        var life = Living(world, member);
        world.Give(member);
        var children = Shell.Children(life.Id);
        if (children.Count == 0) throw new NoVictimException();
        var child = children[random.Next(children.Count)];
        Shell.Signal(child, Shell.Kill);
        return Task.FromResult($"process {child} of {life.Application}");
    }

    private static async Task<string> KillLeaderAsync(World world, Random random, CancellationToken stopping)
    {
        var member = await world.TakeLeaderAsync(stopping);
        var life = Living(world, member);
        world.LeadersGone.Add(World.Now());
        ProcessCluster.Kill(life);
        world.Give(member);
        return life.Application;
    }

    private static Task<string> KillAllAsync(World world, Random random, CancellationToken stopping)
    {
        var lives = world.Cluster.Members.Where(m => !m.IsHeld).Select(m => m.Current).OfType<Life>().ToList();
        world.LeadersGone.Add(World.Now());
        foreach (var life in lives) ProcessCluster.Kill(life);
        return Task.FromResult($"{lives.Count} processes");
    }

    private static async Task<string> FreezeNodeAsync(World world, Random random, CancellationToken stopping)
    {
        var member = world.Take(random, m => m.Works);
        await UntilItHasLongWorkAsync(world, member, stopping);
        return await FreezeAsync(world, member, Limits.WorkerLease * (1.6 + 0.9 * random.NextDouble()), stopping);
    }

    // What it runs meanwhile is taken away from it, and then it comes too late with it: that is the point.
    private static async Task UntilItHasLongWorkAsync(World world, Member member, CancellationToken stopping)
    {
        var shape = world.Shape;
        var running = $"SELECT count(*) FROM {shape.Table} WHERE {shape.Et} IS NULL AND {shape.St} IS NOT NULL AND {shape.Rid} LIKE '{member.Name}.%' AND kind = '{Kind.Slow}'";
        for (var i = 0; i < 60; i++)
        {
            if ((await Store.InsistAsync(() => world.Store.QueryAsync(running, r => r.GetInt64(0), stopping), stopping))[0] > 0) return;
            await World.WaitAsync(0.05, stopping);
        }
    }

    private static async Task<string> FreezeLeaderAsync(World world, Random random, CancellationToken stopping)
    {
        var member = await world.TakeLeaderAsync(stopping);
        world.LeadersGone.Add(World.Now());
        return await FreezeAsync(world, member, Limits.LeaderLease * (1.3 + 1.2 * random.NextDouble()), stopping);
    }

    private static async Task<string> FreezeAsync(World world, Member member, TimeSpan time, CancellationToken stopping)
    {
        var life = Living(world, member);
        ProcessCluster.Freeze(life);
        try
        {
            await World.WaitAsync(time.TotalSeconds, stopping);
        }
        finally
        {
            ProcessCluster.Thaw(life);
            world.Give(member);
        }
        return Store.Invariant($"{life.Application} for {time.TotalSeconds:0.0} s");
    }

    private static async Task<string> StutterAsync(World world, Random random, CancellationToken stopping)
    {
        var member = world.Take(random, m => m.Works);
        var life = Living(world, member);
        try
        {
            for (var i = 0; i < 30; i++)
            {
                ProcessCluster.Freeze(life);
                await World.WaitAsync(0.2, stopping);
                ProcessCluster.Thaw(life);
                await World.WaitAsync(0.1, stopping);
            }
        }
        finally
        {
            ProcessCluster.Thaw(life);
            world.Give(member);
        }
        return life.Application;
    }
}
