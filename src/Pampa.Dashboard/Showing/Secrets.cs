using System.Text.RegularExpressions;

namespace Pampa.Showing;

/// <summary>
/// Takes out of a text what looks like a secret. Back-tracking is off, so no text makes it slow. What is cut off in the middle of a secret is
/// hidden to its end.
/// </summary>
internal static class Secrets
{
    private const RegexOptions Safe = RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;
    private const string Hidden = "•••";

    // Whatever stands before it: PGPASSWORD, clientSecret, AWS_SECRET_ACCESS_KEY, SharedAccessKey.
    private const string Name =
        "(password|passwd|passphrase|pwd|[_-]pass|secret|token|(?:api|access|account|shared|secret|private|signing|encryption|storage|master)[_-]?key|accesssignature|[?&]sig)";

    // Of JSON within JSON each quote has a backslash before it.
    private const string Sign = """(\\*["']?\]?\s*[=:]>?\s*)""";

    // Quoted, with quotes that are doubled or escaped inside; the same within JSON that is a text itself; else up to a blank or what ends a
    // value, for which a comma or a bracket in the middle of a word is not taken.
    private const string Value =
        """("(?:[^"\\]|\\[\s\S]|"")*"?|'(?:[^'\\]|\\[\s\S]|'')*'?|"""
        + """\\"(?:[^"\\]|\\\\(?:\\[\s\S]|[^\\])|\\[^"\\])*(?:\\"?)?|\\\\+"[^"]*"?|\\+'[^']*'?|"""
        + """[^\s;,&"')}]+(?:[,)}]+[^\s;,&"')}]+)*)""";

    private static readonly Regex Named = new(Name + Sign + Value, Safe);
    private static readonly Regex Bearer = new(@"\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}", Safe);
    private static readonly Regex UserInfo = new("""([a-z][a-z0-9+.-]*://)[^/\s@:"']*:[^/\s"']+@""", Safe);

    // The end of the text where a host with its port would be, if it were one.
    private static readonly Regex CutUserInfo = new("""([a-z][a-z0-9+.-]*://)[^/\s@:"'\[]*:[^/\s@"']*[a-z][^/\s@"']*$""", Safe);

    public static string Mask(string text)
    {
        // The scheme of a header before its name: what follows that is the scheme, and the secret would be left.
        var masked = Bearer.Replace(text, $"$1 {Hidden}");
        masked = UserInfo.Replace(masked, $"$1{Hidden}@");
        masked = CutUserInfo.Replace(masked, $"$1{Hidden}");
        return Named.Replace(masked, $"$1$2{Hidden}");
    }
}
