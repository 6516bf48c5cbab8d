namespace Pampa.Tests.Mutations;

/// <summary>A guard of a statement and what stands in its place when it is taken out.</summary>
internal sealed record Guard(string Statement, string Text, string Instead)
{
    public override string ToString() => $"{Statement}: {Text} -> {Instead}";
}

/// <summary>Finds the guards in the WHERE of an UPDATE, or of an INSERT's DO UPDATE, and takes one out.</summary>
internal static class Guards
{
    // How a statement makes its guards count only once the record was found by its key.
    private const string Otherwise = " ELSE FALSE END";
    private static readonly string[] OnceFound = ["CASE WHEN v._pampa_k0 IS NOT NULL THEN ", "CASE WHEN c._pampa_k0 IS NOT NULL THEN "];

    /// <summary>Which statement a text is, by a mark that only it has.</summary>
    public static string? StatementOf(string text)
    {
        if (IsPick(text)) return "RESERVE";
        bool Has(string part) => text.Contains(part, StringComparison.Ordinal);
        if (Has("UPDATE pampa_schedule")) return ScheduleStatement(Has);
        if (Has("INSERT INTO pampa_lease")) return "ACQUIRE";
        if (Has("UPDATE pampa_lease")) return Has("expires_at > ") ? "RENEW" : "RESIGN";
        if (Has("INSERT INTO pampa_worker")) return "REGISTER";
        if (Has("UPDATE pampa_worker")) return Has("SET heartbeat_at") ? "HEARTBEAT" : "STATE";
        if (Has("_pampa_verdict")) return Has("pampa_lease") ? "RECLAIM" : "RECOVER";
        if (Has("= v._pampa_st ")) return Has("@error") ? "STOP" : "FINISH";
        if (Has("_pampa_session") && Has("pampa_lease") && Has("UPDATE")) return "RESERVE AND START";
        if (Has("_pampa_session") && Has("UPDATE")) return "START";
        if (Has("_pampa_state")) return Has("pampa_lease") ? "REPEAT" : "RELAUNCH";
        if (Has("pampa_lease") && Has("UPDATE")) return Has("_pampa_rid") ? "RESERVE" : "EXHAUST";
        if (!Has("UPDATE") || !Has("_pampa_rt")) return null;
        if (!Has("_pampa_n")) return "RELEASE";
        // It takes no more from anybody than what nobody holds.
        return Has("v._pampa_rid") ? "SETTLE" : "RUN NOW";
    }

    private static string ScheduleStatement(Func<string, bool> has) => has("@definition") ? "PUBLISH"
        : has("@error") ? "TICK FAILED"
        : has("@reason") ? "PAUSE"
        : has("paused_at = NULL") ? "RESUME"
        : has("done_tick") ? "TICK" : "LEAVE OUT";

    // Of RESERVE in steps, the one that only reads.
    private static bool IsPick(string text) =>
        text.StartsWith("SELECT t.", StringComparison.Ordinal) && text.Contains(" AS _pampa_k0", StringComparison.Ordinal);

    public static IEnumerable<Guard> In(string text)
    {
        if (IsPick(text) || StatementOf(text) is not { } statement || Where(text) is not { } where) return [];
        var found = new List<(string Text, string Instead)>();
        Collect(text[where], found);
        return found.Distinct().Select(f => new Guard(statement, f.Text, f.Instead));
    }

    public static string Without(Guard guard, string text)
    {
        if (StatementOf(text) != guard.Statement || Where(text) is not { } where) return text;
        return text[..where.Start.Value] + text[where].Replace(guard.Text, guard.Instead, StringComparison.Ordinal) + text[where.End.Value..];
    }

    /// <summary>Takes a guard out wherever the statement has it, in what it picks by as well.</summary>
    public static string WithoutAll(Guard guard, string text) =>
        StatementOf(text) == guard.Statement ? text.Replace(guard.Text, guard.Instead, StringComparison.Ordinal) : text;

