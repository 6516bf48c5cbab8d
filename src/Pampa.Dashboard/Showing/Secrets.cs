using System.Text.RegularExpressions;

namespace Pampa.Showing;

/// <summary>Takes out of a text what looks like a secret. Back-tracking is off, so no text makes it slow.</summary>
internal static class Secrets
{
    private const RegexOptions Safe = RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;
    private const string Hidden = "•••";

    private const string Name = @"\b((?:[a-z0-9]+[_-])?(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key))";
    private const string Value = """(["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s;,&"')}]+)""";
    private static readonly Regex Named = new(Name + Value, Safe);
    private static readonly Regex Bearer = new(@"\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}", Safe);
    private static readonly Regex UserInfo = new(@"([a-z][a-z0-9+.-]*://)[^/\s@:""']+:[^/\s@""']+@", Safe);

    public static string Mask(string text) => UserInfo.Replace(Bearer.Replace(Named.Replace(text, $"$1$2{Hidden}"), $"$1 {Hidden}"), $"$1{Hidden}@");
}
