using System.Text.RegularExpressions;

namespace Pampa.Storage;

/// <summary>What to grant to a user of PostgreSQL whose statement was refused.</summary>
internal static partial class MissingRight
{
    private const string Instead = "Or run the verb 'migrate' as a user who may; 'migrate --dry-run' prints its statements for somebody else to run";

    [GeneratedRegex("for schema (.+)$")]
    private static partial Regex SchemaIn { get; }

    [GeneratedRegex("for (?:table|relation|view|sequence) (.+)$")]
    private static partial Regex TableIn { get; }

    [GeneratedRegex(@"^\s*(CREATE TABLE|CREATE SCHEMA|CREATE VIEW|CREATE TYPE)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Creates { get; }

    [GeneratedRegex(@"^\s*(ALTER|DROP|CREATE)\b", RegexOptions.IgnoreCase)]
    private static partial Regex IsForTheOwner { get; }

    /// <summary>The remedy. The server's words name the thing where they are English; the statement tells the rest.</summary>
    public static string Remedy(string message, string statement, string user)
    {
        user = Dialect.Quote(user);
        if (SchemaIn.Match(message) is { Success: true } schema) return $"GRANT USAGE, CREATE ON SCHEMA {schema.Groups[1].Value} TO {user}. {Instead}.";
        if (Creates.IsMatch(statement)) return $"GRANT USAGE, CREATE ON SCHEMA … TO {user}. {Instead}.";
        if (IsForTheOwner.IsMatch(statement))
            return $"Only the table's owner may do this: GRANT the owner's role TO {user}. {Instead}.";
        return TableIn.Match(message) is { Success: true } table
            ? $"GRANT SELECT, INSERT, UPDATE, DELETE ON {table.Groups[1].Value} TO {user}."
            : $"GRANT {user} the right to run it.";
    }
}
