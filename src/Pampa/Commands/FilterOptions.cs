using System.CommandLine;
using Pampa.Jobs;

namespace Pampa.Commands;

/// <summary>The options of a verb that say which records.</summary>
internal sealed class FilterOptions
{
    private readonly Argument<string[]> keys = new("key")
    {
        Description = "Keys of records; the parts of a key of several columns with commas between them.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string[]> where = new("--where")
    {
        HelpName = "CONDITION",
        Description = "A condition on a column, such as \"amount >= 10\"; the operators are =, <>, <, <=, >, >=, contains, starts with, is null, is not null. Of several all must hold.",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<TaskState[]> states = new("--state")
    {
        HelpName = "STATE",
        Description = "Only records in this state, or in one of several: pending, scheduled, reserved, running, completed, failed.",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        CustomParser = result => ParseStates(result.Tokens.Select(t => t.Value), result.AddError),
    };

    private readonly Option<string?> prefix = new("--key-prefix") { HelpName = "TEXT", Description = "Only records whose key begins with this text." };

    private readonly Option<string?> error = new("--error") { HelpName = "TEXT", Description = "Only records whose error text contains this one." };

    private readonly Option<string?> worker = new("--worker") { HelpName = "ID", Description = "Only records that this worker holds or has ended." };

    private readonly TaskMoment usual;
    private readonly Option<TaskMoment> moment;

    private readonly Option<DateTimeOffset?> from = new("--from") { HelpName = "MOMENT", Description = "Only records whose time is this one or later, for example 2026-12-24T18:00Z." };

    private readonly Option<DateTimeOffset?> until = new("--until") { HelpName = "MOMENT", Description = "Only records whose time is before this one." };

    private FilterOptions(TaskMoment usual)
    {
        this.usual = usual;
        moment = new Option<TaskMoment>("--moment")
        {
            HelpName = "TIME",
            Description = usual == TaskMoment.Ended
                ? "Which time --from and --until are about: reserved, started or ended (default: ended)."
                : "Which time --from and --until are about: reserved, which of what nobody holds is the time until which Pampa keeps it back, or started (default: reserved).",
            DefaultValueFactory = _ => usual,
            CustomParser = result => Enum.TryParse<TaskMoment>(result.Tokens[0].Value, ignoreCase: true, out var known) && Enum.IsDefined(known)
                ? known
                : Wrong(result.AddError, $"--moment must be reserved, started or ended, got '{Printable.Line(result.Tokens[0].Value)}'.", usual),
        };
    }

    /// <summary>Adds them to a verb, the keys as its arguments.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="usual">Which time is meant where nothing is said of it.</param>
    public static FilterOptions AddTo(Command command, TaskMoment usual = TaskMoment.Ended)
    {
        var filter = new FilterOptions(usual);
        command.Arguments.Add(filter.keys);
        foreach (var option in filter.Options) command.Options.Add(option);
        command.Validators.Add(result =>
        {
            foreach (var text in result.GetValue(filter.where) ?? [])
            {
                try
                {
                    ConditionText.Read(text);
                }
                catch (ArgumentException e)
                {
                    result.AddError($"--where: {e.Message}");
                }
            }
        });
        return filter;
    }

    private IEnumerable<Option> Options => [where, states, prefix, error, worker, moment, from, until];

    /// <summary>Whether keys were given.</summary>
    public bool HasKeys(System.CommandLine.Parsing.CommandResult result) => result.GetValue(keys) is { Length: > 0 };

    /// <summary>Whether anything but keys was given.</summary>
    public bool HasConditions(System.CommandLine.Parsing.CommandResult result) =>
        Options.Any(o => o != moment && result.GetResult(o) is { Implicit: false });

    /// <summary>The filter.</summary>
    public TaskFilter Read(ParseResult parsed) => new()
    {
        Keys = parsed.GetValue(keys) is { Length: > 0 } named ? named : null,
        States = parsed.GetValue(states) ?? [],
        KeyPrefix = parsed.GetValue(prefix),
        ErrorContains = parsed.GetValue(error),
        Worker = parsed.GetValue(worker),
        Moment = parsed.GetResult(moment) is null ? usual : parsed.GetValue(moment),
        From = parsed.GetValue(from),
        Until = parsed.GetValue(until),
        Where = [.. (parsed.GetValue(where) ?? []).Select(ConditionText.Read)],
    };

    private static TaskState[] ParseStates(IEnumerable<string> texts, Action<string> complain) =>
    [
        .. texts.Select(text => Enum.TryParse<TaskState>(text, ignoreCase: true, out var state) && Enum.IsDefined(state) && !char.IsAsciiDigit(text[0])
            ? state
            : Wrong(complain, $"--state must be pending, scheduled, reserved, running, completed or failed, got '{Printable.Line(text)}'{Meant(text)}.", TaskState.Pending)),
    ];

    private static string Meant(string text) => Suggestion.For(text, Enum.GetNames<TaskState>().Select(n => n.ToLowerInvariant()));

    private static T Wrong<T>(Action<string> complain, string what, T instead)
    {
        complain(what);
        return instead;
    }
}
