using System.CommandLine;
using Pampa.Commands;
using Pampa.Storage;

namespace Pampa;

/// <summary>What a verb works with that a package or a program adds (<see cref="PampaBuilder.AddVerb"/>).</summary>
public sealed class VerbContext
{
    private readonly Verb verb;
    private readonly Action<string> console;
    private volatile Action<string> tell;

    internal VerbContext(Verb verb)
    {
        tell = console = verb.Errors.WriteLine;
        this.verb = verb.With(verb.Output, new LineWriter(line => tell(line)));
    }

    /// <summary>For what the verb has to say: the console's output.</summary>
    public TextWriter Output => verb.Output;

    /// <summary>For what is wrong. Control characters in what is written there are spelled, so that no terminal obeys them.</summary>
    public TextWriter Errors => verb.Errors;

    /// <summary>
    /// Takes the lines that are written to <see cref="Errors"/>, also the one that says that a signal has come: for a verb that draws something on
    /// <see cref="Output"/> which those would tear. It shows them itself, and must not wait for anything.
    /// </summary>
    /// <param name="take">Told each line.</param>
    /// <returns>To be disposed of when nothing is drawn any more: from then on lines come to the console again.</returns>
    public IDisposable TakeErrors(Action<string> take)
    {
        ArgumentNullException.ThrowIfNull(take);
        tell = take;
        return new Taken(this);
    }

    private sealed class Taken(VerbContext context) : IDisposable
    {
        public void Dispose() => context.tell = context.console;
    }

    /// <summary>
    /// A text in one line, with the control characters in it spelled (<c>\u001B</c>): for what comes from records or other computers, which no
    /// terminal shall obey.
    /// </summary>
    /// <param name="text">The text.</param>
    public static string Spell(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Printable.Line(text);
    }

    /// <summary>
    /// Whether something that moves is welcome on <see cref="Output"/>: it comes to a terminal that can show it, and is no log of a build
    /// (<c>CI</c>).
    /// </summary>
    public bool IsLive => Terminal.IsForPeople(isPlain: false, !Terminal.IsOn(Output), Environment.GetEnvironmentVariable)
        && Terminal.Find(Output, Environment.GetEnvironmentVariable) is not null;

    /// <summary>
    /// Rows of texts as all verbs print them: in columns where <see cref="Output"/> comes to a terminal, and no wider than that; else with tabs
    /// between the cells, for other programs. Control characters in them are spelled.
    /// </summary>
    /// <param name="headers">The columns.</param>
    /// <param name="rows">As many cells each; null: an empty one.</param>
    /// <returns>The lines, the headers first.</returns>
    public IEnumerable<string> Table(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string?>> rows)
    {
        ArgumentNullException.ThrowIfNull(headers);
        ArgumentNullException.ThrowIfNull(rows);
        return CellTable.Lines(headers, rows, Terminal.IsOn(Output) ? Terminal.Size().Width : null);
    }

    /// <summary>The option <c>--db</c> as all verbs have it.</summary>
    public static Option<string?> DatabaseOption() => Verb.DatabaseOption();

    /// <summary>The option <c>--json</c> as all verbs that print data have it.</summary>
    public static Option<bool> JsonOption() => Verb.JsonOption();

    /// <summary>
    /// Runs something. A <see cref="PampaConfigurationException"/>, and what the database or a file throws, ends as lines on <see
    /// cref="Errors"/> and exit code 2.
    /// </summary>
    /// <param name="run">
    /// Returns the exit code. Its token is cancelled by the first CTRL+C or SIGTERM, and what it throws of that is exit code 0; a second
    /// one ends the process with 130.
    /// </param>
    public async Task<int> RunAsync(Func<CancellationToken, Task<int>> run)
    {
        ArgumentNullException.ThrowIfNull(run);
        using var signals = new Signals(verb.Errors.WriteLine);
        return await Verb.RunAsync(verb.Errors, () => run(signals.Stopping), signals.Stopping);
    }

    /// <summary>
    /// Runs something with the cluster of the program on the database that is given or that stands in the environment.
    /// </summary>
    /// <param name="database">What <c>--db</c> says; null: nothing.</param>
    /// <param name="run">
    /// As in <see cref="RunAsync"/>. What goes wrong beside its calls, as in the code of hooks that they cause, is told on <see cref="Errors"/>.
    /// </param>
    /// <param name="setsUp">
    /// Whether the database is prepared first, as <c>run</c> does it. Default false: it is looked at from outside and nothing is made in
    /// it, and a table that is not there is an error.
    /// </param>
    public async Task<int> WithClusterAsync(
        string? database, Func<PampaCluster, VerbDatabase, CancellationToken, Task<int>> run, bool setsUp = false)
    {
        ArgumentNullException.ThrowIfNull(run);
        using var signals = new Signals(verb.Errors.WriteLine);
        var changes = setsUp ? SchemaChanges.Own : SchemaChanges.None;
        return await verb.WithClusterAsync(
            database, (cluster, choice) => run(cluster, new VerbDatabase(choice), signals.Stopping), signals.Stopping, changes);
    }
}
