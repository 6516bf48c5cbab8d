using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Pampa.Serving;

/// <summary>What stands behind the question mark; what does not fit is the caller's fault and told so.</summary>
internal sealed class Query(IQueryCollection query)
{
    private const int LongestText = 2_000;
    private const int MostTexts = 50;

    public string? Text(string name) => query[name].ToString() is { Length: > 0 } text ? Short(name, text) : null;

    /// <summary>It may be the empty text, but it must be there.</summary>
    public string Needed(string name) => query.TryGetValue(name, out var text) ? Short(name, text.ToString()) : throw new ArgumentException($"The address must say {name}.");

    public IReadOnlyList<string> Texts(string name)
    {
        var texts = query[name].OfType<string>().Where(t => t.Length > 0).Select(t => Short(name, t)).ToList();
        return texts.Count <= MostTexts ? texts : throw new ArgumentException($"{name} must be given at most {MostTexts} times, got {texts.Count}.");
    }

    public int Whole(string name, int min, int max, int otherwise) => Text(name) is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max ? number
        : throw new ArgumentException($"{name} must be a whole number from {min} to {max}, got '{text}'.");

    public DateTimeOffset? Moment(string name) => Text(name) is not { } text ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment) ? moment
        : throw new ArgumentException($"{name} must be a moment such as 2026-12-24T18:00Z, got '{text}'.");

    public T Word<T>(string name, T otherwise) where T : struct, Enum => Text(name) is not { } text ? otherwise : ParseWord<T>(name, text);

    public static T ParseWord<T>(string name, string text) where T : struct, Enum =>
        Enum.TryParse<T>(text, ignoreCase: true, out var word) && Enum.IsDefined(word) && !char.IsAsciiDigit(text[0])
            ? word
            : throw new ArgumentException($"{name} must be one of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}, got '{text}'.");

    private static string Short(string name, string text) =>
        text.Length <= LongestText ? text : throw new ArgumentException($"{name} must have at most {LongestText} characters, got {text.Length}.");
}
