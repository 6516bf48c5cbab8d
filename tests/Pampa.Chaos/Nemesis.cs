using System.Diagnostics;
using Pampa.Chaos.Faults;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;

namespace Pampa.Chaos;

/// <summary>What came of a fault.</summary>
/// <param name="Name">The fault.</param>
/// <param name="Times">How often it was injected.</param>
/// <param name="Survived">After how many of them the fleet was seen to work again, by all means, within the bound.</param>
/// <param name="NoVictim">How often there was nobody to do it to just then.</param>
/// <param name="NotPossible">How often this computer did not let it happen.</param>
/// <param name="Why">Why not.</param>
internal sealed record Injected(string Name, int Times, int Survived, int NoVictim, int NotPossible, string? Why);

/// <summary>
/// Injects one fault after the other, each once, in an order that the seed draws; then two at a time. After each it
/// waits until the fleet works again: until tasks that were reserved and started since then have completed, one by each means.
/// </summary>
internal sealed class Nemesis(World world, IReadOnlyList<Fault> faults, Random random)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Worth = TimeSpan.FromSeconds(2);
    private readonly Dictionary<string, Injected> results = [];
    private readonly Stopwatch clock = Stopwatch.StartNew();

    public IReadOnlyList<Injected> Results => [.. results.Values];

    /// <summary>How long it took after each fault until the fleet worked again by all means.</summary>
    public List<TimeSpan> Recoveries { get; } = [];

    public async Task RunAsync(TimeSpan time, CancellationToken stopping)
    {
        var queue = new Queue<Fault>();
        var isFirstRound = true;
        while (clock.Elapsed < time && !stopping.IsCancellationRequested)
        {
            if (queue.Count == 0)
            {
                foreach (var fault in Shuffled(faults)) queue.Enqueue(fault);
            }
            var first = queue.Dequeue();
            // Pairs come when each was seen alone.
            var second = !isFirstRound && queue.TryPeek(out var other) && MayMeet(first, other) ? queue.Dequeue() : null;
            if (queue.Count == 0) isFirstRound = false;
            Fault[] both = second is null ? [first] : [first, second];
            var injected = await Task.WhenAll(both.Select(f => InjectAsync(f, stopping)));
            await RecoverAsync([.. both.Where((_, i) => injected[i])], stopping);
            await World.WaitAsync(0.3 + 0.7 * random.NextDouble(), stopping);
        }
    }

    private static bool MayMeet(Fault one, Fault other) => one.Target != other.Target && !one.IsAlone && !other.IsAlone;

    private List<Fault> Shuffled(IReadOnlyList<Fault> from)
    {
        var shuffled = from.ToArray();
        random.Shuffle(shuffled);
        return [.. shuffled];
    }

    private async Task<bool> InjectAsync(Fault fault, CancellationToken stopping)
    {
        var own = new Random(random.Next());
        var began = clock.Elapsed;
        world.Say($"{fault.Name} ...");
        try
        {
            var what = await fault.RunAsync(world, own, stopping);
            world.Say(Store.Invariant($"{fault.Name}: {what} ({(clock.Elapsed - began).TotalSeconds:0.0} s)"));
            Count(fault, r => r with { Times = r.Times + 1 });
            return true;
        }
        catch (NoVictimException)
        {
            world.Say($"{fault.Name}: nobody to do it to");
            Count(fault, r => r with { NoVictim = r.NoVictim + 1 });
        }
        catch (NotPossibleException e)
        {
            world.Say($"{fault.Name}: not possible here: {e.Message}");
            Count(fault, r => r with { NotPossible = r.NotPossible + 1, Why = e.Message });
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            world.Complaints.Add($"{fault.Name} could not be injected or healed: {e}");
        }
        return false;
    }

    private void Count(Fault fault, Func<Injected, Injected> change)
    {
        lock (results) results[fault.Name] = change(results.GetValueOrDefault(fault.Name) ?? new Injected(fault.Name, 0, 0, 0, 0, null));
    }

    private async Task RecoverAsync(IReadOnlyList<Fault> healed, CancellationToken stopping)
    {
        if (healed.Count == 0) return;
        var after = await Store.InsistAsync(() => world.Store.LastStepAsync(stopping), stopping);
        var missing = Wanted();
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < Patience)
        {
            var last = missing.First();
            missing.ExceptWith(await WorkedAsync(after, stopping));
            if (missing.Count == 0)
            {
                Recoveries.Add(watch.Elapsed);
                if (watch.Elapsed > Worth) world.Say(Store.Invariant($"    works again after {watch.Elapsed.TotalSeconds:0.0} s, at last by this means: {last}"));
                foreach (var fault in healed) Count(fault, r => r with { Survived = r.Survived + 1 });
                return;
            }
            await World.WaitAsync(0.1, stopping);
        }
        var names = string.Join(" and ", healed.Select(f => f.Name));
        world.Say($"    does not work again by these means: {string.Join(", ", missing)}");
        world.Complaints.Add($"after {names} nothing was completed within {Patience.TotalSeconds} s by these means: {string.Join(", ", missing)}");
    }

    private HashSet<Means> Wanted() => world.Options.IsSmall ? [Means.Plain] : [.. Enum.GetValues<Means>()];

    /// <summary>The means by which tasks have completed whose whole way, from the reservation on, lies after a step.</summary>
    private async Task<List<Means>> WorkedAsync(long after, CancellationToken stopping) => await Store.InsistAsync(() => world.Store.QueryAsync(
        Store.Invariant($"""
            SELECT f.id, f.n_rid FROM audit AS f
            WHERE f.seq > {after} AND f.n_ok = TRUE AND f.n_et IS NOT NULL
              AND EXISTS (SELECT 1 FROM audit AS b WHERE b.seq > {after} AND b.id = f.id AND b.o_rid IS NULL AND b.n_rid IS NOT NULL)
            """), r => Shape.MeansOf(r.GetInt64(0), r.GetString(1)), stopping), stopping);
}
