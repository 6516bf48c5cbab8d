using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Pampa.Commands;

/// <summary>
/// The answer to <c>--help</c>: usage, verbs, options, examples, exit codes. Always as wide as a terminal of 80 columns,
/// so that it reads the same wherever it goes.
/// </summary>
/// <param name="program">What to type for the program.</param>
/// <param name="run">What it does without a verb; all that there is to it where it has none. Null: it does nothing without one.</param>
internal sealed class HelpPage(string program, VerbCommand? run = null) : SynchronousCommandLineAction
{
    private const int Width = 80;
    private const int WidestTerm = 26;
    private static readonly (string, string)[] Version = [("--version", "Show the program's version.")];
    private TextWriter output = TextWriter.Null;

    /// <summary>How the program is called: the sources of one in a file are run by the SDK.</summary>
    public static string ProgramName => AppContext.GetData("EntryPointFilePath") is string source
        ? $"dotnet run {Path.GetFileName(source)} --"
        : AppDomain.CurrentDomain.FriendlyName;

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        output = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command;
        Paragraph(command.Description ?? "");
        if (command is RootCommand { Subcommands.Count: > 0 }) WriteRoot(command);
        else if (command is VerbCommand { Subcommands.Count: > 0 } group) WriteGroup(group);
        else WriteVerb(command as VerbCommand ?? run!, isAll: command is RootCommand);
        return Hosting.ExitCode.Done;
    }

    private void WriteRoot(Command root)
    {
        Title("Usage");
        output.WriteLine($"  {program} {(run is null ? "VERB" : "[VERB]")} [OPTIONS]");
        Title("Verbs");
        Table(root.Subcommands.Select(verb => (verb.Name, FirstSentence(verb.Description ?? ""))));
        if (run is not null)
        {
            Title("Options of run, which is what happens without a verb");
            Table(run.Options.Select(Describe));
        }
        Title("Options of all verbs");
        Table([.. root.Options.Where(o => o.Recursive && o is not HelpOption).Select(Describe), ("--help", "Show this page, or the page of the verb before it."), .. Version]);
        WriteExamples(root.Subcommands.OfType<VerbCommand>().SelectMany(verb => verb.Examples.Take(1)));
        if (run is null) return;
        Title("Exit codes of run");
        Table(run.ExitCodes.Select(Describe));
    }

    private void WriteGroup(VerbCommand group)
    {
        Title("Usage");
        output.WriteLine($"  {program} {PathOf(group)} VERB [OPTIONS]");
        Title("Verbs");
        Table(group.Subcommands.Select(verb => (verb.Name, FirstSentence(verb.Description ?? ""))));
        Title("Options of all of them");
        Table([("--help", "Show this page, or the page of the verb before it.")]);
        WriteExamples([.. group.Examples, .. group.Subcommands.OfType<VerbCommand>().SelectMany(verb => verb.Examples.Take(1))]);
    }

    private void WriteVerb(VerbCommand verb, bool isAll)
    {
        Title("Usage");
        var arguments = verb.Arguments.Select(a => a.Arity switch
        {
            { MinimumNumberOfValues: 0, MaximumNumberOfValues: 1 } => $" [{Name(a)}]",
            { MinimumNumberOfValues: 0 } => $" [{Name(a)}...]",
            _ => $" {Name(a)}",
        });
        output.WriteLine($"  {program}{(isAll ? "" : $" {PathOf(verb)}")}{string.Concat(arguments)} [OPTIONS]");
        if (verb.Arguments.Count > 0)
        {
            Title("Arguments");
            Table(verb.Arguments.Select(a => (Name(a), a.Description ?? "")));
        }
        Title("Options");
        Table([.. verb.Options.Select(Describe), ("--help", "Show this page."), .. isAll ? Version : []]);
        WriteExamples(verb.Examples);
        Title("Exit codes");
        Table(verb.ExitCodes.Select(Describe));
    }

    private void WriteExamples(IEnumerable<(string Arguments, string What)> examples)
    {
        Title("Examples");
        foreach (var (arguments, what) in examples)
        {
            output.WriteLine($"  {program} {arguments}".TrimEnd());
            foreach (var line in Wrap(what, Width - 6)) output.WriteLine($"      {line}");
        }
    }

    // A verb may stand below another one.
    private static string PathOf(Command verb) =>
        verb.Parents.OfType<VerbCommand>().FirstOrDefault() is { } group ? $"{PathOf(group)} {verb.Name}" : verb.Name;

    private static string Name(Argument argument) => argument.Name.ToUpperInvariant();

    private static (string, string) Describe(Option option) =>
        (option.HelpName is { } value ? $"{option.Name} {value}" : option.Name, option.Description ?? "");

    private static (string, string) Describe((int Code, string Meaning) exit) => ($"{exit.Code}", exit.Meaning);

    private static string FirstSentence(string text) => text.IndexOf(". ", StringComparison.Ordinal) is var end and > 0 ? text[..(end + 1)] : text;

    private void Title(string title)
    {
        output.WriteLine();
        output.WriteLine($"{title}:");
    }

    private void Paragraph(string text)
    {
        foreach (var line in Wrap(text, Width)) output.WriteLine(line);
    }

    private void Table(IEnumerable<(string Term, string Text)> rows)
    {
        var all = rows.ToList();
        var width = Math.Min(WidestTerm, all.Max(r => r.Term.Length));
        foreach (var (term, text) in all)
        {
            var lines = Wrap(text, Width - width - 4);
            for (var i = 0; i < lines.Count; i++) output.WriteLine($"  {(i == 0 ? term : "").PadRight(width)}  {lines[i]}");
        }
    }

    private static List<string> Wrap(string text, int width)
    {
        var lines = new List<string> { "" };
        foreach (var word in text.Split(' '))
        {
            if (lines[^1].Length == 0) lines[^1] = word;
            else if (lines[^1].Length + 1 + word.Length <= width) lines[^1] += $" {word}";
            else lines.Add(word);
        }
        return lines;
    }
}
