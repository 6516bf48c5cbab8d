using System.Data.Common;
using Pampa.Ssh.Connecting;

namespace Pampa.Ssh.Commands;

/// <summary>The verb <c>nodes</c> and the verbs below it.</summary>
internal static class NodesVerb
{
    public const int Done = 0;
    public const int NodeFailed = 1;
    public const int Configuration = 2;
    public const int Interrupted = 130;

    /// <summary>How the verbs end.</summary>
    public static IReadOnlyList<(int, string)> Ends { get; } =
    [
        (Done, "done"), (NodeFailed, "a node cannot be reached, or something went wrong on it"),
        (Configuration, "wrong arguments or configuration, or no database"), (5, "internal error"), (Interrupted, "stopped by a signal"),
    ];

    public static VerbCommand Create(VerbContext context, PampaBuilder pampa, IReadOnlyList<SshNode> nodes)
    {
        var verb = new VerbCommand("nodes", "Delivers this program to other computers by SSH, and starts, upgrades, watches and stops it there.");
        VerbCommand[] verbs =
        [
            UpVerb.Create(context, pampa, nodes), StatusVerb.Create(context, pampa, nodes),
            StopVerbs.Down(context, pampa, nodes), StopVerbs.Restart(context, pampa, nodes),
            LogsVerb.Create(context, pampa, nodes), ExecVerb.Create(context, pampa, nodes), UsageVerb.Create(context, pampa, nodes),
            RebootVerb.Create(context, pampa, nodes), ForwardVerb.Create(context, pampa, nodes), UnitVerb.Create(context, pampa, nodes),
        ];
        foreach (var one in verbs) verb.Subcommands.Add(one);
        return verb;
    }

    /// <summary>Runs a verb; what goes wrong with a node ends as a line and exit code 1, a signal with 130.</summary>
    public static async Task<int> RunAsync(VerbContext context, Func<Task<int>> runAsync, CancellationToken stopping)
    {
        try
        {
            return await runAsync();
        }
        catch (Exception e) when (IsTold(e))
        {
            await context.Errors.WriteLineAsync(e.Message);
            return stopping.IsCancellationRequested ? Interrupted : NodeFailed;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return Interrupted;
        }
    }

    /// <summary>Whether its message is all that there is to say: of a node, or of a file here.</summary>
    public static bool IsTold(Exception e) => e is NodeException or IOException or UnauthorizedAccessException;

    /// <summary>Whether it is no more than one node's failure, also where the database is why.</summary>
    public static bool IsOfNode(Exception e) => IsTold(e) || e is DbException or TimeoutException;

    /// <summary>The same in words.</summary>
    public static string Why(SshNode node, Exception e) => IsTold(e) ? e.Message : $"Node '{node.Name}': the database does not answer: {e.Message}";

    /// <summary>Tells what went wrong with which node.</summary>
    public static async Task<int> TellAsync(VerbContext context, IReadOnlyList<(SshNode Node, string Why)> failures)
    {
        foreach (var (_, why) in failures) await context.Errors.WriteLineAsync(why);
        return failures.Count > 0 ? NodeFailed : Done;
    }
}
