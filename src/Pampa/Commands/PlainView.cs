using System.Globalization;

namespace Pampa.Commands;

/// <summary>A line a second for each job that is at work; an idle job says so once and then is silent.</summary>
internal sealed class PlainView(TextWriter output) : IProgressView
{
    private readonly HashSet<string> idle = new(StringComparer.Ordinal);

    public TimeSpan Interval => TimeSpan.FromSeconds(1);

    public void Show(IReadOnlyList<ProgressRow> rows)
    {
        foreach (var row in rows)
        {
            if (row.PerSecond > 0) idle.Remove(row.Job);
            else if (!idle.Add(row.Job)) continue;
            output.WriteLine(Line(row));
        }
    }

    private static string Line(ProgressRow row)
    {
        var invariant = CultureInfo.InvariantCulture;
        var standby = row.IsStandingBy ? ", standing by: another process leads" : "";
        return row.Total is { } total
            ? string.Create(invariant, $"{row.Job}: {row.Done:N0} of {total:N0} done, {row.PerSecond:N0}/s, ETA {row.Eta}, {row.Workers} workers{standby}")
            : string.Create(invariant, $"{row.Job}: {row.Done:N0} done, {row.PerSecond:N0}/s, {row.Workers} workers{standby}");
    }
}
