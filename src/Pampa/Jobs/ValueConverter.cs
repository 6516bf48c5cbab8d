using System.Globalization;
using System.Text.Json;

namespace Pampa.Jobs;

/// <summary>
/// Turns what a database driver gives into the type that the program asked for. Drivers differ (SQLite has no booleans,
/// CockroachDB's integers have 64 bits); a program must not notice.
/// </summary>
internal static class ValueConverter
{
    /// <summary>
    /// Converts, or throws <see cref="InvalidCastException"/> or <see cref="FormatException"/> or <see
    /// cref="OverflowException"/>.
    /// </summary>
    public static object? To(Type target, object? value)
    {
        var type = Nullable.GetUnderlyingType(target) ?? target;
        if (value is null or DBNull)
        {
            if (type == target && target.IsValueType)
                throw new InvalidCastException($"the column is NULL and {Name(target)} cannot be: ask for {Name(target)}?");
            return null;
        }
        if (type.IsInstanceOfType(value)) return value;
        if (type.IsEnum) return ToEnum(type, value);
        return FromText(type, value) ?? FromNumberOrTime(type, value)
            ?? throw new InvalidCastException($"a {Name(value.GetType())} does not convert to {Name(type)}");
    }

    private static string Name(Type type) => type.Name switch
    {
        nameof(Int32) => "int",
        nameof(Int64) => "long",
        nameof(Boolean) => "bool",
        nameof(String) => "string",
        nameof(Double) => "double",
        nameof(Decimal) => "decimal",
        var name => name,
    };

    private static object ToEnum(Type type, object value) => value is string text
        ? Enum.Parse(type, text, ignoreCase: true)
        : Enum.ToObject(type, System.Convert.ToInt64(value, CultureInfo.InvariantCulture));

    private static object? FromText(Type type, object value)
    {
        if (type == typeof(string)) return ToText(value);
        if (value is not string text) return null;
        var culture = CultureInfo.InvariantCulture;
        if (type == typeof(Guid)) return Guid.Parse(text);
        if (type == typeof(DateTime))
            return DateTime.Parse(text, culture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
        if (type == typeof(DateTimeOffset)) return DateTimeOffset.Parse(text, culture, DateTimeStyles.AssumeUniversal);
        if (type == typeof(DateOnly)) return DateOnly.FromDateTime(DateTime.Parse(text, culture));
        if (type == typeof(TimeOnly)) return TimeOnly.Parse(text, culture);
        if (type == typeof(TimeSpan)) return TimeSpan.Parse(text, culture);
        if (type == typeof(Uri)) return new Uri(text, UriKind.RelativeOrAbsolute);
        if (type == typeof(Version)) return Version.Parse(text);
        // PostgreSQL's inet comes with its mask.
        if (type == typeof(System.Net.IPAddress)) return System.Net.IPAddress.Parse(text.AsSpan(0, text.IndexOf('/') is var mask and > 0 ? mask : text.Length));
        if (type == typeof(JsonElement))
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        if (type == typeof(bool)) return text switch { "1" or "t" => true, "0" or "f" => false, _ => bool.Parse(text) };
        return Numeric(type, text);
    }

    private static object? FromNumberOrTime(Type type, object value)
    {
        if (type == typeof(DateTimeOffset) && value is DateTime time)
            return new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc));
        if (type == typeof(DateTime) && value is DateTimeOffset offset) return offset.UtcDateTime;
        if (type == typeof(DateOnly) && value is DateTime day) return DateOnly.FromDateTime(day);
        if (type == typeof(DateTime) && value is DateOnly date) return date.ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc);
        if (type == typeof(TimeOnly) && value is TimeSpan span) return TimeOnly.FromTimeSpan(span);
        if (type == typeof(TimeSpan) && value is TimeOnly clock) return clock.ToTimeSpan();
        if (type == typeof(Guid) && value is byte[] bytes) return new Guid(bytes);
        return Numeric(type, value);
    }

    private static object? Numeric(Type type, object value)
    {
        if (value is not IConvertible || value is DateTime) return null;
        return Type.GetTypeCode(type) is >= TypeCode.Boolean and <= TypeCode.Decimal
            ? System.Convert.ChangeType(value, type, CultureInfo.InvariantCulture)
            : null;
    }

    private static string ToText(object value) => value switch
    {
        DateTime time => time.ToString("O", CultureInfo.InvariantCulture),
        DateTimeOffset time => time.ToString("O", CultureInfo.InvariantCulture),
        byte[] => throw new InvalidCastException("bytes do not convert to string: ask for byte[]"),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
