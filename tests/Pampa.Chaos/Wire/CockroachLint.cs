using System.Text.RegularExpressions;

namespace Pampa.Chaos.Wire;

/// <summary>
/// What CockroachDB has not, by its documentation; and what it has although it does nothing there, so that nobody may build on it. A
/// statement that passes here may still mean something else there: that is for the eye.
/// </summary>
internal static partial class CockroachLint
{
    private static readonly (Regex Shape, string Why)[] Lacks =
    [
        (Messages, "LISTEN and NOTIFY are not supported"),
        (AdvisoryLock, "advisory locks do nothing"),
        (SkipLocked, "SKIP LOCKED is slow and passes by rows that nobody holds"),
        (SystemColumn, "there is no ctid and no xmin"),
        (Function, "there is no such function"),
        (Slice, "slices of arrays are not supported"),
        (Cursor, "there is no such statement, or only in part"),
        (StatementTrigger, "there are no triggers for a whole statement"),
    ];

    // What SET and set_config may name there, as far as anybody here would want to.
    private static readonly string[] Settings =
    [
        "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout", "timezone", "time", "search_path", "application_name",
        "client_min_messages", "client_encoding", "datestyle", "intervalstyle", "bytea_output", "extra_float_digits", "standard_conforming_strings",
        "default_transaction_isolation", "default_transaction_read_only", "transaction", "session", "enable_seqscan", "synchronous_commit", "row_security",
    ];

    /// <summary>Why CockroachDB would not take a statement; null: it would.</summary>
    public static string? Refusal(string text)
    {
        var bare = SqlText.Bare(text);
        foreach (var (shape, why) in Lacks)
        {
            if (shape.Match(bare) is { Success: true } match) return $"{why}: {match.Value.Trim()}";
        }
        foreach (Match setting in Setting.Matches(text))
        {
            var name = setting.Groups["name"].Value.ToLowerInvariant();
            if (!Settings.Contains(name)) return $"there is no setting {name}";
        }
        var twice = Mutation.Matches(bare).GroupBy(m => m.Groups["table"].Value).FirstOrDefault(g => g.Count() > 1);
        return twice is null || bare.Contains(';', StringComparison.Ordinal) ? null : $"a statement may change a table once only: {twice.Key}";
    }

    /// <summary>Whether a statement changes the schema.</summary>
    public static bool IsDdl(string text) => Ddl.IsMatch(SqlText.Bare(text));

    /// <summary>Whether a statement changes records.</summary>
    public static bool IsMutation(string text) => Mutation.IsMatch(SqlText.Bare(text));

    /// <summary>The same for PostgreSQL: what CockroachDB writes in its own manner, and its integers, all of which have 64 bits.</summary>
    public static string Translated(string text)
    {
        text = Version.Replace(text, $"'{VersionText}'::text");
        return !IsDdl(text) ? text : Integer.Replace(DropDatabase.Replace(UsingHash.Replace(text, ")"), "$1 WITH (FORCE)"), "bigint");
    }

    /// <summary>What <c>version()</c> says.</summary>
    public const string VersionText = "CockroachDB CCL v25.2.0 (an emulation on PostgreSQL)";

    [GeneratedRegex(@"^\s*(LISTEN|UNLISTEN|NOTIFY)\b|\bpg_notify\s*\(", RegexOptions.IgnoreCase)]
    private static partial Regex Messages { get; }

    [GeneratedRegex(@"\bpg_(try_)?advisory_\w+", RegexOptions.IgnoreCase)]
    private static partial Regex AdvisoryLock { get; }

    [GeneratedRegex(@"\bSKIP\s+LOCKED\b", RegexOptions.IgnoreCase)]
    private static partial Regex SkipLocked { get; }

    [GeneratedRegex(@"\b(ctid|xmin|xmax|cmin|cmax)\b", RegexOptions.IgnoreCase)]
    private static partial Regex SystemColumn { get; }

    [GeneratedRegex(@"\b(make_interval|isfinite|pg_notification_queue_usage|pg_blocking_pids|to_regprocedure)\s*\(", RegexOptions.IgnoreCase)]
    private static partial Regex Function { get; }

    [GeneratedRegex(@"\[[^\[\]]*(?<!:):(?!:)[^\[\]]*\]")]
    private static partial Regex Slice { get; }

    [GeneratedRegex(@"^\s*(DECLARE|FETCH|MOVE|COPY|LOCK|VACUUM|REINDEX|CLUSTER)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Cursor { get; }

    [GeneratedRegex(@"\bFOR\s+EACH\s+STATEMENT\b", RegexOptions.IgnoreCase)]
    private static partial Regex StatementTrigger { get; }

    [GeneratedRegex(@"\bset_config\s*\(\s*'(?<name>\w+)'|^\s*SET\s+(LOCAL\s+|SESSION\s+)?(?<name>\w+)", RegexOptions.IgnoreCase)]
    private static partial Regex Setting { get; }

    // Not the lock of FOR UPDATE, nor what INSERT does about a conflict.
    [GeneratedRegex(@"(?<!FOR\s+|FOR\s+NO\s+KEY\s+|DO\s+|BEFORE\s+|AFTER\s+|OR\s+)\b(UPDATE|INSERT\s+INTO|DELETE\s+FROM)\s+(?<table>(?:""\w+""|\w+)(?:\.(?:""\w+""|\w+))?)", RegexOptions.IgnoreCase)]
    private static partial Regex Mutation { get; }

    [GeneratedRegex(@"^\s*(CREATE|ALTER|DROP|TRUNCATE|COMMENT\s+ON)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Ddl { get; }

    [GeneratedRegex(@"\bversion\(\)")]
    private static partial Regex Version { get; }

    [GeneratedRegex(@"\)\s+USING\s+HASH\b")]
    private static partial Regex UsingHash { get; }

    [GeneratedRegex(@"^(\s*DROP\s+DATABASE\s.*\S)\s+CASCADE\b", RegexOptions.IgnoreCase)]
    private static partial Regex DropDatabase { get; }

    [GeneratedRegex(@"(?<=\s)(integer|int|int4)(?=\s|,|\)|$)", RegexOptions.IgnoreCase)]
    private static partial Regex Integer { get; }
}
