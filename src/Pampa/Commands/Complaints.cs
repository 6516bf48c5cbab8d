using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Commands;

/// <summary>What is wrong with the arguments, all at once, in the words of this program and never with a secret.</summary>
internal static partial class Complaints
{
    public static List<string> Of(ParseResult parsed)
    {
        // A password may stand anywhere in what was typed: then nothing of it is shown, for the terminal's scroll-back
        // and the log of a build keep it.
        if (parsed.Tokens.Any(t => HoldsPassword(t.Value)))
            return ["A password on the command line can be read by every user of this computer, so it is refused, and no argument is shown. Put the database's address into an environment variable or a file and say --db env:NAME or --db file:PATH, or set PAMPA_DATABASE_URL."];
        var unknown = NotUnderstood(parsed);
        var complaints = unknown.ConvertAll(token => Unknown(parsed, token));
        // The parser's own words for the same tokens add nothing.
        complaints.AddRange(parsed.Errors.Select(e => e.Message).Where(m => !parsed.UnmatchedTokens.Any(t => m.Contains($"'{t}'", StringComparison.Ordinal)))
            .Where(_ => unknown.Count == 0).Select(Plainly));
        return complaints;
    }

    // The parser takes an option that it does not know for an argument where there is room for one; and what follows
    // such an option is its value, no mistake of its own.
    private static List<string> NotUnderstood(ParseResult parsed)
    {
        var unknown = new List<string>();
        var isValue = false;
        foreach (var token in parsed.Tokens.TakeWhile(t => t.Type != TokenType.DoubleDash).Where(t => t.Type == TokenType.Argument))
        {
            // A key may be a number below zero.
            var isOption = token.Value is ['-', '-', ..] or ['-', >= 'A', ..];
            if (isOption) unknown.Add(token.Value);
            else if (parsed.UnmatchedTokens.Contains(token.Value) && !isValue) unknown.Add(token.Value);
            isValue = isOption;
        }
        return unknown;
    }

    private static string Plainly(string message)
    {
        var parts = message.Split('\'');
        return parts.Length >= 6 && message.StartsWith("Cannot parse argument", StringComparison.Ordinal)
            ? $"{parts[^4]} must be {KindOf(parts[^2])}, got {Shown(string.Join('\'', parts[1..^5]))}."
            : message;
    }

    private static string KindOf(string type) => type switch
    {
        _ when type.Contains("Int", StringComparison.Ordinal) => "a whole number",
        _ when type.Contains(nameof(TimeSpan), StringComparison.Ordinal) => "a time as hours:minutes:seconds",
        _ when type.Contains(nameof(DateTimeOffset), StringComparison.Ordinal) => "a moment such as 2026-12-24T18:00Z",
        _ => "a number",
    };

    // What is no plain word may be a secret that got into the wrong place.
    private static string Shown(string token) => Word.IsMatch(token) ? $"'{token}'" : "(not shown: it may hold a secret)";

    [GeneratedRegex("^[A-Za-z0-9_.,+-]{0,40}\\z")]
    private static partial Regex Word { get; }

    private static bool HoldsPassword(string token) => DatabaseAddress.HasPassword(token)
        || (token.IndexOf('=', StringComparison.Ordinal) is var at and > 0 && token.StartsWith('-') && DatabaseAddress.HasPassword(token[(at + 1)..]));

    private static string Unknown(ParseResult parsed, string token)
    {
        var command = parsed.CommandResult.Command;
        if (token.StartsWith('-'))
        {
            // -pSECRET is how some programs take a password.
            var name = token.StartsWith("--", StringComparison.Ordinal) ? token.Split('=')[0] : $"{token[..Math.Min(2, token.Length)]}{(token.Length > 2 ? "…" : "")}";
            return $"Unknown option '{name}'{Did(name, Options(parsed.CommandResult))}";
        }
        return command.Subcommands.Count > 0
            ? $"Unknown command {Shown(token)}{Did(token, command.Subcommands.Select(c => c.Name))}"
            : $"{command.Name}: {Shown(token)} is more than it takes.";
    }

    private static string Did(string name, IEnumerable<string> known) =>
        Suggestion.Nearest(name, known) is { } best ? $". Did you mean '{best}'?" : ".";

    private static IEnumerable<string> Options(CommandResult result)
    {
        for (SymbolResult? at = result; at is CommandResult of; at = at.Parent)
        {
            // What a command further out knows it knows for itself.
            foreach (var option in of.Command.Options.Where(o => at == result || o.Recursive)) yield return option.Name;
        }
    }
}
