using System.Diagnostics;
using Pampa.Chaos.Checks;
using Pampa.Chaos.Faults;
using Pampa.Chaos.Servers;

namespace Pampa.Chaos;

/// <summary>What came of a fault.</summary>
/// <param name="Name">The fault.</param>
/// <param name="Times">How often it was injected.</param>
/// <param name="Survived">How often a task was completed after it.</param>
/// <param name="NoVictim">How often there was nobody to do it to just then.</param>
/// <param name="NotPossible">How often this computer did not let it happen.</param>
/// <param name="Why">Why not.</param>
internal sealed record Injected(string Name, int Times, int Survived, int NoVictim, int NotPossible, string? Why);

/// <summary>
/// Injects one fault after the other, each once, in an order that the seed draws; then two at a time. After each it
/// waits until a task is completed again.
/// </summary>
internal sealed class Nemesis(World world, IReadOnlyList<Fault> faults, Random random)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Dictionary<string, Injected> results = [];
    private readonly Stopwatch clock = Stopwatch.StartNew();

    public IReadOnlyList<Injected> Results => [.. results.Values];

    /// <summary>How long it took after each fault until a task was completed.</summary>
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
            Task<bool>[] both = second is null ? [InjectAsync(first, stopping)] : [InjectAsync(first, stopping), InjectAsync(second, stopping)];
            await Task.WhenAll(both);
            await RecoverAsync(second is null ? [first] : [first, second], stopping);
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
        var from = World.Now();
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < Patience)
        {
            if (await CompletedAfterAsync(from, stopping))
            {
                Recoveries.Add(watch.Elapsed);
                foreach (var fault in healed)
                {
                    lock (results)
                    {
                        if (results.ContainsKey(fault.Name)) Count(fault, r => r with { Survived = r.Times });
                    }
                }
                return;
            }
            await World.WaitAsync(0.1, stopping);
        }
        world.Complaints.Add($"after {string.Join(" and ", healed.Select(f => f.Name))} nothing was completed within {Patience.TotalSeconds} s");
    }

    private async Task<bool> CompletedAfterAsync(DateTime from, CancellationToken stopping)
    {
        var last = await Store.InsistAsync(() => world.Store.QueryAsync(
            "SELECT at FROM (SELECT at, n_ok, n_et FROM audit ORDER BY seq DESC LIMIT 200) AS a WHERE n_ok = TRUE AND n_et IS NOT NULL ORDER BY at DESC LIMIT 1",
            r => HistoryReader.Time(r, 0)!.Value, stopping), stopping);
        return last.Count > 0 && last[0] >= from;
    }
}
