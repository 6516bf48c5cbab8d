using System.Text.RegularExpressions;

namespace Pampa.Storage;

/// <summary>What to grant to a user of PostgreSQL or CockroachDB whose statement was refused.</summary>
internal static partial class MissingRight
{
    private const string Instead = "Or run the verb 'migrate' as a user who may; 'migrate --dry-run' prints its statements for somebody else to run";
    private const string ShowsAll = "'migrate --dry-run' prints all rights that the program needs";

    [GeneratedRegex("for schema (.+)$")]
    private static partial Regex SchemaIn { get; }

    [GeneratedRegex("for (?:table|relation|view|sequence) (.+)$")]
    private static partial Regex TableIn { get; }

    [GeneratedRegex("for database \"?(.+?)\"?$")]
    private static partial Regex DatabaseIn { get; }

    // CockroachDB: user app does not have UPDATE privilege on relation numbers.
    [GeneratedRegex("does not have (?<right>[A-Z]+) privilege on (?:table|relation|view) (?<table>.+)$")]
    private static partial Regex RightIn { get; }

    [GeneratedRegex(@"^\s*(CREATE TABLE|CREATE SCHEMA|CREATE VIEW|CREATE TYPE)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Creates { get; }

    [GeneratedRegex(@"^\s*(ALTER|DROP|CREATE)\b", RegexOptions.IgnoreCase)]
    private static partial Regex IsForTheOwner { get; }

    [GeneratedRegex(@"^[a-z_][a-z0-9_]*$")]
    private static partial Regex IsPlain { get; }

    [GeneratedRegex(@"\b(SELECT|INSERT|UPDATE|DELETE)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Verb { get; }

    /// <summary>The remedy. The server's words name the thing where they are English; the statement tells the rest.</summary>
    public static string Remedy(string message, string statement, string user)
    {
        user = Dialect.Quote(user);
        var creates = Creates.IsMatch(statement);
        if (DatabaseIn.Match(message) is { Success: true } database) return $"GRANT CONNECT ON DATABASE {Named(database.Groups[1].Value)} TO {user}; {ShowsAll}.";
        if (SchemaIn.Match(message) is { Success: true } schema)
        {
            var name = Named(schema.Groups[1].Value);
            return creates ? $"GRANT USAGE, CREATE ON SCHEMA {name} TO {user}. {Instead}." : $"GRANT USAGE ON SCHEMA {name} TO {user}; {ShowsAll}.";
        }
        if (creates) return $"GRANT USAGE, CREATE ON SCHEMA … TO {user}. {Instead}.";
        if (IsForTheOwner.IsMatch(statement))
            return $"Only the table's owner may do this: GRANT the owner's role TO {user}. {Instead}.";
        var table = TableIn.Match(message) is { Success: true } words ? words.Groups[1].Value : RightIn.Match(message).Groups["table"].Value;
        return table.Length == 0 ? $"GRANT {user} the right to run it; {ShowsAll}." : $"GRANT {RightsOn(table, message, statement)} ON {Named(table)} TO {user}; {ShowsAll}.";
    }

    /// <summary>What to do where a policy of the table refuses what a record would be.</summary>
    public const string OfPolicy =
        "A policy of the table (row-level security) refuses what the record would be: its WITH CHECK must let the state columns, and what handlers set, change";

    // Of a control table all that anybody needs; else what the statement does, and with a change the reading that finds the record.
    private static string RightsOn(string table, string message, string statement)
    {
        if (Rights.OfControlTable(table) is { } all) return all;
        var verbs = Verb.Matches(statement).Select(m => m.Value.ToUpperInvariant()).ToHashSet();
        if (RightIn.Match(message) is { Success: true } told) verbs = [told.Groups["right"].Value];
        return string.Join(", ", ((string[])["SELECT", "INSERT", "UPDATE", "DELETE"]).Where(v => v == "SELECT" || verbs.Contains(v)));
    }

    private static string Named(string name) => IsPlain.IsMatch(name) || name.StartsWith('"') ? name : Dialect.Quote(name);
}
