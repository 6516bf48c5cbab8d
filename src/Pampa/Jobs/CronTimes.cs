using System.Diagnostics.CodeAnalysis;
using Cronos;

namespace Pampa.Jobs;

/// <summary>
/// The times of a cron expression in a time zone. Where clocks are put forward, a time that is left out comes at the next one there is;
/// where they are put back, a time of the day comes once, and what comes every so many minutes or hours goes on through both.
/// </summary>
internal sealed class CronTimes
{
    // A year has all dates but one, and that one comes within eight.
    private static readonly DateTimeOffset AnyTime = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly CronExpression expression;
    private readonly TimeZoneInfo zone;

    private CronTimes(CronExpression expression, TimeZoneInfo zone)
    {
        this.expression = expression;
        this.zone = zone;
    }

    /// <summary>The times of an expression, or null where it is none; then the error goes on after its name.</summary>
    /// <param name="text">The expression.</param>
    /// <param name="zone">Where its times are times of the day.</param>
    /// <param name="name">Whose it is: an <c>H</c> in it is a number that follows from the name.</param>
    /// <param name="error">What is wrong, without a full stop.</param>
    public static CronTimes? Parse(string text, TimeZoneInfo zone, string name, out string error)
    {
        var fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var format = fields.Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard;
        error = "";
        if (!TryParse(string.Join(' ', fields), format, name, out var expression))
        {
            error = $"must be a cron expression of five fields (minute, hour, day, month, day of the week), for example '0 3 * * *' for three o'clock, or of six with seconds first; got '{text}'";
            return null;
        }
        if (expression.GetNextOccurrence(AnyTime, zone) is null)
        {
            error = $"must name a time that comes, got '{text}', which never does";
            return null;
        }
        return new CronTimes(expression, zone);
    }

    // With a seed the library takes a word (@hourly) for one with an H in it.
    private static bool TryParse(string text, CronFormat format, string name, [NotNullWhen(true)] out CronExpression? expression) => text.StartsWith('@')
        ? CronExpression.TryParse(text, format, out expression)
        : CronExpression.TryParse(text, format, Seed(name), out expression);

    /// <summary>The first time after a moment; null: none comes any more.</summary>
    public DateTimeOffset? Next(DateTimeOffset after) => expression.GetNextOccurrence(after, zone);

    /// <summary>The first time that is not before a moment; null: none comes any more.</summary>
    public DateTimeOffset? NextFrom(DateTimeOffset moment) => expression.GetNextOccurrence(moment, zone, inclusive: true);

    /// <summary>The last time before a moment; null: there was none.</summary>
    public DateTimeOffset? Previous(DateTimeOffset before) => expression.GetPreviousOccurrence(before, zone);

    // The same on every computer and in every run, which the runtime's own hash is not.
    private static int Seed(string name)
    {
        var hash = 2_166_136_261u;
        foreach (var c in name) hash = unchecked((hash ^ c) * 16_777_619u);
        return (int)(hash & int.MaxValue);
    }
}
