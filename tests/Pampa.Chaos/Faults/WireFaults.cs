using Pampa.Chaos.Checks;
using Pampa.Chaos.Cluster;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Wire;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Faults;

/// <summary>What the proxy between the processes and PostgreSQL does.</summary>
internal static class WireFaults
{
    /// <summary>Errors and whether the server has done the work before.</summary>
    private static readonly (string State, WireAct Act)[] Errors =
    [
        ("40001", WireAct.FailBefore), ("40P01", WireAct.FailBefore), ("40003", WireAct.FailAfter), ("57P01", WireAct.FailBefore),
        ("25006", WireAct.FailBefore), ("53300", WireAct.FailBefore), ("53100", WireAct.FailBefore), ("0A000", WireAct.FailBefore),
    ];

    public static IEnumerable<Fault> All =>
    [
        Of("cut", "Connections are reset.", CutAsync),
        Of("blackhole", "Nothing passes between a process and the database, and no end is told; in the end it passes.", BlackHoleAsync),
        Of("blackhole-all", "The same for all processes at once.", BlackHoleAllAsync),
        Of("delay", "Every request takes up to half a second longer.", DelayAsync),
        Of("half-open", "New connections are taken and never answered; the old ones are reset.", HalfOpenAsync),
        Of("refused", "New connections are refused: too many clients (53300). The old ones are reset.", RefusedAsync),
        // CockroachDB tells nobody anything.
        Of("deaf", "The server forgets the connections that hear what others tell, and nobody is told.", DeafAsync) with { Profiles = [Profile.Pg] },
        .. from kind in (StatementKinds[])[StatementKinds.Reserve, StatementKinds.Start, StatementKinds.Finish, StatementKinds.Commit]
           select Of($"lose-{Word(kind)}", $"The answer of a {kind} is lost after the server has done it.", (w, r, s) => RuleAsync(w, new WireRule(null, kind, WireAct.LoseAnswer, 5), s)),
        .. from kind in (StatementKinds[])[StatementKinds.Reserve, StatementKinds.Start, StatementKinds.Finish]
           select Of($"late-{Word(kind)}", $"A {kind} reaches the server long after its sender has given it up.", (w, r, s) => RuleAsync(
               w, new WireRule(null, kind, WireAct.DeliverLate, 5) { Time = Limits.WorkerLease * (0.2 + r.NextDouble()) }, s)),
        .. from error in Errors.Select(e => e.State).Distinct()
           select Of($"error-{error}", $"Statements fail with {error}.", (w, r, s) => ErrorAsync(w, r, error, s)),
    ];

    private static Fault Of(string name, string what, Func<World, Random, CancellationToken, Task<string>> run) =>
        new(name, Target.Wire, what, run) { Profiles = [Profile.Pg, Profile.Portable], Needs = Fault.OwnServer };

#pragma warning disable CA1308 // For people, not to compare.
    private static string Word(StatementKinds kind) => kind.ToString().ToLowerInvariant();
#pragma warning restore CA1308

    private static Func<string, bool> Of(Life life) => application => application == life.Application;

    private static Task<string> CutAsync(World world, Random random, CancellationToken stopping)
    {
        var isAll = random.Next(3) == 0;
        var life = isAll ? null : Victim(world, random);
        var cut = world.Proxy!.Cut(life is null ? _ => true : Of(life));
        return Task.FromResult($"{cut} connections of {life?.Application ?? "all"}");
    }

    private static Life Victim(World world, Random random)
    {
        var member = world.Take(random, _ => true);
        world.Give(member);
        return member.Current ?? throw new NoVictimException();
    }

    private static Task<string> BlackHoleAsync(World world, Random random, CancellationToken stopping)
    {
        var life = Victim(world, random);
        return BlackHoleAsync(world, Of(life), life.Application, isOfAll: false, random, stopping);
    }

    private static Task<string> BlackHoleAllAsync(World world, Random random, CancellationToken stopping) =>
        BlackHoleAsync(world, _ => true, "all", isOfAll: true, random, stopping);

    private static async Task<string> BlackHoleAsync(
        World world, Func<string, bool> which, string whom, bool isOfAll, Random random, CancellationToken stopping)
    {
        var time = Limits.WorkerLease * (1.2 + random.NextDouble());
        var from = World.Now();
        if (isOfAll) world.LeadersGone.Add(from);
        world.Proxy!.BlackHole = which;
        try
        {
            await World.WaitAsync(time.TotalSeconds, stopping);
        }
        finally
        {
            world.Proxy.BlackHole = null;
            world.Outages.Add(new Outage(which, from, World.Now() + TimeSpan.FromSeconds(2)));
            // Half of the time what was withheld comes after all, else the connections are found to be dead.
            if (random.Next(2) == 0) world.Proxy.Cut(which);
        }
        return Store.Invariant($"{whom} for {time.TotalSeconds:0.0} s");
    }

