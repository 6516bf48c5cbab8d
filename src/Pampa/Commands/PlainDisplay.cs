using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Pampa.Commands;

/// <summary>
/// Everything as lines, for files, pipes and whoever asks for it: one a second for each job that is at work. An idle job
/// says so once and then is silent.
/// </summary>
internal sealed class PlainDisplay(TextWriter output, TextWriter errors, bool hasColors = false, LogFormat? format = null) : Display
{
    private readonly LogFormat format = format ?? LogFormat.Plain;
    private readonly HashSet<string> idle = new(StringComparer.Ordinal);

    public override TextWriter Output => output;

    public override TextWriter Errors => errors;

    public override TimeSpan Interval => TimeSpan.FromSeconds(1);

    // Less than the interval, whose length varies a little: each line tells of the time since the one before it.
    public override TimeSpan SpeedWindow => Interval / 2;

    public override void Show(IReadOnlyList<ProgressRow> rows)
    {
        foreach (var row in rows)
        {
            if (row.PerSecond > 0) idle.Remove(row.Job);
            else if (!idle.Add(row.Job)) continue;
            output.WriteLine(format.IsJson ? JsonLine.Progress(TimeProvider.System.GetUtcNow(), row, Line(row)) : Line(row));
        }
    }

    private static string Line(ProgressRow row)
    {
        var invariant = CultureInfo.InvariantCulture;
        var standby = row.IsStandingBy ? ", another process leads" : "";
        return row.Total is { } total
            ? string.Create(invariant, $"{row.Job}: {row.Done:N0} of {total:N0} done, {row.PerSecond:N0}/s, ETA {row.Eta}, {row.Workers} workers{standby}")
            : string.Create(invariant, $"{row.Job}: {row.Done:N0} done, {row.PerSecond:N0}/s, {row.Workers} workers{standby}");
    }

    protected override void Close()
    {
    }

    protected override string Format(DateTimeOffset at, LogLevel level, string text, LineEnd? end) => LogLine.Of(at, level, text, hasColors, end);

    protected override string Shown(string line) => format.Shown(line, TimeProvider.System.GetLocalNow(), LogLevel.Warning);

    protected override void WriteLog(IReadOnlyList<string> lines)
    {
        foreach (var line in lines) errors.WriteLine(line);
    }
}
