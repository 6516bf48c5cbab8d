using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Pampa.Hosting;

namespace Pampa;

/// <summary>
/// A verb of the program's command line, with what its help tells besides its arguments and options. One that has verbs below
/// it, in <see cref="Command.Subcommands"/>, is a group and does nothing itself.
/// </summary>
/// <param name="name">What is typed for it.</param>
/// <param name="description">What it does; the first sentence stands in the list of all verbs.</param>
[SuppressMessage("Naming", "CA1010:Generic interface should also be implemented", Justification = "Command enumerates for collection initializers only.")]
public sealed class VerbCommand(string name, string description) : Command(name, description)
{
    /// <summary>What to type after the program's name, and what that does. Default: none.</summary>
    public IReadOnlyList<(string Arguments, string What)> Examples { get; init; } = [];

    /// <summary>
    /// The exit codes that it may end with. Default: 0 done, 2 wrong arguments or configuration or no connection, 5 internal error.
    /// </summary>
    public IReadOnlyList<(int Code, string Meaning)> ExitCodes { get; set; } =
    [
        (ExitCode.Done, "done"), (ExitCode.Configuration, "wrong arguments or configuration, or no connection"), (ExitCode.InternalError, "internal error"),
    ];
}
