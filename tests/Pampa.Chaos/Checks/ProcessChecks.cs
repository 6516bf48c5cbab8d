using Pampa.Chaos.Work;
namespace Pampa.Chaos.Checks;

/// <summary>What must hold of the processes.</summary>
internal static class ProcessChecks
{
    public static IEnumerable<string> Belief(Evidence evidence)
    {
        var accepted = evidence.Of(Move.Complete, Move.Again, Move.Fail, Move.TakeBack).ToList();
        foreach (var process in evidence.History.Processes)
        {
            if (process.Belief is not { } belief) continue;
            var own = accepted.FindAll(j => IsBy(j.Step, process));
            // What it took back from itself may be its own failure, or a former life's.
            foreach (var (what, believed, audited, perhaps) in (ReadOnlySpan<(string, long, int, int)>)
            [
                ("completed", belief.Completed, own.Count(j => j.Move == Move.Complete), 0),
                ("failed", belief.Again + belief.Failed, own.Count(j => j.Move is Move.Again or Move.Fail), own.Count(j => j.Move == Move.TakeBack)),
            ])
            {
                if (audited + perhaps < believed || audited > believed + belief.Unknown)
                    return [$"{process.Application} believes that {believed} {what}, with {belief.Unknown} unknown; the audit has {audited}", .. Rest(evidence, accepted, process)];
            }
        }
        return [];
    }

    private static IEnumerable<string> Rest(Evidence evidence, List<Judged> accepted, ProcessFacts but) =>
        from process in evidence.History.Processes
        let belief = process.Belief
        where process != but && belief is not null
        let own = accepted.Count(j => IsBy(j.Step, process) && j.Move == Move.Complete)
        where own < belief.Completed || own > belief.Completed + belief.Unknown
        select $"{process.Application} believes that {belief.Completed} completed, with {belief.Unknown} unknown; the audit has {own}";

    // SQLite knows no applications; there the worker's registration names the process.
    private static bool IsBy(AuditStep step, ProcessFacts process) =>
        step.Actor.Length > 0 ? step.Actor == process.Application : step.Worker?.Process == process.Id && !process.IsIsolated;

    // With all attempts to connect, on a machine that has much else to do.
    private static readonly TimeSpan LongestStart = TimeSpan.FromMinutes(1);

    public static IEnumerable<string> Ends(Evidence evidence)
    {
        foreach (var process in evidence.History.Processes)
        {
            foreach (var line in process.Surfaced) yield return $"{process.Application}: {line}";
            if (process.ExitCode is not { } code || process.WasKilled) continue;
            var isRight = code switch
            {
                0 => process.WasStopped,
                // Tasks that ignore their cancellation; and it was told before it had begun to listen.
                3 or 143 => process.WasStopped,
                // It was started while the database was away, or its table another one.
                2 => process.To - process.From < LongestStart,
                // A twin was quicker, or a worker of a node's former life has not ended yet.
                4 => process.MayBeRefused || process.IsIsolated,
                137 => WasPoisoned(evidence, process),
                _ => false,
            };
            if (!isRight) yield return $"{process.Application} ended with {code}";
        }
    }

    private static bool WasPoisoned(Evidence evidence, ProcessFacts process)
    {
        var poison = evidence.History.Rows.Where(r => r.Kind == Kind.Poison).Select(r => r.Id).ToHashSet();
        return evidence.History.Ledger.Any(l => l.Line.Process == process.Id && poison.Contains(l.Line.Id));
    }

    public static IEnumerable<string> Complaints(Evidence evidence) => evidence.History.Complaints;
}
