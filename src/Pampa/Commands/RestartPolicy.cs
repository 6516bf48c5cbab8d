using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>
/// When a worker's process that has ended by itself is started again. Each death soon after the start doubles the pause;
/// a life of a minute forgives them all.
/// </summary>
internal sealed class RestartPolicy
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Settled = TimeSpan.FromMinutes(1);
    private int deaths;

    /// <summary>No death before now counts: the next pause is the shortest.</summary>
    public void Forgive() => deaths = 0;

    /// <summary>
    /// The pause before the next life; null: there is no sense in one, for it has never begun and this death has shown that the
    /// program is set up wrongly or that somebody else is the worker.
    /// </summary>
    public TimeSpan? After(int exitCode, TimeSpan lived, bool hasBegun)
    {
        if (!hasBegun && exitCode is ExitCode.Configuration or ExitCode.WorkerIdTaken) return null;
        if (lived >= Settled) deaths = 0;
        var pause = Shortest * Math.Pow(2, Math.Min(deaths++, 10));
        return pause < Longest ? pause : Longest;
    }
}
