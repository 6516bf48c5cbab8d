using System.Text.RegularExpressions;

namespace Pampa.Showing;

/// <summary>
/// Takes out of a text what looks like a secret. Back-tracking is off, so no text makes it slow. What is cut off in the middle of a secret is
/// hidden to its end. Where it cannot be told where a secret ends, rather too much is hidden.
/// </summary>
internal static class Secrets
{
    private const RegexOptions Safe = RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;
    private const string Hidden = "•••";

    // Whatever stands before it: PGPASSWORD, clientSecret, AWS_SECRET_ACCESS_KEY, SharedAccessKey, Ocp-Apim-Subscription-Key.
    private const string Names =
        "password|passwd|passphrase|pwd|secret|token|"
        + "(?:api|access|account|auth|consumer|encryption|functions|license|master|private|secret|shared|signing|storage|subscription)[_-]?key";

    private const string Name = $"({Names}|[_-]pass|accesssignature|[?&]sig)";

    // Of JSON within JSON each quote has a backslash before it; in a field of CSV there are two.
    private const string Sign = """(\\*["']{0,2}\]?\s*[=:]>?\s*|["']\s+value\s*=\s*)""";

    // The word alone is a word of sentences, too: as a name it stands in quotes or before an equals sign.
    private const string Pass = @"(\bpass|(?-i:[a-z]Pass))";
    private const string PassSign = """(\\*["']{1,2}\]?\s*[=:]>?\s*|\s*=>?\s*)""";

    // Quoted, with quotes that are doubled or escaped inside, or doubled all (CSV); the same within JSON that is a text itself; else up to a
    // blank or what ends a value, for which a comma, a bracket or a quote in the middle of a word is not taken.
    private const string Value =
        """(""[^"\s;,&)}\]][^"]*(?:"")?|"(?:[^"\\]|\\[\s\S]|"")*"?|'(?:[^'\\]|\\[\s\S]|'')*'?|"""
        + """\\"(?:[^"\\]|\\\\(?:\\[\s\S]|[^\\])|\\[^"\\])*(?:\\"?)?|\\\\+"[^"]*"?|\\+'[^']*'?|"""
        + """[,)}]{0,2}[^\s;,&"')}]+(?:(?:[,)}]+|["']+)[^\s;,&"')}\]:=]+[^\s;,&"')}]*)*)""";

    // A blank belongs to a password where nothing but the end of the value ends it: in a list of settings.
    private const string Setting = @"((?:password|pwd)\s*=\s*)";

    // What reaches a server by a name of its own has a user and a password before it, whatever these look like.
    private const string Servers =
        "(?:postgres(?:ql)?|mysql|mariadb|mongodb|sqlserver|cockroachdb|rediss?|amqps?|nats|mqtts?|kafka|ldaps?|s?ftps?|ssh|smtps?)";

    private const string Authorization = """(\bauthorization\\*["']{0,2}\s*[:=]\s*\\*["']{0,2}""";

    private static readonly (Regex Of, string With)[] All =
    [
        // The scheme of a header before its name: what follows that is the scheme, and the secret would be left.
        // Some have a list of names and values behind it.
        (Make(Authorization + """(?:digest|token|aws4[a-z0-9-]*)\s+)[^\r\n]+"""), $"$1{Hidden}"),
        (Make(Authorization + """(?:bearer|basic|apikey|negotiate)\s+\\*["']?)[^\s"'\\]+"""), $"$1{Hidden}"),
        (Make(Authorization + """)(?:[^\s"'\\\d]*\d[^\s"'\\]*|[^\s"'\\]{16,}|[^\s"'\\]*…)"""), $"$1{Hidden}"),
        (Make(@"\b(bearer|basic)\s+(?:[a-z0-9._~+/=-]{8,}…?|[a-z0-9._~+/=-]*\s?…)"), $"$1 {Hidden}"),
        // What is cut off in the middle stands where a host with its port would be; a port has five digits at most.
        (Make($$"""({{Servers}}(?:\+[a-z]+)?://)[^/\s@:"']*:[^\s"']+@"""), $"$1{Hidden}@"),
        (Make($$"""({{Servers}}(?:\+[a-z]+)?://)[^/\s@:"'\[]*:[^\s@"'…]+\s?…"""), $"$1{Hidden}…"),
        (Make("""([a-z][a-z0-9+.-]*://)[^/\s@:"']*:(?:[^/\s"']+|[^/\s"'@]*[^/\s"'@\d][^/\s"'@]*/[^\s"']*)@"""), $"$1{Hidden}@"),
        (Make("""([a-z][a-z0-9+.-]*://)[^/\s@:"'\[]*:(?:(?:[^/\s@"']*[a-z][^/\s@"']*|\d{6,})(?:\s?…|$)|\d+…)"""), $"$1{Hidden}"),
        (Make(Setting + @"\{(?:[^}]|\}\})*\}?"), $"$1{Hidden}"),
        (Make(";(\\s*[a-z ]*)" + Setting + """[^;"'\s][^;"'\r\n]*"""), $";$1$2{Hidden}"),
        (Make(Setting + """[^;"'=\s][^;"'=\r\n]*(;\s*(?:$|[a-z][a-z0-9 _-]*=)|…)"""), $"$1{Hidden}$2"),
        (Make($"(<(?:[a-z0-9_.:-]*)(?:{Names}|pass)(?:\\s[^<>/]*)?>)(?:\\s*<!\\[CDATA\\[(?:[^\\]]|\\][^\\]])*|[^<]+)"), $"$1{Hidden}"),
        (Make($$"""((?:^|[\s"'`(])-[a-z0-9_-]*(?:{{Names}}|[_-]pass)\s+)("[^"]*"?|'[^']*'?|[^\s"'-]\S*)"""), $"$1{Hidden}"),
        (Make(Name + Sign + Value), $"$1$2{Hidden}"),
        (Make(Pass + PassSign + Value), $"$1$2{Hidden}"),
    ];

    private static Regex Make(string pattern) => new(pattern, Safe);

    public static string Mask(string text)
    {
        foreach (var (of, with) in All) text = of.Replace(text, with);
        return text;
    }
}
