using System.Globalization;

namespace Pampa.Bench;

/// <summary>
/// The runs of one setting as a table: a column a side, and the ratio of the first to the best other one.
/// </summary>
internal sealed class Report
{
    private static readonly (string Name, string Format, bool HasRatio, Func<RunResult, double?> Value)[] Measures =
    [
        ("tasks/s", "N0", true, r => r.TasksPerSecond),
        ("tasks/s, 10 to 90 % done", "N0", true, r => r.SteadyTasksPerSecond),
        ("tasks per CPU second", "N0", true, r => r.TasksPerCpuSecond),
        ("CPU us/task, client", "N1", false, r => r.ClientMicroseconds),
        ("CPU us/task, server", "N1", false, r => r.ServerMicroseconds),
        ("WAL bytes/task", "N0", false, r => r.WalBytesPerTask),
        ("tasks per commit", "N0", false, r => r.TasksPerCommit),
        ("allocated bytes/task", "N0", false, r => r.AllocatedBytesPerTask),
        ("heap MB, highest", "N0", false, r => r.Client.Memory.PeakHeap),
        ("heap MB, 2nd quarter", "N0", false, r => r.Client.Memory.EarlyHeap),
        ("heap MB, last quarter", "N0", false, r => r.Client.Memory.LateHeap),
        ("working set MB, highest", "N0", false, r => r.Client.Memory.PeakSet),
        ("working set MB, 2nd quarter", "N0", false, r => r.Client.Memory.EarlySet),
        ("working set MB, last quarter", "N0", false, r => r.Client.Memory.LateSet),
    ];

    private readonly IReadOnlyList<Side> sides;
    private readonly List<RunResult>[] runs;

    public Report(IReadOnlyList<Side> sides, List<RunResult>[] runs)
    {
        this.sides = sides;
        this.runs = runs;
    }

    public Series? Of(int side, Func<RunResult, double?> value) => Series.Of(runs[side].Select(value));

    /// <summary>
    /// The best of the other sides in a measure of which more is better: there may be several raw limits.
    /// </summary>
    public Series? Best(Func<RunResult, double?> value) => Of(BestSide(value), value);

    /// <summary>The ratio to the best other side within each pair: what disturbs both does not count.</summary>
    public Series? Ratio(Func<RunResult, double?> value) => Series.Of(Ratios(value));

    private int BestSide(Func<RunResult, double?> value) =>
        Enumerable.Range(1, sides.Count - 1).MaxBy(side => Of(side, value)?.Middle ?? 0);

    private List<double?> Ratios(Func<RunResult, double?> value) =>
        [.. runs[0].Zip(runs[BestSide(value)], (a, b) => value(a) / value(b))];

    public async Task WriteAsync(TextWriter output)
    {
        string[] heads = ["", .. sides.Select(s => s.Title), sides.Count > 2 ? "ratio to the better" : "ratio"];
        var rows = new List<string[]> { heads };
        foreach (var (name, format, hasRatio, value) in Measures)
        {
            rows.Add([name, .. sides.Select((_, i) => Of(i, value)?.Text(format) ?? "-"),
                hasRatio ? Ratio(value)?.Text("N3") ?? "-" : ""]);
        }
        await TextTable.WriteAsync(rows, output);
        foreach (var (name, _, hasRatio, value) in Measures)
        {
            if (!hasRatio || runs[0].Count == 1) continue;
            await output.WriteLineAsync($"ratio of each pair, {name}: {string.Join("  ", Ratios(value).Select(Text))}");
        }
    }

    private static string Text(double? ratio) => ratio?.ToString("N3", CultureInfo.InvariantCulture) ?? "-";
}
