using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Checks;

/// <summary>What must hold of hooks; and what a run of all faults must have shown, and may not exceed.</summary>
internal static class RunChecks
{
    /// <summary>A process that does not grow stays within this, with all that its collector leaves lying about.</summary>
    public const long MostGrowth = 64 << 20;

    /// <summary>What all processes together may say in a minute of faults.</summary>
    public const long MostLogPerMinute = 1 << 20;

    /// <summary>A statement of a hook is there once for each start and for each outcome, for it is committed with that.</summary>
    public static IEnumerable<string> Hooks(Evidence evidence)
    {
        // The number of an attempt that was given back comes again, so that there may be several of one number.
        var expected = evidence.Judged.Where(j => j.Step.Id >= HookShape.FirstId && (j.Move == Move.Start || j.IsOutcome))
            .Select(j => new HookEvent(j.Move == Move.Start ? "start" : "end", j.Step.Id, j.Attempt.N, OutcomeOf(j))).ToLookup(e => e);
        var written = evidence.History.HookEvents.ToLookup(e => e);
        foreach (var one in expected.Select(e => e.Key).Union(written.Select(w => w.Key)))
        {
            var (times, count) = (expected[one].Count(), written[one].Count());
            if (times != count) yield return $"the statement of a hook is there {count} times, and not {times}: {one}";
        }
    }

    private static readonly Shape HookShape = Shape.Of(Profile.Pg).All[^1];

    private static string OutcomeOf(Judged judged) => judged.Move switch
    {
        Move.Start => "",
        Move.Complete => nameof(TaskOutcome.Completed),
        Move.Snooze => nameof(TaskOutcome.Snoozed),
        Move.Forgive => nameof(TaskOutcome.GivenBack),
        _ => judged.Step.New.Et is null ? nameof(TaskOutcome.Again) : nameof(TaskOutcome.Failed),
    };

    /// <summary>How many executions came to their end when somebody else had settled their attempt.</summary>
    public static int TooLate(Evidence evidence) =>
        evidence.Of(Move.TakeBack).Count(j => evidence.Ledger[j.Attempt].Any(l => l.Line.IsEnd && l.At > j.Step.At));

    /// <summary>How many finishes the table has refused, by what the processes tell.</summary>
    public static long Refused(Evidence evidence) => evidence.History.Processes.Sum(p => p.Belief?.Fenced ?? 0);

    /// <summary>That no finish of a lost attempt is accepted says nothing where none has come.</summary>
    public static IEnumerable<string> Fenced(Evidence evidence)
    {
        if (evidence.History.Full is { HasFrozen: true } && TooLate(evidence) + Refused(evidence) == 0) yield return "no finish came too late, so that the fence was not tried";
    }

    public static IEnumerable<string> Bounds(Evidence evidence)
    {
        if (evidence.History.Full is not { } run) yield break;
        if (run.MemoryGrowth > MostGrowth) yield return Store.Invariant($"a process has grown by {run.MemoryGrowth >> 20} MB; {MostGrowth >> 20} MB are allowed");
        var most = (long)(MostLogPerMinute * run.Minutes);
        if (run.LogBytes > most) yield return Store.Invariant($"the processes have said {run.LogBytes >> 10:N0} KB; {most >> 10:N0} KB are allowed");
    }
}
