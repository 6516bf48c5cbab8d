using System.Runtime.CompilerServices;
using Pampa.Commands;
using Pampa.Hosting;

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
        IdleThreads.LieDown();
        return await CommandLine.RunAsync(args, configure, Console.Out, Console.Error);
    }

    /// <summary>
    /// Runs a process that does something again and again beside the jobs, every 30 seconds, until it is told to stop:
    /// <c>return await PampaApp.RunStandAloneAsync(args, "mirror", async (run, stopping) =&gt; { … });</c> The program is its own
    /// command line (<c>--help</c>).
    /// </summary>
    /// <param name="args">The program's arguments.</param>
    /// <param name="name">What the process is called; see <see cref="StandAloneOptions.Name"/>.</param>
    /// <param name="run">
    /// One run; may block. Its token is cancelled when the process stops, and when it has lost its lease. What it throws is
    /// logged, and the next run comes all the same.
    /// </param>
    /// <returns>
    /// The exit code: 0 done or stopped, 1 a run failed (with <c>--once</c> or <see cref="StandAloneOptions.StopOnError"/>),
    /// 2 configuration or connection, 3 a run was abandoned at the stop, 4 (with <c>--once</c>) it runs elsewhere already, 5
    /// internal error, 130 second signal.
    /// </returns>
    [OverloadResolutionPriority(1)]
    public static Task<int> RunStandAloneAsync(string[] args, string name, Func<StandAloneRun, CancellationToken, Task> run) =>
        RunStandAloneAsync(args, new StandAloneOptions { Name = name }, run);

    /// <inheritdoc cref="RunStandAloneAsync(string[], string, Func{StandAloneRun, CancellationToken, Task})"/>
    [OverloadResolutionPriority(0)]
    public static Task<int> RunStandAloneAsync(string[] args, string name, Action<StandAloneRun, CancellationToken> run) =>
        RunStandAloneAsync(args, new StandAloneOptions { Name = name }, run);

    /// <summary>Runs a process that does something again and again beside the jobs, as its options say.</summary>
    /// <param name="args">The program's arguments, which go before the options.</param>
    /// <param name="options">When it runs, and how.</param>
    /// <param name="run">
    /// One run; may block. Its token is cancelled when the process stops, and when it has lost its lease. What it throws is
    /// logged, and the next run comes all the same.
    /// </param>
    /// <inheritdoc cref="RunStandAloneAsync(string[], string, Func{StandAloneRun, CancellationToken, Task})" path="/returns"/>
    [OverloadResolutionPriority(1)]
    public static async Task<int> RunStandAloneAsync(string[] args, StandAloneOptions options, Func<StandAloneRun, CancellationToken, Task> run)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(run);
        IdleThreads.LieDown();
        return await StandAloneCommand.RunAsync(args, new StandAlone(options, run), Console.Out, Console.Error);
    }

    /// <inheritdoc cref="RunStandAloneAsync(string[], StandAloneOptions, Func{StandAloneRun, CancellationToken, Task})"/>
    [OverloadResolutionPriority(0)]
    public static Task<int> RunStandAloneAsync(string[] args, StandAloneOptions options, Action<StandAloneRun, CancellationToken> run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return RunStandAloneAsync(args, options, (one, stopping) =>
        {
            run(one, stopping);
            return Task.CompletedTask;
        });
    }
}
