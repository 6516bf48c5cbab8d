using System.Globalization;

namespace Pampa.Commands;

/// <summary>
/// The counts of all jobs for people: a row for each job where the terminal is wide enough, else a column for each job.
/// </summary>
internal static class StatusTable
{
    private const string Gap = "  ";

    private static readonly string[] Headers =
        ["job", "total", "completed", "failed", "pending", "scheduled", "reserved", "running", "per s", "ETA", "oldest due"];

    /// <summary>The table's lines, or null where it is too wide for the terminal both ways.</summary>
    public static IReadOnlyList<string>? Draw(IReadOnlyList<Report> reports, int width)
    {
        string[][] rows = [Headers, .. reports.Select(Cells)];
        return Fitting(rows, width) ?? Fitting([.. Headers.Select((_, c) => rows.Select(row => row[c]).ToArray())], width);
    }

    // Counts that were not taken to the end stand with a plus, and there is more to do than they say.
    private static string[] Cells(Report r)
    {
        long[] counts = [r.Total, r.Completed, r.Failed, r.Pending, r.Scheduled, r.Reserved, r.Running];
        return
        [
            Printable.Line(r.Job),
            .. counts.Select(count => $"{count.ToString("N0", CultureInfo.InvariantCulture)}{(r.IsExact ? "" : "+")}"),
            r.PerSecond?.ToString("N0", CultureInfo.InvariantCulture) ?? "-",
            r.Eta is { } left ? $"{(r.IsExact ? "" : ">")}{StatusPage.Duration(left)}" : "-",
            r.OldestPending is { } waits ? StatusPage.Duration(waits) : "-",
        ];
    }

    private static List<string>? Fitting(string[][] rows, int width)
    {
        var widths = rows[0].Select((_, c) => rows.Max(row => CellText.Width(row[c]))).ToArray();
        if (widths.Sum() + (widths.Length - 1) * Gap.Length > width) return null;
        string Cell(string text, int c) => c == 0 ? CellText.PadRight(text, widths[c]) : CellText.PadLeft(text, widths[c]);
        return [.. rows.Select(row => string.Join(Gap, row.Select(Cell)).TrimEnd())];
    }
}