    /// <summary>Whether the statement also picks by the guard.</summary>
    public static bool IsPickedBy(Guard guard, string text) => StatementOf(text) == guard.Statement
        && (IsPick(text) ? text.Contains(guard.Text, StringComparison.Ordinal) : WithoutAll(guard, text) != Without(guard, text));

    private static Range? Where(string text)
    {
        var update = text.LastIndexOf("UPDATE ", StringComparison.Ordinal);
        // That is no change, but a lock on what is picked for it.
        while (update > 4 && text[(update - 4)..update] == "FOR ") update = text.LastIndexOf("UPDATE ", update - 1, StringComparison.Ordinal);
        if (update < 0) return null;
        int? begin = null;
        foreach (var (at, depth) in Words(text, update))
        {
            if (depth < 0) return begin is null ? null : begin.Value..at;
            if (depth > 0) continue;
            if (IsWord(text, at, "WHERE")) begin = at + "WHERE".Length;
            if (begin is not null && IsWord(text, at, "RETURNING")) return begin.Value..at;
        }
        return begin is null ? null : begin.Value..text.Length;
    }

    private static void Collect(string text, List<(string, string)> found)
    {
        text = text.Trim();
        var parts = Split(text, "AND");
        if (parts.Count > 1)
        {
            foreach (var part in parts) Collect(part, found);
            return;
        }
        if (text.StartsWith('(') && Words(text, 0).First(w => w.Depth == 0).At == text.Length - 1)
        {
            Collect(text[1..^1], found);
            return;
        }
        if (Array.Find(OnceFound, o => text.StartsWith(o, StringComparison.Ordinal)) is { } begin && text.EndsWith(Otherwise, StringComparison.Ordinal))
        {
            Collect(text[begin.Length..^Otherwise.Length], found);
            return;
        }
        found.Add((text, "TRUE"));
        // What stands between the words of a CASE is no choice of its own.
        var choices = text.StartsWith("CASE ", StringComparison.Ordinal) ? [] : Split(text, "OR");
        if (choices.Count > 1)
        {
            foreach (var choice in choices)
            {
                found.Add((choice.Trim(), "FALSE"));
                Collect(choice, found);
            }
            return;
        }
        if (!text.StartsWith("EXISTS (", StringComparison.Ordinal) && !text.StartsWith("NOT EXISTS (", StringComparison.Ordinal)) return;
        var inner = text[(text.IndexOf('(', StringComparison.Ordinal) + 1)..^1];
        var where = Words(inner, 0).Where(w => w.Depth == 0 && IsWord(inner, w.At, "WHERE")).Select(w => w.At).Last();
        foreach (var (at, _) in Words(inner, 0).Where(w => w.Depth == 0 && IsWord(inner, w.At, "ON"))) Collect(inner[(at + 2)..where], found);
        Collect(inner[(where + 5)..], found);
    }

    private static List<string> Split(string text, string word)
    {
        var parts = new List<string>();
        var begin = 0;
        foreach (var (at, depth) in Words(text, 0))
        {
            if (depth != 0 || !IsWord(text, at, word)) continue;
            parts.Add(text[begin..at]);
            begin = at + word.Length;
        }
        parts.Add(text[begin..]);
        return parts;
    }

    /// <summary>The places outside quotes, with the depth of brackets there; CASE and END are such, too.</summary>
    private static IEnumerable<(int At, int Depth)> Words(string text, int from)
    {
        var depth = 0;
        for (var i = from; i < text.Length; i++)
        {
            if (text[i] is '\'' or '"')
            {
                i = text.IndexOf(text[i], i + 1);
                if (i < 0) yield break;
                continue;
            }
            if (text[i] == '(' || IsWord(text, i, "CASE")) depth++;
            if (text[i] == ')' || IsWord(text, i, "END")) depth--;
            yield return (i, depth);
        }
    }

    private static bool IsWord(string text, int at, string word) =>
        string.CompareOrdinal(text, at, word, 0, word.Length) == 0
        && (at == 0 || !IsNamePart(text[at - 1])) && (at + word.Length == text.Length || !IsNamePart(text[at + word.Length]));

    private static bool IsNamePart(char c) => char.IsLetterOrDigit(c) || c is '_' or '"' or '@';
}
