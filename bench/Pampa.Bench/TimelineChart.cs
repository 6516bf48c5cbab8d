using System.CommandLine;
using ScottPlot;

namespace Pampa.Bench;

/// <summary>Draws the timeline: the workers of each job, and below them what waits.</summary>
internal static class TimelineChart
{
    private const int Width = 1_100;
    private const int Height = 700;
    private static readonly Color[] Colors = [new("#1f77b4"), new("#d98200"), new("#2a9d5c")];

    public static Command Command(TextWriter output)
    {
        var file = new Argument<string>("file") { Description = "The PNG." };
        var command = new Command("timeline", "Draws who serves whom over four hours of a changing load, as the stretch decides it.") { file };
        command.SetAction(parsed =>
        {
            var points = Timeline.Run();
            Draw(points).SavePng(parsed.GetValue(file)!, Width, Height);
            output.WriteLine(FormattableString.Invariant($"{points.Count:N0} s, {points.Sum(p => p.Moves):N0} moves of {Timeline.Workers} workers"));
        });
        return command;
    }

    private static Multiplot Draw(IReadOnlyList<TimelinePoint> points)
    {
        var chart = new Multiplot();
        chart.AddPlots(2);
        Panel(chart.GetPlot(0), points, $"Workers of each job (of {Timeline.Workers})", p => p.Workers);
        Panel(chart.GetPlot(1), points, "Due tasks", p => [.. p.Backlog.Select(b => (int)b)]);
        chart.GetPlot(0).HideLegend();
        chart.GetPlot(1).ShowLegend(Alignment.UpperRight);
        return chart;
    }

    private static void Panel(Plot plot, IReadOnlyList<TimelinePoint> points, string title, Func<TimelinePoint, int[]> values)
    {
        double[] minutes = [.. points.Select(p => p.At.TotalMinutes)];
        for (var j = 0; j < Timeline.Jobs.Count; j++)
        {
            var line = plot.Add.Scatter(minutes, points.Select(p => (double)values(p)[j]).ToArray());
            line.ConnectStyle = ConnectStyle.StepHorizontal;
            line.MarkerSize = 0;
            line.LineWidth = 2;
            line.Color = Colors[j];
            line.LegendText = Timeline.Jobs[j].Name;
        }
        plot.Title(title);
        plot.XLabel("minutes");
        plot.Axes.SetLimitsX(0, Timeline.Length.TotalMinutes);
    }
}
