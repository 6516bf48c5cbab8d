using Pampa.Commands;

namespace Pampa;

/// <summary>
/// A program that is its own command line: <c>return await PampaApp.RunAsync(args, pampa =&gt; { … });</c>
/// </summary>
public static class PampaApp
{
    /// <summary>
    /// Runs the program: the jobs that it adds, on the database that it is given, as its arguments say (<c>--help</c>
    /// lists them).
    /// </summary>
    /// <param name="args">The program's arguments.</param>
    /// <param name="configure">Adds the jobs.</param>
    /// <returns>
    /// The exit code: 0 done, 1 tasks failed in this run (with <c>--drain</c>), 2 configuration or connection, 3 work
    /// abandoned at shutdown, 4 worker id taken, 5 internal error, 130 second signal.
    /// </returns>
    public static async Task<int> RunAsync(string[] args, Action<PampaBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(configure);
        return await CommandLine.RunAsync(args, configure, Console.Out, Console.Error);
    }
}
