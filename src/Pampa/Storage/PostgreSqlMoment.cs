using System.Globalization;

namespace Pampa.Storage;

/// <summary>Times as PostgreSQL writes them where the session's zone is UTC, to and from the driver's own.</summary>
internal static class PostgreSqlMoment
{
    private const int Seconds = 19;
    private const int TicksPerMicrosecond = 10;
    private const string Zone = "+00";

    // 2026-11-27T02:32:04.1234567Z
    private const int RoundTrip = 28;

    // The records that one statement reserves have one time for all.
    [ThreadStatic]
    private static (DateTime Moment, string? Text) last;

    [ThreadStatic]
    private static (string? Text, DateTime Moment) lastRead;

    /// <summary>As the server would write it: to the microsecond, without zeros at the end.</summary>
    public static string Text(DateTime moment)
    {
        if (last.Text is not { } text || last.Moment != moment || last.Moment.Kind != moment.Kind) last = (moment, text = Written(moment));
        return text;
    }

    private static string Written(DateTime moment)
    {
        // So the driver reads what is no date.
        if (moment == DateTime.MaxValue) return "infinity";
        if (moment == DateTime.MinValue) return "-infinity";
        // With its switch for programs of old the driver gives the computer's own time.
        if (moment.Kind == DateTimeKind.Local) moment = moment.ToUniversalTime();
        // The round-trip form is the one that is quick to write; two times of each task come by here.
        Span<char> text = stackalloc char[RoundTrip + Zone.Length];
        moment.TryFormat(text, out _, "O", CultureInfo.InvariantCulture);
        text[10] = ' ';
        var end = text[..(Seconds + 7)].TrimEnd('0').TrimEnd('.').Length;
        Zone.CopyTo(text[end..]);
        return new string(text[..(end + Zone.Length)]);
    }

    /// <summary>Reads that text, and nothing else: what has more digits, another zone or another form is left to the server.</summary>
    public static bool TryParse(string text, out DateTime moment)
    {
        if (!ReferenceEquals(text, lastRead.Text))
        {
            if (!TryRead(text, out moment)) return false;
            lastRead = (text, moment);
        }
        moment = lastRead.Moment;
        return true;
    }

    private static bool TryRead(string text, out DateTime moment)
    {
        moment = default;
        if (text.Length < Seconds + 3 || !text.EndsWith("+00", StringComparison.Ordinal)) return false;
        if (text[4] != '-' || text[7] != '-' || text[10] != ' ' || text[13] != ':' || text[16] != ':') return false;
        if (!Number(text, 0, 4, out var year) || !Number(text, 5, 2, out var month) || !Number(text, 8, 2, out var day)) return false;
        if (!Number(text, 11, 2, out var hour) || !Number(text, 14, 2, out var minute) || !Number(text, 17, 2, out var second)) return false;
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59) return false;
        if (!Fraction(text.AsSpan(Seconds, text.Length - Seconds - 3), out var microseconds)) return false;
        moment = new DateTime(year, month, day, hour, minute, second, DateTimeKind.Utc).AddTicks(microseconds * TicksPerMicrosecond);
        // The first moment of all is the driver's -infinity.
        return moment != DateTime.MinValue;
    }

    private static bool Fraction(ReadOnlySpan<char> text, out long microseconds)
    {
        microseconds = 0;
        if (text.Length == 0) return true;
        if (text[0] != '.' || text.Length is < 2 or > 7) return false;
        for (var i = 1; i < 7; i++)
        {
            var digit = i < text.Length ? text[i] - '0' : 0;
            if (digit is < 0 or > 9) return false;
            microseconds = microseconds * 10 + digit;
        }
        return true;
    }

    private static bool Number(string text, int at, int length, out int number)
    {
        number = 0;
        for (var i = at; i < at + length; i++)
        {
            var digit = text[i] - '0';
            if (digit is < 0 or > 9) return false;
            number = number * 10 + digit;
        }
        return true;
    }
}
