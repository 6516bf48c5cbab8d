using System.Globalization;

namespace Pampa.Bench.Comparing;

/// <summary>What all peers did with one job: a line a peer, with the ratio of the first one to him within each pair.</summary>
internal sealed class RateReport(Workload job, IReadOnlyList<Peer> peers, IReadOnlyList<List<Rate>> rates)
{
    private static readonly (string Name, string Format, Func<Rate, double?> Value)[] Measures =
    [
        ("tasks/s", "N0", r => r.TasksPerSecond),
        ("per CPU s", "N0", r => r.TasksPerCpuSecond),
        ("client us", "N1", r => r.ClientMicroseconds),
        ("server us", "N1", r => r.ServerMicroseconds),
        ("WAL B", "N0", r => r.WalPerTask),
        ("MB", "N0", r => r.Megabytes),
        ("of ideal", "P1", r => r.Ideal),
    ];

    public static string[] Columns { get; } =
        ["job", "peer", "pairs", "backlog", "window s", .. Measures.Select(m => m.Name), "ratio", "ratio per CPU s"];

    public static string Versions(IEnumerable<Peer> peers, IReadOnlyList<Workload> jobs) => string.Join('\n',
        peers.Select(p => $"{p.Name}: {p.Version}\n{string.Join('\n', jobs.Where(p.Does).Select(j => $"  {j.Name}: {p.Settings(j)}"))}"));

    /// <summary>A line for each peer, as <see cref="Columns"/> names it.</summary>
    public IEnumerable<string[]> Lines() => peers.Select((p, i) => (string[])
    [
        job.Name, p.Name, Whole(rates[i].Count), Whole(rates[i][0].Backlog), Seconds(rates[i]),
        .. Measures.Select(m => Text(Of(i, m.Value), m.Format)),
        Text(Ratio(i, r => r.TasksPerSecond), "N2"), Text(Ratio(i, r => r.TasksPerCpuSecond), "N2"),
    ]);

    public Series? Of(int peer, Func<Rate, double?> value) => Series.Of(rates[peer].Select(value));

    /// <summary>How many times the first peer's figure is that of another one, within each pair; null for himself.</summary>
    public Series? Ratio(int peer, Func<Rate, double?> value) =>
        peer == 0 ? null : Series.Of(rates[0].Zip(rates[peer], (first, other) => value(first) / value(other)));

    /// <summary>The same to the best of those whose names begin so; null where none took part.</summary>
    public Series? RatioToBest(string name, Func<Rate, double?> value)
    {
        var others = Enumerable.Range(1, peers.Count - 1).Where(i => peers[i].Name.StartsWith(name, StringComparison.Ordinal)).ToList();
        return others.Count == 0 ? null : Ratio(others.MaxBy(i => Of(i, value)?.Middle ?? 0), value);
    }

    /// <summary>What is asked of the first peer with this job, and how it stands to that; of those only who took part.</summary>
    public IEnumerable<string> Judgements()
    {
        (string Job, string Peer, Func<Rate, double?> Value, Goal Goal)[] ratios =
        [
            ("numbers", "graphile-worker", r => r.TasksPerSecond, new Goal("numbers, tasks/s against graphile-worker's best", 2, 3)),
            ("noop", "graphile-worker", r => r.TasksPerSecond, new Goal("noop, tasks/s against graphile-worker's best", 1.5, 2)),
            ("numbers", "pg-boss", r => r.TasksPerSecond, new Goal("numbers, tasks/s against pg-boss's fetch loop", 2, 4)),
            ("numbers", "Hangfire", r => r.TasksPerSecond, new Goal("numbers, tasks/s against Hangfire", 100, 500)),
            ("noop", "Hangfire", r => r.TasksPerSecond, new Goal("noop, tasks/s against Hangfire", 100, 500)),
            ("numbers", "SKIP LOCKED loop", r => r.TasksPerCpuSecond, new Goal("numbers, tasks per CPU second against the loop", 1.7, 2.5)),
            ("numbers", "raw limit", r => r.TasksPerSecond, new Goal("numbers, share of the raw limit", 0.45, 0.65)),
        ];
        foreach (var (name, peer, value, goal) in ratios)
        {
            if (name == job.Name && RatioToBest(peer, value) is { } ratio) yield return $"{goal.Judge(ratio)}{Cut}";
        }
        if (job == Workload.Numbers) yield return new Goal("numbers, WAL bytes per task", 550, 450, IsLess: true).Judge(Of(0, r => r.WalPerTask));
        if (job == Workload.Nap && RatioToBest("bare", r => r.TasksPerSecond) is { } share)
            yield return new Goal("nap, share of what bare threads do", 0.95, 0.99).Judge(share);
    }

    private string Cut => rates.Any(all => all.Exists(r => r.RanOut)) ? " (a backlog ran out, so a window was cut)" : "";

    private static string Seconds(List<Rate> all) =>
        Text(Series.Of(all.Select(r => (double?)r.Seconds)), "N1") + (all.Exists(r => r.RanOut) ? " (ran out)" : "");

    private static string Whole(int value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Text(Series? series, string format) => series?.Text(format) ?? "-";
}
