using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Pampa.Commands;

/// <summary>One table that is drawn in place, for people at a terminal; what is logged meanwhile stands above it.</summary>
internal sealed class LiveView(IAnsiConsole console) : IProgressView
{
    private readonly Dictionary<string, double> rates = new(StringComparer.Ordinal);
    private IReadOnlyList<ProgressRow> rows = [];
    private LiveDisplayContext? display;

    public TimeSpan Interval => TimeSpan.FromMilliseconds(500);

    public void Show(IReadOnlyList<ProgressRow> rows)
    {
        this.rows = rows;
        // Half a second is too short for a steady number.
        foreach (var row in rows)
            rates[row.Job] = rates.TryGetValue(row.Job, out var before) && row.PerSecond > 0 ? (before + row.PerSecond) / 2 : row.PerSecond;
        display?.UpdateTarget(Draw());
    }

    /// <summary>Draws for as long as the work goes on; then the table is wiped, for the report says it all.</summary>
    public Task<T> RunAsync<T>(Func<Task<T>> workAsync) =>
        console.Live(Draw()).AutoClear(true).Overflow(VerticalOverflow.Crop).StartAsync(async context =>
        {
            display = context;
            try
            {
                return await workAsync();
            }
            finally
            {
                display = null;
            }
        });

    /// <summary>The table. A narrow terminal leaves out what can be done without.</summary>
    public IRenderable Draw()
    {
        var isWide = console.Profile.Width >= 100;
        var table = new Table().Border(TableBorder.None).AddColumn("job").AddColumn(new TableColumn("").NoWrap())
            .AddColumn(Right("done")).AddColumn(Right("a second")).AddColumn(Right("ETA"));
        if (isWide) table.AddColumn(Right("running")).AddColumn(Right("failed")).AddColumn(Right("workers"));
        foreach (var row in rows)
        {
            List<IRenderable> cells =
            [
                new Text(row.Job), Bar(row, isWide ? 20 : 8), new Text(Of(row)), new Text(Number(rates.GetValueOrDefault(row.Job))), new Text(row.Eta),
            ];
            var failed = new Text(Number(row.Failed), row.Failed > 0 ? new Style(Color.Red) : Style.Plain);
            if (isWide) cells.AddRange([new Text(Number(row.Running)), failed, new Text(Number(row.Workers))]);
            table.AddRow(cells);
        }
        return rows.Any(r => r.IsStandingBy) ? table.Caption("standing by: another process leads") : table;
    }

    private static TableColumn Right(string title) => new TableColumn(title).RightAligned().NoWrap();

    private static string Number(double number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Of(ProgressRow row) => row.Total is { } total ? $"{Number(row.Done)} of {Number(total)}" : Number(row.Done);

    private static Markup Bar(ProgressRow row, int width)
    {
        var full = row.Total is > 0 and var total ? (int)(width * row.Done / total) : 0;
        return new Markup($"[green]{new string('━', full)}[/][grey]{new string('━', width - full)}[/]");
    }
}