    private static Task<string> DelayAsync(World world, Random random, CancellationToken stopping) => RuleAsync(
        world, new WireRule(null, StatementKinds.Any, WireAct.Delay, int.MaxValue) { Time = TimeSpan.FromMilliseconds(100 + random.Next(400)) }, stopping);

    private static Task<string> HalfOpenAsync(World world, Random random, CancellationToken stopping) =>
        GateAsync(world, on => world.Proxy!.IsHalfOpen = on, random, stopping);

    // Work goes on by polling meanwhile. They are found out by what a process tells itself every half minute; only a long run waits for that.
    private static async Task<string> DeafAsync(World world, Random random, CancellationToken stopping)
    {
        // A process that has just begun does not listen yet.
        for (var i = 0; i < 40 && !world.Cluster.Lives.Any(l => world.Proxy!.Hearing(l.Application) > 0); i++) await World.WaitAsync(0.25, stopping);
        var deaf = world.Proxy!.Deafen(_ => true);
        if (deaf.Count == 0) throw new NoVictimException();
        var from = World.Now();
        var lives = world.Cluster.Lives.Where(l => deaf.Contains(l.Application)).ToList();
        var time = world.Options.Minutes >= 5 ? LongestDeafness : TimeSpan.FromSeconds(4);
        while (World.Now() - from < time && lives.Exists(StillDeaf)) await World.WaitAsync(0.25, stopping);
        if (world.Options.Minutes >= 5)
        {
            foreach (var life in lives.Where(StillDeaf)) world.Complaints.Add(Store.Invariant($"deaf: {life.Application} has not found it out in {time.TotalSeconds} s"));
        }
        return Store.Invariant($"{deaf.Count} connections, for {(World.Now() - from).TotalSeconds:0.0} s");

        bool StillDeaf(Life life) => life.RanFrom(from, World.Now()) && world.Proxy.Hearing(life.Application) < deaf.Count(d => d == life.Application);
    }

    // Half a minute, five seconds for the answer, and some for a new connection.
    private static readonly TimeSpan LongestDeafness = TimeSpan.FromSeconds(50);

    private static Task<string> RefusedAsync(World world, Random random, CancellationToken stopping) =>
        GateAsync(world, on => world.Proxy!.Refusal = on ? "53300" : null, random, stopping);

    private static async Task<string> GateAsync(World world, Action<bool> gate, Random random, CancellationToken stopping)
    {
        var time = Limits.WorkerLease * (0.5 + 1.5 * random.NextDouble());
        var from = World.Now();
        gate(true);
        var cut = world.Proxy!.Cut(_ => true);
        try
        {
            await World.WaitAsync(time.TotalSeconds, stopping);
        }
        finally
        {
            gate(false);
            world.Outages.Add(new Outage(_ => true, from, World.Now() + TimeSpan.FromSeconds(2)));
        }
        return Store.Invariant($"{cut} connections, for {time.TotalSeconds:0.0} s");
    }

    private static Task<string> ErrorAsync(World world, Random random, string state, CancellationToken stopping)
    {
        var acts = Array.FindAll(Errors, e => e.State == state);
        var act = acts[random.Next(acts.Length)].Act;
        var kinds = StatementKinds.Any & ~(StatementKinds.Commit | StatementKinds.Other);
        return RuleAsync(world, new WireRule(null, kinds, act, 12) { SqlState = state }, stopping);
    }

    private static async Task<string> RuleAsync(World world, WireRule rule, CancellationToken stopping)
    {
        world.Proxy!.Add(rule);
        try
        {
            // Until all have been hit, or nobody comes any more.
            for (var i = 0; i < 40 && rule.Hits < rule.Most; i++) await World.WaitAsync(0.15, stopping);
            if (rule.Act == WireAct.DeliverLate) await World.WaitAsync(rule.Time.TotalSeconds, stopping);
        }
        finally
        {
            world.Proxy.Remove(rule);
        }
        return Store.Invariant($"{rule.Act} {rule.SqlState} of {rule.Hits} requests{(rule.Time > TimeSpan.Zero ? $", {rule.Time.TotalSeconds:0.0} s" : "")}");
    }
}
