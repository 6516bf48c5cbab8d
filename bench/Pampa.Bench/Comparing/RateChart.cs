using ScottPlot;

namespace Pampa.Bench.Comparing;

/// <summary>Draws what peers did beside each other.</summary>
internal static class RateChart
{
    private const int Width = 1_100;
    private const int Height = 700;

    private static readonly Color[] Colors =
        [new("#1f77b4"), new("#d98200"), new("#2a9d5c"), new("#a23b72"), new("#6c757d"), new("#c0392b"), new("#5e60ce")];

    /// <summary>Tasks a second, and below them tasks per second of processor time.</summary>
    public static void SaveBars(string file, Workload job, IReadOnlyList<Peer> peers, RateReport report)
    {
        string Title(string what) => $"{job.Name}: {what}";
        var chart = new Multiplot();
        chart.AddPlots(2);
        Bars(chart.GetPlot(0), Title("tasks per second"), peers, i => report.Of(i, r => r.TasksPerSecond)?.Middle);
        Bars(chart.GetPlot(1), Title("tasks per second of processor time, client and server"), peers,
            i => report.Of(i, r => r.TasksPerCpuSecond)?.Middle);
        Save(chart, file);
    }

    /// <summary>Tasks of each second: as it is, and below with a snapshot that is held.</summary>
    public static void SaveLines(string file, string title, IReadOnlyList<Peer> peers, IReadOnlyList<Rate> free, IReadOnlyList<Rate> held)
    {
        var chart = new Multiplot();
        chart.AddPlots(2);
        Lines(chart.GetPlot(0), title, peers, free);
        Lines(chart.GetPlot(1), $"{title}, a snapshot is held open", peers, held);
        chart.GetPlot(1).HideLegend();
        Save(chart, file);
    }

    private static void Bars(Plot plot, string title, IReadOnlyList<Peer> peers, Func<int, double?> value)
    {
        for (var i = 0; i < peers.Count; i++)
        {
            var height = value(i) ?? 0;
            var bar = plot.Add.Bar(position: i, value: height);
            bar.Color = Colors[i % Colors.Length];
            plot.Add.Text(height.ToString("N0", System.Globalization.CultureInfo.InvariantCulture), i, height).LabelAlignment = Alignment.LowerCenter;
        }
        plot.Axes.Bottom.SetTicks([.. peers.Select((_, i) => (double)i)], [.. peers.Select(p => p.Name)]);
        plot.Axes.Margins(bottom: 0, top: 0.2);
        plot.Title(title);
    }

    private static void Lines(Plot plot, string title, IReadOnlyList<Peer> peers, IReadOnlyList<Rate> rates)
    {
        for (var i = 0; i < peers.Count; i++)
        {
            double[] seconds = [.. rates[i].PerSecond.Select((_, s) => s + 1.0)];
            var line = plot.Add.Scatter(seconds, rates[i].PerSecond.ToArray());
            line.MarkerSize = 0;
            line.LineWidth = 2;
            line.Color = Colors[i % Colors.Length];
            line.LegendText = peers[i].Name;
        }
        plot.Axes.SetLimitsY(0, 1.1 * rates.Max(r => r.PerSecond.DefaultIfEmpty(1).Max()));
        plot.Title(title);
        plot.XLabel("seconds");
        plot.YLabel("tasks per second");
        plot.ShowLegend(Alignment.LowerRight);
    }

    private static void Save(Multiplot chart, string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        chart.SavePng(file, Width, Height);
    }
}
