using System.Collections.Concurrent;
using System.Data.Common;
using System.Text;
using Pampa.Chaos.Servers;

namespace Pampa.Chaos.Work;

/// <summary>Inserts tasks at a steady pace, as an application would, whatever is broken.</summary>
internal sealed class Loader(Store store, Random random, double perSecond, bool isPlain)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(0.5);

    /// <summary>Of ten thousand tasks.</summary>
    private static readonly (Kind Kind, int Share)[] Mix =
    [
        (Kind.Slow, 300), (Kind.FailsOnce, 800), (Kind.FailsAlways, 150), (Kind.Permanent, 150), (Kind.Poison, 6), (Kind.Stubborn, 20), (Kind.Refused, 300),
        (Kind.Effect, 900), (Kind.Snooze, 300), (Kind.Scheduled, 500), (Kind.Hog, 20), (Kind.Recurring, 300),
    ];

    /// <summary>The same of those that come to their end by other means: nothing that takes its process with it.</summary>
    private static readonly (Kind Kind, int Share)[] OtherMix =
    [
        (Kind.Slow, 500), (Kind.FailsOnce, 800), (Kind.FailsAlways, 200), (Kind.Permanent, 200), (Kind.Refused, 400), (Kind.Snooze, 400), (Kind.Scheduled, 500),
    ];

    private readonly Dictionary<Shape, long> next = store.Shape.All.ToDictionary(s => s, s => s.FirstId);

    /// <summary>The tables with their part of all tasks, in sixteenths.</summary>
    private readonly (Shape Shape, int Part)[] tables = [.. isPlain ? [(store.Shape, 16)] : store.Shape.All.Zip([12, 3, 1])];

    /// <summary>Those that the database has acknowledged.</summary>
    public ConcurrentBag<long> Inserted { get; } = [];

    public async Task RunAsync(CancellationToken stopping)
    {
        // One of each first, for a short run may draw none of the rare ones.
        foreach (var (shape, _) in tables)
            await InsertAsync(shape, shape == store.Shape ? Enum.GetValues<Kind>() : [Kind.Quick, .. OtherMix.Select(m => m.Kind)], stopping);
        while (!stopping.IsCancellationRequested)
        {
            foreach (var (shape, part) in tables)
            {
                var count = (int)(perSecond * Pause.TotalSeconds * part / 16);
                await InsertAsync(shape, [.. Enumerable.Range(0, count).Select(_ => Draw(shape == store.Shape ? Mix : OtherMix))], stopping);
            }
            await Task.Delay(Pause, TimeProvider.System, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Kind Draw((Kind Kind, int Share)[] mix)
    {
        var drawn = random.Next(10_000);
        foreach (var (kind, share) in mix)
        {
            if (drawn < share) return kind;
            drawn -= share;
        }
        return Kind.Quick;
    }

    private async Task InsertAsync(Shape shape, Kind[] kinds, CancellationToken stopping)
    {
        if (kinds.Length == 0) return;
        var first = next[shape];
        next[shape] += kinds.Length;
        var text = new StringBuilder($"INSERT INTO {shape.Table} ({shape.KeyOf(1).Columns}id, kind, {shape.Rt}) VALUES ");
        for (var i = 0; i < kinds.Length; i++)
        {
            var id = first + i;
            var due = kinds[i] == Kind.Scheduled ? store.NowPlus(1 + 8 * random.NextDouble()) : "NULL";
            text.Append(i > 0 ? ", " : "").Append('(').Append(shape.KeyOf(id).Values).Append(Store.Invariant($"{id}, '{kinds[i]}', {due})"));
        }
        // Repeated where it is not known whether it was done: a task that is there already is as good.
        text.Append(" ON CONFLICT DO NOTHING");
        try
        {
            await Store.InsistAsync(() => store.ExecuteAsync(text.ToString(), CancellationToken.None), stopping);
            foreach (var i in Enumerable.Range(0, kinds.Length)) Inserted.Add(first + i);
        }
        catch (OperationCanceledException)
        {
            // The time is over, and it is not known whether they are there.
        }
        catch (DbException) when (stopping.IsCancellationRequested)
        {
            // The same.
        }
    }
}
