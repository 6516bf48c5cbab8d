using System.Globalization;

namespace Pampa.Jobs;

/// <summary>Filters in words.</summary>
internal static class FilterText
{
    private const int NamedKeys = 20;

    public static string Of(TaskFilter filter)
    {
        var parts = new List<string>();
        if (filter.Keys is { } keys)
        {
            var more = keys.Count > NamedKeys ? ", …" : "";
            parts.Add(FormattableString.Invariant($"{keys.Count} {(keys.Count == 1 ? "key" : "keys")}: {string.Join(", ", keys.Take(NamedKeys))}{more}"));
        }
        if (filter.States.Count > 0) parts.Add($"state {string.Join(" or ", filter.States.Select(s => s.ToString().ToLowerInvariant()))}");
        if (filter.KeyPrefix is { } prefix) parts.Add($"key starts with '{prefix}'");
        if (filter.ErrorContains is { } error) parts.Add($"error contains '{error}'");
        if (filter.Worker is { } worker) parts.Add($"worker {worker}");
        var time = filter.Moment.ToString().ToLowerInvariant();
        if (filter.From is { } from) parts.Add($"{time} from {Moment(from)}");
        if (filter.Until is { } until) parts.Add($"{time} before {Moment(until)}");
        parts.AddRange(filter.Where.Select(c => c.ToString()));
        return parts.Count == 0 ? "all" : string.Join("; ", parts);
    }

    private static string Moment(DateTimeOffset moment) => moment.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.FFFZ", CultureInfo.InvariantCulture);
}
