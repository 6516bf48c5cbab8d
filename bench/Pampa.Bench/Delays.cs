using System.Globalization;

namespace Pampa.Bench;

/// <summary>How long records had to wait, in milliseconds.</summary>
/// <param name="Missing">Records that never began.</param>
/// <param name="Negative">
/// Records that began before the bench, which was told of the commit by a message, had read its clock.
/// </param>
/// <param name="Known">The delays of the others and of the negative ones, in ascending order.</param>
internal sealed record Delays(int Missing, int Negative, IReadOnlyList<double> Known)
{
    public static string[] Columns { get; } = ["p50 ms", "p99 ms", "max ms", "negative", "missing"];

    /// <summary>From pairs of commit and begin; null for what never began.</summary>
    public static Delays Of(IReadOnlyCollection<double?> delays)
    {
        var known = delays.OfType<double>().Order().ToList();
        return new Delays(delays.Count - known.Count, known.Count(d => d < 0), known);
    }

    public string[] Cells() => Cells([this]);

    /// <summary>Of several runs: the medians, and from where to where they reach.</summary>
    public static string[] Cells(IReadOnlyList<Delays> runs) =>
    [
        Text(runs, 0.5), Text(runs, 0.99), Text(runs, 1),
        runs.Sum(r => r.Negative).ToString(CultureInfo.InvariantCulture), runs.Sum(r => r.Missing).ToString(CultureInfo.InvariantCulture),
    ];

    // The nearest rank: a delay that was measured, and none between two.
    public double? Percentile(double share) =>
        Known.Count == 0 ? null : Known[Math.Max(0, (int)Math.Ceiling(share * Known.Count) - 1)];

    private static string Text(IEnumerable<Delays> runs, double share) => Series.Of(runs.Select(r => r.Percentile(share)))?.Text("N2") ?? "-";
}
