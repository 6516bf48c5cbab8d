namespace Pampa;

/// <summary>What packages add to a program.</summary>
public sealed partial class PampaBuilder
{
    private readonly List<Func<VerbContext, VerbCommand>> verbs = [];

    /// <summary>
    /// What packages keep with the program between their calls, each under a key of its own: a package that is called twice finds here
    /// what the first call has made.
    /// </summary>
    public IDictionary<object, object> Properties { get; } = new Dictionary<object, object>();

    /// <summary>
    /// Adds a verb to the program's command line (<see cref="PampaApp.RunAsync"/>). In an application it does nothing, for that has no
    /// verbs.
    /// </summary>
    /// <param name="create">
    /// Makes the verb. It is called whenever the program starts, whatever that is asked for: it must only say what there is, and do
    /// nothing. A name that a verb has already is an error of the configuration.
    /// </param>
    public void AddVerb(Func<VerbContext, VerbCommand> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        verbs.Add(create);
    }

    internal IReadOnlyList<Func<VerbContext, VerbCommand>> Verbs => verbs;

    /// <summary>What is wrong with the verbs.</summary>
    internal List<string> VerbErrors { get; } = [];
}
