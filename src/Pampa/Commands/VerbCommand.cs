using System.CommandLine;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>A verb, with what its help tells besides the options.</summary>
internal sealed class VerbCommand(string name, string description) : Command(name, description)
{
    /// <summary>What to type after the program's name, and what that does.</summary>
    public IReadOnlyList<(string Arguments, string What)> Examples { get; init; } = [];

    /// <summary>The exit codes that it may end with.</summary>
    public IReadOnlyList<(int Code, string Meaning)> ExitCodes { get; set; } =
    [
        (ExitCode.Done, "done"), (ExitCode.Configuration, "wrong arguments or configuration, or no connection"), (ExitCode.InternalError, "internal error"),
    ];
}
