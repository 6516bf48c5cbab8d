using System.Globalization;
using System.Text.RegularExpressions;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Pampa.Commands;

/// <summary>
/// Draws a frame as lines that fit a terminal: a header, and a row for each job. Where the terminal is narrow, names are
/// cut and columns left out, the least needed first; done, total and the name stay.
/// </summary>
internal sealed partial class LiveTable(Terminal terminal)
{
    private const int Gap = 2;
    private const int ShortestBar = 6;
    private const int UsualBar = 10;
    private const int LongestBar = 30;
    private const int ShortestName = 12;

    // The header, the columns' names, the line that says that there is more, and the row of the line above.
    private const int RowsAround = 4;

    private const int Name = 0, Bar = 1, Done = 2, PerSecond = 3, Eta = 4, InHand = 5, FailedAttempts = 6;
    private static readonly string[] Headers = ["job", "", "done", "per s", "ETA", "in hand", "failed"];

    // What is given up, step by step, while there is not room for all: the bar's length, the name's end, and a column.
    private static readonly (int Bar, bool CutsName, int? LeftOut)[] Steps =
    [
        (UsualBar, false, null), (ShortestBar, false, null), (ShortestBar, true, null), (ShortestBar, true, InHand), (ShortestBar, true, FailedAttempts),
        (0, true, null), (0, true, Eta), (0, true, PerSecond),
    ];

    [GeneratedRegex("\e\\[[0-9;]*m")]
    private static partial Regex Styles { get; }

    /// <summary>The lines of a frame; none is wider than one cell less than the terminal.</summary>
    public IReadOnlyList<LiveLine> Draw(string title, IReadOnlyList<ProgressRow> all, TimeSpan elapsed, int width, int height)
    {
        width = Math.Max(1, width - 1);
        var jobs = Visible(all, Math.Max(1, height - RowsAround));
        var rows = jobs.ConvertAll(Cells);
        var widths = Fit([.. Headers.Select((header, c) => Math.Max(header.Length, rows.Max(row => CellText.Width(row[c]))))], width);
        var columns = Columns(widths);
        var table = new Table { Width = width }.NoBorder();
        foreach (var c in columns)
        {
            table.AddColumn(new TableColumn(Plain(Headers[c], Dim))
            {
                Width = widths[c],
                NoWrap = true,
                Padding = new Padding(0, 0, c == columns[^1] ? 0 : Gap, 0),
                Alignment = c is Name or Bar ? Justify.Left : Justify.Right,
            });
        }
        for (var i = 0; i < jobs.Count; i++)
            table.AddRow(columns.Select(c => c == Bar ? BarOf(jobs[i], widths[c]) : Plain(rows[i][c], StyleOf(c, jobs[i]))));
        List<IRenderable> parts = [Plain(CellText.Cut(Header(title, all, elapsed), width), new Style(decoration: Decoration.Bold)), table];
        if (all.Count > jobs.Count) parts.Add(Plain(CellText.Cut($"and {all.Count - jobs.Count} more jobs", width), Dim));
        return Lines(parts, width);
    }

    private static readonly Style Dim = new(decoration: Decoration.Dim);

    private List<LiveLine> Lines(List<IRenderable> parts, int width)
    {
        using var drawn = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = (ColorSystemSupport)terminal.Colors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(drawn),
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
        console.Profile.Width = width;
        console.Profile.Capabilities.Unicode = terminal.HasUnicode;
        foreach (var part in parts)
        {
            console.Write(part);
            if (part is not Table) console.WriteLine();
        }
        return [.. drawn.ToString().Split('\n').Select(l => l.TrimEnd('\r', ' ')).Where(l => l.Length > 0)
            .Select(l => new LiveLine(l, CellText.Width(Styles.Replace(l, ""))))];
    }

    private static Text Plain(string text, Style style) => new(text, style) { Overflow = Overflow.Ellipsis };

    private static Style StyleOf(int column, ProgressRow job) => column switch
    {
        FailedAttempts when job.FailedAttempts > 0 => new Style(Color.Red),
        PerSecond when job.PerSecond > 0 => new Style(Color.Green),
        _ => Style.Plain,
    };

    // Those at work first, where there is no room for all.
    private static List<ProgressRow> Visible(IReadOnlyList<ProgressRow> jobs, int room) =>
        jobs.Count <= room ? [.. jobs] : [.. jobs.OrderByDescending(j => j.PerSecond > 0 || j.Running > 0).Take(room)];

    private static string[] Cells(ProgressRow job)
    {
        var invariant = CultureInfo.InvariantCulture;
        return
        [
            Printable.Line(job.Job), "",
            DoneOf(job),
            job.PerSecond.ToString(job.PerSecond is > 0 and < 9.95 ? "N1" : "N0", invariant),
            job.Eta is "" or "unknown" ? "-" : job.Eta,
            (job.Running + job.InHand).ToString("N0", invariant),
            job.FailedAttempts.ToString("N0", invariant),
        ];
    }

    // As wide as it will be at the end, so that nothing beside it moves.
    private static string DoneOf(ProgressRow job)
    {
        var done = job.Done.ToString("N0", CultureInfo.InvariantCulture);
        var total = job.Total?.ToString("N0", CultureInfo.InvariantCulture);
        return total is null ? done : $"{done.PadLeft(total.Length)}/{total}";
    }

    private string Header(string title, IReadOnlyList<ProgressRow> all, TimeSpan elapsed)
    {
        var separator = terminal.HasUnicode ? " · " : " | ";
        var role = all.Any(r => r.IsStandingBy) ? "another process leads"
            : all.Any(r => r.HasNoDispatcher) ? "working for a dispatcher elsewhere" : "leading";
        var time = string.Create(CultureInfo.InvariantCulture, $"{(int)elapsed.TotalHours:00}:{elapsed.Minutes:00}:{elapsed.Seconds:00}");
        var workers = all.Max(r => r.Workers);
        return string.Join(separator, role, $"{workers} worker{(workers == 1 ? "" : "s")}", time, Printable.Line(title));
    }

    private Text BarOf(ProgressRow job, int width)
    {
        var (full, empty) = terminal.HasUnicode ? ('█', '░') : ('#', '.');
        var share = job.Total is > 0 and var total ? (double)job.Done / total : 0;
        // Full means done, and nothing else.
        var filled = share >= 1 ? width : Math.Min(width - 1, (int)(share * width));
        return new Text(new string(full, filled) + new string(empty, width - filled), new Style(share >= 1 ? Color.Green : Color.Blue));
    }

    /// <summary>The widths that the columns get; 0 leaves one out.</summary>
    private static int[] Fit(int[] natural, int width)
    {
        var widths = (int[])natural.Clone();
        int Missing() => Columns(widths).Sum(c => widths[c] + Gap) - Gap - width;
        foreach (var (bar, cutsName, leftOut) in Steps)
        {
            widths[Bar] = bar;
            if (leftOut is { } column) widths[column] = 0;
            widths[Name] = natural[Name];
            if (cutsName) widths[Name] = Math.Max(Math.Min(natural[Name], ShortestName), natural[Name] - Math.Max(0, Missing()));
            if (Missing() > 0) continue;
            if (bar > 0) widths[Bar] = Math.Min(LongestBar, bar - Missing());
            return widths;
        }
        widths[Name] = Math.Max(1, width - widths[Done] - Gap);
        return widths;
    }

    private static List<int> Columns(int[] widths) => [.. Enumerable.Range(0, widths.Length).Where(c => widths[c] > 0)];
}
