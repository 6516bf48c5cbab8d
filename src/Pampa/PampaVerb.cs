using System.CommandLine;
using Pampa.Commands;

namespace Pampa;

/// <summary>
/// A verb that a package adds to the command lines of programs (<see cref="PampaApp.RunAsync(string[], Action{PampaBuilder}, IEnumerable{PampaVerb})"/>).
/// Packages of Pampa's own need not be named: to reference them is enough.
/// </summary>
public abstract class PampaVerb
{
    /// <summary>Makes the command, with its options and what it does. Called once for each command line.</summary>
    /// <param name="context">What a verb needs of the program.</param>
    public abstract Command Create(PampaVerbContext context);
}

/// <summary>What a <see cref="PampaVerb"/> needs of the program that it is a verb of.</summary>
public sealed class PampaVerbContext
{
    private readonly Verb verb;

    internal PampaVerbContext(Verb verb) => this.verb = verb;

    /// <summary>Where the verb's answer goes.</summary>
    public TextWriter Output => verb.Output;

    /// <summary>Where complaints go; control characters in them are spelled.</summary>
    public TextWriter Errors => verb.Errors;

    /// <summary>Makes a command whose help looks like that of all other verbs.</summary>
    /// <param name="name">What is typed.</param>
    /// <param name="description">What it does; the first sentence stands in the list of verbs.</param>
    /// <param name="examples">What to type after the program's name, and what that does.</param>
    public static Command NewCommand(string name, string description, params (string Arguments, string What)[] examples)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(examples);
        return new VerbCommand(name, description) { Examples = examples };
    }

    /// <summary>A new option <c>--db</c>, as all verbs have it.</summary>
    public static Option<string?> NewDatabaseOption() => Verb.DatabaseOption();

    /// <summary>
    /// Opens the program's cluster for a look from outside and runs something with it. Nothing is set up and no task runs. Every error of
    /// the configuration, of the caller and of the database ends as lines on <see cref="Errors"/> and an exit code.
    /// </summary>
    /// <param name="database">What <c>--db</c> says; null: nothing.</param>
    /// <param name="runAsync">Gets the cluster and the description of its database, without any password; returns the exit code.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<int> RunAsync(string? database, Func<PampaCluster, string, Task<int>> runAsync, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runAsync);
        return verb.WithClusterAsync(database, (cluster, choice) => runAsync(cluster, $"{choice.Address.Description} ({choice.Why})"), cancellationToken);
    }
}
