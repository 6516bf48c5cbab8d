using System.CommandLine;
using System.CommandLine.Parsing;
using Pampa.Ssh.Connecting;

namespace Pampa.Ssh.Commands;

/// <summary>What the verbs about several nodes take.</summary>
internal sealed class NodeOptions
{
    private const int MaxParallel = 64;
    private readonly IReadOnlyList<SshNode> nodes;

    /// <param name="command">The verb.</param>
    /// <param name="nodes">The nodes that there are.</param>
    /// <param name="hasParallel">Whether it can be said how many are connected to at the same time: not where it is one after the other, or all.</param>
    public NodeOptions(Command command, IReadOnlyList<SshNode> nodes, bool hasParallel = true)
    {
        this.nodes = nodes;
        command.Arguments.Add(Names);
        foreach (var option in (Option[])[Tag, .. hasParallel ? [Parallel] : Array.Empty<Option>(), Trust]) command.Options.Add(option);
        Parallel.Validators.Add(result => Range(result, 1, MaxParallel));
    }

    public Argument<string[]> Names { get; } = new("node") { Description = "Only these nodes (default: all that the program declares).", Arity = ArgumentArity.ZeroOrMore };

    public Option<string?> Tag { get; } = new("--tag") { HelpName = "TAG", Description = "Only nodes with this tag." };

    public Option<int> Parallel { get; } = new("--parallel")
    {
        HelpName = "NUMBER",
        Description = "At most so many connections at the same time (default 8).",
        DefaultValueFactory = _ => 8,
    };

    public Option<bool> Trust { get; } = TrustOption();

    public static Option<bool> TrustOption() => new("--trust-on-first-use")
    {
        Description = "Take the key of a host that is not known for its own, and remember it; one that has changed is refused all the same.",
    };

    /// <summary>The nodes that are meant.</summary>
    /// <exception cref="NodeException">One is not there or has not the tag, or none is meant.</exception>
    public IReadOnlyList<SshNode> Chosen(ParseResult parsed) => Choose(nodes, parsed.GetValue(Names) ?? [], parsed.GetValue(Tag));

    /// <summary>The nodes of these names, else all, and with a tag those that have it: who is named and has it not was meant all the same.</summary>
    /// <exception cref="NodeException">One is not there or has not the tag, or none is meant.</exception>
    public static IReadOnlyList<SshNode> Choose(IReadOnlyList<SshNode> nodes, string[] names, string? tag)
    {
        var found = names.Length == 0 ? nodes : [.. names.Distinct(StringComparer.Ordinal).Select(name => Find(nodes, name))];
        if (tag is null) return found;
        var without = found.Where(node => !node.Tags.Contains(tag)).ToList();
        if (names.Length > 0 && without.Count > 0)
            throw new NodeException(string.Join(Environment.NewLine, without.Select(node => $"Node '{node.Name}' has not the tag '{tag}'. {TagsOf([node])}")));
        return without.Count < found.Count ? [.. found.Except(without)] : throw new NodeException($"No node has the tag '{tag}'. {TagsOf(nodes)}");
    }

    private static string TagsOf(IReadOnlyList<SshNode> nodes) =>
        nodes.SelectMany(node => node.Tags).Distinct().ToList() is { Count: > 0 } tags ? $"Tags are {string.Join(", ", tags)}." : "There are none.";

    /// <summary>The node of this name.</summary>
    /// <exception cref="NodeException">There is none.</exception>
    public static SshNode Find(IReadOnlyList<SshNode> nodes, string name) => nodes.FirstOrDefault(node => node.Name == name)
        ?? throw new NodeException($"There is no node '{name}' that is reached by SSH. Nodes are {string.Join(", ", nodes.Select(n => n.Name))}.");

    public static void Range(OptionResult result, int min, int max)
    {
        if (result.Tokens is [var token] && int.TryParse(token.Value, out var value) && (value < min || value > max))
            result.AddError(FormattableString.Invariant($"{result.Option.Name} must be between {min:N0} and {max:N0}, got {value}."));
    }

    /// <summary>An option for a time that must be more than none.</summary>
    public static Option<TimeSpan> Time(string name, string description, TimeSpan otherwise)
    {
        var option = new Option<TimeSpan>(name) { HelpName = "TIME", Description = $"{description}, as hours:minutes:seconds (default {otherwise:c}).", DefaultValueFactory = _ => otherwise };
        option.Validators.Add(result =>
        {
            if (result.Tokens is not [var token] || !TimeSpan.TryParse(token.Value, System.Globalization.CultureInfo.InvariantCulture, out var time)) return;
            if (time <= TimeSpan.Zero || time > TimeSpan.FromDays(1))
                result.AddError($"{name} must be more than 00:00:00 and at most 24 hours, got {token.Value}.");
        });
        return option;
    }
}
