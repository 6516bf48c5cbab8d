using System.Globalization;

namespace Pampa.Bench.Comparing;

/// <summary>The numbers for a minute, second by second: as it is, and while another transaction keeps its snapshot open.</summary>
internal sealed record CompareTimeline(IReadOnlyList<Peer> Peers, Window Window, string? Charts) : IMeasurement
{
    private static readonly string[] Columns =
        ["peer", "snapshot", "seconds", "tasks/s", "first 10 s", "last 10 s", "last to first", "lowest second"];

    public ResultTable Table { get; } = new("## Compared: a minute", """
        The numbers for a minute by each peer, without and with a snapshot that another transaction holds open, appended by
        `compare --record`; one run each.
        """,
        [.. Columns, "machine"]);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        var rates = new Dictionary<bool, List<Rate>> { [false] = [], [true] = [] };
        var lines = new List<string[]>();
        foreach (var peer in Peers)
        {
            foreach (var holds in (bool[])[false, true])
            {
                var rate = await new RateRun(database, peer, Workload.Numbers, Window) { HoldsSnapshot = holds }.RunAsync(stopping);
                rates[holds].Add(rate);
                lines.Add(Line(peer, holds, rate));
                await output.WriteLineAsync($"  {peer.Name}{(holds ? ", snapshot held" : "")}: {rate.TasksPerSecond.ToString("N0", CultureInfo.InvariantCulture)} tasks/s");
            }
        }
        await output.WriteLineAsync();
        await TextTable.WriteAsync([Columns, .. lines], output);
        if (Peers[0] is PampaPeer && rates[true][0] is { Steadiness: { } steady, RanOut: false })
        {
            await output.WriteLineAsync(
                new Goal("a snapshot held open, last 10 s against first 10 s", 0.8, 0.95).Judge(Series.Of([steady])));
        }
        if (Charts is not null)
        {
            var title = FormattableString.Invariant($"numbers: tasks of each second over {Window.Length.TotalSeconds:N0} s");
            RateChart.SaveLines(Path.Combine(Charts, "minute.png"), title, Peers, rates[false], rates[true]);
        }
        return lines;
    }

    private static string[] Line(Peer peer, bool holds, Rate rate)
    {
        string Number(double? value, string format = "N0") => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
        var isLong = rate.PerSecond.Count >= 20;
        return
        [
            peer.Name, holds ? "held" : "", $"{Number(rate.Seconds)}{(rate.RanOut ? " (ran out)" : "")}", Number(rate.TasksPerSecond),
            Number(isLong ? rate.PerSecond.Take(10).Average() : null), Number(isLong ? rate.PerSecond.TakeLast(10).Average() : null),
            Number(rate.Steadiness, "N2"), Number(rate.PerSecond.Count > 0 ? rate.PerSecond.Min() : null),
        ];
    }
}
